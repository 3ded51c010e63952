"""Who feels a change, what may have caused a failure, which data goes in cycles or back. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import networkx as nx

from catalog.model import AssetKey, Environment, Evidence, Zone
from lineage.estate import Dataset, DataTest, DataTestStatus, Estate, Job, RunState, Write
from lineage.graph.drawn import current_links
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import Direction, LastRun, Link, Standing
from lineage.graph.questions import DEPTH_MOST, Question, ask
from lineage.observed import Observed

FAILED = (RunState.FAIL, RunState.ABORT, RunState.LOST)
"""How a run ends that may have broken what stands on it."""
LATELY = timedelta(days=30)
"""How long code that changed is told of as a possible cause."""
BAD = (DataTestStatus.FAIL, DataTestStatus.BROKEN)


class Station(StrEnum):
    """Where an asset stands between the source and the reader, more coarsely than its zone."""

    SOURCE = "source"
    RAW = "raw"
    STAGING = "staging"
    MART = "mart"
    REPORT = "report"
    UNKNOWN = "unknown"


_STATIONS = {
    Zone.SOURCE: Station.SOURCE,
    Zone.LANDING: Station.RAW,
    Zone.RAW: Station.RAW,
    Zone.STAGING: Station.STAGING,
    Zone.INTERMEDIATE: Station.STAGING,
    Zone.MART: Station.MART,
    Zone.CONSUMER: Station.REPORT,
    Zone.EXPORT: Station.REPORT,
}
"""Zones for tests and trials are beside the flow."""
_ORDER = {station: place for place, station in enumerate(Station)}


@dataclass(frozen=True, slots=True)
class Impacted:
    """A dataset that stands on another."""

    key: AssetKey
    distance: int
    display_name: str
    owner: str | None
    team: str | None
    tier: int
    environment: Environment | None
    zone: Zone | None
    station: Station
    last_run: LastRun | None
    """Of its writers, whichever ran last; ``None``: nothing reports writing it."""
    failing_tests: tuple[str, ...]
    """Data tests whose newest result is no pass, such as ``not_null(order_id)``."""


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything that stands on an asset."""

    root: AssetKey
    as_of: datetime
    rows: tuple[Impacted, ...]
    """By (distance, namespace, name)."""
    truncated: bool


class Change(StrEnum):
    """What happened upstream that may be the cause, from the plainest on."""

    RUN_FAILED = "run_failed"
    STILL_RUNNING = "still_running"
    DATA_TEST_FAILED = "data_test_failed"
    UNSANCTIONED_WRITE = "unsanctioned_write"
    SCHEMA_CHANGED = "schema_changed"
    CODE_CHANGED = "code_changed"


_PLAINNESS = {change: place for place, change in enumerate(Change)}


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """The last time that the columns of a dataset became others."""

    at: datetime
    said: str
    """Such as ``+discount, -price, total: int to text``."""
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that changed at an asset or above it."""

    asset: AssetKey
    """Dataset, or the job that writes it."""
    distance: int
    station: Station
    change: Change
    at: datetime
    said: str
    """One clause for people."""
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Backward:
    """Data that goes against the flow, such as from a mart into raw."""

    link: Link
    source: Station
    target: Station


_Clue = tuple[Change, datetime, str, tuple[Evidence, ...]]


def station_of(dataset: Dataset) -> Station:
    """Where a dataset stands; what no zone tells is not known."""
    if dataset.is_exposure or dataset.kind == "report":
        return Station.REPORT
    zone = dataset.zone
    return _STATIONS.get(zone.value, Station.UNKNOWN) if zone else Station.UNKNOWN


def impact(estate: Estate, graph: EstateGraph, root: AssetKey) -> Impact:
    """Everything downstream of an asset, at any distance."""
    found = ask(graph, Question(root, Direction.DOWN, DEPTH_MOST))
    rows = (
        _impacted(estate, estate.datasets[node.key], node.distance)
        for node in found.nodes
        if node.key != root and node.key in estate.datasets
    )
    return Impact(root, found.as_of, tuple(rows), found.truncated)


def last_run(estate: Estate, dataset: Dataset) -> LastRun | None:
    """The newest run of the jobs that write a dataset."""
    runs = (run for key in dataset.writers if (run := _last_run_of(estate.jobs.get(key))))
    return max(runs, key=lambda run: (run.at, run.job, run.run_id), default=None)


def causes(
    seen: Observed,
    estate: Estate,
    graph: EstateGraph,
    root: AssetKey,
    schemas: Mapping[AssetKey, SchemaChange],
) -> tuple[Cause, ...]:
    """What changed at an asset or above it, what changed last first.

    Args:
        seen: What events said.
        estate: What follows from it, and from what is declared.
        graph: Of the same instant.
        root: What failed or is late.
        schemas: When the columns of datasets last became others.
    """
    above = ask(graph, Question(root, Direction.UP, DEPTH_MOST))
    clues = _Clues(seen, estate, schemas)
    found: dict[tuple[AssetKey, Change, str], Cause] = {}
    for node in above.nodes:
        for cause in clues.at(node):
            # A job that writes several datasets is told of once, at the nearest of them.
            found.setdefault((cause.asset, cause.change, cause.said), cause)
    return tuple(
        sorted(
            found.values(),
            key=lambda c: (-c.at.timestamp(), c.distance, _PLAINNESS[c.change], c.asset, c.said),
        )
    )


def cycles(graph: EstateGraph) -> tuple[tuple[AssetKey, ...], ...]:
    """Datasets that stand on themselves: of each knot of them one shortest cycle.

    Each begins with its least member and the last leads back to it; sorted.
    """
    flow: nx.DiGraph[AssetKey] = nx.DiGraph()
    flow.add_edges_from(sorted((graph.key(a), graph.key(b)) for a, b in graph.flow.edges()))
    found = [_cycle(flow, knot) for knot in nx.strongly_connected_components(flow)]
    return tuple(sorted(way for way in found if way))


def backward_flows(estate: Estate, graph: EstateGraph) -> tuple[Backward, ...]:
    """Edges that lead from a station to one before it, by source and target."""
    found = []
    for link in current_links(graph):
        source, target = (_station(estate, key) for key in link.ends)
        if Station.UNKNOWN not in (source, target) and _ORDER[source] > _ORDER[target]:
            found.append(Backward(link, source, target))
    return tuple(sorted(found, key=lambda flow: flow.link.ends))


# One dataset ------------------------------------------------------------------------------------


def _impacted(estate: Estate, dataset: Dataset, distance: int) -> Impacted:
    return Impacted(
        key=dataset.key,
        distance=distance,
        display_name=dataset.display_name,
        owner=dataset.owners[0].value if dataset.owners else None,
        team=dataset.team,
        tier=dataset.tier.value,
        environment=dataset.environment.value if dataset.environment else None,
        zone=dataset.zone.value if dataset.zone else None,
        station=station_of(dataset),
        last_run=last_run(estate, dataset),
        failing_tests=tuple(_test_name(t) for t in dataset.tests if t.status in BAD),
    )


def _last_run_of(job: Job | None) -> LastRun | None:
    if job is None or job.last_run_id is None or job.last_state is None or job.last_run_at is None:
        return None
    return LastRun(job.key, job.last_run_id, job.last_state, job.last_run_at)


def _test_name(test: DataTest) -> str:
    return f"{test.name}({test.column})" if test.column else test.name


def _station(estate: Estate, key: AssetKey) -> Station:
    dataset = estate.datasets.get(key)
    return station_of(dataset) if dataset else Station.UNKNOWN


def _cycle(flow: nx.DiGraph[AssetKey], knot: Iterable[AssetKey]) -> tuple[AssetKey, ...]:
    """A shortest way from the least member of a knot back to it; nothing if there is none."""
    members = set(knot)
    least = min(members)
    if flow.has_edge(least, least):
        return (least,)
    if len(members) == 1:
        return ()
    inside = flow.subgraph(members)
    ways = nx.single_source_shortest_path(inside, least)
    return min(
        (tuple(ways[key]) for key in inside.predecessors(least)), key=lambda way: (len(way), way)
    )


# Causes -----------------------------------------------------------------------------------------


class _Clues:
    """What changed at assets, one after the other."""

    def __init__(
        self, seen: Observed, estate: Estate, schemas: Mapping[AssetKey, SchemaChange]
    ) -> None:
        self._seen = seen
        self._estate = estate
        self._schemas = schemas
        self._writes: dict[AssetKey, list[Write]] = defaultdict(list)
        for write in estate.writes:
            if is_unsanctioned(write):
                self._writes[write.dataset].append(write)
        self._versions: dict[int, dict[str, datetime]] = defaultdict(dict)
        for (job_id, version), at in seen.first_success.items():
            self._versions[job_id][version] = at

    def at(self, node: Standing) -> Iterator[Cause]:
        """Of a dataset and of the jobs that write it, or of a job."""
        dataset = self._estate.datasets.get(node.key)
        if dataset is None:
            yield from self._in_job(node.key, node.distance, Station.UNKNOWN)
            return
        station = station_of(dataset)
        for key in dataset.writers:
            yield from self._in_job(key, node.distance, station)
        for change, at, said, evidence in self._in_dataset(dataset):
            yield Cause(node.key, node.distance, station, change, at, said, evidence)

    def _in_dataset(self, dataset: Dataset) -> Iterator[_Clue]:
        for test in dataset.tests:
            if test.status in BAD:
                evidence = Evidence(test.status.value, event_id=test.event_id)
                said = f"data test {_test_name(test)}: {test.status.value}"
                yield Change.DATA_TEST_FAILED, test.at, said, (evidence,)
        for write in self._writes.get(dataset.key, ()):
            said = f"written by {write.job.name}, run by {write.principal or 'nobody named'}"
            ids = tuple(Evidence(write.last_run_id, event_id=i) for i in write.event_ids[:1])
            yield Change.UNSANCTIONED_WRITE, write.last_at, said, ids
        schema = self._schemas.get(dataset.key)
        if schema is not None:
            yield Change.SCHEMA_CHANGED, schema.at, schema.said, (schema.evidence,)

    def _in_job(self, key: AssetKey, distance: int, station: Station) -> Iterator[Cause]:
        job = self._estate.jobs.get(key)
        if job is None:
            return
        run = _last_run_of(job)
        outcome = self._run_tells(job, run)
        if run is not None and outcome is not None:
            newest = self._seen.latest[job.id]
            evidence = Evidence(run.run_id, event_id=newest.event_id, facet="run.runId")
            change, said = outcome
            yield Cause(key, distance, station, change, run.at, said, (evidence,))
        changed_at = self._code_changed_at(job)
        if changed_at is not None and job.code is not None:
            version = job.code.version or ""
            facet = "job.facets.sourceCodeLocation"
            told = (Evidence(version, event_id=job.code.event_id, facet=facet),)
            said = f"its code is {version} since then"
            yield Cause(key, distance, station, Change.CODE_CHANGED, changed_at, said, told)

    def _run_tells(self, job: Job, run: LastRun | None) -> tuple[Change, str] | None:
        """What the last run of a job may be the cause by; ``None``: by nothing."""
        if run is not None and run.state in FAILED:
            return Change.RUN_FAILED, f"its last run: {run.state.value}"
        is_endless = not self._seen.endless.isdisjoint(job.ids)
        if run is not None and run.state is RunState.RUNNING and not is_endless:
            return Change.STILL_RUNNING, "its last run has not ended yet"
        return None

    def _code_changed_at(self, job: Job) -> datetime | None:
        """When a job lately first ran the code that it has now; ``None``: it had no other."""
        version = job.code.version if job.code else None
        ran = self._versions.get(job.id, {})
        if version is None or not ran.keys() - {version}:
            return None
        at = ran.get(version, job.last_run_at)  # code that never came to an end is new too
        return at if at is not None and at > self._estate.as_of - LATELY else None


def is_unsanctioned(write: Write) -> bool:
    """Whether it is known that a write came past the pipelines, such as an edit by hand."""
    claims = (write.job_sanctioned, write.principal_sanctioned)
    return any(claim is not None and not claim.value for claim in claims)
