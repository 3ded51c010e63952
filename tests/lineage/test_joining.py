"""Identity: which names are one asset, whatever the order in which that was said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.model import Alias, Apart, Evidence, Place
from lineage.identity import Doubt, Join, JoinBasis, Names, Symlink
from lineage.joining import TABLES_IN_A_PLACE, identify_datasets
from lineage.reducers import Reducer, Reducers
from lineage.spelling import Name

if TYPE_CHECKING:
    from tests.lineage.worlds import CorpusFile

LINE = Place("places.yml", 7)
HIVE, DFS = "hive://metastore:9083", "hdfs://lake:8020"
TABLE, PATH = (HIVE, "shop.orders"), (DFS, "/wh/shop.db/orders")
EVERY = Reducers(tuple(Reducer))


def place_is(one: str, other: str) -> Alias:
    return Alias(one, None, other, None, LINE)


def name_is(one: Name, other: Name) -> Alias:
    return Alias(*one, *other, LINE)


SPACES = st.sampled_from(["a", "b", "c", "", " "])
NAMES = st.tuples(SPACES, st.sampled_from(["x", "y", "/z", "/z/day=1", "/z/day=2", "/", ""]))
TYPES = st.sampled_from(["TABLE", "table", "LOCATION", "", "VIEW"])
SYMLINKS = st.builds(Symlink, NAMES, NAMES, TYPES, st.sampled_from(["e1", "e2", ""]))
REAL = st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", "/z", "/z/day=1"]))
ALIASES = st.one_of(
    st.builds(place_is, st.sampled_from("abc"), st.sampled_from("abcd")),
    st.builds(name_is, REAL, REAL),
)
APART = st.builds(lambda name: Apart(name[0], name[1], LINE), REAL)
WORLDS = st.tuples(
    st.lists(NAMES, max_size=6),
    st.lists(SYMLINKS, max_size=8),
    st.lists(ALIASES, max_size=3),
    st.lists(APART, max_size=1),
    st.sampled_from([Reducers(), EVERY]),
)
World = tuple[list[Name], list[Symlink], list[Alias], list[Apart], Reducers]
UNIVERSE = [(s, n) for s in ["a", "b", "c", "d"] for n in ["x", "y", "/z", "/z/day=1", "/z/day=2"]]


def told(names: Names) -> object:
    """Everything that anybody can ask."""
    return [(n, names.of(n)) for n in UNIVERSE], list(names.joined()), names.held_back


def partition(names: Names, universe: Iterable[Name] = UNIVERSE) -> set[frozenset[Name]]:
    groups: dict[Name, set[Name]] = {}
    for name in universe:
        groups.setdefault(names.of(name), set()).add(name)
    return {frozenset(group) for group in groups.values()}


# Laws -------------------------------------------------------------------------------------------


@given(WORLDS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_statements_never_matter(world: World, random: Random) -> None:
    seen, symlinks, aliases, apart, reducers = world
    known = identify_datasets(seen, symlinks, aliases, apart, reducers)

    mixed = [*symlinks, *symlinks[:2]]
    random.shuffle(mixed)
    again = identify_datasets(seen[::-1] + seen, mixed, aliases[::-1] + aliases, apart, reducers)

    assert told(again) == told(known)
    assert again == known


@given(WORLDS)
def test_every_name_of_an_asset_leads_to_the_one_that_stands_for_it(world: World) -> None:
    names = identify_datasets(*world)

    for group in names.joined():
        assert group.canonical in group.members
        assert len(group.members) > 1
        for member in group.members:
            assert names.of(member) == group.canonical
            assert names.members(member) == group.members
            assert names.group(member) == group
    for name in UNIVERSE:
        assert names.of(names.of(name)) == names.of(name)


@given(WORLDS)
def test_every_join_is_told_with_its_reason(world: World) -> None:
    for group in identify_datasets(*world).joined():
        reached = {group.canonical}
        while more := {
            end
            for join in group.joins
            for end in (join.one, join.other)
            if {join.one, join.other} & reached and end not in reached
        }:
            reached |= more
        assert set(group.members) <= reached


@given(WORLDS, SYMLINKS)
def test_one_more_statement_only_ever_merges_unless_it_makes_a_folder(
    world: World, late: Symlink
) -> None:
    seen, symlinks, aliases, apart, reducers = world
    before = identify_datasets(seen, symlinks, aliases, apart, reducers)
    after = identify_datasets(seen, [*symlinks, late], aliases, apart, reducers)

    if before.held_back == after.held_back:
        merged = partition(after)
        assert all(any(group <= other for other in merged) for group in partition(before))


@given(WORLDS)
def test_what_is_declared_only_ever_merges_so_that_taking_it_back_restores(world: World) -> None:
    seen, symlinks, aliases, _, reducers = world
    before = identify_datasets(seen, symlinks)
    known = told(before)

    after = identify_datasets(seen, symlinks, aliases, (), reducers)

    assert told(identify_datasets(seen, symlinks)) == known
    if not before.held_back and not after.held_back:
        merged = partition(after)
        assert all(any(group <= other for other in merged) for group in partition(before))


@given(WORLDS)
def test_a_name_declared_apart_is_joined_by_no_symlink(world: World) -> None:
    _, symlinks, _, apart, _ = world

    names = identify_datasets([], symlinks, (), apart)

    for a in apart:
        assert names.members((a.namespace, a.name)) == ((a.namespace, a.name),)


@given(WORLDS)
def test_an_empty_name_or_namespace_joins_nothing(world: World) -> None:
    names = identify_datasets(*world)

    for group in names.joined():
        for join in group.joins:
            if join.basis is JoinBasis.SYMLINK:
                assert all(text.strip() for text in (*join.one, *join.other))


@given(st.lists(NAMES))
def test_without_a_statement_every_name_is_exact(seen: list[Name]) -> None:
    names = identify_datasets(seen)

    assert [names.of(n) for n in seen] == seen
    assert list(names.joined()) == []


# Symlinks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [Symlink(PATH, TABLE, "TABLE"), Symlink(PATH, TABLE, "table")])
def test_a_path_is_known_by_its_table(link: Symlink) -> None:
    names = identify_datasets([PATH], [link])

    assert names.of(PATH) == names.of(TABLE) == TABLE
    assert names.group(PATH).joins == (
        Join(PATH, TABLE, JoinBasis.SYMLINK, Evidence(link.type, facet="symlinks")),
    )


def test_a_late_symlink_joins_what_was_two_and_tells_the_event() -> None:
    before = identify_datasets([TABLE, PATH])
    late = identify_datasets([TABLE, PATH], [Symlink(TABLE, PATH, "LOCATION", "event")])

    assert before.of(TABLE) != before.of(PATH)
    assert late.of(TABLE) == late.of(PATH)
    (join,) = late.group(TABLE).joins
    assert join.evidence == Evidence("LOCATION", event_id="event", facet="symlinks")


def test_the_smallest_name_among_tables_stands_for_all_else_the_smallest() -> None:
    glue = ("arn:aws:glue:eu:1", "table/shop/orders")
    links = [Symlink(PATH, TABLE, "TABLE"), Symlink(PATH, glue, "TABLE")]

    assert identify_datasets([], links).of(PATH) == glue
    assert identify_datasets([], [Symlink(("b", "x"), ("a", "x"))]).of(("b", "x")) == ("a", "x")


@example("")
@example(" \t")
@given(st.sampled_from(["", " ", "\n"]))
def test_an_empty_symlink_makes_no_group(blank: str) -> None:
    links = [
        Symlink(TABLE, (blank, "x"), "TABLE"),
        Symlink(PATH, (blank, "x"), "TABLE"),
        Symlink(TABLE, (HIVE, blank), "TABLE"),
    ]
    assert list(identify_datasets([TABLE, PATH], links).joined()) == []


def test_two_tables_in_one_place_are_joined_with_a_doubt() -> None:
    old = (HIVE, "shop.orders_old")
    links = [Symlink(t, PATH, "LOCATION") for t in (TABLE, old)]

    group = identify_datasets([], links).group(TABLE)

    assert group.members == tuple(sorted((TABLE, old, PATH)))
    assert group.doubts == (Doubt(PATH, (TABLE, old), is_held_back=False),)


def test_tables_of_several_catalogs_in_one_place_are_no_doubt() -> None:
    links = [Symlink((n, "shop.orders"), PATH, "LOCATION") for n in ("hive://a", "glue", "c")]

    group = identify_datasets([], links).group(PATH)

    assert len(group.members) == 4
    assert group.doubts == ()


@pytest.mark.parametrize("kind", ["TABLE", "LOCATION"])
def test_a_folder_of_many_tables_joins_none_of_them(kind: str) -> None:
    tables = [(HIVE, f"shop.t{n}") for n in range(TABLES_IN_A_PLACE + 1)]
    links = [
        Symlink(PATH, t, "TABLE") if kind == "TABLE" else Symlink(t, PATH, "LOCATION")
        for t in tables
    ]

    names = identify_datasets(tables, links)

    assert [names.of(t) for t in tables] == tables
    assert names.held_back == (Doubt(PATH, tuple(tables), is_held_back=True),)


@pytest.mark.parametrize("root", ["/", "//", ".", "./"])
def test_the_root_of_a_bucket_is_no_tables_place(root: str) -> None:
    names = identify_datasets([TABLE], [Symlink(TABLE, ("s3://lake", root), "LOCATION")])

    assert list(names.joined()) == []
    assert [d.place for d in names.held_back] == [("s3://lake", root)]


def test_many_parts_of_one_table_are_no_folder() -> None:
    parts = [(DFS, f"/wh/orders/day={n}") for n in range(30)]

    names = identify_datasets(parts, [Symlink(p, TABLE, "TABLE") for p in parts])

    assert {names.of(p) for p in parts} == {TABLE}
    assert names.held_back == ()


def test_a_wrong_symlink_can_be_declared_apart_and_that_taken_back() -> None:
    old = (HIVE, "shop.orders_old")
    links = [Symlink(t, PATH, "LOCATION") for t in (TABLE, old)]

    apart = identify_datasets([], links, apart=[Apart(*PATH, LINE)])

    assert list(apart.joined()) == []
    assert apart.of(old) == old
    assert identify_datasets([], links).of(old) != old


# Aliases ----------------------------------------------------------------------------------------


def test_a_namespace_is_another_also_for_names_never_seen() -> None:
    host, ip = "postgres://wh-prod:5432", "postgres://10.20.0.15:5432"
    names = identify_datasets([(ip, "a"), (host, "a")], aliases=[place_is(ip, host)])

    assert names.of((ip, "a")) == names.of((host, "a")) == (host, "a")
    assert names.of((ip, "never seen")) == (host, "never seen")
    assert names.namespace(ip) == host
    assert names.namespaces(host) == (ip, host)
    assert names.group((ip, "a")).joins == (
        Join((ip, "a"), (host, "a"), JoinBasis.ALIAS, Evidence(host, place=LINE)),
    )


@pytest.mark.parametrize(
    ("pairs", "target"),
    [
        ([("c", "b"), ("b", "d")], "d"),
        ([("a", "b"), ("b", "a")], "a"),
        ([("c", "c")], "c"),
        ([("a", "c"), ("b", "c")], "c"),
    ],
)
def test_chains_end_and_rings_have_one_name(pairs: Sequence[tuple[str, str]], target: str) -> None:
    names = identify_datasets([], aliases=[place_is(*pair) for pair in pairs])

    assert {names.namespace(n) for pair in pairs for n in pair} == {target}


def test_one_declared_name_wins_over_what_symlinks_say() -> None:
    declared = (HIVE, "zoo.orders")
    names = identify_datasets([PATH], [Symlink(PATH, TABLE, "TABLE")], [name_is(PATH, declared)])

    assert names.of(TABLE) == declared


# Reducers ---------------------------------------------------------------------------------------


def test_parts_are_one_dataset_and_kept_as_they_were_sent() -> None:
    parts = [(DFS, f"/wh/orders/day={n}") for n in (1, 2)]

    group = identify_datasets(parts, reducers=EVERY).group((DFS, "/wh/orders/day=3"))

    assert group.canonical == (DFS, "/wh/orders")
    assert group.partitions == tuple(parts)
    assert {j.basis for j in group.joins} == {JoinBasis.REDUCER}


def test_a_symlink_of_a_part_is_a_symlink_of_the_dataset() -> None:
    link = Symlink((DFS, "/wh/orders/day=1"), TABLE, "TABLE")

    names = identify_datasets([(DFS, "/wh/orders")], [link], reducers=EVERY)

    assert names.of((DFS, "/wh/orders/day=9")) == TABLE


# Real events ------------------------------------------------------------------------------------


def statements(value: object) -> Iterable[Symlink]:
    """Every symlink in a real event, wherever it lies."""
    if isinstance(value, list):
        for item in value:
            yield from statements(item)
    elif isinstance(value, dict):
        facets = value.get("facets")
        facet = facets.get("symlinks") if isinstance(facets, dict) else None
        for entry in facet["identifiers"] if facet else ():
            source = value["namespace"], value["name"]
            yield Symlink(source, (entry["namespace"], entry["name"]), entry["type"])
        for item in value.values():
            yield from statements(item)


def test_real_events_join_each_table_with_its_own_place(corpus: Sequence[CorpusFile]) -> None:
    bodies = [b for f in corpus for b in f.bodies if b"symlinks" in b]
    links = [s for body in bodies for s in statements(json.loads(body))]

    names = identify_datasets([], links)

    assert len(links) > 10
    assert names.held_back == ()
    for group in names.joined():
        assert len(group.members) == 2
        assert group.doubts == ()
