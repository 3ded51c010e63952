"""Templates and bodies of facets in the tables: each stored once, numbered, remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import local
from typing import Any, Protocol, TypeVar

import zstandard
from sqlalchemy import Connection, Table

from catalog.database import insert_rows, table_of
from catalog.lookups import rows_where
from lineage.facets import Facet, Recent, stored_facet
from lineage.numbering import Numbering
from lineage.tables import FacetBodyRow, TemplateRow
from lineage.templates import Template, read_template

T = TypeVar("T")

_LOCAL = local()


class HasBody(Protocol):
    """What is stored once."""

    @property
    def body(self) -> bytes:
        """Its bytes."""


FACET_BODY = table_of(FacetBodyRow)
TEMPLATE = table_of(TemplateRow)

NUMBERS = 400_000
"""How many numbers of bodies are remembered."""
READ_BYTES = 16_000_000
"""How much of what was read back is remembered, roughly, bytes."""


class Contents:
    """Numbers of what is stored once; safe to share between threads that read.

    Numbers are given within a transaction. After a rollback, ``forget`` them.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, Numbering[bytes]] = {
            table.name: Numbering(table, NUMBERS) for table in (FACET_BODY, TEMPLATE)
        }
        self._facets: Recent[int, Facet] = Recent(READ_BYTES)
        self._templates: Recent[int, Template] = Recent(READ_BYTES)

    def forget(self) -> None:
        """Drop everything: a transaction was rolled back, or another store is meant."""
        for numbers in self._numbers.values():
            numbers.forget()
        self._facets.clear()
        self._templates.clear()

    def number_facets(
        self, connection: Connection, bodies: Mapping[bytes, HasBody]
    ) -> dict[bytes, int]:
        """The number of each body, by its hash; what is new is stored."""
        return self._number(connection, FACET_BODY, bodies)

    def number_templates(
        self, connection: Connection, templates: Iterable[Template]
    ) -> dict[bytes, int]:
        """The number of each template, by its hash; what is new is stored."""
        return self._number(connection, TEMPLATE, {t.hash: t for t in templates})

    def templates(self, connection: Connection, numbers: Iterable[int]) -> dict[int, Template]:
        """Stored templates by number."""
        return _stored(connection, TEMPLATE, numbers, self._templates, read_template)

    def facets(self, connection: Connection, numbers: Iterable[int]) -> dict[int, Facet]:
        """Stored bodies of facets, and their forms, by number."""
        return _stored(connection, FACET_BODY, numbers, self._facets, stored_facet)

    def _number(
        self, connection: Connection, table: Table, bodies: Mapping[bytes, HasBody]
    ) -> dict[bytes, int]:
        def find(missing: Sequence[bytes]) -> Iterator[Sequence[Any]]:
            return rows_where(connection, table, ("hash", "id"), "hash", missing)

        def write(made: Mapping[bytes, int]) -> None:
            rows = [(number, key, compress(bodies[key].body)) for key, number in made.items()]
            insert_rows(connection, table, ("id", "hash", "body"), rows)

        return self._numbers[table.name].of(connection, bodies, find, write)


def _stored(
    connection: Connection,
    table: Table,
    numbers: Iterable[int],
    remembered: Recent[int, T],
    make: Callable[[bytes], T],
) -> dict[int, T]:
    found, missing = remembered.among(numbers)
    for number, packed in rows_where(connection, table, ("id", "body"), "id", missing):
        body = expand(packed)
        found[number] = made = make(body)
        remembered.put(number, made, 4 * len(body) + 400)
    return found


def compress(body: bytes) -> bytes:
    """Bytes as they are stored."""
    return zstandard.compress(body, 3)


def expand(body: bytes) -> bytes:
    """Stored bytes, uncompressed."""
    # Made once for each thread, which takes longer than what it is made for.
    expander: zstandard.ZstdDecompressor | None = getattr(_LOCAL, "expander", None)
    if expander is None:
        expander = _LOCAL.expander = zstandard.ZstdDecompressor()
    return expander.decompress(body)
