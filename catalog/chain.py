"""The hash chain: links that commit to what was stored, each to the one before it.

A link covers the rows ``first`` to ``last`` of one kind. Whoever changes, adds or removes a covered
row, or a link, must make every later link anew; who keeps one newer hash elsewhere sees that.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Field, SQLModel

from catalog import columns, driver
from catalog.columns import KEPT
from catalog.database import insert_rows, table_of
from catalog.errors import UserError
from catalog.moments import written

GENESIS = bytes(32)
"""What the first link gives as the hash before it."""

Content = Callable[[Connection, int, int], bytes]
"""SHA-256 of the rows first..last of one kind, both included."""

_CHUNK = 1000
_LOCK = 0x616E646F6E
"""Our number among PostgreSQL's advisory locks."""


def _hash() -> Column[bytes]:
    return Column(LargeBinary, nullable=False)


class LinkRow(SQLModel, table=True):
    """One link; written once, never changed."""

    __tablename__ = "catalog_link"
    __table_args__ = KEPT

    id: int | None = Field(default=None, sa_column=columns.key())
    """1, 2, 3 and so on, without gaps."""
    at: int = Field(sa_column=columns.big())
    kind: str = Field(sa_column=columns.text())
    first: int = Field(sa_column=columns.big())
    last: int = Field(sa_column=columns.big())
    content_hash: bytes = Field(sa_column=_hash())
    previous_hash: bytes = Field(sa_column=_hash())
    hash: bytes = Field(sa_column=_hash())


_LINKS = table_of(LinkRow)
_COLUMNS = tuple(column.name for column in _LINKS.c)
# In the driver's words: each commit asks it, and anything else takes longer than the answer.
_NEWEST = f"SELECT {', '.join(_COLUMNS)} FROM {_LINKS.name} ORDER BY id DESC LIMIT 1"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that links of one kind cover."""

    content: Content
    number: ColumnElement[Any]
    """The column that numbers them."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain."""

    id: int
    at: int
    """When it was made, microseconds UTC."""
    kind: str
    """What it covers: ``events``, ``catalog``."""
    first: int
    last: int
    content_hash: bytes
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Covered:
    """Which rows of one kind the chain covers."""

    kind: str
    first: int
    last: int
    since: int
    """When its first link was made, microseconds UTC."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that is not what the chain says."""

    where: str
    """``link 7 (catalog 3 to 3)``, or what no link covers."""
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; expected {self.expected}"


def link_hash(
    previous_hash: bytes, kind: str, first: int, last: int, *, at: int, content_hash: bytes
) -> bytes:
    """SHA-256 over the parts of a link, in this order and with nothing between them.

    The previous hash (32 bytes), the length of the kind in UTF-8 (2 bytes), the kind, then first,
    last and at (8 bytes each, signed), then the content hash (32 bytes); numbers big-endian.

    Raises:
        ValueError: A hash has not 32 bytes, or a number does not fit.
    """
    name = kind.encode()
    if len(previous_hash) != len(GENESIS) or len(content_hash) != len(GENESIS):
        raise ValueError("a hash has 32 bytes")
    try:
        middle = struct.pack(f">H{len(name)}sqqq", len(name), name, first, last, at)
    except struct.error as error:
        raise ValueError(str(error)) from error
    return hashlib.sha256(previous_hash + middle + content_hash).digest()


def hold(connection: Connection) -> None:
    """Let no other writer append before this write transaction has ended.

    For callers that number their rows themselves; ``append_link`` does so too.
    """
    # On SQLite the transaction itself does so, as it began with BEGIN IMMEDIATE.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def head(connection: Connection) -> Link | None:
    """The newest link; its hash stands for the whole chain."""
    found = driver.rows(connection, _NEWEST)
    return Link(*found[0]) if found else None


def append_link(
    connection: Connection,
    kind: str,
    first: int,
    last: int,
    content_hash: bytes,
    *,
    at: int,
    newest: Link | None = None,
) -> Link:
    """Append one link, in the write transaction that stores the rows it covers.

    The rows of a kind are numbered without gaps, and each link goes on where the last of its kind
    ended: otherwise ``verify`` misses the rows between.

    Args:
        connection: In a write transaction.
        kind: What the rows are.
        first: The first row covered.
        last: The last row covered, included.
        content_hash: What the kind's ``Content`` answers for these rows.
        at: Now, microseconds UTC.
        newest: The head, if it is at hand, which saves reading it. If another writer has appended
            since, the insert fails (``IntegrityError``): roll back, forget it and try again.
    """
    if newest is None:
        hold(connection)
        newest = head(connection)
    previous = newest.hash if newest else GENESIS
    link = Link(
        id=newest.id + 1 if newest else 1,
        at=at,
        kind=kind,
        first=first,
        last=last,
        content_hash=content_hash,
        previous_hash=previous,
        hash=link_hash(previous, kind, first, last, at=at, content_hash=content_hash),
    )
    insert_rows(connection, _LINKS, _COLUMNS, [tuple(getattr(link, c) for c in _COLUMNS)])
    return link


def count(connection: Connection) -> int:
    """How many links there are."""
    return int(connection.execute(select(func.count()).select_from(_LINKS)).scalar_one())


def links(connection: Connection) -> Iterator[Link]:
    """Every link, the oldest first; a few at a time in memory."""
    after: Link | None = None
    while rows := _links_after(connection, after):
        yield from rows
        after = rows[-1]


def _links_after(connection: Connection, after: Link | None) -> list[Link]:
    query = select(_LINKS).order_by(_LINKS.c.id)
    if after is not None:
        query = query.where(_LINKS.c.id > after.id)
    try:
        return [Link(*row) for row in connection.execute(query.limit(_CHUNK))]
    except Exception:  # noqa: BLE001  # one of them: then it is the next one that fails, under its own number
        return [Link(*row) for row in connection.execute(query.limit(1))]


def covered(connection: Connection) -> list[Covered]:
    """What the chain covers, by kind."""
    of_kind = select(
        _LINKS.c.kind, func.min(_LINKS.c.first), func.max(_LINKS.c.last), func.min(_LINKS.c.at)
    )
    rows = connection.execute(of_kind.group_by(_LINKS.c.kind).order_by(_LINKS.c.kind))
    return [Covered(*row) for row in rows]


def has_link(connection: Connection, hash_: bytes) -> bool:
    """Whether a hash that was kept elsewhere is still the hash of a link."""
    # Without an index: it is asked once in a while, and every commit would pay for one.
    return connection.execute(select(_LINKS.c.id).where(_LINKS.c.hash == hash_)).first() is not None


def verify(
    connection: Connection, kinds: Mapping[str, Rows], every_link: Iterable[Link] | None = None
) -> Broken | None:
    """Walk the chain from its beginning; answers with the first entry that is not as it says.

    What happened to the newest rows together with their links cannot be seen from inside: keep the
    head's hash elsewhere. On PostgreSQL the transaction must read one state (REPEATABLE READ).

    Args:
        connection: To the store.
        kinds: What links may cover.
        every_link: ``links(connection)``, for callers that watch them pass.

    Raises:
        UserError: A link is of a kind that ``kinds`` lacks, so nobody can say.
    """
    previous, number, ends = GENESIS, 0, dict[str, int]()
    walk = iter(links(connection) if every_link is None else every_link)
    while True:
        where = f"link {number + 1}"
        try:
            link = next(walk, None)
            if link is None:
                where = "the end"
                return _uncovered(connection, ends, kinds)
            number += 1
            broken = _unsound(link, number, previous)
            if broken is None:
                where = f"link {number} ({link.kind} {link.first} to {link.last})"
                broken = _changed(connection, where, link, ends, _rows_of(link, kinds))
        except UserError:
            raise
        except Exception as error:  # rows that were tampered with fail in any way
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            return Broken(where, f"cannot be read ({_first_line(error)})", "what was stored once")
        if broken is not None:
            return broken
        previous, ends[link.kind] = link.hash, link.last


def _rows_of(link: Link, kinds: Mapping[str, Rows]) -> Rows:
    if link.kind not in kinds:
        raise UserError(
            f'link {link.id} of the chain covers "{link.kind}", expected one of: '
            f"{', '.join(sorted(kinds))}. Verify it with the version of Andon that wrote it."
        )
    return kinds[link.kind]


def _uncovered(
    connection: Connection, ends: Mapping[str, int], kinds: Mapping[str, Rows]
) -> Broken | None:
    """Rows that were slipped in behind the last link of their kind."""
    for kind, end in ends.items():
        newest = connection.execute(select(func.max(kinds[kind].number))).scalar()
        if newest is not None and newest > end:
            return Broken(f"{kind} {end + 1} to {newest}", "covered by no link", "no such rows")
    return None


def _unsound(link: Link, number: int, previous: bytes) -> Broken | None:
    """What is wrong with a link by itself and with its place."""
    where = f"link {number}"
    if link.id != number:
        return Broken(where, f"missing, the next is link {link.id}", "links without gaps")
    if link.previous_hash != previous:
        return Broken(where, f"follows {_hex(link.previous_hash)}", _hex(previous))
    whole = link_hash(
        previous, link.kind, link.first, link.last, at=link.at, content_hash=link.content_hash
    )
    if link.hash != whole:
        return Broken(where, f"its hash is {_hex(link.hash)}", _hex(whole))
    return None


def _changed(
    connection: Connection, where: str, link: Link, ends: Mapping[str, int], rows: Rows
) -> Broken | None:
    """What is wrong with the rows that a link covers."""
    after = ends.get(link.kind)
    if after is not None and link.first != after + 1:
        return Broken(where, f"begins at {link.first}", f"{after + 1}, where the last one ended")
    found = rows.content(connection, link.first, link.last)
    if found != link.content_hash:
        made = written(link.at)
        return Broken(
            where,
            f"its rows hash to {_hex(found)}",
            f"{_hex(link.content_hash)}, as they were at {made}",
        )
    return None


def _hex(value: bytes) -> str:
    return value.hex()


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(cause).__name__}: {cause}".partition("\n")[0]
