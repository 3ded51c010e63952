"""What questions about the graph are answered with: plain values, in stated orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from catalog.model import AssetKey, Evidence
from lineage.estate import RunState


class Direction(StrEnum):
    """Which way a question looks from its root."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Side(StrEnum):
    """Where an asset stands, seen from the root."""

    ROOT = "root"
    UP = "up"
    DOWN = "down"
    BOTH = "both"
    """On a cycle through the root, or a way around it."""


class LinkBasis(StrEnum):
    """Why an edge is drawn. Of several the first counts."""

    EXPLICIT = "explicit"
    COLUMN = "column"
    PRODUCT = "product"
    DECLARED = "declared"
    """Only static lineage says so: no run carries it."""


@dataclass(frozen=True, slots=True)
class Link:
    """Data of the source went, or is declared to go, into the target.

    Between two datasets, or, where a question goes through jobs, between a dataset and a job.
    """

    source: AssetKey
    target: AssetKey
    jobs: tuple[AssetKey, ...]
    """Whose runs or declarations carry it, sorted; empty: a dataset's own facet declares it."""
    basis: LinkBasis
    observed: bool
    """Some run carried it."""
    declared: bool
    """Static lineage in force says so."""
    current: bool
    """See INTERFACES: the newest successful run of one of its jobs carries it, or the like."""
    provisional: bool
    """Current only by runs of jobs none of whose runs ever completed."""
    first_seen: datetime | None
    """End (or last sign of life) of the first run that carried it; ``None``: only declared."""
    last_seen: datetime | None

    @property
    def ends(self) -> tuple[AssetKey, AssetKey]:
        return self.source, self.target


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of its kind."""

    job: AssetKey
    run_id: str
    state: RunState
    at: datetime
    """When it ended, else its last sign of life."""


@dataclass(frozen=True, slots=True)
class Support:
    """What an edge rests on."""

    last_run: LastRun | None
    """The newest that carried it; ``None``: it is only declared."""
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An asset in an answer."""

    key: AssetKey
    distance: int
    """Dataset hops from the root; 0 for the root. A job belongs to the hop that goes through it."""
    side: Side


@dataclass(frozen=True, slots=True)
class Hidden:
    """How many neighbours of the answer's assets are not in it because of depth or count."""

    up: int = 0
    down: int = 0


@dataclass(frozen=True, slots=True)
class Lineage:
    """What stands around one asset."""

    root: AssetKey
    as_of: datetime
    nodes: tuple[Standing, ...]
    """By (distance, namespace, name)."""
    links: tuple[Link, ...]
    """Between its nodes; by source and target."""
    truncated: bool
    """Whether the cap on nodes cut it off; depth alone does not."""
    hidden: Hidden
