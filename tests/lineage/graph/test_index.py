"""The compact graph against networkx and rustworkx, on any graph and with any changes over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import pytest
import rustworkx
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.graph import index
from lineage.graph.index import CompactGraph


class Both(NamedTuple):
    """The same graph twice."""

    compact: CompactGraph
    plain: nx.DiGraph[int]


@st.composite
def both(draw: st.DrawFn, most: int = 14) -> Both:
    """With cycles, loops, numbers that are no node, and changes one over the other."""
    count = draw(st.integers(1, most))
    numbers = st.integers(0, count - 1)
    nodes = draw(st.sets(numbers, min_size=1))
    ends = st.sampled_from(sorted(nodes))
    edges = draw(st.sets(st.tuples(ends, ends), max_size=30))
    plain: nx.DiGraph[int] = nx.DiGraph()
    plain.add_nodes_from(nodes)
    plain.add_edges_from(edges)
    compact = CompactGraph.of(nodes, edges)
    for _ in range(draw(st.integers(0, 4))):
        more = draw(st.sets(st.integers(0, count + 3), max_size=2)) - set(plain)
        plain.add_nodes_from(more)
        ends = st.sampled_from(sorted(plain))
        added = draw(st.sets(st.tuples(ends, ends), max_size=5)) - set(plain.edges)
        removed = (
            draw(st.sets(st.sampled_from(sorted(plain.edges)), max_size=5))
            if plain.number_of_edges()
            else set()
        )
        plain.remove_edges_from(removed)
        plain.add_edges_from(added)
        alone = sorted(nx.isolates(plain))
        gone = draw(st.sets(st.sampled_from(alone), max_size=1)) if len(alone) > 1 else set()
        plain.remove_nodes_from(gone)
        there = dict.fromkeys(more, True) | dict.fromkeys(gone, False)
        compact = compact.changed(added, removed, there)
        if draw(st.booleans()):
            compact = compact.compacted()
    return Both(compact, plain)


@pytest.fixture(params=["one by one", "a level at a time", "as it comes"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How walks go on: each way must tell the same."""
    if request.param == "a level at a time":
        monkeypatch.setattr(index, "FEW", 0)
        monkeypatch.setattr(index, "SHORT", 0)
    elif request.param == "one by one":
        monkeypatch.setattr(index, "FEW", 0)
        monkeypatch.setattr(index, "SHORT", 1_000_000)
    return str(request.param)


LAW = settings(max_examples=80, deadline=None)


def answer(function: Callable[..., Any], *args: Any) -> Any:
    """What a function says, or which error."""
    try:
        return function(*args)
    except nx.NetworkXException as error:
        return type(error)


@pytest.mark.usefixtures("way")
@LAW
@given(both())
def test_it_holds_the_same_nodes_and_edges(graphs: Both) -> None:
    compact, plain = graphs

    assert list(compact) == sorted(plain)
    assert list(compact.edges()) == sorted(plain.edges)
    assert (len(compact), compact.number_of_edges()) == (len(plain), plain.number_of_edges())
    for node in plain:
        assert compact.successors(node) == sorted(plain.successors(node))
        assert compact.predecessors(node) == sorted(plain.predecessors(node))
        for other in plain:
            assert compact.has_edge(node, other) == plain.has_edge(node, other)


@pytest.mark.usefixtures("way")
@LAW
@given(both(), st.integers(0, 16), st.integers(0, 16))
def test_what_networkx_hands_over_equals_its_own(graphs: Both, one: int, other: int) -> None:
    compact, plain = graphs
    for function in (
        nx.descendants,
        nx.ancestors,
        nx.single_source_shortest_path_length,
        nx.single_target_shortest_path_length,
        nx.shortest_path_length,
    ):
        assert answer(function, compact, one) == answer(function, plain, one)
    for function in (nx.has_path, nx.shortest_path_length):
        assert answer(function, compact, one, other) == answer(function, plain, one, other)
    for distance in range(4):
        assert answer(nx.descendants_at_distance, compact, one, distance) == answer(
            nx.descendants_at_distance, plain, one, distance
        )
        assert answer(nx.single_source_shortest_path_length, compact, one, distance) == answer(
            nx.single_source_shortest_path_length, plain, one, distance
        )

    def layers(graph: Any, starts: Any) -> list[list[int]]:
        return [sorted(layer) for layer in nx.bfs_layers(graph, starts)]

    if one in plain:
        assert answer(layers, compact, one) == answer(layers, plain, one)
    assert answer(layers, compact, [one, other]) == answer(layers, plain, [one, other])
    if one in plain:
        assert dict(nx.shortest_path_length(compact, target=one)) == dict(
            nx.shortest_path_length(plain, target=one)
        )
    assert dict(nx.shortest_path_length(compact)) == dict(nx.shortest_path_length(plain))


@pytest.mark.usefixtures("way")
@LAW
@given(both())
def test_generations_and_knots_equal_those_of_networkx(graphs: Both) -> None:
    compact, plain = graphs

    def generations(graph: Any) -> list[list[int]]:
        return [sorted(generation) for generation in nx.topological_generations(graph)]

    def knots(graph: Any) -> list[list[int]]:
        return sorted(sorted(knot) for knot in nx.strongly_connected_components(graph))

    assert knots(compact) == knots(plain)
    assert nx.is_directed_acyclic_graph(compact) == nx.is_directed_acyclic_graph(plain)
    assert answer(generations, compact) == answer(generations, plain)
    acyclic: nx.DiGraph[int] = nx.DiGraph()
    acyclic.add_nodes_from(plain)
    acyclic.add_edges_from((a, b) for a, b in plain.edges if a < b)
    assert generations(CompactGraph.of(acyclic, acyclic.edges)) == generations(acyclic)


@pytest.mark.usefixtures("way")
@LAW
@given(both(), st.data())
def test_walks_end_where_they_are_told(graphs: Both, data: st.DataObject) -> None:
    compact, plain = graphs
    start = data.draw(st.sampled_from(sorted(plain)))
    depth = data.draw(st.none() | st.integers(0, 5))
    most = data.draw(st.none() | st.integers(0, 6))
    expected = nx.single_source_shortest_path_length(plain, start, cutoff=depth)
    del expected[start]

    reached = compact.reach(start, depth=depth, most=most)

    found = dict(zip(reached.nodes.tolist(), reached.distances.tolist(), strict=True))
    assert found.items() <= expected.items()
    assert list(found.values()) == sorted(found.values())
    kept = len(expected) if most is None else min(most, len(expected))
    assert len(found) == kept
    assert sorted(found.values()) == sorted(expected.values())[:kept]
    assert reached.truncated == (kept < len(expected))


@LAW
@given(both())
def test_made_anew_it_answers_the_same(graphs: Both) -> None:
    compact, _ = graphs

    anew = compact.compacted()

    assert list(anew) == list(compact)
    assert list(anew.edges()) == list(compact.edges())
    for node in compact:
        assert nx.descendants(anew, node) == nx.descendants(compact, node)
        assert anew.predecessors(node) == compact.predecessors(node)


@LAW
@given(both(), st.data())
def test_changes_made_meanwhile_lie_over_what_was_made_anew(
    graphs: Both, data: st.DataObject
) -> None:
    older, plain = graphs
    ends = st.sampled_from(sorted(plain))
    added = data.draw(st.sets(st.tuples(ends, ends), max_size=4))
    newer = older.changed(added, set(plain.edges) - added, {40: True})

    whole = newer.over_another(older.compacted(), older)

    assert list(whole) == list(newer)
    assert list(whole.edges()) == list(newer.edges())
    assert list(whole.edges()) == sorted(added)


def random_graph(nodes: int, edges: int, seed: int) -> tuple[CompactGraph, Any]:
    random = np.random.default_rng(seed)
    ends = random.integers(0, nodes, (edges, 2), np.int32)
    other = rustworkx.PyDiGraph(multigraph=False)
    other.add_nodes_from(range(nodes))
    other.add_edges_from_no_data([(a, b) for a, b in ends.tolist()])
    return CompactGraph.of_arrays(np.ones(nodes, bool), ends[:, 0], ends[:, 1]), other


def test_far_walks_equal_those_of_rustworkx() -> None:
    compact, other = random_graph(20_000, 40_000, 1)
    for start in (0, 5, 77, 1234, 19_999):
        assert nx.descendants(compact, start) == rustworkx.descendants(other, start) - {start}
        assert nx.ancestors(compact, start) == rustworkx.ancestors(other, start) - {start}


def test_changes_of_one_node_with_many_edges_are_kept() -> None:
    graph = CompactGraph.of(range(1000), ((0, i) for i in range(1, 900)))

    graph = graph.changed([(0, 950), (0, 5)], [(0, 7), (0, 999)])

    assert graph.successors(0) == sorted({*range(1, 900), 950} - {7})
    assert graph.predecessors(7) == []


def test_much_that_has_changed_is_worth_making_anew() -> None:
    graph = CompactGraph.of(range(3000), [])

    assert not graph.is_overlaid
    assert graph.changed((i, i + 1) for i in range(1200)).is_overlaid


def test_node_that_is_none_has_nothing_next_to_it() -> None:
    graph = CompactGraph.of([0, 2], [(0, 2)])

    assert 1 not in graph
    assert "0" not in graph
    assert not graph.has_edge(1, 2)
    assert not graph.has_edge(7, 2)
    with pytest.raises(nx.NodeNotFound, match="node 1 is not in the graph"):
        graph.successors(1)


def test_nothing_is_a_graph_too() -> None:
    graph = CompactGraph.of([], [])

    assert (len(graph), list(graph.edges()), nx.is_directed_acyclic_graph(graph)) == (0, [], True)
    assert list(graph.changed([], [], {0: True})) == [0]
