"""What stands around one asset."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Kind
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import Direction, Hidden, Lineage, LinkBasis, Side
from lineage.graph.questions import Question, ask
from tests.lineage.graph.graphs import NAMES, ds, graph_of, graphs, jb

REAL = [name for name in NAMES if not name.startswith("tmp")]
roots = st.sampled_from(REAL).map(ds)
depths = st.integers(0, 6)
yes_or_no = st.booleans()


def distances(answer: Lineage) -> dict[AssetKey, int]:
    return {node.key: node.distance for node in answer.nodes}


def names(answer: Lineage) -> list[str]:
    return [node.key.name for node in answer.nodes]


def edges(answer: Lineage) -> list[tuple[str, str]]:
    return [(link.source.name, link.target.name) for link in answer.links]


def flow(graph: EstateGraph) -> nx.DiGraph[AssetKey]:
    """Current edges between real datasets, as networkx has them."""
    found: nx.DiGraph[AssetKey] = nx.DiGraph()
    found.add_nodes_from(map(graph.key, graph.flow))
    found.add_edges_from((graph.key(a), graph.key(b)) for a, b in graph.flow.edges())
    return found


# Laws -------------------------------------------------------------------------------------------


@given(graphs, roots, depths)
def test_upstream_and_downstream_mirror_each_other(
    graph: EstateGraph, root: AssetKey, depth: int
) -> None:
    down = ask(graph, Question(root, Direction.DOWN, depth))

    for key, distance in distances(down).items():
        up = ask(graph, Question(key, Direction.UP, depth))
        assert distances(up)[root] == distance


@given(graphs, roots, st.sampled_from(Direction), depths, yes_or_no, yes_or_no)
def test_a_deeper_answer_holds_the_shallower_one(
    graph: EstateGraph,
    root: AssetKey,
    direction: Direction,
    depth: int,
    through_jobs: bool,
    with_faded: bool,
) -> None:
    near = ask(graph, Question(root, direction, depth, through_jobs, with_faded))
    far = ask(graph, Question(root, direction, depth + 1, through_jobs, with_faded))

    assert distances(near).items() <= distances(far).items()
    assert set(near.links) <= set(far.links)


@given(graphs, roots, st.sampled_from(Direction), depths, yes_or_no)
def test_through_jobs_lead_the_same_ways_as_from_dataset_to_dataset(
    graph: EstateGraph, root: AssetKey, direction: Direction, depth: int, with_faded: bool
) -> None:
    plain = ask(graph, Question(root, direction, depth, with_faded=with_faded))
    through = ask(graph, Question(root, direction, depth, True, with_faded))

    datasets = {k: d for k, d in distances(through).items() if k.kind is Kind.DATASET}
    assert datasets == distances(plain)
    assert through.hidden == plain.hidden
    ways: nx.DiGraph[AssetKey] = nx.DiGraph()
    ways.add_edges_from(link.ends for link in through.links)
    for link in plain.links:
        jobs = {key for key in ways if key.kind is Kind.JOB}
        if link.source != link.target:
            assert nx.has_path(ways.subgraph({*jobs, *link.ends}), *link.ends)


@given(graphs, roots, depths)
def test_it_is_what_networkx_finds(graph: EstateGraph, root: AssetKey, depth: int) -> None:
    whole = flow(graph)
    down = nx.single_source_shortest_path_length(whole, root, cutoff=depth)
    up = nx.single_source_shortest_path_length(whole.reverse(), root, cutoff=depth)

    answer = ask(graph, Question(root, depth=depth))

    assert distances(answer) == {
        key: min(down.get(key, 99), up.get(key, 99)) for key in {*down, *up}
    }
    sides = {node.key: node.side for node in answer.nodes}
    assert sides.pop(root) is Side.ROOT
    for key, side in sides.items():
        assert (
            side is {(1, 1): Side.BOTH, (1, 0): Side.DOWN, (0, 1): Side.UP}[key in down, key in up]
        )
    assert {link.ends for link in answer.links} == set(whole.subgraph({*down, *up}).edges)
    assert answer.hidden == Hidden(
        up=len({a for key in up for a in whole.predecessors(key)} - {*up, *down}),
        down=len({b for key in down for b in whole.successors(key)} - {*up, *down}),
    )
    assert not answer.truncated


@given(graphs, st.sampled_from(NAMES).map(ds), yes_or_no, yes_or_no)
def test_noise_is_shown_only_where_it_is_asked_about(
    graph: EstateGraph, root: AssetKey, through_jobs: bool, with_faded: bool
) -> None:
    question = Question(root, through_jobs=through_jobs, with_faded=with_faded)

    answer = ask(graph, question, {jb("j4")})

    shown = set(distances(answer)) - {root}
    assert not any(graph.is_noise(key) or key == jb("j4") for key in shown)
    assert {end for link in answer.links for end in link.ends} <= {*shown, root}
    assert with_faded or all(link.current for link in answer.links)


@given(graphs, st.sampled_from(["j1", "j2", "old1"]).map(jb), yes_or_no, yes_or_no)
def test_a_job_can_be_asked_about(
    graph: EstateGraph, root: AssetKey, through_jobs: bool, with_faded: bool
) -> None:
    if root not in graph:
        return

    answer = ask(graph, Question(root, through_jobs=through_jobs, with_faded=with_faded))

    assert answer.nodes[0].key == root
    ways: nx.Graph[AssetKey] = nx.Graph()
    ways.add_node(root)
    ways.add_edges_from(link.ends for link in answer.links)
    assert nx.node_connected_component(ways, root) == set(distances(answer))


@given(graphs, roots, st.integers(1, 8), yes_or_no)
def test_what_is_cut_off_is_the_farthest_and_is_told(
    graph: EstateGraph, root: AssetKey, most: int, through_jobs: bool
) -> None:
    whole = ask(graph, Question(root, depth=9, through_jobs=through_jobs))

    answer = ask(graph, Question(root, depth=9, through_jobs=through_jobs, nodes_most=most))

    assert answer.truncated == (len(whole.nodes) > most)
    assert answer.nodes == whole.nodes[:most] or answer.truncated
    assert [n.distance for n in answer.nodes] == [n.distance for n in whole.nodes][:most]


# Examples ---------------------------------------------------------------------------------------


def test_assets_come_by_distance_and_name() -> None:
    graph = graph_of([("b", "j", "m"), ("a", "j", "m"), ("m", "k", "z"), ("y", "i", "a")])

    answer = ask(graph, Question(ds("m")))

    assert names(answer) == ["m", "a", "b", "z", "y"]
    assert [str(node.side) for node in answer.nodes] == ["root", "up", "up", "down", "up"]


def test_depth_counts_datasets_also_through_jobs() -> None:
    graph = graph_of([("a", "j1", "b"), ("b", "j2", "c"), ("c", "j3", "d")])

    answer = ask(graph, Question(ds("a"), Direction.DOWN, 2, through_jobs=True))

    assert [(n.key.name, n.distance) for n in answer.nodes] == [
        ("a", 0), ("j1", 1), ("b", 1), ("j2", 2), ("c", 2),
    ]  # fmt: skip
    assert edges(answer) == [("a", "j1"), ("b", "j2"), ("j1", "b"), ("j2", "c")]
    assert answer.hidden == Hidden(0, 1)


def test_nothing_deeper_than_the_root_is_asked_for_with_depth_0() -> None:
    graph = graph_of([("a", "j1", "b"), ("b", "j2", "c")])

    answer = ask(graph, Question(ds("b"), depth=0, through_jobs=True))

    assert names(answer) == ["b"]
    assert answer.hidden == Hidden(1, 1)
    assert not answer.truncated


def test_the_job_of_an_edge_around_the_root_is_shown_too() -> None:
    graph = graph_of([("a", "j1", "b"), ("b", "j2", "c"), ("a", "around", "c")])

    answer = ask(graph, Question(ds("b"), depth=1, through_jobs=True))

    assert ("a", "around") in edges(answer)
    assert {n.key.name: str(n.side) for n in answer.nodes}["around"] == "both"


def test_what_a_job_only_reads_or_only_writes_ends_at_the_job() -> None:
    graph = graph_of([("a", "sink", ""), ("", "source", "a")])

    assert names(ask(graph, Question(ds("a")))) == ["a"]
    assert names(ask(graph, Question(ds("a"), through_jobs=True))) == ["a", "sink", "source"]


def test_data_that_goes_through_noise_joins_both_sides() -> None:
    graph = graph_of([("a", "j1", "tmp"), ("tmp", "j2", "b")])

    (link,) = ask(graph, Question(ds("a"))).links
    through = ask(graph, Question(ds("a"), through_jobs=True))

    assert link.ends == (ds("a"), ds("b"))
    assert link.jobs == (jb("j1"), jb("j2"))
    assert edges(through) == [("a", "j1"), ("j1", "j2"), ("j2", "b")]
    only = ask(graph, Question(ds("a"), through_jobs=True), {jb("j1")})
    assert edges(only) == [("a", "j2"), ("j2", "b")]


def test_noise_that_is_asked_about_is_shown_between_its_neighbours() -> None:
    graph = graph_of([("a", "j1", "tmp"), ("tmp", "j2", "b")])

    assert edges(ask(graph, Question(ds("tmp")))) == [("a", "tmp"), ("tmp", "b")]


def test_what_faded_is_drawn_when_asked_for_with_the_day_it_was_last_seen() -> None:
    graph = graph_of([("a", "old1", "b"), ("a", "old2", "tmp"), ("tmp", "old2", "c")])

    now = ask(graph, Question(ds("a")))
    ever = ask(graph, Question(ds("a"), with_faded=True))

    assert names(now) == ["a"]
    assert now.hidden == Hidden(0, 0)
    assert edges(ever) == [("a", "b"), ("a", "c")]
    assert all(not link.current and link.last_seen is not None for link in ever.links)


def test_what_only_a_facet_declares_is_joined_without_a_job() -> None:
    graph = graph_of([("a", "", "b")])

    (link,) = ask(graph, Question(ds("a"), through_jobs=True)).links

    assert link.ends == (ds("a"), ds("b"))
    assert link.jobs == ()
    assert link.basis is LinkBasis.DECLARED


def test_a_table_that_feeds_itself_is_drawn_once() -> None:
    graph = graph_of([("a", "j1", "a"), ("a", "j1", "b"), ("b", "j2", "a")])

    answer = ask(graph, Question(ds("a")))

    assert edges(answer) == [("a", "a"), ("a", "b"), ("b", "a")]
    assert [node.side for node in answer.nodes] == [Side.ROOT, Side.BOTH]


@pytest.mark.parametrize("most", [10, 11, 12])
def test_an_answer_that_just_fits_is_whole(most: int) -> None:
    graph = graph_of([("a", f"j{i}", f"b{i}") for i in range(10)])

    answer = ask(graph, Question(ds("a"), nodes_most=most))

    assert answer.truncated is (most < 11)
    assert answer.hidden == Hidden(0, max(0, 11 - most))
