"""Of an answer only what is wanted."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.questions import Question, ask
from lineage.graph.selecting import selected
from tests.lineage.graph.graphs import JOBS, NAMES, ds, graph_of, graphs, jb

real = st.sampled_from([name for name in NAMES if not name.startswith("tmp")]).map(ds)
some = st.frozensets(st.sampled_from([*map(ds, NAMES), *map(jb, JOBS)]))


@given(graphs, real, st.booleans(), some)
def test_what_is_left_out_is_drawn_through(
    graph: EstateGraph, root: AssetKey, through_jobs: bool, wanted: frozenset[AssetKey]
) -> None:
    answer = ask(graph, Question(root, through_jobs=through_jobs))
    ways: nx.DiGraph[AssetKey] = nx.DiGraph()
    ways.add_edges_from(link.ends for link in answer.links)

    found = selected(answer, wanted.__contains__)

    kept = {node.key for node in found.nodes}
    assert kept == {node.key for node in answer.nodes if node.key in {root, *wanted}}
    assert set(found.nodes) <= set(answer.nodes)
    left_out = ways.subgraph(set(ways) - kept)
    expected = {
        (a, b)
        for a in kept & set(ways)
        for b in kept & set(ways)
        if ways.has_edge(a, b)
        or (
            a != b
            and any(
                nx.has_path(left_out, first, last)
                for first in set(ways.successors(a)) - kept
                for last in set(ways.predecessors(b)) - kept
            )
        )
    }
    assert {link.ends for link in found.links} == expected
    assert [link.ends for link in found.links] == sorted(expected)


@given(graphs, real)
def test_where_all_is_wanted_nothing_changes(graph: EstateGraph, root: AssetKey) -> None:
    answer = ask(graph, Question(root))

    assert selected(answer, lambda _: True) == answer


def test_an_edge_through_what_is_left_out_has_all_the_jobs_on_the_way() -> None:
    graph = graph_of([("a", "j1", "b"), ("b", "j2", "c")])

    found = selected(ask(graph, Question(ds("a"))), lambda key: key.name == "c")

    (link,) = found.links
    assert link.ends == (ds("a"), ds("c"))
    assert link.jobs == (jb("j1"), jb("j2"))
    assert [node.distance for node in found.nodes] == [0, 2]
