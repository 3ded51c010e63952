"""Names of assets and texts that rows repeat, as numbers: given once, remembered."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select, tuple_

from catalog.database import chunks, insert_rows, next_id, table_of
from lineage.facets import Recent
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
        self._assets: Recent[Named, int] = Recent(REMEMBERED)
        self._words: Recent[str, int] = Recent(REMEMBERED)

    def forget(self) -> None:
        """Drop what is remembered: a transaction was rolled back, or the tables were made anew."""
        self._assets.clear()
        self._words.clear()

    def assets(self, connection: Connection, wanted: Iterable[Named]) -> dict[Named, int]:
        """The id of every asset; one that was never named before is made."""
        found, missing = self._assets.among(wanted)
        for part in chunks(missing, 300):
            names = [(namespace, name) for _, namespace, name in part]
            query = select(ASSET.c.kind, ASSET.c.namespace, ASSET.c.name, ASSET.c.id).where(
                ASSET.c.kind.in_({kind for kind, _, _ in part}),
                tuple_(ASSET.c.namespace, ASSET.c.name).in_(names),
            )
            for kind, namespace, name, number in connection.execute(query):
                found[kind, namespace, name] = number
        new = [key for key in missing if key not in found]
        if new:
            first = next_id(connection, ASSET)
            found.update({key: first + i for i, key in enumerate(new)})
            rows = [(found[key], *key) for key in new]
            insert_rows(connection, ASSET, ("id", "kind", "namespace", "name"), rows)
        for key in missing:
            self._assets.put(key, found[key])
        return found

    def words(self, connection: Connection, wanted: Iterable[str]) -> dict[str, int]:
        """The id of every word; a new one is stored."""
        found, missing = self._words.among(wanted)
        for part in chunks(missing):
            query = select(WORD.c.word, WORD.c.id).where(WORD.c.word.in_(part))
            found.update((row.word, row.id) for row in connection.execute(query))
        new = [word for word in missing if word not in found]
        if new:
            first = next_id(connection, WORD)
            found.update({word: first + i for i, word in enumerate(new)})
            insert_rows(connection, WORD, ("id", "word"), [(found[word], word) for word in new])
        for word in missing:
            self._words.put(word, found[word])
        return found


def words_by_id(connection: Connection) -> dict[int, str]:
    """Every word by its id."""
    return {row.id: row.word for row in connection.execute(select(WORD))}
