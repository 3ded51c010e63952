"""Where the nodes of a lineage graph stand: in columns from left to right, by layers (Sugiyama).

Pure and deterministic: the same nodes and edges in the same order give the same picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from dashboard.lineage_graph.order import Columns, untangle
from dashboard.lineage_graph.ranks import Edge, back_edges, neighbours, rank

COLUMN_WIDTH = 316.0
ROW_GAP = 22.0
COMPONENT_GAP = 44.0
BEND_HEIGHT = 6.0
"""What an edge takes where it passes a column."""
PULLS = 10
ALONE_LEAST = 3
"""So many nodes without any edge stand in a grid."""
GRID_COLUMNS = 4

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in pixels, x to the right and y down, from (0, 0) on."""

    nodes: Mapping[str, Point]
    """Left edge and vertical middle of each node."""
    bends: Mapping[tuple[str, str], tuple[Point, ...]]
    """Where edges over more than one column pass those between, in drawing order."""
    height: float


def layered(heights: Mapping[str, float], edges: Sequence[tuple[str, str]]) -> Layout:
    """Lay out a graph; parts that are not connected are stacked, in the order of their nodes.

    Args:
        heights: Height of each node in pixels; their order breaks ties.
        edges: Sources and targets; loops, repeats and edges to unknown nodes are left out.
    """
    order = {name: i for i, name in enumerate(heights)}
    kept = [
        pair
        for pair in dict.fromkeys(edges)
        if pair[0] != pair[1] and pair[0] in order and pair[1] in order
    ]
    graph = nx.Graph()
    graph.add_nodes_from(heights)
    graph.add_edges_from(kept)
    parts = [sorted(part, key=order.__getitem__) for part in nx.connected_components(graph)]
    nodes: dict[str, Point] = {}
    bends: dict[tuple[str, str], tuple[Point, ...]] = {}
    top = 0.0
    parts.sort(key=lambda part: order[part[0]])
    alone = [part[0] for part in parts if len(part) == 1]
    for part in parts:
        if len(part) == 1 and len(alone) >= ALONE_LEAST:
            continue
        inside = set(part)
        placed = _layer({n: heights[n] for n in part}, [e for e in kept if e[0] in inside])
        nodes.update({n: (x, y + top) for n, (x, y) in placed.nodes.items()})
        bends.update(
            {e: tuple((x, y + top) for x, y in points) for e, points in placed.bends.items()}
        )
        top += placed.height + COMPONENT_GAP
    if len(alone) >= ALONE_LEAST:
        grid, bottom = _grid({n: heights[n] for n in alone}, top)
        nodes.update(grid)
        top = bottom + COMPONENT_GAP
    return Layout(nodes, bends, max(0.0, top - COMPONENT_GAP))


def _grid(heights: Mapping[str, float], top: float) -> tuple[dict[str, Point], float]:
    """Nodes without any edge in rows, below the rest: one on another they would be a tower."""
    nodes: dict[str, Point] = {}
    names = list(heights)
    for start in range(0, len(names), GRID_COLUMNS):
        row = names[start : start + GRID_COLUMNS]
        tallest = max(heights[name] for name in row)
        for column, name in enumerate(row):
            nodes[name] = (column * COLUMN_WIDTH, top + heights[name] / 2)
        top += tallest + ROW_GAP
    return nodes, top - ROW_GAP


def _layer(heights: Mapping[str, float], edges: Sequence[tuple[str, str]]) -> Layout:
    """Lay out one connected part."""
    names = list(heights)
    index = {name: i for i, name in enumerate(names)}
    drawn = [(index[a], index[b]) for a, b in edges]
    back = back_edges(len(names), drawn)
    # Two jobs that read each other's output: both edges then run the same way, once.
    forward = list(dict.fromkeys((b, a) if (a, b) in back else (a, b) for a, b in drawn))
    columns_of = rank(len(names), forward)
    sizes = list(heights.values())
    links: list[Edge] = []
    chains: dict[Edge, list[int]] = {}
    for source, target in forward:
        chain = []
        for column in range(columns_of[source] + 1, columns_of[target]):
            chain.append(len(sizes))
            sizes.append(BEND_HEIGHT)
            columns_of.append(column)
        chains[source, target] = chain
        links += zip([source, *chain], [*chain, target], strict=True)
    above, below = neighbours(len(sizes), links)
    columns: Columns = [[] for _ in range(max(columns_of) + 1)]
    for node, column in enumerate(columns_of):
        columns[column].append(node)
    columns = untangle(columns, above, below)
    middles = _spread(columns, sizes, above, below)
    top = min(y - size / 2 for y, size in zip(middles, sizes, strict=True))
    bottom = max(y + size / 2 for y, size in zip(middles, sizes, strict=True))

    def point(node: int) -> Point:
        return columns_of[node] * COLUMN_WIDTH, middles[node] - top

    bends = {}
    for a, b in edges:
        pair = index[a], index[b]
        chain = chains[pair[1], pair[0]][::-1] if pair in back else chains[pair]
        if chain:
            bends[a, b] = tuple(point(node) for node in chain)
    return Layout({name: point(index[name]) for name in names}, bends, bottom - top)


def _spread(
    columns: Columns,
    sizes: Sequence[float],
    above: Sequence[Sequence[int]],
    below: Sequence[Sequence[int]],
) -> list[float]:
    """Vertical middles: each node near the mean of its neighbours, none over another."""
    middles = [0.0] * len(sizes)
    for column in columns:
        _push_down(column, sizes, middles)
    for pull in range(PULLS):
        rightwards = pull % 2 == 0
        beside = above if rightwards else below
        for column in columns if rightwards else reversed(columns):
            wanted = [
                sum(middles[n] for n in beside[node]) / len(beside[node])
                if beside[node]
                else middles[node]
                for node in column
            ]
            for node, middle in zip(column, _settle(column, sizes, wanted), strict=True):
                middles[node] = middle
            _push_down(column, sizes, middles)
    return middles


def _settle(column: Sequence[int], sizes: Sequence[float], wanted: Sequence[float]) -> list[float]:
    """Wishes made compatible from above and from below; the mean of both moves nodes least."""
    down: list[float] = []
    edge = float("-inf")
    for node, middle in zip(column, wanted, strict=True):
        down.append(max(middle, edge + sizes[node] / 2))
        edge = down[-1] + sizes[node] / 2 + ROW_GAP
    up: list[float] = []
    edge = float("inf")
    for node, middle in zip(reversed(column), reversed(wanted), strict=True):
        up.append(min(middle, edge - sizes[node] / 2))
        edge = up[-1] - sizes[node] / 2 - ROW_GAP
    return [(a + b) / 2 for a, b in zip(down, reversed(up), strict=True)]


def _push_down(column: Sequence[int], sizes: Sequence[float], middles: list[float]) -> None:
    """Move nodes down until every gap in the column is kept."""
    edge = float("-inf")
    for node in column:
        middles[node] = max(middles[node], edge + sizes[node] / 2)
        edge = middles[node] + sizes[node] / 2 + ROW_GAP
