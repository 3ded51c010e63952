"""How far the compact graph walks in what time, against rustworkx and networkx on the same graph.

Run: python -m benchmarks.graph [nodes...]     1,000 to 1,000,000 unless told

Graphs have two edges a node. Clustered: clusters of a thousand nodes in ten layers, each of which
feeds the next. Connected: from anywhere to anywhere, so that most is reached from most. Deep: no
edge leads further than fifty nodes on, so that ways are long and levels short. All graphs walk from
the same nodes in turns; CPU time counts. networkx is left out beyond 100,000 nodes: it would take
gigabytes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import numpy as np
import rustworkx

import policies.tables  # noqa: F401  # the whole schema, as the product opens it
from benchmarks.events import events
from catalog.database import connect
from lineage.graph.advance import Held
from lineage.graph.index import CompactGraph
from lineage.graph.rows import Numbers
from lineage.importing import BATCH
from lineage.ingest import Arrival, Ingestor, calm_collector

SIZES = (1_000, 10_000, 100_000, 1_000_000)
NETWORKX_MOST = 100_000
CLUSTER, LAYERS = 1_000, 10
STARTS = 100
JOBS, STEPS = 200, 800

Walk = Callable[[int], object]


class Ends(NamedTuple):
    """The edges of a graph."""

    sources: Numbers
    targets: Numbers


def clustered(nodes: int, random: np.random.Generator) -> Ends:
    """Clusters in layers; nothing leads out of a cluster."""
    layer = CLUSTER // LAYERS
    sources = np.repeat(np.arange(nodes, dtype=np.int32), 2)
    sources = sources[sources % CLUSTER < CLUSTER - layer]
    following = sources // layer * layer + layer
    targets = following + random.integers(0, layer, len(sources), np.int32)
    return Ends(sources, np.minimum(targets, nodes - 1).astype(np.int32))


def connected(nodes: int, random: np.random.Generator) -> Ends:
    """From anywhere to anywhere."""
    sources = np.repeat(np.arange(nodes, dtype=np.int32), 2)
    return Ends(sources, random.integers(0, nodes, len(sources), np.int32))


def deep(nodes: int, random: np.random.Generator) -> Ends:
    """Always onwards, never far."""
    sources = np.repeat(np.arange(nodes - 1, dtype=np.int32), 2)
    steps = random.integers(1, 50, len(sources), np.int32)
    return Ends(sources, np.minimum(sources + steps, nodes - 1).astype(np.int32))


def main(sizes: Sequence[int]) -> None:
    """Print everything."""
    for nodes in sizes:
        for make in (clustered, connected, deep):
            ends = make(nodes, np.random.default_rng(1))
            print(f"\n{nodes:,} nodes, {make.__name__}")
            _walk(nodes, ends)
    _go_forward()


def _walk(nodes: int, ends: Ends) -> None:
    began = time.process_time()
    ours = CompactGraph.of_arrays(np.ones(nodes, bool), *ends)
    took = time.process_time() - began
    size_mb = ours.size_bytes / 1e6
    print(f"  {ours.number_of_edges():,} edges in {size_mb:.1f} MB, made in {took:.2f} s of CPU")
    rust = rustworkx.PyDiGraph(multigraph=False, node_count_hint=nodes)
    rust.add_nodes_from(range(nodes))
    rust.add_edges_from_no_data(list(ours.edges()))
    plain = nx.DiGraph(ours.edges()) if nodes <= NETWORKX_MOST else None
    with_edges = np.unique(ends.sources)
    random = np.random.default_rng(2)
    starts = [int(n) for n in random.choice(with_edges, min(STARTS, len(with_edges)))]
    reached = sorted(len(ours.closure(start)) for start in starts)
    print(f"  from a node {reached[len(reached) // 2]:,} are reached, {reached[-1]:,} at most")
    walks: dict[str, Walk]
    for depth in (1, 5, 20):  # rustworkx has no walk that ends at a depth
        walks = {"ours": partial(ours.reach, depth=depth)}
        if plain is not None:
            walks["networkx"] = partial(nx.single_source_shortest_path_length, plain, cutoff=depth)
        _print(f"depth {depth}", walks, starts)
    walks = {
        "ours": partial(nx.descendants, ours),
        "rustworkx": partial(rustworkx.descendants, rust),
    }
    if plain is not None:
        walks["networkx"] = partial(nx.descendants, plain)
    _print("closure", walks, starts if nodes < 100_000 else starts[: STARTS // 4])


def _print(what: str, walks: dict[str, Walk], starts: Sequence[int]) -> None:
    taken: dict[str, list[float]] = {name: [] for name in walks}
    for walk in walks.values():  # what the first call of all loads is not measured
        walk(starts[0])
    for start in starts:
        for name, walk in walks.items():
            began = time.process_time()
            walk(start)
            taken[name].append((time.process_time() - began) * 1e3)
    totals = {name: sum(each) for name, each in taken.items()}
    said = "; ".join(
        f"{name} {np.percentile(each, 50):.3f} / {np.percentile(each, 95):.3f} ms"
        for name, each in taken.items()
    )
    ratios = ", ".join(
        f"{totals['ours'] / total:.2f} of {name}"
        for name, total in totals.items()
        if name != "ours"
    )
    print(f"  {what:8} {said}{'; ' if ratios else ''}{ratios}")


def _go_forward() -> None:
    """What one more event costs a graph that is held."""
    calm_collector()
    with tempfile.TemporaryDirectory() as name:
        engine = connect(f"sqlite:///{Path(name) / 'graph.db'}")
        ingestor = Ingestor(engine)
        stream = events(4 * JOBS + STEPS, JOBS)
        for batch in _batches(stream, 4 * JOBS):
            ingestor.ingest(batch)
        held = Held(engine)
        held.graph()
        taken = []
        for body in stream:
            ingestor.ingest([Arrival(body, "benchmark")])
            began = time.process_time()
            held.graph()
            taken.append((time.process_time() - began) * 1e3)
        half = len(taken) // 2  # the first ones meet templates that this process has not read yet
        for what, some in (("first", taken[:half]), ("then", taken[half:])):
            middle, slow = np.percentile(some, [50, 95])
            print(f"\nforward by one event, {what}: {middle:.2f} / {slow:.2f} ms of CPU")
        print(f"read anew {held.loads - 1} times in {len(taken)} events")
        engine.dispose()


def _batches(stream: Iterator[bytes], count: int) -> Iterator[list[Arrival]]:
    for _ in range(count // BATCH):
        yield [Arrival(body, "benchmark") for body in islice(stream, BATCH)]


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or SIZES)
