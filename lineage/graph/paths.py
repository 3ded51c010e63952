"""How data gets from one asset to another: the shortest ways, hop by hop. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise

from catalog.model import AssetKey, Kind
from lineage.graph.drawn import Drawn
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import Link

PATHS_MOST = 10
"""How many ways are told, at most."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The shortest ways from one asset to another."""

    source: AssetKey
    target: AssetKey
    paths: tuple[tuple[Link, ...], ...]
    """Each a way of as few hops as any, in order of the assets on it; empty: there is none."""
    is_cut: bool
    """Whether there are more of that length."""


def shortest_paths(
    graph: EstateGraph, source: AssetKey, target: AssetKey, most: int = PATHS_MOST
) -> Paths:
    """The shortest ways over current edges; from an asset to itself, the shortest way round."""
    drawn = Drawn(graph, {source, target})
    after = _after(_before(drawn, source, target), source, target)
    found = list(islice(_ways(after, source, target), most + 1))
    paths = tuple(tuple(drawn.link(a, b) for a, b in pairwise(way)) for way in found[:most])
    return Paths(source, target, paths, is_cut=len(found) > most)


def _before(drawn: Drawn, source: AssetKey, target: AssetKey) -> Mapping[AssetKey, list[AssetKey]]:
    """For each asset on a shortest way from the source, what comes before it; breadth first."""
    before: dict[AssetKey, list[AssetKey]] = {}
    into_job = set(drawn.datasets_beside(target, up=True)) if target.kind is Kind.JOB else set()
    rim = [source]
    while rim and target not in before:
        met: dict[AssetKey, list[AssetKey]] = {}
        for key in rim:
            ends = (target,) if key in into_job else ()
            for beyond in (*drawn.datasets_beside(key, up=False), *ends):
                if beyond not in before and (beyond != source or source == target):
                    met.setdefault(beyond, []).append(key)
        before.update(met)
        rim = sorted(met)
    return before


def _after(
    before: Mapping[AssetKey, list[AssetKey]], source: AssetKey, target: AssetKey
) -> dict[AssetKey, list[AssetKey]]:
    """The same turned round, and only of what is on a shortest way."""
    after: dict[AssetKey, list[AssetKey]] = {}
    rim = {target} & before.keys()
    while rim:
        ahead: set[AssetKey] = set()
        for key in sorted(rim):
            for nearer in before[key]:
                after.setdefault(nearer, []).append(key)
                ahead.add(nearer)
        rim = ahead - {source}
    return after


def _ways(
    after: Mapping[AssetKey, list[AssetKey]], source: AssetKey, target: AssetKey
) -> Iterator[tuple[AssetKey, ...]]:
    """Every way, one after the other in order of their assets: there may be very many."""
    waiting: list[tuple[AssetKey, ...]] = [(source,)]
    while waiting:
        way = waiting.pop()
        for key in reversed(after.get(way[-1], ())):
            if key == target:
                yield (*way, key)
            else:
                waiting.append((*way, key))
