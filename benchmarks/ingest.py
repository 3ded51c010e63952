"""How fast files of events are taken in, as a ratio to what SQLite alone can write.

Run: python -m benchmarks.ingest [events]

Both sides write the same bodies with the same number a commit, into files on the same disk with
synchronous=FULL, one after the other in one run. Ours reads them from a file as ``andon ingest``
does. The first part finds an empty store, in which every template and facet is new; the second is
the steady state. Only the ratios say anything: machines differ and are busy.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import policies.tables  # noqa: F401  # the whole schema, as the product opens it
from benchmarks.events import events
from catalog.database import connect
from lineage.importing import BATCH, Summary, ingest_files
from lineage.ingest import Ingestor, calm_collector

COLD = 4000
"""Events of the first part: twice each of a thousand jobs, START and COMPLETE."""
ROUNDS = 5
"""Into how many the steady part is cut, both sides taking turns, so that noise hits both."""


def limit_s(path: Path, bodies: list[bytes]) -> float:
    """Seconds that raw ``executemany`` takes for whole bodies."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("CREATE TABLE IF NOT EXISTS body (seq INTEGER PRIMARY KEY, body BLOB)")
        started = time.perf_counter()
        for first in range(0, len(bodies), BATCH):
            raw.execute("BEGIN IMMEDIATE")
            rows = [(body,) for body in bodies[first : first + BATCH]]
            raw.executemany("INSERT INTO body (body) VALUES (?)", rows)
            raw.execute("COMMIT")
        return time.perf_counter() - started


def ours_s(folder: Path, ingestor: Ingestor, bodies: list[bytes]) -> float:
    """Seconds until the same bodies are read from a file, logged, folded and durable."""
    path = folder / "events.ndjson"
    path.write_bytes(b"\n".join(bodies))
    summary = Summary()
    started = time.perf_counter()
    ingest_files(ingestor, [path], summary)
    passed = time.perf_counter() - started
    assert summary.stored == len(bodies), summary  # noqa: S101  # else it measured nothing
    return passed


def parts(bodies: list[bytes]) -> Iterator[list[bytes]]:
    """The steady part in rounds."""
    size = -(-len(bodies) // ROUNDS)
    for first in range(0, len(bodies), size):
        yield bodies[first : first + size]


def stored_bytes(folder: Path) -> int:
    """Size of the store once all is in it."""
    with closing(sqlite3.connect(folder / "andon.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (folder / "andon.db").stat().st_size


def main(count: int) -> None:
    """Print both parts and their ratios."""
    bodies = list(events(COLD + count))
    calm_collector()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ingestor = Ingestor(connect(f"sqlite:///{folder / 'andon.db'}"))
        cold = limit_s(folder / "raw.db", bodies[:COLD]), ours_s(folder, ingestor, bodies[:COLD])
        before, limit, ours = stored_bytes(folder), 0.0, 0.0
        for part in parts(bodies[COLD:]):
            limit += limit_s(folder / "raw.db", part)
            ours += ours_s(folder, ingestor, part)
        stored = stored_bytes(folder) - before
    sent = sum(map(len, bodies[COLD:]))
    print(f"{len(bodies):,} events of {sent / count:,.0f} bytes, {BATCH} a commit")
    print(f"cold:   ours {COLD / cold[1]:,.0f} events/s, limit {COLD / cold[0]:,.0f}")
    print(f"        ratio {cold[0] / cold[1]:.3f} (wanted: 0.08)")
    print(f"steady: ours {count / ours:,.0f} events/s, limit {count / limit:,.0f}")
    print(f"        ratio {limit / ours:.3f} (wanted: 0.30)")
    print(f"stored: {stored / count:,.0f} bytes an event, {stored / sent:.3f} of what was sent")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 46_000)
