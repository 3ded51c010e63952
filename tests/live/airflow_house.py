"""A whole Airflow for a few seconds: API server, DAG processor and scheduler, on SQLite."""

from __future__ import annotations

import json
import secrets
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tests.live.producing import airflow_environment
from tests.live.serving import eventually, free_port, is_up

UP_WITHIN_S = 90.0
DONE_WITHIN_S = 120.0
LOOK_EVERY_S = 1.0
"""Its API server is busy enough with its own tasks."""
PERSON = "ana"
_PASSWORDS = "simple_auth_manager_passwords.json.generated"


def dags_test(home: Path, url: str) -> None:
    """``airflow dags test``: the DAG in one process, without a scheduler."""
    env = airflow_environment(home, url)
    for words in (["db", "migrate"], ["dags", "test", "shop"]):
        # The DAG fails, as it should; Airflow's database says how far it came.
        subprocess.run(["airflow", *words], env=env, capture_output=True, check=False)


def trigger_dag(home: Path, url: str) -> None:
    """A person triggers the DAG, and a scheduler runs it to its end."""
    with _house(home, url) as api:
        about = f"{api}api/v2/dags/shop"
        bearer = _bearer(home, api)
        assert eventually(lambda: _asked(about, bearer) is not None, UP_WITHIN_S, LOOK_EVERY_S)
        _asked(about, bearer, "PATCH", {"is_paused": False})
        _asked(f"{about}/dagRuns", bearer, "POST", {"dag_run_id": "by-hand", "logical_date": None})

        def ended() -> bool:
            run = _asked(f"{about}/dagRuns/by-hand", bearer)
            return run is not None and run["state"] in {"success", "failed"}

        assert eventually(ended, DONE_WITHIN_S, LOOK_EVERY_S), (home / "scheduler.log").read_text()[
            -4000:
        ]


@contextmanager
def _house(home: Path, url: str) -> Iterator[str]:
    port = free_port()
    api = f"http://127.0.0.1:{port}/"
    env = airflow_environment(
        home,
        url,
        AIRFLOW__API__BASE_URL=api,
        AIRFLOW__API__HOST="127.0.0.1",
        AIRFLOW__API__PORT=str(port),
        AIRFLOW__API__SECRET_KEY=secrets.token_hex(32),
        AIRFLOW__API__WORKERS="1",
        AIRFLOW__API_AUTH__JWT_SECRET=secrets.token_hex(64),
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{api}execution/",
        AIRFLOW__CORE__PARALLELISM="1",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=f"{PERSON}:admin",
        AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES="1",
        AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME="0.2",
    )
    subprocess.run(["airflow", "db", "migrate"], env=env, capture_output=True, check=True)
    with ExitStack() as stack:
        for part in ("api-server", "dag-processor", "scheduler"):
            output = stack.enter_context((home / f"{part}.log").open("wb"))
            process = subprocess.Popen(
                ["airflow", part], env=env, stdout=output, stderr=subprocess.STDOUT
            )
            stack.callback(_end, process)
        health = f"{api}api/v2/monitor/health"
        up = eventually(
            lambda: is_up(health) and (home / _PASSWORDS).exists(), UP_WITHIN_S, LOOK_EVERY_S
        )
        assert up, (home / "api-server.log").read_text()[-4000:]
        yield api


def _end(process: subprocess.Popen[bytes]) -> None:
    # The scheduler passes on what is under way before it goes: the DAG's own last event too.
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _bearer(home: Path, api: str) -> str:
    password = json.loads((home / _PASSWORDS).read_text())[PERSON]
    answer = _asked(f"{api}auth/token", None, "POST", {"username": PERSON, "password": password})
    assert answer is not None
    token: str = answer["access_token"]
    return token


def _asked(
    url: str, bearer: str | None, method: str = "GET", body: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """What Airflow's API answers; ``None`` where it does not know the thing (yet)."""
    headers = {"Content-Type": "application/json"}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
            return told
    except HTTPError as error:
        if error.code == 404:
            return None
        raise
