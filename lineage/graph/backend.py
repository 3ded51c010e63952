"""The compact graph behind networkx's own backend interface.

So ``nx.descendants(graph.flow, number)`` walks the compact graph. Which functions do is said by
what is defined here; others get a copy as a ``networkx.DiGraph``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import networkx as nx

from lineage.graph.index import CompactGraph, listed


class Backend:
    """Functions of networkx by their own names; each answers as networkx does."""

    @staticmethod
    def convert_to_nx(graph: Any, **_: Any) -> Any:
        """The copy of a compact graph that networkx works with."""
        if not isinstance(graph, CompactGraph):
            return graph
        copy: nx.DiGraph[int] = nx.DiGraph()
        copy.add_nodes_from(graph)
        copy.add_edges_from(graph.edges())
        return copy

    @staticmethod
    def convert_from_nx(graph: nx.DiGraph[int], **_: Any) -> CompactGraph:
        """A compact graph of one whose nodes are numbers."""
        if graph.is_multigraph() or not graph.is_directed():
            raise NotImplementedError("only directed graphs without parallel edges")
        return CompactGraph.of(graph, graph.edges())

    @staticmethod
    def can_run(name: str, args: Collection[Any], kwargs: dict[str, Any]) -> bool:
        """Whether a function answers with these arguments."""
        if name != "shortest_path_length":
            return True
        return len(args) <= 3 and kwargs.get("weight") is None and "method" not in kwargs

    @staticmethod
    def descendants(graph: CompactGraph, source: int) -> set[int]:
        return _all(graph, source, up=False)

    @staticmethod
    def ancestors(graph: CompactGraph, source: int) -> set[int]:
        return _all(graph, source, up=True)

    @staticmethod
    def has_path(graph: CompactGraph, source: int, target: int) -> bool:
        _known(graph, "Source", source)
        _known(graph, "Target", target)
        return source == target or any(target in level for level in graph.levels([source]))

    @staticmethod
    def single_source_shortest_path_length(
        graph: CompactGraph, source: int, cutoff: float | None = None
    ) -> dict[int, int]:
        return _lengths(graph, _known(graph, "Source", source), cutoff, up=False)

    @staticmethod
    def single_target_shortest_path_length(
        graph: CompactGraph, target: int, cutoff: float | None = None
    ) -> dict[int, int]:
        return _lengths(graph, _known(graph, "Target", target), cutoff, up=True)

    @staticmethod
    def shortest_path_length(
        graph: CompactGraph, source: int | None = None, target: int | None = None
    ) -> Any:
        if source is None and target is None:
            return ((n, _lengths(graph, n, None, up=False)) for n in graph)
        if source is None or target is None:
            start = target if source is None else source
            assert start is not None  # noqa: S101 - one of them is given
            return _lengths(graph, _known(graph, "Source", start), None, up=source is None)
        _known(graph, "Source", source)
        _known(graph, "Target", target)
        for distance, level in enumerate(graph.levels([source]), 1):
            if source == target:
                break
            if target in level:
                return distance
        if source != target:
            raise nx.NetworkXNoPath(f"No path between {source} and {target}.")
        return 0

    @staticmethod
    def bfs_layers(graph: CompactGraph, sources: int | Iterable[int]) -> Iterator[list[int]]:
        starts = [sources] if isinstance(sources, int) else list(dict.fromkeys(sources))
        for start in starts:
            if start not in graph:
                raise nx.NetworkXError(f"The node {start} is not in the graph.")
        if starts:
            yield starts
            yield from map(listed, graph.levels(starts))

    @staticmethod
    def descendants_at_distance(graph: CompactGraph, source: int, distance: int) -> set[int]:
        layers = Backend.bfs_layers(graph, source)
        return next((set(layer) for i, layer in enumerate(layers) if i == distance), set())

    @staticmethod
    def topological_generations(graph: CompactGraph) -> Iterator[list[int]]:
        count = 0
        for generation in graph.generations():
            count += len(generation)
            yield listed(generation)
        if count < len(graph):
            raise nx.NetworkXUnfeasible("Graph contains a cycle")

    @staticmethod
    def topological_sort(graph: CompactGraph) -> Iterator[int]:
        for generation in Backend.topological_generations(graph):
            yield from generation

    @staticmethod
    def strongly_connected_components(graph: CompactGraph) -> Iterator[set[int]]:
        knotted = graph.knotted()
        yield from ({node} for node in graph if node not in knotted)
        core: nx.DiGraph[int] = nx.DiGraph()
        core.add_nodes_from(knotted)
        for node in knotted:
            core.add_edges_from((node, n) for n in graph.successors(node) if n in knotted)
        yield from nx.strongly_connected_components(core)

    @staticmethod
    def is_directed_acyclic_graph(graph: CompactGraph) -> bool:
        return sum(map(len, graph.generations())) == len(graph)


def _all(graph: CompactGraph, source: int, *, up: bool) -> set[int]:
    if source not in graph:
        raise nx.NetworkXError(f"The node {source} is not in the digraph.")
    return graph.closure(source, up=up)


def _lengths(graph: CompactGraph, start: int, cutoff: float | None, *, up: bool) -> dict[int, int]:
    found = {start: 0}
    if cutoff is not None and cutoff < 1:
        return found
    for distance, level in enumerate(graph.levels([start], up=up), 1):
        found.update(dict.fromkeys(listed(level), distance))
        if cutoff is not None and distance + 1 > cutoff:
            break
    return found


def _known(graph: CompactGraph, which: str, node: int) -> int:
    if node not in graph:
        raise nx.NodeNotFound(f"{which} {node} is not in G")
    return node
