"""Takes events in: together in one transaction, answered only when durable, nothing dropped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine

from catalog.database import bump_revision, writing
from lineage import log
from lineage.events import Event, Oddity, RefusedError, dated, parse_event
from lineage.projection import Projection, Stored
from lineage.redact import redact_text

logger = logging.getLogger(__name__)

EXCERPT = 2000
"""How much of a refused body is kept, characters."""


class Status(StrEnum):
    """What became of one event."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A body and where it came from: an address, or a file and line."""

    body: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one arrival, given only after it is durable."""

    status: Status
    event_id: str | None
    oddities: tuple[Oddity, ...] = ()
    refusal: RefusedError | None = None


class Ingestor:
    """The one writer of events in this process. Safe to call from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._projection = Projection()
        self._lock = threading.Lock()

    def ingest(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Store what arrived together in one transaction; answers in the same order."""
        received_at = time.time_ns() // 1000
        read = [_read(arrival, received_at) for arrival in arrivals]
        with self._lock:
            try:
                receipts = self._store(arrivals, read, received_at)
            except Exception:
                # Identities made in a transaction that was rolled back do not exist.
                self._projection.forget()
                raise
        logger.info("taken in", extra={"events": len(receipts)})
        return receipts

    def refuse(self, arrival: Arrival, refused: RefusedError) -> None:
        """Keep something that was refused before it could be read, such as a body too large."""
        with self._lock, writing(self._engine) as connection:
            log.reject(connection, [_rejection(arrival, refused, time.time_ns() // 1000)])
            bump_revision(connection)

    def _store(
        self, arrivals: Sequence[Arrival], read: Sequence[Event | RefusedError], received_at: int
    ) -> list[Receipt]:
        events = [e for e in read if isinstance(e, Event)]
        with writing(self._engine) as connection:
            placed = log.append(connection, events, received_at)
            new = [
                Stored(seq, received_at, event)
                for seq, event in zip(placed, events, strict=True)
                if seq is not None
            ]
            refused = [
                (a, r) for a, r in zip(arrivals, read, strict=True) if isinstance(r, RefusedError)
            ]
            log.reject(connection, [_rejection(a, r, received_at) for a, r in refused])
            if new:
                self._projection.apply(connection, new)
            if new or refused:
                bump_revision(connection)
        places = iter(placed)
        return [_receipt(item, places) for item in read]


def _read(arrival: Arrival, received_at: int) -> Event | RefusedError:
    try:
        return dated(parse_event(arrival.body), received_at)
    except RefusedError as refused:
        return refused


def _receipt(item: Event | RefusedError, places: Iterator[int | None]) -> Receipt:
    if isinstance(item, RefusedError):
        return Receipt(Status.REJECTED, None, refusal=item)
    seq = next(places)
    status = Status.DUPLICATE if seq is None else Status.STORED
    return Receipt(status, item.event_id.hex(), item.oddities)


def _rejection(arrival: Arrival, refused: RefusedError, received_at: int) -> dict[str, object]:
    excerpt = arrival.body[:EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")
    return {
        "received_at": received_at,
        "source": arrival.source,
        "status": refused.status,
        "detail": refused.detail,
        "path": refused.path,
        "expected": refused.expected,
        "excerpt": redact_text(excerpt),
    }
