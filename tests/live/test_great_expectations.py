"""A real checkpoint of Great Expectations, reported to a served Andon."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.model import AssetKey, Kind
from lineage.estate import RunState
from tests.live.producing import great_expectations
from tests.live.serving import Served

pytestmark = pytest.mark.live


def test_a_validation_arrives_as_one_run_that_reads_its_table(
    served: Served, tmp_path: Path
) -> None:
    account = great_expectations(tmp_path / "shop", served.url)

    estate = served.estate()

    # It ran to its end, and found something: that is no failure of the run.
    assert account["success"] is False
    job = estate.jobs[AssetKey(Kind.JOB, "shop", "validate_rentals")]
    assert (job.last_state, job.runs_30d) == (RunState.COMPLETE, 1)
    rentals = estate.datasets[AssetKey(Kind.DATASET, "sqlite", "rentals")]
    assert rentals.readers == (job.key,)
    assert [field.name for field in rentals.fields] == ["rental_id", "bike_id", "channel", "price"]
