"""Old runs summed up: a kept row for each job and day, and which runs are in it.

Rows are written once and never changed: what is summed up later for the same day has its own.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, func, select
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.columns import KEPT
from catalog.database import insert_rows, next_id, table_of
from catalog.lookups import rows_where
from catalog.moments import moment

KIND = "run days"
"""What the links of the hash chain call them."""
DAY_US = 86_400_000_000

RunKey = tuple[str, tuple[str, str]]
"""Run id, and the job's namespace and name: runs of several jobs may share an id."""


def _count() -> Column[int]:
    return Column(Integer, nullable=False)


class RunDayRow(SQLModel, table=True):
    """Runs of one job that ended on one day, and that were summed up together."""

    __tablename__ = "lineage_run_day"
    __table_args__ = (Index("ix_lineage_run_day_job", "job"), KEPT)

    id: int | None = Field(default=None, sa_column=columns.key())
    removal_id: int = Field(sa_column=columns.big())
    """The removal that took their events."""
    job: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """First half of the SHA-256 of its names: these may be too long for an index."""
    namespace: str = Field(sa_column=columns.text())
    name: str = Field(sa_column=columns.text())
    """Of the job."""
    day: int = Field(sa_column=_count())
    """Days since 1970, UTC."""
    runs: int = Field(sa_column=_count())
    failed: int = Field(sa_column=_count())
    timed: int = Field(sa_column=_count())
    """How many of them said when they began."""
    took_us: int = Field(sa_column=columns.big())
    """How long these took together, microseconds."""
    longest_us: int = Field(sa_column=columns.big())
    rows: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    """Written to all their outputs; ``None``: no run told."""
    size_bytes: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    tests_passed: int = Field(sa_column=_count())
    tests_failed: int = Field(sa_column=_count())


class SummedRunRow(SQLModel, table=True):
    """A run that was summed up: an event that comes later begins it no second time."""

    __tablename__ = "lineage_summed_run"
    __table_args__ = (
        Index("ix_lineage_summed_run_day", "day_id"),
        {**KEPT, "sqlite_with_rowid": False},
    )

    key: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    """First half of the SHA-256 of the run's id and its job's namespace and name."""
    day_id: int = Field(sa_column=columns.big(primary_key=True))
    until: int = Field(sa_column=columns.big())
    """What happened after this instant tells of another run of the same id."""


RUN_DAY = table_of(RunDayRow)
SUMMED_RUN = table_of(SummedRunRow)

_RUN_DAY = tuple(column.name for column in RUN_DAY.c)
_FIGURES = _RUN_DAY[_RUN_DAY.index("runs") :]
_SUMMED_RUN = ("key", "day_id", "until")


@dataclass(frozen=True, slots=True)
class Figures:
    """What some runs of one job come to."""

    runs: int = 0
    failed: int = 0
    timed: int = 0
    took_us: int = 0
    longest_us: int = 0
    rows: int | None = None
    size_bytes: int | None = None
    tests_passed: int = 0
    tests_failed: int = 0

    def plus(self, more: Figures) -> Figures:
        """With some more runs."""
        return Figures(
            self.runs + more.runs,
            self.failed + more.failed,
            self.timed + more.timed,
            self.took_us + more.took_us,
            max(self.longest_us, more.longest_us),
            _told(self.rows, more.rows),
            _told(self.size_bytes, more.size_bytes),
            self.tests_passed + more.tests_passed,
            self.tests_failed + more.tests_failed,
        )


@dataclass(frozen=True, slots=True)
class SummedRun:
    """A run that is to be summed up."""

    key: RunKey
    at: int
    """When it ended, microseconds UTC."""
    figures: Figures


@dataclass(frozen=True, slots=True)
class RunDay:
    """What was summed up of the runs of one job that ended on one day."""

    day: datetime
    """Its first instant, UTC."""
    figures: Figures


def record(connection: Connection, removal_id: int, runs: Iterable[SummedRun], until: int) -> range:
    """Write down what runs come to, in the transaction that removes their events.

    Returns:
        The numbers of the rows, for their link.
    """
    by_day: dict[tuple[str, str, int], list[SummedRun]] = defaultdict(list)
    for run in runs:
        by_day[(*run.key[1], run.at // DAY_US)].append(run)
    first = next_id(connection, RUN_DAY)
    days, members = [], []
    for number, (day, some) in enumerate(sorted(by_day.items()), first):
        total = Figures()
        for run in some:
            total = total.plus(run.figures)
            members.append((_key(run.key), number, until))
        days.append((number, removal_id, _key(day[:2]), *day, *astuple(total)))
    insert_rows(connection, RUN_DAY, _RUN_DAY, days)
    insert_rows(connection, SUMMED_RUN, _SUMMED_RUN, members)
    return range(first, first + len(days))


def any_summed(connection: Connection) -> bool:
    """Whether any run was summed up so far."""
    return connection.execute(select(SUMMED_RUN.c.until).limit(1)).first() is not None


def summed_until(connection: Connection, runs: Iterable[RunKey]) -> dict[RunKey, int]:
    """Those of some runs that were summed up, and up to when what happened is theirs."""
    keys = {_key(run): run for run in runs}
    found: dict[RunKey, int] = {}
    for key, until in rows_where(connection, SUMMED_RUN, ("key", "until"), "key", keys):
        run = keys[bytes(key)]
        found[run] = max(until, found.get(run, until))
    return found


def days_of(connection: Connection, jobs: Iterable[tuple[str, str]]) -> list[RunDay]:
    """What was summed up of a job under all of its names, the newest day first."""
    found: dict[int, Figures] = {}
    for day, *told in rows_where(
        connection, RUN_DAY, ("day", *_FIGURES), "job", {_key(job) for job in jobs}
    ):
        found[day] = found.get(day, Figures()).plus(Figures(*told))
    days = sorted(found.items(), reverse=True)
    return [RunDay(moment(day * DAY_US), figures) for day, figures in days]


def summed(connection: Connection) -> Figures:
    """How many runs were summed up of all jobs, and how many of them failed."""
    query = select(func.sum(RUN_DAY.c.runs), func.sum(RUN_DAY.c.failed))
    runs, failed = connection.execute(query).one()
    return Figures(int(runs or 0), int(failed or 0))


def days_content(connection: Connection, first: int, last: int) -> bytes:
    """What the hash chain says of days: SHA-256 over them and the runs in them, in order."""
    state = hashlib.sha256()
    rows = connection.execute(
        select(RUN_DAY).where(RUN_DAY.c.id.between(first, last)).order_by(RUN_DAY.c.id)
    ).all()
    members = _members(connection, first, last)
    for row in rows:
        state.update(repr(tuple(row)).encode() + b"\n")
        for key, until in members.get(row.id, ()):
            state.update(repr((key, until)).encode() + b"\n")
    return state.digest()


def _members(connection: Connection, first: int, last: int) -> dict[int, list[tuple[bytes, int]]]:
    found: dict[int, list[tuple[bytes, int]]] = defaultdict(list)
    query = select(SUMMED_RUN).where(SUMMED_RUN.c.day_id.between(first, last))
    for key, day_id, until in connection.execute(query):
        found[day_id].append((bytes(key), until))
    return {day: sorted(runs) for day, runs in found.items()}


def _told(one: int | None, two: int | None) -> int | None:
    if one is None or two is None:
        return one if two is None else two
    return one + two


def _key(name: tuple[object, ...]) -> bytes:
    return hashlib.sha256(repr(name).encode("utf-8", "surrogatepass")).digest()[:16]
