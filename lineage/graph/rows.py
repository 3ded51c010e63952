"""Where the edges of each node lead: two arrays, and over them what has changed since.

Nothing changes once it is made: a change gives other rows, which share the arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.int32]
Marks: TypeAlias = npt.NDArray[np.bool_]

NONE: Numbers = np.empty(0, np.int32)
SMALL = 200
"""Edges of one node up to which plain sets are faster than arrays."""


class Rows:
    """Targets of every node, ascending.

    Args:
        start: Where the targets of each node begin, and last where all of them end.
        to: The targets of all nodes, one after the other.
        over: All targets of those nodes whose edges have changed since, or that are new.
        size: How many nodes there are; all that are not in the arrays lie over them.
    """

    __slots__ = ("_size", "_start", "_starts", "_to", "_tos", "over")

    over: Mapping[int, Numbers]

    def __init__(self, start: Numbers, to: Numbers, over: Mapping[int, Numbers], size: int) -> None:
        self._start, self._to, self.over, self._size = start, to, over, size
        # The same memory: one number is read from a view several times as fast as from an array.
        self._starts, self._tos = start.data, to.data

    @classmethod
    def of(cls, size: int, keys: npt.NDArray[np.int64]) -> Rows:
        """Of edges, each ``source * size + target``; these are put in order in place."""
        keys.sort()
        keys = keys[np.diff(keys, prepend=-1) > 0]
        sources, targets = np.divmod(keys, max(size, 1))
        start = np.zeros(size + 1, np.int32)
        np.cumsum(np.bincount(sources, minlength=size), out=start[1:])
        return cls(start, targets.astype(np.int32), {}, size)

    @property
    def edges(self) -> int:
        """How many there are."""
        under = sum(self._under(node) for node in self.over)
        return len(self._to) - under + sum(map(len, self.over.values()))

    @property
    def size_bytes(self) -> int:
        """How much memory they take, roughly: a changed node costs what a small object does."""
        over = sum(200 + row.nbytes for row in self.over.values())
        return self._start.nbytes + self._to.nbytes + over

    def near(self, node: int) -> list[int]:
        """The targets of a node."""
        changed = self.over.get(node)
        if changed is not None:
            found: list[int] = changed.tolist()
            return found
        return self._tos[self._starts[node] : self._starts[node + 1]].tolist()

    def unseen(self, nodes: Iterable[int], seen: set[int]) -> list[int]:
        """Targets of some nodes that are not among those seen; from now on they are.

        What ``near`` does for one node is written out: the call alone takes as long as the rest.
        """
        starts, tos, over = self._starts, self._tos, self.over
        found: list[int] = []
        see, add = seen.add, found.append
        for node in nodes:
            is_over = over and node in over
            for target in self.near(node) if is_over else tos[starts[node] : starts[node + 1]]:
                if target not in seen:
                    see(target)
                    add(target)
        return found

    def unmarked(self, nodes: Iterable[int], is_seen: memoryview) -> list[int]:
        """The same where those seen are marked."""
        starts, tos, over = self._starts, self._tos, self.over
        found: list[int] = []
        add = found.append
        for node in nodes:
            is_over = over and node in over
            for target in self.near(node) if is_over else tos[starts[node] : starts[node + 1]]:
                if not is_seen[target]:
                    is_seen[target] = True
                    add(target)
        return found

    def near_all(self, nodes: Numbers) -> Numbers:
        """The targets of many nodes, one after the other."""
        over: list[Numbers] = []
        if self.over:
            is_under = self._is_under(nodes)
            over = [self.over[node] for node in nodes[~is_under].tolist()]
            nodes = nodes[is_under]
        first = self._start[nodes]
        lengths = self._start[nodes + 1] - first
        total = int(lengths.sum())
        shift = np.repeat(first - (np.cumsum(lengths, dtype=np.int32) - lengths), lengths)
        found = self._to[shift + np.arange(total, dtype=np.int32)]
        return np.concatenate((found, *over)) if over else found

    def degrees(self, size: int) -> Numbers:
        """How many targets each node has."""
        found = np.zeros(size, np.int32)
        found[: len(self._start) - 1] = np.diff(self._start)
        for node, row in self.over.items():
            found[node] = len(row)
        return found

    def keys(self, size: int) -> npt.NDArray[np.int64]:
        """Every edge as ``source * size + target``, in no order."""
        nodes = np.arange(len(self._start) - 1, dtype=np.int64)
        sources = np.repeat(nodes, np.diff(self._start))
        found = sources * size + self._to
        if not self.over:
            return found
        found = found[self._is_under(sources)]
        changed = [node * size + row.astype(np.int64) for node, row in self.over.items()]
        return np.concatenate((found, *changed))

    def changed(
        self,
        added: Mapping[int, Iterable[int]],
        removed: Mapping[int, Iterable[int]],
        size: int,
    ) -> Rows:
        """With some edges more and others less, by source; and with so many nodes."""
        over = dict(self.over)
        # Whatever lies over nothing lies in the arrays, so that walks need not look.
        over |= dict.fromkeys(range(max(self._size, len(self._starts) - 1), size), NONE)
        for node in added.keys() | removed.keys():
            row = over[node] if node in over else self._row(node)
            over[node] = _changed(row, added.get(node, ()), removed.get(node, ()))
        return Rows(self._start, self._to, over, size)

    def over_another(self, base: Rows, older: Rows) -> Rows:
        """What has changed since ``older``, laid over what was made anew of that."""
        over = {n: row for n, row in self.over.items() if older.over.get(n) is not row}
        return Rows(base._start, base._to, over, self._size)

    def _row(self, node: int) -> Numbers:
        """What the arrays have of a node."""
        return self._to[self._starts[node] : self._starts[node + 1]]

    def _under(self, node: int) -> int:
        """How many edges the arrays have of a node."""
        if node + 1 >= len(self._starts):
            return 0
        return self._starts[node + 1] - self._starts[node]

    def _is_under(self, nodes: npt.NDArray[np.integer]) -> Marks:
        """Of which nodes the arrays tell what there is."""
        size = len(self._start) - 1
        is_under: Marks = nodes < size
        if self.over:
            changed = np.fromiter(self.over, np.int32, len(self.over))
            marks = np.zeros(max(size, int(changed.max()) + 1, int(nodes.max(initial=0)) + 1), bool)
            marks[changed] = True
            is_under &= ~marks[nodes]
        return is_under


def _changed(row: Numbers, added: Iterable[int], removed: Iterable[int]) -> Numbers:
    if len(row) <= SMALL:
        return np.array(sorted({*row.tolist(), *added}.difference(removed)), np.int32)
    more, less = np.fromiter(added, np.int32), np.fromiter(removed, np.int32)
    return np.setdiff1d(np.union1d(row, more), less, assume_unique=True)
