"""Sends a refused body through the receiver again, after the reason for the refusal has gone."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from catalog.database import bump_revision, writing
from lineage import refused
from lineage.ingest import Arrival, Ingestor, Receipt
from lineage.keyring import Keyring
from lineage.keys import Key, KeyState


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a replay."""

    receipt: Receipt | None
    """What the receiver answered; ``None``: it was not asked."""
    why_not: str = ""
    """Why it was not asked, as a sentence."""


def replay(engine: Engine, ingestor: Ingestor, number: int, at: int) -> Answer:
    """Take a refused body in as if it came now, with the key that it came with.

    If it is refused again, that is a rejection of its own, and the old one is closed by it.

    Args:
        engine: The store.
        ingestor: The receiver's own: what it remembers stays right.
        number: Of the rejection.
        at: Now, microseconds UTC.
    """
    with engine.connect() as connection:
        found = refused.refused(connection, number)
    if found is None:
        return Answer(None, "There is no rejection with this number.")
    if not found.is_open:
        return Answer(None, "It was replayed already.")
    if found.body is None:
        return Answer(None, "Not all of it was kept, so it has to be sent again.")
    key = _key(engine, found.key_id)
    if found.key_id is not None and (key is None or key.state(at) is not KeyState.LIVING):
        return Answer(None, "The key that it came with is no longer good; send it with another.")
    (receipt,) = ingestor.ingest([Arrival(found.body, found.source, key)])
    event_id = bytes.fromhex(receipt.event_id) if receipt.event_id else None
    with writing(engine) as connection:
        refused.close(connection, number, event_id, at)
        bump_revision(connection)
    return Answer(receipt)


def _key(engine: Engine, number: int | None) -> Key | None:
    if number is None:
        return None
    return next((key for key in Keyring(engine).all_keys() if key.id == number), None)
