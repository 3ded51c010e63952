"""Event + what we know = what we know now. Pure, order-free and repeatable.

Everything here merges by taking a greatest element: of instants, of (instant, rank, hash), of sets.
So any order, repetition or batching of the same events ends in the same state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from lineage.estate import RunState
from lineage.events import DatasetPart, Event, Facets, canonical, text_of
from lineage.principals import principals_in

T = TypeVar("T")
Resolve = Callable[[str, str], int]
"""Namespace and name of a dataset to its id."""

TYPE_RANK = {None: 0, "OTHER": 1, "START": 2, "RUNNING": 3, "ABORT": 4, "COMPLETE": 4, "FAIL": 4}
TERMINAL = {"COMPLETE": RunState.COMPLETE, "ABORT": RunState.ABORT, "FAIL": RunState.FAIL}
STATE_RANK = {
    RunState.UNKNOWN: 0,
    RunState.RUNNING: 1,
    RunState.COMPLETE: 2,
    RunState.ABORT: 3,
    RunState.FAIL: 4,
}
RANKED_STATES = {rank: state for state, rank in STATE_RANK.items()}

_WRITER = 10
"""Added to the rank of a schema that a writer sent: a reader often names only some columns."""


class Won(msgspec.Struct, array_like=True, frozen=True):
    """The facet that won so far: the greatest (role, instant, rank, hash)."""

    at: int
    rank: int
    hash: bytes

    @property
    def order(self) -> tuple[int, int, int, bytes]:
        return (self.rank // _WRITER, self.at, self.rank % _WRITER, self.hash)


class Io(msgspec.Struct, array_like=True):
    """What one run said of one dataset that it reads or writes."""

    lineage: Won | None = None
    """The winning column lineage facet."""
    sources: tuple[int, ...] = ()
    """Datasets that it names."""
    lifecycle: Won | None = None
    operation: str = ""
    statistics: Won | None = None
    rows: int | None = None
    size_bytes: int | None = None


class Parent(msgspec.Struct, array_like=True, frozen=True):
    """What a run's parent facet names."""

    run_id: str
    job: tuple[str, str] | None
    root: tuple[str, str] | None


class Run(msgspec.Struct):
    """One run of one job after all events seen so far."""

    first: int
    last: int
    newest: tuple[int, int, bytes]
    """(instant, rank, event id) of the newest event."""
    started: int | None = None
    is_running: bool = False
    terminals: dict[str, tuple[int, bytes]] = {}
    """Terminal states that were ever said, with the newest instant and event of each."""
    producers: dict[bytes, str] = {}
    """Producers of the events that may decide: the newest and the terminal ones."""
    facets: dict[str, Won] = {}
    parents: dict[str, Parent] = {}
    """Its parent, by the facet that says so (an old key is still in use)."""
    principals: dict[str, str] = {}
    """Who ran it, by the facet that says so."""
    version: tuple[int, int, str] | None = None
    """(instant, rank, code version) as its own events name it."""
    inputs: dict[int, Io] = {}
    outputs: dict[int, Io] = {}

    @property
    def state(self) -> RunState:
        """The latest terminal state, if any was seen; at one instant FAIL, then ABORT, wins."""
        if self.terminals:
            return RunState(
                max(self.terminals, key=lambda s: (self.terminals[s][0], STATE_RANK[RunState(s)]))
            )
        return RunState.RUNNING if self.is_running else RunState.UNKNOWN

    @property
    def started_at(self) -> int:
        return self.first if self.started is None else self.started

    @property
    def ended_at(self) -> int | None:
        return max((at for at, _ in self.terminals.values()), default=None)

    @property
    def event_id(self) -> bytes:
        """The event that decided its state, else the newest."""
        return self.terminals[self.state][1] if self.terminals else self.newest[2]

    @property
    def parent(self) -> Parent | None:
        return self.parents.get("parent") or self.parents.get("parentRun")

    @property
    def producer(self) -> str:
        return self.producers[self.event_id]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a run reads, writes and derives."""

    inputs: tuple[int, ...]
    outputs: tuple[tuple[int, str], ...]
    """(dataset, operation)."""
    edges: tuple[tuple[int, int, str], ...]
    """(source, target, basis)."""

    def digest(self, job_id: int) -> bytes:
        return hashlib.sha256(
            repr((job_id, self.inputs, self.outputs, self.edges)).encode()
        ).digest()


@dataclass(frozen=True, slots=True)
class FacetClaim:
    """One facet of one asset as one event has it."""

    name: str
    won: Won
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class TestClaim:
    """One result of one data test as one event has it."""

    key: bytes
    won: Won
    success: bool
    executed: bool
    blocking: bool
    body: bytes


def fold_run(run: Run | None, event: Event, resolve: Resolve) -> Run:
    """What is known of a run after one more of its events."""
    at, rank = event.time, TYPE_RANK[event.type]
    if run is None:
        run = Run(first=at, last=at, newest=(at, rank, event.event_id))
    run.first, run.last = min(run.first, at), max(run.last, at)
    if event.type == "START":
        run.started = at if run.started is None else min(run.started, at)
    run.is_running = run.is_running or event.type in ("START", "RUNNING")
    run.newest = max(run.newest, (at, rank, event.event_id))
    if event.type in TERMINAL:
        state = TERMINAL[event.type].value
        said = (at, event.event_id)
        run.terminals[state] = max(run.terminals.get(state, said), said)
    run.producers[event.event_id] = event.producer
    deciding = {run.newest[2], *(e for _, e in run.terminals.values())}
    run.producers = {e: p for e, p in run.producers.items() if e in deciding}
    for name, facet in event.run_facets.items():
        _fold_run_facet(run, name, facet, at, rank)
    version = text_of(event.job_facets.get("sourceCodeLocation", {}).get("version"))
    if version:
        said_version = (at, rank, version)
        run.version = max(run.version or said_version, said_version)
    for part in event.inputs:
        _fold_io(run.inputs, part, at, rank, resolve)
    for part in event.outputs:
        _fold_io(run.outputs, part, at, rank, resolve)
    return run


def shape_of(run: Run) -> Shape:
    """What a run reads, writes and derives: by column lineage where told, else from all inputs."""
    edges = []
    for target, io in run.outputs.items():
        by_column = io.lineage is not None and bool(io.sources)
        sources = io.sources if by_column else tuple(run.inputs)
        basis = "column" if by_column else "product"
        edges += [(source, target, basis) for source in sources if source != target]
    return Shape(
        inputs=tuple(sorted(run.inputs)),
        outputs=tuple(sorted((d, io.operation or "WRITE") for d, io in run.outputs.items())),
        edges=tuple(sorted(edges)),
    )


def facet_claims(facets: Facets, path: str, event: Event, is_writer: bool) -> Iterator[FacetClaim]:
    """Every facet of one asset in one event, each a candidate to win its name."""
    rank = TYPE_RANK[event.type]
    for name, facet in facets.items():
        body = canonical(facet)
        role = _WRITER if name == "schema" and is_writer else 0
        won = _won(body, event.time, rank + role)
        yield FacetClaim(name, won, f"{path}.facets.{name}", body)


def test_claims(part: DatasetPart, event: Event) -> dict[bytes, TestClaim]:
    """Data tests that one event reports on one dataset, from both places, each counted once."""
    found: dict[bytes, TestClaim] = {}
    for assertion in _assertions(part):
        claim = _test_claim(assertion, event)
        known = found.get(claim.key)
        if known is None or claim.won.hash > known.won.hash:
            found[claim.key] = claim
    return found


def reports_tests(part: DatasetPart) -> bool:
    """Whether an event reports any data test on a dataset."""
    return any(True for _ in _assertions(part))


def named_sources(facet: dict[str, Any]) -> set[tuple[str, str]]:
    """Datasets that a column lineage facet names as sources, of columns or of the whole."""
    entries: list[Any] = []
    fields = facet.get("fields")
    if isinstance(fields, dict):
        for column in fields.values():
            if isinstance(column, dict) and isinstance(column.get("inputFields"), list):
                entries += column["inputFields"]
    if isinstance(facet.get("dataset"), list):
        entries += facet["dataset"]
    return {
        (entry["namespace"], entry["name"])
        for entry in entries
        if isinstance(entry, dict)
        and text_of(entry.get("namespace"))
        and text_of(entry.get("name"))
    }


def _fold_run_facet(run: Run, name: str, facet: dict[str, Any], at: int, rank: int) -> None:
    won = _wins(facet, run.facets.get(name), at, rank)
    if won is None:
        return
    run.facets[name] = won
    if name in ("parent", "parentRun"):
        _keep(run.parents, name, _parent(facet))
    _keep(run.principals, name, principals_in(name, facet))


def _keep(known: dict[str, T], name: str, value: T | None) -> None:
    if value is None:
        known.pop(name, None)
    else:
        known[name] = value


def _parent(facet: dict[str, Any]) -> Parent | None:
    run = facet.get("run")
    run_id = text_of(run.get("runId")) if isinstance(run, dict) else None
    job = _pair(facet.get("job"))
    root = facet.get("root")
    root_job = _pair(root.get("job")) if isinstance(root, dict) else None
    return Parent(run_id or "", job, root_job) if run_id or job else None


def _fold_io(known: dict[int, Io], part: DatasetPart, at: int, rank: int, resolve: Resolve) -> None:
    io = known.setdefault(resolve(part.namespace, part.name), Io())
    lineage = part.facets.get("columnLineage")
    if lineage is not None and (won := _wins(lineage, io.lineage, at, rank)):
        io.lineage = won
        io.sources = tuple(sorted(resolve(*source) for source in named_sources(lineage)))
    lifecycle = part.facets.get("lifecycleStateChange")
    if lifecycle is not None and (won := _wins(lifecycle, io.lifecycle, at, rank)):
        io.lifecycle = won
        io.operation = (text_of(lifecycle.get("lifecycleStateChange")) or "").upper()
    statistics = part.io_facets.get("outputStatistics") or part.io_facets.get("inputStatistics")
    if statistics and (won := _wins(statistics, io.statistics, at, rank)):
        io.statistics = won
        io.rows = _count(statistics.get("rowCount"))
        io.size_bytes = _count(statistics.get("size"))


def _wins(facet: dict[str, Any], known: Won | None, at: int, rank: int) -> Won | None:
    won = _won(canonical(facet), at, rank)
    return won if known is None or won.order > known.order else None


def _won(body: bytes, at: int, rank: int) -> Won:
    return Won(at, rank, hashlib.sha256(body).digest())


def _assertions(part: DatasetPart) -> Iterator[dict[str, Any]]:
    """Every assertion with an answer, from both places where producers put them."""
    for facets in (part.facets, part.io_facets):
        assertions = facets.get("dataQualityAssertions", {}).get("assertions")
        for assertion in assertions if isinstance(assertions, list) else []:
            if isinstance(assertion, dict) and isinstance(assertion.get("success"), bool):
                yield assertion


def _test_claim(assertion: dict[str, Any], event: Event) -> TestClaim:
    body = canonical(assertion)
    # The name, where there is one, tells apart two tests of one sort on one column.
    parts = [text_of(assertion.get(k)) or "" for k in ("assertion", "column", "name")]
    success = assertion["success"]
    # dbt reports a test that never ran as failed, but without an actual value.
    untold = not success and assertion.get("actual") is None and "integration/dbt" in event.producer
    return TestClaim(
        key=hashlib.sha256("\0".join(parts).encode()).digest()[:16],
        won=_won(body, event.time, TYPE_RANK[event.type]),
        success=success,
        executed=not untold,
        blocking=assertion.get("severity") != "warn",
        body=body,
    )


def _pair(value: Any) -> tuple[str, str] | None:
    if isinstance(value, dict):
        namespace, name = text_of(value.get("namespace")), text_of(value.get("name"))
        if namespace and name:
            return namespace, name
    return None


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if is_count else None
