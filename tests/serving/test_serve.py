"""The process as its users start it: over real sockets, stopped, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport.http import HttpCompression, HttpConfig, HttpTransport

from catalog.database import connect
from lineage.intake import intake

ROOT = Path(__file__).parents[2]
ANDON = (sys.executable, "-c", "from app import main; main()")
START_S = 60


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def get(url: str, timeout: float = 5) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310  # loopback
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def post(
    port: int, body: bytes, headers: Mapping[str, str] | None = None, host: str = "127.0.0.1"
) -> int:
    """The status of the answer."""
    request = urllib.request.Request(  # this machine
        f"http://{host}:{port}/api/v1/lineage",
        body,
        {"Content-Type": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # this machine
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def running(database: str, port: int, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "ANDON_DATABASE_URL": database},
    )
    try:
        deadline = time.monotonic() + START_S
        while True:
            try:
                if get(f"http://127.0.0.1:{port}/readyz")[0] == 200:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command} did not start; it printed what is shown above")
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def made(number: int) -> bytes:
    """A small event of its own."""
    return orjson.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": f"2026-11-20T06:{number // 60 % 60:02}:{number % 60:02}Z",
            "producer": "https://example.com/made",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))},
            "job": {"namespace": "made", "name": f"job_{number % 7}"},
            "outputs": [{"namespace": "postgres://wh", "name": f"db.main.t{number % 5}"}],
        }
    )


def send(port: int, compression: HttpCompression | None = None) -> None:
    config = HttpConfig.from_dict({"type": "http", "url": f"http://127.0.0.1:{port}"})
    config.compression = compression
    client = OpenLineageClient(transport=HttpTransport(config))
    client.emit(
        RunEvent(
            eventTime="2026-11-20T06:00:00Z",
            run=Run(runId=str(uuid.uuid4())),
            job=Job(namespace="real", name="client"),
            producer="https://example.com/client",
            eventType=RunState.COMPLETE,
            outputs=[OutputDataset(namespace="postgres://wh", name="db.main.sent")],
        )
    )


@pytest.mark.parametrize(
    "launch",
    [
        lambda port: (*ANDON, "serve", "--port", str(port)),
        lambda port: (*ANDON, "serve", "--split", "--port", str(port)),
        lambda port: (sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)),
        lambda port: (
            sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)
        ),
    ],
    ids=["andon serve", "andon serve --split", "uvicorn app:app", "streamlit run app.py"],
)  # fmt: skip
def test_each_way_to_serve_takes_events_and_shows_pages(
    tmp_path: Path, launch: Callable[[int], tuple[str, ...]]
) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()

    with running(database, port, *launch(port)):
        send(port)
        send(port, HttpCompression.GZIP)
        page = get(f"http://127.0.0.1:{port}/")
        wrong = get(f"http://127.0.0.1:{port}/api/v1/nothing")

    assert intake(connect(database)).events == 2
    assert page[0] == 200
    assert b"<title>" in page[1]
    assert wrong[0] == 404
    assert orjson.loads(wrong[1])["detail"]


@pytest.mark.parametrize(
    "command",
    [
        (*ANDON, "serve", "--host", "0.0.0.0"),  # noqa: S104  # this is what must be refused
        (*ANDON, "serve", "--host", ""),
        (sys.executable, "-m", "uvicorn", "app:app", "--host", "0.0.0.0"),  # noqa: S104
        (sys.executable, "-m", "streamlit", "run", "app.py", "--server.address", "0.0.0.0"),  # noqa: S104
    ],
    ids=["andon serve", "every address", "uvicorn", "streamlit"],
)
def test_beyond_loopback_it_refuses_to_start(tmp_path: Path, command: tuple[str, ...]) -> None:
    port = "--server.port" if "streamlit" in command else "--port"

    ended = subprocess.run(
        [*command, port, str(free_port())],
        cwd=ROOT,
        env={**os.environ, "ANDON_DATABASE_URL": f"sqlite:///{tmp_path / 'andon.db'}"},
        capture_output=True,
        timeout=START_S,
        check=False,
    )

    assert ended.returncode != 0
    assert b"will not listen" in ended.stderr + ended.stdout


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [*ANDON, "serve", "--port", str(port), "--database", f"sqlite:///{tmp_path / 'a.db'}"],
            cwd=ROOT,
            capture_output=True,
            timeout=START_S,
            check=False,
        )

    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr.decode()
    assert b"Traceback" not in ended.stderr


def test_terminated_it_ends_with_0_and_keeps_what_it_answered(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()

    with running(database, port, *ANDON, "serve", "--port", str(port)) as process:
        answers = [post(port, made(n)) for n in range(20)]
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=START_S)

    assert code == 0
    assert answers == [201] * 20
    assert intake(connect(database)).events == 20
