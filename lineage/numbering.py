"""Numbers for what rows repeat: given once by the one writer, remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Table

from catalog.database import next_id
from lineage.facets import Recent

K = TypeVar("K")


def numbers_of(
    connection: Connection,
    table: Table,
    wanted: Iterable[K],
    remembered: Recent[K, int],
    *,
    find: Callable[[Sequence[K]], Iterable[Sequence[object]]],
    write: Callable[[Mapping[K, int]], None],
) -> dict[K, int]:
    """The number of each thing; what is new gets the next ones and is written.

    Args:
        connection: In a write transaction.
        table: Whose ids the numbers are.
        wanted: The things, each as often as it likes.
        remembered: What is known without asking.
        find: Answers pairs of thing and number for those of some things that are stored.
        write: Stores new ones.
    """
    found, missing = remembered.among(wanted)
    if not missing:
        return found
    found.update(find(missing))  # type: ignore[arg-type]  # pairs, as rows
    new = [key for key in missing if key not in found]
    if new:
        first = next_id(connection, table)
        made = {key: first + i for i, key in enumerate(new)}
        write(made)
        found.update(made)
    for key in missing:
        remembered.put(key, found[key])
    return found
