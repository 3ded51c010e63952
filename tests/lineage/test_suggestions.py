"""Suggested aliases: told with the line to declare, and never more than told."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.formats import read_catalog
from catalog.model import Alias
from lineage.joining import identify_datasets
from lineage.spelling import Name
from lineage.suggestions import Difference, Suggestion, suggest

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
