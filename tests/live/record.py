"""Records what real producers send, and what they say of it themselves.

    python -m tests.live.record FOLDER [PRODUCER...]

runs the producers in a folder and writes ``tests/data/recorded/``. Paths of that folder end up in
some events, so give one that could be anybody's, such as ``/srv/demo``.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.live.airflow_house import dags_test, trigger_dag
from tests.live.between import between
from tests.live.producing import (
    ROOT,
    STRUCTURED_LOGS,
    airflow_account,
    copied,
    dagster,
    dbt,
    dbt_results,
    great_expectations,
)

RECORDED = ROOT / "tests" / "data" / "recorded"
NOWHERE = "http://127.0.0.1:1/"


def _dbt(folder: Path, url: str, *words: str) -> list[dict[str, Any]]:
    project = copied("dbt_project", folder)
    before = ["raw_bikes", "raw_rentals", "stg_bikes", "stg_rentals"]
    dbt(project, NOWHERE, "build", "--select", *before, OPENLINEAGE_DISABLED="true")
    told = dbt(project, url, *words, "build", "--exclude", *before, "--vars", "till_is_shut: true")
    assert "Emitted" in told.stdout + told.stderr, told.stdout + told.stderr
    return [asdict(each) for each in dbt_results(project)]


def _broken(folder: Path, url: str, command: str, *vars_: str) -> list[dict[str, Any]]:
    """A command in which data tests ask for what is not there, after one in which all was well."""
    project = copied("dbt_project", folder)
    dbt(project, NOWHERE, "build", OPENLINEAGE_DISABLED="true")
    wanted = ", ".join(f"{name}: true" for name in ("tests_break", *vars_))
    models = ["fct_rentals", "late_fees", "fees_by_model"]
    told = dbt(project, url, command, "--select", *models, "--vars", f"{{{wanted}}}")
    assert "Emitted" in told.stdout + told.stderr, told.stdout + told.stderr
    return [asdict(each) for each in dbt_results(project)]


def _airflow(folder: Path, url: str, run: Callable[[Path, str], None]) -> dict[str, Any]:
    run(folder, url)
    return airflow_account(folder)


RECORDINGS: dict[str, Callable[[Path, str], Any]] = {
    "dbt-1.11-artifacts": _dbt,
    "dbt-1.11-structured-logs": lambda folder, url: _dbt(folder, url, STRUCTURED_LOGS),
    "dbt-1.11-broken-build": lambda folder, url: _broken(folder, url, "build", "till_is_shut"),
    "dbt-1.11-broken-test": lambda folder, url: _broken(folder, url, "test"),
    "airflow-3.3-scheduler": lambda folder, url: _airflow(folder, url, trigger_dag),
    "airflow-3.3-dags-test": lambda folder, url: _airflow(folder, url, dags_test),
    "dagster-1.13-assets": dagster,
    "great-expectations-1.24-checkpoint": great_expectations,
}


def record(name: str, folder: Path) -> int:
    """Makes one recording and its account; gives how many events there are."""
    home = folder / name.split("-", 1)[0]
    shutil.rmtree(home, ignore_errors=True)
    with between(None) as recorder:
        account = RECORDINGS[name](home, recorder.url)
    bodies = [request.body for request in recorder.requests]
    RECORDED.mkdir(parents=True, exist_ok=True)
    (RECORDED / f"{name}.ndjson").write_bytes(b"".join(body + b"\n" for body in bodies))
    written = json.dumps(account, indent=1, sort_keys=True)
    (RECORDED / f"{name}.json").write_text(f"{written}\n")
    return len(bodies)


if __name__ == "__main__":
    given, *wanted = sys.argv[1:]
    for each in wanted or RECORDINGS:
        sys.stdout.write(f"{each}: {record(each, Path(given))} events\n")
