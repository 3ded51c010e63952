"""Events whose parts are not what they should be: nothing that a sender does breaks the intake."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.shapes import document
from lineage.estate import Dataset, Estate
from lineage.history import Standpoint, stand
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.proposal import proposal
from lineage.provenance.as_json import story_json
from lineage.provenance.backwards import backwards
from lineage.provenance.descents import descends_from_edit
from lineage.provenance.forwards import forwards
from lineage.provenance.prov_json import story_prov
from lineage.reading import event_json, load_estate
from lineage.rebuild import digest, rebuild

MakeEvent = Callable[..., dict[str, Any]]
CleanStore = Callable[[], Engine]
Path = tuple[str | int, ...]

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"fields": [value], "name": "x"}
    return value


HOSTILE: list[Any] = [
    None, True, False, 0, -1, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 10**30, -(10**30), 0.5, -0.0,
    1e20, 1e308, "", " ", "x", "\0", "a\0b", "a\ud800b", "x" * 5000, "\ufeff", "\x01", "a\nb",
    "team:", "person: a", "NaN", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-05:00", [], {}, [None], [[]], [{}], {"": None}, {"x": {}},
    [1, "a", None, {}], {"_deleted": True}, {"_deleted": False}, nested(30), nested(60),
    [["x"]] * 3, {"namespace": "", "name": ""}, {"namespace": "a", "name": "b"},
    [{"namespace": "a", "name": 3}],
]  # fmt: skip


def rich_event() -> dict[str, Any]:
    """A run that says something in every facet that is read anywhere."""
    dataset: dict[str, Any] = {
        "namespace": "postgres://prod:5432",
        "name": "db.raw.orders",
        "facets": {
            "schema": {"fields": [{"name": "a", "type": "t", "fields": [{"name": "b"}]}]},
            "ownership": {"owners": [{"name": "team:sales", "type": "OWNER"}]},
            "documentation": {"description": "d"},
            "datasetType": {"datasetType": "TABLE", "subType": "EXTERNAL"},
            "tags": {
                "tags": [{"key": "k", "value": "v"}, {"key": "c", "value": "v", "field": "a"}]
            },
            "dataQualityMetrics": {"rowCount": 1, "lastUpdated": "2026-11-20T05:00:00Z"},
            "dataQualityAssertions": {
                "assertions": [
                    {"assertion": "not_null", "success": True, "column": "a", "severity": "error"},
                    {"assertion": "unique", "success": False, "name": "n", "actual": "1"},
                ]
            },
            "columnLineage": {
                "fields": {
                    "a": {"inputFields": [{"namespace": "n", "name": "db.s.t", "field": "f"}]}
                },
                "dataset": [{"namespace": "n", "name": "u", "field": "f"}],
            },
            "lifecycleStateChange": {"lifecycleStateChange": "OVERWRITE"},
        },
    }
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-20T06:00:00Z",
        "producer": "https://example.com/integration/dbt",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
        "run": {
            "runId": "019c0000-0000-7000-8000-000000000001",
            "facets": {
                "parent": {
                    "run": {"runId": "p"},
                    "job": {"namespace": "n", "name": "p"},
                    "root": {"run": {"runId": "r"}, "job": {"namespace": "n", "name": "r"}},
                },
                "parentRun": {"run": {"runId": "q"}, "job": {"namespace": "n", "name": "q"}},
                "tags": {"tags": [{"key": "principal", "value": "person:ana"}]},
                "hive_session": {"username": "ana"},
                "spark_applicationDetails": {"userName": "ana"},
                "airflow": {"dagRun": {"run_type": "manual", "triggering_user_name": "ana"}},
            },
        },
        "job": {
            "namespace": "prod",
            "name": "load",
            "facets": {
                "jobType": {
                    "processingType": "BATCH", "integration": "DBT", "jobType": "MODEL",
                },
                "sourceCodeLocation": {
                    "url": "https://example.com/r", "repoUrl": "r", "version": "v",
                    "branch": "main", "tag": "t", "pullRequestNumber": "1",
                },
                "ownership": {"owners": [{"name": "ana@example.com"}]},
            },
        },
        "inputs": [
            {**dataset, "inputFacets": {
                "inputStatistics": {"rowCount": 1, "size": 2},
                "dataQualityAssertions": dataset["facets"]["dataQualityAssertions"],
            }}
        ],
        "outputs": [
            {**dataset, "name": "db.mart.orders", "outputFacets": {
                "outputStatistics": {"rowCount": 1, "size": 2}}}
        ],
    }  # fmt: skip


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


@st.composite
def mutations(draw: st.DrawFn, event: dict[str, Any]) -> dict[str, Any]:
    """An event in which a few places hold something else, or nothing."""
    mutated = copy.deepcopy(event)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(places(mutated), key=repr)))
        holder: Any = mutated
        for step in path[:-1]:
            holder = holder[step]
        if draw(st.integers(0, 4)) == 0:
            del holder[path[-1]]
        else:
            holder[path[-1]] = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
        if not mutated:
            break
    return mutated


def shown(estate: Estate) -> list[Dataset]:
    """Its datasets without their surrogate numbers, which a rebuild may give anew."""
    return [replace(estate.datasets[key], id=0, ids=()) for key in sorted(estate.datasets)]


def tell_versions(seen: Standpoint) -> None:
    """Where all that is there now came from, and what was built on it."""
    for key in seen.estate.datasets:
        story, aftermath = backwards(seen, key), forwards(seen, key)
        assert (story is None) == (aftermath is None)
        if story is not None:
            document(story_json(story))
            document(story_prov(story, seen.estate))
    descends_from_edit(seen)


def survive(engine: Engine, events: list[dict[str, Any]], good: dict[str, Any]) -> None:
    """Take events in beside a good one, and read everything back in every way there is."""
    sent = [json.dumps(event).encode() for event in (*events, good)]
    ingestor = Ingestor(engine)

    receipts = ingestor.ingest([Arrival(body, "t") for body in sent])

    assert receipts[-1].status is not Status.REJECTED
    for receipt in receipts:
        if receipt.event_id is None:
            assert receipt.refusal is not None
            assert receipt.refusal.status in (400, 422)
        else:
            assert event_json(engine, receipt.event_id) is not None
    before = digest(engine)
    estate = load_estate(engine, NOW)
    tell_versions(stand(engine))
    proposal(estate)
    assert intake(engine).events == len({r.event_id for r in receipts if r.event_id})
    for _ in rebuild(engine):
        pass
    assert digest(engine) == before
    assert shown(load_estate(engine, NOW)) == shown(estate)
    assert {r.status for r in ingestor.ingest([Arrival(sent[-1], "t")])} == {Status.DUPLICATE}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(mutations(rich_event()), min_size=3, max_size=8))
def test_a_mutated_event_breaks_nothing(
    clean_store: CleanStore, make_event: MakeEvent, events: list[dict[str, Any]]
) -> None:
    survive(clean_store(), events, make_event())


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_mutated_real_event_breaks_nothing(
    clean_store: CleanStore, make_event: MakeEvent, bodies: list[bytes], data: st.DataObject
) -> None:
    small = [orjson.loads(body) for body in bodies if len(body) < 20_000]
    chosen = data.draw(st.lists(st.sampled_from(range(len(small))), min_size=2, max_size=4))

    survive(clean_store(), [data.draw(mutations(small[i])) for i in chosen], make_event())


def test_no_value_in_any_place_breaks_anything(
    clean_store: CleanStore, make_event: MakeEvent
) -> None:
    events = []
    for number, path in enumerate(places(rich_event())):
        # A third of the values at each place: all of them take half a minute, and passed once.
        for value in HOSTILE[number % 3 :: 3]:
            event = rich_event()
            event["run"]["runId"] = f"run {number}"
            holder: Any = event
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = value
            events.append(event)

    survive(clean_store(), events, make_event())


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", 0, -1.5])
@pytest.mark.parametrize("event_type", [None, "START", "COMPLETE"])
def test_an_event_from_before_1970_breaks_nothing(
    clean_store: CleanStore, make_event: MakeEvent, time: object, event_type: str | None
) -> None:
    event = {**rich_event(), "eventTime": time, "eventType": event_type}

    survive(clean_store(), [event], make_event())


@settings(max_examples=25)
@given(st.text(), st.text(), st.text(min_size=1, max_size=50), st.text(min_size=1, max_size=50))
@example("\0", "\ud800", "[*", "]?.x")
@example("a\x85b", "\u2028", "a\nb: c", " - x")
def test_any_names_and_texts_break_nothing(
    clean_store: CleanStore, make_event: MakeEvent, text: str, key: str, namespace: str, name: str
) -> None:
    event = rich_event()
    event["producer"] = text
    event["run"]["facets"][key] = {key: text}
    event["job"]["facets"][key] = {key: text}
    event["job"]["namespace"] = namespace
    output = event["outputs"][0]
    output["namespace"], output["name"] = namespace, name
    output["facets"][key] = {text: key}
    output["facets"]["ownership"] = {"owners": [{"name": text}, {"name": f"person:{name}"}]}
    output["facets"]["columnLineage"]["fields"][key] = {
        "inputFields": [{"namespace": text, "name": key, "field": name}]
    }

    survive(clean_store(), [event], make_event())
