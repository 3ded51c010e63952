"""Where runs stand: lost, in conflict, told by others, failed by what ran under them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from lineage.estate import DataTestStatus, Estate, RunState
from lineage.reading import load_estate
from tests.lineage.worlds import DAY, NOW, at, dataset, encode, get, get_job, job, take

World = Callable[..., Estate]

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
OPENED = {"eventType": "START", "run": {"runId": "open"}}
DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"


def checked(success: bool, **more: Any) -> dict[str, Any]:
    return {"assertions": [{"assertion": "not_null", "column": "id", "success": success, **more}]}


def under(run: str, name: str) -> dict[str, Any]:
    return {"parent": {"run": {"runId": run}, "job": {"namespace": "jobs", "name": name}}}


# Lost runs


def test_a_run_without_end_is_lost_after_a_day_of_silence(world: World, store: Engine) -> None:
    world({**OPENED, "job": job("j"), "outputs": [dataset("a.b")]})

    states = {
        hours: get_job(load_estate(store, DAY + timedelta(hours=hours)), "j").last_state
        for hours in (24, 25)
    }

    assert states == {24: RunState.RUNNING, 25: RunState.LOST}


def test_a_job_of_long_runs_gets_more_time(world: World, store: Engine) -> None:
    long_ago = DAY - timedelta(days=2)
    world(
        {"job": job("j"), "eventType": "START", "eventTime": long_ago.isoformat(),
         "run": {"runId": "long"}},
        {"job": job("j"), "run": {"runId": "long"},
         "eventTime": (long_ago + timedelta(hours=20)).isoformat()},
        {**OPENED, "job": job("j")},
    )  # fmt: skip

    assert get_job(load_estate(store, DAY + timedelta(hours=59)), "j").last_state is (
        RunState.RUNNING
    )
    assert get_job(load_estate(store, DAY + timedelta(hours=61)), "j").last_state is RunState.LOST


@pytest.mark.parametrize("kind", ["STREAMING", "SERVICE"])
def test_a_job_without_end_is_never_lost(world: World, store: Engine, kind: str) -> None:
    world({**OPENED, "job": job("j", jobType={"processingType": kind})})

    found = get_job(load_estate(store, DAY + timedelta(days=20)), "j")

    assert found.last_state is RunState.RUNNING


def test_data_tests_of_a_lost_run_are_broken(world: World, store: Engine) -> None:
    world(
        {**OPENED, "job": job("j"), "inputs": [dataset("a.b", dataQualityAssertions=checked(True))]}
    )

    going, lost = (load_estate(store, DAY + timedelta(days=days)) for days in (0.5, 2))

    assert get(going, "a.b").tests == ()
    assert [t.status for t in get(lost, "a.b").tests] == [DataTestStatus.BROKEN]


# Conflicts


def test_two_ends_of_one_run_are_shown_with_both_events(world: World) -> None:
    run = {"run": {"runId": "r"}, "job": job("j")}
    estate = world({**run, "eventTime": at(1)}, {**run, "eventTime": at(2), "eventType": "FAIL"})

    found = get_job(estate, "j")
    assert found.last_state is RunState.FAIL
    assert [e.value for e in found.conflict] == ["fail", "complete"]
    assert len({e.event_id for e in found.conflict}) == 2


def test_a_run_with_one_end_is_in_no_conflict(world: World) -> None:
    assert get_job(world({"job": job("j")}), "j").conflict == ()


# Outcomes


def test_a_run_fails_with_what_ran_under_it(world: World) -> None:
    estate = world(
        {"job": job("task"), "run": {"runId": "t", "facets": under("d", "dag")},
         "eventType": "FAIL", "eventTime": at(1)},
        {"job": job("dag"), "run": {"runId": "d"}, "eventTime": at(2)},
    )  # fmt: skip

    found = get_job(estate, "dag")
    assert found.last_state is RunState.COMPLETE
    assert found.outcome is not None
    assert found.outcome.value is RunState.FAIL
    assert found.outcome.why == "a run ended as fail in task, which is part of it"
    assert found.outcome.evidence[0].value == "t"


def test_a_retry_that_completed_makes_good(world: World) -> None:
    estate = world(
        *({"job": job("task"), "run": {"runId": f"t{n}", "facets": under("d", "dag")},
           "eventType": kind, "eventTime": at(minute)}
          for n, kind, minute in ((1, "START", 1), (1, "FAIL", 2), (2, "START", 3),
                                  (2, "COMPLETE", 4))),
        {"job": job("dag"), "run": {"runId": "d"}, "eventTime": at(5)},
    )  # fmt: skip

    outcome = get_job(estate, "dag").outcome
    assert outcome is not None
    assert outcome.value is RunState.COMPLETE


def test_a_failed_blocking_data_test_fails_the_run_that_ran_it(world: World) -> None:
    failing = dataset("a.b", dataQualityAssertions=checked(False, actual="3"))
    warned = dataset("a.c", dataQualityAssertions=checked(False, actual="3", severity="warn"))
    estate = world(
        {"job": job("strict"), "inputs": [failing]}, {"job": job("mild"), "inputs": [warned]}
    )

    strict, mild = (get_job(estate, name).outcome for name in ("strict", "mild"))
    assert strict is not None
    assert mild is not None
    assert (strict.value, strict.why) == (RunState.FAIL, "a blocking data test failed")
    assert mild.value is RunState.COMPLETE


def test_a_model_of_dbt_fails_with_its_data_tests(world: World) -> None:
    node: dict[str, Any] = {"dbt_node": {"unique_id": "model.shop.orders"}}
    failing = dataset("a.b", dataQualityAssertions=checked(False, actual="3"))
    estate = world(
        {"job": job("orders.build.run", **node, jobType={"jobType": "MODEL"}),
         "run": {"runId": "m", "facets": under("d", "dbt")}, "outputs": [dataset("a.b")]},
        {"job": job("orders.build.test", **node, jobType={"jobType": "TEST"}),
         "run": {"runId": "t", "facets": under("d", "dbt")}, "inputs": [failing]},
    )  # fmt: skip

    (found,) = [j for j in estate.jobs.values() if j.job_type == "MODEL"]
    assert found.last_state is RunState.COMPLETE
    assert found.outcome is not None
    assert found.outcome.value is RunState.FAIL
    assert found.outcome.why == (
        "a blocking data test failed in orders.build.test, which is part of it"
    )


# Airflow


def _recorded(name: str) -> list[dict[str, Any]]:
    lines = (RECORDED / name).read_bytes().splitlines()
    return [orjson.loads(line) for line in lines]


def test_airflow_tells_how_a_task_ended_that_never_said(store: Engine) -> None:
    events = _recorded("airflow-3.3-scheduler.ndjson")
    heard = [
        e for e in events if (e["job"]["name"], e["eventType"]) not in
        {("shop.load", "COMPLETE"), ("shop.mail", "FAIL")}
    ]  # fmt: skip
    take(store, [[encode(event) for event in heard]])
    namespace = events[0]["job"]["namespace"]

    estate = load_estate(store, NOW + timedelta(days=9))

    load, mail, dag = (estate.find_job(namespace, f"shop{n}") for n in (".load", ".mail", ""))
    assert load is not None
    assert mail is not None
    assert dag is not None
    assert (load.last_state, mail.last_state) == (RunState.COMPLETE, RunState.FAIL)
    assert load.state_evidence[0].facet == "run.facets.airflowState.tasksState.load"
    assert dag.last_state is RunState.COMPLETE
    assert dag.outcome is not None
    assert dag.outcome.value is RunState.FAIL


def test_airflow_is_not_asked_of_tasks_that_said_the_same(store: Engine) -> None:
    take(store, [[encode(event) for event in _recorded("airflow-3.3-scheduler.ndjson")]])

    estate = load_estate(store, NOW + timedelta(days=9))

    assert [j for j in estate.jobs.values() if j.state_evidence] == []


# Data tests


def test_a_run_that_goes_on_leaves_an_older_answer_in_place(world: World, store: Engine) -> None:
    long_ago = (NOW - timedelta(days=40)).isoformat()
    tests = [dataset("a.b", dataQualityAssertions=checked(True))]
    estate = world(
        {"job": job("j"), "run": {"runId": "old"}, "eventTime": long_ago, "inputs": tests},
        {**OPENED, "job": job("j"), "inputs": tests},
    )

    (found,) = get(estate, "a.b").tests
    assert (found.status, found.run_id) == (DataTestStatus.PASS, "old")


@pytest.mark.parametrize(
    ("error", "status"), [(None, DataTestStatus.SKIPPED), ("no table", DataTestStatus.BROKEN)]
)
def test_a_data_test_of_dbt_that_could_not_run_is_told_by_the_error_of_its_run(
    world: World, error: str | None, status: DataTestStatus
) -> None:
    facets = {"errorMessage": {"message": error}} if error else {}
    estate = world(
        {"job": job("t"), "run": {"runId": "r", "facets": facets}, "producer": DBT,
         "eventType": "FAIL", "inputs": [dataset("a.b", dataQualityAssertions=checked(False))]}
    )  # fmt: skip

    assert [t.status for t in get(estate, "a.b").tests] == [status]


def test_data_tests_of_no_dataset_are_of_the_job_and_counted_once(world: World) -> None:
    tests = [
        {"name": "sla", "status": "pass", "type": "sla"},
        {"name": "both", "status": "fail", "type": "both"},
    ]
    on_dataset = {"assertions": [{"assertion": "both", "name": "both", "success": False}]}
    estate = world(
        {"job": job("j"), "run": {"runId": "r", "facets": {"test": {"tests": tests}}},
         "inputs": [dataset("a.b", dataQualityAssertions=on_dataset)]}
    )  # fmt: skip

    assert [(t.name, t.status) for t in get_job(estate, "j").tests] == [
        ("sla", DataTestStatus.PASS)
    ]
    assert [t.name for t in get(estate, "a.b").tests] == ["both"]


# Claims


def test_an_output_that_only_failed_runs_name_is_provisional_or_gone(world: World) -> None:
    estate = world(
        {"job": job("never"), "eventType": "START", "run": {"runId": "a"},
         "outputs": [dataset("a.claimed")]},
        {"job": job("never"), "eventType": "FAIL", "run": {"runId": "a"}, "eventTime": at(2)},
        {"job": job("once"), "outputs": [dataset("a.made")]},
        {"job": job("once"), "eventType": "START", "run": {"runId": "b"}, "eventTime": at(3),
         "outputs": [dataset("a.other")]},
        {"job": job("once"), "eventType": "FAIL", "run": {"runId": "b"}, "eventTime": at(4)},
    )  # fmt: skip

    claimed, made, other = (get(estate, f"a.{n}") for n in ("claimed", "made", "other"))
    assert [k.name for k in claimed.writers] == ["never"]
    assert claimed.provisional_writers == claimed.writers
    assert ([k.name for k in made.writers], made.provisional_writers) == (["once"], ())
    assert other.writers == ()
    assert {w.dataset.name for w in estate.writes} == {"a.made"}
    assert claimed.last_write_at is None
