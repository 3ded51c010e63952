"""What real producers sent, beside what they say of it themselves.

``python -m tests.live.record`` made the recordings; each has its producer's own account beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from lineage.estate import DataTestStatus, RunState
from lineage.importing import Summary, ingest_files
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.reading import load_estate
from lineage.run_story import run_story
from tests.lineage.recordings import NAMES, RECORDED, Recording
from tests.lineage.recordings import play as played

DBT = ("dbt-1.11-artifacts", "dbt-1.11-structured-logs")
AIRFLOW = ("airflow-3.3-scheduler", "airflow-3.3-dags-test")
DAGSTER = "dagster-1.13-assets"
GREAT_EXPECTATIONS = "great-expectations-1.24-checkpoint"

Play = Callable[[str], Recording]


@pytest.fixture
def play(store: Engine) -> Play:
    """Takes one recording in."""
    return partial(played, store)


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
