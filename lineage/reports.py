"""Results of data tests in the tables: what each said last, and how often it changed its mind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from lineage.estate import DataTestStatus
from lineage.fold import RANKED_STATES, REPORT_PLACES
from lineage.log import event_ids
from lineage.runs import REPORT, RUN, SUITE, id_text

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
    connection: Connection, since: int, until: int, groups: Mapping[int, int]
) -> Reports:
    """Results up to an instant; habits since another (both microseconds).

    Args:
        connection: To the store.
        since: Since when habits count.
        until: Up to when results count.
        groups: The id that stands for each dataset of several names, by each of its ids.
    """
    within = _query().where(REPORT.c.at.between(since, until))
    newest = (
        _query()
        .join(SUITE, (SUITE.c.run_pk == REPORT.c.run_pk) & (SUITE.c.asset_id == REPORT.c.asset_id)
              & (SUITE.c.place == REPORT.c.place))
        .where(REPORT.c.at < since)
    )  # fmt: skip
    reader = _Reader(connection, groups)
    results = reader.read([*connection.execute(within), *connection.execute(newest)])
    results.sort(key=lambda r: r.order)
    habits: dict[tuple[int, bytes], _Habit] = defaultdict(_Habit)
    last: dict[tuple[int, bytes], _Result] = {}
    answered: dict[int, list[int]] = defaultdict(list)
    tested: dict[int, int] = {}
    for result in results:
        key, at = (result.asset_id, result.assertion.key), result.row.at
        last[key] = result
        if result.status not in _ANSWERS:
            continue
        tested[result.asset_id] = at
        if at >= since:
            habit = habits[key]
            habit.results += 1
            habit.flips += habit.last not in (None, result.status)
            habit.last = result.status
            if answered[result.asset_id][-1:] != [at]:
                answered[result.asset_id].append(at)
    ids = event_ids(connection, (r.row.seq for r in last.values()))
    return Reports(
        tuple(_test_result(r, habits.get(key), ids) for key, r in last.items()),
        {i: moment(at) for i, at in tested.items()},
        {i: tuple(moment(at) for at in answers) for i, answers in answered.items()},
    )


class _Reader:
    """Results of data tests from their reports; a body that many runs repeat is read once."""

    def __init__(self, connection: Connection, groups: Mapping[int, int]) -> None:
        self._connection = connection
        self._groups = groups
        self._words = words_by_id(connection)

    def read(self, rows: Sequence[Row[Any]]) -> list[_Result]:
        """One result for each test of one asset in one run, of runs that came to an end."""
        facets = Contents().facets(self._connection, {row.body_id for row in rows})
        groups: dict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
        for row in {(r.run_pk, r.asset_id, r.place): r for r in rows}.values():
            subject = self._groups.get(row.asset_id, row.asset_id)
            groups[row.run_pk, subject].append(row)
        found = []
        for (_, subject), said in groups.items():
            newest = max(said, key=lambda r: (r.at, r.place))
            results = data_tests.merged(
                assertion
                for row in said
                for assertion in facets[row.body_id].meaning(_READ[REPORT_PLACES[row.place].facet])
            )
            state = RANKED_STATES[newest.state]
            producer = self._words[newest.producer_id]
            order = (newest.at, id_text(newest.run_id), newest.job_id)
            for assertion in results.values():
                status = data_tests.status(assertion, state, producer)
                if status is not None:
                    found.append(_Result(subject, order, newest, assertion, status))
        return found


_READ = {name: partial(data_tests.results_in, name) for name in data_tests.FACETS}


def _query() -> Select[Any]:
    return (
        select(
            REPORT.c.run_pk, REPORT.c.asset_id, REPORT.c.place, REPORT.c.at, REPORT.c.body_id,
            REPORT.c.seq, RUN.c.run_id, RUN.c.job_id, RUN.c.state, RUN.c.producer_id,
        )
        .join(RUN, RUN.c.id == REPORT.c.run_pk)
        .join(ASSET, ASSET.c.id == REPORT.c.asset_id)
        .where(ASSET.c.kind == DATASET)
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
