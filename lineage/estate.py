"""Everything known at one instant, frozen: what policies judge and pages draw.

Built by ``lineage.reading.load_estate``; nothing here knows a database, a clock or a screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from catalog.model import AssetKey, Catalog, Claim, Environment, Evidence, Kind, Trust, Zone
from lineage.identity import EXACT, Doubt, Identities, Join
from lineage.keys import AS_SAID, Above


class RunState(StrEnum):
    """Where a run stands after all of its events."""

    RUNNING = "running"
    COMPLETE = "complete"
    FAIL = "fail"
    ABORT = "abort"
    UNKNOWN = "unknown"
    LOST = "lost"
    """No sign of life for so long that no end is expected any more."""


class DataTestStatus(StrEnum):
    """What an executed (or skipped) data test said."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"
    BROKEN = "broken"


class FeedKind(StrEnum):
    """A kind of evidence that producers may or may not deliver for a namespace."""

    RUNS = "runs"
    DATA_TESTS = "data_tests"
    OWNERS = "owners"
    CODE_LOCATION = "code_location"
    PRINCIPALS = "principals"
    STATISTICS = "statistics"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a dataset's schema; nested ones carry dotted names."""

    name: str
    type: str | None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnTag:
    """What a column is said to hold."""

    field: str
    """Its name; empty: the dataset as a whole."""
    tag: Claim[str]
    """Such as ``pii.email``, or ``pii:email`` where a facet has key and value."""


@dataclass(frozen=True, slots=True)
class DataTest:
    """The newest result of one data test on one dataset."""

    name: str
    """Such as ``not_null``; the producer's own word."""
    column: str | None
    status: DataTestStatus
    blocking: bool
    """Whether a failure stops the line (severity error)."""
    at: datetime
    job: AssetKey
    run_id: str
    event_id: str
    expected: str | None = None
    actual: str | None = None
    description: str | None = None
    results_30d: int = 1
    """Executed results within 30 days before the estate's instant."""
    flips_30d: int = 0
    """Changes between pass and fail among those, in order of time."""
    trust: Trust = Trust.E1
    """E2 where the key of the event that reports it speaks for what it tests."""
    is_doubtful: bool = False
    """Whether skipped may as well be broken: the producer does not say."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as known at the estate's instant."""

    key: AssetKey
    id: int
    """Surrogate for URLs; never part of a fingerprint."""
    display_name: str
    """Shortest unambiguous ending of the name."""
    kind: str | None
    """table, view, file, topic, report, notebook, application, ml, model; ``None``: not said."""
    platform: str
    """Such as duckdb, postgres, bigquery, s3, kafka; from the namespace's scheme."""
    noise: str | None
    """Why it is no subject (temporary, test-audit, ...), or ``None`` for a real dataset."""
    environment: Claim[Environment] | None
    zone: Claim[Zone] | None
    tier: Claim[int]
    """Declared, else computed from its consumers (marked as a guess)."""
    owners: tuple[Claim[str], ...]
    """Principals such as ``team:finance``; placeholders are left out; the one that counts first."""
    team: str | None
    """Id of the accountable team; ``None``: unowned."""
    description: str | None
    fields: tuple[Field, ...]
    tags: tuple[str, ...]
    tests: tuple[DataTest, ...]
    """Newest result per data test, by (column, name)."""
    tests_last_run_at: datetime | None
    """Newest executed (pass or fail) result."""
    first_seen: datetime
    last_seen: datetime
    last_write_at: datetime | None
    """End of the newest successful run that wrote it."""
    last_read_at: datetime | None
    upstream: tuple[AssetKey, ...]
    """Datasets one current hop above."""
    downstream: tuple[AssetKey, ...]
    writers: tuple[AssetKey, ...]
    """Jobs whose current runs write it."""
    readers: tuple[AssetKey, ...]
    consumers: int
    """Distinct owned production datasets downstream at any distance, itself left out."""
    last_changed_at: datetime | None = None
    """Newest ``lastUpdated`` that any producer measured."""
    first_read_at: datetime | None = None
    """Start of the first run that read it after ``last_write_at``; ``None``: none, or not known."""
    first_tested_at: datetime | None = None
    """When a data test first ran to an answer after its last write."""
    event_id: str | None = None
    """The newest event that named it."""
    provisional_writers: tuple[AssetKey, ...] = ()
    """Those of its writers of which no run ever completed: they only claim to write it."""
    names: tuple[AssetKey, ...] = ()
    """Its other names, as they were sent or declared."""
    joins: tuple[Join, ...] = ()
    """What says that they are names of one dataset."""
    doubts: tuple[Doubt, ...] = ()
    """Why that may be wrong."""
    claims: tuple[Join, ...] = ()
    """What others say that it is too, and that joins nothing: their keys do not speak for it."""
    ids: tuple[int, ...] = ()
    """Surrogates of all of its names, its own among them."""
    is_exposure: bool = False
    """Whether it is a use of data that a dbt project declares: no producer sends evidence of it."""
    freshness_s: Claim[int] | None = None
    column_tags: tuple[ColumnTag, ...] = ()
    """By column and tag; those that are declared and those that facets give."""
    """How old its data may get, seconds, as promised; ``None``: nothing is."""


@dataclass(frozen=True, slots=True)
class CodeLocation:
    """Where a job's code lives, as its producer says; credentials are stripped."""

    url: str | None
    repository: str | None
    version: str | None
    branch: str | None
    tag: str | None
    event_id: str
    pull_request: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as known at the estate's instant."""

    key: AssetKey
    id: int
    display_name: str
    integration: str | None
    """Such as AIRFLOW, DBT, SPARK; ``None`` if nothing says."""
    job_type: str | None
    noise: str | None
    """Why it is no subject: a wrapper or DAG without data of its own, a statement, a test."""
    environment: Claim[Environment] | None
    owners: tuple[Claim[str], ...]
    team: str | None
    code: CodeLocation | None
    parent: AssetKey | None
    """The job that its newest run named as parent."""
    root: AssetKey | None
    pipeline: Claim[str] | None
    """Which pipeline, declared or guessed, it belongs to."""
    last_run_id: str | None
    last_state: RunState | None
    last_run_at: datetime | None
    runs_30d: int
    proved_below: bool | None = None
    """Its present code version completed outside production before its first production run;
    ``None`` if versions or lower environments are not known."""
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    names: tuple[AssetKey, ...] = ()
    """Its other names."""
    joins: tuple[Join, ...] = ()
    """What says that they are names of one job."""
    ids: tuple[int, ...] = ()
    """Surrogates of all of its names, its own among them."""
    state_evidence: tuple[Evidence, ...] = ()
    """Where the state of its last run was read, if not in that run's own events."""
    conflict: tuple[Evidence, ...] = ()
    """Events that say different ends of its last run, the newest first."""
    outcome: Claim[RunState] | None = None
    """How its last run turned out with its data tests and all that ran under it."""
    tests: tuple[DataTest, ...] = ()
    """Data tests that its runs report without saying of which dataset."""
    above: Above = AS_SAID
    """How far to believe parent and root."""


@dataclass(frozen=True, slots=True)
class Write:
    """One job, run by one principal, writing one dataset, over the last 30 days."""

    job: AssetKey
    dataset: AssetKey
    principal: str | None
    """Who ran it, such as ``person:ana``; ``None`` if nothing says."""
    principal_why: str | None
    job_sanctioned: Claim[bool] | None
    """Whether a pipeline of the dataset's environment has the job; ``None``: no pipeline known."""
    principal_sanctioned: Claim[bool] | None
    operation: str
    """WRITE without a lifecycle facet, else CREATE, DROP, TRUNCATE, ..."""
    runs: int
    first_at: datetime
    last_at: datetime
    last_run_id: str
    producer: str
    """Who reported it, as the event says."""
    event_ids: tuple[str, ...]
    """Terminal events of its runs, newest first, 20 at most."""
    principal_trust: Trust | None = None
    """How far to believe who ran it: E2 where the keys of all its runs speak for the dataset."""
    keys: frozenset[int] = frozenset()
    """Producer keys that its runs came with."""


FEED_VALIDITY = timedelta(days=7)
"""How long a feed counts as alive after it last spoke."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A stream of evidence: one kind, for one namespace of datasets."""

    namespace: str
    evidence: FeedKind
    producers: tuple[str, ...]
    """Who delivers it; for a feed that never spoke: who writes that namespace."""
    first_at: datetime | None
    """``None``: it never spoke."""
    last_at: datetime | None
    events: int
    event_id: str | None = None
    """The newest event that carried it."""

    def is_alive(self, at: datetime) -> bool:
        """Whether it spoke within its validity before ``at``."""
        return self.last_at is not None and at - self.last_at <= FEED_VALIDITY


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything known at one instant."""

    as_of: datetime
    revision: int
    catalog: Catalog
    datasets: Mapping[AssetKey, Dataset] = field(default_factory=lambda: MappingProxyType({}))
    jobs: Mapping[AssetKey, Job] = field(default_factory=lambda: MappingProxyType({}))
    writes: tuple[Write, ...] = ()
    feeds: tuple[Feed, ...] = ()
    """Each (namespace, kind), also those that never spoke for a namespace that is written."""
    identities: Identities = EXACT
    """Which names are one asset."""

    def find(self, namespace: str, name: str) -> Dataset | None:
        """The dataset of this name, whichever of its names it is."""
        return self.datasets.get(self.identities.key(AssetKey(Kind.DATASET, namespace, name)))

    def find_job(self, namespace: str, name: str) -> Job | None:
        """The job of this name, whichever of its names it is."""
        return self.jobs.get(self.identities.key(AssetKey(Kind.JOB, namespace, name)))

    def feed(self, namespace: str, evidence: FeedKind) -> Feed | None:
        """The feed of one kind of evidence for one namespace, if that namespace is known."""
        return next(
            (f for f in self.feeds if f.namespace == namespace and f.evidence is evidence), None
        )
