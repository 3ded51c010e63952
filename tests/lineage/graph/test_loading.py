"""The graph as it is read from the tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from catalog.store import apply_catalog
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.loading import estate_graph
from lineage.graph.model import Link, LinkBasis
from lineage.history import Standpoint, stand
from lineage.ingest import Arrival, Ingestor
from lineage.scene import Scene
from tests.lineage.conftest import MakeEvent
from tests.lineage.worlds import NOW, WH, CleanStore, CorpusFile, at, catalog_of, dataset, job, take

Build = Callable[..., EstateGraph]


def ds(name: str, namespace: str = WH) -> AssetKey:
    return AssetKey(Kind.DATASET, namespace, name)


def jb(name: str, namespace: str = "jobs") -> AssetKey:
    return AssetKey(Kind.JOB, namespace, name)


def edges_of(graph: EstateGraph) -> set[tuple[AssetKey, AssetKey]]:
    return {(graph.key(a), graph.key(b)) for a, b in graph.flow.edges()}


def edges_of_scene(point: Standpoint) -> set[tuple[AssetKey, AssetKey]]:
    scene = Scene(point.observed, point.catalog, point.as_of)
    return {(scene.key(a), scene.key(b)) for a, b in scene.graph.edges}


def found(link: Link | None) -> Link:
    assert link is not None
    return link


@pytest.fixture
def graph_of(store: Engine, make_event: MakeEvent, tmp_path: Path) -> Build:
    """Ingests events, applies declared files, and answers with the graph."""
    runs = iter(range(1000))

    def build(*events: dict[str, Any], declared: str = "") -> EstateGraph:
        filled = [
            {**make_event(run={"runId": f"run {next(runs)}"}, eventTime=at(1)), **event}
            for event in events
        ]
        take(store, [[json.dumps(event).encode() for event in filled]])
        if declared:
            apply_catalog(store, catalog_of(tmp_path, declared), "person:ana", NOW)
        return estate_graph(stand(store))

    return build


def moves(
    source: str, target: str, by: str = "load", minute: int = 1, **parts: Any
) -> dict[str, Any]:
    return {
        "eventTime": at(minute),
        "inputs": [dataset(source)],
        "outputs": [dataset(target)],
        "job": job(by),
        **parts,
    }


# Laws -------------------------------------------------------------------------------------------


def test_real_events_give_the_edges_that_the_estate_has(
    corpus: Sequence[CorpusFile], clean_store: CleanStore
) -> None:
    for file in corpus:
        if "reject" not in file.verdicts:
            engine = clean_store()
            take(engine, [file.bodies])

            point = stand(engine)

            assert edges_of(estate_graph(point)) == edges_of_scene(point), file.name


@pytest.fixture(scope="module")
def whole(bodies: list[bytes], clean_store: CleanStore) -> tuple[Standpoint, EstateGraph]:
    engine = clean_store()
    take(engine, [bodies])
    point = stand(engine)
    return point, estate_graph(point)


def test_all_real_events_together_do_so_too(whole: tuple[Standpoint, EstateGraph]) -> None:
    point, graph = whole

    assert edges_of(graph) == edges_of_scene(point)
    estate = point.estate
    for key, asset in estate.datasets.items():
        number = graph.number(key)
        if number in graph.flow:
            above = {graph.key(i) for i in graph.flow.predecessors(number)}
            assert above == set(asset.upstream)
        assert set(graph.jobs_of(key, up=True)) >= set(asset.writers)
        assert set(graph.jobs_of(key, up=False)) >= set(asset.readers)


def test_what_is_above_and_what_is_below_mirror_each_other(
    whole: tuple[Standpoint, EstateGraph],
) -> None:
    _, graph = whole
    for key in graph:
        for current_only in (True, False):
            for below in graph.neighbours(key, up=False, current_only=current_only):
                link = found(graph.link(key, below))
                assert link.ends == (key, below)
                assert link.current or not current_only
                if below.kind is key.kind:
                    assert key in graph.neighbours(below, up=True, current_only=current_only)


def test_every_link_is_told_once_and_is_the_one_that_is_asked_for(
    whole: tuple[Standpoint, EstateGraph],
) -> None:
    _, graph = whole
    links = list(graph.links())

    assert [link.ends for link in links] == sorted({link.ends for link in links})
    for link in (*links, *graph.job_links()):
        asked = found(graph.link(*link.ends))
        assert asked == link or (asked.current and not link.current)
        assert (link.first_seen is None) == (link.last_seen is None) == (not link.observed)
        assert link.declared or link.observed
        assert (link.basis is LinkBasis.DECLARED) == (not link.observed)


def test_as_a_graph_of_networkx_it_has_every_asset_and_every_link(
    whole: tuple[Standpoint, EstateGraph],
) -> None:
    _, graph = whole

    drawn = graph.to_networkx()

    assert set(drawn) == set(graph)
    assert {data["link"].ends for *_, data in drawn.edges(data=True)} == {
        link.ends for link in (*graph.links(), *graph.job_links())
    }


NAMES = ("a.b.one", "a.b.two", "a.b.three", "a.b.tmp__dbt_tmp", "a.b.other__dbt_tmp")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["x", "y", "z"]),
            st.lists(st.sampled_from(NAMES), max_size=2),
            st.lists(st.sampled_from(NAMES), max_size=2),
            st.sampled_from(["START", "COMPLETE", "FAIL"]),
            st.integers(0, 20),
        ),
        max_size=14,
    )
)
def test_temporary_data_is_drawn_through_as_the_estate_does(
    clean_store: CleanStore, make_event: MakeEvent, runs: list[tuple[Any, ...]]
) -> None:
    engine = clean_store()
    events = [
        make_event(
            eventType=kind,
            eventTime=at(minute),
            run={"runId": f"run {number}"},
            job=job(by),
            inputs=[dataset(name) for name in inputs],
            outputs=[dataset(name) for name in outputs],
        )
        for number, (by, inputs, outputs, kind, minute) in enumerate(runs)
    ]
    take(engine, [[json.dumps(event).encode() for event in events]])

    point = stand(engine)
    graph = estate_graph(point)

    assert edges_of(graph) == edges_of_scene(point)
    for a, b in edges_of(graph):
        assert found(graph.link(a, b)).current
        assert not graph.is_noise(a)
        assert not graph.is_noise(b)


# Examples ---------------------------------------------------------------------------------------


def test_edge_tells_who_carried_it_since_when_and_until_when(graph_of: Build) -> None:
    graph = graph_of(
        moves("a", "b", "one", 1), moves("a", "b", "two", 5), moves("a", "b", "one", 9)
    )

    link = found(graph.link(ds("a"), ds("b")))

    assert link.jobs == (jb("one"), jb("two"))
    assert (link.first_seen, link.last_seen) == (
        NOW - timedelta(hours=9) + timedelta(minutes=1),
        NOW - timedelta(hours=9) + timedelta(minutes=9),
    )
    assert (link.current, link.provisional, link.observed, link.declared) == (
        True,
        False,
        True,
        False,
    )
    assert link.basis is LinkBasis.PRODUCT


def test_edge_that_a_later_success_lacks_stays_with_its_date(graph_of: Build) -> None:
    graph = graph_of(moves("a", "b", minute=1), moves("c", "b", minute=5))

    link = found(graph.link(ds("a"), ds("b")))

    assert not link.current
    assert link.last_seen == link.first_seen
    assert graph.neighbours(ds("b"), up=True) == (ds("c"),)
    assert graph.neighbours(ds("b"), up=True, current_only=False) == (ds("a"), ds("c"))
    assert edges_of(graph) == {(ds("c"), ds("b"))}


def test_edge_of_a_job_that_never_completed_is_provisional(graph_of: Build) -> None:
    graph = graph_of(moves("a", "b", eventType="START"))

    assert found(graph.link(ds("a"), ds("b"))).provisional

    graph = graph_of(moves("a", "b", by="other", minute=2))

    assert not found(graph.link(ds("a"), ds("b"))).provisional


def test_edge_that_left_and_came_back_is_current(graph_of: Build) -> None:
    graph = graph_of(
        moves("a", "b", minute=1), moves("c", "b", minute=2), moves("a", "b", minute=3),
        moves("c", "b", minute=4),
    )  # fmt: skip

    assert found(graph.link(ds("a"), ds("b"))).current


def declared_job(source: str, target: str, by: str = "load") -> dict[str, Any]:
    return {
        "eventType": None,
        "run": None,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
        "job": job(by),
        "inputs": [dataset(source)],
        "outputs": [dataset(target)],
    }


def without_nulls(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if value is not None}


def test_edge_that_is_only_declared_says_so(graph_of: Build) -> None:
    graph = graph_of(declared_job("a", "b"), moves("b", "c", by="other"))

    link = found(graph.link(ds("a"), ds("b")))

    assert (link.basis, link.observed, link.declared, link.current) == (
        LinkBasis.DECLARED, False, True, True,
    )  # fmt: skip
    assert (link.first_seen, link.last_seen, link.jobs) == (None, None, (jb("load"),))


def test_edge_that_is_declared_and_seen_is_both(graph_of: Build) -> None:
    graph = graph_of(declared_job("a", "b"), moves("a", "b"), moves("x", "b", minute=2))

    link = found(graph.link(ds("a"), ds("b")))

    assert (link.observed, link.declared, link.current) == (True, True, True)
    assert link.basis is LinkBasis.PRODUCT


def test_basis_is_that_of_what_counts_now(graph_of: Build) -> None:
    columns = {"fields": {"x": {"inputFields": [{"namespace": WH, "name": "a", "field": "x"}]}}}
    traced = moves("a", "b", minute=1)
    traced["outputs"] = [dataset("b", columnLineage=columns)]

    assert found(graph_of(traced).link(ds("a"), ds("b"))).basis is LinkBasis.COLUMN

    graph = graph_of(moves("a", "b", minute=2))

    assert found(graph.link(ds("a"), ds("b"))).basis is LinkBasis.PRODUCT


def test_explicit_lineage_may_lead_from_a_dataset_into_itself(graph_of: Build) -> None:
    entry = {"namespace": WH, "name": "a", "type": "DATASET"}
    event = moves("a", "a")
    event["job"] = job("load", lineage={"entries": [{**entry, "inputs": [entry]}]})

    graph = graph_of(event)

    link = found(graph.link(ds("a"), ds("a")))
    assert (link.basis, link.current) == (LinkBasis.EXPLICIT, True)
    assert edges_of(graph) == {(ds("a"), ds("a"))}


def test_link_drawn_through_noise_names_every_job_on_the_way(graph_of: Build) -> None:
    graph = graph_of(
        moves("a", "s.x__dbt_tmp", "one", 1),
        moves("s.x__dbt_tmp", "s.y__dbt_tmp", "two", 2),
        moves("s.y__dbt_tmp", "b", "three", 3, eventType="START"),
    )

    link = found(graph.link(ds("a"), ds("b")))

    assert link.jobs == (jb("one"), jb("three"), jb("two"))
    assert link.provisional
    assert edges_of(graph) == {(ds("a"), ds("b"))}
    assert graph.is_noise(ds("s.x__dbt_tmp"))
    assert graph.neighbours(ds("a"), up=False) == (ds("s.x__dbt_tmp"),)
    assert graph.subgraph([ds("a"), ds("b")]).has_edge(ds("a"), ds("b"))


def test_names_of_one_dataset_are_one_node(graph_of: Build) -> None:
    symlink = {"identifiers": [{"namespace": WH, "name": "b", "type": "TABLE"}]}
    written = moves("a", "path", "one")
    written["outputs"] = [dataset("path", "s3://lake", symlinks=symlink)]

    graph = graph_of(written, moves("b", "c", "two"))

    assert graph.number(ds("path", "s3://lake")) == graph.number(ds("b"))
    assert edges_of(graph) == {(ds("a"), ds("b")), (ds("b"), ds("c"))}
    assert ds("path", "s3://lake") in graph
    assert ds("nobody") not in graph


def test_jobs_stand_between_what_they_read_and_write(graph_of: Build) -> None:
    graph = graph_of(moves("a", "b", minute=1), moves("c", "b", minute=2))

    ends = [(link.ends, link.current) for link in graph.job_links()]

    assert ends == [
        ((ds("a"), jb("load")), False),
        ((ds("c"), jb("load")), True),
        ((jb("load"), ds("b")), True),
    ]
    assert graph.neighbours(jb("load"), up=True) == (ds("c"),)
    assert graph.neighbours(jb("load"), up=False) == (ds("b"),)
    assert graph.jobs_of(ds("a"), up=False) == ()
    assert graph.jobs_of(ds("a"), up=False, current_only=False) == (jb("load"),)


def test_what_runs_past_the_instant_carried_is_not_there(
    store: Engine, make_event: MakeEvent
) -> None:
    events = [make_event(run={"runId": str(n)}, **moves("a", f"b{n}", minute=n)) for n in (1, 5)]
    Ingestor(store).ingest([Arrival(json.dumps(event).encode(), "t") for event in events])

    graph = estate_graph(stand(store, NOW - timedelta(hours=9) + timedelta(minutes=3)))

    assert ds("b1") in graph
    assert ds("b5") not in graph
