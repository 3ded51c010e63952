"""The graph of the estate, read from the tables that a standpoint looks at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from catalog.model import Kind
from catalog.moments import microseconds
from lineage.graph.accounts import Accounts
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.hops import Hops
from lineage.graph.records import Named, record_of
from lineage.graph.shared import Roll
from lineage.history import Standpoint
from lineage.noise import noise_in
from lineage.reading import uncollected
from lineage.scene import key_of


@dataclass(frozen=True, slots=True)
class Loaded:
    """A graph just read."""

    graph: EstateGraph
    numbers: Mapping[int, int]
    """By the id of each name of an asset, its number in the graph."""


def estate_graph(standpoint: Standpoint) -> EstateGraph:
    """The graph as known from a standpoint."""
    return load(standpoint).graph


def load(standpoint: Standpoint) -> Loaded:
    """The same, with what tells the numbers of assets from their ids."""
    seen = standpoint.observed
    assets = {
        **{i: key_of(Kind.DATASET, a) for i, a in seen.datasets.items()},
        **{i: key_of(Kind.JOB, a) for i, a in seen.jobs.items()},
    }
    places = {key: number for number, key in enumerate(sorted(assets.values()))}
    numbers = {i: places[key] for i, key in assets.items()}
    for whole in (*seen.datasets.values(), *seen.jobs.values()):
        numbers.update(dict.fromkeys(whole.ids, numbers[whole.id]))
    by_job: dict[int, list[Named]] = defaultdict(list)
    with standpoint.engine.connect() as connection, uncollected():
        until = microseconds(standpoint.as_of)
        for job_id, named in Accounts(connection, until, seen.endless).of_all():
            by_job[numbers[job_id]].append(named)
    hops = Hops.of(
        {job: record_of(named, numbers.__getitem__) for job, named in by_job.items()},
        {(numbers[a], numbers[b]) for a, b in seen.flows},
        (numbers[i] for i in noise_in(seen)),
    )
    graph = EstateGraph(
        as_of=standpoint.as_of,
        revision=standpoint.revision,
        identities=seen.identities,
        roll=Roll.of(places),
        hops=hops,
    )
    return Loaded(graph, numbers)
