"""Names of assets and texts that rows repeat, as numbers: given once, remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from catalog.database import insert_rows, table_of
from catalog.lookups import rows_like, rows_where
from lineage.numbering import Numbering
from lineage.tables import AssetRow, WordRow

DATASET, JOB = 1, 2

ASSET = table_of(AssetRow)
WORD = table_of(WordRow)

REMEMBERED = 400_000

Named = tuple[int, str, str]
"""Kind, namespace and name."""


class Numbers:
    """Ids of assets and words; ids are never reused within an epoch of the derived tables."""

    def __init__(self) -> None:
        self._assets: Numbering[Named] = Numbering(ASSET, REMEMBERED)
        self._words: Numbering[str] = Numbering(WORD, REMEMBERED)

    def forget(self) -> None:
        """Drop what is remembered: a transaction was rolled back, or the tables were made anew."""
        self._assets.forget()
        self._words.forget()

    def assets(self, connection: Connection, wanted: Iterable[Named]) -> dict[Named, int]:
        """The id of every asset; one that was never named before is made."""

        def find(missing: Sequence[Named]) -> Iterator[tuple[Named, int]]:
            keys = ("kind", "namespace", "name")
            for *named, number in rows_like(connection, ASSET, (*keys, "id"), keys, missing):
                yield (named[0], named[1], named[2]), number

        def write(made: Mapping[Named, int]) -> None:
            rows = [(number, *named) for named, number in made.items()]
            insert_rows(connection, ASSET, ("id", "kind", "namespace", "name"), rows)

        return self._assets.of(connection, wanted, find, write)

    def words(self, connection: Connection, wanted: Iterable[str]) -> dict[str, int]:
        """The id of every word; a new one is stored."""

        def find(missing: Sequence[str]) -> Iterator[Sequence[Any]]:
            return rows_where(connection, WORD, ("word", "id"), "word", missing)

        def write(made: Mapping[str, int]) -> None:
            rows = [(number, word) for word, number in made.items()]
            insert_rows(connection, WORD, ("id", "word"), rows)

        return self._words.of(connection, wanted, find, write)


def words_by_id(connection: Connection) -> dict[int, str]:
    """Every word by its id."""
    return {row.id: row.word for row in connection.execute(select(WORD))}
