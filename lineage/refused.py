"""What was refused, kept whole so that it can be sent through the receiver again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, select, update

from lineage.contents import compress, expand
from lineage.log import REJECTION
from lineage.redact import redact, redact_text

KEPT_BYTES = 1_000_000
"""Of a larger body only the excerpt is kept."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused body as it is kept."""

    source: str
    body: bytes | None
    """``None``: not all of it is there."""
    key_id: int | None
    is_open: bool
    """Whether it was not replayed yet."""


def kept_body(body: bytes) -> bytes | None:
    """A refused body, redacted and compressed; ``None`` if it is too large or no text."""
    if len(body) > KEPT_BYTES:
        return None
    with suppress(orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        # Written anew: of a key that comes twice, the value that nobody reads may be a secret.
        value = orjson.loads(body)
        clean, _ = redact({"": value}, orjson.dumps(value))
        return compress(orjson.dumps(clean[""]))
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return compress(redact_text(text).encode())


def refused(connection: Connection, number: int) -> Refused | None:
    """One refused body, by the number of its rejection."""
    row = connection.execute(select(REJECTION).where(REJECTION.c.id == number)).first()
    if row is None:
        return None
    body = None if row.body is None else expand(row.body)
    return Refused(row.source, body, row.key_id, row.replayed_at is None)


def close(connection: Connection, number: int, event_id: bytes | None, at: int) -> None:
    """Note that a refused body was replayed, and which event it became, if any."""
    connection.execute(
        update(REJECTION)
        .where(REJECTION.c.id == number)
        .values(replayed_at=at, replayed_event=event_id)
    )
