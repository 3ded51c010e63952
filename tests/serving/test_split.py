"""The receiver alone, and the dashboard in a process of its own that is kept alive."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from catalog.database import connect
from catalog.errors import UserError
from lineage import addresses
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.keyring import Keyring
from lineage.rebuild import digest, rebuild
from tests.serving.test_serve import ANDON, ROOT, START_S, free_port, get, made, post, running


def children_of(pid: int) -> list[int]:
    """Processes that it started and that live."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_dashboard_is_started_again_and_events_are_taken_meanwhile(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()

    with running(database, port, *ANDON, "serve", "--split", "--port", str(port)) as process:
        first_page = get(f"http://127.0.0.1:{port}/", START_S)
        (first,) = children_of(process.pid)
        os.kill(first, signal.SIGKILL)
        meanwhile = post(port, made(1))
        second_page = get(f"http://127.0.0.1:{port}/", START_S)
        (second,) = children_of(process.pid)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=START_S)

    assert (first_page[0], meanwhile, second_page[0], code) == (200, 201, 200, 0)
    assert b"<title>" in second_page[1]
    assert first != second
    assert not is_alive(second)


def test_no_dashboard_outlives_a_killed_receiver(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()

    with running(database, port, *ANDON, "serve", "--split", "--port", str(port)) as process:
        get(f"http://127.0.0.1:{port}/", START_S)
        (child,) = children_of(process.pid)
        process.kill()
        process.wait()

    wait_until(lambda: not is_alive(child))


def test_a_receiver_alone_takes_events_and_shows_no_pages(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'andon.db'}"
    ports = [free_port(), free_port()]
    command = (*ANDON, "serve", "--no-dashboard", "--port")

    with (
        running(database, ports[0], *command, str(ports[0])),
        running(database, ports[1], *command, str(ports[1])),
    ):
        answers = [post(ports[n % 2], made(n)) for n in range(40)]
        page = get(f"http://127.0.0.1:{ports[0]}/")
        described = get(f"http://127.0.0.1:{ports[0]}/openapi.json")

    assert answers == [201] * 40
    assert intake(connect(database)).events == 40
    assert (page[0], described[0]) == (404, 200)


@pytest.mark.browser
def test_what_was_refused_is_replayed_from_the_page_while_events_are_taken(
    tmp_path: Path, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    engine = connect(database)
    key, secret = Keyring(engine).create(
        "elsewhere", ["other*"], environment=None, principal=None, expires_at=None, by="t", at=1
    )
    (refused,) = Ingestor(engine).ingest([Arrival(made(1), "t", key)])
    monkeypatch.setenv("ANDON_OUT_OF_SCOPE", "flag")  # the reason for it goes

    with running(database, port, *ANDON, "serve", "--split", "--port", str(port)):
        before = post(port, made(2))
        get(f"http://127.0.0.1:{port}/", START_S)
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{port}/intake")
        page.get_by_role("button", name="Replay").click(timeout=1000 * START_S)
        page.get_by_text("Kept (stored)").wait_for(timeout=1000 * START_S)
        page.close()
        after = post(port, made(3))
        again = post(port, made(1), {"Authorization": f"Bearer {secret}"})

    assert refused.status is Status.REJECTED
    assert (before, after, again) == (201, 201, 200)
    seen = intake(engine)
    assert seen.events == 3
    assert [r.replayed_at is not None for r in seen.rejections] == [True]
    kept = digest(engine)
    for _ in rebuild(engine):
        pass
    assert digest(engine) == kept


def test_a_receiver_alone_needs_no_streamlit() -> None:
    told = "import sys, app; app.compose(None); print('streamlit' in sys.modules)"

    ended = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip() == "False"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "0.0.0.0"),  # noqa: S104  # which is refused
        ("--host", "0.0.0.0", "--split"),  # noqa: S104
        ("--host=0.0.0.0", "--no-dashboard"),
        ("--split", "--no-dashboard"),
    ],
)
def test_what_would_be_open_to_everybody_is_one_clear_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = subprocess.run(
        [*ANDON, "serve", *arguments, "--port", str(free_port())],
        cwd=ROOT,
        env={**os.environ, "ANDON_DATABASE_URL": f"sqlite:///{tmp_path / 'andon.db'}"},
        capture_output=True,
        timeout=START_S,
        check=False,
        text=True,
    )

    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1


def test_beyond_this_machine_events_come_with_a_key(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    engine = connect(database)
    with pytest.raises(UserError, match="token create"):
        addresses.require_keys("0.0.0.0", engine)  # noqa: S104  # which is what this is about
    _, secret = Keyring(engine).create(
        "made", ["*"], environment=None, principal=None, expires_at=None, by="test", at=1
    )
    host = socket.gethostbyname(socket.gethostname())

    command = ("serve", "--no-dashboard", "--host", "0.0.0.0", "--port", str(port))  # noqa: S104
    with running(database, port, *ANDON, *command):
        without = post(port, made(1), host=host)
        given = post(port, made(1), {"Authorization": f"Bearer {secret}"}, host=host)
        alive = get(f"http://{host}:{port}/healthz")

    assert (without, given, alive[0]) == (401, 201, 200)
