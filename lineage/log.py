"""The append-only log of received events: the truth from which all else is derived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from catalog.database import chunks, insert_rows, table_of
from catalog.lookups import rows_where
from lineage import payloads, removals
from lineage.contents import Contents, expand
from lineage.events import Event, dated, parse_event, stored_event
from lineage.facets import Facet
from lineage.tables import EventRow, PayloadRow, RejectionRow
from lineage.templates import Template

EVENT = table_of(EventRow)
PAYLOAD = table_of(PayloadRow)
REJECTION = table_of(RejectionRow)

KIND = "events"
"""What the links of the hash chain call them."""

OUT_OF_SCOPE = 1
"""Flag of an event that was stored although its producer key does not cover it."""
MENDED = 2
"""Flag of an event in which NUL or lone surrogates were replaced."""

_COUNT_AGAIN = (
    update(EVENT)
    .where(EVENT.c.event_id == bindparam("known"))
    .values(received_count=EVENT.c.received_count + bindparam("more"))
)
_COMMITMENT = (
    "seq", "event_id", "received_at", "event_time", "kind", "content_hash", "secrets", "key_id",
    "flags", "received_count",
)  # fmt: skip
_COMMITTED = 9
"""How many of these never change and are covered by the hash chain."""

Commitment = tuple[Any, ...]
"""A row of these."""


class Stored(Struct, frozen=True):
    """An event with its place in the log."""

    seq: int
    received_at: int
    event: Event


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of events that were to be appended."""

    places: tuple[int | None, ...]
    """For each its sequence number; ``None`` if its content is known already."""
    new: tuple[Stored, ...]
    numbers: dict[bytes, int]
    """Number of every facet's body in the new ones, by its hash."""
    content: bytes
    """What the hash chain says of the new ones; see ``events_content``."""


class EventLog:
    """Appends events and reads them back; remembers what both need often."""

    def __init__(self) -> None:
        self.contents = Contents()
        self._last: int | None = None
        """The newest number, while nobody else writes."""

    def forget(self) -> None:
        """Drop what is remembered: a transaction was rolled back, or another process wrote."""
        self.contents.forget()
        self._last = None

    def append(self, connection: Connection, arrived: Sequence[tuple[int, Event]]) -> Appended:
        """Append events that are not there yet, within the caller's transaction.

        Args:
            connection: Of the transaction.
            arrived: When each was received, microseconds UTC, and the event.
        """
        known = {
            event_id
            for (event_id,) in rows_where(
                connection, EVENT, ("event_id",), "event_id", {e.event_id for _, e in arrived}
            )
        }
        seq = self._last if self._last is not None else _last(connection)
        places: list[int | None] = []
        new: list[Stored] = []
        again: dict[bytes, int] = {}
        for received_at, event in arrived:
            if event.event_id in known:
                again[event.event_id] = again.get(event.event_id, 0) + 1
                places.append(None)
                continue
            known.add(event.event_id)
            seq += 1
            new.append(Stored(seq, received_at, event))
            places.append(seq)
        commitments = [_commitment(stored) for stored in new]
        numbers = self._write(connection, new, commitments) if new else {}
        self._last = seq
        if again:
            connection.execute(_COUNT_AGAIN, [{"known": e, "more": n} for e, n in again.items()])
        return Appended(tuple(places), tuple(new), numbers, _content(commitments))

    def events(
        self,
        connection: Connection,
        chunk: int,
        since: int | None = None,
        until: int | None = None,
        received_until: int | None = None,
    ) -> Iterator[list[Stored]]:
        """Stored events in order of arrival, some at a time.

        With ``since`` and ``until`` only events whose time (microseconds) is after the one and not
        after the other; with ``received_until`` only what had been received by then.
        """
        query = _query().order_by(EVENT.c.seq).limit(chunk)
        if since is not None:
            query = query.where(EVENT.c.event_time > since)
        if until is not None:
            query = query.where(EVENT.c.event_time <= until)
        if received_until is not None:
            query = query.where(EVENT.c.received_at <= received_until)
        after = 0
        while rows := connection.execute(query.where(EVENT.c.seq > after)).all():
            yield self.read(connection, rows)
            after = rows[-1].seq

    def numbered(self, connection: Connection, numbers: Iterable[int]) -> dict[int, Stored]:
        """Stored events by their sequence numbers."""
        found = {}
        for part in chunks(sorted(numbers)):
            rows = connection.execute(_query().where(EVENT.c.seq.in_(part))).all()
            found.update({stored.seq: stored for stored in self.read(connection, rows)})
        return found

    def body_numbers(self, connection: Connection, events: Sequence[Stored]) -> dict[bytes, int]:
        """Number of every facet's body in stored events, by its hash."""
        parts = ((s.event.template, s.event.values) for s in events)
        return self.contents.number_facets(connection, payloads.bodies_of(parts))

    def _write(
        self, connection: Connection, new: Sequence[Stored], commitments: Sequence[Commitment]
    ) -> dict[bytes, int]:
        numbers = self.body_numbers(connection, new)
        templates = self.contents.number_templates(connection, (s.event.template for s in new))
        insert_rows(connection, EVENT, _COMMITMENT, commitments)
        insert_rows(
            connection,
            PAYLOAD,
            ("seq", "template_id", "body"),
            [
                (
                    seq,
                    templates[event.template.hash],
                    payloads.pack((event.template, event.values), event.time, numbers),
                )
                for seq, event in ((s.seq, s.event) for s in new)
            ],
        )
        return numbers

    def read(self, connection: Connection, rows: Sequence[Any]) -> list[Stored]:
        """Stored events from rows of both tables."""
        packed = {r.seq: payloads.decode(r.body) for r in rows if r.template_id is not None}
        templates = self.contents.templates(
            connection, (r.template_id for r in rows if r.template_id is not None)
        )
        facets = self.contents.facets(
            connection, (n for values in packed.values() for n in payloads.numbers_in(values))
        )
        return [
            Stored(
                row.seq,
                row.received_at,
                _event(row, templates.get(row.template_id), packed.get(row.seq), facets),
            )
            for row in rows
        ]


def reject(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what could not be used, with the reason why."""
    if rows:
        connection.execute(insert(REJECTION), list(rows))


def count(
    connection: Connection, until: int | None = None, received_until: int | None = None
) -> int:
    """How many different events the log holds, or how many of up to some instants."""
    query = select(func.count()).select_from(EVENT)
    if until is not None:
        query = query.where(EVENT.c.event_time <= until)
    if received_until is not None:
        query = query.where(EVENT.c.received_at <= received_until)
    return int(connection.execute(query).scalar() or 0)


def event_body(connection: Connection, event_id: bytes) -> dict[str, Any] | None:
    """One stored event, or ``None`` if there is none with this id, or none any more."""
    seq = connection.execute(select(EVENT.c.seq).where(EVENT.c.event_id == event_id)).scalar()
    stored = None if seq is None else EventLog().numbered(connection, [seq]).get(seq)
    if stored is None:
        return None
    decoded: dict[str, Any] = orjson.loads(stored.event.body)
    return decoded


def event_ids(connection: Connection, numbers: Iterable[int]) -> dict[int, str]:
    """Ids of events, 64 hex digits, by their sequence numbers."""
    found = rows_where(connection, EVENT, ("seq", "event_id"), "seq", sorted(set(numbers)))
    return {seq: event_id.hex() for seq, event_id in found}


def events_content(connection: Connection, first: int, last: int) -> bytes:
    """What the hash chain says of stored events: SHA-256 over commitments and payloads, in order.

    Payloads are hashed anew, so one that was changed or erased gives another result, unless a
    removal tells of it.
    """
    log, state = EventLog(), hashlib.sha256()
    for start in range(first, last + 1, 500):
        numbers = range(start, min(start + 500, last + 1))
        rows = connection.execute(_query().where(EVENT.c.seq.in_(numbers))).all()
        lines = [
            (row.seq, _line(*row[:_COMMITTED], hashlib.sha256(stored.event.body).digest()))
            for row, stored in zip(rows, log.read(connection, rows), strict=True)
        ]
        gone = set(numbers).difference(row.seq for row in rows)
        committed = removals.committed(connection, _COMMITMENT[:_COMMITTED], gone)
        lines += [(row[0], _line(*row, row[5] or row[1])) for row in committed]
        state.update(b"".join(line for _, line in sorted(lines)))
    return state.digest()


def _content(commitments: Iterable[Commitment]) -> bytes:
    """The same for events that are just being appended."""
    lines = (_line(*row[:_COMMITTED], row[5] or row[1]) for row in commitments)
    return hashlib.sha256(b"".join(lines)).digest()


def _commitment(stored: Stored) -> Commitment:
    event = stored.event
    is_changed = bool(event.secrets) or event.is_mended
    return (
        stored.seq,
        event.event_id,
        stored.received_at,
        event.time,
        int(event.kind),
        hashlib.sha256(event.body).digest() if is_changed else None,
        orjson.dumps(event.secrets).decode() if event.secrets else None,
        event.key_id,
        OUT_OF_SCOPE * event.is_out_of_scope | MENDED * event.is_mended,
        1,
    )


def _line(*values: object) -> bytes:
    return repr(values).encode() + b"\n"


def _query() -> Select[Any]:
    committed = (EVENT.c[name] for name in _COMMITMENT[:-1])
    return select(*committed, PAYLOAD.c.template_id, PAYLOAD.c.body).join(
        PAYLOAD, PAYLOAD.c.seq == EVENT.c.seq
    )


def _event(
    row: Any, template: Template | None, packed: payloads.Packed | None, facets: dict[int, Facet]
) -> Event:
    secrets = tuple(orjson.loads(row.secrets)) if row.secrets else ()
    if template is None or packed is None:  # stored whole, before events had templates
        event = replace(parse_event(expand(row.body)), event_id=row.event_id, secrets=secrets)
    else:
        values = payloads.unpack(packed, row.event_time, facets)
        event = stored_event(template, values, row.event_id, secrets, bool(row.flags & MENDED))
    event = replace(
        event,
        key_id=row.key_id,
        is_out_of_scope=bool(row.flags & OUT_OF_SCOPE),
    )
    return dated(event, row.received_at)


def _last(connection: Connection) -> int:
    return int(connection.execute(select(func.max(EVENT.c.seq))).scalar() or 0)
