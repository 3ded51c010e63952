"""What the tables hold, as plain values: the only thing that the builder of an estate is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catalog.model import Claim, Evidence, Trust
from lineage.data_tests import Assertion
from lineage.estate import DataTestStatus, Feed, RunState
from lineage.exposures import Exposure
from lineage.identity import EXACT, Identities
from lineage.keys import AS_SAID, Above, Key, Parentage
from lineage.spelling import Name


@dataclass(frozen=True, slots=True)
class Facet:
    """The winning facet of one name, and where it was said."""

    body: Mapping[str, Any]
    event_id: str
    path: str
    order: tuple[int, int, int, bytes] = (0, 0, 0, b"")
    """What it won by: the greatest (role, instant, rank, hash) does."""

    @property
    def newness(self) -> tuple[object, ...]:
        """By what it wins against others of its name; of equal ones, which is shown."""
        return self.order, self.event_id, self.path


@dataclass(frozen=True, slots=True)
class Asset:
    """A dataset or job as the tables have it."""

    id: int
    namespace: str
    name: str
    seen: bool
    first_seen: datetime
    last_seen: datetime
    event_id: str
    facets: Mapping[str, Facet]
    names: tuple[Name, ...] = ()
    """Every name that it has, its own among them, once names are joined."""
    title: Name = ("", "")
    """The name to read: not a place where it lies, if it has another."""
    ids: tuple[int, ...] = ()
    """Of all of its names that the tables know."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What runs read, write and derive, by asset id."""

    inputs: tuple[int, ...] = ()
    outputs: tuple[tuple[int, str], ...] = ()
    edges: tuple[tuple[int, int], ...] = ()
    is_provisional: bool = False
    """Only claimed: no run of the job ever completed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, by asset id."""

    run_id: str
    job_id: int
    state: RunState
    started_at: datetime
    ended_at: datetime | None
    shape_id: int
    parent_job_id: int | None
    root_job_id: int | None
    principal: str | None
    producer: str
    version: str | None
    event_id: str
    last_at: datetime | None = None
    """Its last sign of life."""
    terminals: frozenset[RunState] = frozenset()
    """Every terminal state that was said of it; more than one is a conflict."""
    told: tuple[Evidence, ...] = ()
    """Where its state was read, if not in its own events."""
    conflict: tuple[Evidence, ...] = ()
    """The events that say different ends of it."""
    outcome: Claim[RunState] | None = None
    """How it turned out with all that ran under it."""
    trust: Trust | None = None
    """How far to believe who ran it: E2 by the key that its events came with, else E1."""
    key_id: int | None = None
    """The key that its deciding event came with, if that covers it."""
    above: Above = AS_SAID
    """How far to believe what it names above itself; told of the newest run of each job."""

    @property
    def believed_above(self) -> int | None:
        """The job at the root above it, else its parent; ``None`` if there is only a claim."""
        if self.above.root is Parentage.CLAIMED or self.root_job_id is None:
            return None if self.above.parent is Parentage.CLAIMED else self.parent_job_id
        return self.root_job_id


@dataclass(frozen=True, slots=True)
class TestResult:
    """The newest result of one data test, by asset id."""

    asset_id: int
    """What it tests: a dataset, or the job that reports it if nothing says of which dataset."""
    job_id: int
    run_id: str
    assertion: Assertion
    status: DataTestStatus
    at: datetime
    event_id: str
    results_30d: int = 0
    flips_30d: int = 0
    is_doubtful: bool = False
    """Whether it may have broken as well: its producer tells neither from the other."""


@dataclass(frozen=True, slots=True)
class Use:
    """A use of data outside dbt that its project declares, and where it is said."""

    exposure: Exposure
    event_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Symlink:
    """Another name that an event gave a dataset, by asset id."""

    dataset_id: int
    other_id: int
    type: str
    event_id: str
    is_claim: bool = False
    """Whether those do not say so who speak for these names."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that events said, up to one instant."""

    datasets: Mapping[int, Asset] = field(default_factory=dict)
    jobs: Mapping[int, Asset] = field(default_factory=dict)
    current: Mapping[int, tuple[Shape, ...]] = field(default_factory=dict)
    """What each job does now."""
    latest: Mapping[int, Run] = field(default_factory=dict)
    """Newest run of each job."""
    successful: Mapping[int, Run] = field(default_factory=dict)
    """Newest successful run of each job."""
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    """Every shape that a run below refers to."""
    recent: tuple[Run, ...] = ()
    """Successful runs of the last 30 days, newest first."""
    runs_30d: Mapping[int, int] = field(default_factory=dict)
    """Finished runs of each job within 30 days."""
    shape_ends: Mapping[int, datetime] = field(default_factory=dict)
    """When the newest successful run of each shape ended."""
    tests: tuple[TestResult, ...] = ()
    tested_at: Mapping[int, datetime] = field(default_factory=dict)
    """When a data test last ran to an answer on each dataset."""
    answered_at: Mapping[int, tuple[datetime, ...]] = field(default_factory=dict)
    """When data tests ran to an answer on each dataset within 30 days, oldest first."""
    feeds: tuple[Feed, ...] = ()
    first_success: Mapping[tuple[int, str], datetime] = field(default_factory=dict)
    """First successful end of each (job, code version)."""
    flows: tuple[tuple[int, int], ...] = ()
    """Edges between datasets that facets declare without any run."""
    uses: Mapping[int, Use] = field(default_factory=dict)
    """Datasets that are uses of data outside dbt."""
    identities: Identities = EXACT
    """Which names are one asset. Every id above is that of a whole asset."""
    keys: Mapping[int, Key] = field(default_factory=dict)
    """Every producer key that was ever made."""
    reported_by: Mapping[str, int] = field(default_factory=dict)
    """The key that came with the event of each data test, if it covers it, by the event's id."""
    endless: frozenset[int] = frozenset()
    """Jobs whose runs end only by accident, each name by itself."""
