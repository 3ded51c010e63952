"""The path of one column through a picture, up and down. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.model import AssetKey

Column = tuple[AssetKey, str]


@dataclass(frozen=True, slots=True)
class ColumnTie:
    """One column, or a whole dataset, rests on a column of another."""

    source: AssetKey
    source_field: str
    target: AssetKey
    target_field: str
    """Empty: the whole dataset does."""
    is_indirect: bool
    """It decides which rows there are, or their order, and does not become a value."""
    is_masked: bool
    how: str = ""
    """What the producer calls it, such as ``IDENTITY``."""


@dataclass(frozen=True, slots=True)
class Traced:
    """What a column comes from and becomes."""

    start: Column
    ties: frozenset[ColumnTie]
    fields: Mapping[AssetKey, frozenset[str]]
    """The columns on the path, its start among them, by asset."""


def trace(ties: Sequence[ColumnTie], start: Column) -> Traced:
    """Every arrow that leads to a column or away from it, at any distance.

    What a whole dataset rests on is told for each of its columns, and goes on from none.
    """
    above: dict[Column, list[ColumnTie]] = {}
    below: dict[Column, list[ColumnTie]] = {}
    for tie in ties:
        above.setdefault((tie.target, tie.target_field), []).append(tie)
        below.setdefault((tie.source, tie.source_field), []).append(tie)
    lit = _walk(above, start, up=True) | _walk(below, start, up=False)
    fields: dict[AssetKey, set[str]] = {start[0]: {start[1]}}
    for tie in lit:
        fields.setdefault(tie.source, set()).add(tie.source_field)
        fields.setdefault(tie.target, set()).update({tie.target_field} - {""})
    return Traced(start, frozenset(lit), {key: frozenset(names) for key, names in fields.items()})


def _walk(beside: Mapping[Column, list[ColumnTie]], start: Column, *, up: bool) -> set[ColumnTie]:
    found: set[ColumnTie] = set()
    seen, queue = {start}, [start]
    while queue:
        asset, name = queue.pop()
        met: Iterable[ColumnTie] = beside.get((asset, name), ())
        if up and name:
            met = [*met, *beside.get((asset, ""), ())]
        for tie in met:
            found.add(tie)
            onward = (tie.source, tie.source_field) if up else (tie.target, tie.target_field)
            if onward[1] and onward not in seen:
                seen.add(onward)
                queue.append(onward)
    return found
