"""The estate at a past instant: what a fresh store would know after only the events up to then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from catalog import database
from catalog.store import load_catalog
from lineage import log
from lineage.building import build_estate
from lineage.estate import Estate
from lineage.events import microseconds, moment
from lineage.projection import Projection, Stored
from lineage.reading import load_estate, observe

CHUNK = 512

AHEAD = timedelta(days=1)
"""How far a producer's clock may run ahead of ours and still be believed."""


def present(engine: Engine) -> datetime:
    """The instant that doors call now: the store's clock, or the newest event if that is ahead.

    Producers' clocks run ahead, and some send local times without an offset; what they report has
    happened all the same. Times further ahead than a day are not followed.
    """
    clock = database.present(engine)
    newest = select(func.max(log.EVENT.c.event_time)).where(
        log.EVENT.c.event_time <= microseconds(clock + AHEAD)
    )
    with engine.connect() as connection:
        found = connection.execute(newest).scalar()
    return clock if found is None else max(clock, moment(found))


def estate_at(engine: Engine, as_of: datetime) -> Estate:
    """Everything known of the time up to an instant, late events included.

    Where the log holds later events, those up to the instant are folded again in memory.
    """
    later = select(log.EVENT.c.seq).where(log.EVENT.c.event_time > microseconds(as_of)).limit(1)
    with engine.connect() as connection:
        is_past = connection.execute(later).first() is not None
    return next(estates_at(engine, [as_of])) if is_past else load_estate(engine, as_of)


def estates_at(engine: Engine, instants: Iterable[datetime]) -> Iterator[Estate]:
    """The estate at each of some past instants, oldest first, folding the log only once."""
    past = database.connect("sqlite://")
    projection = Projection()
    since = None
    try:
        with engine.connect() as connection:
            revision = database.get_meta(connection, "revision")
            for as_of in sorted(instants):
                until = microseconds(as_of)
                with database.writing(past) as memory:
                    for chunk in log.stored_events(connection, CHUNK, since, until):
                        projection.apply(memory, [Stored(*item) for item in chunk])
                    seen = observe(memory, as_of)
                since = until
                yield build_estate(seen, load_catalog(engine, as_of), as_of, revision)
    finally:
        past.dispose()
