from __future__ import annotations

import re

import pytest

from catalog.model import Environment, Zone
from lineage.estate import Dataset, DataTestStatus, Estate, FeedKind
from policies import facts
from policies.facts.index import EstateIndex
from policies.facts.kinds import class_of, proves_key
from policies.facts.registry import FactSpec
from policies.facts.values import Absent, Fact, Known
from policies.model import AssetSubject, SubjectKind, UnknownReason
from tests.policies import estates as e

ALL = [spec for kind in SubjectKind for spec in facts.specs(kind).values()]


def about(name: str, dataset: Dataset, *others: Dataset, **of_estate: object) -> Fact:
    estate: Estate = e.estate([dataset, *others], **of_estate)  # type: ignore[arg-type]  # as given
    return facts.reader(EstateIndex(estate), AssetSubject(dataset.key))(name)


def value(fact: Fact) -> object:
    assert isinstance(fact, Known)
    return fact.value


def reason(fact: Fact) -> UnknownReason | None:
    assert isinstance(fact, Absent)
    return fact.reason


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_every_fact_says_what_it_means_when_it_is_absent_and_where_from(
    spec: FactSpec[object],
) -> None:
    assert re.fullmatch(r"[A-Z].*\.", spec.meaning)
    assert {"Absent", "Source"} <= spec.notes.keys()


def test_owners_are_empty_only_where_somebody_would_have_said() -> None:
    unowned = e.dataset("orders", owners=(), team=None)

    assert value(about("ds.owners", unowned, feeds=[e.feed(FeedKind.OWNERS)])) == []
    assert value(about("ds.owners", unowned, catalog=e.applied())) == []
    assert reason(about("ds.owners", unowned)) is UnknownReason.NO_FEED
    stale = about("ds.owners", unowned, feeds=[e.feed(FeedKind.OWNERS, 8)])
    assert reason(stale) is UnknownReason.STALE
    too_old = about("ds.owners", unowned, catalog=e.applied(366))
    assert reason(too_old) is UnknownReason.NO_FEED


def test_a_feed_of_another_namespace_says_nothing() -> None:
    elsewhere = e.feed(FeedKind.DATA_TESTS, namespace="s3://lake")

    fact = about("ds.tests_last_run_at", e.dataset("orders"), feeds=[elsewhere])

    assert reason(fact) is UnknownReason.NO_FEED


def test_a_data_test_is_not_remembered_once_its_feed_fell_silent() -> None:
    orders = e.tested("orders", e.data_test("unique", "id", 9))

    assert value(about("ds.tests_last_run_at", orders, feeds=e.feeds())) == e.ago(9)
    silent = about("ds.tests_last_run_at", orders, feeds=e.feeds(9))
    assert reason(silent) is UnknownReason.STALE


def test_a_declared_environment_is_known_a_guessed_one_is_not() -> None:
    rules = {"catalog": e.applied()}
    guess = e.dataset("orders", environment=e.guessed(e.PROD))
    nowhere = e.dataset("orders", environment=None)

    assert value(about("ds.env_declared", e.dataset("orders"), **rules)) is True
    assert reason(about("ds.env_declared", guess, **rules)) is UnknownReason.WEAK
    assert value(about("ds.env_declared", nowhere, **rules)) is False
    assert reason(about("ds.env_declared", nowhere)) is UnknownReason.NO_FEED


def test_upstream_environments_are_known_when_all_are_or_one_decides() -> None:
    def orders(*upstream: str) -> Dataset:
        return e.dataset("orders", upstream=tuple(map(e.key, upstream)))

    prod, dev = e.dataset("a"), e.dataset("b", environment=e.declared(Environment.DEV))
    dark = e.dataset("c", environment=None)
    noise = e.dataset("tmp", environment=None, noise="temporary")
    others = (prod, dev, dark, noise)

    assert value(about("ds.upstream_envs", orders("a"), *others)) == ["prod"]
    assert value(about("ds.upstream_envs", orders("a", "tmp"), *others)) == ["prod"]
    assert value(about("ds.upstream_envs", orders("a", "b", "c"), *others)) == ["dev", "prod"]
    assert reason(about("ds.upstream_envs", orders("a", "c"), *others)) is not None
    assert value(about("ds.upstream_envs", orders(), *others, feeds=e.feeds())) == []
    assert reason(about("ds.upstream_envs", orders(), *others)) is UnknownReason.NO_FEED


@pytest.mark.parametrize(
    ("written", "first_tested", "first_read", "expected"),
    [
        (3, 2.9, None, True),
        (3, 2.9, 2.8, True),
        (3, None, 2.5, False),
        (3, 2.6, 2.8, False),
        (3, None, None, None),
        (None, 2.9, None, None),
    ],
)
def test_a_batch_is_tested_on_arrival_if_no_reader_came_first(
    written: float | None,
    first_tested: float | None,
    first_read: float | None,
    expected: bool | None,
) -> None:
    def at(days: float | None) -> object:
        return None if days is None else e.ago(days)

    orders = e.dataset(
        "orders",
        zone=e.declared(Zone.RAW),
        tests=(e.data_test("row_count"),),
        last_write_at=at(written),
        first_tested_at=at(first_tested),
        first_read_at=at(first_read),
    )

    fact = about("ds.tested_on_arrival", orders, feeds=e.feeds())

    if expected is None:
        assert reason(fact) is not None
    else:
        assert value(fact) is expected


def test_a_failing_blocking_test_stops_the_line_unless_somebody_read_on() -> None:
    failing = e.data_test("unique", "id", 2, status=DataTestStatus.FAIL)

    read_on = e.tested("orders", failing, last_read_at=e.ago(1))
    stopped = e.tested("orders", failing, last_read_at=e.ago(3))

    assert value(about("ds.read_since_failure", read_on, feeds=e.feeds())) is True
    assert value(about("ds.read_since_failure", stopped, feeds=e.feeds())) is False


def test_skipped_tests_count_as_none() -> None:
    skipped = e.tested("orders", e.data_test("unique", "id", status=DataTestStatus.SKIPPED))

    assert value(about("ds.test_types", skipped, feeds=e.feeds())) == []
    assert value(about("ds.key_tested", skipped, feeds=e.feeds())) is False


def test_the_path_is_tested_where_every_stage_is() -> None:
    source = e.dataset("source", upstream=(e.key("mart"),))  # even in a circle
    staging = e.tested("staging", upstream=(e.key("source"),))
    mart = e.tested("mart", upstream=(e.key("staging"), e.key("source")))

    share = value(about("ds.path_tested_share", mart, staging, source, feeds=e.feeds()))

    assert share == pytest.approx(2 / 3)


def test_a_path_through_a_silent_platform_is_not_known() -> None:
    source = e.dataset("source", namespace="s3://lake")
    mart = e.tested("mart", upstream=(source.key,))

    fact = about("ds.path_tested_share", mart, source, feeds=e.feeds())

    assert reason(fact) is UnknownReason.NO_FEED


def test_flakiness_needs_ten_results() -> None:
    few = e.tested("orders", e.data_test("unique", results_30d=9, flips_30d=9))
    many = e.tested("orders", e.data_test("unique", results_30d=20, flips_30d=2))

    assert reason(about("ds.test_flip_share", few, feeds=e.feeds())) is UnknownReason.FEW
    assert value(about("ds.test_flip_share", many, feeds=e.feeds())) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("not_null", "completeness"),
        ("unique", "uniqueness"),
        ("dbt_utils.unique_combination_of_columns", "uniqueness"),
        ("expect_table_row_count_to_be_between", "volume"),
        ("expect_table_columns_to_match_set", "schema"),
        ("expect_column_values_to_be_of_type", "schema"),
        ("dbt_utils.recency", "freshness"),
        ("accepted_values", "validity"),
        ("total_is_positive", "validity"),
    ],
)
def test_the_class_of_a_data_test_is_read_from_its_name(name: str, expected: str) -> None:
    assert class_of(name) == expected


def test_a_key_is_one_column_unique_and_filled_or_a_unique_combination() -> None:
    unique, filled = e.data_test("unique", "id"), e.data_test("not_null", "id")

    assert proves_key([unique, filled])
    assert proves_key([e.data_test("unique_combination_of_columns")])
    assert not proves_key([unique])
    assert not proves_key([unique, e.data_test("not_null", "name")])
    assert not proves_key([e.data_test("unique"), e.data_test("not_null")])


def test_a_hub_weighs_more_but_never_without_bound() -> None:
    ends = [e.dataset(f"d{n}", tier=e.declared(3), consumers=1) for n in range(19)]
    hub = e.dataset("hub", tier=e.declared(3), consumers=1000)

    index = EstateIndex(e.estate([*ends, hub]))

    assert index.consumers_p95 == 1
    assert index.criticality(AssetSubject(hub.key)) == pytest.approx(2.0)


def test_a_job_weighs_as_much_as_the_weightiest_it_writes() -> None:
    load = e.job("load")
    small = e.dataset("small", tier=e.declared(4), writers=(load.key,))
    large = e.dataset("large", tier=e.declared(1), writers=(load.key,))

    index = EstateIndex(e.estate([small, large], [load, e.job("idle")]))

    assert index.criticality(AssetSubject(load.key)) == pytest.approx(4.0)
    assert index.tier(AssetSubject(load.key)) == 1
    assert index.criticality(AssetSubject(e.job_key("idle"))) == pytest.approx(1.0)


def test_noise_is_no_subject() -> None:
    noise = e.dataset("tmp", noise="temporary")
    wrapper = e.job("dag", noise="wrapper")
    writes = [e.write("load", "tmp"), e.write("dag", "orders")]

    index = EstateIndex(e.estate([noise, e.dataset("orders")], [e.job("load"), wrapper], writes))

    keys = {s.key for s in index.subjects if isinstance(s, AssetSubject)}
    assert keys == {e.key("orders"), e.job_key("load")}
    assert index.writes == {}


def test_operations_of_one_writer_are_one_write() -> None:
    writes = [
        e.write("load", "orders", runs=2),
        e.write("load", "orders", runs=1, operation="TRUNCATE", last_days_ago=0.1),
    ]

    index = EstateIndex(e.estate([e.dataset("orders")], [e.job("load")], writes))

    (merged,) = index.writes.values()
    assert (merged.runs, merged.operation) == (3, "TRUNCATE")
    assert (merged.first_at, merged.last_at) == (e.ago(1.5), e.ago(0.1))
