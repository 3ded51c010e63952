"""The estate at a past instant: what a fresh store would know after only the events up to then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from catalog import database
from catalog.moments import microseconds, moment
from catalog.store import load_catalog
from lineage.building import build_estate
from lineage.estate import Estate
from lineage.keyring import copy_keys
from lineage.log import EVENT, EventLog
from lineage.projection import Projection
from lineage.reading import load_estate, observe
from lineage.reducers import NO_REDUCERS, Reducers
from lineage.retention import count_removed, require_known
from lineage.times import AHEAD

CHUNK = 512
"""Events folded at a time."""

JUST_NOW = timedelta(minutes=1)
"""An instant this close to now is no past instant."""


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

    For a past instant the events up to it are folded again in memory. What has come in while the
    caller looked at the clock makes no past of the present.

    Raises:
        UserError: Events that tell of that instant were removed.
    """
    now = present(engine)
    if as_of >= now - JUST_NOW:
        return load_estate(engine, as_of, reducers)
    after = EVENT.c.event_time.between(microseconds(as_of) + 1, microseconds(now))
    with engine.connect() as connection:
        require_known(connection, as_of)
        has_later = connection.execute(select(EVENT.c.seq).where(after).limit(1)).first()
    if has_later is None:
        return load_estate(engine, as_of, reducers)
    return next(estates_at(engine, [as_of], reducers))


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
