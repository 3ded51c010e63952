"""What is claimed of every asset: declared if somebody did, else asserted, else guessed."""

from __future__ import annotations

import fnmatch
import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar

from catalog.model import (
    AssetEntry,
    AssetKey,
    Basis,
    Catalog,
    Claim,
    Environment,
    EnvironmentRule,
    Evidence,
    JobGlob,
    Kind,
    Pipeline,
    Place,
    Zone,
    ZoneRule,
)
from catalog.selection import parse_selection
from lineage import guess
from lineage import observed as o
from lineage.naming import kind_by_platform, platform_of
from lineage.people import People
from lineage.spelling import Name

R = TypeVar("R", EnvironmentRule, ZoneRule)

_select = cache(parse_selection)


class Claims:
    """Answers, for one set of observations and one catalog, what holds of each asset and why."""

    def __init__(
        self,
        seen: o.Observed,
        catalog: Catalog,
        current: Mapping[int, tuple[o.Shape, ...]],
        noise: Mapping[int, str],
    ) -> None:
        self._seen = seen
        self._catalog = catalog
        self._people = People(catalog.teams)
        self._domains = {t.id: t.domain for t in catalog.teams if t.domain}
        self._selecting: list[tuple[int, AssetEntry]] = []
        self._exact: dict[AssetKey, list[tuple[int, AssetEntry]]] = defaultdict(list)
        for place, entry in enumerate(catalog.assets):
            if entry.key is not None:
                self._exact[seen.identities.key(entry.key)].append((place, entry))
            elif entry.select is not None:
                self._selecting.append((place, entry))
        self._writers: dict[int, set[int]] = defaultdict(set)
        self._read: set[int] = set()
        self._outputs: dict[int, set[int]] = defaultdict(set)
        for job_id, shapes in current.items():
            for shape in shapes:
                for dataset_id, _ in shape.outputs:
                    self._writers[dataset_id].add(job_id)
                    self._outputs[job_id].add(dataset_id)
                self._read |= {*shape.inputs, *(a for a, _ in shape.edges)}
        self._pipelines = {i: self._pipeline(i) for i in seen.jobs}
        self._environments = self._resolve_environments(noise)
        self._zones = {i: self._zone(i) for i in seen.datasets}
        self._entries = {i: self._declared_entries(i) for i in seen.datasets}
        self._owners = {i: self._dataset_owners(i) for i in seen.datasets}
        self._known_pipelines = self._pipelines_by_environment()

    def environment(self, dataset_id: int) -> Claim[Environment] | None:
        """Where a dataset lives."""
        return self._environments.get(dataset_id)

    def job_environment(self, job_id: int) -> Claim[Environment] | None:
        """Where a job lives: declared, else as its name says, else where all its outputs are."""
        job = self._seen.jobs[job_id]
        declared = self._declared_environment(job)
        if declared is not None:
            return declared
        named = guess.environment_by_name(job.namespace, job.name)
        if named is not None:
            return named
        written = {self._environments.get(i) for i in self._outputs.get(job_id, ())}
        values = {claim.value if claim else None for claim in written}
        if len(values) != 1 or None in values:
            return None
        environment = next(claim.value for claim in written if claim)
        return Claim(environment, Basis.GUESSED, "everything that it writes is there")

    def zone(self, dataset_id: int) -> Claim[Zone] | None:
        """Where a dataset stands in the flow."""
        return self._zones.get(dataset_id)

    def declared(self, dataset_id: int, what: str) -> Claim[Any] | None:
        """A declared value of a dataset, by the field of its entry; ``None`` if there is none."""
        entry = self._entries[dataset_id].get(what)
        if entry is None:
            return None
        value, place = getattr(entry, what), getattr(entry, f"{what}_place") or entry.place
        return Claim(value, Basis.DECLARED, f"{place} says so", _line(place, value))

    def owners(self, dataset_id: int) -> tuple[Claim[str], ...]:
        """Owners of a dataset, the one that counts first; placeholders are left out."""
        return self._owners[dataset_id]

    def job_owners(self, job_id: int) -> tuple[Claim[str], ...]:
        """Owners that a job's own facet names."""
        return tuple(self._people.owners(self._seen.jobs[job_id], "its ownership facet"))

    def team(self, owners: Iterable[Claim[str]]) -> str | None:
        """The team that answers: the first owner that is a team or a person in one."""
        return self._people.team(owners)

    def integration(self, job_id: int) -> str | None:
        """The integration that a job's type facet names, upper case."""
        facet = self._seen.jobs[job_id].facets.get("jobType")
        value = facet.body.get("integration") if facet else None
        return value.upper() if isinstance(value, str) and value else None

    def pipeline(self, job_id: int) -> Claim[str] | None:
        """The pipeline that a job belongs to."""
        return self._pipelines[job_id]

    def job_sanctioned(self, job_id: int, dataset_id: int) -> Claim[bool] | None:
        """Whether a pipeline of the dataset's environment has this job writing there."""
        environment = self._environments.get(dataset_id)
        if environment is None:
            return None
        declared = self._declared_for(environment.value)
        if declared:
            matching = self._matching(declared, job_id, dataset_id)
            if matching:
                place = matching[0].place
                why = f"pipeline {matching[0].id} has it ({place})"
                return Claim(True, Basis.DECLARED, why, _line(place, matching[0].id))
            places = tuple(e for p in declared for e in _line(p.place, p.id))
            why = f"no pipeline declared for {environment.value} has this job writing there"
            return Claim(False, Basis.DECLARED, why, places)
        known = self._known_pipelines.get(environment.value, set())
        job = self._seen.jobs[job_id]
        return guess.is_job_sanctioned(
            self._pipelines[job_id],
            self.integration(job_id),
            "sourceCodeLocation" in job.facets,
            known,
        )

    def principal_sanctioned(
        self, job_id: int, dataset_id: int, principal: str | None
    ) -> Claim[bool] | None:
        """Whether the pipelines that have this job allow the principal that ran it."""
        environment = self._environments.get(dataset_id)
        if environment is None:
            return None
        declared = self._declared_for(environment.value)
        if not declared:
            known = self._known_pipelines.get(environment.value)
            return Claim(True, Basis.GUESSED, "no pipeline names principals") if known else None
        matching = self._matching(declared, job_id, dataset_id)
        if not matching:
            return None
        for pipeline in matching:
            if not pipeline.principals:
                why = f"pipeline {pipeline.id} names no principals"
                return Claim(True, Basis.DECLARED, why, _line(pipeline.place, pipeline.id))
        if principal is None:
            return None
        allowed = sorted({p for pipeline in matching for p in pipeline.principals})
        lines = tuple(e for p in matching for e in _line(p.place, ", ".join(p.principals)))
        if principal in allowed:
            return Claim(True, Basis.DECLARED, f"{principal} may run it", lines)
        return Claim(False, Basis.DECLARED, f"only {' and '.join(allowed)} may run it", lines)

    # Environments

    def _resolve_environments(self, noise: Mapping[int, str]) -> dict[int, Claim[Environment]]:
        found: dict[int, Claim[Environment]] = {}
        for i, asset in self._seen.datasets.items():
            claim = self._declared_environment(asset)
            if i not in self._seen.uses:
                claim = claim or guess.environment_by_name(asset.namespace, asset.name)
                jobs = [self._seen.jobs[j].namespace for j in self._writers.get(i, ())]
                claim = claim or guess.environment_by_job(jobs)
            if claim is not None:
                found[i] = claim
        self._spread(found, noise)
        self._follow(found)
        return found

    def _follow(self, found: dict[int, Claim[Environment]]) -> None:
        """Give uses of data the environment of all that they stand on, if it is one."""
        sources: dict[int, set[Environment | None]] = defaultdict(set)
        for source, target in self._seen.flows:
            if target in self._seen.uses and target not in found:
                claim = found.get(source)
                sources[target].add(claim.value if claim else None)
        for target, environments in sources.items():
            environment = environments.pop()
            if environment is not None and not environments:
                found[target] = guess.environment_of_sources(environment)

    def _spread(self, found: dict[int, Claim[Environment]], noise: Mapping[int, str]) -> None:
        """Give silent datasets the environment of their namespace, if it has just one."""
        by_namespace: dict[str, set[Environment]] = defaultdict(set)
        pipelines: dict[str, set[str]] = defaultdict(set)
        for i, asset in self._seen.datasets.items():
            if i in noise or i in self._seen.uses:
                continue
            if i in found:
                by_namespace[asset.namespace].add(found[i].value)
            for job_id in self._writers.get(i, ()):
                pipeline = self._pipelines[job_id]
                if pipeline is not None:
                    pipelines[asset.namespace].add(pipeline.value)
        for i, asset in self._seen.datasets.items():
            if i in found or i in self._seen.uses:
                continue
            around = by_namespace.get(asset.namespace, set())
            if len(around) == 1:
                why = "everything else in its namespace is there"
                found[i] = Claim(next(iter(around)), Basis.GUESSED, why)
            elif not around and pipelines.get(asset.namespace):
                found[i] = guess.environment_by_pipeline(min(pipelines[asset.namespace]))

    def _declared_environment(self, asset: o.Asset) -> Claim[Environment] | None:
        rule = _first(self._catalog.environments, asset.names)
        if rule is None:
            return None
        lines = _line(rule.place, rule.environment.value)
        return Claim(rule.environment, Basis.DECLARED, f"{rule.place} says so", lines)

    # Zones

    def _zone(self, dataset_id: int) -> Claim[Zone] | None:
        asset = self._seen.datasets[dataset_id]
        rule = _first(self._catalog.zones, asset.names)
        if rule is not None:
            lines = _line(rule.place, rule.zone.value)
            return Claim(rule.zone, Basis.DECLARED, f"{rule.place} says so", lines)
        use = self._seen.uses.get(dataset_id)
        if use is not None:
            evidence = Evidence(use.exposure.unique_id, event_id=use.event_id, facet=use.path)
            return Claim(Zone.CONSUMER, Basis.ASSERTED, "dbt calls it an exposure", (evidence,))
        return guess.zone_by_name(
            asset.name,
            platform_of(asset.namespace),
            bool(self._writers.get(dataset_id)),
            dataset_id in self._read,
        )

    # Owners and tiers

    def _declared_entries(self, dataset_id: int) -> dict[str, AssetEntry]:
        """The entry that gives each declared key: exact beats selected, later beats earlier."""
        asset = self._seen.datasets[dataset_id]
        exact = self._exact.get(AssetKey(Kind.DATASET, asset.namespace, asset.name), [])
        chosen: dict[str, tuple[bool, AssetEntry]] = {}
        for _, entry in heapq.merge(self._selecting, exact, key=itemgetter(0)):
            is_exact = entry.key is not None
            if entry.select is not None and not _select(entry.select).matches(
                self._attributes(dataset_id, chosen)
            ):
                continue
            for key in ("owner", "tier", "freshness_s", "classification"):
                if getattr(entry, key) is None:
                    continue
                if key not in chosen or is_exact >= chosen[key][0]:
                    chosen[key] = (is_exact, entry)
        return {key: entry for key, (_, entry) in chosen.items()}

    def _attributes(
        self, dataset_id: int, chosen: Mapping[str, tuple[bool, AssetEntry]]
    ) -> dict[str, list[str]]:
        asset = self._seen.datasets[dataset_id]
        offered = {
            "namespace": [namespace for namespace, _ in asset.names],
            "name": [name for _, name in asset.names],
            "kind": ["dataset"],
        }
        environment = self._environments.get(dataset_id)
        if environment is not None:
            offered["env"] = [environment.value.value]
        zone = self._zones.get(dataset_id)
        if zone is not None:
            offered["zone"] = [zone.value.value]
        use = self._seen.uses.get(dataset_id)
        kind = use.exposure.kind if use else kind_by_platform(platform_of(asset.title[0]))
        if kind is not None:
            offered["type"] = [kind]
        offered["integration"] = [
            integration.lower()
            for job_id in self._writers.get(dataset_id, ())
            if (integration := self.integration(job_id))
        ]
        if "owner" in chosen and chosen["owner"][1].owner:
            owner = chosen["owner"][1].owner
            offered["owner"] = [owner]
            if owner.startswith("team:"):
                team = owner.removeprefix("team:")
                offered["team"] = [team]
                offered["domain"] = [self._domains[team]] if team in self._domains else []
        if "tier" in chosen:
            offered["tier"] = [str(chosen["tier"][1].tier)]
        return offered

    def _dataset_owners(self, dataset_id: int) -> tuple[Claim[str], ...]:
        claims: list[Claim[str]] = []
        entry = self._entries[dataset_id].get("owner")
        if entry is not None and entry.owner is not None:
            place = entry.owner_place or entry.place
            lines = _line(place, entry.owner)
            claims.append(Claim(entry.owner, Basis.DECLARED, f"{place} says so", lines))
        asset = self._seen.datasets[dataset_id]
        claims += self._people.owners(asset, "its ownership facet")
        if dataset_id in self._seen.uses:
            claims += self._people.owner_of_use(self._seen.uses[dataset_id])
        for job_id in sorted(self._writers.get(dataset_id, ())):
            job = self._seen.jobs[job_id]
            for claim in self._people.owners(job, ""):
                why = f"it owns {job.name}, which writes this"
                claims.append(Claim(claim.value, Basis.GUESSED, why, claim.evidence))
        kept: dict[str, Claim[str]] = {}
        for claim in claims:
            kept.setdefault(claim.value, claim)
        return tuple(kept.values())

    # Pipelines

    def _pipeline(self, job_id: int) -> Claim[str] | None:
        job = self._seen.jobs[job_id]
        for pipeline in self._catalog.pipelines:
            if _has_job(pipeline, job):
                lines = _line(pipeline.place, pipeline.id)
                return Claim(pipeline.id, Basis.DECLARED, f"{pipeline.place} says so", lines)
        run = self._seen.latest.get(job_id)
        above = run.believed_above if run else None
        root = None
        if above is not None:
            root = (self._seen.jobs[above].namespace, self.integration(above))
        return guess.pipeline_of(job.namespace, self.integration(job_id), root)

    def _declared_for(self, environment: Environment) -> list[Pipeline]:
        return [p for p in self._catalog.pipelines if p.environment in (None, environment)]

    def _matching(
        self, pipelines: Iterable[Pipeline], job_id: int, dataset_id: int
    ) -> list[Pipeline]:
        job = self._seen.jobs[job_id]
        return [
            p
            for p in pipelines
            if _has_job(p, job)
            and (
                p.writes is None or _select(p.writes).matches(self._dataset_attributes(dataset_id))
            )
        ]

    def _dataset_attributes(self, dataset_id: int) -> dict[str, list[str]]:
        entries = {key: (True, entry) for key, entry in self._entries[dataset_id].items()}
        return self._attributes(dataset_id, entries)

    def _pipelines_by_environment(self) -> dict[Environment, set[str]]:
        found: dict[Environment, set[str]] = defaultdict(set)
        for dataset_id, jobs in self._writers.items():
            environment = self._environments.get(dataset_id)
            if environment is None:
                continue
            for job_id in jobs:
                pipeline = self._pipelines[job_id]
                if pipeline is not None:
                    found[environment.value].add(pipeline.value)
        return found


def _first(rules: Iterable[R], names: Iterable[Name]) -> R | None:
    return next((rule for rule in rules if _matches(rule, names)), None)


def _has_job(pipeline: Pipeline, job: o.Asset) -> bool:
    return any(_matches(glob, job.names) for glob in pipeline.jobs)


def _matches(rule: R | JobGlob, names: Iterable[Name]) -> bool:
    """Whether any of the names of an asset is meant."""
    return any(
        fnmatch.fnmatchcase(namespace, rule.namespace) and fnmatch.fnmatchcase(name, rule.name)
        for namespace, name in names
    )


def _line(place: Place, value: object) -> tuple[Evidence, ...]:
    return (Evidence(str(value), place=place),)
