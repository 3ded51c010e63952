"""What runs and declarations said of columns: read from the log, each facet's body once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from catalog.database import chunks
from lineage import payloads
from lineage.column_links import Told, by_columns, explicitly, of_output
from lineage.contents import Contents
from lineage.current import returned
from lineage.facets import Facet
from lineage.fold import TYPE_RANK
from lineage.lately import COMPLETE
from lineage.log import EVENT, PAYLOAD, EventLog
from lineage.newest import LAST_RUNS
from lineage.plans import plan_of
from lineage.projection import DECLARATION
from lineage.runs import RUN, decode_events
from lineage.shapes import SHAPE, SHAPE_DATASET, SHAPE_EDGE
from lineage.spelling import Name
from lineage.templates import Template

CHUNK = 2000
"""Runs of which events are read at a time."""
JOBS = 200
"""Jobs of which facets are read at a time."""

Body = int | Facet
"""A facet by the number of its body; the facet itself in events that are stored whole."""


class Heard(NamedTuple):
    """An event as far as it matters here."""

    seq: int
    time: int
    template: Template
    bodies: Sequence[Any]
    """What fills its holes: for a facet of a dataset or a job its body."""


class Spoken(NamedTuple):
    """A facet that a run's events carry and that counts."""

    output: Name | None
    """What carries it; ``None``: the job."""
    body: Body
    time: int
    seq: int


class Saying(NamedTuple):
    """What one run or declaration says."""

    job_id: int
    shape_id: int
    order: tuple[int, int, bytes]
    """Which of some runs is the latest: by end, start, run id."""
    state: int
    """-1: a declaration."""
    spoken: tuple[Spoken, ...]

    @property
    def at(self) -> int | None:
        """End or last sign of life; ``None`` for a declaration."""
        return None if self.is_declaration else self.order[0]

    @property
    def is_declaration(self) -> bool:
        return self.state < 0


class Statement(NamedTuple):
    """A link as one job says it."""

    told: Told
    by: Saying
    """What makes it current, else the newest run that carries it."""
    spoken: tuple[Spoken, ...]
    """What says it there."""
    current: bool
    provisional: bool
    declared: bool = False
    """Whether static lineage in force says it too."""


def jobs_about(connection: Connection, datasets: Iterable[int]) -> set[int]:
    """Jobs that ever read or wrote one of these, or derived anything from or to one."""
    found: set[int] = set()
    ends = (SHAPE_DATASET.c.dataset_id, SHAPE_EDGE.c.source_id, SHAPE_EDGE.c.target_id)
    for part in chunks(datasets):
        for end in ends:
            query = select(SHAPE.c.job_id).join(end.table, end.table.c.shape_id == SHAPE.c.id)
            found.update(connection.execute(query.where(end.in_(part)).distinct()).scalars())
    return found


class ColumnReader:
    """What jobs said of columns up to an instant."""

    def __init__(self, connection: Connection, until: int, endless: frozenset[int]) -> None:
        self._connection = connection
        self._until = until
        self._endless = endless
        self._contents = Contents()
        # Of a few jobs at a time: decoded facets take much room.
        self._facets: dict[int, Facet] = {}
        self._told: dict[tuple[tuple[Name | None, Body], ...], dict[Told, list[int]]] = {}

    def statements(
        self, jobs: set[int] | None = None, *, ever: bool = False
    ) -> Iterator[Statement]:
        """Every link that some jobs, or all, say.

        Args:
            jobs: Their ids; ``None``: all.
            ever: Whether also what is no longer current, which takes a look at every run.
        """
        by_job: dict[int, list[Saying]] = defaultdict(list)
        for saying in (*self._runs(jobs, ever=ever), *self._declarations(jobs)):
            by_job[saying.job_id].append(saying)
        for part in chunks(sorted(by_job), JOBS):
            self._load(one.body for i in part for saying in by_job[i] for one in saying.spoken)
            for job_id in part:
                yield from self._of_job(job_id, by_job.pop(job_id), ever=ever)

    def _load(self, bodies: Iterable[Body]) -> None:
        numbers = {body for body in bodies if isinstance(body, int)}
        self._facets = self._contents.facets(self._connection, numbers)
        self._told.clear()

    def _of_job(self, job_id: int, sayings: Sequence[Saying], *, ever: bool) -> Iterator[Statement]:
        runs = sorted((a for a in sayings if a.state >= 0), key=lambda a: a.order, reverse=True)
        successes = [run for run in runs if run.state == COMPLETE]
        is_endless = job_id in self._endless
        counting = (runs if is_endless else successes or runs)[:1]
        is_claim = not successes and not is_endless
        found: dict[Told, Statement] = {}

        def take(saying: Saying, links: Iterable[Told], *, current: bool, claim: bool) -> None:
            said = self._said(saying)
            for told in links:
                known = found.get(told)
                if known is None or (known.provisional and current and not claim):
                    spoken = tuple(saying.spoken[i] for i in said[told])
                    found[told] = Statement(told, saying, spoken, current, claim)

        for run in counting:
            take(run, self._said(run), current=True, claim=is_claim)
        last = successes[:LAST_RUNS]
        for told in self._came_back(last):
            newest = next(run for run in last if told in self._said(run))
            take(newest, [told], current=True, claim=False)
        static: set[Told] = set()
        for saying in sayings:
            if saying.is_declaration:
                static.update(self._said(saying))
                take(saying, self._said(saying), current=True, claim=False)
        for run in runs if ever else ():
            take(run, self._said(run), current=False, claim=False)
        for told, statement in found.items():
            yield statement._replace(declared=True) if told in static else statement

    def _came_back(self, last: Sequence[Saying]) -> tuple[Told, ...]:
        """What is missing from a run between two of these that have it."""
        said = [self._said(run) for run in last]
        if all(one is said[0] for one in said):
            return ()
        return returned(said)

    def _said(self, saying: Saying) -> dict[Told, list[int]]:
        """What is said, with the places of what says so: one object for all who say the same."""
        key = tuple((one.output, one.body) for one in saying.spoken)
        known = self._told.get(key)
        if known is None:
            known = self._told[key] = _read([(output, self._facet(body)) for output, body in key])
        return known

    def _facet(self, body: Body) -> Facet:
        return self._facets[body] if isinstance(body, int) else body

    # Reading

    def _runs(self, jobs: set[int] | None, *, ever: bool) -> Iterator[Saying]:
        columns = (
            RUN.c.id, RUN.c.job_id, RUN.c.shape_id, RUN.c.at, RUN.c.started_at, RUN.c.run_id,
            RUN.c.state, RUN.c.events,
        )  # fmt: skip
        query = select(*columns).where(RUN.c.at <= self._until)
        for part in [None] if jobs is None else chunks(jobs):
            chosen = query if part is None else query.where(RUN.c.job_id.in_(part))
            rows = self._connection.execute(chosen if ever else _lately(chosen)).all()
            for start in range(0, len(rows), CHUNK):
                yield from self._sayings(rows[start : start + CHUNK])

    def _sayings(self, rows: Sequence[Any]) -> Iterator[Saying]:
        listed = [decode_events(row.events) for row in rows]
        heard = self._heard({seq for seqs in listed for seq in seqs})
        for row, seqs in zip(rows, listed, strict=True):
            order = (row.at, row.started_at, row.run_id)
            spoken = _spoken([heard[seq] for seq in seqs])
            yield Saying(row.job_id, row.shape_id, order, row.state, spoken)

    def _declarations(self, jobs: set[int] | None) -> Iterator[Saying]:
        is_ahead = DECLARATION.c.at > self._until
        columns = DECLARATION.c.job_id, DECLARATION.c.shape_id, DECLARATION.c.seq
        # Whatever comes last stands.
        rows = self._connection.execute(
            select(*columns).order_by(is_ahead.desc(), DECLARATION.c.at)
        )
        standing = {row.job_id: row for row in rows if jobs is None or row.job_id in jobs}
        heard = self._heard({row.seq for row in standing.values()})
        for row in standing.values():
            spoken = _spoken([heard[row.seq]])
            yield Saying(row.job_id, row.shape_id, (0, 0, b""), -1, spoken)

    def _heard(self, seqs: set[int]) -> Mapping[int, Heard]:
        found: dict[int, Heard] = {}
        whole: set[int] = set()
        query = select(EVENT.c.seq, EVENT.c.event_time, PAYLOAD.c.template_id, PAYLOAD.c.body)
        query = query.join(PAYLOAD, PAYLOAD.c.seq == EVENT.c.seq)
        for part in chunks(seqs):
            rows = self._connection.execute(query.where(EVENT.c.seq.in_(part))).all()
            whole |= {row.seq for row in rows if row.template_id is None}
            packed = [row for row in rows if row.template_id is not None]
            ids = {row.template_id for row in packed}
            templates = self._contents.templates(self._connection, ids)
            for row in packed:
                template = templates[row.template_id]
                values = payloads.decode(row.body) if template.once(_tells) else ()
                found[row.seq] = Heard(row.seq, row.event_time, template, values)
        for seq, stored in EventLog().numbered(self._connection, whole).items():
            event = stored.event
            found[seq] = Heard(seq, event.time, event.template, event.values)
        return found


def _read(facets: Sequence[tuple[Name | None, Facet]]) -> dict[Told, list[int]]:
    """What facets say together, each with the places of those that say it."""
    found: dict[Told, list[int]] = defaultdict(list)
    is_explicit = False
    for place, (output, facet) in enumerate(facets):
        said = facet.meaning(explicitly) if output is None else None
        is_explicit |= said is not None
        for told in said or ():
            found[told].append(place)
    if is_explicit:  # then there are no others
        return dict(found)
    best: dict[Name, bytes] = {}
    for output, facet in facets:
        if output is not None:
            best[output] = max(facet.hash, best.get(output, facet.hash))
    for place, (output, facet) in enumerate(facets):
        if output is not None and facet.hash == best[output]:
            for told in of_output(output, facet.meaning(by_columns)):
                found[told].append(place)
    return dict(found)


def _lately(query: Select[Any]) -> Select[Any]:
    """Of each job the last successful runs that tell what it does, and the last other one."""
    order = (RUN.c.at.desc(), RUN.c.started_at.desc(), RUN.c.run_id.desc())
    place = func.row_number().over(
        partition_by=(RUN.c.job_id, RUN.c.state == COMPLETE), order_by=order
    )
    placed = query.add_columns(place.label("place")).subquery()
    is_last = (placed.c.place == 1) | ((placed.c.place <= LAST_RUNS) & (placed.c.state == COMPLETE))
    return select(placed).where(is_last)


def _tells(template: Template) -> bool:
    """Whether events of a template say anything of columns."""
    return "lineage" in template.job_facets or any(
        "columnLineage" in place.facets for place in template.outputs
    )


def _spoken(events: Sequence[Heard]) -> tuple[Spoken, ...]:
    """What counts of the events of one run, by the precedence of ``plans``.

    Of an output's column lineage the newest; several at one instant and rank, between which only
    their hashes decide. Of lineage facets all.
    """
    if not any(event.template.once(_tells) for event in events):
        return ()
    ordered = sorted(events, key=_newness, reverse=True)
    groups = [0]
    for before, event in pairwise(ordered):
        groups.append(groups[-1] + (_newness(before) != _newness(event)))
    plan = plan_of(tuple(event.template for event in ordered), tuple(groups))
    found = [
        _at(name, ordered[index], hole)
        for name, what, candidates in plan.shaping
        if what == "columnLineage"
        for index, hole in candidates
    ]
    found += [_at(None, ordered[index], hole) for index, hole in plan.lineage]
    return tuple(sorted(found, key=_place))


def _newness(event: Heard) -> tuple[int, int]:
    return event.time, TYPE_RANK[event.template.type]


def _at(output: Name | None, event: Heard, hole: int) -> Spoken:
    return Spoken(output, event.bodies[hole], event.time, event.seq)


def _place(spoken: Spoken) -> tuple[Name, int | bytes, int]:
    body = spoken.body
    number = body if isinstance(body, int) else int.from_bytes(body.hash, "big")
    return spoken.output or ("", ""), number, spoken.seq
