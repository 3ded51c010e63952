"""What arrived, from whom, and what was odd or refused about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from lineage.counters import PRODUCER, WARNING
from lineage.events import EventKind, moment
from lineage.log import EVENT, REJECTION


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
    """The newest event that has it."""


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
        odd = (
            select(
                WARNING.c.path,
                WARNING.c.message,
                func.count(WARNING.c.seq.distinct()).label("events"),
                func.max(WARNING.c.seq).label("newest"),
            )
            .group_by(WARNING.c.path, WARNING.c.message)
            .subquery()
        )
        warnings = tuple(
            WarningCount(row.path, row.message, row.events, row.event_id.hex())
            for row in connection.execute(
                select(odd, EVENT.c.event_id)
                .join(EVENT, EVENT.c.seq == odd.c.newest)
                .order_by(odd.c.events.desc(), odd.c.path)
                .limit(limit)
            )
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
        newest = tuple(
            Arrived(
                row.event_id.hex(),
                moment(row.received_at),
                moment(row.event_time),
                EventKind(row.kind),
                row.producer,
                row.received_count,
            )
            for row in connection.execute(select(EVENT).order_by(EVENT.c.seq.desc()).limit(limit))
        )
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
