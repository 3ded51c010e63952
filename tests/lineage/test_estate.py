"""The estate: feeds, currency, noise, stories, and what a past instant knew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from lineage.estate import Estate, FeedKind
from lineage.history import estate_at
from lineage.ingest import Arrival, Ingestor
from lineage.reading import load_estate
from tests.lineage.worlds import NOW, WH, at, dataset, get, get_job, job, principal

MakeEvent = Callable[..., dict[str, Any]]
CleanStore = Callable[[], Engine]


# Feeds


def test_a_feed_that_never_spoke_is_told_for_every_namespace_with_data(
    world: Callable[..., Estate],
) -> None:
    estate = world(
        {"job": job("load"), "outputs": [dataset("a.b")]},
        {"outputs": [dataset("tmp", "inmemory://")]},
    )

    feeds = {f.evidence: f for f in estate.feeds if f.namespace == WH}
    assert set(feeds) == set(FeedKind)
    assert feeds[FeedKind.RUNS].events == 1
    silent = feeds[FeedKind.DATA_TESTS]
    assert (silent.first_at, silent.last_at, silent.events) == (None, None, 0)
    assert silent.producers == ("https://example.com/producer",)
    assert not silent.is_alive(NOW)
    assert {f.namespace for f in estate.feeds} == {WH}


def test_every_kind_of_evidence_has_its_feed(world: Callable[..., Estate]) -> None:
    tests = {"assertions": [{"assertion": "a", "success": True}]}
    estate = world(
        {
            "run": {"runId": "r", "facets": principal("person:ana")},
            "job": job("load", sourceCodeLocation={"url": "u"}),
            "outputs": [
                {
                    **dataset("a.b", ownership={"owners": []}, dataQualityAssertions=tests),
                    "outputFacets": {"outputStatistics": {"rowCount": 1}},
                }
            ],
        }
    )

    spoken = {f.evidence for f in estate.feeds if f.first_at is not None}
    assert spoken == set(FeedKind)
    assert estate.feed(WH, FeedKind.OWNERS) is not None
    assert estate.feed("nowhere", FeedKind.OWNERS) is None


# Currency and noise


def test_a_source_that_the_latest_run_no_longer_reads_is_no_neighbour(
    world: Callable[..., Estate],
) -> None:
    old = {"job": job("j"), "inputs": [dataset("x.old")], "outputs": [dataset("x.out")]}
    new = {"job": job("j"), "inputs": [dataset("x.new")], "outputs": [dataset("x.out")]}

    estate = world({**old, "eventTime": at(1)}, {**new, "eventTime": at(2)})

    assert [k.name for k in get(estate, "x.out").upstream] == ["x.new"]
    assert get(estate, "x.old").readers == ()


def test_a_failed_run_does_not_replace_what_the_last_success_did(
    world: Callable[..., Estate],
) -> None:
    good = {"job": job("j"), "inputs": [dataset("x.a")], "outputs": [dataset("x.out")]}
    bad = {"job": job("j"), "inputs": [dataset("x.b")], "outputs": [], "eventType": "FAIL"}

    estate = world({**good, "eventTime": at(1)}, {**bad, "eventTime": at(2)})

    assert [k.name for k in get(estate, "x.out").upstream] == ["x.a"]


def test_what_column_lineage_only_mentions_is_hidden_unless_it_looks_like_a_dataset(
    world: Callable[..., Estate],
) -> None:
    fields = [
        {"namespace": WH, "name": name, "field": "x"}
        for name in ("raw", "__dbt__cte__c", "generate_series", "wh.main.seed")
    ]
    lineage = {"fields": {"x": {"inputFields": fields}}}

    estate = world({"outputs": [dataset("wh.main.out", columnLineage=lineage)]})

    assert {k.name for k in estate.datasets} == {"wh.main.out", "wh.main.seed"}
    assert [k.name for k in get(estate, "wh.main.out").upstream] == ["wh.main.seed"]


def test_noise_is_kept_out_of_the_graph_and_of_writes(world: Callable[..., Estate]) -> None:
    estate = world(
        {"job": job("t"), "inputs": [dataset("x.a")],
         "outputs": [dataset("wh.x_dbt_test__audit.n"), dataset("m", "inmemory://")]},
        {"job": job("m.sql.1"), "inputs": [dataset("x.a")]},
        {"job": job("m.sql.2"), "outputs": [dataset("x.a")]},
        {"job": job("wrapper")},
    )  # fmt: skip

    assert get(estate, "x.a").downstream == ()
    assert {w.dataset.name for w in estate.writes} == {"x.a"}
    assert get(estate, "wh.x_dbt_test__audit.n").noise
    assert get_job(estate, "m.sql.1").noise
    assert get_job(estate, "m.sql.2").noise is None  # a write must not hide behind a name
    assert get_job(estate, "wrapper").noise
    assert get_job(estate, "t").noise is None


# Past instants


@settings(max_examples=25)
@given(st.data())
def test_a_past_instant_is_what_a_fresh_store_would_know(
    clean_store: CleanStore, bodies: Sequence[bytes], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(range(len(bodies))), min_size=2, max_size=12))
    some = [bodies[i] for i in chosen]
    engine = clean_store()
    Ingestor(engine).ingest([Arrival(body, "t") for body in some])
    with engine.connect() as connection:
        times = sorted(connection.exec_driver_sql("SELECT event_time FROM lineage_event").scalars())
    cut = data.draw(st.sampled_from(times))
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=cut)
    past = seen(estate_at(engine, instant))

    fresh = clean_store()
    with_time = [b for b in some if _time(b) <= cut]
    Ingestor(fresh).ingest([Arrival(body, "t") for body in with_time])

    assert seen(load_estate(fresh, instant)) == past


def seen(estate: Estate) -> object:
    """All that is known, without numbers and revisions that depend on the store."""
    return (
        sorted((d.key, d.display_name, d.fields, d.upstream, d.writers, d.last_write_at,
                d.last_seen, d.tests_last_run_at) for d in estate.datasets.values()),
        sorted((j.key, j.last_run_id or "", j.last_state, j.runs_30d)
               for j in estate.jobs.values()),
        sorted((w.job, w.dataset, w.operation, w.runs) for w in estate.writes),
        [(f.namespace, f.evidence, f.events, f.last_at) for f in estate.feeds],
    )  # fmt: skip


def _time(body: bytes) -> int:
    from lineage.events import parse_event

    return parse_event(body).time
