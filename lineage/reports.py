"""Results of data tests in the tables: what each said last, and how often it changed its mind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from catalog.moments import moment
from lineage import data_tests
from lineage import observed as o
from lineage.assets import ASSET, DATASET, words_by_id
from lineage.contents import Contents
from lineage.data_tests import Assertion
from lineage.estate import DataTestStatus, RunState
from lineage.events import text_of
from lineage.fold import RANKED_STATES, REPORT_PLACES
from lineage.log import EventLog, event_ids
from lineage.outcomes import Habits
from lineage.runs import REPORT, RUN, SUITE, id_text

OLDER_REPORTS = 50
"""How many older reports on one dataset are looked through for an answer."""

_ANSWERS = (DataTestStatus.PASS, DataTestStatus.FAIL)


@dataclass(frozen=True, slots=True)
class Reports:
    """What data tests said."""

    newest: tuple[o.TestResult, ...]
    """The newest result of each data test."""
    tested_at: Mapping[int, datetime]
    """When a data test last ran to an answer on each dataset."""
    answered_at: Mapping[int, tuple[datetime, ...]]
    """When data tests ran to an answer on each dataset within the window, oldest first."""
    failed_runs: frozenset[int] = frozenset()
    """Rows of runs within the window in which a data test failed that stops the line."""


class _Result(NamedTuple):
    asset_id: int
    order: tuple[int, str, int]
    """When it was said, by which run, its event."""
    row: Row[Any]
    assertion: Assertion
    status: DataTestStatus


@dataclass(slots=True)
class _Habit:
    """What one data test did within the window."""

    results: int = 0
    flips: int = 0
    last: DataTestStatus | None = None


def read_reports(
    connection: Connection, since: int, until: int, groups: Mapping[int, int], habits: Habits
) -> Reports:
    """Results up to an instant; habits since another (both microseconds).

    Args:
        connection: To the store.
        since: Since when habits count.
        until: Up to when results count.
        groups: The id that stands for each asset of several names, by each of its ids.
        habits: What tells lost runs.
    """
    within = _query().where(REPORT.c.at.between(since, until))
    newest = (
        _query()
        .join(SUITE, (SUITE.c.run_pk == REPORT.c.run_pk) & (SUITE.c.asset_id == REPORT.c.asset_id)
              & (SUITE.c.place == REPORT.c.place))
        .where(REPORT.c.at < since)
    )  # fmt: skip
    reader = _Reader(connection, groups, habits)
    results = reader.read([*connection.execute(within), *connection.execute(newest)])
    results += reader.read(_before(connection, since, reader.unanswered(results)))
    results.sort(key=lambda r: r.order)
    found = _Found(since)
    for result in results:
        found.take(result)
    ids = event_ids(connection, (r.row.seq for r in found.last.values()))
    return Reports(
        tuple(_test_result(r, found.habits.get(key), ids) for key, r in found.last.items()),
        {i: moment(at) for i, at in found.tested.items()},
        {i: tuple(moment(at) for at in answers) for i, answers in found.answered.items()},
        frozenset(found.failed_runs),
    )


def _before(connection: Connection, since: int, assets: Iterable[int]) -> list[Row[Any]]:
    """Older reports of ended runs on assets, where newer ones have no answer yet."""
    query = (
        _query()
        .where(REPORT.c.at < since, RUN.c.terminals > 0)
        .order_by(REPORT.c.at.desc())
        .limit(OLDER_REPORTS)
    )
    return [row for i in assets for row in connection.execute(query.where(REPORT.c.asset_id == i))]


class _Found:
    """What results come to, taken from the oldest to the newest."""

    def __init__(self, since: int) -> None:
        self._since = since
        self.habits: dict[tuple[int, bytes], _Habit] = defaultdict(_Habit)
        self.last: dict[tuple[int, bytes], _Result] = {}
        self.answered: dict[int, list[int]] = defaultdict(list)
        self.tested: dict[int, int] = {}
        self.failed_runs: set[int] = set()

    def take(self, result: _Result) -> None:
        key, at = (result.asset_id, result.assertion.key), result.row.at
        self.last[key] = result
        if result.status not in _ANSWERS:
            return
        self.tested[result.asset_id] = at
        if at < self._since:
            return
        if result.status is DataTestStatus.FAIL and result.assertion.blocking:
            self.failed_runs.add(result.row.run_pk)
        habit = self.habits[key]
        habit.results += 1
        habit.flips += habit.last not in (None, result.status)
        habit.last = result.status
        if self.answered[result.asset_id][-1:] != [at]:
            self.answered[result.asset_id].append(at)


class _Reader:
    """Results of data tests from their reports; a body that many runs repeat is read once."""

    def __init__(self, connection: Connection, groups: Mapping[int, int], habits: Habits) -> None:
        self._connection = connection
        self._groups = groups
        self._habits = habits
        self._waiting: dict[tuple[int, bytes], int] = {}
        self._words = words_by_id(connection)

    def read(self, rows: Sequence[Row[Any]]) -> list[_Result]:
        """One result for each test of one asset in one run, of runs that came to an end."""
        facets = Contents().facets(self._connection, {row.body_id for row in rows})
        groups: dict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
        for row in {(r.run_pk, r.asset_id, r.place): r for r in rows}.values():
            subject = self._groups.get(row.asset_id, row.asset_id)
            groups[row.run_pk, subject].append(row)
        errors = self._errors(row for said in groups.values() for row in said)
        on_datasets: set[tuple[int, bytes]] = set()
        found = []
        # What a run says of datasets first: it may say the same again of itself.
        for (run_pk, subject), said in sorted(groups.items(), key=lambda g: g[1][0].kind):
            newest = max(said, key=lambda r: (r.at, r.place))
            results = data_tests.merged(
                assertion
                for row in said
                for assertion in facets[row.body_id].meaning(_READ[REPORT_PLACES[row.place].facet])
            )
            told = RANKED_STATES[newest.state]
            state = self._habits.state(newest.job_id, told, moment(newest.ended_at))
            error = errors.get(newest.run_pk)
            producer = self._words[newest.producer_id]
            order = (newest.at, id_text(newest.run_id), newest.job_id)
            for assertion in results.values():
                if newest.kind == DATASET:
                    on_datasets.add((run_pk, assertion.key))
                elif (run_pk, assertion.key) in on_datasets:
                    continue
                status = data_tests.status(assertion, state, producer, error)
                if status is None:
                    self._waiting[subject, assertion.key] = newest.asset_id
                else:
                    found.append(_Result(subject, order, newest, assertion, status))
        return found

    def unanswered(self, results: Iterable[_Result]) -> set[int]:
        """Assets with data tests of which only runs that go on have told."""
        known = {(result.asset_id, result.assertion.key) for result in results}
        return {asset_id for key, asset_id in self._waiting.items() if key not in known}

    def _errors(self, rows: Iterable[Row[Any]]) -> dict[int, str]:
        """Why failed runs of dbt failed: it calls a data test failed as well that could not run."""
        seqs = {
            row.run_pk: row.decided_by
            for row in rows
            if RANKED_STATES[row.state] is RunState.FAIL
            and data_tests.is_dbt(self._words[row.producer_id])
        }
        events = EventLog().numbered(self._connection, set(seqs.values()))
        found = {}
        for run_pk, seq in seqs.items():
            event = events[seq].event
            facet = event.facet(event.template.run_facets.get("errorMessage"))
            message = text_of(facet.value.get("message")) if facet else None
            if message is not None:
                found[run_pk] = message
        return found


_READ = {name: partial(data_tests.results_in, name) for name in data_tests.FACETS}


def _query() -> Select[Any]:
    return (
        select(
            REPORT.c.run_pk, REPORT.c.asset_id, REPORT.c.place, REPORT.c.at, REPORT.c.body_id,
            REPORT.c.seq, RUN.c.run_id, RUN.c.job_id, RUN.c.state, RUN.c.producer_id,
            RUN.c.at.label("ended_at"), RUN.c.seq.label("decided_by"),
            ASSET.c.kind,
        )
        .join(RUN, RUN.c.id == REPORT.c.run_pk)
        .join(ASSET, ASSET.c.id == REPORT.c.asset_id)
    )  # fmt: skip


def _test_result(result: _Result, habit: _Habit | None, ids: Mapping[int, str]) -> o.TestResult:
    row = result.row
    return o.TestResult(
        result.asset_id,
        row.job_id,
        id_text(row.run_id),
        result.assertion,
        result.status,
        moment(row.at),
        ids[row.seq],
        habit.results if habit else 0,
        habit.flips if habit else 0,
    )
