"""Sums up by day old runs on which nothing that is known today rests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select

from catalog.database import chunks
from catalog.errors import UserError
from catalog.settings import LEAST_RUN_DAYS
from lineage.estate import DataTestStatus, RunState
from lineage.fold import RANKED_STATES, Numbered, fold_run, matter
from lineage.lately import COMPLETE
from lineage.log import EVENT, EventLog
from lineage.reading import WINDOW
from lineage.retention import CHUNK, CITED, Limit, Planned, carry_out, planned_of
from lineage.run_days import Figures, SummedRun
from lineage.run_story import tests_of
from lineage.runs import REPORT, RUN, RUN_EVENT
from lineage.staying import (
    Ended,
    Families,
    Link,
    Reported,
    Statements,
    statement,
    staying_reports,
    staying_runs,
)
from lineage.superseded import Superseded

REACH = WINDOW + timedelta(days=1)
"""How far behind an instant runs count for what is known at it; a day for clocks that differ."""


def known_from(until: int) -> int:
    """From when on everything is known as it was, if runs up to an instant are summed up."""
    return until + REACH // timedelta(microseconds=1)


def sum_up(
    engine: Engine,
    limit: Limit,
    now: datetime,
    pause: bool = True,
    is_over: Callable[[], bool] = bool,
) -> Iterator[Planned]:
    """Sum up what can be, some in a transaction, in step with the iteration.

    Args:
        engine: Of the store.
        limit: How long runs are kept.
        now: The present.
        pause: Whether to rest as long as was worked, for the sake of those who send meanwhile.
        is_over: Whether to stop, asked ever so often, also while nothing is found.

    Raises:
        UserError: A payload is not as it was committed; everything was derived anew meanwhile; or
            the limit reaches into what the present is told from.
    """
    if limit.keep_days < LEAST_RUN_DAYS:
        raise UserError(
            f"runs cannot be summed up after {limit.keep_days} days; expected {LEAST_RUN_DAYS} or "
            "more, since what is known today is told from the runs of a month."
        )
    until = limit.until(now)
    bounds = until, known_from(until)
    yield from carry_out(engine, limit, _steps(engine, until), bounds, pause, is_over)


def plan(engine: Engine, until: int) -> Iterator[Planned]:
    """What can be summed up of what was received and happened up to an instant, some at a time."""
    return filter(None, _steps(engine, until))


def _steps(engine: Engine, until: int) -> Iterator[Planned | None]:
    """The same; ``None``: some runs were looked through, and one may rest or stop."""
    log = EventLog()
    with engine.connect() as connection:
        old = _old(connection, until)
        links = [
            Link(*row)
            for row in connection.execute(
                select(RUN.c.id, RUN.c.run_id, RUN.c.parent_run, RUN.c.root_run)
            )
        ]
        reports = _reports(connection, until, old.keys())
        cited = {bytes.fromhex(event_id) for cites in CITED for event_id in cites(connection)}
    stay = staying_runs(old.values()) | staying_reports(reports)
    standing: dict[bytes, int] = {}
    by_job: dict[int, list[int]] = defaultdict(list)
    for pk, run in old.items():
        by_job[run.job_id].append(pk)
    for runs in by_job.values():
        if stay.issuperset(runs):
            continue
        statements = Statements(cited)
        for pk, item in _events(engine, log, runs, until):
            statements.take(pk, item)
        stay |= statements.staying()
        standing |= statements.standing()
        yield None
    families = Families(links)
    going = families.without(old.keys() - stay)
    ordered = sorted(going, key=lambda pk: (families.of(pk), old[pk].at, pk))
    for part in chunks(ordered, CHUNK // 2):
        yield _planned(engine, log, [old[pk] for pk in part], standing, until)


def _old(connection: Connection, until: int) -> dict[int, Ended]:
    """Runs that ended and of which everything is old, by their rows."""
    newer = (
        select(RUN_EVENT.c.seq)
        .join(EVENT, EVENT.c.seq == RUN_EVENT.c.seq)
        .where(
            RUN_EVENT.c.run_pk == RUN.c.id,
            (EVENT.c.event_time > until) | (EVENT.c.received_at > until),
        )
        .correlate(RUN)
        .exists()
    )
    query = select(
        RUN.c.id, RUN.c.run_id, RUN.c.job_id, RUN.c.state == COMPLETE, RUN.c.state, RUN.c.at,
        RUN.c.started_at, RUN.c.has_start, RUN.c.shape_id, RUN.c.version_id,
        RUN.c.parent_job_id, RUN.c.root_job_id,
    ).where(RUN.c.terminals > 0, RUN.c.at <= until, ~newer)  # fmt: skip
    return {row[0]: Ended(*row) for row in connection.execute(query)}


def _reports(connection: Connection, until: int, runs: Collection[int]) -> list[Reported]:
    query = select(REPORT.c.run_pk, REPORT.c.asset_id, REPORT.c.tests, REPORT.c.at)
    rows = connection.execute(query.where(REPORT.c.at <= until))
    return [Reported(*row) for row in rows if row.run_pk in runs]


def _events(
    engine: Engine, log: EventLog, runs: Sequence[int], until: int
) -> Iterator[tuple[int, Numbered]]:
    """Every event of some runs, with the row of its run."""
    for part in chunks(runs):
        query = select(RUN_EVENT.c.run_pk, RUN_EVENT.c.seq).where(RUN_EVENT.c.run_pk.in_(part))
        with engine.connect() as connection:
            listed = connection.execute(query).all()
            stored = log.numbered(connection, (row.seq for row in listed))
        for pk, seq in listed:
            if seq in stored and max(stored[seq].received_at, stored[seq].event.time) <= until:
                yield pk, Numbered(seq, stored[seq].event)


def _planned(
    engine: Engine, log: EventLog, runs: Sequence[Ended], standing: dict[bytes, int], until: int
) -> Planned | None:
    """What is to be removed of some runs; what has come meanwhile shows when that is done."""
    events: dict[int, list[Numbered]] = defaultdict(list)
    for pk, item in _events(engine, log, [run.pk for run in runs], until):
        events[pk].append(item)
    found = [
        (pk, Superseded(item, standing[statement(item.event)]))
        for pk, items in events.items()
        for item in items
    ]
    summed = tuple(_summed(run, events[run.pk]) for run in runs if run.pk in events)
    return planned_of(engine, found, summed)


def _summed(run: Ended, said: Sequence[Numbered]) -> SummedRun:
    events = matter(said)
    told = fold_run(events)
    event = told.decided_by.event
    if event.run_id is None or event.job is None:
        raise AssertionError("events of a run name it and its job")
    written = [counted for counted in told.counted if counted.is_output]
    statuses = [test.status for test in tests_of(events)]
    took = max(0, run.at - run.started_at) if run.has_start else 0
    figures = Figures(
        runs=1,
        failed=int(RANKED_STATES[run.state] is RunState.FAIL),
        timed=int(run.has_start),
        took_us=took,
        longest_us=took,
        rows=_total(counted.rows for counted in written),
        size_bytes=_total(counted.size_bytes for counted in written),
        tests_passed=statuses.count(DataTestStatus.PASS),
        tests_failed=statuses.count(DataTestStatus.FAIL),
    )
    return SummedRun((event.run_id, event.job), run.at, figures)


def _total(numbers: Iterable[int | None]) -> int | None:
    told = [number for number in numbers if number is not None]
    return sum(told) if told else None
