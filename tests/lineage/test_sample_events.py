"""The events of the sample company: valid, repeatable, and never from the future."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from openlineage.client.serde import Serde
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from lineage.sample.events import (
    client_events_of_day,
    company_events,
    days_newest_first,
    events_of_day,
)
from lineage.sample.model import Company
from lineage.sample.scenario import load_company

ANCHOR = datetime(2026, 11, 20, 17, 42, tzinfo=UTC)
SPECIFICATION = Path(__file__).parents[3] / "shared" / "openlineage" / "spec"


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company()


@pytest.fixture(scope="module")
def history(company: Company) -> list[dict[str, Any]]:
    """Sixty-one days: everything that is planted lies in them."""
    return [json.loads(body) for body in company_events(company, ANCHOR, 61)]


def _varied(history: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One event of each shape: same job, state and facets."""
    seen = set()
    for event in history:
        datasets = event["inputs"] + event["outputs"]
        shape = (
            event["job"]["namespace"],
            event["job"]["name"],
            event["eventType"],
            *event["run"]["facets"],
            *(facet for dataset in datasets for facet in dataset["facets"]),
        )
        if shape not in seen:
            seen.add(shape)
            yield event


def test_cached_event_is_what_the_client_would_send(company: Company) -> None:
    for age in (0, 4, 40, 45, 60):
        day = ANCHOR.date() - timedelta(days=age)
        plain = [
            Serde.to_json(event).encode() for event in client_events_of_day(company, day, ANCHOR)
        ]

        assert list(events_of_day(company, day, ANCHOR)) == plain


def test_same_anchor_gives_the_same_events(company: Company) -> None:
    day = ANCHOR.date()
    again = load_company.__wrapped__()

    assert list(events_of_day(company, day, ANCHOR)) == list(events_of_day(again, day, ANCHOR))


def test_another_order_of_days_gives_the_same_events(company: Company) -> None:
    forwards = set(company_events(company, ANCHOR, 20))
    as_filled = {
        body
        for day in days_newest_first(ANCHOR, 20)
        for body in events_of_day(company, day, ANCHOR)
    }

    assert as_filled == forwards


def test_newest_two_days_come_first_and_in_order_of_time() -> None:
    days = days_newest_first(ANCHOR, 5)

    assert [(ANCHOR.date() - day).days for day in days] == [1, 0, 2, 3, 4]
    assert days_newest_first(ANCHOR, 1) == (ANCHOR.date(),)


def test_nothing_happens_after_the_anchor(history: list[dict[str, Any]]) -> None:
    latest = max(event["eventTime"] for event in history)

    assert latest <= "2026-11-20T17:42:00.000000Z"
    assert latest > "2026-11-20T17:00"


def test_early_anchor_leaves_the_day_nearly_empty(company: Company) -> None:
    early = ANCHOR.replace(hour=0, minute=1)

    assert len(list(events_of_day(company, early.date(), early))) < 20


def test_two_hundred_days_are_about_sixty_thousand_events(company: Company) -> None:
    count = sum(1 for _ in company_events(company, ANCHOR, 200))

    assert 50_000 <= count <= 70_000


def test_hourly_jobs_run_hourly_in_the_last_fourteen_days_only(
    history: list[dict[str, Any]],
) -> None:
    starts = Counter(
        event["eventTime"][:10]
        for event in history
        if (event["job"]["namespace"], event["job"]["name"]) == ("airflow-prod", "ingest_shop")
        and event["eventType"] == "START"
    )

    assert starts["2026-11-19"] == 24
    assert starts["2026-11-07"] == 24
    assert starts["2026-11-06"] == 1


def test_every_run_starts_once_and_ends_at_most_once(history: list[dict[str, Any]]) -> None:
    states = defaultdict(list)
    for event in history:
        states[event["run"]["runId"], event["job"]["name"]].append(event["eventType"])

    for seen in states.values():
        assert seen.count("START") == 1
        assert sum(state in ("COMPLETE", "FAIL", "ABORT") for state in seen) <= 1
    finished = [seen for seen in states.values() if len(seen) > 1]
    assert len(finished) > 0.97 * len(states)


def test_runs_fail_and_are_tried_again(history: list[dict[str, Any]]) -> None:
    failures = [event for event in history if "errorMessage" in event["run"]["facets"]]
    jobs = Counter(event["job"]["name"] for event in history)

    assert 0.002 < len(failures) / len(history) < 0.03
    assert all(event["outputs"] == [] for event in failures)
    assert all(jobs[event["job"]["name"]] > 2 for event in failures)


def test_data_tests_fail_at_times_and_are_mended(history: list[dict[str, Any]]) -> None:
    results = defaultdict(list)
    for event in history:
        for dataset in event["inputs"]:
            facet = dataset["inputFacets"].get("dataQualityAssertions", {})
            for assertion in facet.get("assertions", ()):
                key = (dataset["name"], assertion["assertion"], assertion.get("column"))
                if event["eventType"] != "ABORT":
                    results[key].append(assertion["success"])

    mended = [r for r in results.values() if False in r and True in r[r.index(False) :]]
    assert len(mended) >= 5
    share = sum(r.count(False) for r in results.values()) / sum(map(len, results.values()))
    assert 0 < share < 0.02


def test_every_event_keeps_to_the_openlineage_specification(
    history: list[dict[str, Any]],
) -> None:
    if not SPECIFICATION.is_dir():
        pytest.skip(f"no OpenLineage schemas at {SPECIFICATION}")
    registry, resources = _published()
    core = Draft202012Validator(
        {"$ref": "https://openlineage.io/spec/2-0-2/OpenLineage.json"}, registry=registry
    )
    facets: dict[str, Draft202012Validator] = {}

    for event in _varied(history):
        assert not list(core.iter_errors(event)), event["job"]
        for facet in _facets(event):
            url = facet["_schemaURL"]
            assert url.partition("#")[0] in resources, url
            validator = facets.setdefault(
                url, Draft202012Validator({"$ref": url}, registry=registry)
            )
            errors = list(validator.iter_errors(facet))
            assert not errors, (event["job"], url, errors[0].message)


def _facets(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from event["run"]["facets"].values()
    yield from event["job"]["facets"].values()
    for dataset in event["inputs"] + event["outputs"]:
        yield from dataset["facets"].values()
        yield from dataset.get("inputFacets", {}).values()
        yield from dataset.get("outputFacets", {}).values()


def _published() -> tuple[Registry[Any], set[str]]:
    documents = [json.loads(path.read_text()) for path in sorted(SPECIFICATION.rglob("*.json"))]
    resources = {
        document["$id"]: Resource.from_contents(document, default_specification=DRAFT202012)
        for document in documents
        if isinstance(document, dict) and "$id" in document
    }
    return Registry().with_resources(resources.items()), set(resources)
