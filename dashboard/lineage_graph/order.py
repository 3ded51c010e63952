"""In which order nodes stand within their column, so that few edges cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

SWEEPS = 12

Columns = list[list[int]]


def crossings(columns: Columns, above: Sequence[Sequence[int]]) -> int:
    """How many pairs of edges between neighbouring columns cross."""
    count = 0
    for left, right in pairwise(columns):
        place = {node: i for i, node in enumerate(left)}
        ends = sorted((place[s], i) for i, node in enumerate(right) for s in above[node])
        seen: list[int] = []
        for _, target in ends:
            count += len(seen) - bisect_right(seen, target)
            insort(seen, target)
    return count


def untangle(
    columns: Columns, above: Sequence[Sequence[int]], below: Sequence[Sequence[int]]
) -> Columns:
    """The same columns, each sorted by the median of its neighbours, back and forth.

    Args:
        columns: Left to right; every edge joins two neighbouring columns.
        above: Predecessors of each node.
        below: Successors of each node.
    """
    best, fewest = [list(column) for column in columns], crossings(columns, above)
    current = [list(column) for column in columns]
    place = [0] * len(above)
    for column in current:
        for i, node in enumerate(column):
            place[node] = i
    for sweep in range(SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        beside = above if rightwards else below
        for column in current if rightwards else reversed(current):
            column.sort(key=lambda node: (_median(place, beside[node], place[node]), place[node]))
            for i, node in enumerate(column):
                place[node] = i
        if (now := crossings(current, above)) < fewest:
            best, fewest = [list(column) for column in current], now
    return best


def _median(place: Sequence[int], nodes: Sequence[int], default: int) -> float:
    if not nodes:
        return default
    places = sorted(place[node] for node in nodes)
    middle = len(places) // 2
    if len(places) % 2:
        return places[middle]
    return (places[middle - 1] + places[middle]) / 2
