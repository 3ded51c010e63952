"""What was removed from the log by age: a row for each removal, and which events it took.

What stays of such an event is its commitment; see ``lineage.tables.EventRow``.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, func, select
from sqlmodel import Column, Field, SQLModel

from catalog import columns
from catalog.columns import KEPT
from catalog.database import chunks, insert_rows, next_id, table_of
from catalog.lookups import rows_where
from catalog.moments import moment
from lineage.tables import EventRow

KIND = "removals"
"""What the links of the hash chain call them."""


class RemovalRow(SQLModel, table=True):
    """One removal; written once, never changed."""

    __tablename__ = "lineage_removal"
    __table_args__ = KEPT

    id: int | None = Field(default=None, sa_column=columns.key())
    at: int = Field(sa_column=columns.big())
    removed_by: str = Field(sa_column=columns.text())
    """A setting, or who asked for it."""
    keep_days: int = Field(sa_column=Column(Integer, nullable=False))
    since: int = Field(sa_column=columns.big())
    """Time of the first event that was removed."""
    until: int = Field(sa_column=columns.big())
    """From then on everything is known as it was: nothing received or said to be later went."""
    first: int = Field(sa_column=columns.big())
    """The least number among the events."""
    last: int = Field(sa_column=columns.big())
    events: int = Field(sa_column=columns.big())
    bytes: int = Field(sa_column=columns.big())
    """What their payloads took."""


class RemovedRow(SQLModel, table=True):
    """An event whose payload was removed."""

    __tablename__ = "lineage_removed"
    __table_args__ = KEPT

    seq: int | None = Field(default=None, sa_column=columns.key())
    removal_id: int = Field(sa_column=columns.big(index=True))
    kept_seq: int = Field(sa_column=columns.big())
    """The event that stands for it; it may have been removed later in its turn."""


REMOVAL = table_of(RemovalRow)
REMOVED = table_of(RemovedRow)
_EVENT = table_of(EventRow)

_REMOVAL = (
    "id", "at", "removed_by", "keep_days", "since", "until", "first", "last", "events", "bytes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Removal:
    """One removal of some events."""

    id: int
    at: int
    """Microseconds UTC, as every time here."""
    removed_by: str
    keep_days: int
    since: int
    until: int
    first: int
    last: int
    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Removed:
    """All removals together."""

    events: int
    bytes: int
    last_at: datetime
    """When the last one was."""
    until: datetime
    """From then on everything is known as it was."""
    removed_by: str
    """The last one."""


class StoodFor(NamedTuple):
    """Events that were removed."""

    events: int
    received_first: int
    received_last: int


def record(connection: Connection, removal: Removal, kept: dict[int, int]) -> None:
    """Write a removal down, with the events that it took and those that stand for them."""
    insert_rows(connection, REMOVAL, _REMOVAL, [astuple(removal)])
    rows = [(seq, removal.id, stands) for seq, stands in sorted(kept.items())]
    insert_rows(connection, REMOVED, ("seq", "removal_id", "kept_seq"), rows)


def next_removal(connection: Connection) -> int:
    """The number of the next removal, within a write transaction."""
    return next_id(connection, REMOVAL)


def removed(connection: Connection) -> Removed | None:
    """All removals together; ``None`` if there was none."""
    last = connection.execute(select(REMOVAL).order_by(REMOVAL.c.id.desc()).limit(1)).first()
    if last is None:
        return None
    total = select(func.sum(REMOVAL.c.events), func.sum(REMOVAL.c.bytes), func.max(REMOVAL.c.until))
    events, size, until = connection.execute(total).one()
    return Removed(int(events), int(size), moment(last.at), moment(until), last.removed_by)


def listed(connection: Connection, first: int, last: int) -> list[Removal]:
    """Removals by their numbers."""
    query = select(REMOVAL).where(REMOVAL.c.id.between(first, last)).order_by(REMOVAL.c.id)
    return [Removal(*row) for row in connection.execute(query)]


def removal_over(connection: Connection, instant: int) -> Removal | None:
    """A removal because of which an instant is not known exactly any more, with the latest end."""
    query = (
        select(REMOVAL)
        .where(REMOVAL.c.since <= instant, REMOVAL.c.until > instant)
        .order_by(REMOVAL.c.until.desc(), REMOVAL.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else Removal(*row)


def removals_content(connection: Connection, first: int, last: int) -> bytes:
    """What the hash chain says of removals: SHA-256 over them and what they took, in order."""
    state = hashlib.sha256()
    for removal in listed(connection, first, last):
        state.update(_line(*astuple(removal)))
        taken = (
            select(REMOVED.c.seq, REMOVED.c.kept_seq, _EVENT.c.event_id, _EVENT.c.content_hash)
            .join(_EVENT, _EVENT.c.seq == REMOVED.c.seq)
            .where(REMOVED.c.removal_id == removal.id)
            .order_by(REMOVED.c.seq)
        )
        for seq, kept_seq, event_id, content_hash in connection.execute(taken):
            state.update(_line(seq, kept_seq, event_id, content_hash))
    return state.digest()


def committed(
    connection: Connection, names: Iterable[str], numbers: Iterable[int]
) -> Iterator[Sequence[Any]]:
    """The commitments of those of some events that a removal took."""
    for part in chunks(numbers):
        yield from connection.execute(
            select(*(_EVENT.c[name] for name in names))
            .join(REMOVED, REMOVED.c.seq == _EVENT.c.seq)
            .join(REMOVAL, REMOVAL.c.id == REMOVED.c.removal_id)
            .where(_EVENT.c.seq.in_(part))
        )


def stood_for(
    connection: Connection, span: tuple[int, int] | None = None
) -> dict[int, list[StoodFor]]:
    """How many removed events each kept one stands for, in parts.

    When one that stands for others is removed in its turn, the next one stands for all of them.
    With ``span`` only what was removed up to the second instant and not up to the first.
    """
    query = (
        select(
            REMOVED.c.kept_seq,
            func.count(),
            func.min(_EVENT.c.received_at),
            func.max(_EVENT.c.received_at),
        )
        .join(_EVENT, _EVENT.c.seq == REMOVED.c.seq)
        .group_by(REMOVED.c.kept_seq)
    )
    if span is not None:
        removals = select(REMOVAL.c.id).where(REMOVAL.c.until > span[0], REMOVAL.c.until <= span[1])
        query = query.where(REMOVED.c.removal_id.in_(removals))
    counted = {row[0]: StoodFor(*row[1:]) for row in connection.execute(query)}
    found: dict[int, list[StoodFor]] = defaultdict(list)
    next_of = _next_of(connection, counted)
    for seq, part in counted.items():
        kept = seq
        while kept in next_of:
            kept = next_of[kept]
        found[kept].append(part)
    return found


def _next_of(connection: Connection, numbers: Iterable[int]) -> dict[int, int]:
    """For events that were removed the one that stands for them, and so on."""
    found: dict[int, int] = {}
    missing = set(numbers)
    while missing:
        rows = list(rows_where(connection, REMOVED, ("seq", "kept_seq"), "seq", missing))
        found.update((seq, kept_seq) for seq, kept_seq in rows)
        missing = {kept_seq for _, kept_seq in rows} - found.keys()
    return found


def _line(*values: object) -> bytes:
    return repr(values).encode() + b"\n"
