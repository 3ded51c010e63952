"""Observed facts + the declared catalog = the estate. Pure; the one place where the two meet."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from catalog.model import Catalog
from lineage import observed as o
from lineage.datasets import build_datasets
from lineage.estate import Estate
from lineage.jobs import build_jobs
from lineage.scene import Scene
from lineage.writes import build_feeds, build_writes


def build_estate(seen: o.Observed, catalog: Catalog, as_of: datetime, revision: int) -> Estate:
    """Everything known at one instant, with what is declared in place of what is guessed."""
    scene = Scene(seen, catalog, as_of)
    return Estate(
        as_of=as_of,
        revision=revision,
        catalog=catalog,
        datasets=MappingProxyType(build_datasets(scene)),
        jobs=MappingProxyType(build_jobs(scene)),
        writes=build_writes(scene),
        feeds=tuple(build_feeds(scene)),
        identities=seen.identities,
    )
