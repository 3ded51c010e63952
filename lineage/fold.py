"""Events of one run = what is known of it. Pure, order-free and repeatable.

A run is folded from the few of its events that still matter. Everything merges by taking a greatest
element: of instants, of (instant, rank, hash), of sets. So any order, repetition or batching of the
same events ends in the same state.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from catalog.model import Trust
from lineage.derivation import explicit_lineage, named_sources
from lineage.estate import RunState
from lineage.events import Event, text_of
from lineage.facets import Body, Facet
from lineage.plans import (
    Candidates,
    Flow,
    Name,
    Pairs,
    Plan,
    Suite,
    Written,
    interests,
    plan_of,
)
from lineage.principals import PRECEDENCE, Said, said_in
from lineage.statistics import counts_in
from lineage.templates import Template
from lineage.traits import lifecycle_in
from lineage.values import is_uuid, object_of

T = TypeVar("T")

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


class Counted(NamedTuple):
    """What a statistics facet says of one dataset, even if it counts nothing."""

    name: Name
    is_output: bool
    rows: int | None
    size_bytes: int | None


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
    flow: Flow
    counted: tuple[Counted, ...]
    reports: tuple[Report, ...]


def matter(events: Iterable[Numbered]) -> list[Numbered]:
    """The events of a run that still matter, in no order that means anything.

    Events of one type that name the same datasets with the same facets say the same things, so the
    newest says them all; of those at the same instant every one stays. What lineage facets describe
    adds up, and so do reports of different data tests, so an event stays as long as no newer one
    repeats its.
    """
    newest: dict[tuple[bytes, ...], list[Numbered]] = {}
    for item in events:
        key = _saying(item.event)
        known = newest.get(key)
        if known is None or item.event.time > known[0].event.time:
            newest[key] = [item]
        elif item.event.time == known[0].event.time and item not in known:
            known.append(item)
    return [item for items in newest.values() for item in items]


def fold_run(events: Sequence[Numbered]) -> Run:
    """What is known of a run from the events that matter, at least one."""
    ordered = sorted(events, key=_newness, reverse=True)
    terminal = [item for item in ordered if item.event.type in TERMINAL]
    decided_by = max(terminal or ordered, key=_decisiveness)
    if terminal:
        state = TERMINAL[decided_by.event.type or ""]
    else:
        is_running = any(item.event.type in {"START", "RUNNING"} for item in ordered)
        state = RunState.RUNNING if is_running else RunState.UNKNOWN
    plan = _plan(ordered)
    return Run(
        state=state,
        terminals=frozenset(TERMINAL[item.event.type or ""] for item in terminal),
        at=(terminal or ordered)[0].event.time,
        decided_by=decided_by,
        parent=_first(ordered, plan.parents, parent_in),
        principal=_principal(ordered, plan),
        version=_first(ordered, plan.version, _version),
        flow=_flow(ordered, plan),
        counted=tuple(_counted(ordered, plan)),
        reports=tuple(_reports(ordered, plan)),
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


def _plan(ordered: Sequence[Numbered]) -> Plan:
    templates = tuple([item.event.template for item in ordered])
    group, groups = 0, [0]
    for before, item in pairwise(ordered):
        group += _newness(before) != _newness(item)
        groups.append(group)
    return plan_of(templates, tuple(groups))


def _newness(item: Numbered) -> tuple[int, int]:
    return item.event.time, TYPE_RANK[item.event.type]


def _decisiveness(item: Numbered) -> tuple[int, int, int, bytes]:
    event = item.event
    state = STATE_RANK[TERMINAL[event.type]] if event.type in TERMINAL else 0
    return event.time, state, TYPE_RANK[event.type], event.event_id


def _saying(event: Event) -> tuple[bytes, ...]:
    """What tells an event's statements from those of another that do not replace them.

    Of the template as far as the fold reads it; whatever else is in it is not.
    """
    _, reports, lineage = event.template.alike(_told)
    key = [event.template.once(_said)]
    for hole, tests in reports:
        facet: Any = event.values[hole]
        key.append(facet.meaning(tests))
    if lineage is not None:
        facet = event.values[lineage]
        key.append(facet.hash)
    return tuple(key)


def _said(template: Template) -> bytes:
    names = [text for p in template.places() for text in (p.namespace, p.name)]
    named = "\0".join(names).encode("utf-8", "surrogatepass")  # no name holds NUL
    return hashlib.sha256(template.alike(_told)[0] + named).digest()


def _told(template: Template) -> tuple[bytes, list[tuple[int, Suite]], int | None]:
    read = template.alike(interests)
    keys = [(i.side, i.number, i.what) for i in read]
    lineage = template.job_facets.get("lineage")
    many = len(template.inputs), len(template.outputs)
    said = repr((template.type, lineage is not None, many, keys))
    reports = [(i.hole, i.tests) for i in read if i.tests is not None]
    return hashlib.sha256(said.encode()).digest(), reports, lineage


def _best(ordered: Sequence[Numbered], candidates: Candidates) -> Facet:
    """The facet that wins its place: of those at one instant and rank the greatest hash does."""
    facets: list[Any] = [ordered[index].event.values[hole] for index, hole in candidates]
    found: Facet = facets[0] if len(facets) == 1 else max(facets, key=attrgetter("hash"))
    return found


def _first(
    ordered: Sequence[Numbered],
    places: Iterable[Candidates],
    read: Callable[[Body], T | None],
) -> T | None:
    for candidates in places:
        value = _best(ordered, candidates).meaning(read)
        if value is not None:
            return value
    return None


def _principal(ordered: Sequence[Numbered], plan: Plan) -> Said | None:
    """Who ran it, by the most telling facet that names somebody."""
    for name, candidates in plan.principals:
        said = _best(ordered, candidates).meaning(_SAYS[name])
        if said is not None and said.trust > Trust.E0:
            return said
    return None


_SAYS = {name: partial(said_in, name) for name in PRECEDENCE}


def _flow(ordered: Sequence[Numbered], plan: Plan) -> Flow:
    told = [_best(ordered, candidates) for _, _, candidates in plan.shaping]
    explicit: list[Any] = [ordered[index].event.values[hole] for index, hole in plan.lineage]
    key = tuple(facet.hash for facet in (*told, *explicit))
    flow = plan.flows.get(key)
    if flow is None:
        flow = _make_flow(ordered[0].event.job, plan, told, explicit)
        plan.flows.put(key, flow)
    return flow


def _make_flow(
    job: Name | None, plan: Plan, told: Sequence[Facet], explicit: Sequence[Facet]
) -> Flow:
    shaping = [(name, what) for name, what, _ in plan.shaping]
    hashes = [[facet.hash for facet in facets] for facets in (told, explicit)]
    said = repr((job, plan.inputs, plan.outputs, shaping, hashes))
    key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:16]
    # Not the plan, which holds this: a circle stays until Python looks for circles.
    describe = partial(_describe, plan.outputs, shaping, told, explicit)
    return Flow(key, plan.inputs, plan.outputs, describe)


def _describe(
    targets: Sequence[Name],
    shaping: Sequence[tuple[Name, str]],
    told: Sequence[Facet],
    explicit: Sequence[Facet],
) -> tuple[tuple[Written, ...], Pairs | None]:
    operations: dict[Name, str] = {}
    sources: dict[Name, tuple[Name, ...]] = {}
    for (name, what), facet in zip(shaping, told, strict=True):
        if what == "columnLineage":
            sources[name] = facet.meaning(named_sources)
        elif (change := facet.meaning(lifecycle_in)) is not None:
            operations[name] = change.operation
    outputs = (Written(n, operations.get(n, ""), sources.get(n, ())) for n in targets)
    return tuple(outputs), _explicit(explicit)


def _explicit(facets: Iterable[Facet]) -> Pairs | None:
    flows: set[tuple[Name, Name]] | None = None
    for facet in facets:
        said = facet.meaning(explicit_lineage)
        if said is not None:
            flows = flows or set()
            flows.update(
                ((a.namespace, a.name), (b.namespace, b.name)) for a, b in said.dataset_flows
            )
    return None if flows is None else frozenset(flows)


def _counted(ordered: Sequence[Numbered], plan: Plan) -> Iterator[Counted]:
    for name, is_output, candidates in plan.statistics:
        counts = _best(ordered, candidates).meaning(counts_in)
        yield Counted(name, is_output, counts.rows, counts.size_bytes)


def _reports(ordered: Sequence[Numbered], plan: Plan) -> Iterator[Report]:
    """Of each place the winner, and of reports about different data tests each.

    Of events that say the same at one instant the greatest id is the evidence, whichever came
    first.
    """
    won: dict[tuple[Name | None, int, bytes], tuple[tuple[int, bytes, bytes], Facet, Numbered]] = {}
    for index, group, subject, interest in plan.reports:
        item = ordered[index]
        facet: Any = item.event.values[interest.hole]
        if interest.tests is not None:
            key = (subject, interest.place, facet.meaning(interest.tests))
            claim = (-group, facet.hash, item.event.event_id)
            known = won.get(key)
            if known is None or claim > known[0]:
                won[key] = (claim, facet, item)
    for (subject, place, tests), (_, facet, item) in won.items():
        yield Report(subject, place, tests, item.event.time, facet, item.seq)


def _version(facet: Body) -> str | None:
    return text_of(facet.get("version"))


def _plain(run_id: str) -> str:
    """A run id as runs have it: producers write one UUID in several ways."""
    if not run_id or is_uuid(run_id):
        return run_id
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
