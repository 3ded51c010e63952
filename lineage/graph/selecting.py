"""Of an answer only what a selection matches; what it does not match is drawn through. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

from catalog.model import AssetKey, Kind
from catalog.selection import Attributes
from lineage.estate import Estate
from lineage.graph.drawn import chained
from lineage.graph.model import Lineage, Link


def attributes(estate: Estate, key: AssetKey) -> Attributes:
    """What an asset offers to each key of a selection, under all of its names."""
    asset = estate.datasets.get(key) if key.kind is Kind.DATASET else estate.jobs.get(key)
    if asset is None:
        return {}
    names = (asset.key, *asset.names)
    offered = {
        "kind": [key.kind.value],
        "namespace": [name.namespace for name in names],
        "name": [name.name for name in names],
        "env": [asset.environment.value.value] if asset.environment else [],
        "owner": [owner.value for owner in asset.owners],
        "team": [asset.team] if asset.team else [],
    }
    job = estate.jobs.get(key)
    if job is not None:
        return {**offered, "integration": [job.integration.lower()] if job.integration else []}
    dataset = estate.datasets[key]
    return {
        **offered,
        "zone": [dataset.zone.value.value] if dataset.zone else [],
        "tier": [str(dataset.tier.value)],
        "type": [dataset.kind] if dataset.kind else [],
        "tag": list(dataset.tags),
    }


def selected(answer: Lineage, is_wanted: Callable[[AssetKey], bool]) -> Lineage:
    """The root and what is wanted, at the same distances.

    Two assets are joined if in the whole answer a way leads from one to the other through nothing
    but what is left out; the edge then holds as far as all of the way does.
    """
    nodes = tuple(node for node in answer.nodes if node.key == answer.root or is_wanted(node.key))
    kept = {node.key for node in nodes}
    after: dict[AssetKey, list[Link]] = defaultdict(list)
    for link in answer.links:
        after[link.source].append(link)
    links = {link.ends: link for source in kept for link in _joined(source, after, kept)}
    return replace(answer, nodes=nodes, links=tuple(links[ends] for ends in sorted(links)))


def _joined(
    source: AssetKey, after: dict[AssetKey, list[Link]], kept: set[AssetKey]
) -> Iterator[Link]:
    """Edges from an asset to those that are kept, each by a shortest way."""
    known = {source}
    waiting: list[tuple[Link, ...]] = [(link,) for link in after.get(source, ())]
    for way in waiting:  # grows meanwhile
        target = way[-1].target
        if target == source and len(way) > 1:
            continue
        if target in kept:
            if target not in known or len(way) == 1:
                known.add(target)
                yield way[0] if len(way) == 1 else chained(source, target, way)
        elif target not in known:
            known.add(target)
            waiting += [(*way, link) for link in after.get(target, ())]
