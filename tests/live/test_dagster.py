"""Real assets and checks of Dagster, reported to a served Andon."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.model import AssetKey, Kind
from lineage.estate import DataTestStatus, RunState
from tests.live.producing import dagster
from tests.live.serving import Served

pytestmark = pytest.mark.live


def test_assets_and_checks_end_as_dagster_itself_says(served: Served, tmp_path: Path) -> None:
    account = dagster(tmp_path / "shop", served.url)

    estate = served.estate()

    states = {key.name: job.last_state for key, job in estate.jobs.items()}
    # What was planned and not made is reported as failed, also where it never came to run.
    assert {name: states[name] for name in account["assets"]} == {
        name: RunState.COMPLETE if made else RunState.FAIL
        for name, made in account["assets"].items()
    }
    told = {
        (key.name, test.name): test.status
        for key, dataset in estate.datasets.items()
        for test in dataset.tests
    }
    assert told == {
        (check["asset"], check["check"]): (
            DataTestStatus.PASS if check["passed"] else DataTestStatus.FAIL
        )
        for check in account["checks"]
    }
    revenue = estate.datasets[AssetKey(Kind.DATASET, "shop", "revenue")]
    assert [field.name for field in revenue.fields] == ["channel", "euros"]
