"""Suggested aliases: told with the line to declare, and never more than told."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.formats import read_catalog
from catalog.model import Alias, AssetKey, Catalog, Kind
from lineage import observed as o
from lineage.building import build_estate
from lineage.estate import Estate
from lineage.identity import Identities, Names, Symlink
from lineage.joining import identify_datasets
from lineage.spelling import Name
from lineage.suggestions import Difference, Suggestion, suggest, suggestions_in
from tests.lineage.worlds import NOW, WH, dataset

PLACES = st.sampled_from(
    ["postgres://h:5432", "postgresql://h:5432", "postgres://h", "postgres://H:5432/", "s3://b",
     "s3a://b/", "snowflake://o-a", "bigquery", "file", "file://", "duckdb:///x.db", "",
     "postgres://localhost", "postgres://127.0.0.1", "kafka://h", "mine", "://", "x://[::1]:5"]
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(
        ["db.orders", "DB.Orders", '"db"."orders"', "`db`.orders", "[db].orders", "/a/b", "a/b/",
         '"a.b".c', "", '"', "/"]
    ),
    st.text(max_size=3),
)  # fmt: skip
NAMES = st.lists(st.tuples(PLACES, TEXTS), max_size=8)


def suggested(names: Iterable[Name], aliases: Iterable[Alias] = ()) -> tuple[Suggestion, ...]:
    listed = list(names)
    return suggest(listed, identify_datasets(listed, aliases=aliases))


def declared(suggestions: Iterable[Suggestion]) -> tuple[Alias, ...]:
    """What the suggested lines mean once somebody puts them into a file."""
    with tempfile.TemporaryDirectory() as folder:
        lines = "".join(f"  {s.line}\n" for s in suggestions)
        (Path(folder) / "a.yml").write_text(f"aliases:\n{lines}" if lines else "", "utf-8")
        return read_catalog(Path(folder)).aliases


@given(NAMES)
def test_a_suggested_line_can_be_declared_and_then_nothing_is_suggested(names: list[Name]) -> None:
    found = suggested(names)

    aliases = declared(found)

    assert [(a.namespace, a.name, a.is_namespace, a.is_name) for a in aliases] == [
        (s.namespace, s.name, s.is_namespace, s.is_name) for s in found
    ]
    assert suggested(names, aliases) == ()


def estate_of(names: Names, seen: Iterable[Name]) -> Estate:
    """An estate of datasets of which nothing but their names is known."""
    standing = {names.of(name) for name in seen}
    assets = {
        number: o.Asset(
            number, *name, seen=True, first_seen=NOW, last_seen=NOW, event_id="", facets={},
            names=names.members(name), title=name,
        )
        for number, name in enumerate(sorted(standing))
    }  # fmt: skip
    observed = o.Observed(datasets=assets, identities=Identities(names))
    return build_estate(observed, Catalog(), NOW, 0)


def key(name: Name) -> AssetKey:
    return AssetKey(Kind.DATASET, *name)


@given(NAMES, st.lists(st.tuples(TEXTS, st.sampled_from(["/a", "/"])), max_size=6))
def test_an_alias_that_is_told_of_two_datasets_would_join_these_two(
    seen: list[Name], lying: list[tuple[str, str]]
) -> None:
    links = [Symlink(("hive", table), ("s3://b", p), "LOCATION") for table, p in lying]
    every = [n for n in (*seen, *(n for s in links for n in (s.source, s.target))) if all(n)]
    estate = estate_of(identify_datasets(every, links), every)

    found = suggestions_in(estate).by_dataset

    for one, others in found.items():
        for other, alias in others:
            assert one != other
            assert (one, alias) in found[other]
            joined = identify_datasets(every, links, declared([alias]))
            assert joined.of((one.namespace, one.name)) == joined.of((other.namespace, other.name))


@given(NAMES)
def test_what_is_suggested_of_an_estate_is_what_its_names_suggest(seen: list[Name]) -> None:
    named = [name for name in seen if all(name)]
    names = identify_datasets(named)
    estate = estate_of(names, named)
    real = [(k.namespace, k.name) for k, d in estate.datasets.items() if d.noise is None]

    assert suggestions_in(estate).aliases == suggest(real, names)


@given(NAMES)
def test_the_order_of_names_never_matters(names: list[Name]) -> None:
    assert suggested(names) == suggested([*names[::-1], *names])


@given(NAMES)
def test_only_different_names_that_were_seen_are_suggested(names: list[Name]) -> None:
    for s in suggested(names):
        assert (s.namespace, s.name) != (s.is_namespace, s.is_name)
        assert s.differences
        if s.name is None:
            assert {s.namespace, s.is_namespace} <= {n for n, _ in names}
        else:
            assert {(s.namespace, s.name), (s.is_namespace, s.is_name)} <= set(names)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("postgresql://wh:5432", "postgres://wh:5432", Difference.SCHEME),
        ("postgres://wh", "postgres://wh:5432", Difference.PORT),
        ("postgres://WH:5432", "postgres://wh:5432", Difference.CASE),
        ("postgres://wh:5432/", "postgres://wh:5432", Difference.SLASH),
        ("postgres://127.0.0.1:5432", "postgres://localhost:5432", Difference.HOST),
        ("s3a://lake", "s3://lake", Difference.SCHEME),
        ("s3://lake/", "s3://lake", Difference.SLASH),
        ("file://", "file", Difference.SLASH),
        ("kafka://broker", "kafka://broker:9092", Difference.PORT),
    ],
)
def test_two_spellings_of_a_place_are_suggested_once(
    one: str, other: str, difference: Difference
) -> None:
    names = [(namespace, f"t{n}") for namespace in (one, other) for n in range(9)]

    (found,) = suggested(names)

    assert (found.namespace, found.is_namespace) == (one, other)
    assert found.differences == (difference,)


@pytest.mark.parametrize(
    ("namespace", "one", "other", "difference"),
    [
        ("postgres://wh:5432", "db.Orders", "db.orders", Difference.CASE),
        ("snowflake://o-a", "db.orders", "DB.ORDERS", Difference.CASE),
        ("my warehouse", "Orders", "orders", Difference.CASE),
        ("smesh", '"smesh"."raw"."orders"', "smesh.raw.orders", Difference.QUOTES),
        ("mysql://h:3306", "`shop`.orders", "shop.orders", Difference.QUOTES),
        ("sqlserver://h:1433", "[shop].[orders]", "shop.orders", Difference.QUOTES),
        ("s3://lake", "/raw/orders/", "raw/orders", Difference.SLASH),
    ],
)
def test_two_spellings_of_a_name_are_suggested(
    namespace: str, one: str, other: str, difference: Difference
) -> None:
    (found,) = suggested([(namespace, one), (namespace, other)])

    assert (found.name, found.is_name) == (one, other)
    assert found.differences == (difference,)


@pytest.mark.parametrize(
    "pair",
    [
        [("s3://lake", "Raw/orders"), ("s3://lake", "raw/orders")],
        [("kafka://h:9092", "Orders"), ("kafka://h:9092", "orders")],
        [("bigquery", "p.d.Orders"), ("bigquery", "p.d.orders")],
        [("postgres://a:5432", "orders"), ("postgres://b:5432", "orders")],
        [("postgres://wh:5432", "x"), ("postgres://wh:5433", "x")],
        [("duckdb:///X.db", "x"), ("duckdb:///x.db", "x")],
    ],
)
def test_what_may_well_be_two_is_not_suggested(pair: list[Name]) -> None:
    assert suggested(pair) == ()


def test_an_address_that_holds_a_hosts_names_is_suggested() -> None:
    ip, host = "postgres://10.20.0.15:5432", "postgres://wh-prod:5432"
    names = [(n, f"t{i}") for n in (ip, host) for i in range(3)]

    (found,) = suggested([*names, (ip, "other")])

    assert found.line == f'- {{namespace: "{ip}", is: "{host}"}}'
    assert found.why == "3 of its 4 names are there too"


def test_an_address_that_could_be_two_hosts_is_not_suggested() -> None:
    places = ["postgres://10.20.0.15:5432", "postgres://wh-prod:5432", "postgres://wh-dev:5432"]

    assert suggested((n, f"t{i}") for n in places for i in range(3)) == ()
    assert suggested([(places[0], "t"), (places[1], "t")]) == ()


def test_datasets_of_two_spellings_of_a_place_are_told_of_each_other() -> None:
    s3, s3a = (("s3://lake", "raw/orders"), ("s3a://lake", "raw/orders"))
    seen = [s3, s3a, ("s3a://lake", "raw/only_here")]

    found = suggestions_in(estate_of(identify_datasets(seen), seen))

    (alias,) = found.aliases
    assert alias.line == '- {namespace: "s3a://lake", is: "s3://lake"}'
    assert found.by_dataset == {key(s3): ((key(s3a), alias),), key(s3a): ((key(s3), alias),)}


def test_a_place_that_was_held_back_may_still_be_one_tables_own() -> None:
    place, tables = ("s3://lake", "/shop.db"), [("hive", f"shop.t{n}") for n in range(5)]
    links = [Symlink(table, place, "LOCATION") for table in tables]

    found = suggestions_in(estate_of(identify_datasets(tables, links), [place, *tables]))

    assert [doubt.place for doubt in found.held_back] == [place]
    ((other, alias),) = found.by_dataset[key(tables[0])]
    assert other == key(place)
    assert alias.line == (
        '- {namespace: "s3://lake", name: "/shop.db", is: {namespace: "hive", name: "shop.t0"}}'
    )
    assert alias.why == "a producer says so, but it says the same of 4 more tables"


def test_a_place_that_was_declared_is_suggested_no_longer() -> None:
    place, tables = ("s3://lake", "/shop.db"), [("hive", f"shop.t{n}") for n in range(5)]
    links = [Symlink(table, place, "LOCATION") for table in tables]
    before = suggestions_in(estate_of(identify_datasets(tables, links), [place, *tables]))
    ((_, alias),) = before.by_dataset[key(tables[0])]

    names = identify_datasets(tables, links, declared([alias]))

    assert suggestions_in(estate_of(names, [place, *tables])).by_dataset == {}


def test_noise_suggests_nothing(world: Callable[..., Estate], make_event: Any) -> None:
    twins = [dataset("shop.orders__dbt_tmp"), dataset("shop.Orders__dbt_tmp")]

    estate = world(make_event(outputs=twins))

    assert len(estate.datasets) == 2
    assert suggestions_in(estate).by_dataset == {}


def test_what_events_spell_twice_is_found_in_their_estate(
    world: Callable[..., Estate], make_event: Any
) -> None:
    estate = world(make_event(outputs=[dataset("shop.Orders"), dataset("shop.orders")]))

    found = suggestions_in(estate)

    ((other, alias),) = found.by_dataset[key((WH, "shop.orders"))]
    assert (other, alias.why) == (
        key((WH, "shop.Orders")),
        "they differ in upper and lower case only",
    )
