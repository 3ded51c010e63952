"""A walk over column links, as a ratio to one over plain dictionaries and one by networkx.

Run: python -m benchmarks.columns [datasets]     50,000 unless told: 1.7 million links

Datasets stand in eight layers. Each has 34 columns, most of them from columns of one to three
datasets of the layers before it, as marts are made of staging; every tenth has a filter.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from random import Random
from statistics import median, quantiles

import networkx as nx

from catalog.model import AssetKey, Kind
from lineage.column_index import ColumnIndex, Edge
from lineage.column_links import ColumnKey, How

COLUMNS, LAYERS, DEPTH, ASKED = 34, 8, 5, 2000
WAYS = (How("DIRECT", "IDENTITY"), How("DIRECT", "TRANSFORMATION", masking=True), How())
FILTER = How("INDIRECT", "FILTER")


def links(datasets: int, random: Random) -> Iterator[Edge]:
    """About 34 for each dataset."""
    keys = [AssetKey(Kind.DATASET, "snowflake://acme", f"db.schema.t{n}") for n in range(datasets)]
    names = [f"column_{n}" for n in range(COLUMNS)]
    size = datasets // LAYERS
    for number in range(size, datasets):
        first = (number // size - 1) * size
        above = [keys[first + random.randrange(size)] for _ in range(random.randint(1, 3))]
        for name in names:
            for _ in range(2 if random.random() < 0.15 else 1):
                source = ColumnKey(random.choice(above), random.choice(names))
                yield Edge(source, ColumnKey(keys[number], name), random.choice(WAYS))
        if not number % 10:
            yield Edge(ColumnKey(above[0], names[0]), ColumnKey(keys[number]), FILTER)


def plainly(below: dict[int, list[int]], start: int) -> int:
    """How many columns a walk over plain dictionaries of numbers finds."""
    seen, frontier = {start}, [start]
    for _ in range(DEPTH):
        reached = []
        for column in frontier:
            for target in below.get(column, ()):
                if target not in seen:
                    seen.add(target)
                    reached.append(target)
        frontier = reached
    return len(seen) - 1


def timed(ask: Callable[[ColumnKey], object], asked: list[ColumnKey]) -> list[float]:
    """Microseconds of CPU for each, sorted: other work on the machine does not count."""
    found = []
    for column in asked:
        started = time.thread_time()
        ask(column)
        found.append((time.thread_time() - started) * 1e6)
    return sorted(found)


def told(what: str, taken: list[float]) -> None:
    """Print what the half, the slowest twentieth and the slowest took."""
    p95 = quantiles(taken, n=20)[-1]
    print(f"{what:<44} p50 {median(taken):9,.0f} us   p95 {p95:9,.0f}   most {taken[-1]:9,.0f}")


def main(datasets: int) -> None:
    """Print what packing takes and what walks take."""
    random = Random(1)  # noqa: S311  # nothing secret
    every = list(links(datasets, random))
    gc.freeze()
    started = time.thread_time()
    index = ColumnIndex(every)
    packed = time.thread_time() - started
    print(f"{len(index):,} links between {index.columns:,} columns packed in {packed:.1f} s")
    print(f"{index.size_bytes / len(index):.1f} bytes a link, names left out")
    down = [edge.source for edge in random.sample(every, ASKED)]
    up = [edge.target for edge in random.sample(every, ASKED)]
    found = [len(index.walk(c, up=False, depth=DEPTH, most=10_000).columns) for c in down]
    print(f"columns found below one at depth {DEPTH}: {median(found):,.0f}, at most {max(found):,}")
    for wholes in (True, False):
        how = "with whole datasets" if wholes else "columns alone"
        for asked, is_up in ((down, False), (up, True)):
            way = "up" if is_up else "down"

            def walk(column: ColumnKey, *, is_up: bool = is_up, wholes: bool = wholes) -> object:
                return index.walk(column, up=is_up, depth=DEPTH, most=10_000, wholes=wholes)

            told(f"packed, {way}, {how}", timed(walk, asked))
    below: dict[int, list[int]] = defaultdict(list)
    graph = nx.DiGraph()
    for edge in every:
        pair = index.number(edge.source) or 0, index.number(edge.target) or 0
        below[pair[0]].append(pair[1])
        graph.add_edge(*pair)
    held = sys.getsizeof(below) + sum(map(sys.getsizeof, below.values()))
    packed = index.size_bytes / 1e6
    print(f"{held / 1e6:,.0f} MB in plain dictionaries one way, {packed:,.0f} packed")
    numbers = {column: index.number(column) or 0 for column in down}
    told(
        "plain dictionaries, down, columns alone", timed(lambda c: plainly(below, numbers[c]), down)
    )

    def by_networkx(column: ColumnKey) -> object:
        return nx.single_source_shortest_path_length(graph, numbers[column], DEPTH)

    told("networkx, down, columns alone", timed(by_networkx, down[: ASKED // 4]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
