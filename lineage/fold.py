"""Events of one run = what is known of it. Pure, order-free and repeatable.

A run is folded from the few of its events that still matter. Everything merges by taking a greatest
element: of instants, of (instant, rank, hash), of sets. So any order, repetition or batching of the
same events ends in the same state.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from catalog.model import Trust
from lineage import data_tests
from lineage.derivation import explicit_lineage, named_sources
from lineage.estate import RunState
from lineage.events import Event, text_of
from lineage.facets import Body, Facet
from lineage.principals import PRECEDENCE, Said, said_in
from lineage.statistics import counts_in
from lineage.templates import Template
from lineage.traits import lifecycle_in
from lineage.values import object_of

T = TypeVar("T")

Name = tuple[str, str]
"""Namespace and name of a dataset or a job."""

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


class Numbered(NamedTuple):
    """An event with its number in the log, which decides nothing."""

    seq: int
    event: Event


class ReportPlace(NamedTuple):
    """Where data tests are reported."""

    side: str
    """input, output, or run for what is said of the run itself."""
    is_io: bool
    """Whether it is among the facets about this run only."""
    facet: str


REPORT_PLACES = tuple(
    ReportPlace(side, is_io, name)
    for name in data_tests.FACETS
    for side, is_io in (("input", False), ("input", True), ("output", False), ("run", False))
)
"""Every place, by its number."""

_PLACE_NUMBER = {place: number for number, place in enumerate(REPORT_PLACES)}


class Io(Struct):
    """What one run said of one dataset that it reads or writes."""

    operation: str = ""
    """What the lifecycle facet says, upper case; empty: nothing."""
    is_counted: bool = False
    """Whether a statistics facet was sent, even if it counts nothing."""
    rows: int | None = None
    size_bytes: int | None = None
    sources: tuple[Name, ...] = ()
    """Datasets that its column lineage names."""


@dataclass(frozen=True, slots=True)
class Parent:
    """What a run's parent facet names."""

    run_id: str
    job: Name | None
    root: Name | None
    root_run: str = ""


class Report(Struct, frozen=True):
    """A facet that reports data tests."""

    subject: Name | None
    """The dataset; ``None``: the run itself."""
    place: int
    tests: bytes
    """Which data tests it is about: a hash of their keys."""
    at: int
    facet: Facet
    seq: int


class Run(Struct, frozen=True):
    """One run of one job after all events seen so far."""

    state: RunState
    terminals: frozenset[RunState]
    """Terminal states that were ever said; more than one is a conflict."""
    at: int
    """When it ended, else its newest event's time."""
    decided_by: Numbered
    """The event that decided its state, else the newest."""
    parent: Parent | None
    principal: Said | None
    version: str | None
    """Code version as its own events name it."""
    inputs: dict[Name, Io]
    outputs: dict[Name, Io]
    explicit: frozenset[tuple[Name, Name]] | None
    """Every flow between datasets that lineage facets describe; ``None``: none of them does."""
    reports: tuple[Report, ...]


Key = tuple[str, Name | None, str | tuple[int, bytes]]
"""What a facet competes for: its side, the dataset, and the facet's name or the report's place with
the tests that it is about."""


class Won(NamedTuple):
    """The facet that wins its place: the greatest (instant, rank, hash) does.

    Of events that say the same at one instant the greatest id is the evidence, whichever came
    first.
    """

    at: int
    rank: int
    hash: bytes
    event_id: bytes
    facet: Facet
    seq: int


def matter(events: Iterable[Numbered]) -> list[Numbered]:
    """The events of a run that still matter, in no order that means anything.

    Events of one type that name the same datasets with the same facets say the same things, so the
    newest says them all; of those at the same instant every one stays. What lineage facets describe
    adds up, and so do reports of different data tests, so an event stays as long as no newer one
    repeats its.
    """
    newest: dict[tuple[bytes, ...], list[Numbered]] = {}
    for item in events:
        key = (item.event.template.once(_saying), *_adding_up(item.event))
        known = newest.get(key)
        if known is None or item.event.time > known[0].event.time:
            newest[key] = [item]
        elif item.event.time == known[0].event.time and item not in known:
            known.append(item)
    return [item for items in newest.values() for item in items]


def fold_run(events: Sequence[Numbered]) -> Run:
    """What is known of a run from the events that matter, at least one."""
    terminal = [item for item in events if item.event.type in TERMINAL]
    decided_by = max(terminal or events, key=_decisiveness)
    if terminal:
        state = TERMINAL[decided_by.event.type or ""]
    else:
        is_running = any(item.event.type in {"START", "RUNNING"} for item in events)
        state = RunState.RUNNING if is_running else RunState.UNKNOWN
    won = _winners(events)
    return Run(
        state=state,
        terminals=frozenset(TERMINAL[item.event.type or ""] for item in terminal),
        at=max(item.event.time for item in terminal or events),
        decided_by=decided_by,
        parent=_first(won, "run", ("parent", "parentRun"), parent_in),
        principal=_principal(won),
        version=_first(won, "job", ("sourceCodeLocation",), _version),
        inputs=_sides(events, won, "input"),
        outputs=_sides(events, won, "output"),
        explicit=_explicit(events),
        reports=tuple(_reports(won)),
    )


def parent_in(facet: Body) -> Parent | None:
    """What a parent facet names; ``None`` if that is neither a run nor a job."""
    run = facet.get("run")
    run_id = text_of(run.get("runId")) if isinstance(run, dict) else None
    job = _pair(facet.get("job"))
    root = facet.get("root")
    root_job = _pair(root.get("job")) if isinstance(root, dict) else None
    root_run = text_of(object_of(object_of(root).get("run")).get("runId")) or ""
    if not run_id and not job:
        return None
    return Parent(_plain(run_id or ""), job, root_job, _plain(root_run))


def _decisiveness(item: Numbered) -> tuple[int, int, int, bytes]:
    event = item.event
    state = STATE_RANK[TERMINAL[event.type]] if event.type in TERMINAL else 0
    return event.time, state, TYPE_RANK[event.type], event.event_id


def _saying(template: Template) -> bytes:
    """What tells templates apart as far as the fold reads them; whatever else is in them is not."""
    names = [(p.namespace, p.name) for p in template.inputs]
    names += [("", ""), *((p.namespace, p.name) for p in template.outputs)]
    read = [key for key, _ in template.once(_interests)]
    said = repr((template.type, "lineage" in template.job_facets, names, read))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()


def _adding_up(event: Event) -> Iterator[bytes]:
    """What tells an event's statements from those of another that do not replace them."""
    for key, hole in event.template.once(_interests):
        facet = event.values[hole]
        if key[0] == "report" and isinstance(facet, Facet):
            yield _report_key(key, facet)[2][1]
    lineage = event.facet(event.template.job_facets.get("lineage"))
    if lineage is not None:
        yield lineage.hash


def _report_key(key: Key, facet: Facet) -> tuple[str, Name | None, tuple[int, bytes]]:
    """The place of a report, with the tests that it is about."""
    place = key[2][0] if isinstance(key[2], tuple) else 0
    return key[0], key[1], (place, facet.meaning(_SUITES[REPORT_PLACES[place].facet]))


def _suite(name: str) -> Callable[[Body], bytes]:
    def tests(facet: Body) -> bytes:
        keys = b"".join(result.key for result in data_tests.results_in(name, facet))
        return hashlib.sha256(keys).digest()[:16]

    return tests


_SUITES = {name: _suite(name) for name in data_tests.FACETS}


def _interests(template: Template) -> tuple[tuple[Key, int], ...]:
    """Facets of an event that the fold reads, and what each competes for."""
    return tuple(_find_interests(template))


def _find_interests(template: Template) -> Iterator[tuple[Key, int]]:
    for name in ("parent", "parentRun", *PRECEDENCE):
        if name in template.run_facets:
            yield ("run", None, name), template.run_facets[name]
    if "sourceCodeLocation" in template.job_facets:
        yield ("job", None, "sourceCodeLocation"), template.job_facets["sourceCodeLocation"]
    yield from _report_interests("run", None, template.run_facets, is_io=False)
    for side, places in (("input", template.inputs), ("output", template.outputs)):
        for place in places:
            dataset = (place.namespace, place.name)
            for name in ("columnLineage", "lifecycleStateChange"):
                if side == "output" and name in place.facets:
                    yield (side, dataset, name), place.facets[name]
            for name in ("outputStatistics", "inputStatistics"):
                if name in place.io_facets:
                    yield (side, dataset, "statistics"), place.io_facets[name]
                    break
            yield from _report_interests(side, dataset, place.facets, is_io=False)
            yield from _report_interests(side, dataset, place.io_facets, is_io=True)


def _report_interests(
    side: str, subject: Name | None, facets: Mapping[str, int], *, is_io: bool
) -> Iterator[tuple[Key, int]]:
    for name in data_tests.FACETS:
        number = _PLACE_NUMBER.get(ReportPlace(side, is_io, name))
        if number is not None and name in facets:
            yield ("report", subject, (number, b"")), facets[name]


def _winners(events: Sequence[Numbered]) -> dict[Key, Won]:
    won: dict[Key, Won] = {}
    for seq, event in events:
        at, rank, values = event.time, TYPE_RANK[event.type], event.values
        for key, hole in event.template.once(_interests):
            facet = values[hole]
            if isinstance(facet, Facet):
                place = _report_key(key, facet) if key[0] == "report" else key
                known = won.get(place)
                if known is None or (at, rank, facet.hash, event.event_id) > known[:4]:
                    won[place] = Won(at, rank, facet.hash, event.event_id, facet, seq)
    return won


def _first(
    won: Mapping[Key, Won], side: str, names: Iterable[str], read: Callable[[Body], T | None]
) -> T | None:
    for name in names:
        found = won.get((side, None, name))
        value = found.facet.meaning(read) if found else None
        if value is not None:
            return value
    return None


def _principal(won: Mapping[Key, Won]) -> Said | None:
    """Who ran it, by the most telling facet that names somebody."""
    for name in PRECEDENCE:
        found = won.get(("run", None, name))
        said = found.facet.meaning(_SAYS[name]) if found else None
        if said is not None and said.trust > Trust.E0:
            return said
    return None


_SAYS = {name: partial(said_in, name) for name in PRECEDENCE}


def _sides(events: Sequence[Numbered], won: Mapping[Key, Won], side: str) -> dict[Name, Io]:
    found: dict[Name, Io] = {}
    for _, event in events:
        template = event.template
        for place in template.inputs if side == "input" else template.outputs:
            name = (place.namespace, place.name)
            if name not in found:
                found[name] = _io(won, side, name)
    return found


def _io(won: Mapping[Key, Won], side: str, name: Name) -> Io:
    io = Io()
    lineage = won.get((side, name, "columnLineage"))
    if lineage is not None:
        io.sources = lineage.facet.meaning(named_sources)
    lifecycle = won.get((side, name, "lifecycleStateChange"))
    if lifecycle is not None:
        change = lifecycle.facet.meaning(lifecycle_in)
        io.operation = change.operation if change else ""
    statistics = won.get((side, name, "statistics"))
    if statistics is not None:
        counts = statistics.facet.meaning(counts_in)
        io.is_counted, io.rows, io.size_bytes = True, counts.rows, counts.size_bytes
    return io


def _explicit(events: Sequence[Numbered]) -> frozenset[tuple[Name, Name]] | None:
    flows: set[tuple[Name, Name]] | None = None
    for _, event in events:
        facet = event.facet(event.template.job_facets.get("lineage"))
        said = facet.meaning(explicit_lineage) if facet else None
        if said is not None:
            flows = flows or set()
            flows.update(
                ((a.namespace, a.name), (b.namespace, b.name)) for a, b in said.dataset_flows
            )
    return None if flows is None else frozenset(flows)


def _reports(won: Mapping[Key, Won]) -> Iterator[Report]:
    for (side, subject, place), found in won.items():
        if side == "report" and isinstance(place, tuple):
            yield Report(subject, *place, found.at, found.facet, found.seq)


def _version(facet: Body) -> str | None:
    return text_of(facet.get("version"))


def _plain(run_id: str) -> str:
    """A run id as runs have it: producers write one UUID in several ways."""
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return run_id


def _pair(value: Any) -> Name | None:
    if isinstance(value, dict):
        namespace, name = text_of(value.get("namespace")), text_of(value.get("name"))
        if namespace and name:
            return namespace, name
    return None
