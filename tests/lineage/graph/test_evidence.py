"""What edges rest on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from lineage.estate import RunState
from lineage.graph.evidence import Supports, runs_of_events
from lineage.graph.loading import estate_graph
from lineage.graph.model import Support
from lineage.graph.paths import shortest_paths
from lineage.history import stand
from lineage.reading import event_json
from tests.lineage.conftest import MakeEvent
from tests.lineage.worlds import WH, at, dataset, job, take

Ask = Callable[..., Support]


@pytest.fixture
def ask(store: Engine, make_event: MakeEvent) -> Ask:
    """Ingests events, and answers with what the edge from ``x.a`` to ``x.b`` rests on."""

    def build(*events: dict[str, Any]) -> Support:
        filled = [
            {**make_event(run={"runId": f"run {n}"}, eventTime=at(n)), **event}
            for n, event in enumerate(events)
        ]
        filled = [{k: v for k, v in event.items() if v is not None} for event in filled]
        take(store, [[json.dumps(event).encode() for event in filled]])
        seen = stand(store)
        source, target = (AssetKey(Kind.DATASET, WH, name) for name in ("x.a", "x.b"))
        ((link,),) = shortest_paths(estate_graph(seen), source, target).paths
        with seen.engine.connect() as connection:
            return Supports(connection, seen).of(link)

    return build


def moves(source: str, target: str, by: str = "load", **parts: Any) -> dict[str, Any]:
    return {
        "job": job(by, **parts.pop("job_facets", {})),
        "inputs": [dataset(source)],
        "outputs": [dataset(target, **parts.pop("facets", {}))],
        **parts,
    }


def at_path(store: Engine, support: Support) -> Any:
    """What stands in the event at the place that the evidence names."""
    assert support.evidence is not None
    found: Any = event_json(store, support.evidence.event_id or "")
    for part in (support.evidence.facet or "").replace("[", ".").replace("]", "").split("."):
        found = found[int(part)] if part.isdigit() else found[part]
    return found


def test_the_newest_run_that_carried_it_counts(ask: Ask, store: Engine) -> None:
    found = ask(
        moves("x.a", "x.b"),
        moves("x.a", "x.b", eventType="FAIL", run={"runId": "failed"}),
        moves("x.a", "x.c", "other"),
    )

    assert found.last_run is not None
    assert (found.last_run.run_id, found.last_run.state) == ("failed", RunState.FAIL)
    assert at_path(store, found) == "failed"


def test_evidence_is_the_facet_that_says_so(ask: Ask, store: Engine) -> None:
    source = {"namespace": WH, "name": "x.a", "field": "i"}
    by_column = {"columnLineage": {"fields": {"i": {"inputFields": [source]}}}}

    found = ask(moves("x.a", "x.b", facets=by_column))

    assert at_path(store, found) == by_column["columnLineage"]


def test_evidence_is_the_explicit_facet_of_the_job(ask: Ask, store: Engine) -> None:
    source = {"type": "DATASET", "namespace": WH, "name": "x.a"}
    target = {"type": "DATASET", "namespace": WH, "name": "x.b", "inputs": [source]}
    explicit = {"lineage": {"entries": [target]}}

    found = ask(moves("x.a", "x.b", job_facets=explicit))

    assert at_path(store, found) == explicit["lineage"]


def test_through_noise_the_run_that_wrote_the_end_counts(ask: Ask) -> None:
    found = ask(moves("x.a", "x.b__dbt_tmp", "one"), moves("x.b__dbt_tmp", "x.b", "two"))

    assert found.last_run is not None
    assert found.last_run.job.name == "two"


def test_what_is_only_declared_has_no_run_and_the_event_that_declares_it(
    ask: Ask, store: Engine
) -> None:
    found = ask(moves("x.a", "x.b", run=None, eventType=None))

    assert found.last_run is None
    assert at_path(store, found)["name"] == "load"


def test_what_a_dataset_derives_from_is_said_by_its_own_facet(ask: Ask, store: Engine) -> None:
    inputs = [{"type": "DATASET", "namespace": WH, "name": "x.a"}]
    view = dataset("x.b", lineage={"inputs": inputs})

    found = ask({"dataset": view, "run": None, "job": None, "eventType": None})

    assert found.last_run is None
    assert at_path(store, found) == {"inputs": inputs}


def test_the_run_of_an_event_is_found(store: Engine, make_event: MakeEvent) -> None:
    ended = make_event(run={"runId": "r"}, eventTime=at(1), **moves("x.a", "x.b"))
    declared = {**ended, "run": None, "eventType": None}
    declared = {k: v for k, v in declared.items() if v is not None}
    take(store, [[json.dumps(event).encode() for event in (ended, declared)]])
    with store.connect() as connection:
        ids = [
            row[0].hex()
            for row in connection.exec_driver_sql("SELECT event_id FROM lineage_event ORDER BY seq")
        ]

    found = runs_of_events(stand(store), [*ids, "00" * 32])

    assert {event_id: run.run_id for event_id, run in found.items()} == {ids[0]: "r"}
