"""Removes by age what later events of the same runs say again: by setting, never silently."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice, repeat
from operator import itemgetter

from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
)

from catalog import chain
from catalog.database import bump_revision, chunks, get_meta, set_meta, writing
from catalog.errors import UserError
from catalog.moments import microseconds, moment
from lineage import loose, removals, run_days
from lineage.counters import Tally
from lineage.fold import Numbered
from lineage.log import EVENT, PAYLOAD, EventLog, Stored
from lineage.removals import Removal
from lineage.run_days import SummedRun
from lineage.runs import REPORT, RUN, RUN_EVENT, STATISTIC
from lineage.superseded import Superseded, superseded

CHUNK = 500
"""Events removed in one transaction."""
RUNS = 5_000
"""Runs that are looked through at a time."""
LONGEST_DAYS = 36_500

_SWEPT = "retention_swept_until_us"
"""The limit up to which everything was looked through to the end."""

_UNLIST = delete(RUN_EVENT).where(
    RUN_EVENT.c.run_pk == bindparam("pk"), RUN_EVENT.c.seq == bindparam("number")
)

CITED: list[Callable[[Connection], Iterable[str]]] = []
"""What other packages keep that refers to events: ids of these, which are not removed."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long what is superseded is kept, and who says so."""

    keep_days: int
    set_by: str
    """``setting:NAME``, or ``person:NAME`` for a command."""

    def until(self, now: datetime) -> int:
        """What was received and happened before this instant may go, microseconds."""
        return microseconds(now - timedelta(days=self.keep_days))


@dataclass(frozen=True, slots=True)
class Planned:
    """Events that can be removed together."""

    events: dict[int, Superseded]
    """By their numbers."""
    runs: dict[int, int]
    """The row of the run of each."""
    bytes: int
    received: tuple[int, int]
    happened: tuple[int, int]
    summed: tuple[SummedRun, ...] = ()
    """Runs that go with them."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What is, or would be, removed."""

    events: int = 0
    bytes: int = 0
    received: tuple[datetime, datetime] | None = None
    happened: tuple[datetime, datetime] | None = None
    runs: int = 0
    """Those that are summed up with them."""

    def plus(self, planned: Planned) -> Sum:
        """With some more events."""
        return Sum(
            self.events + len(planned.events),
            self.bytes + planned.bytes,
            _span(self.received, planned.received),
            _span(self.happened, planned.happened),
            self.runs + len(planned.summed),
        )


def plan(engine: Engine, until: int) -> Iterator[Planned]:
    """What can be removed of what was received and happened up to an instant, some at a time.

    Only runs are looked through in which something has reached that age since last time.
    """
    return filter(None, _steps(engine, until))


def _steps(engine: Engine, until: int) -> Iterator[Planned | None]:
    """The same; ``None``: some runs were looked through, and one may rest or stop."""
    log = EventLog()
    with engine.connect() as connection:
        swept = get_meta(connection, _SWEPT)
        cited = {bytes.fromhex(event_id) for cites in CITED for event_id in cites(connection)}
        last = int(connection.execute(select(func.max(RUN_EVENT.c.run_pk))).scalar() or 0)
    for first in range(0, last + 1, RUNS):
        part: list[tuple[int, Superseded]] = []
        for found in _found(engine, log, (first, first + RUNS), (swept, until)):
            if found is None:
                yield None
            elif found[1].item.event.event_id not in cited:
                part.append(found)
            if len(part) == CHUNK:
                yield planned_of(engine, part)
                part = []
        if part:
            yield planned_of(engine, part)


def remove(
    engine: Engine,
    limit: Limit,
    now: datetime,
    pause: bool = True,
    is_over: Callable[[], bool] = bool,
) -> Iterator[Planned]:
    """Remove what can be, some in a transaction, in step with the iteration.

    Args:
        engine: Of the store.
        limit: How long what is superseded is kept.
        now: The present.
        pause: Whether to rest as long as was worked, for the sake of those who send meanwhile.
        is_over: Whether to stop, asked ever so often, also while nothing is found.

    Raises:
        UserError: A payload is not as it was committed, which must not be destroyed; or everything
            was derived anew meanwhile.
    """
    until = limit.until(now)
    yield from carry_out(engine, limit, _steps(engine, until), (until, until), pause, is_over)
    if is_over():
        return
    with writing(engine) as connection:
        set_meta(connection, _SWEPT, max(until, get_meta(connection, _SWEPT)))


def carry_out(  # noqa: PLR0917  # what two ways of removing have in common
    engine: Engine,
    limit: Limit,
    steps: Iterable[Planned | None],
    bounds: tuple[int, int],
    pause: bool = True,
    is_over: Callable[[], bool] = bool,
) -> Iterator[Planned]:
    """Remove what was planned, as ``remove`` does.

    Args:
        engine: Of the store.
        limit: How long it is kept, and who says so.
        steps: What to remove in each transaction; ``None``: one may rest or stop.
        bounds: Up to when it happened, and from when on everything is known as it was.
        pause: Whether to rest between them.
        is_over: Whether to stop.
    """
    with engine.connect() as connection:
        epoch = get_meta(connection, "epoch")
    started = time.monotonic()
    for planned in steps:
        if is_over():
            return
        if planned is not None:
            with writing(engine) as connection:
                if get_meta(connection, "epoch") != epoch:
                    raise UserError(
                        "the store was derived anew while events were removed; what was removed "
                        "so far is. Run andon retention apply again."
                    )
                is_done = _remove(connection, limit, bounds, planned)
            if is_done:
                yield planned
        if pause:
            time.sleep(time.monotonic() - started)
        started = time.monotonic()


def require_known(connection: Connection, as_of: datetime) -> None:
    """Refuse to tell of an instant that is not known exactly any more.

    Raises:
        UserError: Events that tell of it were removed; says since when all is known again.
    """
    removal = removals.removal_over(connection, microseconds(as_of))
    if removal is not None:
        raise UserError(
            f"what was known at {as_of:%Y-%m-%d %H:%M} UTC is not known exactly any more: events "
            f"before {moment(removal.until):%Y-%m-%d %H:%M} were removed on "
            f"{moment(removal.at):%Y-%m-%d} ({removal.removed_by}, after {removal.keep_days} "
            "days). Give an instant from then on."
        )


def count_removed(
    connection: Connection, target: Connection, span: tuple[int, int] | None = None
) -> bool:
    """Count removed events in tables that were filled from those that are kept.

    Each is counted by the event that stands for it, which says the same.

    Args:
        connection: To the store with the log.
        target: To the tables.
        span: Only what was removed up to the second instant and not up to the first.

    Returns:
        Whether there was any.
    """
    log, tally = EventLog(), Tally()
    parts = removals.stood_for(connection, span)
    for numbers in chunks(parts):
        for seq, stored in log.numbered(connection, numbers).items():
            for part in parts[seq]:
                _count(tally, target, stored, part)
    return bool(parts)


def _count(tally: Tally, target: Connection, stored: Stored, part: removals.StoodFor) -> None:
    first = replace(stored, received_at=part.received_first)
    tally.add(target, [first])
    rest = repeat(replace(stored, received_at=part.received_last), part.events - 1)
    while some := list(islice(rest, RUNS)):
        tally.add(target, some)


def _found(
    engine: Engine, log: EventLog, runs: tuple[int, int], ages: tuple[int, int]
) -> Iterator[tuple[int, Superseded] | None]:
    """Superseded events of some runs, with the row of their run; ``None`` now and then."""
    swept, until = ages
    is_old = and_(EVENT.c.event_time <= until, EVENT.c.received_at <= until)
    is_new = or_(func.max(EVENT.c.event_time) > swept, func.max(EVENT.c.received_at) > swept)
    told = RUN_EVENT.join(EVENT, EVENT.c.seq == RUN_EVENT.c.seq)
    worth = (
        select(RUN_EVENT.c.run_pk)
        .select_from(told)
        .where(RUN_EVENT.c.run_pk > runs[0], RUN_EVENT.c.run_pk <= runs[1], is_old)
        .group_by(RUN_EVENT.c.run_pk)
        .having(func.count() > 2, is_new)  # the first and the last of a group stay
    )
    with engine.connect() as connection:
        worthy = list(connection.execute(worth).scalars())
    for part in chunks(worthy):
        for pk, numbers in _listed(engine, part, is_old):
            for one in superseded(_read(engine, log, numbers)):
                yield pk, one
        yield None


def _listed(
    engine: Engine, runs: list[int], is_old: ColumnElement[bool]
) -> list[tuple[int, list[int]]]:
    """The old events of some runs, the first to happen first."""
    query = (
        select(RUN_EVENT.c.run_pk, RUN_EVENT.c.seq)
        .join(EVENT, EVENT.c.seq == RUN_EVENT.c.seq)
        .where(RUN_EVENT.c.run_pk.in_(runs), is_old)
        .order_by(RUN_EVENT.c.run_pk, EVENT.c.event_time, RUN_EVENT.c.seq)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return [(pk, [row.seq for row in some]) for pk, some in groupby(rows, itemgetter(0))]


def _read(engine: Engine, log: EventLog, numbers: list[int]) -> Iterator[Numbered]:
    """Events in this order; no reading is under way while they are looked at."""
    for part in chunks(numbers):
        with engine.connect() as connection:
            stored = log.numbered(connection, part)
        yield from (Numbered(seq, stored[seq].event) for seq in part if seq in stored)


def planned_of(
    engine: Engine,
    found: Sequence[tuple[int, Superseded]],
    summed: tuple[SummedRun, ...] = (),
) -> Planned | None:
    """What is still there of some events, with the row of their run; ``None``: nothing.

    Raises:
        UserError: One of them is not as it was committed.
    """
    events = {one.item.seq: one for _, one in found}
    size = func.length(PAYLOAD.c.body)
    query = (
        select(EVENT.c.seq, EVENT.c.received_at, EVENT.c.event_id, EVENT.c.content_hash, size)
        .join(PAYLOAD, PAYLOAD.c.seq == EVENT.c.seq)
        .where(EVENT.c.seq.in_(events))
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    for seq, _, event_id, content_hash, _ in rows:
        if hashlib.sha256(events[seq].item.event.body).digest() != (content_hash or event_id):
            raise UserError(
                f"event {event_id.hex()} is not as it was stored, so removing it would destroy "
                "evidence, and nothing more is removed. See andon audit verify."
            )
    if not rows:
        return None
    times = [events[row.seq].item.event.time for row in rows]
    received = [row.received_at for row in rows]
    return Planned(
        {row.seq: events[row.seq] for row in rows},
        {one.item.seq: pk for pk, one in found},
        sum(row[4] for row in rows),
        (min(received), max(received)),
        (min(times), max(times)),
        summed,
    )


def _remove(
    connection: Connection, limit: Limit, bounds: tuple[int, int], planned: Planned
) -> bool:
    """Remove what another process has not removed yet, and write it down; whether there was any."""
    size = func.length(PAYLOAD.c.body)
    there = select(PAYLOAD.c.seq, size).where(PAYLOAD.c.seq.in_(planned.events))
    sizes = {row[0]: int(row[1]) for row in connection.execute(there)}
    if not sizes or (planned.summed and not _is_as_planned(connection, planned, sizes)):
        return False
    number, now = removals.next_removal(connection), time.time_ns() // 1000
    removal = Removal(
        id=number,
        at=now,
        removed_by=limit.set_by,
        keep_days=limit.keep_days,
        since=min(planned.events[seq].item.event.time for seq in sizes),
        until=bounds[1],
        first=min(sizes),
        last=max(sizes),
        events=len(sizes),
        bytes=sum(sizes.values()),
    )
    removals.record(connection, removal, {seq: planned.events[seq].kept_seq for seq in sizes})
    loose.note(connection, sizes, {planned.events[seq].kept_seq for seq in sizes} - sizes.keys())
    connection.execute(delete(PAYLOAD).where(PAYLOAD.c.seq.in_(sizes)))
    connection.execute(_UNLIST, [{"pk": planned.runs[seq], "number": seq} for seq in sizes])
    content = removals.removals_content(connection, number, number)
    chain.append_link(connection, removals.KIND, number, number, content, at=now)
    if planned.summed:
        _sum_up(connection, planned, number, bounds[0])
    bump_revision(connection)
    return True


def _is_as_planned(connection: Connection, planned: Planned, there: Collection[int]) -> bool:
    """Whether all of it is there, and no other event of its runs has come meanwhile."""
    listed: set[int] = set()
    for part in chunks(set(planned.runs.values())):
        query = select(RUN_EVENT.c.seq).where(RUN_EVENT.c.run_pk.in_(part))
        listed.update(connection.execute(query).scalars())
    return listed == set(there) == planned.events.keys()


def _sum_up(connection: Connection, planned: Planned, removal: int, until: int) -> None:
    """Have days in the place of runs."""
    days = run_days.record(connection, removal, planned.summed, until)
    content = run_days.days_content(connection, days[0], days[-1])
    now = time.time_ns() // 1000
    chain.append_link(connection, run_days.KIND, days[0], days[-1], content, at=now)
    for part in chunks(set(planned.runs.values())):
        for table in (REPORT, STATISTIC):
            connection.execute(delete(table).where(table.c.run_pk.in_(part)))
        connection.execute(delete(RUN).where(RUN.c.id.in_(part)))
    # Whoever writes remembers runs, and must look up again which are over.
    set_meta(connection, "writer", 0)


def _span(
    before: tuple[datetime, datetime] | None, more: tuple[int, int]
) -> tuple[datetime, datetime]:
    first, last = moment(more[0]), moment(more[1])
    return (first, last) if before is None else (min(first, before[0]), max(last, before[1]))
