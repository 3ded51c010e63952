"""Equal knowledge gives one digest, whatever the order, repetition or batching of its events."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from lineage.estate import Estate
from lineage.events import parse_event
from lineage.reading import load_estate
from lineage.rebuild import digest, rebuild
from tests.lineage.worlds import NOW, at, digest_of, take

CleanStore = Callable[[], Engine]
MakeEvent = Callable[..., dict[str, Any]]

ORDERS = AssetKey(Kind.DATASET, "duckdb://wh", "wh.main.orders")


# A small alphabet

NAMES = ["wh.main.a", "wh.main.b", "wh.main.c"]
FACETS: list[dict[str, Any]] = [
    {"schema": {"fields": [{"name": "x"}]}},
    {"schema": {"fields": [{"name": "x"}, {"name": "y"}]}},
    {"schema": {"_deleted": True}},
    {"ownership": {"owners": [{"name": "team:sales"}]}},
    {"ownership": {"_deleted": True}},
    {"columnLineage": {"fields": {"x": {"inputFields": [
        {"namespace": "duckdb://wh", "name": "wh.main.a", "field": "x"},
        {"namespace": "duckdb://wh", "name": "wh.main.mentioned", "field": "x"}]}}}},
    {"columnLineage": {"fields": {}}},
    {"lifecycleStateChange": {"lifecycleStateChange": "DROP"}},
    {"dataQualityAssertions": {"assertions": [
        {"assertion": "not_null", "column": "x", "success": True}]}},
    {"dataQualityAssertions": {"assertions": [
        {"assertion": "not_null", "column": "x", "success": False, "actual": "1"},
        {"assertion": "unique", "success": True}]}},
]  # fmt: skip
RUN_FACETS: list[dict[str, Any]] = [
    {},
    {"parent": {"run": {"runId": "p"}, "job": {"namespace": "n", "name": "dag"}}},
    {"parent": {"run": {"runId": "q"}, "job": {"namespace": "n", "name": "other"}}},
    {"parentRun": {"run": {"runId": "p"}, "job": {"namespace": "n", "name": "dag"}}},
    {"tags": {"tags": [{"key": "principal", "value": "person:ana"}]}},
    {"hive_session": {"username": "ben"}},
]
datasets = st.fixed_dictionaries(
    {
        "namespace": st.just("duckdb://wh"),
        "name": st.sampled_from(NAMES),
        "facets": st.lists(st.sampled_from(FACETS), max_size=2).map(
            lambda facets: {k: v for facet in facets for k, v in facet.items()}
        ),
    },
    optional={
        "outputFacets": st.sampled_from(
            [{"outputStatistics": {"rowCount": n}} for n in (1, 2)]
            + [{"outputStatistics": {"size": "x"}}]
        ),
        "inputFacets": st.sampled_from(FACETS[-2:]),
    },
)
jobs = st.fixed_dictionaries(
    {
        "namespace": st.just("jobs"),
        "name": st.sampled_from(["load", "clean"]),
        "facets": st.sampled_from(
            [{}]
            + [{"sourceCodeLocation": {"version": v}} for v in "ab"]
            + [{"jobType": {"processingType": "STREAMING", "integration": "SPARK"}}]
        ),
    }
)
times = st.sampled_from([at(minute) for minute in (0, 1, 2)] + ["1969-12-31T23:59:59Z"])
producers = st.sampled_from(["https://example.com/a", "https://example.com/integration/dbt"])
run_events = st.fixed_dictionaries(
    {
        "eventTime": times,
        "producer": producers,
        "schemaURL": st.just("s"),
        "job": jobs,
        "run": st.fixed_dictionaries(
            {"runId": st.sampled_from(["r1", "r2"]), "facets": st.sampled_from(RUN_FACETS)}
        ),
        "inputs": st.lists(datasets, max_size=2),
        "outputs": st.lists(datasets, max_size=2),
    },
    optional={
        "eventType": st.sampled_from(["START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER"])
    },
)
job_events = st.fixed_dictionaries(
    {
        "eventTime": times,
        "producer": producers,
        "schemaURL": st.just("s"),
        "job": jobs,
        "inputs": st.lists(datasets, max_size=2),
        "outputs": st.lists(datasets, max_size=2),
    }
)
dataset_events = st.fixed_dictionaries(
    {"eventTime": times, "producer": producers, "schemaURL": st.just("s"), "dataset": datasets}
)
event_lists = st.lists(st.one_of(run_events, run_events, job_events, dataset_events), max_size=7)


@settings(max_examples=70, suppress_health_check=[HealthCheck.too_slow])
@given(event_lists, st.data())
def test_order_repetition_and_batching_change_nothing(
    clean_store: CleanStore, events: list[dict[str, Any]], data: st.DataObject
) -> None:
    bodies = [json.dumps(event).encode() for event in events]
    repeated = data.draw(st.lists(st.sampled_from(bodies), max_size=4)) if bodies else []
    mixed = data.draw(st.permutations(bodies + repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(mixed)), max_size=3)))
    batches = [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]
    once = digest_of(clean_store, [bodies])
    told = known(clean_store(), [bodies])

    engine = clean_store()
    take(engine, batches)

    assert digest(engine) == once
    assert known(engine, []) == told


def known(engine: Engine, batches: Sequence[Sequence[bytes]]) -> object:
    """What can be seen of the estate that may not depend on arrival."""
    take(engine, batches)
    return told_by(load_estate(engine, NOW))


def told_by(estate: Estate) -> object:
    """The same of an estate at hand."""
    return (
        sorted(
            (d.key, d.fields, d.owners, d.last_write_at, d.last_read_at, d.upstream, d.downstream,
             d.writers, d.readers, d.noise, d.zone, d.environment,
             [(t.name, t.column, t.status, t.blocking, t.at, t.run_id, t.job, t.event_id)
              for t in d.tests])
            for d in estate.datasets.values()
        ),
        sorted((j.key, j.last_run_id, j.last_state, j.last_run_at, j.parent, j.root)
               for j in estate.jobs.values()),
        sorted((w.job, w.dataset, w.principal or "", w.operation, w.runs, w.event_ids, w.producer)
               for w in estate.writes),
        sorted((f.namespace, f.evidence, f.producers, f.events, f.event_id or "")
               for f in estate.feeds),
    )  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(event_lists)
def test_a_rebuild_ends_where_the_fold_already_was(
    clean_store: CleanStore, events: list[dict[str, Any]]
) -> None:
    engine = clean_store()
    take(engine, [[json.dumps(event).encode()] for event in events])
    before, told = digest(engine), known(engine, [])

    folded = sum(rebuild(engine))

    assert folded == len({parse_event(json.dumps(e).encode()).event_id for e in events})
    assert digest(engine) == before
    assert known(engine, []) == told


def test_an_abandoned_rebuild_changes_nothing(store: Engine, bodies: list[bytes]) -> None:
    take(store, [bodies[:20]])
    before = digest(store)

    steps = rebuild(store)
    next(steps)
    steps.close()  # type: ignore[attr-defined]  # it is a generator

    assert digest(store) == before


def test_a_different_event_gives_another_digest(
    clean_store: CleanStore, make_event: MakeEvent
) -> None:
    events = [make_event(), make_event(eventType="FAIL"), make_event(eventTime=at(1))]

    digests = {digest_of(clean_store, [[json.dumps(e).encode()]]) for e in events}

    assert len(digests) == 3


# Real events


def test_real_events_in_any_order_and_twice_give_one_digest(
    clean_store: CleanStore, bodies: list[bytes]
) -> None:
    shuffled = bodies.copy()
    random.Random(1).shuffle(shuffled)  # noqa: S311  # an order, not a secret
    engine = clean_store()
    take(engine, [bodies])
    forwards = digest(engine)
    for _ in rebuild(engine):
        pass

    assert digest(engine) == forwards
    assert digest_of(clean_store, [bodies[::-1]]) == forwards
    assert digest_of(clean_store, [shuffled[i : i + 37] for i in range(0, 999, 37)]) == forwards
    assert digest_of(clean_store, [bodies, shuffled]) == forwards
