"""Results of data tests in the tables: what each said last, and how often it changed its mind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from catalog.moments import moment
from lineage import data_tests
from lineage import observed as o
from lineage.assets import ASSET, DATASET, words_by_id
from lineage.contents import Contents
from lineage.data_tests import Assertion
from lineage.estate import DataTestStatus, RunState
from lineage.events import text_of
from lineage.facets import Facet
from lineage.fold import RANKED_STATES, REPORT_PLACES
from lineage.log import EventLog, event_ids
from lineage.outcomes import OPEN, Habits
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


class _Row(NamedTuple):
    """A report with its run; rows of the database are read by name ten times as slowly."""

    run_pk: int
    asset_id: int
    place: int
    tests: bytes
    at: int
    body_id: int
    seq: int
    run_id: bytes
    job_id: int
    state: int
    producer_id: int
    ended_at: int
    decided_by: int
    kind: int
    job_namespace: str
    job_name: str


Answer = tuple[Assertion, DataTestStatus]


class _Said(NamedTuple):
    """What one run said of the data tests of one asset."""

    asset_id: int
    order: tuple[int, bytes, str, str]
    """When it was said, by which run of which job."""
    row: _Row
    answers: Sequence[Answer]


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
              & (SUITE.c.place == REPORT.c.place) & (SUITE.c.tests == REPORT.c.tests))
        .where(REPORT.c.at < since)
    )  # fmt: skip
    reader = _Reader(connection, groups, habits)
    said = reader.read([*_rows(connection, within), *_rows(connection, newest)])
    said += reader.read(_before(connection, since, reader.unanswered(said)))
    said.sort(key=itemgetter(1))
    found = _Found(since)
    for item in said:
        found.take(item)
    ids = event_ids(connection, (item.row.seq for item, _ in found.last.values()))
    return Reports(
        tuple(
            _test_result(item, answer, found.habits.get(key), ids)
            for key, (item, answer) in found.last.items()
        ),
        {i: moment(at) for i, at in found.tested.items()},
        {i: tuple(moment(at) for at in answers) for i, answers in found.answered.items()},
        frozenset(found.failed_runs),
    )


def _rows(connection: Connection, query: Select[Any]) -> list[_Row]:
    return [_Row(*row) for row in connection.execute(query).all()]


def _before(connection: Connection, since: int, assets: Iterable[int]) -> list[_Row]:
    """Older reports of ended runs on assets, where newer ones have no answer yet."""
    query = (
        _query()
        .where(REPORT.c.at < since, RUN.c.terminals > 0)
        .order_by(REPORT.c.at.desc())
        .limit(OLDER_REPORTS)
    )
    return [row for i in assets for row in _rows(connection, query.where(REPORT.c.asset_id == i))]


class _Found:
    """What results come to, taken from the oldest to the newest."""

    def __init__(self, since: int) -> None:
        self._since = since
        self.habits: dict[tuple[int, bytes], _Habit] = defaultdict(_Habit)
        self.last: dict[tuple[int, bytes], tuple[_Said, Answer]] = {}
        self.answered: dict[int, list[int]] = defaultdict(list)
        self.tested: dict[int, int] = {}
        self.failed_runs: set[int] = set()

    def take(self, said: _Said) -> None:
        asset_id, at = said.asset_id, said.row.at
        for answer in said.answers:
            assertion, status = answer
            key = (asset_id, assertion.key)
            self.last[key] = said, answer
            if status not in _ANSWERS:
                continue
            self.tested[asset_id] = at
            if at < self._since:
                continue
            if status is DataTestStatus.FAIL and assertion.blocking:
                self.failed_runs.add(said.row.run_pk)
            habit = self.habits[key]
            habit.results += 1
            habit.flips += habit.last not in (None, status)
            habit.last = status
            if self.answered[asset_id][-1:] != [at]:
                self.answered[asset_id].append(at)


class _Reader:
    """Results of data tests from their reports; a body that many runs repeat is read once."""

    def __init__(self, connection: Connection, groups: Mapping[int, int], habits: Habits) -> None:
        self._connection = connection
        self._groups = groups
        self._habits = habits
        self._waiting: dict[tuple[int, bytes], int] = {}
        self._facets: dict[int, Facet] = {}
        self._known: dict[object, Sequence[tuple[Assertion, DataTestStatus | None]]] = {}
        self._words = words_by_id(connection)

    def read(self, rows: Iterable[_Row]) -> list[_Said]:
        """What each run that came to an end says of each asset."""
        rows = tuple(rows)
        self._facets |= Contents().facets(
            self._connection, {row.body_id for row in rows} - self._facets.keys()
        )
        groups: dict[tuple[int, int], list[_Row]] = defaultdict(list)
        for row in rows:
            groups[row.run_pk, self._groups.get(row.asset_id, row.asset_id)].append(row)
        errors = self._errors(rows)
        of_jobs = {row.run_pk for row in rows if row.kind != DATASET}
        graded = self._severities(rows)
        on_datasets: set[tuple[int, bytes]] = set()
        found = []
        # What a run says of datasets first: it may say the same again of itself.
        for (run_pk, subject), said in sorted(groups.items(), key=lambda g: g[1][0].kind):
            row = max(said, key=lambda r: (r.at, r.place)) if len(said) > 1 else said[0]
            answers = self._answers(row, said, errors.get(run_pk), graded.get(run_pk, {}))
            if run_pk in of_jobs:
                if row.kind != DATASET:
                    answers = [a for a in answers if (run_pk, a[0].key) not in on_datasets]
                on_datasets.update((run_pk, k) for a, _ in answers for k in data_tests.keys_of(a))
            told = [(a, status) for a, status in answers if status is not None]
            if len(told) < len(answers):
                waiting = ((subject, a.key) for a, status in answers if status is None)
                self._waiting.update(dict.fromkeys(waiting, row.asset_id))
            order = (row.at, row.run_id, row.job_namespace, row.job_name)
            found.append(_Said(subject, order, row, told))
        return found

    def _severities(self, rows: Iterable[_Row]) -> dict[int, dict[bytes, str]]:
        """What runs tell of severities apart from the results that they report of datasets."""
        found: dict[int, list[Assertion]] = defaultdict(list)
        for row in rows:
            if REPORT_PLACES[row.place].facet == data_tests.CHECKS:
                results = self._facets[row.body_id].meaning(_READ[data_tests.CHECKS])
                found[row.run_pk].extend(results)
        return {run_pk: data_tests.severities(checks) for run_pk, checks in found.items()}

    def _answers(
        self, row: _Row, said: Sequence[_Row], error: str | None, graded: Mapping[bytes, str]
    ) -> Sequence[tuple[Assertion, DataTestStatus | None]]:
        """What each data test said; of runs that say and end the same it is worked out once."""
        state = RANKED_STATES[row.state]
        if state in OPEN:
            state = self._habits.state(row.job_id, state, moment(row.ended_at))
        bodies = tuple((item.body_id, item.place) for item in said)
        key = (bodies, state, row.producer_id, error, tuple(sorted(graded.items())))
        known = self._known.get(key)
        if known is None:
            results = data_tests.merged(
                data_tests.graded(assertion, graded)
                for item in said
                for assertion in self._facets[item.body_id].meaning(
                    _READ[REPORT_PLACES[item.place].facet]
                )
            )
            producer = self._words[row.producer_id]
            known = self._known[key] = [
                (assertion, data_tests.status(assertion, state, producer, error))
                for assertion in results.values()
            ]
        return known

    def unanswered(self, said: Iterable[_Said]) -> set[int]:
        """Assets with data tests of which only runs that go on have told."""
        if not self._waiting:
            return set()
        known = {(item.asset_id, a.key) for item in said for a, _ in item.answers}
        return {asset_id for key, asset_id in self._waiting.items() if key not in known}

    def _errors(self, rows: Iterable[_Row]) -> dict[int, str]:
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


_JOB = ASSET.alias("job")
_READ = {name: partial(data_tests.results_in, name) for name in data_tests.FACETS}


def _query() -> Select[Any]:
    return (
        select(
            REPORT.c.run_pk, REPORT.c.asset_id, REPORT.c.place, REPORT.c.tests, REPORT.c.at,
            REPORT.c.body_id, REPORT.c.seq, RUN.c.run_id, RUN.c.job_id, RUN.c.state,
            RUN.c.producer_id, RUN.c.at.label("ended_at"), RUN.c.seq.label("decided_by"),
            ASSET.c.kind, _JOB.c.namespace.label("job_namespace"), _JOB.c.name.label("job_name"),
        )
        .join(RUN, RUN.c.id == REPORT.c.run_pk)
        .join(ASSET, ASSET.c.id == REPORT.c.asset_id)
        .join(_JOB, _JOB.c.id == RUN.c.job_id)
    )  # fmt: skip


def _test_result(
    said: _Said, answer: Answer, habit: _Habit | None, ids: Mapping[int, str]
) -> o.TestResult:
    row = said.row
    return o.TestResult(
        said.asset_id,
        row.job_id,
        id_text(row.run_id),
        *answer,
        moment(row.at),
        ids[row.seq],
        habit.results if habit else 0,
        habit.flips if habit else 0,
    )
