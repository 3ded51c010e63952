"""Bodies of facets that nothing refers to once events were removed; they go with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, select
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.columns import KEPT
from catalog.database import chunks, set_meta, table_of, upsert_rows, writing
from lineage import payloads
from lineage.contents import FACET_BODY
from lineage.log import PAYLOAD

PAYLOADS = 2_000
"""Payloads that are read at a time."""
BODIES = 2_000
"""Bodies that go in one transaction."""


class LooseRow(SQLModel, table=True):
    """A body that a removed event referred to, and perhaps nothing else does."""

    __tablename__ = "lineage_loose_body"
    __table_args__ = KEPT

    id: int | None = Field(default=None, sa_column=columns.key())


LOOSE = table_of(LooseRow)


def note(connection: Connection, going: Iterable[int], staying: Iterable[int]) -> None:
    """Remember what only events may refer to that are about to be removed.

    Args:
        connection: In the transaction that removes them.
        going: Numbers of these events.
        staying: Numbers of events that stay and are likely to refer to the same.
    """
    found = set(_referred(connection, going)) - set(_referred(connection, staying))
    upsert_rows(connection, LOOSE, ("id",), ("id",), [(number,) for number in sorted(found)])


def drop(
    engine: Engine, *, pause: bool = True, is_over: Callable[[], bool] = bool
) -> Iterator[int]:
    """Remove bodies that nothing refers to, some in a transaction.

    Args:
        engine: Of the store.
        pause: Whether to rest as long as was worked.
        is_over: Whether to stop, asked ever so often; what was noted is looked for next time.

    Yields:
        How many bytes they took.
    """
    with engine.connect() as connection:
        noted = set(connection.execute(select(LOOSE.c.id)).scalars())
    loose, last, is_more = set(noted), 0, True
    while loose and is_more:  # nearly all of the log, while others may write
        started = time.monotonic()
        with engine.connect() as connection:
            last, is_more = _hold(connection, loose, last)
        if is_over():
            return
        if pause:
            time.sleep(time.monotonic() - started)
    kept = noted - loose
    while loose:
        part = set(islice(loose, BODIES))
        with writing(engine) as connection:
            is_more = True
            while part and is_more:  # and what came meanwhile, now that nobody does
                last, is_more = _hold(connection, loose, last)
            taken = _drop(connection, part & loose)
        kept |= part - loose
        loose -= part
        yield taken
    with writing(engine) as connection:
        for some in chunks(kept):
            connection.execute(delete(LOOSE).where(LOOSE.c.id.in_(some)))


def _hold(connection: Connection, loose: set[int], after: int) -> tuple[int, bool]:
    """Take out what the next payloads refer to; answers where they end and if there are more."""
    query = select(PAYLOAD).where(PAYLOAD.c.seq > after).order_by(PAYLOAD.c.seq).limit(PAYLOADS)
    rows = connection.execute(query).all()
    loose.difference_update(_numbers(rows))
    return (rows[-1].seq if rows else after), len(rows) == PAYLOADS


def _drop(connection: Connection, part: set[int]) -> int:
    # The last number given is given no second time: some may remember what it stood for.
    part.discard(int(connection.execute(select(func.max(FACET_BODY.c.id))).scalar() or 0))
    taken = 0
    for some in chunks(part):
        size = select(func.sum(func.length(FACET_BODY.c.body))).where(FACET_BODY.c.id.in_(some))
        taken += int(connection.execute(size).scalar() or 0)
        connection.execute(delete(FACET_BODY).where(FACET_BODY.c.id.in_(some)))
        connection.execute(delete(LOOSE).where(LOOSE.c.id.in_(some)))
    # Whoever writes remembers numbers of bodies, and must look them up again.
    set_meta(connection, "writer", 0)
    return taken


def _referred(connection: Connection, events: Iterable[int]) -> Iterator[int]:
    for part in chunks(events):
        yield from _numbers(connection.execute(select(PAYLOAD).where(PAYLOAD.c.seq.in_(part))))


def _numbers(rows: Iterable[Row[Any]]) -> Iterator[int]:
    for row in rows:
        if row.template_id is not None:
            yield from payloads.numbers_in(payloads.decode(row.body))
