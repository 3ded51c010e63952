"""A real dbt project, reported by dbt-ol to a served Andon that nobody configured."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import tags_run
from openlineage.client.transport.http import HttpConfig, HttpTransport
from openlineage.client.uuid import generate_new_uuid

from catalog.model import AssetKey, Kind
from lineage.estate import Dataset, DataTestStatus
from lineage.estate import RunState as State
from policies.model import Finding
from policies.store import findings, scores
from tests.dashboard.test_pages import visit, words
from tests.live.producing import STRUCTURED_LOGS, copied, dbt, dbt_results
from tests.live.serving import SEEN_WITHIN_S, Served, eventually, serving

pytestmark = pytest.mark.live

NAMESPACE = "duckdb://shop.duckdb"
STATES = {"success": State.COMPLETE, "error": State.FAIL, "skipped": State.ABORT}
TESTS = {
    "pass": DataTestStatus.PASS,
    "warn": DataTestStatus.FAIL,
    "fail": DataTestStatus.FAIL,
    "skipped": DataTestStatus.SKIPPED,
}


def dataset(served: Served, table: str) -> Dataset:
    return served.estate().datasets[AssetKey(Kind.DATASET, NAMESPACE, f"shop.main.{table}")]


def open_findings(served: Served, policy: str) -> list[Finding]:
    return [finding for finding in findings(served.engine) if finding.policy == policy]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied("dbt_project", tmp_path_factory.mktemp("dbt") / "bike_shop")


@pytest.fixture(scope="module")
def built(served: Served, project: Path) -> subprocess.CompletedProcess[str]:
    """The shop, built once by dbt-ol with nothing but the address of Andon."""
    result = dbt(project, served.url, "build")
    assert "Emitted" in result.stdout + result.stderr, result.stdout + result.stderr
    return result


@pytest.mark.usefixtures("built")
def test_models_of_a_real_dbt_run_are_seen_and_scored_within_two_seconds(served: Served) -> None:
    def seen() -> bool:
        found = {key.name for key in served.estate().datasets if key.namespace == NAMESPACE}
        return (
            found
            >= {
                f"shop.main.{table}"
                for table in ("stg_bikes", "stg_rentals", "fct_rentals", "revenue_by_model")
            }
            and scores(served.engine) is not None
        )

    assert eventually(seen, SEEN_WITHIN_S)


@pytest.mark.usefixtures("built")
def test_lineage_of_a_real_dbt_run_is_drawn_from_source_to_mart(served: Served) -> None:
    rentals = dataset(served, "fct_rentals")

    assert {key.name for key in rentals.upstream} == {
        "shop.main.stg_bikes",
        "shop.main.stg_rentals",
    }
    assert {key.name for key in rentals.downstream} == {"shop.main.revenue_by_model"}
    assert [key.name for key in rentals.writers] == ["shop.main.bike_shop.fct_rentals.build.run"]
    assert {field.name for field in rentals.fields} >= {"rental_id", "channel"}
    assert [owner.value for owner in rentals.owners] == ["team:rentals"]


def test_failing_and_warning_data_tests_of_a_real_dbt_run_are_told_apart(
    served: Served, built: subprocess.CompletedProcess[str]
) -> None:
    failed = [
        (dataset.key.name, test.name, test.column, test.blocking)
        for dataset in served.estate().datasets.values()
        for test in dataset.tests
        if test.status is DataTestStatus.FAIL
    ]

    assert built.returncode == 1
    assert sorted(failed) == [
        ("shop.main.fct_rentals", "accepted_values", "channel", False),
        ("shop.main.revenue_by_model", "not_null", "model", True),
    ]
    passed = [t for t in dataset(served, "stg_bikes").tests if t.status is DataTestStatus.PASS]
    assert {test.name for test in passed} == {"not_null", "unique"}


@pytest.mark.usefixtures("built")
def test_nothing_is_wrong_with_how_dbt_writes(served: Served) -> None:
    assert open_findings(served, "ACC-001") == []


@pytest.mark.usefixtures("built")
def test_second_writer_is_flagged_with_who_what_when_and_how_we_know(served: Served) -> None:
    producer = "https://example.com/notebook"
    at = datetime.now(UTC)
    tags = [tags_run.TagsRunFacetFields("principal", "person:eva", "USER")]
    event = RunEvent(
        eventType=RunState.COMPLETE,
        eventTime=at.isoformat(),
        run=Run(str(generate_new_uuid(at)), facets={"tags": tags_run.TagsRunFacet(tags=tags)}),
        job=Job("laptop", "fix_rentals"),
        inputs=[],
        outputs=[OutputDataset(NAMESPACE, "shop.main.fct_rentals")],
        producer=producer,
    )

    OpenLineageClient(transport=HttpTransport(HttpConfig(url=served.url))).emit(event)

    flagged = eventually(lambda: open_findings(served, "ACC-001"), SEEN_WITHIN_S)
    assert len(flagged) == 1
    message = flagged[0].message
    assert "fix_rentals" in message
    assert "person:eva" in message
    assert "fct_rentals" in message
    assert at.strftime("%H:%M") in message
    assert producer in message
    assert flagged[0].is_guess
    assert flagged[0].evidence
    event_id = flagged[0].evidence[0].event_id
    assert event_id is not None
    assert event_id[:8] in message


@pytest.mark.parametrize("mode", ["", STRUCTURED_LOGS])
def test_every_node_ends_as_dbt_itself_says(tmp_path: Path, mode: str) -> None:
    project = copied("dbt_project", tmp_path / "bike_shop")
    (tmp_path / "served").mkdir()

    with serving(tmp_path / "served") as served:
        told = dbt(project, served.url, *mode.split(), "build", "--vars", "till_is_shut: true")
        estate = served.estate()

    results = dbt_results(project)
    assert {result.status for result in results} >= {"success", "error", *TESTS}, told.stdout
    models = [result for result in results if result.id.startswith("model.")]
    states = {key.name: job.last_state for key, job in estate.jobs.items()}
    if mode:
        assert {each.id: states[each.id] for each in models} == {
            each.id: STATES[each.status] for each in models
        }
    else:  # of a model that was skipped, artifacts say nothing
        assert {name: state for name, state in states.items() if name.endswith(".build.run")} == {
            f"shop.main.bike_shop.{each.name}.build.run": STATES[each.status]
            for each in models
            if each.status != "skipped"
        }
    assert states["dbt-run-bike_shop"] is State.FAIL
    assert {
        (key.name, test.name, test.column, test.status, test.blocking)
        for key, dataset in estate.datasets.items()
        for test in dataset.tests
    } == {
        (
            f"shop.main.{each.table}",
            each.name,
            each.column,
            TESTS[each.status],
            each.status != "warn",
        )
        for each in results
        if each.id.startswith("test.")
    }


# Comes last: drawing a page keeps this process busy, and others above are held to two seconds.
@pytest.mark.usefixtures("built")
def test_a_page_lists_the_data_tests_of_its_table_as_dbt_ended_them(
    served: Served, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [each for each in dbt_results(project) if each.table == "fct_rentals"]
    monkeypatch.setenv("ANDON_DATABASE_URL", served.database)

    page = words(visit("asset", asset=str(dataset(served, "fct_rentals").id)))

    tests = [each for each in told if each.id.startswith("test.")]
    assert {each.status for each in tests} == {"pass", "warn"}
    for each in tests:
        on = f" on `{each.column}`" if each.column else ""
        line = rf"{each.name}{on}.*\n.*{TESTS[each.status].value}"
        assert re.search(line, page), f"{line} in {page}"
