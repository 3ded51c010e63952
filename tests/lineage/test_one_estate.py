"""Names that are one asset are one in the estate, whatever the order in which that was said."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from catalog.store import apply_catalog
from lineage.estate import Dataset, Estate, FeedKind, Job, RunState
from lineage.history import stand
from lineage.identity import JoinBasis
from lineage.provenance.backwards import backwards
from lineage.reading import load_estate
from lineage.reducers import Reducer, Reducers
from policies.assess import assess
from policies.model import Finding, FindingStatus, WriteSubject
from tests.lineage.worlds import (
    NOW,
    WH,
    CleanStore,
    at,
    catalog_of,
    dataset,
    encode,
    get,
    job,
    take,
)  # fmt: skip

World = Callable[..., Estate]

LAKE, HIVE = "s3://lake", "hive://metastore:9083"
TABLE, PATH = (HIVE, "shop.orders"), (LAKE, "/shop.db/orders")


def linked(name: tuple[str, str], *others: tuple[tuple[str, str], str], **facets: Any) -> Any:
    """A dataset whose facet gives it other names."""
    entries = [{"namespace": s, "name": n, "type": kind} for (s, n), kind in others]
    return dataset(name[1], name[0], symlinks={"identifiers": entries}, **facets)


def told(estate: Estate) -> Estate:
    """The estate without the numbers that depend on what came first."""
    return replace(
        estate,
        revision=0,
        datasets={k: replace(d, id=0, ids=()) for k, d in estate.datasets.items()},
        jobs={k: replace(j, id=0, ids=()) for k, j in estate.jobs.items()},
    )


# Laws

NAMES = [TABLE, PATH, (LAKE, "/shop.db/orders/day=1"), ("inmemory://", "x"), (WH, "main.orders")]
TESTS = [
    {"assertions": [{"assertion": "not_null", "column": "x", "success": ok}]}
    for ok in (True, False)
]
FACETS: list[dict[str, Any]] = [
    {},
    {"schema": {"fields": [{"name": "x"}]}},
    {"schema": {"fields": [{"name": "y", "type": "int"}]}},
    {"ownership": {"owners": [{"name": "team:sales"}]}},
    {"ownership": {"_deleted": True}},
    {"lifecycleStateChange": {"lifecycleStateChange": "DROP"}},
    {"columnLineage": {"fields": {"x": {"inputFields": [
        {"namespace": PATH[0], "name": PATH[1], "field": "x"}]}}}},
    *({"dataQualityAssertions": facet} for facet in TESTS),
]  # fmt: skip
links = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["TABLE", "LOCATION", ""])), max_size=2
)
datasets = st.builds(
    lambda name, others, facets: linked(name, *others, **facets),
    st.sampled_from(NAMES),
    links,
    st.sampled_from(FACETS),
)
NODES = [{}, {"dbt_node": {"unique_id": "model.shop.orders"}}]
jobs = st.builds(
    lambda name, facets, kind: job(name, **facets, jobType={"jobType": kind}),
    st.sampled_from(["orders", "orders.build.run", "orders.build.test"]),
    st.sampled_from(NODES),
    st.sampled_from(["MODEL", "TEST"]),
)
events = st.builds(
    lambda minute, run, kind, by, inputs, outputs: {
        "eventType": kind,
        "eventTime": at(minute),
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": f"019c0000-0000-7000-8000-00000000000{run}"},
        "job": by,
        "inputs": inputs,
        "outputs": outputs,
    },
    st.integers(0, 5),
    st.integers(0, 3),
    st.sampled_from(["START", "COMPLETE", "FAIL"]),
    jobs,
    st.lists(datasets, max_size=1),
    st.lists(datasets, max_size=2),
)
worlds = st.lists(events, min_size=1, max_size=6)
EVERY = Reducers(tuple(Reducer))


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(world=worlds, seed=st.integers(0, 2**16), reducers=st.sampled_from([Reducers(), EVERY]))
def test_any_order_repetition_and_batching_gives_one_estate(
    clean_store: CleanStore, world: list[dict[str, Any]], seed: int, reducers: Reducers
) -> None:
    bodies = [encode(event) for event in world]
    again = random.Random(seed)  # noqa: S311
    shuffled = [*bodies, *again.choices(bodies, k=2)]
    again.shuffle(shuffled)
    cut = again.randrange(len(shuffled))

    first = _estate(clean_store, [bodies], reducers)
    second = _estate(clean_store, [shuffled[:cut], shuffled[cut:]], reducers)

    assert first == second


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(world=worlds, reducers=st.sampled_from([Reducers(), EVERY]))
def test_whatever_is_named_is_in_the_estate_under_every_of_its_names(
    clean_store: CleanStore, world: list[dict[str, Any]], reducers: Reducers
) -> None:
    estate = _estate(clean_store, [[encode(event) for event in world]], reducers)

    for key, found in estate.datasets.items():
        assert {*found.upstream, *found.downstream} <= estate.datasets.keys()
        assert {*found.writers, *found.readers} <= estate.jobs.keys()
        assert {*found.provisional_writers} <= {*found.writers}
        for name in (key, *found.names):
            assert estate.find(name.namespace, name.name) is found
        for test in found.tests:
            assert test.job in estate.jobs
    for write in estate.writes:
        assert write.dataset in estate.datasets
        assert write.job in estate.jobs
    everything: list[Dataset | Job] = [*estate.datasets.values(), *estate.jobs.values()]
    names = [name for found in everything for name in (found.key, *found.names)]
    assert len(names) == len(set(names))


def _estate(
    clean_store: CleanStore, batches: Sequence[Sequence[bytes]], reducers: Reducers
) -> Estate:
    store = clean_store()
    take(store, batches)
    return told(load_estate(store, NOW, reducers))


# Symlinks


def test_facets_data_tests_and_edges_under_either_name_are_of_one_dataset(world: World) -> None:
    tests = {"assertions": [{"assertion": "not_null", "column": "id", "success": True}]}
    estate = world(
        {"job": job("hook"), "eventTime": at(1),
         "outputs": [linked(TABLE, (PATH, "LOCATION"), schema={"fields": [{"name": "id"}]})]},
        {"job": job("spark"), "eventTime": at(2), "inputs": [dataset("raw", WH)],
         "outputs": [dataset(PATH[1], LAKE, ownership={"owners": [{"name": "team:shop"}]})]},
        {"job": job("quality"), "eventTime": at(3),
         "inputs": [dataset(PATH[1], LAKE, dataQualityAssertions=tests)]},
        {"job": job("mart"), "eventTime": at(4), "inputs": [dataset(TABLE[1], HIVE)],
         "outputs": [dataset("mart", WH)]},
    )  # fmt: skip

    found = estate.find(*PATH)
    assert found is not None
    assert found is estate.find(*TABLE)
    assert found.key.namespace == HIVE
    assert [n.namespace for n in found.names] == [LAKE]
    assert [f.name for f in found.fields] == ["id"]
    assert found.team == "shop"
    assert [t.name for t in found.tests] == ["not_null"]
    assert [k.name for k in found.upstream] == ["raw"]
    assert [k.name for k in found.downstream] == ["mart"]
    assert [k.name for k in found.writers] == ["hook", "spark"]
    assert get(estate, "mart").upstream == (found.key,)
    assert [(j.basis, j.evidence and j.evidence.facet) for j in found.joins] == [
        (JoinBasis.SYMLINK, "symlinks")
    ]
    feed = estate.feed(HIVE, FeedKind.DATA_TESTS)
    assert feed is not None
    assert feed.last_at is not None


def test_the_name_to_read_is_no_mere_place(world: World) -> None:
    path = ("file", "/warehouse/shop.db/orders")  # before hive://
    estate = world({"outputs": [linked(TABLE, (path, "LOCATION"))]})

    (found,) = estate.datasets.values()
    assert found.key == AssetKey(Kind.DATASET, *path)
    assert (found.display_name, found.platform, found.kind) == ("orders", "hive", "table")


def test_a_facet_that_was_removed_under_one_name_is_gone_under_the_other(world: World) -> None:
    owners = {"owners": [{"name": "team:shop"}]}
    estate = world(
        {"eventTime": at(1), "outputs": [linked(TABLE, (PATH, "LOCATION"), ownership=owners)]},
        {"eventTime": at(2), "outputs": [dataset(PATH[1], LAKE, ownership={"_deleted": True})]},
    )

    assert estate.datasets[AssetKey(Kind.DATASET, *TABLE)].owners == ()


def test_a_run_that_lists_both_names_writes_one_dataset_and_does_not_derive_it_from_itself(
    world: World,
) -> None:
    drop = {"lifecycleStateChange": "DROP"}
    estate = world(
        {"job": job("j"), "inputs": [dataset(PATH[1], LAKE)],
         "outputs": [linked(TABLE, (PATH, "")), dataset(PATH[1], LAKE, lifecycleStateChange=drop)]}
    )  # fmt: skip

    (found,) = estate.datasets.values()
    assert found.upstream == ()
    (write,) = estate.writes
    assert (write.dataset, write.operation) == (found.key, "DROP")


def test_the_story_of_a_dataset_is_found_under_every_name(world: World, store: Engine) -> None:
    world(
        {"job": job("hook"), "eventTime": at(1), "outputs": [linked(TABLE, (PATH, "LOCATION"))]},
        {"job": job("spark"), "eventTime": at(2), "inputs": [dataset("raw", WH)],
         "outputs": [dataset(PATH[1], LAKE)]},
    )  # fmt: skip

    story = backwards(stand(store), AssetKey(Kind.DATASET, *PATH))

    assert story is not None
    assert story.built[0].run.job.name == "spark"
    assert [read.dataset.name for read in story.built[0].inputs] == ["raw"]


# Aliases and reducers

ALIAS = """
aliases:
  - {namespace: "postgres://10.20.0.15:5432", is: "postgres://wh:5432"}
assets:
  - dataset: {namespace: "postgres://10.20.0.15:5432", name: main.orders}
    owner: team:sales
teams:
  - {id: sales, name: Sales}
environments:
  - {environment: test, namespace: "postgres://10.*"}
"""


def test_what_is_declared_of_any_name_holds_and_goes_with_the_alias(
    world: World, store: Engine, tmp_path: Any
) -> None:
    events = (
        {"job": job("a"), "outputs": [dataset("main.orders", "postgres://10.20.0.15:5432")]},
        {"job": job("b"), "inputs": [dataset("main.orders")], "outputs": [dataset("main.mart")]},
    )

    joined = world(*events, declared=ALIAS)

    found = get(joined, "main.orders")
    assert found.team == "sales"
    assert found.environment is not None
    assert found.environment.value == "test"
    assert [w.name for w in found.writers] == ["a"]
    assert get(joined, "main.mart").upstream == (found.key,)
    assert {d.key.namespace for d in joined.datasets.values()} == {WH}

    apply_catalog(store, catalog_of(tmp_path, "teams: []"), "person:ana", NOW)

    apart = load_estate(store, NOW)
    assert get(apart, "main.orders").writers == ()
    assert {d.key.namespace for d in apart.datasets.values()} == {
        WH, "postgres://10.20.0.15:5432"
    }  # fmt: skip


def test_parts_are_one_dataset_where_a_setting_says_so(world: World, store: Engine) -> None:
    world(
        *(
            {"job": job("load"), "eventTime": at(day),
             "outputs": [dataset(f"/orders/day=2026-01-0{day}", LAKE)]}
            for day in (1, 2)
        )
    )  # fmt: skip

    estate = load_estate(store, NOW, Reducers((Reducer.KEY_VALUE,)))

    (found,) = estate.datasets.values()
    assert found.key.name == "/orders"
    assert found.display_name == "orders"
    assert [n.name for n in found.names] == [f"/orders/day=2026-01-0{d}" for d in (1, 2)]
    (write,) = estate.writes
    assert write.runs == 2


# Jobs of dbt


def node(kind: str, **facets: Any) -> dict[str, Any]:
    return {"dbt_node": {"unique_id": "model.shop.orders"}, "jobType": {"jobType": kind}, **facets}


def test_the_tests_of_a_model_do_not_hide_what_its_run_did(world: World) -> None:
    estate = world(
        {"job": job("wh.main.shop.orders.build.run", **node("MODEL")), "eventTime": at(1),
         "inputs": [dataset("raw")], "outputs": [dataset("main.orders")]},
        {"job": job("wh.main.shop.orders.build.test", **node("TEST")), "eventTime": at(2),
         "inputs": [dataset("main.orders")], "eventType": "FAIL"},
    )  # fmt: skip

    (found,) = estate.jobs.values()
    assert found.key.name == "wh.main.shop.orders.build.run"
    assert (found.job_type, found.last_state) == ("MODEL", RunState.COMPLETE)
    assert found.noise is None
    assert found.runs_30d == 2
    assert get(estate, "main.orders").writers == (found.key,)
    assert get(estate, "main.orders").readers == (found.key,)
    assert estate.find_job("jobs", "wh.main.shop.orders.build.test") is found


BUILD, TEST = (f"wh.main.shop.orders.build.{kind}" for kind in ("run", "test"))
RAN = {"job": job(BUILD, **node("MODEL")), "outputs": [dataset("main.orders")]}
TESTED = {"job": job(TEST, **node("TEST")), "inputs": [dataset("main.orders")]}


def test_a_line_takes_a_job_out_of_its_node_and_taking_it_back_puts_it_in(world: World) -> None:
    apart = f"aliases:\n  - {{namespace: jobs, name: {TEST}, apart: true}}\n"

    estates = [world(RAN, TESTED, declared=declared) for declared in ("version: 1\n", apart)]
    again = world(declared="version: 1\n")

    joined, alone = ({key.name for key in estate.jobs} for estate in estates)
    assert (joined, alone) == ({BUILD}, {BUILD, TEST})
    assert {key.name for key in again.jobs} == {BUILD}
    assert estates[1].find_job("jobs", TEST) is not None


@pytest.mark.parametrize("is_first", [True, False])
def test_a_job_that_ever_ran_another_node_is_joined_to_none(world: World, is_first: bool) -> None:
    """Whichever it ran last: else it would belong to one model today and to another tomorrow."""
    other: dict[str, Any] = {"dbt_node": {"unique_id": "model.shop.customers"}}
    minute = 1 if is_first else 3
    elsewhere = {"job": job(TEST, **other), "eventTime": at(minute)}

    estate = world({**RAN, "eventTime": at(2)}, {**TESTED, "eventTime": at(2)}, elsewhere)

    assert {key.name for key in estate.jobs} == {BUILD, TEST}


# Findings


GUARDED = """
environments:
  - {environment: prod, namespace: "*"}
pipelines:
  - {id: other, environment: prod, jobs: [{namespace: elsewhere}]}
"""
APART = f"""
aliases:
  - {{namespace: "{LAKE}", name: {PATH[1]}, apart: true}}
"""


def test_a_late_symlink_moves_no_finding_and_taking_it_back_restores_both(
    store: Engine, make_event: Callable[..., dict[str, Any]], tmp_path: Any
) -> None:
    runs = itertools.count()

    def send(*outputs: Any) -> None:
        event = make_event(run={"runId": f"r{next(runs)}"}, eventTime=at(1), outputs=[*outputs])
        take(store, [[encode(event)]])

    def judged() -> dict[str, Finding]:
        return {f.fingerprint: f for f in assess(store, NOW).findings}

    apply_catalog(store, catalog_of(tmp_path, GUARDED), "person:ana", NOW)
    send(dataset(PATH[1], LAKE))
    before = judged()
    send(linked(TABLE, (PATH, "TABLE"), (TABLE, "TABLE")))
    joined = judged()
    apply_catalog(store, catalog_of(tmp_path, GUARDED + APART), "person:ana", NOW)
    restored = judged()

    written = [f for f in before.values() if isinstance(f.subject, WriteSubject)]
    assert written
    for finding in written:
        late = joined[finding.fingerprint]
        assert (late.status, late.first_seen) == (FindingStatus.OPEN, finding.first_seen)
        assert isinstance(late.subject, WriteSubject)
        assert late.subject.dataset == AssetKey(Kind.DATASET, *TABLE)
        assert restored[finding.fingerprint].status is FindingStatus.OPEN
        assert restored[finding.fingerprint].subject.asset == finding.subject.asset
    assert len([f for f in joined.values() if isinstance(f.subject, WriteSubject)]) == len(written)
