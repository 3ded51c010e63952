"""A directed graph over dense numbers that answers far questions fast and takes little room.

Nothing changes once it is made: a change gives another graph, which shares most with this one.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import networkx as nx
import numpy as np
import numpy.typing as npt

from lineage.graph.rows import NONE, Marks, Numbers, Rows

# What is asked of networkx and not answered by our backend is answered by networkx, of a copy.
nx.config.fallback_to_nx = True

FEW = 2_000
"""Nodes up to which they are walked one by one; after that a whole level at a time."""
SHORT = 64
"""A level so short that it is faster to walk it one by one after all."""
OVERLAID = 0.01
"""Share of the nodes over which changes may lie before the arrays are worth making anew."""
LEAST_OVERLAID = 1_000

Ends = npt.NDArray[np.integer]
Level = list[int] | Numbers
"""Nodes at one distance, in no order."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Nodes that a walk came to, the nearest first, without those where it began."""

    nodes: Numbers
    distances: Numbers
    truncated: bool
    """Whether there were more than were asked for."""


class CompactGraph:
    """A directed graph of whole numbers, none of them negative; an edge is there once.

    Args:
        after: Where edges lead.
        before: Where they come from.
        present: Which numbers are nodes.
    """

    __networkx_backend__ = "andon"
    __slots__ = ("__weakref__", "_after", "_before", "_count", "_present")

    def __init__(self, after: Rows, before: Rows, present: Marks) -> None:
        self._after, self._before, self._present = after, before, present
        self._count = int(np.count_nonzero(present))

    @classmethod
    def of(cls, nodes: Iterable[int], edges: Iterable[tuple[int, int]]) -> CompactGraph:
        """Of nodes, and edges between them."""
        numbers = np.fromiter(nodes, np.int32)
        present = np.zeros(int(numbers.max(initial=-1)) + 1, bool)
        present[numbers] = True
        ends = np.fromiter(chain.from_iterable(edges), np.int32).reshape(-1, 2)
        return cls.of_arrays(present, ends[:, 0], ends[:, 1])

    @classmethod
    def of_arrays(cls, present: Marks, sources: Ends, targets: Ends) -> CompactGraph:
        """The same from arrays: which numbers are nodes, and the ends of each edge."""
        size = len(present)
        after = Rows.of(size, sources.astype(np.int64) * size + targets)
        before = Rows.of(size, targets.astype(np.int64) * size + sources)
        return cls(after, before, present)

    # As networkx has it ----------------------------------------------------------------------

    def is_directed(self) -> bool:
        return True

    def is_multigraph(self) -> bool:
        return False

    def __contains__(self, node: object) -> bool:
        if not isinstance(node, int | np.integer):
            return False
        return 0 <= int(node) < len(self._present) and bool(self._present[node])

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(self._present).tolist())

    def __len__(self) -> int:
        return self._count

    def number_of_nodes(self) -> int:
        return self._count

    def number_of_edges(self) -> int:
        return self._after.edges

    def edges(self) -> Iterator[tuple[int, int]]:
        """Every edge, ascending."""
        return ((node, target) for node in self for target in self._after.near(node))

    def has_edge(self, source: int, target: int) -> bool:
        return source in self and target in self._after.near(source)

    def successors(self, node: int) -> list[int]:
        """Where edges from a node lead, ascending."""
        return self._after.near(self._known(node))

    def predecessors(self, node: int) -> list[int]:
        """Where edges into a node come from, ascending."""
        return self._before.near(self._known(node))

    # Walks -----------------------------------------------------------------------------------

    def reach(
        self, start: int, *, up: bool = False, depth: int | None = None, most: int | None = None
    ) -> Reached:
        """What is below a node, or above it.

        Args:
            start: The node.
            up: Whether to go against the edges.
            depth: How many edges far; ``None``: as far as it goes.
            most: How many nodes at most; of those at the last distance which is not said.
        """
        levels: list[Numbers] = []
        count = 0
        is_more = False
        for distance, level in enumerate(self.levels([start], up=up), 1):
            if (depth is not None and distance > depth) or is_more:
                break
            numbers = np.asarray(level, np.int32)
            if most is not None and count + len(numbers) > most:
                numbers, is_more = numbers[: most - count], True
            levels.append(numbers)
            count += len(numbers)
            if depth == distance:  # what is further need not be looked for
                break
        distances = np.repeat(
            np.arange(1, len(levels) + 1, dtype=np.int32), [len(level) for level in levels]
        )
        return Reached(np.concatenate(levels) if levels else NONE, distances, is_more)

    def levels(self, starts: Iterable[int], *, up: bool = False) -> Iterator[Level]:
        """What is one edge away from some nodes, then what is two away, and so on."""
        rows = self._before if up else self._after
        level = [self._known(node) for node in dict.fromkeys(starts)]
        seen = set(level)
        while level and len(seen) <= FEW:
            level = rows.unseen(level, seen)
            if level:
                yield level
        if level:
            yield from self._far_levels(level, self._marked(seen), rows)

    def closure(self, start: int, *, up: bool = False) -> set[int]:
        """All that is below a node, or above it, without itself."""
        rows = self._before if up else self._after
        level = [self._known(start)]
        seen = set(level)
        while level and len(seen) <= FEW:
            level = rows.unseen(level, seen)
        if level:
            marks = self._marked(seen)
            deque(self._far_levels(level, marks, rows), maxlen=0)
            # In order they fill a set several times as fast.
            seen = set(np.flatnonzero(marks).tolist())
        seen.discard(start)
        return seen

    def _far_levels(self, level: Level, marks: Marks, rows: Rows) -> Iterator[Level]:
        """The same where much is seen already, as marked."""
        is_seen = marks.data
        turn = np.empty(len(marks), np.int32)
        while len(level):
            if len(level) <= SHORT:
                level = rows.unmarked(listed(level), is_seen)
            else:
                found = rows.near_all(np.asarray(level, np.int32))
                found = found[~marks[found]]
                # Whoever is found several times counts where it was written down last.
                turns = np.arange(len(found), dtype=np.int32)
                turn[found] = turns
                level = found[turn[found] == turns]
                marks[level] = True
            if len(level):
                yield level

    def knotted(self) -> set[int]:
        """Nodes that are on a cycle, or between two: all others stand alone."""
        rest = self._present.copy()
        for up in (False, True):
            for generation in self.generations(up=up):
                rest[generation] = False
        return set(np.flatnonzero(rest).tolist())

    def _marked(self, seen: set[int]) -> Marks:
        marks = np.zeros(len(self._present), bool)
        marks[np.fromiter(seen, np.int32, len(seen))] = True
        return marks

    def generations(self, *, up: bool = False) -> Iterator[Level]:
        """Nodes that nothing leads to, then those to which only these lead, and so on.

        On a cycle, or below one, no node is in any of them. With ``up`` the same against the edges.
        """
        before, after = (self._after, self._before) if up else (self._before, self._after)
        waits = before.degrees(len(self._present))
        waiting = waits.data
        level: Level = np.flatnonzero(self._present & (waits == 0)).astype(np.int32)
        while len(level):
            yield level
            if len(level) <= SHORT:
                following = []
                for node in listed(level):
                    for target in after.near(node):
                        waiting[target] -= 1
                        if not waiting[target]:
                            following.append(target)
                level = following
            else:
                found, times = np.unique(
                    after.near_all(np.asarray(level, np.int32)), return_counts=True
                )
                waits[found] -= times.astype(np.int32)
                level = found[waits[found] == 0]

    # Changes ---------------------------------------------------------------------------------

    def changed(
        self,
        added: Iterable[tuple[int, int]] = (),
        removed: Iterable[tuple[int, int]] = (),
        nodes: Mapping[int, bool] | None = None,
    ) -> CompactGraph:
        """With some edges more and others less; and nodes that are there from now on, or no more.

        A node that is there no more must have no edges then.
        """
        present = self._present
        if nodes:
            size = max(len(present), max(nodes) + 1)
            present = np.concatenate((present, np.zeros(size - len(present), bool)))
            for node, is_there in nodes.items():
                present[node] = is_there
        forth, back = _by_first(added), _by_first(removed)
        after = self._after.changed(forth, back, len(present))
        before = self._before.changed(_turned(forth), _turned(back), len(present))
        return CompactGraph(after, before, present)

    @property
    def is_overlaid(self) -> bool:
        """Whether so much has changed that the arrays are worth making anew."""
        most = max(LEAST_OVERLAID, OVERLAID * len(self._present))
        return len(self._after.over) + len(self._before.over) > most

    def compacted(self) -> CompactGraph:
        """The same graph with nothing over its arrays."""
        size = len(self._present)
        sources, targets = np.divmod(self._after.keys(size), max(size, 1))
        return CompactGraph.of_arrays(self._present, sources, targets)

    def over_another(self, base: CompactGraph, older: CompactGraph) -> CompactGraph:
        """The same graph, over ``base``, which is what ``older`` was when it was made anew."""
        return CompactGraph(
            self._after.over_another(base._after, older._after),
            self._before.over_another(base._before, older._before),
            self._present,
        )

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return self._after.size_bytes + self._before.size_bytes + self._present.nbytes

    def _known(self, node: int) -> int:
        if node not in self:
            raise nx.NodeNotFound(f"The node {node} is not in the graph.")
        return node


def listed(level: Level) -> list[int]:
    """Nodes as plain numbers."""
    found: list[int] = level if isinstance(level, list) else level.tolist()
    return found


def _by_first(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for first, second in pairs:
        found[first].append(second)
    return found


def _turned(pairs: Mapping[int, Iterable[int]]) -> dict[int, list[int]]:
    return _by_first((b, a) for a, targets in pairs.items() for b in targets)
