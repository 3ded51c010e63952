"""Observed facts + the declared catalog = the estate. Pure; the one place where the two meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

import networkx as nx

from catalog.model import AssetKey, Basis, Catalog, Claim, Environment, Kind
from lineage import observed as o
from lineage.claims import Claims
from lineage.estate import (
    CodeLocation,
    Dataset,
    DataTest,
    Estate,
    Feed,
    FeedKind,
    Field,
    Job,
    Write,
)
from lineage.events import text_of
from lineage.habits import first_reads, first_tests, proved_below
from lineage.naming import (
    dataset_noise,
    display_titles,
    job_noise,
    kind_by_platform,
    platform_of,
)
from lineage.times import read_time

N = TypeVar("N")

EVIDENCE_KEPT = 20
"""Events kept as evidence of a write."""

TIER_OF_FEW, TIER_OF_MANY = 3, 2


def build_estate(seen: o.Observed, catalog: Catalog, as_of: datetime, revision: int) -> Estate:
    """Everything known at one instant, with what is declared in place of what is guessed."""
    return _Builder(seen, catalog, as_of, revision).estate()


class _Builder:
    def __init__(self, seen: o.Observed, catalog: Catalog, as_of: datetime, revision: int) -> None:
        self.seen = seen
        self.catalog = catalog
        self.as_of = as_of
        self.revision = revision
        self.current = _current_shapes(seen)
        self.noise = _noise(seen, self.current)
        self.claims = Claims(seen, catalog, self.current, self.noise)
        self.graph = self._graph()

    def estate(self) -> Estate:
        datasets = self._datasets()
        jobs = self._jobs()
        return Estate(
            as_of=self.as_of,
            revision=self.revision,
            catalog=self.catalog,
            datasets=MappingProxyType(datasets),
            jobs=MappingProxyType(jobs),
            writes=tuple(self._writes()),
            feeds=tuple(self._feeds()),
        )

    def _graph(self) -> nx.DiGraph[int]:
        """Current dataset to dataset edges between real datasets."""
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(i for i in self.seen.datasets if self.noise.get(i) is None)
        for shapes in self.current.values():
            for shape in shapes:
                graph.add_edges_from((a, b) for a, b in shape.edges if a in graph and b in graph)
        return graph

    def _datasets(self) -> dict[AssetKey, Dataset]:
        shown = display_titles(
            (a.namespace, a.name)
            for i, a in self.seen.datasets.items()
            if self.noise.get(i) != _MENTIONED
        )
        writers, readers = self._neighbours()
        written, read = self._last_uses()
        first_read = first_reads(self.seen, written)
        first_tested = first_tests(self.seen, written)
        tests = self._tests()
        prod = {
            i
            for i in self.graph
            if (c := self.claims.environment(i)) is not None
            and c.value is Environment.PROD
            and self.claims.owners(i)  # what nobody owns must not lend weight to what it reads
        }
        consumers = {i: len(prod & nx.descendants(self.graph, i)) for i in self.graph}
        many = _top_decile(consumers.values())
        found = {}
        for i, asset in sorted(self.seen.datasets.items()):
            if self.noise.get(i) == _MENTIONED:
                continue
            owners = self.claims.owners(i)
            platform = platform_of(asset.namespace)
            tier = self.claims.tier(i) or Claim(
                TIER_OF_MANY if consumers.get(i, 0) >= many else TIER_OF_FEW,
                Basis.GUESSED,
                f"{consumers.get(i, 0)} owned production datasets stand on it",
            )
            key = AssetKey(Kind.DATASET, asset.namespace, asset.name)
            found[key] = Dataset(
                key=key,
                id=i,
                display_name=shown[asset.namespace, asset.name],
                kind=_dataset_kind(asset, platform),
                platform=platform,
                noise=self.noise.get(i),
                environment=self.claims.environment(i),
                zone=self.claims.zone(i),
                tier=tier,
                owners=owners,
                team=self.claims.team(owners),
                description=_description(asset),
                fields=_fields(asset),
                tags=_tags(asset),
                tests=tuple(tests.get(i, ())),
                tests_last_run_at=self.seen.tested_at.get(i),
                first_seen=asset.first_seen,
                last_seen=asset.last_seen,
                last_write_at=written.get(i),
                last_read_at=read.get(i),
                first_read_at=first_read.get(i),
                first_tested_at=first_tested.get(i),
                upstream=self._keys(self.graph.predecessors(i) if i in self.graph else ()),
                downstream=self._keys(self.graph.successors(i) if i in self.graph else ()),
                writers=tuple(sorted(writers.get(i, ()))),
                readers=tuple(sorted(readers.get(i, ()))),
                consumers=consumers.get(i, 0),
                last_changed_at=_last_changed(asset),
                event_id=asset.event_id,
            )
        return found

    def _jobs(self) -> dict[AssetKey, Job]:
        shown = display_titles((a.namespace, a.name) for a in self.seen.jobs.values() if a.seen)
        proved = proved_below(self.seen, self._version, self._job_environment)
        found = {}
        for i, asset in sorted(self.seen.jobs.items()):
            if not asset.seen:
                continue
            run = self.seen.latest.get(i)
            owners = self.claims.job_owners(i)
            key = _job_key(asset)
            has_data = any(s.inputs or s.outputs for s in self.current.get(i, ()))
            noise = job_noise(asset.name) or (None if has_data else "it reads and writes no data")
            found[key] = Job(
                key=key,
                id=i,
                display_name=shown[asset.namespace, asset.name],
                integration=self.claims.integration(i),
                job_type=text_of(_facet(asset, "jobType").get("jobType")),
                noise=noise,
                environment=self.claims.job_environment(i),
                owners=owners,
                team=self.claims.team(owners),
                code=code_location(asset),
                parent=self._job_key(run.parent_job_id if run else None),
                root=self._job_key(run.root_job_id if run else None),
                pipeline=self.claims.pipeline(i),
                last_run_id=run.run_id if run else None,
                last_state=run.state if run else None,
                last_run_at=(run.ended_at or run.started_at) if run else None,
                runs_30d=self.seen.runs_30d.get(i, 0),
                proved_below=proved.get(i),
                first_seen=asset.first_seen,
                last_seen=asset.last_seen,
            )
        return found

    def _version(self, job_id: int) -> str | None:
        run = self.seen.successful.get(job_id)
        return run.version if run else None

    def _job_environment(self, job_id: int) -> Environment | None:
        claim = self.claims.job_environment(job_id)
        return claim.value if claim else None

    def _writes(self) -> Iterable[Write]:
        groups: dict[tuple[int, int, str | None, str], list[o.Run]] = defaultdict(list)
        for run in self.seen.recent:
            for dataset_id, operation in self.seen.shapes[run.shape_id].outputs:
                groups[run.job_id, dataset_id, run.principal, operation].append(run)
        for (job_id, dataset_id, principal, operation), runs in sorted(
            groups.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] or "", item[0][3])
        ):
            if self.noise.get(dataset_id) is not None:
                continue
            yield Write(
                job=_job_key(self.seen.jobs[job_id]),
                dataset=self._key(dataset_id),
                principal=principal,
                principal_why="a facet of its run names the principal" if principal else None,
                job_sanctioned=self.claims.job_sanctioned(job_id, dataset_id),
                principal_sanctioned=self.claims.principal_sanctioned(
                    job_id, dataset_id, principal
                ),
                operation=operation,
                runs=len(runs),
                first_at=min(r.ended_at or r.started_at for r in runs),
                last_at=max(r.ended_at or r.started_at for r in runs),
                last_run_id=runs[0].run_id,
                producer=runs[0].producer,
                event_ids=tuple(r.event_id for r in runs[:EVIDENCE_KEPT]),
            )

    def _feeds(self) -> Iterable[Feed]:
        """Feeds that spoke, and for namespaces that hold data those that never did."""
        real = {a.namespace for i, a in self.seen.datasets.items() if self.noise.get(i) is None}
        spoken = {(f.namespace, f.evidence) for f in self.seen.feeds}
        yield from (f for f in self.seen.feeds if f.namespace in real)
        speakers = {
            f.namespace: f.producers for f in self.seen.feeds if f.evidence is FeedKind.RUNS
        }
        for namespace in sorted(real):
            for kind in FeedKind:
                if (namespace, kind) not in spoken:
                    producers = speakers.get(namespace, ())
                    yield Feed(namespace, kind, producers, None, None, 0)

    def _neighbours(self) -> tuple[dict[int, set[AssetKey]], dict[int, set[AssetKey]]]:
        writers: dict[int, set[AssetKey]] = defaultdict(set)
        readers: dict[int, set[AssetKey]] = defaultdict(set)
        for job_id, shapes in self.current.items():
            key = _job_key(self.seen.jobs[job_id])
            for shape in shapes:
                for dataset_id, _ in shape.outputs:
                    writers[dataset_id].add(key)
                for dataset_id in (*shape.inputs, *(a for a, _ in shape.edges)):
                    readers[dataset_id].add(key)
        return writers, readers

    def _last_uses(self) -> tuple[dict[int, datetime], dict[int, datetime]]:
        written: dict[int, datetime] = {}
        read: dict[int, datetime] = {}
        for shape_id, at in self.seen.shape_ends.items():
            shape = self.seen.shapes[shape_id]
            for dataset_id, operation in shape.outputs:
                if operation != "DROP":  # a tombstone is not data
                    written[dataset_id] = max(at, written.get(dataset_id, at))
            for dataset_id in (*shape.inputs, *(a for a, _ in shape.edges)):
                read[dataset_id] = max(at, read.get(dataset_id, at))
        return written, read

    def _tests(self) -> dict[int, list[DataTest]]:
        found: dict[int, list[DataTest]] = defaultdict(list)
        for result in self.seen.tests:
            told = result.assertion
            found[result.dataset_id].append(
                DataTest(
                    name=told.name,
                    column=told.column,
                    status=result.status,
                    blocking=told.blocking,
                    at=result.at,
                    job=_job_key(self.seen.jobs[result.job_id]),
                    run_id=result.run_id,
                    event_id=result.event_id,
                    expected=told.expected,
                    actual=told.actual,
                    description=told.description or told.title,
                    results_30d=result.results_30d,
                    flips_30d=result.flips_30d,
                )
            )
        for tests in found.values():
            tests.sort(key=lambda t: (t.column or "", t.name, t.description or ""))
        return found

    def _key(self, dataset_id: int) -> AssetKey:
        asset = self.seen.datasets[dataset_id]
        return AssetKey(Kind.DATASET, asset.namespace, asset.name)

    def _keys(self, ids: Iterable[int]) -> tuple[AssetKey, ...]:
        return tuple(sorted(self._key(i) for i in ids))

    def _job_key(self, job_id: int | None) -> AssetKey | None:
        return None if job_id is None else _job_key(self.seen.jobs[job_id])


_MENTIONED = "only mentioned"


def _current_shapes(seen: o.Observed) -> dict[int, tuple[o.Shape, ...]]:
    """What each job does now: its newest successful run, else its newest, and its declaration.

    What left and came back among its last ten successful runs it still does.
    """
    current = {}
    for job_id, asset in seen.jobs.items():
        processing = text_of(_facet(asset, "jobType").get("processingType"))
        newest = seen.latest.get(job_id)
        is_endless = processing in ("STREAMING", "SERVICE")
        run = newest if is_endless else seen.successful.get(job_id, newest)
        shapes = [] if run is None else [seen.shapes[run.shape_id]]
        if job_id in seen.last_shapes:
            shapes.append(_alternating([seen.shapes[i] for i in seen.last_shapes[job_id]]))
        if job_id in seen.declared:
            shapes.append(seen.shapes[seen.declared[job_id]])
        current[job_id] = tuple(shapes)
    return current


def _alternating(shapes: Sequence[o.Shape]) -> o.Shape:
    """What was there, was not, and was there again, among some runs."""
    return o.Shape(
        _returned([shape.inputs for shape in shapes]),
        _returned([shape.outputs for shape in shapes]),
        _returned([shape.edges for shape in shapes]),
    )


def _returned(runs: Sequence[Sequence[N]]) -> tuple[N, ...]:
    """Members of several lists that are missing from a list between two that have them."""
    found = []
    for item in dict.fromkeys(item for run in runs for item in run):
        at = [i for i, run in enumerate(runs) if item in run]
        if len(at) < at[-1] - at[0] + 1:
            found.append(item)
    return tuple(found)


def _noise(seen: o.Observed, current: Mapping[int, tuple[o.Shape, ...]]) -> dict[int, str]:
    """Datasets that are no subjects, and why."""
    noise = {}
    depths: dict[int, int] = defaultdict(int)
    for shapes in current.values():
        for shape in shapes:
            for source, target in shape.edges:
                depth = seen.datasets[target].name.count(".")
                depths[source] = max(depths[source], depth)
    for i, asset in seen.datasets.items():
        facet = _facet(asset, "datasetType")
        why = dataset_noise(
            asset.namespace,
            asset.name,
            text_of(facet.get("datasetType")),
            text_of(facet.get("subType")),
        )
        # Column lineage also names what is no dataset, such as a common table expression: its name
        # lacks the database and schema of the dataset that it feeds.
        if not asset.seen and (i not in depths or asset.name.count(".") < depths[i]):
            why = _MENTIONED
        if why is not None:
            noise[i] = why
    return noise


def _top_decile(counts: Iterable[int]) -> int:
    """How many consumers put a dataset among the most used tenth."""
    ordered = sorted((n for n in counts if n > 0), reverse=True)
    return ordered[len(ordered) // 10] if ordered else 1


def code_location(asset: o.Asset) -> CodeLocation | None:
    """Where a job's code lives, as its own facet says."""
    facet = asset.facets.get("sourceCodeLocation")
    if facet is None:
        return None
    body = facet.body
    return CodeLocation(
        url=text_of(body.get("url")),
        repository=text_of(body.get("repoUrl")) or text_of(body.get("url")),
        version=text_of(body.get("version")),
        branch=text_of(body.get("branch")),
        tag=text_of(body.get("tag")),
        event_id=facet.event_id,
        pull_request=text_of(body.get("pullRequestNumber")),
    )


def _job_key(asset: o.Asset) -> AssetKey:
    return AssetKey(Kind.JOB, asset.namespace, asset.name)


def _facet(asset: o.Asset, name: str) -> Mapping[str, Any]:
    facet = asset.facets.get(name)
    return facet.body if facet else {}


def _dataset_kind(asset: o.Asset, platform: str) -> str | None:
    told = text_of(_facet(asset, "datasetType").get("datasetType"))
    return told.lower() if told else kind_by_platform(platform)


def _description(asset: o.Asset) -> str | None:
    return text_of(_facet(asset, "documentation").get("description"))


def _last_changed(asset: o.Asset) -> datetime | None:
    told = _facet(asset, "dataQualityMetrics").get("lastUpdated")
    try:
        return read_time(told)[0] if told is not None else None
    except (ValueError, OverflowError):
        return None


def _fields(asset: o.Asset) -> tuple[Field, ...]:
    return tuple(_flatten(_facet(asset, "schema").get("fields"), ""))


def _flatten(fields: Any, prefix: str) -> Iterable[Field]:
    for field in fields if isinstance(fields, list) else []:
        name = text_of(field.get("name")) if isinstance(field, dict) else None
        if name:
            yield Field(
                prefix + name, text_of(field.get("type")), text_of(field.get("description"))
            )
            yield from _flatten(field.get("fields"), f"{prefix}{name}.")


def _tags(asset: o.Asset) -> tuple[str, ...]:
    tags = _facet(asset, "tags").get("tags")
    found = {
        f"{tag['key']}:{tag['value']}" if text_of(tag.get("value")) else tag["key"]
        for tag in (tags if isinstance(tags, list) else [])
        if isinstance(tag, dict) and text_of(tag.get("key")) and not tag.get("field")
    }
    return tuple(sorted(found))
