"""Datasets of the estate, built from what was seen and declared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import networkx as nx

from catalog.model import AssetKey, Basis, Claim, Classification, Environment, Evidence, Kind
from lineage import observed as o
from lineage.estate import ColumnTag, Dataset, Field
from lineage.events import text_of
from lineage.habits import first_reads, first_tests
from lineage.naming import display_titles, kind_by_platform, platform_of
from lineage.noise import MENTIONED
from lineage.scene import Scene, facet_of, key_of
from lineage.times import read_time
from lineage.values import objects_in

TIER_OF_FEW, TIER_OF_MANY = 3, 2

_Column = tuple[str, str | None, str | None]
"""Name, type and description."""


@dataclass(frozen=True, slots=True)
class _Uses:
    """Who writes and reads which dataset, now and last."""

    writers: Mapping[int, set[AssetKey]]
    claimed_by: Mapping[int, set[AssetKey]]
    """Jobs that only claim to write it: none of their runs ever completed."""
    readers: Mapping[int, set[AssetKey]]
    written: Mapping[int, datetime]
    read: Mapping[int, datetime]
    first_read: Mapping[int, datetime]
    first_tested: Mapping[int, datetime]


def build_datasets(scene: Scene) -> dict[AssetKey, Dataset]:
    """Every dataset, noise included; names that only column lineage mentions are left out."""
    seen = scene.seen
    known = {i: a for i, a in sorted(seen.datasets.items()) if scene.noise.get(i) != MENTIONED}
    shown = display_titles(asset.title for asset in known.values())
    uses = _uses(scene)
    consumers = _consumers(scene)
    many = _top_decile(consumers.values())
    columns: dict[_Column, Field] = {}
    found = {}
    for i, asset in known.items():
        weight = TIER_OF_MANY if consumers.get(i, 0) >= many else TIER_OF_FEW
        why = f"{consumers.get(i, 0)} owned production datasets stand on it"
        tier = scene.claims.declared(i, "tier") or Claim(weight, Basis.GUESSED, why)
        owners = scene.claims.owners(i)
        use = seen.uses.get(i)
        platform = "dbt" if use else platform_of(asset.title[0])
        key = key_of(Kind.DATASET, asset)
        joined = seen.identities.group(key) if len(asset.names) > 1 else None
        found[key] = Dataset(
            key=key,
            id=i,
            display_name=shown[asset.title],
            kind=use.exposure.kind if use else _kind(asset, platform),
            platform=platform,
            noise=scene.noise.get(i),
            environment=scene.claims.environment(i),
            zone=scene.claims.zone(i),
            tier=tier,
            owners=owners,
            team=scene.claims.team(owners),
            description=text_of(facet_of(asset, "documentation").get("description")),
            fields=tuple(_fields(facet_of(asset, "schema").get("fields"), "", columns)),
            tags=_tags(asset),
            tests=scene.tests.get(i, ()),
            tests_last_run_at=seen.tested_at.get(i),
            first_seen=asset.first_seen,
            last_seen=asset.last_seen,
            last_write_at=uses.written.get(i),
            last_read_at=uses.read.get(i),
            first_read_at=uses.first_read.get(i),
            first_tested_at=uses.first_tested.get(i),
            upstream=scene.keys(scene.graph.predecessors(i) if i in scene.graph else ()),
            downstream=scene.keys(scene.graph.successors(i) if i in scene.graph else ()),
            writers=tuple(sorted(uses.writers.get(i, ()))),
            provisional_writers=tuple(sorted(uses.claimed_by.get(i, ()))),
            readers=tuple(sorted(uses.readers.get(i, ()))),
            consumers=consumers.get(i, 0),
            last_changed_at=_last_changed(asset),
            event_id=asset.event_id,
            names=scene.other_names(key, asset),
            joins=joined.joins if joined else (),
            doubts=joined.doubts if joined else (),
            claims=seen.identities.datasets.claims((key.namespace, key.name)),
            ids=asset.ids,
            is_exposure=use is not None,
            freshness_s=scene.claims.declared(i, "freshness_s"),
            column_tags=_column_tags(asset, scene.claims.declared(i, "classification")),
        )
    return found


def _uses(scene: Scene) -> _Uses:
    seen = scene.seen
    writers: dict[int, set[AssetKey]] = defaultdict(set)
    confirmed: dict[int, set[AssetKey]] = defaultdict(set)
    readers: dict[int, set[AssetKey]] = defaultdict(set)
    for job_id, shapes in seen.current.items():
        key = scene.job_key(job_id)
        for shape in shapes:
            for dataset_id, _ in shape.outputs:
                writers[dataset_id].add(key)
                if not shape.is_provisional:
                    confirmed[dataset_id].add(key)
            for dataset_id in _read_by(shape):
                readers[dataset_id].add(key)
    written: dict[int, datetime] = {}
    read: dict[int, datetime] = {}
    for shape_id, at in seen.shape_ends.items():
        shape = seen.shapes[shape_id]
        for dataset_id, operation in shape.outputs:
            if operation != "DROP":  # a tombstone is not data
                written[dataset_id] = max(at, written.get(dataset_id, at))
        for dataset_id in _read_by(shape):
            read[dataset_id] = max(at, read.get(dataset_id, at))
    return _Uses(
        writers,
        {i: keys - confirmed.get(i, set()) for i, keys in writers.items()},
        readers,
        written,
        read,
        first_reads(seen, written),
        first_tests(seen, written),
    )


def _read_by(shape: o.Shape) -> Iterable[int]:
    return (*shape.inputs, *(source for source, _ in shape.edges))


def _consumers(scene: Scene) -> dict[int, int]:
    """How many owned production datasets stand on each, at any distance."""
    prod = {
        i
        for i in scene.graph
        if (c := scene.claims.environment(i)) is not None
        and c.value is Environment.PROD
        and scene.claims.owners(i)  # what nobody owns must not lend weight to what it reads
    }
    return count_below(scene.graph, prod)


def count_below(graph: nx.DiGraph[int], counted: set[int]) -> dict[int, int]:
    """How many of some nodes lie below each node at any distance, itself left out.

    Sets are bits of whole numbers, from the ends upwards: walking down from each node anew takes
    minutes where there are many.
    """
    places = {node: place for place, node in enumerate(sorted(counted))}
    whole: nx.DiGraph[int] = nx.condensation(graph)
    below: dict[int, int] = {}
    found = {}
    for group in reversed(list(nx.topological_sort(whole))):
        members = whole.nodes[group]["members"]
        bits = 0
        for lower in whole.successors(group):
            bits |= below[lower]
        for node in members:
            bits |= 1 << places[node] if node in places else 0
        below[group] = bits
        for node in members:
            found[node] = (bits & ~(1 << places[node]) if node in places else bits).bit_count()
    return found


def _top_decile(counts: Iterable[int]) -> int:
    """How many consumers put a dataset among the most used tenth."""
    ordered = sorted((n for n in counts if n > 0), reverse=True)
    return ordered[len(ordered) // 10] if ordered else 1


# Facets -----------------------------------------------------------------------------------------


def _kind(asset: o.Asset, platform: str) -> str | None:
    told = text_of(facet_of(asset, "datasetType").get("datasetType"))
    return told.lower() if told else kind_by_platform(platform)


def _last_changed(asset: o.Asset) -> datetime | None:
    told = facet_of(asset, "dataQualityMetrics").get("lastUpdated")
    try:
        return read_time(told)[0] if told is not None else None
    except (ValueError, OverflowError):
        return None


def _fields(fields: Any, prefix: str, known: dict[_Column, Field]) -> list[Field]:
    """Columns in their order; what many datasets have, such as an id, is the same object in all."""
    found: list[Field] = []
    for field in objects_in(fields):
        name = text_of(field.get("name"))
        if name:
            path = prefix + name
            said = path, text_of(field.get("type")), text_of(field.get("description"))
            column = known.get(said)
            if column is None:
                column = known[said] = Field(*said)
            found.append(column)
            if "fields" in field:
                found += _fields(field["fields"], f"{path}.", known)
    return found


def _tags(asset: o.Asset) -> tuple[str, ...]:
    return tuple(sorted({tag for field, tag in _told_tags(asset) if not field}))


def _told_tags(asset: o.Asset) -> set[tuple[str, str]]:
    """Tags that a facet gives, each with its column; without one it is of the whole dataset."""
    return {
        (field, f"{key}:{value}" if value else key)
        for tag in objects_in(facet_of(asset, "tags").get("tags"))
        if isinstance(field := tag.get("field") or "", str) and (key := text_of(tag.get("key")))
        for value in (text_of(tag.get("value")),)
    }


def _column_tags(asset: o.Asset, declared: Claim[Classification] | None) -> tuple[ColumnTag, ...]:
    found = [_asserted(asset.facets["tags"], *told) for told in _told_tags(asset) if told[0]]
    if declared is not None:
        said = declared.value
        place = declared.evidence[0].place if declared.evidence else None
        of_whole = (("", "pii"),) if said.pii else ()
        for field, tag in (*of_whole, *said.columns):
            evidence = (Evidence(tag, place=place),)
            found.append(ColumnTag(field, Claim(tag, Basis.DECLARED, declared.why, evidence)))
    return tuple(sorted(found, key=lambda tag: (tag.field, tag.tag.value, tag.tag.basis)))


def _asserted(facet: o.Facet, field: str, tag: str) -> ColumnTag:
    evidence = (Evidence(tag, event_id=facet.event_id, facet=facet.path),)
    return ColumnTag(field, Claim(tag, Basis.ASSERTED, "its tags facet says so", evidence))
