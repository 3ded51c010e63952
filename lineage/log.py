"""The append-only log of received events: the truth from which all else is derived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, func, insert, select, update

from catalog.database import table_of
from lineage.assets import compress, expand
from lineage.events import Event, dated, reread_event
from lineage.tables import EventRow, PayloadRow, RejectionRow

EVENT = table_of(EventRow)
PAYLOAD = table_of(PayloadRow)
REJECTION = table_of(RejectionRow)

_COUNT_AGAIN = (
    update(EVENT)
    .where(EVENT.c.event_id == bindparam("known"))
    .values(received_count=EVENT.c.received_count + bindparam("more"))
)


def append(connection: Connection, events: Sequence[Event], received_at: int) -> list[int | None]:
    """Append events that are not there yet.

    Returns:
        For each event its sequence number, or ``None`` if its content is known already.
    """
    wanted = {event.event_id for event in events}
    known = set(
        connection.execute(select(EVENT.c.event_id).where(EVENT.c.event_id.in_(wanted))).scalars()
    )
    seq, chain = _head(connection)
    placed: list[int | None] = []
    rows: list[dict[str, Any]] = []
    payloads: list[dict[str, Any]] = []
    again: dict[bytes, int] = {}
    for event in events:
        if event.event_id in known:
            again[event.event_id] = again.get(event.event_id, 0) + 1
            placed.append(None)
            continue
        known.add(event.event_id)
        seq += 1
        content = hashlib.sha256(event.body).digest()
        rows.append(
            {
                "seq": seq,
                "event_id": event.event_id,
                "received_at": received_at,
                "event_time": event.time,
                "kind": int(event.kind),
                "producer": event.producer,
                "content_hash": content,
                "previous_hash": chain,
                "received_count": 1,
                "secrets": orjson.dumps(event.secrets).decode() if event.secrets else None,
            }
        )
        payloads.append({"seq": seq, "body": compress(event.body)})
        chain = _link(chain, content)
        placed.append(seq)
    if rows:
        connection.execute(insert(EVENT), rows)
        connection.execute(insert(PAYLOAD), payloads)
    if again:
        connection.execute(_COUNT_AGAIN, [{"known": e, "more": n} for e, n in again.items()])
    return placed


def reject(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what could not be used, with the reason why."""
    if rows:
        connection.execute(insert(REJECTION), list(rows))


def count(connection: Connection) -> int:
    """How many different events the log holds."""
    return int(connection.execute(select(func.count()).select_from(EVENT)).scalar() or 0)


def stored_events(
    connection: Connection, chunk: int, since: int | None = None, until: int | None = None
) -> Iterator[list[tuple[int, int, Event]]]:
    """Stored events in order of arrival, in chunks of (sequence, received at, event).

    With ``since`` and ``until`` only events whose time (microseconds) is after the one and not
    after the other.
    """
    after = 0
    query = (
        select(EVENT.c.seq, EVENT.c.received_at, EVENT.c.event_id, EVENT.c.secrets, PAYLOAD.c.body)
        .join(PAYLOAD, PAYLOAD.c.seq == EVENT.c.seq)
        .order_by(EVENT.c.seq)
        .limit(chunk)
    )
    if since is not None:
        query = query.where(EVENT.c.event_time > since)
    if until is not None:
        query = query.where(EVENT.c.event_time <= until)
    while rows := connection.execute(query.where(EVENT.c.seq > after)).all():
        yield [(row.seq, row.received_at, _event(row)) for row in rows]
        after = rows[-1].seq


def event_body(connection: Connection, event_id: bytes) -> dict[str, Any] | None:
    """One stored event, or ``None`` if there is none with this id."""
    body = connection.execute(
        select(PAYLOAD.c.body)
        .join(EVENT, EVENT.c.seq == PAYLOAD.c.seq)
        .where(EVENT.c.event_id == event_id)
    ).scalar()
    if body is None:
        return None
    decoded: dict[str, Any] = orjson.loads(expand(body))
    return decoded


def _event(row: Any) -> Event:
    secrets = tuple(orjson.loads(row.secrets)) if row.secrets else ()
    return dated(reread_event(expand(row.body), row.event_id, secrets), row.received_at)


def _head(connection: Connection) -> tuple[int, bytes]:
    newest = connection.execute(
        select(EVENT.c.seq, EVENT.c.previous_hash, EVENT.c.content_hash)
        .order_by(EVENT.c.seq.desc())
        .limit(1)
    ).first()
    if newest is None:
        return 0, hashlib.sha256(b"").digest()
    return newest.seq, _link(newest.previous_hash, newest.content_hash)


def _link(previous: bytes, content: bytes) -> bytes:
    return hashlib.sha256(previous + content).digest()
