"""A real Airflow, with a scheduler and without, reports to a served Andon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.estate import RunState
from tests.live.airflow_house import PERSON, dags_test, trigger_dag
from tests.live.producing import airflow_account
from tests.live.serving import SEEN_WITHIN_S, Served, eventually, serving

pytestmark = pytest.mark.live

STATES = {
    "success": RunState.COMPLETE,
    "failed": RunState.FAIL,
    # A task that skipped itself says of itself that it is complete.
    "skipped": RunState.COMPLETE,
}


def jobs_seen(served: Served) -> dict[str, tuple[int, RunState | None]]:
    return {
        key.name: (job.runs_30d, job.last_state)
        for key, job in served.estate().jobs.items()
        if key.namespace == "shop-airflow"
    }


@pytest.mark.parametrize("run", [trigger_dag, dags_test])
def test_every_task_and_the_dag_end_as_airflow_itself_says(
    tmp_path: Path, run: Callable[[Path, str], None]
) -> None:
    (tmp_path / "served").mkdir()

    with serving(tmp_path / "served") as served:
        run(tmp_path / "airflow", served.url)
        account = airflow_account(tmp_path / "airflow")

        # Each try is a run; a task that never started has no event of its own.
        expected = {
            f"shop.{task}": (told["tries"], STATES[told["state"]])
            for task, told in account["tasks"].items()
            if told["tries"]
        } | {"shop": (1, STATES[account["run"]])}
        assert eventually(lambda: jobs_seen(served) == expected, SEEN_WITHIN_S), jobs_seen(served)
        writes = served.estate().writes

    assert {task: told["state"] for task, told in account["tasks"].items()} == {
        "load": "success",
        "clean": "success",
        "publish": "skipped",
        "mail": "failed",
        "done": "skipped" if run is trigger_dag else "upstream_failed",
    }
    assert {write.dataset.name for write in writes} == {"shop.raw.rentals", "shop.clean.rentals"}
    # A local test is nobody's doing.
    assert {write.principal for write in writes} == {
        f"person:{PERSON}" if run is trigger_dag else None
    }
