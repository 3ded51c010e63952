"""The compact graph as a backend of networkx."""

from __future__ import annotations

import networkx as nx
import pytest

from lineage.graph.backend import Backend
from lineage.graph.backend_info import FUNCTIONS, info
from lineage.graph.index import CompactGraph

RING = CompactGraph.of(range(4), [(0, 1), (1, 2), (2, 0), (2, 3)])


def test_networkx_knows_the_backend_and_what_it_answers() -> None:
    own = {"convert_to_nx", "convert_from_nx", "can_run"}
    defined = {name for name, value in vars(Backend).items() if isinstance(value, staticmethod)}

    assert "andon" in nx.config.backends
    assert defined - own == set(FUNCTIONS) == set(info()["functions"])
    for name in FUNCTIONS:
        assert callable(getattr(nx, name)), name


def test_what_it_does_not_answer_networkx_does_of_a_copy() -> None:
    assert nx.shortest_path(RING, 0, 3) == [0, 1, 2, 3]
    assert sorted(map(sorted, nx.simple_cycles(RING))) == [[0, 1, 2]]
    assert {3: 2, 2: 1, 1: 0}.items() <= nx.immediate_dominators(RING, 0).items()
    assert nx.shortest_path_length(RING, 0, 3, method="bellman-ford") == 3


def test_copy_for_networkx_is_the_same_graph() -> None:
    copy = Backend.convert_to_nx(RING)

    assert sorted(copy.edges) == list(RING.edges())
    assert list(Backend.convert_from_nx(copy).edges()) == list(RING.edges())
    assert Backend.convert_to_nx(3) == 3


def test_graph_of_networkx_can_be_walked_as_a_compact_one() -> None:
    graph = nx.DiGraph([(0, 1), (1, 2)])

    assert nx.descendants(graph, 0, backend="andon") == {1, 2}
    with pytest.raises(NotImplementedError, match="'andon' backend"):
        nx.descendants(nx.MultiDiGraph([(0, 1)]), 0, backend="andon")


def test_plain_graphs_of_networkx_stay_with_networkx() -> None:
    assert nx.descendants(nx.DiGraph([("a", "b")]), "a") == {"b"}
