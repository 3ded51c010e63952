"""A disk that takes its time: answers are late but true, senders are told in time, nobody hangs."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.serving.test_faults import check_nothing_is_lost, until
from tests.serving.test_serve import free_port, get, made, running

pytestmark = pytest.mark.strace

# Some systems let nobody watch a process that did not ask for it; see prctl(2), PR_SET_PTRACER.
WATCHABLE = "import ctypes; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0); "
BARE = (sys.executable, "-c", f"{WATCHABLE}from app import main; main()", "serve", "--no-dashboard")
SENDERS = 32
CLIENTS_GIVE_UP_S = 5


class Answer(NamedTuple):
    """What a sender was told."""

    status: int
    retry_after: str | None
    took_s: float


def post(port: int, body: bytes, path: str = "", **headers: str) -> Answer:
    """As a client that waits for as long as it takes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    started = time.monotonic()
    try:
        connection.request("POST", f"/api/v1/lineage{path}", body, headers)
        told = connection.getresponse()
        told.read()
    finally:
        connection.close()
    return Answer(told.status, told.headers["Retry-After"], time.monotonic() - started)


@contextmanager
def slow_disk(pid: int, delay_s: float) -> Iterator[None]:
    """Whatever a process syncs to its disk takes so much longer, to the end of the block."""
    if shutil.which("strace") is None:
        pytest.fail("no strace on the path; install the system's package of that name")
    calls = "fsync,fdatasync"
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={calls}",
         "-e", f"inject={calls}:delay_enter={int(delay_s * 1e6)}"],
    )  # fmt: skip
    try:
        assert until(lambda: tracer.poll() is not None or is_watched(pid))
        assert tracer.poll() is None, "strace may not watch here"
        yield
    finally:
        tracer.terminate()
        tracer.wait(20)


def is_watched(pid: int) -> bool:
    """Whether every thread of a process has a tracer."""
    with contextlib.suppress(FileNotFoundError):  # a thread that just ended
        tasks = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
        return all("TracerPid:\t0\n" not in task for task in tasks)
    return False


@contextmanager
def looked_after(port: int) -> Iterator[list[tuple[int, float]]]:
    """Asks now and then whether the process is alive; what it said, and after how long."""
    said: list[tuple[int, float]] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.2):
            started = time.monotonic()
            status, _ = get(f"http://127.0.0.1:{port}/healthz", 30)
            said.append((status, time.monotonic() - started))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield said
    finally:
        is_over.set()
        looker.join()


def start(count: int, act: Callable[[int], None]) -> list[threading.Thread]:
    """Do something so many times at once."""
    threads = [threading.Thread(target=act, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_on_a_slow_disk_answers_are_late_and_outlive_a_kill(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    delay_s = 0.4
    answered: dict[int, Answer] = {}

    def send(sender: int) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):  # it was killed
            for number in range(sender, 100_000, SENDERS):
                answered[number] = post(port, made(number))

    with running(database, port, *BARE, "--port", str(port)) as process:
        with slow_disk(process.pid, delay_s):
            with looked_after(port) as alive:
                senders = start(SENDERS, send)
                time.sleep(6)
            process.kill()
        for sender in senders:
            sender.join()

    stored = [number for number, answer in answered.items() if answer.status == 201]
    assert len(stored) > SENDERS
    assert {answer.status for answer in answered.values()} <= {201, 503}
    assert min(answered[number].took_s for number in stored) >= delay_s
    assert {status for status, _ in alive} == {200}
    assert max(took_s for _, took_s in alive) < CLIENTS_GIVE_UP_S
    check_nothing_is_lost(database, stored, tmp_path)


def test_on_a_disk_that_hangs_senders_are_told_in_time_and_come_again(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    told: dict[int, Answer] = {}
    batches = [made_many(range(first, first + 1000)) for first in range(1000, 7000, 1000)]

    def send(number: int) -> None:
        told[number] = post(port, made(number))

    def send_many(number: int) -> None:
        told[1000 + number] = post(port, batches[number], "/batch")

    with running(database, port, *BARE, "--port", str(port)) as process:
        with slow_disk(process.pid, 12), looked_after(port) as alive:
            senders = start(SENDERS, send) + start(len(batches), send_many)
            for sender in senders:
                sender.join()
            unread = post(port, b"?", **{"Content-Encoding": "brotli"})
        assert until(lambda: post(port, made(0)).status in (200, 201))
        again = [post(port, made(number)).status for number in range(SENDERS)]
        many = [post(port, batch, "/batch").status for batch in batches]
        process.kill()

    assert len(told) == SENDERS + len(batches)
    assert {(answer.status, answer.retry_after) for answer in told.values()} == {(503, "1")}
    assert max(answer.took_s for answer in told.values()) < CLIENTS_GIVE_UP_S
    # More than can wait is told at once.
    assert min(told[1000 + number].took_s for number in range(len(batches))) < 2
    assert unread.status == 415
    assert unread.took_s < CLIENTS_GIVE_UP_S
    assert {status for status, _ in alive} == {200}
    assert max(took_s for _, took_s in alive) < CLIENTS_GIVE_UP_S
    assert set(again) <= {200, 201}
    assert set(many) == {200}
    check_nothing_is_lost(database, [*range(SENDERS), *range(1000, 7000)], tmp_path)


def made_many(numbers: range) -> bytes:
    """A batch of small events."""
    return b"[" + b",".join(made(number) for number in numbers) + b"]"
