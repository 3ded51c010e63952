"""The sample company as values: what its scenario file means once everything is expanded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from catalog.model import AssetKey, Environment, Kind, Place
from lineage.estate import FeedKind


class Tool(StrEnum):
    """What runs a job, and so how its events look."""

    AIRFLOW = "airflow"
    DAG = "dag"
    DBT = "dbt"
    DBT_TEST = "dbt_test"
    SPARK = "spark"
    FLINK = "flink"
    LOOKER = "looker"
    SCAN = "scan"
    NOTEBOOK = "notebook"
    SCRIPT = "script"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sample dataset."""

    name: str
    type: str
    is_masked: bool = False
    """Whether it no longer shows the value of the column that it is made of."""


@dataclass(frozen=True, slots=True)
class SampleTest:
    """A data test that some job runs on a sample dataset."""

    name: str
    column: str | None
    is_blocking: bool = True


@dataclass(frozen=True, slots=True)
class SampleDataset:
    """A dataset in one environment."""

    key: AssetKey
    environment: Environment
    platform: str
    """The scenario's word for where it lives, such as ``warehouse``."""
    table: str
    type: str
    """OpenLineage's dataset type, such as TABLE."""
    columns: tuple[Column, ...]
    rows: int
    tests: tuple[SampleTest, ...]
    owner: str | None = None
    """Whom the job that writes it names as its owner; ``None``: it says nothing."""
    personal: tuple[tuple[str, str], ...] = ()
    """Columns that are tagged as personal data, with the kind of it."""

    @property
    def stem(self) -> str:
        return stem(self.table)

    @property
    def is_temporary(self) -> bool:
        return self.stem.startswith("tmp_")


class Rhythm(StrEnum):
    """How often something happens."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKDAYS = "weekdays"
    ONCE = "once"


HOURLY_DAYS = 14
"""Days before the anchor in which hourly jobs run hourly; before that once a day."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something happens; hours and minutes are UTC."""

    rhythm: Rhythm
    hour: int
    minute: int
    days_ago: int = 0
    """For what happens once: how many days before the anchor's day."""

    def starts_on(self, day: date, anchor: datetime) -> tuple[datetime, ...]:
        """The nominal starts on one day, in order of time; they may lie after the anchor."""
        first = datetime(day.year, day.month, day.day, self.hour, self.minute, tzinfo=anchor.tzinfo)
        age = (anchor.date() - day).days
        match self.rhythm:
            case Rhythm.HOURLY:
                hours = range(24) if age < HOURLY_DAYS else (2,)
                return tuple(first.replace(hour=0) + timedelta(hours=hour) for hour in hours)
            case Rhythm.WEEKDAYS:
                return (first,) if day.weekday() < 5 else ()
            case Rhythm.ONCE:
                return (first,) if age == self.days_ago else ()
            case Rhythm.DAILY:
                return (first,)


@dataclass(frozen=True, slots=True)
class Span:
    """The days in which something is so, counted back from the anchor's day."""

    from_days_ago: int | None = None
    """Oldest day; ``None``: since ever."""
    until_days_ago: int | None = None
    """The first day on which it is no longer so; ``None``: to this day."""

    def holds(self, age_days: int) -> bool:
        begun = self.from_days_ago is None or age_days <= self.from_days_ago
        return begun and (self.until_days_ago is None or age_days > self.until_days_ago)


ALWAYS = Span()


@dataclass(frozen=True, slots=True)
class Check:
    """That an activity runs the data tests of a dataset."""

    dataset: AssetKey
    span: Span = ALWAYS
    is_skipped: bool = False
    """Listed, but never executed."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What a job does each time it runs; one job may do several things."""

    job: AssetKey
    tool: Tool
    environment: Environment | None
    inputs: tuple[AssetKey, ...] = ()
    outputs: tuple[AssetKey, ...] = ()
    checks: tuple[Check, ...] = ()
    principal: str | None = None
    owner: str | None = None
    """Whom its ownership facet names, such as ``team:finance``."""
    repository: str | None = None
    path: str | None = None
    step: int = 0
    """How many steps after the start of its flow it begins."""
    span: Span = ALWAYS
    operation: str | None = None
    """A lifecycle change such as DROP; ``None``: a plain write."""
    previously: AssetKey | None = None
    """For RENAME, the name that the output had."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Activities that run together, under a DAG or each for itself."""

    schedule: Schedule
    activities: tuple[Activity, ...]
    dag: Activity | None = None


@dataclass(frozen=True, slots=True)
class SampleTeam:
    """A team of the company."""

    id: str
    name: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteSubject:
    """A job that writes a dataset as somebody."""

    job: AssetKey
    dataset: AssetKey
    principal: str | None


@dataclass(frozen=True, slots=True)
class FeedSubject:
    """One kind of evidence about one namespace."""

    namespace: str
    evidence: FeedKind = FeedKind.DATA_TESTS


Subject = AssetKey | WriteSubject | FeedSubject


@dataclass(frozen=True, slots=True)
class Personal:
    """Where personal data is, the answer key to what is tagged: marts and their columns."""

    held: frozenset[tuple[AssetKey, str]]
    """Marts that show it."""
    masked: frozenset[tuple[AssetKey, str]]
    """Marts that have a column made of it, and do not."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of the answer key."""

    id: str
    policy: str
    subject: Subject
    must_fail: bool
    because: str
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Company:
    """Everything the sample company is and does; compared by identity, as there is one a file."""

    name: str
    seed: int
    teams: tuple[SampleTeam, ...]
    datasets: Mapping[AssetKey, SampleDataset]
    flows: tuple[Flow, ...]
    answer_key: tuple[Expectation, ...]
    personal: Personal

    @property
    def activities(self) -> tuple[Activity, ...]:
        """All activities, those of DAGs among them."""
        return tuple(
            activity
            for flow in self.flows
            for activity in (*((flow.dag,) if flow.dag else ()), *flow.activities)
        )

    @property
    def jobs(self) -> frozenset[AssetKey]:
        return frozenset(activity.job for activity in self.activities)

    @property
    def environments(self) -> frozenset[Environment]:
        return frozenset(dataset.environment for dataset in self.datasets.values())

    def expected(self, policy: str) -> frozenset[Subject]:
        """The subjects that a policy must find failing: these and no others."""
        return frozenset(
            line.subject for line in self.answer_key if line.policy == policy and line.must_fail
        )


def dataset_key(namespace: str, name: str) -> AssetKey:
    """The key of a dataset."""
    return AssetKey(Kind.DATASET, namespace, name)


def job_key(namespace: str, name: str) -> AssetKey:
    """The key of a job."""
    return AssetKey(Kind.JOB, namespace, name)


def stem(table: str) -> str:
    """What a table is called wherever it goes: ``raw.orders`` and ``landing/shop/orders``."""
    return re.split(r"[./]", table.removesuffix(".csv"))[-1]
