"""How many datasets stand on each, counted all at once."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from lineage.datasets import count_below

NODES = st.integers(0, 7)


@given(st.sets(st.tuples(NODES, NODES)), st.sets(NODES))
def test_it_counts_what_a_walk_from_each_node_finds(
    edges: set[tuple[int, int]], counted: set[int]
) -> None:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(8))
    graph.add_edges_from(edges)

    found = count_below(graph, counted)

    assert found == {node: len(counted & nx.descendants(graph, node)) for node in graph}
