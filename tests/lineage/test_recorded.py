"""What real producers sent, beside what they say of it themselves.

``python -m tests.live.record`` made the recordings; each has its producer's own account beside it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from lineage.estate import DataTestStatus, Estate, RunState
from lineage.importing import Summary, ingest_files
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.reading import load_estate
from lineage.run_story import run_story

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
NAMES = sorted(path.stem for path in RECORDED.glob("*.ndjson"))
DBT = ("dbt-1.11-artifacts", "dbt-1.11-structured-logs")
BROKEN_BUILD, BROKEN_TEST = "dbt-1.11-broken-build", "dbt-1.11-broken-test"
AIRFLOW = ("airflow-3.3-scheduler", "airflow-3.3-dags-test")
DAGSTER = "dagster-1.13-assets"
GREAT_EXPECTATIONS = "great-expectations-1.24-checkpoint"

Told = dict[tuple[str, str, str | None], tuple[DataTestStatus, bool]]
"""For each dataset, data test and column: how it ended, and whether a failure blocks."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What came of one recording, and the producer's own account of the same run."""

    summary: Summary
    events: int
    estate: Estate
    account: Any

    def states(self, namespace: str) -> dict[str, tuple[RunState | None, int]]:
        """For each job of a namespace how its newest run ended, and how many runs it had."""
        return {
            key.name: (job.last_state, job.runs_30d)
            for key, job in self.estate.jobs.items()
            if key.namespace == namespace
        }

    def told(self) -> Told:
        return {
            (key.name, test.name, test.column): (test.status, test.blocking)
            for key, dataset in self.estate.datasets.items()
            for test in dataset.tests
        }


Play = Callable[[str], Recording]


@pytest.fixture
def play(store: Engine) -> Play:
    """Takes one recording in."""

    def played(name: str) -> Recording:
        path = RECORDED / f"{name}.ndjson"
        events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        last = max(datetime.fromisoformat(event["eventTime"]) for event in events)
        summary = Summary()
        ingest_files(Ingestor(store), [path], summary)
        return Recording(
            summary=summary,
            events=len(events),
            estate=load_estate(store, last + timedelta(minutes=1)),
            account=json.loads((RECORDED / f"{name}.json").read_text("utf-8")),
        )

    return played


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_event_is_stored(play: Play, name: str) -> None:
    recording = play(name)

    assert recording.summary.rejections == []
    assert recording.summary.stored == recording.events


@pytest.mark.parametrize("name", [name for name in NAMES if name != GREAT_EXPECTATIONS])
def test_what_the_standard_allows_is_not_warned_about(play: Play, name: str) -> None:
    assert play(name).summary.warnings == 0


@pytest.mark.parametrize("name", NAMES)
def test_recordings_name_no_machine_and_no_secret(name: str) -> None:
    text = (RECORDED / f"{name}.ndjson").read_text("utf-8")

    assert re.findall(r"/(?:home|opt|root|tmp|work|Users)/[^\"]*", text) == []
    assert re.findall(r"(?i)password|secret|api_?key", text) == []


# dbt -------------------------------------------------------------------------------------------

DBT_STATES = {"success": RunState.COMPLETE, "error": RunState.FAIL, "skipped": RunState.ABORT}
DBT_TESTS = {
    "pass": DataTestStatus.PASS,
    "warn": DataTestStatus.FAIL,
    "fail": DataTestStatus.FAIL,
    "skipped": DataTestStatus.SKIPPED,
}


def dbt_nodes(recording: Recording, kind: str) -> list[dict[str, Any]]:
    return [node for node in recording.account if node["id"].startswith(f"{kind}.")]


def test_models_that_dbt_reports_from_artifacts_end_as_dbt_says(play: Play) -> None:
    recording = play("dbt-1.11-artifacts")

    states = {name: state for name, (state, _) in recording.states("bike-shop").items()}

    # Of a model that was skipped, artifacts say nothing.
    assert {name: state for name, state in states.items() if name.endswith(".build.run")} == {
        f"shop.main.bike_shop.{node['name']}.build.run": DBT_STATES[node["status"]]
        for node in dbt_nodes(recording, "model")
        if node["status"] != "skipped"
    }
    assert states["dbt-run-bike_shop"] is RunState.FAIL


def test_models_that_dbt_reports_from_its_log_end_as_dbt_says(play: Play) -> None:
    recording = play("dbt-1.11-structured-logs")

    states = {name: state for name, (state, _) in recording.states("bike-shop").items()}

    assert {
        name: state for name, state in states.items() if re.fullmatch(r"model\.\w+\.\w+", name)
    } == {node["id"]: DBT_STATES[node["status"]] for node in dbt_nodes(recording, "model")}
    assert states["dbt-run-bike_shop"] is RunState.FAIL


@pytest.mark.parametrize("name", DBT)
def test_data_tests_of_dbt_end_as_dbt_says(play: Play, name: str) -> None:
    recording = play(name)

    assert recording.told() == {
        (f"shop.main.{node['table']}", node["name"], node["column"]): (
            DBT_TESTS[node["status"]],
            node["status"] != "warn",
        )
        for node in dbt_nodes(recording, "test")
    }


@pytest.mark.parametrize("name", DBT)
def test_tables_of_dbt_are_known_and_connected(play: Play, name: str) -> None:
    recording = play(name)

    tables = {k.name: d for k, d in recording.estate.datasets.items() if d.noise is None}

    models = {node["name"] for node in dbt_nodes(recording, "model") if node["status"] == "success"}
    assert tables.keys() >= {f"shop.main.{each}" for each in models}
    rentals = tables["shop.main.fct_rentals"]
    assert {key.name for key in rentals.upstream} == {
        "shop.main.stg_bikes",
        "shop.main.stg_rentals",
    }
    # What never succeeded is drawn from its newest run.
    assert {key.name for key in rentals.downstream} == {
        "shop.main.late_fees",
        "shop.main.revenue_by_model",
    }


def test_a_model_in_both_modes_of_dbt_is_one_job(store: Engine) -> None:
    summary = Summary()
    ingest_files(Ingestor(store), [RECORDED / f"{name}.ndjson" for name in DBT], summary)

    estate = load_estate(store, datetime(2026, 11, 21, 16, tzinfo=UTC))

    writers = {
        key.name: [writer.name for writer in dataset.writers]
        for key, dataset in estate.datasets.items()
        if dataset.noise is None and dataset.writers
    }
    assert writers == {
        f"shop.main.{name}": [f"model.bike_shop.{name}"]
        for name in ("fct_rentals", "revenue_by_model", "late_fees", "fees_by_model")
    }
    model = estate.jobs[AssetKey(Kind.JOB, "bike-shop", "model.bike_shop.revenue_by_model")]
    # Its data test failed; it did not.
    assert model.last_state is RunState.COMPLETE


def ingest(store: Engine, *names: str) -> Estate:
    ingest_files(Ingestor(store), [RECORDED / f"{name}.ndjson" for name in names], Summary())
    return load_estate(store, datetime(2026, 11, 22, tzinfo=UTC))


def unexecuted(estate: Estate) -> dict[str, tuple[DataTestStatus, bool]]:
    """What data tests that came to no answer are told to be, and whether that is in doubt."""
    return {
        test.description or "": (test.status, test.is_doubtful)
        for tests in (
            *(dataset.tests for dataset in estate.datasets.values()),
            *(job.tests for job in estate.jobs.values()),
        )
        for test in tests
        if test.status in (DataTestStatus.SKIPPED, DataTestStatus.BROKEN)
    }


def test_a_data_test_of_a_model_that_failed_was_skipped(play: Play) -> None:
    """In ``dbt build`` the model is tried before its data tests."""
    estate = play("dbt-1.11-artifacts").estate

    assert unexecuted(estate) == {"not_null_late_fees_rental_id": (DataTestStatus.SKIPPED, False)}


def test_a_data_test_of_a_model_that_was_built_broke(play: Play) -> None:
    recording = play(BROKEN_BUILD)

    told = unexecuted(recording.estate)

    accounts = {node["id"].split(".")[2]: node["status"] for node in recording.account}
    assert accounts["not_null_fct_rentals_colour"] == accounts["rentals_have_a_colour"] == "error"
    assert told["not_null_fct_rentals_colour"] == (DataTestStatus.BROKEN, False)
    assert told["rentals_have_a_colour"] == (DataTestStatus.BROKEN, False)


def test_of_a_model_that_nothing_is_known_of_dbt_does_not_say(play: Play) -> None:
    """It was skipped, so it has no event here and its place in the lineage is not known."""
    recording = play(BROKEN_BUILD)

    told = unexecuted(recording.estate)

    accounts = {node["id"].split(".")[2]: node["status"] for node in recording.account}
    assert accounts["late_fees"] == accounts["not_null_late_fees_rental_id"] == "skipped"
    assert told["not_null_late_fees_rental_id"] == (DataTestStatus.SKIPPED, True)
    assert told["late_fees_are_of_rentals"] == (DataTestStatus.SKIPPED, True)


def test_what_stands_below_a_model_whose_data_test_broke_was_skipped(store: Engine) -> None:
    """An earlier command told that late fees are made of rentals."""
    told = unexecuted(ingest(store, "dbt-1.11-artifacts", BROKEN_BUILD))

    assert told["not_null_late_fees_rental_id"] == (DataTestStatus.SKIPPED, False)
    assert told["late_fees_are_of_rentals"] == (DataTestStatus.SKIPPED, False)
    assert told["rentals_have_a_colour"] == (DataTestStatus.BROKEN, False)


def test_where_dbt_only_tests_nothing_is_skipped(play: Play) -> None:
    recording = play(BROKEN_TEST)

    errors = {n["id"].split(".")[2] for n in recording.account if n["status"] == "error"}

    assert unexecuted(recording.estate) == dict.fromkeys(errors, (DataTestStatus.BROKEN, False))


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_events_never_tells_skipped_from_broken(store: Engine, seed: int) -> None:
    lines = [
        line
        for name in ("dbt-1.11-artifacts", BROKEN_BUILD, BROKEN_TEST)
        for line in (RECORDED / f"{name}.ndjson").read_bytes().splitlines()
    ]
    random.Random(seed).shuffle(lines)  # noqa: S311  any order will do
    for line in lines:
        Ingestor(store).ingest([Arrival(line, "t")])

    shuffled = unexecuted(load_estate(store, datetime(2026, 11, 22, tzinfo=UTC)))

    assert shuffled == {
        "not_null_late_fees_rental_id": (DataTestStatus.SKIPPED, False),
        "late_fees_are_of_rentals": (DataTestStatus.SKIPPED, False),
        "not_null_fct_rentals_colour": (DataTestStatus.BROKEN, False),
        "rentals_have_a_colour": (DataTestStatus.BROKEN, False),
    }


def test_the_story_of_a_run_tells_what_the_page_of_the_dataset_tells(
    play: Play, store: Engine
) -> None:
    estate = play(BROKEN_BUILD).estate

    for dataset in estate.datasets.values():
        for test in dataset.tests:
            story = run_story(store, test.job, test.run_id)
            if story is not None:
                told = {
                    (each.status, each.is_doubtful)
                    for each in story.tests
                    if each.result.title == test.description
                }
                assert told == {(test.status, test.is_doubtful)}


# Airflow ---------------------------------------------------------------------------------------

AIRFLOW_STATES = {
    "success": RunState.COMPLETE,
    "failed": RunState.FAIL,
    # A task that skipped itself says of itself that it is complete.
    "skipped": RunState.COMPLETE,
}


@pytest.mark.parametrize("name", AIRFLOW)
def test_tasks_of_airflow_end_as_its_database_says(play: Play, name: str) -> None:
    recording = play(name)

    tasks = recording.account["tasks"]

    # A task that never started has no event of its own.
    expected = {
        f"shop.{task}": (AIRFLOW_STATES[told["state"]], told["tries"])
        for task, told in tasks.items()
        if told["tries"]
    }
    dag = {"shop": (AIRFLOW_STATES[recording.account["run"]], 1)}
    assert recording.states("shop-airflow") == expected | dag


def test_whoever_triggered_the_dag_is_who_wrote(play: Play) -> None:
    recording = play("airflow-3.3-scheduler")

    assert {write.principal for write in recording.estate.writes} == {
        f"person:{recording.account['user']}"
    }


@pytest.mark.parametrize("name", AIRFLOW)
def test_inlets_and_outlets_of_airflow_become_lineage(play: Play, name: str) -> None:
    estate = play(name).estate

    namespace = "postgres://warehouse.example.com:5432"
    clean = estate.datasets[AssetKey(Kind.DATASET, namespace, "shop.clean.rentals")]
    raw = estate.datasets[AssetKey(Kind.DATASET, namespace, "shop.raw.rentals")]

    assert clean.upstream == (raw.key,)
    assert [key.name for key in raw.upstream] == ["/shop/rentals.csv"]
    assert [key.name for key in clean.writers] == ["shop.clean"]
    assert sorted(key.name for key in clean.readers) == ["shop.mail", "shop.publish"]


# Dagster ---------------------------------------------------------------------------------------


def test_assets_of_dagster_end_as_dagster_says(play: Play) -> None:
    recording = play(DAGSTER)

    states = recording.states("shop")

    # What was planned and not made is reported as failed, also where it never came to run.
    assert {name: states[name] for name in recording.account["assets"]} == {
        name: (RunState.COMPLETE if made else RunState.FAIL, 1)
        for name, made in recording.account["assets"].items()
    }


# Great Expectations ----------------------------------------------------------------------------


def test_expectations_end_as_great_expectations_says(play: Play) -> None:
    recording = play(GREAT_EXPECTATIONS)

    told = {(name, column): status for (_, name, column), (status, _) in recording.told().items()}

    # Neither severity nor exceptions travel: one that could not be looked at has failed.
    assert told == {
        (each["type"], each["column"]): (
            DataTestStatus.PASS if each["success"] else DataTestStatus.FAIL
        )
        for each in recording.account["expectations"]
    }


def test_a_facet_under_another_name_is_warned_about(play: Play) -> None:
    """Great Expectations sends its metrics a second time as ``dataQuality``."""
    assert play(GREAT_EXPECTATIONS).summary.warnings == 1


def test_what_great_expectations_puts_elsewhere_is_the_one_sort_of_breach_of_its_events(
    play: Play, store: Engine
) -> None:
    events = play(GREAT_EXPECTATIONS).events

    (producer,) = intake(store).producers

    assert (producer.events, producer.breaches) == (events, 1)
    assert producer.conformance.share == (events - 1) / events
    assert "the address of another schema (1)" in producer.conformance.explanation
    assert producer.others == {}


def test_a_validation_is_one_complete_run_whatever_it_found(play: Play) -> None:
    recording = play(GREAT_EXPECTATIONS)

    assert recording.account["success"] is False
    assert recording.states("shop") == {"validate_rentals": (RunState.COMPLETE, 1)}


def test_checks_of_dagster_end_as_dagster_says(play: Play) -> None:
    recording = play(DAGSTER)

    told = {(table, name): found for (table, name, _), found in recording.told().items()}

    assert told == {
        (check["asset"], check["check"]): (
            DataTestStatus.PASS if check["passed"] else DataTestStatus.FAIL,
            check["severity"] == "ERROR",
        )
        for check in recording.account["checks"]
    }


def test_checks_of_dagster_are_told_of_their_asset_and_not_of_their_job(play: Play) -> None:
    recording = play(DAGSTER)

    assert [key.name for key, job in recording.estate.jobs.items() if job.tests] == []


def test_the_story_of_a_dagster_run_has_each_check_once_with_its_severity(
    play: Play, store: Engine
) -> None:
    checks = play(DAGSTER).account["checks"]
    job = AssetKey(Kind.JOB, "shop", "rentals__checks")
    first = (RECORDED / f"{DAGSTER}.ndjson").read_text("utf-8").splitlines()[0]

    story = run_story(store, job, json.loads(first)["run"]["runId"])

    assert story is not None
    assert {(t.result.name, t.status, t.result.blocking) for t in story.tests} == {
        (
            check["check"],
            DataTestStatus.PASS if check["passed"] else DataTestStatus.FAIL,
            check["severity"] == "ERROR",
        )
        for check in checks
        if check["asset"] == "rentals"
    }
    assert len(story.tests) == 2
    assert all(test.dataset for test in story.tests)


def test_a_check_of_dagster_may_carry_any_number(store: Engine) -> None:
    lines = (RECORDED / f"{DAGSTER}.ndjson").read_text("utf-8").splitlines()
    event = next(e for line in lines if "checks" in (e := json.loads(line))["job"]["name"])
    (check,) = event["run"]["facets"]["dagster_asset_check"]["checks"]
    check["check_metadata"] = {"rows": 17, "at": event["eventTime"], "run": event["run"]["runId"]}

    (receipt,) = Ingestor(store).ingest([Arrival(json.dumps(event).encode(), "t")])

    assert receipt.status is Status.STORED


def test_only_a_check_of_dagster_that_blocks_makes_a_run_turn_out_bad(play: Play) -> None:
    estate = play(DAGSTER).estate

    outcomes = {
        key.name: job.outcome.value
        for key, job in estate.jobs.items()
        if key.name.endswith("__checks") and job.outcome
    }

    assert outcomes == {"rentals__checks": RunState.COMPLETE, "revenue__checks": RunState.FAIL}
