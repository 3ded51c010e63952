"""A PostgreSQL of our own for the tests: it comes by pip, lives in a folder, and ends with them."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

PATIENCE_S = 60
PREFIX = "andon-pg-"
LOCK = "lock"
"""Held by whoever uses a folder; the system lets go of it even for one that was killed."""

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # these stores need not outlive a power failure
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "max_connections": "60",
    "autovacuum": "off",
    "log_min_messages": "log",
}


@contextmanager
def running() -> Iterator[str]:
    """A server to the end of the block. Yields its URL, with ``%s`` for a database's name."""
    # Not where pytest keeps its folders: only their owner may enter those, and a path to a socket
    # must be short.
    clear_up()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, _locked(Path(name)):
        folder = Path(name)
        owner = _owner(folder)
        programs = _programs(folder, owner)
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", "andon", "--auth=trust",
             "--no-sync", "--encoding=UTF8", "--locale=C"],
            check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S, cwd=folder, user=owner,
        )  # fmt: skip
        told = [part for setting in SETTINGS.items() for part in ("-c", "=".join(setting))]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", "-k", folder, *told],
                stderr=log, cwd=folder, user=owner,
            )  # fmt: skip
        try:
            _wait(server, folder)
            yield f"postgresql://andon@/%s?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # whoever is still connected is sent away
            server.wait(PATIENCE_S)


def clear_up() -> None:
    """End the servers of runs that were killed, and remove their folders."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with (folder / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end(folder)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # it is used, just being made, or not ours
            continue


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # Under another name until it is locked: before that it looks like one that nobody holds.
    with (folder / "unlocked").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Path(lock.name).rename(folder / LOCK)
        yield


def _end(folder: Path) -> None:
    """End the server that runs in a folder, if one does."""
    with suppress(OSError, ValueError):
        number = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        process = Path(f"/proc/{number}")
        if str(folder).encode() in (process / "cmdline").read_bytes():
            os.kill(number, signal.SIGQUIT)
            until = time.monotonic() + PATIENCE_S
            while process.exists() and time.monotonic() < until:
                time.sleep(0.05)


def run(url: str, statement: str) -> None:
    """Run one statement about databases or schemas, outside any transaction."""
    with psycopg.connect(url.replace("%s", "postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


def _owner(folder: Path) -> int | None:
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    owner = pwd.getpwnam("nobody").pw_uid
    os.chown(folder, owner, -1)
    return owner


def _programs(folder: Path, owner: int | None) -> Path:
    found = importlib.util.find_spec("pgserver")
    if found is None or found.origin is None:
        message = "pgserver is not installed; it brings the PostgreSQL that the tests run on"
        raise FileNotFoundError(message)
    package = Path(found.origin).parent
    if owner is not None:  # another user may not be let into where the packages are
        copied = folder / "programs"
        for part in ("pgserver/pginstall/bin", "pgserver/pginstall/lib",
                     "pgserver/pginstall/share", "pgserver.libs"):  # fmt: skip
            if (package.parent / part).exists():
                shutil.copytree(package.parent / part, copied / part)
        package = copied / "pgserver"
    return package / "pginstall" / "bin"


def _wait(server: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and server.poll() is None:
        try:
            psycopg.connect(f"postgresql://andon@/postgres?host={folder}").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    message = f"PostgreSQL did not start: {(folder / 'log').read_text()}"
    raise TimeoutError(message)
