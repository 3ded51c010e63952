"""A real dbt project, reported by dbt-ol to a served Andon that nobody configured."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import tags_run
from openlineage.client.transport.http import HttpConfig, HttpTransport
from openlineage.client.uuid import generate_new_uuid
from sqlalchemy import Engine

from catalog.database import connect
from catalog.model import AssetKey, Kind
from lineage.estate import Dataset, DataTestStatus, Estate
from lineage.reading import load_estate
from policies.model import Finding
from policies.store import findings, scores

pytestmark = pytest.mark.live

T = TypeVar("T")
HERE = Path(__file__).parent
NAMESPACE = "duckdb://shop.duckdb"
UP_WITHIN_S = 30.0
SEEN_WITHIN_S = 2.0
"""What the product promises: an event is on the board two seconds later."""


class Served:
    """An Andon that runs as its users run it, and the store it writes to."""

    def __init__(self, url: str, engine: Engine) -> None:
        self.url = url
        self.engine = engine

    def estate(self) -> Estate:
        return load_estate(self.engine, datetime.now(UTC))

    def dataset(self, table: str) -> Dataset:
        return self.estate().datasets[AssetKey(Kind.DATASET, NAMESPACE, f"shop.main.{table}")]

    def open_findings(self, policy: str) -> list[Finding]:
        return [finding for finding in findings(self.engine) if finding.policy == policy]


def _eventually(look: Callable[[], T], within_s: float) -> T:
    """What a look gives as soon as it gives something true; its last answer when time is up."""
    until = time.monotonic() + within_s
    while True:
        seen = look()
        if seen or time.monotonic() > until:
            return seen
        time.sleep(0.05)


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=1) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def dbt_bin() -> Path:
    """Where dbt-ol is: it lives in an environment of its own, apart from Andon's."""
    given = os.environ.get("ANDON_DBT_VENV")
    folder = Path(given or HERE.parents[1] / ".venv-dbt") / "bin"
    if not (folder / "dbt-ol").exists():
        message = f"no dbt-ol in {folder}; install requirements-dbt.txt there"
        pytest.fail(message) if given else pytest.skip(message)
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    database = f"sqlite:///{folder / 'andon.db'}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("andon")), "serve", "--port", str(port)]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "ANDON_DATABASE_URL": database},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        up = _eventually(lambda: _is_up(url) or process.poll() is not None, UP_WITHIN_S)
        assert up, f"not up in time: {log.read_text()}"
        assert process.poll() is None, log.read_text()
        engine = connect(database)
        yield Served(url, engine)
        engine.dispose()
    finally:
        process.terminate()
        process.wait(timeout=UP_WITHIN_S)


@pytest.fixture(scope="module")
def built(
    served: Served, dbt_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """The shop, built once by dbt-ol with nothing but the address of Andon."""
    project = tmp_path_factory.mktemp("dbt") / "bike_shop"
    shutil.copytree(HERE / "dbt_project", project)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENLINEAGE")}
    environment |= {
        "OPENLINEAGE_URL": served.url,
        "PATH": f"{dbt_bin}{os.pathsep}{environment.get('PATH', '')}",
    }
    result = subprocess.run(
        ["dbt-ol", "build"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
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

    assert _eventually(seen, SEEN_WITHIN_S)


@pytest.mark.usefixtures("built")
def test_lineage_of_a_real_dbt_run_is_drawn_from_source_to_mart(served: Served) -> None:
    rentals = served.dataset("fct_rentals")

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
    passed = [t for t in served.dataset("stg_bikes").tests if t.status is DataTestStatus.PASS]
    assert {test.name for test in passed} == {"not_null", "unique"}


@pytest.mark.usefixtures("built")
def test_nothing_is_wrong_with_how_dbt_writes(served: Served) -> None:
    assert served.open_findings("ACC-001") == []


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

    flagged = _eventually(lambda: served.open_findings("ACC-001"), SEEN_WITHIN_S)
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
