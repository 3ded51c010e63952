"""Columns and what feeds them, packed: 9 bytes for a link and 8 for a column.

Columns are numbered by dataset and name, the dataset as a whole first, so equal knowledge gives
equal numbers. A walk looks at many columns at once; what it costs hardly depends on the estate.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.model import AssetKey
from lineage.column_links import ColumnKey, How

Numbers = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]


class Edge(NamedTuple):
    """A column feeds another, in one way."""

    source: ColumnKey
    target: ColumnKey
    how: How


@dataclass(frozen=True, slots=True)
class Walk:
    """Columns around one, by number, nearest first."""

    columns: Numbers
    distances: Numbers
    edges: Numbers
    """The edge by which each was reached first."""
    before: Numbers
    """From which of ``columns`` it was; -1: from the start."""
    truncated: bool
    """Whether the cap cut it off; depth alone does not."""


class ColumnIndex:
    """Every column that a link names."""

    def __init__(self, edges: Iterable[tuple[ColumnKey, ColumnKey, How]]) -> None:
        packing = _Packing()
        for edge in edges:
            packing.add(*edge)
        self.datasets, self._names = packing.named()
        self.hows = tuple(sorted(packing.hows, key=lambda how: how.order))
        self._places = {key: place for place, key in enumerate(self.datasets)}
        self._first = np.cumsum([0, *map(len, self._names)], dtype=np.int32)
        """The number of each dataset's first column, the whole of it."""
        self._starts: list[int] = self._first.tolist()
        self._source, target, self._how = packing.packed(self)
        self._by_source = np.argsort(self._source, kind="stable").astype(np.int32)
        # Edges stand in the order of their targets: where those of each column begin says which.
        self._above = self._begins(target)
        self._below = self._begins(self._source[self._by_source])

    def _begins(self, ends: Ids) -> Ids:
        """Where among sorted ends those of each column begin."""
        return np.searchsorted(ends, np.arange(self.columns + 1)).astype(np.int32)

    def __len__(self) -> int:
        """How many edges there are."""
        return len(self._source)

    @property
    def columns(self) -> int:
        """How many columns there are, those among them that are a dataset as a whole."""
        return int(self._first[-1])

    @property
    def size_bytes(self) -> int:
        """What the links take, names left out."""
        links = (self._source, self._how, self._by_source)
        arrays = (*links, self._above, self._below, self._first)
        return sum(a.nbytes for a in arrays)

    def number(self, column: ColumnKey) -> int | None:
        """The number of a column; ``None``: no link names it or its dataset as a whole."""
        place = self._places.get(column.asset)
        if place is None:
            return None
        names = self._names[place]
        at = bisect_left(names, column.field)
        found = at < len(names) and names[at] == column.field
        return int(self._first[place]) + at if found else None

    def column(self, number: int) -> ColumnKey:
        """The column of a number."""
        place = bisect_right(self._starts, number) - 1
        return ColumnKey(self.datasets[place], self._names[place][number - self._starts[place]])

    def fields(self, asset: AssetKey) -> tuple[str, ...]:
        """The columns of a dataset that links name."""
        place = self._places.get(asset)
        return () if place is None else tuple(name for name in self._names[place] if name)

    def fed_by(self, asset: AssetKey) -> set[AssetKey]:
        """Datasets of which links feed any column from this one."""
        place = self._places.get(asset)
        if place is None:
            return set()
        inside = np.arange(self._first[place], self._first[place + 1], dtype=np.int32)
        targets = self._targets(self._edges_at(inside, up=False)[0])
        places = np.unique(_holder(self._first, targets))
        return {self.datasets[int(found)] for found in places}

    def edge(self, number: int) -> Edge:
        """The edge of a number."""
        source, target = int(self._source[number]), int(_holder(self._above, number))
        return Edge(self.column(source), self.column(target), self.hows[self._how[number]])

    def edges(self) -> Iterator[Edge]:
        """Every edge, by target and source."""
        return (self.edge(number) for number in range(len(self)))

    def edges_of(self, columns: Iterable[int], *, up: bool) -> Iterator[Edge]:
        """Edges that end in (``up``) or begin at exactly these columns."""
        ids = np.fromiter(columns, dtype=np.int32)
        return (self.edge(int(number)) for number in self._edges_at(ids, up=up)[0])

    def walk(
        self,
        start: ColumnKey,
        *,
        up: bool,
        depth: int,
        most: int,
        follows: Callable[[How], bool] | None = None,
        wholes: bool = True,
    ) -> Walk:
        """Columns that feed one (``up``) or that it feeds.

        Args:
            start: The column; as a whole dataset, all of its columns.
            up: Towards sources.
            depth: Edges from the start, at most.
            most: How many columns, at most; of those at one distance the first by number.
            follows: Which ways of feeding count; ``None``: all.
            wholes: Whether what is said of a dataset as a whole is said of each of its columns,
                and whatever feeds all of it feeds them too.
        """
        near = self._begin(start, wholes=wholes)
        if near is None:
            return Walk(_NONE, _NONE, _NONE, _NONE, truncated=False)
        allowed = np.array([follows is None or follows(how) for how in self.hows], dtype=bool)
        seen = np.zeros(self.columns, dtype=bool)
        begin = self.number(start)
        if begin is not None:
            seen[begin] = True
        origin, back = np.zeros(len(near), dtype=np.int64), np.array([-1])
        found: list[tuple[Numbers, int, Numbers, Numbers]] = []
        count, truncated = 0, False
        for distance in range(1, depth + 1):
            edges, places = self._edges_at(near, up=up)
            far = self._source[edges] if up else self._targets(edges)
            keep = allowed[self._how[edges]] & ~seen[far]
            edges, places, far = edges[keep], places[keep], far[keep]
            reached, first = np.unique(far, return_index=True)
            if not len(reached):
                break
            if count + len(reached) > most:
                reached, first, truncated = reached[: most - count], first[: most - count], True
            found.append((reached, distance, edges[first], back[origin[places[first]]]))
            seen[reached] = True
            back = np.arange(count, count + len(reached))
            count += len(reached)
            if truncated:
                break
            near, origin = self._around(reached, wholes=wholes)
        return _walk(found, truncated=truncated)

    def _begin(self, start: ColumnKey, *, wholes: bool) -> Ids | None:
        """Where a walk begins; ``None``: no link names it."""
        begin = self.number(start)
        if begin is not None:
            return self._around(np.array([begin], dtype=np.int32), wholes=wholes)[0]
        whole = self.number(ColumnKey(start.asset)) if wholes else None
        return None if whole is None else np.array([whole], dtype=np.int32)

    def _around(self, columns: Ids, *, wholes: bool) -> tuple[Ids, Numbers]:
        """These columns with what else is said of them, and where each comes from among them.

        To a column belongs its dataset as a whole, and to a whole dataset every column.
        """
        origins = np.arange(len(columns))
        if not wholes:
            return columns, origins
        places = _holder(self._first, columns)
        whole = self._first[places]
        is_whole = columns == whole
        if is_whole.any():
            inside = places[is_whole]
            counts = self._first[inside + 1] - whole[is_whole]
            all_of_it = _ranges(whole[is_whole], counts)
            near = np.concatenate([columns, whole, all_of_it])
            origin = np.concatenate([origins, origins, np.repeat(origins[is_whole], counts)])
        else:
            near, origin = np.concatenate([columns, whole]), np.concatenate([origins, origins])
        near, first = np.unique(near, return_index=True)
        return near, origin[first]

    def _edges_at(self, columns: Ids, *, up: bool) -> tuple[Numbers, Numbers]:
        """Edges that end in or begin at columns, and at which of them each does."""
        begins = self._above if up else self._below
        low = begins[columns]
        counts = begins[columns + 1] - low
        edges = _ranges(low, counts)
        if not up:
            edges = self._by_source[edges].astype(np.int64)
        return edges, np.repeat(np.arange(len(columns)), counts)

    def _targets(self, edges: Numbers) -> Numbers:
        return _holder(self._above, edges)


_NONE = np.zeros(0, dtype=np.int64)


def _holder(begins: Ids, numbers: npt.ArrayLike) -> Numbers:
    """In which of some ranges, given by where they begin, numbers lie."""
    # Numbers of another kind would make it copy all of the ranges.
    asked = np.asarray(numbers, dtype=begins.dtype)
    found: Numbers = np.asarray(begins.searchsorted(asked, side="right")) - 1
    return found


def _ranges(starts: npt.NDArray[np.integer], counts: npt.NDArray[np.integer]) -> Numbers:
    """Every number from each start on, as many as are counted, one after the other."""
    total = int(counts.sum())
    before = np.cumsum(counts) - counts
    numbers: Numbers = np.arange(total) + np.repeat(starts - before, counts)
    return numbers


def _walk(found: list[tuple[Numbers, int, Numbers, Numbers]], *, truncated: bool) -> Walk:
    if not found:
        return Walk(_NONE, _NONE, _NONE, _NONE, truncated=truncated)
    columns, distances, edges, before = zip(*found, strict=True)
    return Walk(
        np.concatenate(columns),
        np.repeat(distances, [len(part) for part in columns]),
        np.concatenate(edges),
        np.concatenate(before),
        truncated=truncated,
    )


class _Packing:
    """Edges as they come, by numbers that are given out as names come up."""

    def __init__(self) -> None:
        self._datasets: dict[AssetKey, dict[str, int]] = {}
        self._count = 0
        self._sources, self._targets, self._hows = array("i"), array("i"), array("i")
        self.hows: dict[How, int] = {}
        self._words: dict[str, str] = {}

    def add(self, source: ColumnKey, target: ColumnKey, how: How) -> None:
        self._sources.append(self._number(source))
        self._targets.append(self._number(target))
        self._hows.append(self.hows.setdefault(how, len(self.hows)))

    def _number(self, column: ColumnKey) -> int:
        fields = self._datasets.get(column.asset)
        if fields is None:
            fields = self._datasets[column.asset] = {"": self._count}
            self._count += 1
        found = fields.get(column.field)
        if found is None:
            # Most names, such as that of an id, are those of many columns.
            word = self._words.setdefault(column.field, column.field)
            found = fields[word] = self._count
            self._count += 1
        return found

    def named(self) -> tuple[tuple[AssetKey, ...], tuple[tuple[str, ...], ...]]:
        """Datasets and their columns, both in order."""
        datasets = tuple(sorted(self._datasets))
        return datasets, tuple(tuple(sorted(self._datasets[key])) for key in datasets)

    def packed(self, index: ColumnIndex) -> tuple[Ids, Ids, npt.NDArray[np.unsignedinteger]]:
        """Sources, targets and ways of the edges by their final numbers, each edge once."""
        final = np.zeros(self._count, dtype=np.int32)
        number = 0
        for key in index.datasets:
            fields = self._datasets[key]
            for name in sorted(fields):
                final[fields[name]] = number
                number += 1
        ways = {how: place for place, how in enumerate(index.hows)}
        way = np.array([ways[how] for how in self.hows], dtype=np.min_scalar_type(len(ways)))
        source = final[np.asarray(self._sources)]
        target = final[np.asarray(self._targets)]
        how = way[np.asarray(self._hows)]
        order = np.lexsort((how, source, target))
        source, target, how = source[order], target[order], how[order]
        is_new = np.ones(len(order), dtype=bool)
        is_new[1:] = (np.diff(source) != 0) | (np.diff(target) != 0) | (how[1:] != how[:-1])
        return source[is_new], target[is_new], how[is_new]
