"""What arrived, from whom, and what was odd or refused about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from catalog.moments import moment
from lineage.counters import PRODUCER, WARNING
from lineage.log import EVENT, REJECTION, EventLog
from lineage.templates import EventKind


@dataclass(frozen=True, slots=True)
class Producer:
    """One producer, counted over all of its events."""

    name: str
    events: int
    warnings: int
    """How many of them were odd."""
    first_at: datetime
    last_at: datetime
    """Event times."""
    last_received_at: datetime


@dataclass(frozen=True, slots=True)
class WarningCount:
    """One sort of oddity."""

    path: str
    message: str
    events: int
    event_id: str
    """One that has it."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that could not be used."""

    id: int
    received_at: datetime
    source: str
    status: int
    detail: str
    path: str
    expected: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """One event in the log, newest first."""

    event_id: str
    received_at: datetime
    event_time: datetime
    kind: EventKind
    producer: str
    received_count: int


@dataclass(frozen=True, slots=True)
class Intake:
    """Everything about arrival, for the intake page."""

    events: int
    repeats: int
    """Arrivals whose content was known already."""
    rejected: int
    producers: tuple[Producer, ...]
    """Newest first."""
    warnings: tuple[WarningCount, ...]
    """Most frequent first."""
    rejections: tuple[Rejection, ...]
    """Newest first."""
    newest: tuple[Arrived, ...]


def intake(engine: Engine, limit: int = 50) -> Intake:
    """What arrived so far; lists hold ``limit`` entries at most, counts cover everything."""
    with engine.connect() as connection:
        producers = tuple(
            Producer(
                row.producer,
                row.events,
                row.warnings,
                moment(row.first_at),
                moment(row.last_at),
                moment(row.last_received_at),
            )
            for row in connection.execute(
                select(PRODUCER).order_by(PRODUCER.c.last_received_at.desc(), PRODUCER.c.producer)
            )
        )
        odd = connection.execute(
            select(
                WARNING.c.path,
                WARNING.c.message,
                func.sum(WARNING.c.events).label("events"),
                func.max(WARNING.c.event_id).label("event_id"),
            )
            .group_by(WARNING.c.path, WARNING.c.message)
            .order_by(func.sum(WARNING.c.events).desc(), WARNING.c.path)
            .limit(limit)
        ).all()
        warnings = tuple(
            WarningCount(row.path, row.message, int(row.events), row.event_id.hex()) for row in odd
        )
        rejections = tuple(
            Rejection(
                row.id,
                moment(row.received_at),
                row.source,
                row.status,
                row.detail,
                row.path,
                row.expected,
                row.excerpt,
            )
            for row in connection.execute(
                select(REJECTION).order_by(REJECTION.c.id.desc()).limit(limit)
            )
        )
        newest = tuple(_arrived(connection, limit))
        rejected = connection.execute(select(func.count()).select_from(REJECTION)).scalar() or 0
        repeats = connection.execute(
            select(func.sum(EVENT.c.received_count - 1)).where(EVENT.c.received_count > 1)
        ).scalar()
    return Intake(
        events=sum(p.events for p in producers),
        repeats=int(repeats or 0),
        rejected=rejected,
        producers=producers,
        warnings=warnings,
        rejections=rejections,
        newest=newest,
    )


def _arrived(connection: Connection, limit: int) -> Iterator[Arrived]:
    rows = connection.execute(select(EVENT).order_by(EVENT.c.seq.desc()).limit(limit)).all()
    stored = EventLog().numbered(connection, [row.seq for row in rows])
    for row in rows:
        yield Arrived(
            row.event_id.hex(),
            moment(row.received_at),
            moment(row.event_time),
            EventKind(row.kind),
            stored[row.seq].event.producer,
            row.received_count,
        )
