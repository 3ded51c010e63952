"""The packed index of columns answers like a walk that anybody can follow."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Kind
from lineage.column_index import ColumnIndex, Edge, Walk
from lineage.column_links import ColumnKey, How

DIRECT, MASKED, FILTER, UNSAID = (
    How("DIRECT", "IDENTITY"), How("DIRECT", "IDENTITY", masking=True), How("INDIRECT", "FILTER"),
    How(),
)  # fmt: skip


def column(name: str) -> ColumnKey:
    """``a.x`` is column x of dataset a; ``a`` the whole of it."""
    dataset, _, field = name.partition(".")
    return ColumnKey(AssetKey(Kind.DATASET, "n", dataset), field)


def edge(source: str, target: str, how: How = DIRECT) -> Edge:
    return Edge(column(source), column(target), how)


columns = st.builds(
    lambda dataset, field: column(f"{dataset}.{field}" if field else dataset),
    st.sampled_from("abcd"),
    st.sampled_from(["", "x", "y", "z"]),
)
edges = st.lists(
    st.builds(Edge, columns, columns, st.sampled_from([DIRECT, MASKED, FILTER, UNSAID])),
    max_size=14,
)


def is_of(one: ColumnKey, other: ColumnKey) -> bool:
    """Whether what is said of the one is said of the other too."""
    return one == other or (one.asset == other.asset and (one.is_whole or other.is_whole))


def plain(
    links: Iterable[Edge], start: ColumnKey, *, up: bool, wholes: bool
) -> dict[ColumnKey, int]:
    """Distances, found by looking at every link at every step."""
    links = list(links)
    found, frontier, distance = {start: 0}, {start}, 0
    while frontier:
        distance += 1
        reached = set()
        for link in links:
            near, far = (link.target, link.source) if up else (link.source, link.target)
            if any(is_of(c, near) if wholes else c == near for c in frontier) and far not in found:
                reached.add(far)
        found |= dict.fromkeys(reached, distance)
        frontier = reached
    del found[start]
    return found


def told(index: ColumnIndex, walk: Walk) -> dict[ColumnKey, int]:
    return {
        index.column(int(number)): int(distance)
        for number, distance in zip(walk.columns, walk.distances, strict=True)
    }


def far(index: ColumnIndex, start: ColumnKey, *, up: bool, wholes: bool = True) -> Walk:
    return index.walk(start, up=up, depth=99, most=9999, wholes=wholes)


@given(edges, columns, st.booleans(), st.booleans())
def test_a_walk_over_packed_links_is_a_walk(
    links: list[Edge], start: ColumnKey, up: bool, wholes: bool
) -> None:
    index = ColumnIndex(links)

    walk = far(index, start, up=up, wholes=wholes)

    assert told(index, walk) == plain(links, start, up=up, wholes=wholes)
    assert not walk.truncated


@given(edges, columns, columns)
def test_up_and_down_mirror_each_other(links: list[Edge], one: ColumnKey, other: ColumnKey) -> None:
    index = ColumnIndex(links)
    if is_of(one, other):
        return

    down = told(index, far(index, one, up=False))
    up = told(index, far(index, other, up=True))

    below = [distance for column, distance in down.items() if is_of(column, other)]
    above = [distance for column, distance in up.items() if is_of(column, one)]
    assert min(below, default=None) == min(above, default=None)


@given(edges, st.data())
def test_the_order_of_links_changes_nothing(links: list[Edge], data: st.DataObject) -> None:
    turned = data.draw(st.permutations(links + links[:3]))

    one, other = ColumnIndex(links), ColumnIndex(turned)

    assert list(one.edges()) == list(other.edges())
    assert set(one.edges()) == set(links)
    assert len(one) == len(set(links))


@given(edges, columns, st.integers(0, 4), st.integers(0, 5))
def test_a_walk_ends_at_its_depth_and_its_cap_and_says_which(
    links: list[Edge], start: ColumnKey, depth: int, most: int
) -> None:
    index = ColumnIndex(links)
    whole = {c: d for c, d in told(index, far(index, start, up=False)).items() if d <= depth}

    walk = index.walk(start, up=False, depth=depth, most=most)

    assert len(walk.columns) == min(most, len(whole))
    assert walk.truncated is (len(whole) > most)
    assert told(index, walk).items() <= whole.items()


@given(edges, columns)
def test_each_column_is_reached_by_a_way_of_joined_links(
    links: list[Edge], start: ColumnKey
) -> None:
    index = ColumnIndex(links)
    walk = far(index, start, up=False)

    for first, number in enumerate(walk.columns):
        at, place, length = index.column(int(number)), first, 0
        while place >= 0:
            link = index.edge(int(walk.edges[place]))
            assert is_of(at, link.target) if length else at == link.target
            at, place, length = link.source, int(walk.before[place]), length + 1
        assert is_of(at, start)
        assert length == told(index, walk)[index.column(int(number))]


@given(edges, columns)
def test_ways_that_do_not_count_are_not_walked(links: list[Edge], start: ColumnKey) -> None:
    index = ColumnIndex(links)

    walk = index.walk(start, up=False, depth=99, most=99, follows=lambda how: how.carries)

    carrying = [link for link in links if link.how in (DIRECT, UNSAID)]
    assert told(index, walk) == plain(carrying, start, up=False, wholes=True)


@given(edges)
def test_columns_are_numbered_by_name_and_found_again(links: list[Edge]) -> None:
    index = ColumnIndex(links)

    every = [index.column(number) for number in range(index.columns)]

    assert every == sorted(every)
    assert [index.number(column) for column in every] == list(range(index.columns))
    assert index.number(column("other")) is None
    assert index.number(ColumnKey(every[0].asset, "none")) is None if every else True


def test_a_column_that_no_link_names_is_reached_from_the_whole_of_its_dataset() -> None:
    index = ColumnIndex([edge("a", "b.x"), edge("a.y", "b.y")])

    walk = far(index, column("a.new"), up=False)

    assert told(index, walk) == {column("b.x"): 1}
    assert told(index, far(index, column("a.new"), up=False, wholes=False)) == {}


def test_circles_and_loops_end() -> None:
    index = ColumnIndex([edge("a.x", "b.x"), edge("b.x", "a.x"), edge("a.x", "a.x")])

    assert told(index, far(index, column("a.x"), up=False)) == {column("b.x"): 1}
    assert told(index, far(index, column("b.x"), up=True)) == {column("a.x"): 1}


def test_an_index_of_nothing_answers() -> None:
    index = ColumnIndex([])

    assert (len(index), index.columns, list(index.edges())) == (0, 0, [])
    assert told(index, far(index, column("a.x"), up=True)) == {}


def test_thousands_of_columns_take_nine_bytes_a_link_and_eight_a_column() -> None:
    links = [edge(f"a.c{i}", f"b.c{i}") for i in range(1500)] + [
        edge(f"a.c{i}", "c") for i in range(1500)
    ]

    index = ColumnIndex(links)

    assert index.size_bytes == 9 * 3000 + 2 * 4 * (3003 + 1) + 4 * 4
    assert len(told(index, far(index, column("a"), up=False))) == 1501
