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
from itertools import islice
from pathlib import Path
from statistics import median

import policies.tables  # noqa: F401  # the whole schema, as the product opens it
from benchmarks.events import events
from catalog.database import connect
from lineage.importing import BATCH
from lineage.ingest import Arrival, Ingestor, calm_collector

ASSETS_A_JOB = 2
"""A job of the stream and what it writes; what it reads others write."""
MEASURED = 12 * BATCH


class Store:
    """A store in the steady state of so many jobs, each of which ran once before."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._ingestor = Ingestor(connect(f"sqlite:///{folder / f'{jobs}.db'}"))
        self._stream = events(2 * jobs + MEASURED + BATCH, jobs)
        for _ in range(2 * jobs // BATCH):
            self.take()

    def take(self) -> float:
        """Microseconds of CPU for each event of the next batch."""
        batch = [Arrival(body, "benchmark") for body in islice(self._stream, BATCH)]
        started = time.process_time()
        self._ingestor.ingest(batch)
        return (time.process_time() - started) / BATCH * 1e6


def main(assets: int) -> None:
    """Print both and their ratio."""
    calm_collector()
    with tempfile.TemporaryDirectory() as name:
        few, many = Store(Path(name), 1000), Store(Path(name), assets // ASSETS_A_JOB)
        # In turns, so that whatever else the machine does weighs on both alike.
        taken = [(few.take(), many.take()) for _ in range(MEASURED // BATCH)]
    few_us, many_us = (median(column) for column in zip(*taken, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{few_us:,.0f} us of CPU an event with about {1000 * ASSETS_A_JOB:,} assets")
    print(f"{many_us:,.0f} us of CPU an event with about {assets:,} assets")
    print(f"ratio {many_us / few_us:.2f} (wanted: at most 2); {memory:,.0f} MB resident at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
