"""The trust sentence of one dataset, read from a standpoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from catalog.model import AssetKey
from lineage.estate import Dataset, Estate
from lineage.history import Standpoint
from lineage.provenance.model import Descent
from lineage.trust.clauses import Known, clauses
from lineage.trust.model import TrustSentence, worst
from lineage.trust.updates import updates

ABOVE_MOST = 500
"""Datasets upstream that are looked at, the nearest."""


def trust_of(
    standpoint: Standpoint, dataset: Dataset, descents: Mapping[AssetKey, Descent]
) -> TrustSentence:
    """Whether to rely on a dataset at the standpoint's instant, and why.

    Args:
        standpoint: What is known.
        dataset: One of its estate's.
        descents: Which datasets stand on manual edits; see ``lineage.provenance``.
    """
    above = upstream(standpoint.estate, dataset, ABOVE_MOST + 1)
    looked_at = above[:ABOVE_MOST]
    said = clauses(
        Known(
            standpoint.estate,
            dataset,
            looked_at,
            len(above) > ABOVE_MOST,
            _updates(standpoint, (dataset, *looked_at)),
            descents.get(dataset.key),
        )
    )
    standing = worst([clause.standing for clause in said])
    return TrustSentence(dataset.key, standpoint.as_of, standing, said)


def upstream(estate: Estate, dataset: Dataset, most: int) -> tuple[Dataset, ...]:
    """Datasets that one stands on at any distance, itself left out: the nearest first, by key."""
    found = {dataset.key: dataset}
    layer = [dataset]
    while layer and len(found) <= most:
        keys = sorted({key for one in layer for key in one.upstream} - found.keys())
        layer = [estate.datasets[key] for key in keys if key in estate.datasets]
        found.update({one.key: one for one in layer})
    return tuple(found.values())[1 : most + 1]


def _updates(
    standpoint: Standpoint, datasets: tuple[Dataset, ...]
) -> Mapping[AssetKey, list[datetime]]:
    """When each was written under any of its names."""
    keys = {number: one.key for one in datasets for number in one.ids or (one.id,)}
    found: dict[AssetKey, list[datetime]] = defaultdict(list)
    for number, times in updates(standpoint.engine, keys, standpoint.as_of).items():
        found[keys[number]] += times
    return found
