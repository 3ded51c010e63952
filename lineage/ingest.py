"""Takes events in: together in one transaction, answered only when durable, nothing dropped."""

from __future__ import annotations

import gc
import logging
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from msgspec.structs import replace
from sqlalchemy import Engine

from catalog import chain
from catalog.database import bump_revision, read_meta, set_meta, writing
from lineage import log
from lineage.events import Event, EventReader, dated
from lineage.facet_schemas import schemas
from lineage.keys import Admission, Key, out_of_scope
from lineage.log import EventLog
from lineage.oddities import Oddity
from lineage.projection import Projection
from lineage.redact import redact_text
from lineage.refused import kept_body
from lineage.templates import RefusedError

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
    key: Key | None = None
    """The producer key that it came with."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one arrival, given only after it is durable."""

    status: Status
    event_id: str | None
    oddities: tuple[Oddity, ...] = ()
    refusal: RefusedError | None = None


def calm_collector() -> None:
    """Let Python look for garbage less often; for entry points that take in much.

    What the caches hold is much and no garbage, and walking it again and again took a fifth of the
    time of an event.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


class Ingestor:
    """The one writer of events in this process. Safe to call from several threads.

    Args:
        engine: Of the store.
        refuses_out_of_scope: Whether an event that its key does not cover is refused; else it is
            stored and flagged.
    """

    def __init__(self, engine: Engine, *, refuses_out_of_scope: bool = True) -> None:
        schemas()  # read now: it takes half a second, which no sender shall wait for
        self._engine = engine
        self._refuses = refuses_out_of_scope
        self._reader = EventReader()
        self._log = EventLog()
        self._projection = Projection(self._log)
        self._token = secrets.randbits(62)
        self._epoch = -1
        self._lock = threading.Lock()

    def ingest(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Store what arrived together in one transaction; answers in the same order."""
        received_at = time.time_ns() // 1000
        read = [self._read(arrival, received_at) for arrival in arrivals]
        with self._lock:
            try:
                receipts = self._store(arrivals, read, received_at)
            except Exception:
                self._forget()  # numbers made in a transaction that was rolled back do not exist
                raise
        logger.info("taken in", extra={"events": len(receipts)})
        return receipts

    def refuse(self, arrival: Arrival, refused: RefusedError) -> None:
        """Keep something that was refused before it could be read, such as a body too large."""
        with self._lock, writing(self._engine) as connection:
            log.reject(connection, [_rejection(arrival, refused, time.time_ns() // 1000)])
            bump_revision(connection)

    def _read(self, arrival: Arrival, received_at: int) -> Event | RefusedError:
        try:
            event = dated(self._reader.read(arrival.body), received_at)
        except RefusedError as refused:
            return refused
        if arrival.key is None:
            return event
        why = _outside(arrival.key, event)
        if why is not None and self._refuses:
            expected = Admission.OUT_OF_SCOPE.expected
            return RefusedError(Admission.OUT_OF_SCOPE.status, why, "", expected)
        return replace(event, key_id=arrival.key.id, is_out_of_scope=why is not None)

    def _store(
        self, arrivals: Sequence[Arrival], read: Sequence[Event | RefusedError], received_at: int
    ) -> list[Receipt]:
        events = [e for e in read if isinstance(e, Event)]
        with writing(self._engine) as connection:
            numbers = read_meta(connection)
            if numbers.get("writer") != self._token or numbers.get("epoch") != self._epoch:
                # What is remembered is right only while nobody else writes or makes tables anew.
                self._forget()
                self._epoch = numbers.get("epoch", 0)
                set_meta(connection, "writer", self._token)
            appended = self._log.append(connection, [(received_at, e) for e in events])
            refused = [
                (a, r) for a, r in zip(arrivals, read, strict=True) if isinstance(r, RefusedError)
            ]
            log.reject(
                connection, [_rejection(a, r, received_at, is_whole=True) for a, r in refused]
            )
            new = appended.new
            if new:
                chain.append_link(
                    connection,
                    log.KIND,
                    new[0].seq,
                    new[-1].seq,
                    appended.content,
                    at=received_at,
                )
                self._projection.apply(connection, new, appended.numbers)
            if new or refused:
                set_meta(connection, "revision", numbers.get("revision", 0) + 1)
        places = iter(appended.places)
        return [_receipt(item, places) for item in read]

    def _forget(self) -> None:
        self._log.forget()
        self._projection.forget()


def _outside(key: Key, event: Event) -> str | None:
    template = event.template
    written = (*template.outputs, *((template.dataset,) if template.dataset else ()))
    job = template.job[0] if template.job else None
    return out_of_scope(key, job, {place.namespace for place in written})


def _receipt(item: Event | RefusedError, places: Iterator[int | None]) -> Receipt:
    if isinstance(item, RefusedError):
        return Receipt(Status.REJECTED, None, refusal=item)
    seq = next(places)
    status = Status.DUPLICATE if seq is None else Status.STORED
    return Receipt(status, item.event_id.hex(), item.oddities)


def _rejection(
    arrival: Arrival, refused: RefusedError, received_at: int, *, is_whole: bool = False
) -> dict[str, object]:
    excerpt = arrival.body[:EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")
    return {
        "received_at": received_at,
        "source": arrival.source,
        "status": refused.status,
        "detail": refused.detail,
        "path": refused.path,
        "expected": refused.expected,
        "excerpt": redact_text(excerpt),
        "body": kept_body(arrival.body) if is_whole else None,
        "key_id": arrival.key.id if arrival.key else None,
    }
