"""What an estate costs to load, and a server with the dashboard to keep, at many assets.

Run: python -m benchmarks.reading [assets] [runs of each job]     10,000 and 2 unless told

The real `andon serve` takes the events over HTTP, fifty a request, and judges them; its resident
memory is read after the start, after the last event, once it is idle again, after a look at the
board, and after more events were judged and looked at. Then a fresh process loads the estate from
its store, told in CPU time and as a ratio to reading the plain rows of the same runs and reports.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import text
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect as visiting
from websockets.typing import Subprotocol

import policies.tables  # noqa: F401  # the whole schema, as the product opens it
from benchmarks.events import events
from benchmarks.scale import ASSETS_A_JOB
from catalog.database import connect
from lineage.history import present
from lineage.ingest import calm_collector
from lineage.reading import load_estate

ROOT = Path(__file__).parents[1]
SERVE = [sys.executable, "-c", "from app import main; main()", "serve", "--port", "0"]
BATCH = 50
ROUNDS, MORE = 2, 200
"""How often more events come after a look at the board, and how many."""
IDLE_S = 6
"""A server that used no CPU worth telling for so long has judged what it was sent."""
PLAIN = (
    "SELECT * FROM lineage_run",
    "SELECT * FROM lineage_report",
    "SELECT * FROM lineage_mention",
)


@contextlib.contextmanager
def serving(url: str) -> Iterator[tuple[int, str]]:
    """A server on a store of its own: its process id and its address."""
    environment = os.environ | {"ANDON_DATABASE_URL": url}
    with subprocess.Popen(
        SERVE, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            told = re.search(r"http://[^/\s]+", server.stderr.readline() if server.stderr else "")
            if told is None:
                raise SystemExit("the server did not start")
            yield server.pid, told[0]
        finally:
            server.send_signal(signal.SIGTERM)


def resident_mb(pid: int) -> float:
    """Memory that a process holds now."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.findall(r"Rss:\s+(\d+)", told)[0]) / 1024


def wait_until_idle(pid: int) -> None:
    """Come back when a process has rested for a while."""
    quiet_since, before = time.monotonic(), 0.0
    while time.monotonic() < quiet_since + IDLE_S:
        time.sleep(1)
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        used = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        if used > before + 0.1:
            quiet_since, before = time.monotonic(), used


def send(address: str, stream: Iterator[bytes]) -> None:
    """Post all events; what is refused for now is sent again."""
    while batch := list(islice(stream, BATCH)):
        request = urllib.request.Request(  # noqa: S310  # our own server
            f"{address}/api/v1/lineage/batch",
            b"[" + b",".join(batch) + b"]",
            {"Content-Type": "application/json"},
        )
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                    answer.read()
                break
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(1)


def look(address: str) -> None:
    """Visit the board, as a browser does, until all of it has come."""
    place = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    visit = BackMsg()
    visit.rerun_script.query_string = ""
    with visiting(place, max_size=None, subprotocols=[Subprotocol("streamlit")]) as page:
        page.send(visit.SerializeToString())
        told = ForwardMsg()
        while told.WhichOneof("type") != "script_finished":
            told.ParseFromString(bytes(page.recv(timeout=120, decode=False)))


def load(url: str) -> None:
    """Print what loading costs in this process, against reading the plain rows."""
    calm_collector()
    engine = connect(url)
    now, before = present(engine), resident_mb(os.getpid())
    started = time.process_time()
    estate = load_estate(engine, now)
    taken, after = time.process_time() - started, resident_mb(os.getpid())
    started = time.process_time()
    with engine.connect() as connection:
        rows = sum(len(connection.execute(text(query)).all()) for query in PLAIN)
    plain = time.process_time() - started
    print(f"{len(estate.datasets):,} datasets, {len(estate.jobs):,} jobs, {rows:,} rows: ", end="")
    print(f"loaded in {taken:.2f} s of CPU, {taken / plain:.1f} times what reading the rows takes")
    print(f"{before:,.0f} MB resident before, {after:,.0f} MB with the estate")


def main(assets: int, runs: int) -> None:
    """Print what a server holds, and what its store costs to load."""
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{name}/andon.db"
        with serving(url) as (pid, address):
            wait_until_idle(pid)
            print(f"{resident_mb(pid):,.0f} MB resident after the start", flush=True)
            jobs = assets // ASSETS_A_JOB
            stream = events(2 * jobs * runs + MORE * ROUNDS, jobs)
            send(address, islice(stream, 2 * jobs * runs))
            print(f"{resident_mb(pid):,.0f} MB with about {assets:,} assets", flush=True)
            wait_until_idle(pid)
            print(f"{resident_mb(pid):,.0f} MB after judging them (wanted: 400)", flush=True)
            for seen in range(ROUNDS + 1):
                look(address)
                wait_until_idle(pid)
                print(f"{resident_mb(pid):,.0f} MB after a look at the board", flush=True)
                if seen < ROUNDS:
                    send(address, islice(stream, MORE))
                    wait_until_idle(pid)
                    print(f"{resident_mb(pid):,.0f} MB after judging {MORE} more", flush=True)
        subprocess.run([sys.executable, "-m", "benchmarks.reading", url], cwd=ROOT, check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1 and "://" in sys.argv[1]:
        load(sys.argv[1])
    else:
        main(*map(int, (sys.argv[1:] + ["10000", "2"][len(sys.argv) - 1 :])[:2]))
