"""The past: what a fresh store would know after only the events up to an instant."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from catalog import database
from catalog.engines import release
from catalog.model import Catalog
from catalog.moments import microseconds, moment
from catalog.store import load_catalog
from lineage.building import build_estate
from lineage.estate import Estate
from lineage.keyring import copy_keys
from lineage.log import EVENT, EventLog, count
from lineage.observed import Observed
from lineage.projection import Projection
from lineage.reading import observe, uncollected
from lineage.reducers import NO_REDUCERS, Reducers
from lineage.retention import count_removed, require_known
from lineage.times import AHEAD

CHUNK = 512
"""Events folded at a time."""

Watch = Callable[[Iterator[int], int], int]

JUST_NOW = timedelta(minutes=1)
"""An instant this close to now is no past instant."""


class Standpoint:
    """From where one looks: what is known of the time up to one instant, from one instant on.

    Whatever reads the tables of events reads those of ``engine``: the store itself for the present,
    and for the past a store of its own that was filled from the log and goes with this object.
    """

    is_lean = False
    """Whether what events said is let go once the estate is built of it, as it is three times as
    large; whoever asks for it then has it read again."""

    def __init__(
        self, engine: Engine, as_of: datetime, revision: int, catalog: Catalog, reducers: Reducers
    ) -> None:
        self.engine = engine
        self.as_of = as_of
        self.revision = revision
        self.catalog = catalog
        self.reducers = reducers

    @cached_property
    def observed(self) -> Observed:
        """What events said, of whole assets."""
        return self._observe()

    @cached_property
    def estate(self) -> Estate:
        """Everything known."""
        is_kept = self.was_observed or not self.is_lean
        seen = self.observed if is_kept else self._observe()
        with uncollected():
            return build_estate(seen, self.catalog, self.as_of, self.revision)

    @property
    def was_observed(self) -> bool:
        """Whether what events said is at hand."""
        return "observed" in vars(self)

    def _observe(self) -> Observed:
        with self.engine.connect() as connection, uncollected():
            seen = observe(connection, self.as_of, self.catalog, self.reducers)
            release(connection)
            return seen


def _unwatched(steps: Iterator[int], _total: int) -> int:
    return sum(steps)


def stand(
    engine: Engine,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    reducers: Reducers = NO_REDUCERS,
    watch: Watch = _unwatched,
) -> Standpoint:
    """Look at the time up to an instant, late events included, or with what was known at another.

    For the past the events up to it are folded again, into a store of its own. What has come in
    while the caller looked at the clock makes no past of the present.

    Args:
        engine: The store.
        as_of: Of when; ``None``: now.
        known_at: Only what had been received by then; ``None``: all that is known today.
        reducers: Which endings name a part of a dataset.
        watch: Takes how many events are folded in each step, and how many there are in all; it
            goes through all of the steps, and may show how far it is.

    Raises:
        UserError: Events that tell of that instant were removed.
    """
    now = present(engine)
    at = now if as_of is None else as_of
    catalog = load_catalog(engine, at, known_at)
    with engine.connect() as connection:
        revision = database.get_meta(connection, "revision")
        if not _is_past(connection, at, known_at, now):
            return Standpoint(engine, at, revision, catalog, reducers)
        require_known(connection, at if known_at is None else min(at, known_at))
        until, received = (None if t is None else microseconds(t) for t in (as_of, known_at))
        folder = Path(tempfile.mkdtemp(prefix="andon-past-"))
        try:
            past = database.connect(f"sqlite:///{folder / 'past.db'}")
            total = count(connection, until, received)
            watch(_fold_again(connection, past, until, received), total)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    found = Standpoint(past, at, revision, catalog, reducers)
    weakref.finalize(found, _drop, past, folder)
    return found


def _fold_again(
    connection: Connection, past: Engine, until: int | None, received_until: int | None
) -> Iterator[int]:
    """Fill an empty store with what the log knows of some time; instants in microseconds.

    Yields:
        How many events were folded in each step.
    """
    copy = EventLog()
    projection = Projection(copy, connection)
    with database.writing(past) as target:
        copy_keys(connection, target)
    for chunk in EventLog().events(connection, CHUNK, None, until, received_until):
        with database.writing(past) as target:
            new = copy.append(target, [(s.received_at, s.event) for s in chunk])
            projection.apply(target, new.new, new.numbers)
        yield len(chunk)
    with database.writing(past) as target:
        count_removed(connection, target, None if until is None else (0, until))


def _drop(past: Engine, folder: Path) -> None:
    past.dispose()
    shutil.rmtree(folder, ignore_errors=True)


def _is_past(
    connection: Connection, as_of: datetime, known_at: datetime | None, now: datetime
) -> bool:
    """Whether any event that the store holds is not to count."""
    left_out: list[ColumnElement[bool]] = []
    if as_of < now - JUST_NOW:
        left_out.append(EVENT.c.event_time.between(microseconds(as_of) + 1, microseconds(now)))
    if known_at is not None:
        left_out.append(EVENT.c.received_at > microseconds(known_at))
    queries = (select(EVENT.c.seq).where(what).limit(1) for what in left_out)
    return any(connection.execute(query).first() is not None for query in queries)


def present(engine: Engine) -> datetime:
    """The instant that doors call now: the store's clock, or the newest event if that is ahead.

    Producers' clocks run ahead, and some send local times without an offset; what they report has
    happened all the same. Times further ahead than a day are not followed.
    """
    clock = database.present(engine)
    newest = select(func.max(EVENT.c.event_time)).where(
        EVENT.c.event_time <= microseconds(clock + AHEAD)
    )
    with engine.connect() as connection:
        found = connection.execute(newest).scalar()
    return clock if found is None else max(clock, moment(found))


def estate_at(engine: Engine, as_of: datetime, reducers: Reducers = NO_REDUCERS) -> Estate:
    """Everything known of the time up to an instant, late events included.

    Raises:
        UserError: Events that tell of that instant were removed.
    """
    return stand(engine, as_of, reducers=reducers).estate


def estates_at(
    engine: Engine, instants: Iterable[datetime], reducers: Reducers = NO_REDUCERS
) -> Iterator[Estate]:
    """The estate at each of some past instants, oldest first, folding the log only once.

    Raises:
        UserError: Events that tell of one of them were removed.
    """
    past = database.connect("sqlite://")
    log, copy = EventLog(), EventLog()
    since = None
    try:
        with engine.connect() as connection:
            projection = Projection(copy, connection)
            for as_of in (instants := sorted(instants)):
                require_known(connection, as_of)
            revision = database.get_meta(connection, "revision")
            with database.writing(past) as memory:
                copy_keys(connection, memory)
            for as_of in instants:
                until = microseconds(as_of)
                with database.writing(past) as memory:
                    for chunk in log.events(connection, CHUNK, since, until):
                        new = copy.append(memory, [(s.received_at, s.event) for s in chunk])
                        projection.apply(memory, new.new, new.numbers)
                    if count_removed(connection, memory, (since or 0, until)):
                        projection.forget()
                    catalog = load_catalog(engine, as_of)
                    seen = observe(memory, as_of, catalog, reducers)
                since = until
                yield build_estate(seen, catalog, as_of, revision)
    finally:
        past.dispose()
