"""The graph that is held in memory and brought forward."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from weakref import ref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.database import connect
from catalog.store import apply_catalog
from lineage.graph import advance, index, shared
from lineage.graph.advance import Held, held
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.loading import estate_graph
from lineage.history import stand
from lineage.keyring import Keyring
from lineage.rebuild import rebuild
from tests.lineage.conftest import MakeEvent
from tests.lineage.graph.test_loading import ds, edges_of, found, jb, moves
from tests.lineage.worlds import NOW, WH, CleanStore, at, catalog_of, dataset, job, take


def assert_same(brought: EstateGraph, anew: EstateGraph) -> None:
    """Whatever one asks of the two, the answer is the same."""
    assert set(brought) == set(anew)
    assert len(brought) == len(anew)
    assert list(brought.links()) == list(anew.links())
    assert list(brought.job_links()) == list(anew.job_links())
    datasets = [key for key in anew if key.kind == "dataset"]
    assert not [key for key in datasets if brought.is_noise(key) != anew.is_noise(key)]
    assert edges_of(brought) == edges_of(anew)
    real = {key for key in datasets if anew.number(key) in anew.flow}
    assert {brought.key(number) for number in brought.flow} == real
    for source, target in edges_of(anew):
        assert brought.link(source, target) == anew.link(source, target)


def batches_of(events: Sequence[bytes], random: Random) -> list[list[bytes]]:
    batches, rest = [], list(events)
    while rest:
        size = random.choice((1, 1, 2, 5, 20))
        batches.append(rest[:size])
        rest = rest[size:]
    return batches


# Laws -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_brought_forward_over_real_events_it_is_what_is_read_anew(
    bodies: list[bytes], clean_store: CleanStore, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - nothing secret
    engine = clean_store()
    start = random.randrange(len(bodies))
    chosen = (bodies[start:] + bodies[:start])[:400]
    random.shuffle(chosen)
    take(engine, [chosen[:200]])
    holder = Held(engine)
    holder.graph()

    for number, batch in enumerate(batches_of(chosen[200:], random)):
        take(engine, [batch])
        graph = holder.graph()
        if number % 6 == 0:
            assert_same(graph, estate_graph(stand(engine)))

    assert_same(holder.graph(), estate_graph(stand(engine)))


NAMES = (
    "a.b.one",
    "a.b.two",
    "a.b.three",
    "a.b.tmp__dbt_tmp",
    "a.b.other__dbt_tmp",
    "cte",
    "a.cte",
)
FACETS: tuple[dict[str, Any], ...] = (
    *[{}] * 16,
    {"datasetType": {"datasetType": "JOB_OUTPUT"}},
    {"datasetType": {"datasetType": "TABLE"}},
    {"symlinks": {"identifiers": [{"namespace": WH, "name": "a.b.one", "type": "TABLE"}]}},
    {"columnLineage": {
        "fields": {"x": {"inputFields": [{"namespace": WH, "name": "cte", "field": "x"}]}}}},
    {"columnLineage": {
        "fields": {"x": {"inputFields": [{"namespace": WH, "name": "a.b.two", "field": "x"}]}}}},
    {"lineage": {"inputs": [{"namespace": WH, "name": "a.b.three", "type": "DATASET"}]}},
    {"lineage": {"inputs": [{"namespace": WH, "name": "nobody", "type": "DATASET"}]}},
)  # fmt: skip
JOB_FACETS: tuple[dict[str, Any], ...] = (
    *[{}] * 12,
    {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}},
    {"jobType": {"processingType": "BATCH", "integration": "DBT"}},
    {"dbt_node": {"unique_id": "model.shop.one"}},
    {"dbt_node": {"unique_id": "model.shop.two"}},
    {"lineage": {"entries": [{
        "namespace": WH, "name": "a.b.one", "type": "DATASET",
        "inputs": [{"namespace": WH, "name": "a.b.one", "type": "DATASET"}]}]}},
)  # fmt: skip


@st.composite
def some_events(draw: st.DrawFn) -> dict[str, Any]:
    entries = st.builds(
        lambda name, facets: dataset(name, **facets),
        st.sampled_from(NAMES),
        st.sampled_from(FACETS),
    )
    kind = draw(st.sampled_from(["run"] * 6 + ["job", "dataset"]))
    event: dict[str, Any] = {
        "eventTime": at(draw(st.sampled_from([*range(20), 60 * 24 * 20, 60 * 24 * 400]))),
        "producer": "https://example.com/producer",
    }
    if kind == "dataset":
        return event | {"dataset": draw(entries)}
    event |= {
        "job": job(draw(st.sampled_from(["x", "y", "z"])), **draw(st.sampled_from(JOB_FACETS))),
        "inputs": draw(st.lists(entries, max_size=2)),
        "outputs": draw(st.lists(entries, max_size=2)),
    }
    if kind == "run":
        event["run"] = {"runId": f"run {draw(st.integers(0, 8))}"}
        event["eventType"] = draw(st.sampled_from(["START", "COMPLETE", "COMPLETE", "FAIL"]))
    return event


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(some_events(), min_size=1, max_size=3), min_size=1, max_size=7))
def test_brought_forward_over_any_events_it_is_what_is_read_anew(
    clean_store: CleanStore, batches: list[list[dict[str, Any]]]
) -> None:
    engine = clean_store()
    holder = Held(engine)
    holder.graph()

    for batch in batches:
        take(engine, [[json.dumps(event).encode() for event in batch]])

        assert_same(holder.graph(), estate_graph(stand(engine)))


# Examples ---------------------------------------------------------------------------------------


@pytest.fixture
def send(store: Engine, make_event: MakeEvent) -> Any:
    runs = iter(range(10_000))

    def sent(*events: dict[str, Any]) -> None:
        bodies = [{**make_event(run={"runId": f"run {next(runs)}"}), **event} for event in events]
        take(store, [[json.dumps(event).encode() for event in bodies]])

    return sent


def test_runs_of_jobs_bring_it_forward_without_reading_it_anew(store: Engine, send: Any) -> None:
    send(moves("a", "b"), moves("b", "c", by="other"))
    holder = Held(store)
    before = holder.graph()

    send(moves("x", "b", minute=2), moves("c", "tmp__dbt_tmp", by="third", minute=2))
    send(moves("tmp__dbt_tmp", "d", by="fourth", minute=3))
    after = holder.graph()

    assert holder.loads == 1
    assert_same(after, estate_graph(stand(store)))
    assert edges_of(before) == {(ds("a"), ds("b")), (ds("b"), ds("c"))}
    assert edges_of(after) == {(ds("x"), ds("b")), (ds("b"), ds("c")), (ds("c"), ds("d"))}
    assert ds("x") not in before
    assert found(after.link(ds("c"), ds("d"))).jobs == (jb("fourth"), jb("third"))


def test_nothing_new_leaves_it_as_it_is(store: Engine, send: Any) -> None:
    send(moves("a", "b"))
    holder = Held(store)

    assert holder.graph() is holder.graph()


def test_what_was_handed_out_stays_as_it_was(store: Engine, send: Any) -> None:
    send(moves("a", "b"))
    holder = Held(store)
    kept = [holder.graph()]
    told = [(list(kept[0].links()), list(kept[0]), list(kept[0].flow.edges()))]

    for minute in range(2, 12):
        send(moves(f"n{minute}", "b", minute=minute))
        kept.append(holder.graph())
        told.append((list(kept[-1].links()), list(kept[-1]), list(kept[-1].flow.edges())))

    assert holder.loads == 1
    for graph, said in zip(kept, told, strict=True):
        assert (list(graph.links()), list(graph), list(graph.flow.edges())) == said


IDENTIFIER = {"namespace": WH, "name": "a", "type": "TABLE"}
SYMLINK: dict[str, Any] = {"symlinks": {"identifiers": [IDENTIFIER]}}


@pytest.mark.parametrize(
    "event",
    [
        {"outputs": [dataset("path", **SYMLINK)]},
        {"outputs": [dataset("b", datasetType={"datasetType": "JOB_OUTPUT"})]},
        {"job": job("load", jobType={"processingType": "STREAMING", "integration": "FLINK"})},
        {"job": job("load", dbt_node={"unique_id": "model.shop.a"}, namespace="dbt")},
    ],
)
def test_what_changes_more_than_one_job_has_it_read_anew(
    store: Engine, send: Any, event: dict[str, Any]
) -> None:
    node = job("first", dbt_node={"unique_id": "model.shop.a"}, namespace="dbt")
    send(moves("a", "b"), {**moves("b", "c", minute=2), "job": node})
    holder = Held(store)
    holder.graph()

    send({**moves("b", "d", minute=3), **event})

    assert_same(holder.graph(), estate_graph(stand(store)))
    assert holder.loads == 2


def test_applied_catalog_has_it_read_anew(store: Engine, send: Any, tmp_path: Path) -> None:
    send(moves("a", "b"), moves("c", "d", by="other"))
    holder = Held(store)
    holder.graph()
    alias = f"""
aliases:
  - {{namespace: "{WH}", name: c, is: {{namespace: "{WH}", name: b}}}}
"""

    apply_catalog(store, catalog_of(tmp_path, alias), "person:ana", NOW)

    assert_same(holder.graph(), estate_graph(stand(store)))
    assert edges_of(holder.graph()) == {(ds("a"), ds("b")), (ds("b"), ds("d"))}


def test_rebuilt_store_has_it_read_anew(store: Engine, send: Any) -> None:
    send(moves("a", "b"))
    holder = Held(store)
    holder.graph()

    for _ in rebuild(store):
        pass

    assert_same(holder.graph(), estate_graph(stand(store)))
    assert holder.loads == 2


def test_made_key_has_it_read_anew(store: Engine, send: Any) -> None:
    send(moves("a", "b"))
    holder = Held(store)
    holder.graph()

    Keyring(store).create(
        "k", ["*"], environment=None, principal=None, expires_at=None, by="person:ana", at=1
    )
    send(moves("a", "b", minute=3))
    holder.graph()

    assert holder.loads == 2


def test_what_is_ahead_of_its_time_does_not_count_yet(store: Engine, send: Any) -> None:
    send(moves("a", "b"), moves("x", "y", by="other"))
    holder = Held(store)
    holder.graph()
    ahead = (datetime.now(UTC) + timedelta(days=3)).isoformat()

    send({**moves("x", "b"), "eventTime": ahead})

    graph = holder.graph()
    assert graph.link(ds("x"), ds("b")) is None
    assert holder.loads == 1
    assert_same(graph, estate_graph(stand(store)))


def test_what_was_ahead_of_its_time_counts_when_that_has_come(
    store: Engine, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(moves("a", "b"), {**moves("x", "b"), "eventTime": "2199-01-01T00:00:00Z"})
    holder = Held(store)
    holder.graph()

    monkeypatch.setattr(advance, "_now", lambda _: 8 * 10**15)
    holder.graph()

    assert holder.loads == 2


def test_standpoint_that_is_there_anyway_is_not_read_again(store: Engine, send: Any) -> None:
    send(moves("a", "b"))
    offered = stand(store)
    observed = offered.observed

    graph = Held(store).graph(offered)

    assert graph.identities is observed.identities
    assert_same(graph, estate_graph(offered))


def test_standpoint_that_is_no_longer_of_the_present_is_left_aside(
    store: Engine, send: Any
) -> None:
    send(moves("a", "b"))
    offered = stand(store)
    assert ds("a") in estate_graph(offered)

    send(moves("c", "b", minute=2))

    assert ds("c") in Held(store).graph(offered)


def test_one_graph_is_held_for_each_store(store: Engine, send: Any) -> None:
    send(moves("a", "b"))

    assert held(store) is held(store)


def test_graph_goes_with_its_store(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'a.db'}")
    kept = ref(engine)
    assert not list(held(engine))

    engine.dispose()
    del engine
    gc.collect()

    assert kept() is None


def wait_for_compaction() -> None:
    for thread in threading.enumerate():
        if thread.name == "compaction":
            thread.join()


def test_much_that_changed_is_made_anew_beside_who_asks(
    store: Engine, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "LEAST_OVERLAID", 3)
    monkeypatch.setattr(index, "OVERLAID", 0)
    monkeypatch.setattr(shared, "LEAST_OVERLAID", 3)
    monkeypatch.setattr(shared, "OVERLAID", 0)
    send(moves("a", "b"))
    holder = Held(store)
    holder.graph()

    for minute in range(2, 20):
        send(moves(f"n{minute}", f"m{minute}", by=f"j{minute}", minute=minute))
        holder.graph()
        if minute > 17:  # until then it goes forward while some of it is made anew
            wait_for_compaction()

    assert holder.loads == 1
    assert_same(holder.graph(), estate_graph(stand(store)))
    assert not holder.graph().flow.is_overlaid


def test_many_may_ask_while_it_goes_forward(store: Engine, send: Any) -> None:
    send(moves("n0", "n1", by="j0"))
    holder = Held(store)
    holder.graph()
    wrong: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            graph = holder.graph()
            edges = edges_of(graph)
            for source, target in edges:
                link = graph.link(source, target)
                if link is None or not link.current:
                    wrong.append(f"{source} {target}")

    readers = [threading.Thread(target=ask) for _ in range(3)]
    for reader in readers:
        reader.start()
    for minute in range(1, 25):
        send(moves(f"n{minute}", f"n{minute + 1}", by=f"j{minute}", minute=minute))
    is_over.set()
    for reader in readers:
        reader.join()

    assert not wrong
    assert_same(holder.graph(), estate_graph(stand(store)))
