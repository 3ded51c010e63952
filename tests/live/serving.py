"""An Andon that runs as its users run it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from catalog.database import connect
from lineage.estate import Estate
from lineage.reading import load_estate

T = TypeVar("T")
PATIENCE = 30
"""By how much others may hold up what is waited for."""
ANDON = Path(sys.executable).with_name("andon")
UP_WITHIN_S = 30.0
SEEN_WITHIN_S = 2.0
"""What the product promises: an event is on the board two seconds later."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where it listens, and the store it writes to."""

    url: str
    engine: Engine

    def estate(self) -> Estate:
        return load_estate(self.engine, datetime.now(UTC))

    @property
    def database(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)

    def command(self, *words: str) -> str:
        """What an ``andon`` command prints about the same store."""
        answer = subprocess.run(
            [ANDON, *words, "--database", self.database],
            capture_output=True,
            check=True,
            text=True,
        )
        return answer.stdout


def eventually(look: Callable[[], T], within_s: float, every_s: float = 0.05) -> T:
    """What a look gives as soon as it gives something true; its last answer when time is up.

    Time in which anything on this machine waited for its turn is not counted: a promise of two
    seconds says nothing about how much else there is to do.
    """
    started, waited_s = time.monotonic(), _waited_s()
    while True:
        seen = look()
        took_s = time.monotonic() - started
        if seen or took_s - (_waited_s() - waited_s) > within_s or took_s > PATIENCE * within_s:
            return seen
        time.sleep(every_s)


def _waited_s() -> float:
    """How long, all in all, somebody waited for a processor or a disk; 0 where nobody counts it."""
    waited_us = 0
    for path in (Path("/proc/pressure/cpu"), Path("/proc/pressure/io")):
        with contextlib.suppress(OSError):
            some = path.read_text().splitlines()[0]
            waited_us += int(some.rpartition("total=")[2])
    return waited_us / 1e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    """``andon serve`` on a free port, with a database of its own in the folder."""
    database = f"sqlite:///{folder / 'andon.db'}"
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [ANDON, "serve", "--port", str(port)],
            cwd=folder,
            env={**os.environ, "ANDON_DATABASE_URL": database, **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        up = eventually(lambda: is_up(f"{url}healthz") or process.poll() is not None, UP_WITHIN_S)
        assert up, f"not up in time: {log.read_text()}"
        assert process.poll() is None, log.read_text()
        engine = connect(database)
        yield Served(url, engine)
        engine.dispose()
    finally:
        process.terminate()
        process.wait(timeout=UP_WITHIN_S)
