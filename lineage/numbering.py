"""Numbers for what rows repeat: given once by the one writer, remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection, Table

from catalog.database import next_id
from lineage.facets import Recent

K = TypeVar("K")


class Numbering(Generic[K]):
    """Ids of things in one table, remembered while nobody else writes.

    Args:
        table: Whose ids the numbers are.
        remembered: How many of them.
    """

    def __init__(self, table: Table, remembered: int) -> None:
        self._table = table
        self._known: Recent[K, int] = Recent(remembered)
        self._free = 0
        """The next number; 0: not known."""

    def forget(self) -> None:
        """Drop what is remembered: a transaction was rolled back, or others have written."""
        self._known.clear()
        self._free = 0

    def of(
        self,
        connection: Connection,
        wanted: Iterable[K],
        find: Callable[[Sequence[K]], Iterable[Sequence[object]]],
        write: Callable[[Mapping[K, int]], None],
    ) -> dict[K, int]:
        """The number of each thing; what is new gets the next ones and is written.

        Args:
            connection: In a write transaction.
            wanted: The things, each as often as it likes.
            find: Answers pairs of thing and number for those of some things that are stored.
            write: Stores new ones.
        """
        found, missing = self._known.among(wanted)
        if not missing:
            return found
        found.update(find(missing))  # type: ignore[arg-type]  # pairs, as rows
        new = [key for key in missing if key not in found]
        if new:
            first = self._free or next_id(connection, self._table)
            made = {key: first + i for i, key in enumerate(new)}
            write(made)
            found.update(made)
            self._free = first + len(new)
        for key in missing:
            self._known.put(key, found[key])
        return found
