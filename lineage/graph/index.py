"""A directed graph over dense numbers, for questions that walk far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class CompactGraph:
    """A directed graph of whole numbers."""

    def __init__(self, nodes: Iterable[int], edges: Iterable[tuple[int, int]]) -> None:
        self._after: dict[int, list[int]] = {i: [] for i in sorted(nodes)}
        self._before: dict[int, list[int]] = {i: [] for i in self._after}
        for source, target in sorted(set(edges)):
            self._after[source].append(target)
            self._before[target].append(source)

    def __contains__(self, node: object) -> bool:
        return node in self._after

    def __iter__(self) -> Iterator[int]:
        return iter(self._after)

    def __len__(self) -> int:
        return len(self._after)

    def successors(self, node: int) -> list[int]:
        """Where edges from a node lead, ascending."""
        return self._after[node]

    def predecessors(self, node: int) -> list[int]:
        """Where edges into a node come from, ascending."""
        return self._before[node]

    def edges(self) -> Iterator[tuple[int, int]]:
        """Every edge, ascending."""
        return ((a, b) for a, after in self._after.items() for b in after)

    def has_edge(self, source: int, target: int) -> bool:
        return source in self._after and target in self._after[source]
