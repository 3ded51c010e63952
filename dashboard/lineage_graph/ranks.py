"""Which column of the drawing each node stands in, cycles or not.

Nodes are the integers from 0 on, edges pairs of them; who they are is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Edge = tuple[int, int]


def neighbours(size: int, edges: Sequence[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    """Predecessors and successors of every node, in the order of the edges."""
    above: list[list[int]] = [[] for _ in range(size)]
    below: list[list[int]] = [[] for _ in range(size)]
    for source, target in edges:
        below[source].append(target)
        above[target].append(source)
    return above, below


def back_edges(size: int, edges: Sequence[Edge]) -> set[Edge]:
    """The edges that close a cycle when nodes are visited in order, depth first.

    Turning exactly these around leaves a graph without cycles.
    """
    _, below = neighbours(size, edges)
    unseen, open_, done = 0, 1, 2
    state = [unseen] * size
    found: set[Edge] = set()
    for start in range(size):
        if state[start] is not unseen:
            continue
        state[start] = open_
        # A stack and not recursion: chains of a thousand nodes are real.
        path: list[tuple[int, Iterator[int]]] = [(start, iter(below[start]))]
        while path:
            node, targets = path[-1]
            for target in targets:
                if state[target] is open_:
                    found.add((node, target))
                elif state[target] is unseen:
                    state[target] = open_
                    path.append((target, iter(below[target])))
                    break
            else:
                state[node] = done
                path.pop()
    return found


def rank(size: int, edges: Sequence[Edge]) -> list[int]:
    """Columns from 0 on, every edge leading at least one column to the right.

    As far left as its predecessors allow; only sources are pulled right, next to who reads them.

    Args:
        size: How many nodes there are.
        edges: Without cycles.
    """
    above, below = neighbours(size, edges)
    missing = [len(sources) for sources in above]
    ready = [node for node in range(size) if not missing[node]]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        for target in below[node]:
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    columns = [0] * size
    for node in order:
        columns[node] = max((columns[source] + 1 for source in above[node]), default=0)
    for node in order:
        if below[node] and not above[node]:
            columns[node] = min(columns[target] for target in below[node]) - 1
    return columns
