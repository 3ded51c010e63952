"""The story of one run: how it ended, who ran it, what it touched, and every event that says so."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from catalog.database import present
from catalog.model import AssetKey, Kind
from catalog.moments import microseconds, moment
from lineage import data_tests
from lineage.assets import ASSET, JOB
from lineage.believing import above_runs
from lineage.data_tests import Assertion
from lineage.dbt_commands import Commands
from lineage.estate import DataTestStatus, RunState
from lineage.events import text_of
from lineage.fold import TERMINAL, TYPE_RANK, Numbered, Report, Run, fold_run
from lineage.job_runs import RunLine, line, lines
from lineage.keys import AS_SAID, Parentage
from lineage.log import EventLog
from lineage.plans import REPORT_PLACES, Name
from lineage.principals import Said
from lineage.runs import RUN, RUN_EVENT, decode_events, id_bytes
from lineage.templates import Place, Template
from lineage.traits import CodePlace, code_place_in, job_type_in
from lineage.values import object_of

EVENTS_MOST = 50
RUNS_MOST = 50

_CHILDREN_WITHIN = timedelta(days=7)
"""How long after its parent a run may end: the search for children must end somewhere."""


@dataclass(frozen=True, slots=True)
class Ending:
    """An event that said how the run ended."""

    state: RunState
    at: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A run above or below."""

    run_id: str
    job: AssetKey | None
    line: RunLine | None
    """``None``: no event of its own has arrived."""
    standing: Parentage = Parentage.SAID
    """How far to believe that it is above or below."""


@dataclass(frozen=True, slots=True)
class Part:
    """A dataset that it read or wrote."""

    key: AssetKey
    operation: str
    """READ for inputs; for outputs WRITE or what the lifecycle facet says."""
    rows: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Tested:
    """A data test that it reported."""

    dataset: AssetKey | None
    """``None``: the run does not say of which."""
    result: Assertion
    status: DataTestStatus | None
    """``None``: the run has not ended, so there is no answer yet."""
    event_id: str
    is_doubtful: bool = False
    """Whether skipped may as well be broken: the producer does not say."""


@dataclass(frozen=True, slots=True)
class RawFacet:
    """The newest body of a facet that it carried, as it was sent (after redaction)."""

    path: str
    """Such as ``run.facets.parent``, or ``outputs`` with namespace, name and facet."""
    body: Mapping[str, Any]
    event_id: str


@dataclass(frozen=True, slots=True)
class Spoke:
    """One event of the run."""

    seq: int
    event_id: str
    type: str | None
    at: datetime
    received_at: datetime
    key_id: int | None
    is_out_of_scope: bool


@dataclass(frozen=True, slots=True)
class RunStory:
    """One run of one job."""

    pk: int
    line: RunLine
    producer: str
    endings: tuple[Ending, ...]
    """Newest first; of more than one state the first counts."""
    principal: Said | None
    code: CodePlace | None
    parent: Relative | None
    root: AssetKey | None
    root_standing: Parentage
    """How far to believe that."""
    children: tuple[Relative, ...]
    inputs: tuple[Part, ...]
    outputs: tuple[Part, ...]
    tests: tuple[Tested, ...]
    error: str | None
    """Message and stack trace."""
    facets: tuple[RawFacet, ...]
    """By path."""
    events: int
    event_id: str
    """The one that decided its state, else the newest."""
    key_id: int | None
    """The producer key that this one came with, if that covers it."""


def kept_id(sent: str) -> str:
    """A run's id as it is kept: producers write one UUID in several ways."""
    try:
        return str(uuid.UUID(sent))
    except ValueError:
        return sent


def jobs_of_run(engine: Engine, run_id: str) -> tuple[AssetKey, ...]:
    """The jobs whose runs have this id: one as a rule."""
    query = (
        select(ASSET.c.namespace, ASSET.c.name)
        .join(RUN, RUN.c.job_id == ASSET.c.id)
        .where(RUN.c.run_id == id_bytes(run_id))
        .order_by(ASSET.c.namespace, ASSET.c.name)
        .limit(RUNS_MOST)
    )
    with engine.connect() as connection:
        return tuple(AssetKey(Kind.JOB, *row) for row in connection.execute(query))


def run_story(engine: Engine, job: AssetKey, run_id: str) -> RunStory | None:
    """One run with all that its events say; ``None`` if none has arrived."""
    at = present(engine)
    with engine.connect() as connection:
        query = lines().add_columns(RUN.c.events, RUN.c.key_id, RUN.c.job_id)
        row = connection.execute(
            query.where(
                RUN.c.run_id == id_bytes(run_id),
                ASSET.c.kind == JOB,
                ASSET.c.namespace == job.namespace,
                ASSET.c.name == job.name,
            )
        ).first()
        if row is None:
            return None
        stored = EventLog().numbered(connection, decode_events(row.events))
        events = [Numbered(seq, found.event) for seq, found in stored.items()]
        return _story(connection, row, events, microseconds(at))


def run_events(engine: Engine, pk: int, before: int | None = None) -> tuple[Spoke, ...]:
    """Events of a run, the last to arrive first, ``EVENTS_MOST`` at most.

    ``before`` is the ``seq`` of the last one of the page before.
    """
    query = select(RUN_EVENT.c.seq).where(RUN_EVENT.c.run_pk == pk)
    if before is not None:
        query = query.where(RUN_EVENT.c.seq < before)
    with engine.connect() as connection:
        newest = query.order_by(RUN_EVENT.c.seq.desc()).limit(EVENTS_MOST)
        stored = EventLog().numbered(connection, connection.execute(newest).scalars())
    return tuple(
        Spoke(
            seq,
            one.event.event_id.hex(),
            one.event.type,
            moment(one.event.time),
            moment(one.received_at),
            one.event.key_id,
            one.event.is_out_of_scope,
        )
        for seq, one in sorted(stored.items(), reverse=True)
    )


def _story(connection: Connection, row: Row[Any], events: Sequence[Numbered], at: int) -> RunStory:
    run = fold_run(events)
    ids = {item.seq: item.event.event_id.hex() for item in events}
    facets = tuple(_raw(events))
    said = {facet.path: facet.body for facet in facets}
    error = _error(said.get("run.facets.errorMessage"))
    code = said.get("job.facets.sourceCodeLocation")
    total = connection.execute(
        select(func.count()).select_from(RUN_EVENT).where(RUN_EVENT.c.run_pk == row.id)
    ).scalar()
    above = above_runs(connection, [row.id], at).get(row.id, AS_SAID)
    return RunStory(
        pk=row.id,
        line=line(row),
        producer=run.decided_by.event.producer,
        endings=tuple(_endings(events)),
        principal=run.principal,
        code=code_place_in(code) if code else None,
        parent=_parent(connection, run, above.parent),
        root=_job(run.parent.root) if run.parent else None,
        root_standing=above.root,
        children=_children(connection, row, at),
        inputs=tuple(_parts(run, is_output=False)),
        outputs=tuple(_parts(run, is_output=True)),
        tests=settled_tests(connection, row, tuple(_tests(run, ids, error)), at),
        error=error,
        facets=facets,
        events=int(total or 0),
        event_id=run.decided_by.event.event_id.hex(),
        key_id=row.key_id,
    )


def _endings(events: Sequence[Numbered]) -> Iterator[Ending]:
    said = [item.event for item in events if item.event.type in TERMINAL]
    said.sort(key=lambda e: (e.time, TYPE_RANK[e.type], e.event_id), reverse=True)
    for event in said:
        yield Ending(TERMINAL[event.type or ""], moment(event.time), event.event_id.hex())


def _parent(connection: Connection, run: Run, standing: Parentage) -> Relative | None:
    if run.parent is None:
        return None
    job = _job(run.parent.job)
    found = None
    if run.parent.run_id:
        query = lines().where(RUN.c.run_id == id_bytes(run.parent.run_id))
        if job is not None:
            query = query.where(ASSET.c.namespace == job.namespace, ASSET.c.name == job.name)
        found = connection.execute(query.limit(1)).first()
    return Relative(run.parent.run_id, job, line(found) if found else None, standing)


def _children(connection: Connection, row: Row[Any], at: int) -> tuple[Relative, ...]:
    # By time, which has an index, and by parent only among those.
    until = row.at + _CHILDREN_WITHIN // timedelta(microseconds=1)
    query = (
        lines()
        .where(RUN.c.at.between(row.started_at, until), RUN.c.parent_run == row.run_id)
        .order_by(RUN.c.at, RUN.c.id)
        .limit(RUNS_MOST)
    )
    children = [child for child in connection.execute(query) if child.id != row.id]
    above = above_runs(connection, (child.id for child in children), at)
    found = ((line(child), above.get(child.id, AS_SAID).parent) for child in children)
    return tuple(Relative(child.run_id, child.job, child, said) for child, said in found)


def _parts(run: Run, *, is_output: bool) -> Iterator[Part]:
    counted = {c.name: c for c in run.counted if c.is_output is is_output}
    read = [(name, "READ") for name in run.flow.inputs]
    written = [(w.name, w.operation or "WRITE") for w in run.flow.outputs]
    for name, operation in written if is_output else read:
        counts = counted.get(name)
        rows, size = (counts.rows, counts.size_bytes) if counts else (None, None)
        yield Part(AssetKey(Kind.DATASET, *name), operation, rows, size)


def tests_of(events: Sequence[Numbered]) -> tuple[Tested, ...]:
    """Data tests that the events of a run report, as far as it tells by itself."""
    said = {facet.path: facet.body for facet in _raw(events)}
    ids = {item.seq: item.event.event_id.hex() for item in events}
    return tuple(_tests(fold_run(events), ids, _error(said.get("run.facets.errorMessage"))))


def _tests(run: Run, ids: Mapping[int, str], error: str | None) -> Iterator[Tested]:
    producer = run.decided_by.event.producer
    reported = [
        (report, data_tests.results_in(REPORT_PLACES[report.place].facet, report.facet.value))
        for report in sorted(run.reports, key=lambda r: (r.subject or ("", ""), r.place, r.tests))
    ]
    severities = data_tests.severities(x for r, found in reported if _is_check(r) for x in found)
    of_datasets = [result for report, found in reported if report.subject for result in found]
    on_datasets = {key for result in of_datasets for key in data_tests.keys_of(result)}
    for report, found in reported:
        dataset = AssetKey(Kind.DATASET, *report.subject) if report.subject else None
        for result in found:
            if not (_is_check(report) and result.key in on_datasets):
                told = data_tests.graded(result, severities)
                status = data_tests.status(told, run.state, producer, error)
                yield Tested(dataset, told, status, ids[report.seq])


def settled_tests(
    connection: Connection, row: Row[Any], tests: tuple[Tested, ...], at: int
) -> tuple[Tested, ...]:
    """Data tests, with those that dbt leaves open told as far as the rest of its command tells."""
    if not any(test.status and data_tests.is_open(test.result, test.status) for test in tests):
        return tests
    blocking = {test.status for test in tests if test.result.blocking}
    failed = {row.id} if DataTestStatus.FAIL in blocking else set[int]()
    key = (row.run_id, row.job_id)
    command = Commands(connection, {}, failed, at).of([key]).get(key)
    return tuple(_settled_one(test, command) for test in tests)


def _settled_one(test: Tested, command: data_tests.Command | None) -> Tested:
    if command is None or test.status is None or not data_tests.is_open(test.result, test.status):
        return test
    status = data_tests.unexecuted(test.result, command, names_all=test.dataset is None)
    return replace(test, is_doubtful=True) if status is None else replace(test, status=status)


def _is_check(report: Report) -> bool:
    return REPORT_PLACES[report.place].facet == data_tests.CHECKS


def is_endless(story: RunStory) -> bool:
    """Whether runs of its job end only by accident."""
    said = next((f.body for f in story.facets if f.path == "job.facets.jobType"), None)
    return said is not None and job_type_in(said).is_endless


def schedule(story: RunStory) -> str | None:
    """When its job is to run, as the scheduler of this run says; ``None``: it does not say."""
    said = {facet.path: facet.body for facet in story.facets}
    dag = object_of(said.get("run.facets.airflow", {}).get("dag"))
    for key in ("timetable_summary", "schedule_interval"):
        if told_when := text_of(dag.get(key)):
            return told_when
    nominal = said.get("run.facets.nominalTime", {})
    start, end = (text_of(nominal.get(key)) for key in ("nominalStartTime", "nominalEndTime"))
    if start is None:
        return None
    return f"for {start}" + (f" to {end}" if end and end != start else "")


def _error(facet: Mapping[str, Any] | None) -> str | None:
    if facet is None:
        return None
    told = (text_of(facet.get(key)) for key in ("message", "stackTrace"))
    return "\n\n".join(text for text in told if text) or None


def _raw(events: Sequence[Numbered]) -> Iterator[RawFacet]:
    """The newest body of every facet, by path."""
    won: dict[str, tuple[tuple[int, int, bytes], RawFacet]] = {}
    for _, event in events:
        for path, hole in _holes(event.template):
            facet = event.facet(hole)
            if facet is None:
                continue
            order = (event.time, TYPE_RANK[event.type], facet.hash)
            if path not in won or order > won[path][0]:
                won[path] = order, RawFacet(path, facet.value, event.event_id.hex())
    for path in sorted(won):
        yield won[path][1]


def _holes(template: Template) -> Iterator[tuple[str, int]]:
    for what, holes in (("run", template.run_facets), ("job", template.job_facets)):
        for name, hole in holes.items():
            yield f"{what}.facets.{name}", hole
    for side, places in (("input", template.inputs), ("output", template.outputs)):
        for place in places:
            yield from _place_holes(side, place)


def _place_holes(side: str, place: Place) -> Iterator[tuple[str, int]]:
    about = f"{side}s {place.namespace} {place.name}"
    for holder, holes in (("facets", place.facets), (f"{side}Facets", place.io_facets)):
        for name, hole in holes.items():
            yield f"{about} {holder}.{name}", hole


def _job(name: Name | None) -> AssetKey | None:
    return AssetKey(Kind.JOB, *name) if name else None
