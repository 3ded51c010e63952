"""The nouns of the catalog: assets, environments, teams, pipelines and what is declared of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Kind(StrEnum):
    """What sort of asset a key names."""

    DATASET = "dataset"
    JOB = "job"


class Environment(StrEnum):
    """Where an asset lives. Not resolved is ``None``, never a member."""

    DEV = "dev"
    TEST = "test"
    STAGING = "staging"
    PROD = "prod"


class Zone(StrEnum):
    """Where a dataset stands in the flow of data. Not resolved is ``None``."""

    SOURCE = "source"
    LANDING = "landing"
    RAW = "raw"
    STAGING = "staging"
    INTERMEDIATE = "intermediate"
    MART = "mart"
    CONSUMER = "consumer"
    EXPORT = "export"
    TEST = "test"
    ADHOC = "adhoc"


class Trust(IntEnum):
    """How far a fact can be believed, from the weakest to the strongest."""

    E0 = 0
    """Declared by people, or guessed."""
    E1 = 1
    """Said by a producer about itself."""
    E2 = 2
    """Said through an authenticated key, within its scope."""
    E3 = 3
    """Two independent sources agree."""
    E4 = 4
    """Read from the platform of record."""


class Basis(StrEnum):
    """On whose word a claim rests. Declared beats asserted beats guessed."""

    DECLARED = "declared"
    ASSERTED = "asserted"
    GUESSED = "guessed"


@dataclass(frozen=True, slots=True, order=True)
class AssetKey:
    """The identity of an asset: three values, exact and case-sensitive as they were sent."""

    kind: Kind
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a declared file, for messages and evidence."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a claim or verdict rests on: a received event, or a declared line."""

    value: str
    """The value found there, as a short text."""
    event_id: str | None = None
    """SHA-256 of the event's canonical JSON, 64 hex digits."""
    facet: str | None = None
    """Path inside the event, such as ``outputs[0].facets.ownership``."""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Claim(Generic[T]):
    """A value together with on whose word it is held, and why."""

    value: T
    basis: Basis
    why: str
    """One clause that finishes "because ...", for the screen: ``its namespace says prod``."""
    evidence: tuple[Evidence, ...] = ()

    @property
    def is_guess(self) -> bool:
        return self.basis is Basis.GUESSED


@dataclass(frozen=True, slots=True)
class EnvironmentRule:
    """Assets whose namespace and name match these globs live in this environment."""

    environment: Environment
    namespace: str
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """Datasets whose namespace and name match these globs stand in this zone."""

    zone: Zone
    namespace: str
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Alias:
    """A namespace or one dataset is another: the same place under two names."""

    namespace: str
    name: str | None
    """``None``: everything in the namespace, each under its own name."""
    is_namespace: str
    is_name: str | None
    """``None`` where ``name`` is."""
    place: Place


@dataclass(frozen=True, slots=True)
class Apart:
    """The name of a dataset or a job that nothing a producer says joins to any other."""

    namespace: str
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a team."""

    person: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """Who can answer for assets."""

    id: str
    name: str
    place: Place
    domain: str | None = None
    contact: str | None = None
    oncall: str | None = None
    runbook: str | None = None
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class JobGlob:
    """A pattern over the namespace and name of jobs."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Who may write where: these jobs, run by these principals, may write what is selected."""

    id: str
    place: Place
    environment: Environment | None
    team: str | None
    jobs: tuple[JobGlob, ...]
    principals: tuple[str, ...]
    """Empty means any principal of these jobs."""
    writes: str | None
    """A selection of datasets; ``None`` means everything in the pipeline's environment."""
    release_branches: tuple[str, ...] = ()
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class Classification:
    """What kind of data a dataset holds."""

    pii: bool | None = None
    """Whether any of it is personal; ``None``: not said."""
    columns: tuple[tuple[str, str], ...] = ()
    """Columns with their tags, such as ``pii.email``."""


@dataclass(frozen=True, slots=True)
class AssetEntry:
    """What is declared about the assets that a selection or one exact key names."""

    place: Place
    select: str | None
    """A selection, or ``None`` when ``key`` is given."""
    key: AssetKey | None
    owner: str | None
    """A principal such as ``team:finance``."""
    tier: int | None
    owner_place: Place | None = None
    tier_place: Place | None = None
    freshness_s: int | None = None
    """How old its data may get, seconds."""
    freshness_s_place: Place | None = None
    classification: Classification | None = None
    classification_place: Place | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that people declared, as one value. Empty is valid."""

    environments: tuple[EnvironmentRule, ...] = ()
    zones: tuple[ZoneRule, ...] = ()
    aliases: tuple[Alias, ...] = ()
    apart: tuple[Apart, ...] = ()
    teams: tuple[Team, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    assets: tuple[AssetEntry, ...] = ()
    applied_at: datetime | None = None
    """When it was applied, UTC; ``None`` if none ever was."""
    applied_by: str | None = None
    files: tuple[str, ...] = field(default=())

    @property
    def is_applied(self) -> bool:
        return self.applied_at is not None
