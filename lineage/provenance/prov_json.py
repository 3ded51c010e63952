"""Stories of versions in the terms of W3C PROV, as PROV-JSON.

Versions are the entities: PROV allows one generation for each entity and activity, which the bare
name of a table would break. What cannot be known is left out, never made up: no time of a read is
stated, and of an ambiguous read every version is named with its basis.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from catalog.model import AssetKey
from catalog.shapes import instant
from lineage.estate import Estate
from lineage.provenance.model import (
    Aftermath,
    Built,
    Read,
    ReadBasis,
    RunRef,
    Story,
    TestedOn,
    Version,
)

PREFIXES = {
    "andon": "urn:andon:",
    "dataset": "urn:andon:dataset:",
    "version": "urn:andon:version:",
    "run": "urn:andon:run:",
    "plan": "urn:andon:plan:",
    "agent": "urn:andon:agent:",
    "test": "urn:andon:test:",
    "ol": "https://openlineage.io/spec/",
}
_GONE = ("OVERWRITE", "TRUNCATE", "DROP")
"""What a lifecycle facet says of a dataset whose older version is gone."""
_AGENTS = {"person": "prov:Person", "team": "prov:Organization", "service": "prov:SoftwareAgent"}
_SOFTWARE = "prov:SoftwareAgent"

Attributes = dict[str, Any]


def story_prov(story: Story, estate: Estate) -> dict[str, Any]:
    """Where a version came from, with the owners of the datasets, as a PROV-JSON document."""
    document = _Document()
    used_until = _last_used(story.built)
    for built in story.built:
        document.built(built)
        document.gone(built, used_until.get(built.version))
    document.owners(estate)
    return document.told()


def aftermath_prov(aftermath: Aftermath, estate: Estate) -> dict[str, Any]:
    """What was built on a version, as a PROV-JSON document."""
    document = _Document()
    for one in aftermath.versions:
        run = one.version.run
        version = document.version(one.version)
        if run is not None:
            document.generated(version, document.run(run), one.version.at)
        for step in one.steps:
            source = document.version(step.source)
            said = {"andon:certain": step.is_certain}
            if step.is_kept or run is None:
                document.derived(version, source, None, {**said, "andon:kept": True})
            else:
                document.used(document.run(run), source, said)
                if _is_older(step.source, one.version):
                    document.derived(version, source, document.run(run), said)
    document.owners(estate)
    return document.told()


class _Document:
    """Records by their kind and name; a relation has no name, and each is there once."""

    def __init__(self) -> None:
        self._named: dict[str, dict[str, Attributes]] = defaultdict(dict)
        self._related: dict[str, dict[str, Attributes]] = defaultdict(dict)
        self._datasets: dict[AssetKey, str] = {}

    def told(self) -> dict[str, Any]:
        """The whole document, in a stated order."""
        found: dict[str, Any] = {"prefix": PREFIXES}
        for kind in ("entity", "activity", "agent"):
            if kind in self._named:
                found[kind] = dict(sorted(self._named[kind].items()))
        number = 0
        for kind in sorted(self._related):
            found[kind] = {}
            for key in sorted(self._related[kind]):
                number += 1
                found[kind][f"_:id{number}"] = self._related[kind][key]
        return found

    # What there is

    def dataset(self, key: AssetKey) -> str:
        """A dataset, whatever is in it."""
        name = self._datasets.get(key)
        if name is None:
            name = self._datasets[key] = _name("dataset", key.namespace, key.name)
            said = {"ol:namespace": key.namespace, "ol:name": key.name}
            self._entity(name, key.name, "andon:Dataset", said)
        return name

    def version(self, version: Version) -> str:
        """One version of a dataset."""
        key = version.dataset
        run = version.run
        by = (run.job.namespace, run.job.name, run.run_id) if run else ("said", version.said or "")
        name = _name("version", key.namespace, key.name, *by)
        said = {"ol:datasetVersion": version.said} if version.said else {}
        self._entity(name, f"{key.name} {version.id}", "andon:Version", said)
        ends = {"prov:specificEntity": name, "prov:generalEntity": self.dataset(key)}
        self._relate("specializationOf", ends)
        return name

    def run(self, run: RunRef, said: Attributes | None = None) -> str:
        """One run of a job."""
        name = _name("run", run.job.namespace, run.job.name, run.run_id)
        known = {"prov:label": f"{run.job.name} {run.run_id}", "ol:runId": run.run_id}
        self._named["activity"].setdefault(name, known).update(said or {})
        return name

    def agent(self, principal: str) -> str:
        """Somebody who acted or answers."""
        kind, _, name = principal.partition(":")
        return self._agent(_name("agent", kind, name), principal, _AGENTS.get(kind))

    def software(self, *named: str) -> str:
        """A program that acted."""
        return self._agent(_name("agent", "software", *named), " ".join(named), _SOFTWARE)

    def _agent(self, name: str, label: str, kind: str | None) -> str:
        said: Attributes = {"prov:label": label}
        if kind:
            said["prov:type"] = _qualified(kind)
        self._named["agent"][name] = said
        return name

    def _entity(self, name: str, label: str, kind: str, said: Mapping[str, Any]) -> None:
        told = {"prov:label": label, "prov:type": _qualified(kind), **said}
        self._named["entity"].setdefault(name, told)

    # What is related

    def generated(
        self, entity: str, run: str, at: datetime | None, event_id: str | None = None
    ) -> None:
        """That a run made something."""
        said: Attributes = {"prov:entity": entity, "prov:activity": run}
        if at is not None:
            said["prov:time"] = instant(at)
        if event_id is not None:
            said["andon:event_id"] = event_id
        self._relate("wasGeneratedBy", said, ("prov:entity", "prov:activity"))

    def used(self, run: str, entity: str, said: Attributes) -> None:
        """That a run read something; when exactly is not known."""
        ends = {"prov:activity": run, "prov:entity": entity}
        self._relate("used", {**ends, **said}, tuple(ends))

    def derived(self, entity: str, source: str, run: str | None, said: Attributes) -> None:
        """That something was made of another."""
        ends = {"prov:generatedEntity": entity, "prov:usedEntity": source}
        by = {"prov:activity": run} if run else {}
        self._relate("wasDerivedFrom", {**ends, **by, **said}, (*ends, *by))

    def owners(self, estate: Estate) -> None:
        """Who answers for the datasets that were named."""
        for key, name in sorted(self._datasets.items()):
            found = estate.datasets.get(key)
            for claim in found.owners if found else ():
                ends = {"prov:entity": name, "prov:agent": self.agent(claim.value)}
                self._relate("wasAttributedTo", {**ends, "andon:basis": claim.basis.value})

    def built(self, built: Built) -> None:
        """How one version came to be."""
        run = self.run(built.run, _times(built))
        version = self.version(built.version)
        self.generated(version, run, built.version.at, built.event_id)
        self._agents(built, run)
        if built.parent is not None:
            ends = {"prov:informed": run, "prov:informant": self.run(built.parent)}
            self._relate("wasInformedBy", {**ends, "ol:parent": True})
        for read in built.inputs:
            self._read(built, read, run, version)
        if built.older is not None:
            said = {"andon:keeping": built.keeping.value}
            self.derived(version, self.version(built.older), None, said)
        for test in built.tests:
            self._test(built, test, version)

    def gone(self, built: Built, used_until: datetime | None) -> None:
        """That a version is no longer there, unless somebody was seen reading it after that."""
        if built.gone_by is None or built.gone_at is None or built.gone_how not in _GONE:
            return
        if used_until is None or used_until <= built.gone_at:
            ends = {
                "prov:entity": self.version(built.version),
                "prov:activity": self.run(built.gone_by),
                "prov:time": instant(built.gone_at),
            }
            self._relate("wasInvalidatedBy", {**ends, "ol:lifecycleStateChange": built.gone_how})

    def _agents(self, built: Built, run: str) -> None:
        plan = self._plan(built)
        if built.who is not None:
            who = self.agent(built.who.principal)
            said = {"andon:trust": built.who.trust.name, "andon:how": built.who.how}
            self._associate(run, who, plan, said)
            if built.who.on_behalf_of:
                ends = {
                    "prov:delegate": who,
                    "prov:responsible": self.agent(built.who.on_behalf_of),
                    "prov:activity": run,
                }
                self._relate("actedOnBehalfOf", ends)
        if built.engine is not None:
            named = (built.engine.name or "engine", built.engine.version or "")
            engine = self.software(*(part for part in named if part))
            self._associate(run, engine, plan, {"prov:role": "engine"})
        producer = self.software(built.producer or "producer")
        self._associate(run, producer, plan, {"prov:role": "producer"})

    def _associate(self, run: str, agent: str, plan: str, said: Attributes) -> None:
        ends = {"prov:activity": run, "prov:agent": agent, "prov:plan": plan}
        self._relate("wasAssociatedWith", {**ends, **said})

    def _plan(self, built: Built) -> str:
        """The job with the code and the SQL that it ran."""
        job = built.run.job
        place = built.code.place if built.code else None
        said: Attributes = {"ol:namespace": job.namespace, "ol:name": job.name}
        if place is not None:
            told = {
                "version": place.version,
                "repoUrl": place.repository,
                "url": place.url,
                "path": place.path,
                "branch": place.branch,
            }
            said |= {f"ol:{name}": value for name, value in told.items() if value}
        if built.sql is not None:
            said["ol:query"] = built.sql.query
        digest = hashlib.sha256(repr(sorted(said.items())).encode("utf-8", "replace")).hexdigest()
        name = _name("plan", job.namespace, job.name, digest[:16])
        self._entity(name, job.name, "prov:Plan", said)
        return name

    def _read(self, built: Built, read: Read, run: str, version: str) -> None:
        ways = next((d for d in built.derived if d.source == read.dataset), None)
        said: Attributes = {"andon:basis": read.basis.value}
        how: Attributes = {}
        if ways is not None:
            how["andon:masking"] = ways.is_masked
            told = ways.transformations
            if told:
                how["andon:transformation"] = told[0] if len(told) == 1 else list(told)
        if read.basis is ReadBasis.UNKNOWN:
            source = self.dataset(read.dataset)
            self.used(run, source, said)
            if read.feeds and read.dataset != built.version.dataset:
                self.derived(version, source, run, {**said, **how})
        for one in read.versions:
            source = self.version(one)
            self.used(run, source, said)
            if read.feeds and _is_older(one, built.version):
                self.derived(version, source, run, {**said, **how})

    def _test(self, built: Built, test: TestedOn, version: str) -> None:
        run = self.run(test.run)
        named = (test.column or "", test.name, test.event_id)
        key = hashlib.sha256("\0".join(named).encode("utf-8", "replace")).hexdigest()[:16]
        name = f"test:{version.partition(':')[2]}/{key}"
        told = {"column": test.column, "expected": test.expected, "actual": test.actual}
        said: Attributes = {f"andon:{what}": value for what, value in told.items() if value}
        said |= {"andon:status": test.status.value, "andon:blocking": test.blocking}
        self._entity(name, f"{test.name} {test.status}", "andon:DataTestResult", said)
        self.generated(name, run, test.at, test.event_id)
        # A run that tests what it made has not made it yet while it tests.
        if test.run != built.run:
            self.used(run, version, {})
            self.derived(name, version, run, {})

    def _relate(self, kind: str, said: Attributes, ends: Iterable[str] | None = None) -> None:
        """Relate things by all that is said, or only once for the same ends."""
        key = repr([said[end] for end in ends] if ends else sorted(said.items()))
        self._related[kind].setdefault(key, said)


def _times(built: Built) -> Attributes:
    said: Attributes = {"andon:state": built.state.value}
    start, end = built.started_at, built.ended_at
    if built.has_start:
        # Clocks may say that it ended before it began.
        said["prov:startTime"] = instant(min(start, end) if end else start)
    if end is not None:
        said["prov:endTime"] = instant(end)
    return said


def _last_used(built: Iterable[Built]) -> dict[Version, datetime]:
    """When a run began last that read each version."""
    found: dict[Version, datetime] = {}
    for one in built:
        begun = min(one.started_at, one.ended_at or one.started_at)
        for version in (v for read in one.inputs for v in read.versions):
            found[version] = max(found.get(version, begun), begun)
    return found


def _is_older(source: Version, version: Version) -> bool:
    """Whether a version can be derived from another in PROV's terms.

    What a run reads as it goes may be younger than the first that it wrote.
    """
    return source.at is None or version.at is None or source.at <= version.at


def _name(prefix: str, *parts: str) -> str:
    """A qualified name that tells the same parts from all others."""
    return f"{prefix}:" + "/".join(quote(part, safe="") for part in parts)


def _qualified(name: str) -> dict[str, str]:
    return {"$": name, "type": "xsd:QName"}
