"""Laws of the lineage layout."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboard.lineage_graph.layout import COLUMN_WIDTH, layered
from dashboard.lineage_graph.order import crossings, untangle
from dashboard.lineage_graph.ranks import back_edges, neighbours, rank

names = st.integers(0, 14).map(lambda i: f"n{i}")
heights = st.dictionaries(names, st.sampled_from([46.0, 96.0, 250.0]), max_size=15)
edges = st.lists(st.tuples(names, names), max_size=40)


@given(heights, edges)
def test_no_two_nodes_overlap(heights: dict[str, float], edges: list[tuple[str, str]]) -> None:
    placed = layered(heights, edges).nodes

    assert placed.keys() == heights.keys()
    for a, b in combinations(heights, 2):
        (ax, ay), (bx, by) = placed[a], placed[b]
        assert ax != bx or abs(ay - by) >= (heights[a] + heights[b]) / 2


@given(heights, edges)
def test_the_same_graph_gives_the_same_picture(
    heights: dict[str, float], edges: list[tuple[str, str]]
) -> None:
    assert layered(heights, edges) == layered(dict(heights), list(edges))


@given(heights, edges)
def test_everything_lies_within_its_height(
    heights: dict[str, float], edges: list[tuple[str, str]]
) -> None:
    layout = layered(heights, edges)

    for name, (x, y) in layout.nodes.items():
        assert x >= 0
        assert y - heights[name] / 2 >= -1e-6
        assert y + heights[name] / 2 <= layout.height + 1e-6


@given(heights, edges)
def test_loops_repeats_and_strangers_change_nothing(
    heights: dict[str, float], edges: list[tuple[str, str]]
) -> None:
    loops = [(name, name) for name in heights]
    strangers = [(name, "elsewhere") for name in heights]

    assert layered(heights, edges + loops + strangers + edges) == layered(heights, edges)


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_turning_back_edges_leaves_no_cycle(size: int, pairs: list[tuple[int, int]]) -> None:
    drawn = list(dict.fromkeys((a % size, b % size) for a, b in pairs if a % size != b % size))
    back = back_edges(size, drawn)

    forward = [(b, a) if (a, b) in back else (a, b) for a, b in drawn]
    columns = rank(size, forward)

    assert all(columns[a] < columns[b] for a, b in forward)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(6, 11))))
def test_untangling_never_adds_crossings(pairs: list[tuple[int, int]]) -> None:
    columns = [list(range(6)), list(range(6, 12))]
    above, below = neighbours(12, list(dict.fromkeys(pairs)))

    better = untangle(columns, above, below)

    assert crossings(better, above) <= crossings(columns, above)
    assert [sorted(column) for column in better] == columns


def test_a_chain_runs_from_left_to_right() -> None:
    placed = layered(dict.fromkeys("abc", 46.0), [("a", "b"), ("b", "c")]).nodes

    assert [placed[n][0] for n in "abc"] == [0, COLUMN_WIDTH, 2 * COLUMN_WIDTH]
    assert len({placed[n][1] for n in "abc"}) == 1


def test_two_nodes_that_feed_each_other_stand_side_by_side() -> None:
    layout = layered(dict.fromkeys("ab", 46.0), [("a", "b"), ("b", "a")])

    assert {x for x, _ in layout.nodes.values()} == {0, COLUMN_WIDTH}


def test_a_long_edge_bends_around_what_it_passes() -> None:
    layout = layered(dict.fromkeys("abc", 46.0), [("a", "b"), ("b", "c"), ("a", "c")])

    ((x, y),) = layout.bends["a", "c"]
    assert x == COLUMN_WIDTH
    assert abs(y - layout.nodes["b"][1]) >= 46 / 2


def test_unconnected_parts_are_stacked_in_order() -> None:
    layout = layered(dict.fromkeys("abcd", 46.0), [("a", "b"), ("c", "d")])

    assert layout.nodes["a"][1] < layout.nodes["c"][1]
    assert layout.nodes["a"][0] == layout.nodes["c"][0] == 0


def test_a_long_chain_is_no_deep_recursion() -> None:
    chain = [str(i) for i in range(3000)]

    layout = layered(dict.fromkeys(chain, 46.0), list(pairwise(chain)))

    assert layout.nodes["2999"][0] == 2999 * COLUMN_WIDTH


def test_an_empty_graph_has_no_height() -> None:
    assert layered({}, []).height == 0
