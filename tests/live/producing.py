"""Runs real producers with nothing but an address to report to, and reads what they say of it.

What a producer says of its own run, in its own words, is the ground truth of the live tests.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STRUCTURED_LOGS = "--consume-structured-logs"


def producer_bin(name: str, program: str) -> Path:
    """The folder of a producer's commands: it lives in an environment apart from Andon's.

    That is where ``ANDON_<NAME>_VENV`` says, else ``.venv-<name>`` beside the README.
    """
    given = os.environ.get(f"ANDON_{name.upper().replace('-', '_')}_VENV")
    folder = Path(given or ROOT / f".venv-{name}") / "bin"
    if not (folder / program).exists():
        message = f"no {program} in {folder}; install requirements-{name}.txt there"
        pytest.fail(message) if given or os.environ.get("CI") else pytest.skip(message)
    return folder


def environment(commands: Path, **more: str) -> dict[str, str]:
    """A producer's environment: its commands first, nothing that was meant for another."""
    others = ("OPENLINEAGE", "AIRFLOW", "DAGSTER", "DBT_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "PATH": f"{commands}{os.pathsep}{kept.get('PATH', '')}", **more}


def copied(project: str, folder: Path) -> Path:
    """A fresh copy of one of the projects beside this file, where it may leave its traces."""
    shutil.copytree(HERE / project, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


# dbt -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DbtResult:
    """What ``run_results.json`` and ``manifest.json`` say of one node."""

    id: str
    """Such as ``model.bike_shop.fct_rentals``."""
    status: str
    """success, error, pass, fail, warn, skipped, no-op."""
    table: str | None
    """The model that it builds or tests."""
    name: str
    """Of a generic test, such as ``not_null``; else the node's own."""
    column: str | None


def dbt(project: Path, url: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs ``dbt-ol`` with an address; dbt's own failures are part of the story."""
    return subprocess.run(
        ["dbt-ol", *words],
        cwd=project,
        env=environment(
            producer_bin("dbt", "dbt-ol"),
            OPENLINEAGE_URL=url,
            OPENLINEAGE_NAMESPACE="bike-shop",
            **more,
        ),
        capture_output=True,
        check=False,
        text=True,
    )


def dbt_results(project: Path) -> list[DbtResult]:
    """dbt's own account of its last command, in its order."""
    nodes = json.loads((project / "target" / "manifest.json").read_text("utf-8"))["nodes"]
    results = json.loads((project / "target" / "run_results.json").read_text("utf-8"))["results"]
    return [_dbt_result(each, nodes) for each in results]


def _dbt_result(result: dict[str, Any], nodes: dict[str, Any]) -> DbtResult:
    node = nodes.get(result["unique_id"], {})
    about = node.get("attached_node") or _only_parent(node) or result["unique_id"]
    return DbtResult(
        id=result["unique_id"],
        status=result["status"],
        table=nodes[about]["alias"] if about in nodes else None,
        name=(node.get("test_metadata") or {}).get("name") or node.get("name", ""),
        column=node.get("column_name"),
    )


def _only_parent(node: dict[str, Any]) -> str | None:
    parents = node.get("depends_on", {}).get("nodes", [])
    is_test = node.get("resource_type") == "test"
    return parents[0] if is_test and len(parents) == 1 else None


# Dagster and Great Expectations ------------------------------------------------------------------


def dagster(folder: Path, url: str) -> dict[str, Any]:
    """Materialises the shop's assets in one process; gives Dagster's own account."""
    home = copied("dagster_project", folder)
    return _told(
        [producer_bin("dagster", "dagster") / "python", "shop.py", "."],
        home,
        environment(
            producer_bin("dagster", "dagster"), OPENLINEAGE_URL=url, DAGSTER_HOME=str(home)
        ),
    )


def great_expectations(folder: Path, url: str) -> dict[str, Any]:
    """Validates the shop's rentals; gives Great Expectations' own account."""
    commands = producer_bin("great-expectations", "python")
    return _told(
        [commands / "python", "validate.py"],
        copied("gx_project", folder),
        environment(commands, OPENLINEAGE_URL=url),
    )


def _told(command: Sequence[str | Path], folder: Path, env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    account: dict[str, Any] = json.loads(done.stdout)
    return account


# Airflow ---------------------------------------------------------------------------------------


def airflow_environment(home: Path, url: str, **more: str) -> dict[str, str]:
    """An Airflow of its own in a folder: SQLite, no examples, one DAG."""
    (home / "dags").mkdir(parents=True)
    shutil.copy(HERE / "airflow_project" / "shop.py", home / "dags")
    return environment(
        producer_bin("airflow", "airflow"),
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__OPENLINEAGE__NAMESPACE="shop-airflow",
        AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps({"type": "http", "url": url}),
        **more,
    )


def airflow_account(home: Path) -> dict[str, Any]:
    """What Airflow's database says of its newest DAG run."""
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        run_id, state, run_type, user = database.execute(
            "select run_id, state, run_type, triggering_user_name from dag_run"
            " order by id desc limit 1"
        ).fetchone()
        tasks = database.execute(
            "select task_id, state, try_number from task_instance where run_id = ?"
            " order by task_id",
            (run_id,),
        ).fetchall()
    return {
        "run": state,
        "run_type": run_type,
        "user": user,
        "tasks": {task: {"state": state, "tries": tries} for task, state, tries in tasks},
    }
