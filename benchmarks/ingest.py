"""How fast events are taken in, as a ratio to what SQLite alone can write.

Run: python benchmarks/ingest.py [events]

Both sides write the same bodies of the sample company with the same number a commit, into files on
the same disk with synchronous=FULL, one after the other in one run. Only the ratio says anything:
machines differ and are busy.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import policies.tables  # noqa: F401  # the whole schema, as the product opens it
from catalog.database import connect
from lineage.ingest import Arrival, Ingestor
from lineage.sample.events import company_events
from lineage.sample.scenario import load_company

COMMIT = 256
ANCHOR = datetime(2026, 11, 20, 12, tzinfo=UTC)


def batches(bodies: list[bytes]) -> Iterator[list[bytes]]:
    """The bodies as many at a time as share a commit."""
    for first in range(0, len(bodies), COMMIT):
        yield bodies[first : first + COMMIT]


def limit_s(folder: Path, bodies: list[bytes]) -> float:
    """Seconds that raw ``executemany`` takes for whole bodies."""
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("CREATE TABLE body (seq INTEGER PRIMARY KEY, body BLOB)")
    started = time.perf_counter()
    for batch in batches(bodies):
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany("INSERT INTO body (body) VALUES (?)", [(body,) for body in batch])
        raw.execute("COMMIT")
    return time.perf_counter() - started


def ours_s(folder: Path, bodies: list[bytes]) -> float:
    """Seconds until the same bodies are logged, folded and durable."""
    ingestor = Ingestor(connect(f"sqlite:///{folder / 'andon.db'}"))
    started = time.perf_counter()
    for batch in batches(bodies):
        ingestor.ingest([Arrival(body, "benchmark") for body in batch])
    return time.perf_counter() - started


def main(count: int) -> None:
    """Print both and their ratio."""
    bodies = list(islice(company_events(load_company(), ANCHOR, 60), count))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        limit, ours = limit_s(folder, bodies), ours_s(folder, bodies)
        stored = sum(path.stat().st_size for path in folder.glob("andon.db*"))
    sent = sum(map(len, bodies))
    print(f"{len(bodies):,} events of {sent / len(bodies):,.0f} bytes, {COMMIT} a commit")
    print(f"limit: {len(bodies) / limit:,.0f} events/s; ours: {len(bodies) / ours:,.0f} events/s")
    print(f"ratio: {limit / ours:.3f} of the limit; stored: {stored / sent:.2f} of what was sent")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
