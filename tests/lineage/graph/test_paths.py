"""How data gets from one asset to another."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.paths import Paths, shortest_paths
from tests.lineage.graph.graphs import NAMES, ds, graph_of, graphs, jb

real = st.sampled_from([name for name in NAMES if not name.startswith("tmp")]).map(ds)


def ways(found: Paths) -> list[str]:
    return [
        "".join((path[0].source.name, *(hop.target.name for hop in path))) for path in found.paths
    ]


@given(graphs, real, real)
def test_the_shortest_ways_are_those_of_networkx(
    graph: EstateGraph, source: AssetKey, target: AssetKey
) -> None:
    flow: nx.DiGraph[AssetKey] = nx.DiGraph()
    flow.add_nodes_from(map(graph.key, graph.flow))
    flow.add_edges_from((graph.key(a), graph.key(b)) for a, b in graph.flow.edges())

    found = shortest_paths(graph, source, target, most=1000)

    for path in found.paths:
        assert path[0].source == source
        assert path[-1].target == target
        assert all(a.target == b.source for a, b in pairwise(path))
    if source != target:
        expected = (
            list(nx.all_shortest_paths(flow, source, target))
            if nx.has_path(flow, source, target)
            else []
        )
        assert [[source, *(hop.target for hop in path)] for path in found.paths] == sorted(expected)
    else:
        assert bool(found.paths) == any(source in knot for knot in nx.simple_cycles(flow))
    few = shortest_paths(graph, source, target, most=1)
    assert few.paths == found.paths[:1]
    assert few.is_cut == (len(found.paths) > 1)


def test_all_shortest_ways_are_told_in_order() -> None:
    graph = graph_of(
        [("a", "j1", "c"), ("a", "j2", "b"), ("b", "j3", "d"), ("c", "j3", "d"), ("a", "", "e"),
         ("e", "j4", "f"), ("f", "j5", "d")]
    )  # fmt: skip

    found = shortest_paths(graph, ds("a"), ds("d"))

    assert ways(found) == ["abd", "acd"]
    assert found.paths[0][0].jobs == (jb("j2"),)
    assert not found.is_cut


def test_there_is_no_way_against_the_flow_nor_over_what_faded() -> None:
    graph = graph_of([("a", "j1", "b"), ("b", "old1", "c")])

    assert shortest_paths(graph, ds("b"), ds("a")).paths == ()
    assert shortest_paths(graph, ds("a"), ds("c")).paths == ()


def test_a_way_may_begin_or_end_at_a_job_or_at_noise() -> None:
    graph = graph_of([("a", "j1", "tmp"), ("tmp", "j2", "b"), ("b", "j3", "c")])

    assert ways(shortest_paths(graph, jb("j1"), ds("c"))) == ["j1bc"]
    assert ways(shortest_paths(graph, ds("a"), jb("j3"))) == ["abj3"]
    assert ways(shortest_paths(graph, ds("tmp"), ds("c"))) == ["tmpbc"]
    assert ways(shortest_paths(graph, ds("a"), ds("tmp"))) == ["atmp"]


def test_very_many_ways_are_cut_off_at_once() -> None:
    layers = [[f"{layer}x{i}" for i in range(4)] for layer in range(30)]
    graph = graph_of(
        (a, f"j{above[0]}", b) for above, below in pairwise(layers) for a in above for b in below
    )

    found = shortest_paths(graph, ds("0x0"), ds("29x0"))

    assert len(found.paths) == 10
    assert found.is_cut
