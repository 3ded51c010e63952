"""Whatever happens to the process, the disk or the store: what was answered is there, once."""

from __future__ import annotations

import random
import resource
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Engine

from catalog.database import connect
from lineage.ingest import Arrival, Ingestor
from lineage.intake import intake
from lineage.log import EventLog
from lineage.rebuild import digest
from tests.serving.test_serve import ANDON, free_port, made, post, running

SENDERS = 8
BARE = (*ANDON, "serve", "--no-dashboard", "--port")


def stored(engine: Engine) -> list[bytes]:
    """The log's events, as they were stored, in order of arrival."""
    with engine.connect() as connection:
        return [s.event.body for part in EventLog().events(connection, 500) for s in part]


def ids_of(engine: Engine, bodies: Iterable[bytes]) -> set[str | None]:
    """The ids of events, as a store gives them."""
    return {r.event_id for r in Ingestor(engine).ingest([Arrival(b, "again") for b in bodies])}


def check_nothing_is_lost(database: str, answered: Iterable[int], folder: Path) -> None:
    """Every answered event is in the store once, and what derives from it is what should."""
    engine = connect(database)
    kept = stored(engine)
    clean = connect(f"sqlite:///{folder / 'clean.db'}")
    Ingestor(clean).ingest([Arrival(body, "replay") for body in kept])
    found = ids_of(clean, kept)
    assert len(found) == len(kept)
    wanted = connect(f"sqlite:///{folder / 'wanted.db'}")
    assert ids_of(wanted, map(made, answered)) <= found
    assert digest(engine) == digest(clean)


def load(port: int, first: int, count: int, answered: list[int]) -> None:
    """Post until all are answered or nobody answers; what was taken is noted."""

    def send(start: int) -> None:
        for number in range(start, first + count, SENDERS):
            try:
                if post(port, made(number)) in (200, 201):
                    answered.append(number)
            except OSError:
                return

    senders = [threading.Thread(target=send, args=(first + n,)) for n in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_under_load_it_has_every_answered_event_once(
    tmp_path: Path, seed: int
) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    chance = random.Random(seed)  # noqa: S311  # nothing secret
    answered: list[int] = []

    for life in range(3):
        with running(database, port, *BARE, str(port)) as process:
            lasting_s = chance.uniform(0.05, 0.6)
            killer = threading.Timer(lasting_s, process.kill)
            killer.start()
            load(port, life * 100_000, 4000, answered)
            killer.join()

    assert answered
    check_nothing_is_lost(database, answered, tmp_path)


def test_terminated_under_load_it_has_every_answered_event_once(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    answered: list[int] = []

    with running(database, port, *BARE, str(port)) as process:
        stopper = threading.Timer(0.5, process.terminate)
        stopper.start()
        load(port, 0, 20_000, answered)
        code = process.wait(20)

    assert code == 0
    assert answered
    check_nothing_is_lost(database, answered, tmp_path)


def until(holds: Callable[[], bool], longest_s: float = 20) -> bool:
    """Whether it came to hold in time."""
    deadline = time.monotonic() + longest_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_a_full_disk_is_told_loses_nothing_and_ends_when_there_is_room(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    answers: list[int] = []

    with running(database, port, *BARE, str(port)) as process:
        assert post(port, made(0)) == 201
        largest = max(path.stat().st_size for path in tmp_path.glob("andon.db*"))
        limit = (largest + 200_000, resource.RLIM_INFINITY)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limit)
        for number in range(1, 3000):
            answers.append(post(port, made(number)))
            if answers[-1] != 201:
                break
        still_full = post(port, made(5000))
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert until(lambda: post(port, made(5001)) in (200, 201))

    assert (answers[-1], still_full) == (503, 503)
    assert set(answers[:-1]) == {201}
    check_nothing_is_lost(database, [*range(len(answers)), 5001], tmp_path)


def test_a_locked_store_is_told_in_time_and_ends_when_it_is_free(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()

    with running(database, port, *BARE, str(port)):
        other = sqlite3.connect(tmp_path / "andon.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        locked = post(port, made(1))
        took_s = time.monotonic() - started
        other.execute("ROLLBACK")
        other.close()
        assert until(lambda: post(port, made(1)) in (200, 201))

    assert locked == 503
    assert took_s < 4  # clients give up after 5
    check_nothing_is_lost(database, [1], tmp_path)


def test_a_store_that_others_hold_again_and_again_takes_in_everything(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    answered: list[int] = []
    is_over = threading.Event()

    def hold() -> None:
        other = sqlite3.connect(tmp_path / "andon.db", isolation_level=None, timeout=20)
        while not is_over.is_set():
            other.execute("BEGIN IMMEDIATE")
            time.sleep(0.3)
            other.execute("ROLLBACK")
            time.sleep(0.05)
        other.close()

    with running(database, port, *BARE, str(port)):
        holder = threading.Thread(target=hold)
        holder.start()
        load(port, 0, 80, answered)
        is_over.set()
        holder.join()

    assert sorted(answered) == list(range(80))
    assert intake(connect(database)).events == 80


def test_a_sender_that_hangs_up_leaves_nothing_half_done(tmp_path: Path) -> None:
    database, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    body = made(1)
    head = b"POST /api/v1/lineage HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"

    with running(database, port, *BARE, str(port)):
        for cut in (0, 1, len(body) // 2, len(body) - 1):
            with socket.create_connection(("127.0.0.1", port)) as sender:
                sender.sendall(head % len(body) + body[:cut])
        after = post(port, body)

    assert after == 201
    assert [orjson.loads(b)["job"] for b in stored(connect(database))] == [
        orjson.loads(body)["job"]
    ]
