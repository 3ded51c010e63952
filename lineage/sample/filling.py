"""Fills a store with the sample company: its newest days at once, its history behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from catalog.cli import progress
from catalog.database import get_meta, set_meta, writing
from catalog.errors import UserError
from catalog.formats import read_catalog
from catalog.moments import microseconds, moment
from catalog.store import apply_catalog
from lineage import log
from lineage.ingest import Arrival, Ingestor
from lineage.sample import GOVERNANCE
from lineage.sample.events import days_newest_first, events_of_day
from lineage.sample.scenario import load_company

DAYS = 200
FIRST_DAYS = 2
"""Days that are there before the board opens."""

BATCH = 256
"""Events that share one commit."""


def begin(engine: Engine) -> datetime:
    """Fill the newest days, if they are not there yet.

    Returns:
        The instant that the company calls now: when it was first filled.

    Raises:
        UserError: The store holds events of somebody else.
    """
    require_own(engine)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with writing(engine) as connection:
        stored = get_meta(connection, "demo_anchor_us")
        anchor = moment(stored) if stored else now
        set_meta(connection, "demo_anchor_us", microseconds(anchor))
        set_meta(connection, "clock_behind_us", (now - anchor) // timedelta(microseconds=1))
    apply_catalog(engine, read_catalog(GOVERNANCE), "service:demo", anchor)
    for day in range(_filled(engine), FIRST_DAYS):
        _fill_day(engine, Ingestor(engine), anchor, day)
    return anchor


def require_own(engine: Engine) -> None:
    """Refuse a store with events that are not the sample company's.

    Raises:
        UserError: It holds some; they would be mixed, or lost with a fresh beginning.
    """
    with engine.connect() as connection:
        if not get_meta(connection, "demo_anchor_us") and log.count(connection):
            raise UserError(
                f'database "{engine.url}" holds events of its own, and the sample company would '
                "be mixed with them. Give another, or none, to --database."
            )


def fill_history(engine: Engine) -> None:
    """Fill the rest of the history, day by day, backwards, with a progress bar."""
    with engine.connect() as connection:
        anchor = moment(get_meta(connection, "demo_anchor_us"))
    ingestor, days = Ingestor(engine), range(_filled(engine), DAYS)
    with progress(days, len(days), "Filling history") as listed:
        for day in listed:
            _fill_day(engine, ingestor, anchor, day)


def _filled(engine: Engine) -> int:
    with engine.connect() as connection:
        return get_meta(connection, "demo_days")


def _fill_day(engine: Engine, ingestor: Ingestor, anchor: datetime, number: int) -> None:
    day = days_newest_first(anchor, DAYS)[number]
    arrivals = [Arrival(body, "demo") for body in events_of_day(load_company(), day, anchor)]
    for first in range(0, len(arrivals), BATCH):
        ingestor.ingest(arrivals[first : first + BATCH])
    with writing(engine) as connection:
        set_meta(connection, "demo_days", number + 1)
