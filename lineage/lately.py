"""Runs of the last 30 days in the tables: where each stands, and how a whole turned out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from catalog.model import Evidence
from catalog.moments import moment
from lineage import airflow
from lineage import observed as o
from lineage.current import is_endless
from lineage.estate import RunState
from lineage.fold import RANKED_STATES, STATE_RANK, TERMINAL, TYPE_RANK
from lineage.log import EventLog
from lineage.outcomes import Habits, Outcome, Part, RunKey, outcome
from lineage.runs import RUN, decode_events
from lineage.traits import job_type_in

COMPLETE = STATE_RANK[RunState.COMPLETE]
RUN_COLUMNS = (
    RUN.c.id, RUN.c.run_id, RUN.c.job_id, RUN.c.state, RUN.c.terminals, RUN.c.started_at, RUN.c.at,
    RUN.c.shape_id, RUN.c.parent_run, RUN.c.parent_job_id, RUN.c.root_job_id, RUN.c.principal_id,
    RUN.c.trust, RUN.c.key_id, RUN.c.producer_id, RUN.c.version_id, RUN.c.seq,
)  # fmt: skip


class RunRow(NamedTuple):
    """A row of these columns; rows of the database are read by name several times as slowly."""

    id: int
    run_id: bytes
    job_id: int
    state: int
    terminals: int
    started_at: int
    at: int
    shape_id: int
    parent_run: bytes | None
    parent_job_id: int | None
    root_job_id: int | None
    principal_id: int | None
    trust: int | None
    key_id: int | None
    producer_id: int
    version_id: int | None
    seq: int


class Lately:
    """Runs of the last 30 days, newest first."""

    def __init__(
        self,
        connection: Connection,
        jobs: Mapping[int, o.Asset],
        as_of: datetime,
        bounds: tuple[int, int],
        groups: Mapping[int, int],
    ) -> None:
        self._connection = connection
        self._jobs = jobs
        self._groups = groups
        query = select(*RUN_COLUMNS).where(RUN.c.at.between(*bounds))
        newest_first = query.order_by(RUN.c.at.desc(), RUN.c.started_at.desc(), RUN.c.run_id.desc())
        self.rows: list[RunRow] = run_rows(connection, newest_first)
        self.successful = [row for row in self.rows if row.state == COMPLETE]
        self.finished: dict[int, int] = defaultdict(int)
        """How many runs of each job ended."""
        longest: dict[int, int] = defaultdict(int)
        self._below: dict[RunKey, list[RunRow]] = defaultdict(list)
        for row in self.rows:
            if row.terminals:
                self.finished[row.job_id] += 1
                longest[row.job_id] = max(longest[row.job_id], row.at - row.started_at)
            if row.parent_run is not None and row.parent_job_id is not None:
                self._below[row.parent_run, row.parent_job_id].append(row)
        self.habits = Habits(
            as_of,
            frozenset(i for i, job in jobs.items() if is_endless(job)),
            {job_id: timedelta(microseconds=took) for job_id, took in longest.items()},
        )
        self._told: dict[RunKey, tuple[RunState, Evidence]] = {}

    def state(self, row: RunRow) -> RunState:
        """Where a run stands, as Airflow's own record has it if there is one."""
        told = self._told.get((row.run_id, row.job_id))
        if told is not None:
            return told[0]
        return self.habits.state(row.job_id, RANKED_STATES[row.state], moment(row.at))

    def told(self, row: RunRow) -> tuple[Evidence, ...]:
        """Where its state was read, if not in its own events."""
        told = self._told.get((row.run_id, row.job_id))
        return (told[1],) if told else ()

    def outcome(self, row: RunRow, failed: frozenset[int]) -> tuple[Outcome, RunRow]:
        """How a run turned out with all below it, and the run that made it so.

        Args:
            row: The run.
            failed: Runs in which a blocking data test failed.
        """
        start = row.run_id, row.job_id
        rows: dict[RunKey, RunRow] = {start: row}

        def part(row: RunRow) -> Part:
            key = (row.run_id, row.job_id)
            at = moment(row.started_at), moment(row.at)
            return Part(key, self.state(row), *at, has_failed_tests=row.id in failed)

        def below(key: RunKey) -> Iterator[Part]:
            children = self._below.get(key, [])
            for child in [*children, *(self._beside(row) if key == start else ())]:
                rows.setdefault((child.run_id, child.job_id), child)
                yield part(child)

        found = outcome(part(row), below)
        return found, rows[found.cause]

    def _beside(self, row: RunRow) -> Iterator[RunRow]:
        """Runs of the same job under its other names, within the same parent: a model's tests."""
        whole = self._groups.get(row.job_id, row.job_id)
        if row.parent_run is None or row.parent_job_id is None:
            return
        for other in self._below.get((row.parent_run, row.parent_job_id), ()):
            if other.job_id != row.job_id and self._groups.get(other.job_id, other.job_id) == whole:
                yield other

    def ask_airflow(self, latest: Iterable[RunRow]) -> None:
        """Look up how tasks ended where Airflow says it: at the end of their DAG's run."""
        dags = {row.id: row for row in latest if row.terminals and self._is_dag(row.job_id)}
        open_above = {
            (row.parent_run, row.parent_job_id)
            for row in latest
            if row.parent_run and (not row.terminals or row.terminals & (row.terminals - 1))
        }
        dags |= {
            row.id: row
            for row in self.rows
            if open_above and (row.run_id, row.job_id) in open_above and self._is_dag(row.job_id)
        }
        events = EventLog().numbered(self._connection, {row.seq for row in dags.values()})
        for row in dags.values():
            event = events[row.seq].event
            facet = event.facet(event.template.run_facets.get(airflow.FACET))
            if facet is not None:
                states = facet.meaning(airflow.task_states)
                self._take(row, states, event.event_id.hex())

    def _take(self, dag: RunRow, states: Mapping[str, RunState], event_id: str) -> None:
        tries: dict[int, list[RunRow]] = defaultdict(list)
        for child in self._below.get((dag.run_id, dag.job_id), ()):
            tries[child.job_id].append(child)
        for job_id, rows in tries.items():
            task = airflow.task_id(self._jobs[job_id].name, self._jobs[dag.job_id].name)
            rows.sort(key=lambda r: (r.started_at, r.run_id))
            # Of a mapped task many runs go on at once, and one word stands for all of them.
            is_mapped = any(b.started_at < a.at for a, b in pairwise(rows))
            if task in states and not is_mapped and self.state(rows[-1]) is not states[task]:
                path = f"run.facets.{airflow.FACET}.tasksState.{task}"
                evidence = Evidence(states[task].value, event_id=event_id, facet=path)
                self._told[rows[-1].run_id, job_id] = states[task], evidence

    def _is_dag(self, job_id: int) -> bool:
        facet = self._jobs[job_id].facets.get("jobType")
        said = job_type_in(facet.body) if facet else None
        return said is not None and (said.integration, said.type) == ("AIRFLOW", "DAG")


def run_rows(connection: Connection, query: Select[Any]) -> list[RunRow]:
    """What a query of these columns answers."""
    return [RunRow(*row) for row in connection.execute(query).all()]


def conflicts(connection: Connection, latest: Iterable[RunRow]) -> dict[int, tuple[Evidence, ...]]:
    """By run, the events that say different ends of it, the newest first."""
    rows = [row.id for row in latest if row.terminals & (row.terminals - 1)]
    seqs: dict[int, list[int]] = {}
    for number in rows:
        body = connection.execute(select(RUN.c.events).where(RUN.c.id == number)).scalar_one()
        seqs[number] = decode_events(body)
    events = EventLog().numbered(connection, {seq for listed in seqs.values() for seq in listed})
    found = {}
    for number, listed in seqs.items():
        ends = {}
        said = [events[seq].event for seq in listed if events[seq].event.type in TERMINAL]
        for event in sorted(said, key=lambda e: (e.time, TYPE_RANK[e.type], e.event_id)):
            ends[TERMINAL[event.type or ""]] = event
        newest = sorted(ends.items(), key=lambda item: (-item[1].time, item[0]))
        found[number] = tuple(
            Evidence(state.value, event_id=event.event_id.hex(), facet="eventType")
            for state, event in newest
        )
    return found
