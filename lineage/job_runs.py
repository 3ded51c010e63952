"""What a job's runs did: the runs themselves by the page, who ran them, what they touched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, select, tuple_

from catalog.model import AssetKey, Kind, Trust
from catalog.moments import microseconds, moment
from lineage import run_days
from lineage.assets import ASSET, WORD
from lineage.estate import RunState
from lineage.fold import RANKED_STATES
from lineage.outcomes import Habits
from lineage.run_days import RunDay
from lineage.runs import RUN, STATISTIC, id_text
from lineage.shapes import SHAPE, SHAPE_DATASET

PAGE = 50
WINDOW = timedelta(days=30)
STARTS_LEAST = 4
"""Fewer starts show no habit."""

_CURSOR = re.compile(r"(-?\d{1,18})\.(\d{1,18})")


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run in a list."""

    run_id: str
    job: AssetKey
    """By the name under which it ran."""
    state: RunState
    terminals: tuple[RunState, ...]
    """Every terminal state that was said of it; more than one is a conflict."""
    started_at: datetime
    has_start: bool
    """Whether a START said when; else it is the first event's time."""
    at: datetime
    """When it ended, else its last sign of life."""
    principal: str | None
    trust: Trust | None
    """How far to believe that."""
    version: str | None
    rows: int | None = None
    """Written to all its outputs; ``None``: not said."""

    @property
    def has_ended(self) -> bool:
        return bool(self.terminals)

    @property
    def duration_s(self) -> float | None:
        """``None`` if it has not ended, or nobody said when it began."""
        if not self.has_ended or not self.has_start:
            return None
        return max(0.0, (self.at - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs, newest first."""

    runs: tuple[RunLine, ...]
    older: str | None
    """Where the next page begins; ``None``: this is the last."""
    longest: timedelta = timedelta()
    """How long the longest finished run of the job took within 30 days."""
    days: tuple[RunDay, ...] = ()
    """What stands in the place of runs that were summed up, between these and after; newest first.
    """
    summed: int = 0
    """How many runs of the job were summed up, on whatever day."""

    def state(self, run: RunLine, as_of: datetime, *, is_endless: bool) -> RunState:
        """Where one of its runs stands: lost if it has no end and was silent for too long."""
        endless = frozenset({0}) if is_endless else frozenset[int]()
        return Habits(as_of, endless, {0: self.longest}).state(0, run.state, run.at)


@dataclass(frozen=True, slots=True)
class Ran:
    """Somebody who ran a job."""

    principal: str | None
    """``None``: nobody was named."""
    runs: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Touched:
    """A dataset that runs or static lineage of a job ever named."""

    key: AssetKey
    is_output: bool
    last_at: datetime | None
    """End or last sign of life of the newest such run; ``None``: only declared."""


def job_runs(
    engine: Engine, ids: Sequence[int], as_of: datetime, before: str = "", limit: int = PAGE
) -> RunPage:
    """Runs of a job, newest first.

    Args:
        engine: The store.
        ids: Of all names of the job.
        as_of: Now.
        before: Where the page begins, as a page before it said; empty or anything else: at the
            newest.
        limit: Of the page.
    """
    with engine.connect() as connection:
        # By shape and not by job: runs have an index for it.
        query = lines().where(RUN.c.shape_id.in_(_shapes(ids)))
        cursor = _CURSOR.fullmatch(before)
        if cursor:
            query = query.where(tuple_(RUN.c.at, RUN.c.id) < (int(cursor[1]), int(cursor[2])))
        newest_first = query.order_by(RUN.c.at.desc(), RUN.c.id.desc())
        rows = connection.execute(newest_first.limit(limit + 1)).all()
        shown = rows[:limit]
        written = _written(connection, [row.id for row in shown])
        longest = connection.execute(
            select(func.max(RUN.c.at - RUN.c.started_at)).where(
                RUN.c.shape_id.in_(_shapes(ids)),
                RUN.c.terminals > 0,
                RUN.c.at >= microseconds(as_of - WINDOW),
            )
        ).scalar()
        names = connection.execute(
            select(ASSET.c.namespace, ASSET.c.name).where(ASSET.c.id.in_(ids))
        )
        days = run_days.days_of(connection, ((row.namespace, row.name) for row in names))
    older = f"{shown[-1].at}.{shown[-1].id}" if len(rows) > limit else None
    runs = tuple(line(row, written.get(row.id)) for row in shown)
    return RunPage(
        runs,
        older,
        timedelta(microseconds=longest or 0),
        # Each day is on one page, however many runs there are beside it.
        tuple(
            day
            for day in days
            if (cursor is None or day.day <= moment(int(cursor[1])))
            and (older is None or day.day > runs[-1].at)
        ),
        sum(day.figures.runs for day in days),
    )


def who_ran(engine: Engine, ids: Sequence[int], limit: int = 20) -> tuple[Ran, ...]:
    """Who ran a job, whoever did so last first."""
    with engine.connect() as connection:
        last = func.max(RUN.c.at)
        query = (
            select(WORD.c.word, func.count().label("runs"), last.label("at"))
            .select_from(RUN)
            .outerjoin(WORD, WORD.c.id == RUN.c.principal_id)
            .where(RUN.c.shape_id.in_(_shapes(ids)))
            .group_by(WORD.c.word)
            .order_by(last.desc(), WORD.c.word)
            .limit(limit)
        )
        return tuple(Ran(r.word, r.runs, moment(r.at)) for r in connection.execute(query))


def touched(engine: Engine, ids: Sequence[int]) -> tuple[Touched, ...]:
    """Every dataset that a job ever read or wrote, inputs first, the newest first."""
    with engine.connect() as connection:
        newest = (
            select(func.max(RUN.c.at))
            .where(RUN.c.shape_id == SHAPE_DATASET.c.shape_id)
            .correlate(SHAPE_DATASET)
            .scalar_subquery()
        )
        last = func.max(newest)
        query = (
            select(
                ASSET.c.namespace,
                ASSET.c.name,
                SHAPE_DATASET.c.is_output,
                last.label("at"),
            )
            .join(ASSET, ASSET.c.id == SHAPE_DATASET.c.dataset_id)
            .where(SHAPE_DATASET.c.shape_id.in_(_shapes(ids)))
            .group_by(ASSET.c.namespace, ASSET.c.name, SHAPE_DATASET.c.is_output)
            .order_by(SHAPE_DATASET.c.is_output, last.desc(), ASSET.c.namespace, ASSET.c.name)
        )
        return tuple(
            Touched(
                AssetKey(Kind.DATASET, r.namespace, r.name),
                bool(r.is_output),
                None if r.at is None else moment(r.at),
            )
            for r in connection.execute(query)
        )


def usual_pause_s(starts: Sequence[datetime]) -> float | None:
    """The median pause between starts, seconds; ``None`` for fewer than four of them."""
    if len(starts) < STARTS_LEAST:
        return None
    return median((later - at).total_seconds() for at, later in pairwise(sorted(starts)))


def lines() -> Select[Any]:
    """Runs as ``line`` reads them, in no order yet."""
    who, code = WORD.alias("who"), WORD.alias("code")
    return (
        select(
            RUN.c.id, RUN.c.run_id, RUN.c.state, RUN.c.terminals, RUN.c.started_at,
            RUN.c.has_start, RUN.c.at, RUN.c.trust,
            ASSET.c.namespace, ASSET.c.name,
            who.c.word.label("principal"), code.c.word.label("version"),
        )
        .join(ASSET, ASSET.c.id == RUN.c.job_id)
        .outerjoin(who, who.c.id == RUN.c.principal_id)
        .outerjoin(code, code.c.id == RUN.c.version_id)
    )  # fmt: skip


def line(row: Row[Any], rows: int | None = None) -> RunLine:
    """A run from a row of ``lines``."""
    return RunLine(
        id_text(row.run_id),
        AssetKey(Kind.JOB, row.namespace, row.name),
        RANKED_STATES[row.state],
        tuple(state for rank, state in RANKED_STATES.items() if row.terminals >> rank & 1),
        moment(row.started_at),
        bool(row.has_start),
        moment(row.at),
        row.principal,
        None if row.trust is None else Trust(row.trust),
        row.version,
        rows,
    )


def _shapes(ids: Sequence[int]) -> Select[Any]:
    return select(SHAPE.c.id).where(SHAPE.c.job_id.in_(ids))


def _written(connection: Connection, runs: Sequence[int]) -> dict[int, int]:
    query = (
        select(STATISTIC.c.run_pk, func.sum(STATISTIC.c.rows).label("rows"))
        .where(STATISTIC.c.run_pk.in_(runs), STATISTIC.c.is_output, STATISTIC.c.rows.is_not(None))
        .group_by(STATISTIC.c.run_pk)
    )
    return {row.run_pk: int(row.rows) for row in connection.execute(query)}
