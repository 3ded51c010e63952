"""Who feels a change, what may have caused a failure, and which flows should give pause."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Environment, Kind
from catalog.store import apply_catalog
from lineage.estate import RunState
from lineage.graph.dating import Dating
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.impact import Cause, Station, backward_flows, causes, cycles, impact
from lineage.graph.loading import estate_graph
from lineage.history import Standpoint, stand
from tests.lineage.conftest import MakeEvent
from tests.lineage.graph.graphs import ds, graph_of, graphs
from tests.lineage.worlds import DAY, NOW, WH, at, catalog_of, dataset, job, take

World = Callable[..., Standpoint]

DECLARED = """
version: 1
environments:
  - {environment: prod, namespace: "postgres://*"}
teams:
  - {id: finance, name: Finance, members: [{person: "person:ana"}]}
assets:
  - {select: "name:wh.mart.*", owner: "team:finance", tier: 1}
"""


def key(name: str) -> AssetKey:
    return AssetKey(Kind.DATASET, WH, name)


@pytest.fixture
def world(store: Engine, make_event: MakeEvent, tmp_path: Path) -> World:
    """Ingests events, applies declared files, and answers with what is known then."""

    def build(*events: dict[str, Any], declared: str = "") -> Standpoint:
        filled = [
            {**make_event(run={"runId": f"run {number}"}, eventTime=at(number)), **event}
            for number, event in enumerate(events)
        ]
        take(store, [[json.dumps(event).encode() for event in filled]])
        if declared:
            apply_catalog(store, catalog_of(tmp_path, declared), "person:ana", DAY)
        return stand(store, NOW)

    return build


def moves(source: str, target: str, by: str, **parts: Any) -> dict[str, Any]:
    facets = parts.pop("facets", {})
    return {
        "job": job(by, **parts.pop("job_facets", {})),
        "inputs": [dataset(source)],
        "outputs": [dataset(target, **facets)],
        **parts,
    }


def asked(seen: Standpoint, root: str) -> list[Cause]:
    graph = estate_graph(seen)
    with seen.engine.connect() as connection:
        everything = list(seen.estate.datasets)
        schemas = Dating(connection, seen).schema_changes(everything, DAY - timedelta(days=1))
    return list(causes(seen.observed, seen.estate, graph, key(root), schemas))


# Laws -------------------------------------------------------------------------------------------


@given(graphs)
def test_cycles_are_found_wherever_data_comes_back(graph: EstateGraph) -> None:
    flow: nx.DiGraph[AssetKey] = nx.DiGraph()
    flow.add_nodes_from(map(graph.key, graph.flow))
    flow.add_edges_from((graph.key(a), graph.key(b)) for a, b in graph.flow.edges())
    knots = [
        knot
        for knot in nx.strongly_connected_components(flow)
        if len(knot) > 1 or flow.has_edge(*[*knot] * 2)
    ]

    found = cycles(graph)

    assert len(found) == len(knots)
    for way in found:
        assert way[0] == min(next(knot for knot in knots if way[0] in knot))
        assert all(flow.has_edge(a, b) for a, b in zip(way, (*way[1:], way[0]), strict=True))
        assert len(set(way)) == len(way)


@given(st.permutations([("a", "j", "b"), ("b", "k", "c"), ("c", "l", "a"), ("c", "m", "b")]))
def test_of_a_knot_the_same_shortest_cycle_is_told(does: list[tuple[str, str, str]]) -> None:
    assert cycles(graph_of(does)) == ((ds("a"), ds("b"), ds("c")),)


# Impact -----------------------------------------------------------------------------------------


def test_impact_tells_of_each_dataset_below_whom_to_ask_and_how_it_fares(world: World) -> None:
    failing = {
        "dataQualityAssertions": {
            "assertions": [{"assertion": "not_null", "success": False, "column": "id"}]
        }
    }
    seen = world(
        moves("wh.raw.a", "wh.staging.b", "load"),
        moves("wh.staging.b", "wh.mart.c", "build", facets=failing),
        moves("wh.staging.b", "wh.mart.c", "build", eventType="FAIL", run={"runId": "last"}),
        moves("wh.other.x", "wh.other.y", "other"),
        declared=DECLARED,
    )

    found = impact(seen.estate, estate_graph(seen), key("wh.raw.a"))

    assert [(row.key.name, row.distance) for row in found.rows] == [
        ("wh.staging.b", 1), ("wh.mart.c", 2),
    ]  # fmt: skip
    mart = found.rows[1]
    assert (mart.owner, mart.team, mart.tier) == ("team:finance", "finance", 1)
    assert (mart.environment, mart.station) == (Environment.PROD, Station.MART)
    assert mart.failing_tests == ("not_null(id)",)
    assert mart.last_run is not None
    assert (mart.last_run.run_id, mart.last_run.state) == ("last", RunState.FAIL)
    assert found.rows[0].failing_tests == ()
    assert not found.truncated


def test_nothing_stands_on_what_nobody_reads(world: World) -> None:
    seen = world(moves("wh.raw.a", "wh.mart.b", "load"))

    assert impact(seen.estate, estate_graph(seen), key("wh.mart.b")).rows == ()


# Causes -----------------------------------------------------------------------------------------


def test_what_changed_last_comes_first_with_its_station_and_event(world: World) -> None:
    def code(version: str) -> dict[str, Any]:
        return {"sourceCodeLocation": {"type": "git", "url": "u", "version": version}}

    def schema(name: str) -> dict[str, Any]:
        return {"schema": {"fields": [{"name": name, "type": "int"}]}}

    seen = world(
        moves("wh.raw.a", "wh.staging.b", "stage", facets=schema("old"), job_facets=code("1")),
        moves("wh.staging.b", "wh.mart.c", "build"),
        moves("wh.raw.a", "wh.staging.b", "stage", facets=schema("old"), job_facets=code("2")),
        moves("wh.raw.a", "wh.staging.b", "stage", facets=schema("new"), job_facets=code("2")),
        moves("wh.source.s", "wh.raw.a", "load", eventType="FAIL"),
        moves("wh.staging.b", "wh.mart.beside", "beside", eventType="FAIL"),
    )

    found = asked(seen, "wh.mart.c")

    assert [(c.change.value, c.asset.name, c.station.value, c.distance) for c in found] == [
        ("run_failed", "load", "raw", 2),
        ("schema_changed", "wh.staging.b", "staging", 1),
        ("code_changed", "stage", "staging", 1),
    ]
    assert [c.said for c in found] == [
        "its last run: fail", "+new, -old", "its code is 2 since then",
    ]  # fmt: skip
    assert [(c.at - DAY) // timedelta(minutes=1) for c in found] == [4, 3, 2]
    assert all(e.event_id for c in found for e in c.evidence)


def test_a_write_past_the_pipelines_and_a_failing_data_test_are_causes(world: World) -> None:
    failing = {"dataQualityAssertions": {"assertions": [{"assertion": "rows", "success": False}]}}
    pipelines = (
        DECLARED
        + """
pipelines:
  - {id: nightly, environment: prod, team: finance, jobs: [{namespace: "*", name: "load*"}]}
"""
    )
    seen = world(
        moves("wh.raw.a", "wh.mart.c", "load"),
        moves("wh.raw.a", "wh.mart.c", "by_hand"),
        moves("wh.raw.a", "wh.mart.c", "load", facets=failing),
        declared=pipelines,
    )

    found = asked(seen, "wh.mart.c")

    assert [(c.change.value, c.said) for c in found] == [
        ("data_test_failed", "data test rows: fail"),
        ("unsanctioned_write", "written by by_hand, run by nobody named"),
    ]


def test_a_run_that_goes_on_is_a_cause_unless_it_never_ends(world: World) -> None:
    endless = {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}}
    seen = world(
        moves("wh.raw.a", "wh.mart.c", "load"),
        moves("wh.raw.a", "wh.mart.c", "load", eventType="START", run={"runId": "on"}),
        moves("wh.raw.b", "wh.mart.c", "flow", eventType="START", job_facets=endless),
    )

    (found,) = asked(seen, "wh.mart.c")

    assert (found.change.value, found.asset.name) == ("still_running", "load")
    assert found.evidence[0].value == "on"


def test_where_nothing_changed_there_is_no_cause(world: World) -> None:
    assert asked(world(moves("wh.raw.a", "wh.mart.c", "load")), "wh.mart.c") == []


# Flows ------------------------------------------------------------------------------------------


def test_data_that_flows_from_a_mart_into_raw_flows_back(world: World) -> None:
    seen = world(
        moves("wh.raw.a", "wh.staging.b", "one"),
        moves("wh.staging.b", "wh.mart.c", "two"),
        moves("wh.mart.c", "wh.raw.d", "three"),
        moves("wh.mart.c", "wh.unheard_of.e", "four"),
    )

    (flow,) = backward_flows(seen.estate, estate_graph(seen))

    assert flow.link.ends == (key("wh.mart.c"), key("wh.raw.d"))
    assert (flow.source, flow.target) == (Station.MART, Station.RAW)
