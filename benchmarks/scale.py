"""What one more event costs when a store knows many assets, as a ratio to a store that knows few.

Run: python -m benchmarks.scale [assets]     100,000 unless told; a million takes long

Both stores take the same number of steady events in the same commits: one is fed by a thousand
jobs, whose facets stay remembered, the other by so many that hardly any does. CPU time counts, not
waiting; memory is that of this process once the large store is in it.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import policies.tables  # noqa: F401  # the whole schema, as the product opens it
from benchmarks.events import events
from catalog.database import connect
from lineage.importing import BATCH
from lineage.ingest import Arrival, Ingestor, calm_collector

ASSETS_A_JOB = 2
"""A job of the stream and what it writes; what it reads others write."""
MEASURED = 6000


def cpu_us(ingestor: Ingestor, stream: Iterator[bytes], count: int) -> float:
    """Microseconds of CPU for each of the next events."""
    used = 0.0
    for _ in range(0, count, BATCH):
        batch = [Arrival(body, "benchmark") for body in islice(stream, BATCH)]
        started = time.process_time()
        ingestor.ingest(batch)
        used += time.process_time() - started
    return used / count * 1e6


def steady_us(folder: Path, jobs: int) -> float:
    """The same in the steady state of so many jobs, each of which ran once before."""
    ingestor = Ingestor(connect(f"sqlite:///{folder / f'{jobs}.db'}"))
    stream = events(2 * jobs + MEASURED, jobs)
    before = 2 * jobs - 2 * jobs % BATCH
    cpu_us(ingestor, stream, before)
    return cpu_us(ingestor, stream, MEASURED)


def main(assets: int) -> None:
    """Print both and their ratio."""
    calm_collector()
    with tempfile.TemporaryDirectory() as name:
        few = steady_us(Path(name), 1000)
        many = steady_us(Path(name), assets // ASSETS_A_JOB)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{few:,.0f} us of CPU an event with about {1000 * ASSETS_A_JOB:,} assets")
    print(f"{many:,.0f} us of CPU an event with about {assets:,} assets")
    print(f"ratio {many / few:.2f} (wanted: at most 2); {memory:,.0f} MB resident at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
