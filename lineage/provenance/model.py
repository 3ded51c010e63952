"""What questions about versions are answered with: plain values, in stated orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from catalog.model import AssetKey, Trust
from lineage.estate import DataTestStatus, RunState
from lineage.traits import CodePlace, Engine


class ReadBasis(StrEnum):
    """How it is known which version a run read."""

    SAID = "said"
    """The producer names it."""
    BY_TIME = "by time"
    """It was the newest when the run began."""
    AMBIGUOUS = "ambiguous"
    """Another one appeared while the run went on: it read any of them."""
    UNKNOWN = "unknown"
    """No version that was there is known."""


class Keeping(StrEnum):
    """What a write did to what was there before."""

    REPLACED = "replaced"
    """Its lifecycle facet says so."""
    REBUILT = "rebuilt"
    """It says nothing; its job is the only one that usually writes there."""
    MAY_KEEP = "may keep"
    """It says nothing, and may as well have added to it."""
    KEPT = "kept"
    """It changed the name or the columns."""

    @property
    def is_fresh(self) -> bool:
        """Whether nothing older is left."""
        return self in (Keeping.REPLACED, Keeping.REBUILT)


@dataclass(frozen=True, slots=True, order=True)
class RunRef:
    """One run of one job."""

    job: AssetKey
    run_id: str


@dataclass(frozen=True, slots=True)
class Version:
    """What one run left in a dataset."""

    dataset: AssetKey
    run: RunRef | None
    """``None``: a reader names the version; no run that wrote it is known."""
    at: datetime | None
    """Since when it was there: the end of its run, or the start of one that never ends."""
    said: str | None = None
    """The producer's own name of it."""

    @property
    def id(self) -> str:
        """By what one asks for it: the producer's name of it, else the run."""
        return self.said or (self.run.run_id if self.run else "")


@dataclass(frozen=True, slots=True)
class Edit:
    """A write to production that no pipeline explains."""

    version: Version
    principal: str | None
    trust: Trust | None
    """How far to believe that."""
    why: str
    """One clause that finishes "because ..."."""
    is_guess: bool
    """Whether no declared pipeline says so."""
    event_id: str


# Backwards --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """A dataset as a run read it."""

    dataset: AssetKey
    basis: ReadBasis
    versions: tuple[Version, ...]
    """Newest first; more than one where it is ambiguous, or where a run reads as it goes."""
    feeds: bool
    """Whether the version was made of it; else the run read it for something else."""
    note: str | None = None
    """What else there is to say, such as that it had been dropped."""


@dataclass(frozen=True, slots=True)
class Code:
    """What code ran."""

    place: CodePlace
    is_of_run: bool
    """Whether the run's own events say so; else its job's do, and the version is not known."""
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sql:
    """The query of a run."""

    query: str
    dialect: str | None
    event_id: str


@dataclass(frozen=True, slots=True)
class Who:
    """Who ran something, and how that is known."""

    principal: str
    trust: Trust
    how: str
    """One clause: ``the facet run.facets.tags names it``."""
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True)
class TestedOn:
    """The newest result of one data test on one version."""

    name: str
    column: str | None
    status: DataTestStatus
    blocking: bool
    at: datetime
    run: RunRef
    event_id: str
    expected: str | None = None
    actual: str | None = None
    is_doubtful: bool = False
    """Whether skipped may as well be broken."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A source as a lineage or column lineage facet names it."""

    source: AssetKey
    transformations: tuple[str, ...]
    """Such as ``DIRECT IDENTITY``, sorted."""
    is_masked: bool
    """Whether every column that came from there was masked."""


@dataclass(frozen=True, slots=True)
class Built:
    """How one version came to be."""

    version: Version
    distance: int
    """Hops from the version that was asked for."""
    run: RunRef
    state: RunState
    started_at: datetime
    has_start: bool
    """Whether a START said when; else it is the first event's time."""
    ended_at: datetime | None
    """``None``: it goes on."""
    operation: str
    """WRITE, or what the lifecycle facet says."""
    producer: str
    code: Code | None
    sql: Sql | None
    engine: Engine | None
    who: Who | None
    parent: RunRef | None
    inputs: tuple[Read, ...]
    """What it was made of first; each by dataset."""
    derived: tuple[Derived, ...]
    keeping: Keeping
    older: Version | None
    """The version before, as far as this one may hold data of it."""
    tests: tuple[TestedOn, ...]
    """By column and name."""
    gone_at: datetime | None
    """When the next version took its place, or it was dropped."""
    gone_by: RunRef | None
    gone_how: str | None
    """What did it: WRITE, OVERWRITE, DROP, ..."""
    edit: Edit | None
    """Where no pipeline explains it."""
    event_id: str


@dataclass(frozen=True, slots=True)
class Story:
    """Where a version came from, back to the sources."""

    root: AssetKey
    as_of: datetime
    version: Version
    built: tuple[Built, ...]
    """By (distance, dataset, newest first); the version that was asked for is first."""
    sources: tuple[AssetKey, ...]
    """Datasets at the end of which no version is known: nobody is seen writing them."""
    truncated: bool
    """Whether depth or count cut it off."""


# Forwards ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """A way in which a version holds data of another."""

    source: Version
    is_kept: bool
    """Whether it is the version before, which was not replaced; else it was read."""
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Descendant:
    """A version that was built from a bad one."""

    version: Version
    distance: int
    """Fewest hops from an origin; 0 for the origins themselves."""
    is_certain: bool
    """Whether some way to it leaves no doubt."""
    steps: tuple[Step, ...]
    """From others of the answer; none for an origin."""
    until: datetime | None
    """When the next version took its place, or it was dropped."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which a dataset held data of a bad version."""

    since: datetime
    until: datetime | None
    """``None``: to this day."""
    ended_by: RunRef | None
    ended_how: str | None
    """What that run did: WRITE, OVERWRITE, DROP, ..."""
    is_cured: bool
    """Whether that run rebuilt it, and in production is one of a pipeline's own."""
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Affected:
    """A dataset of which a version was built from a bad one."""

    dataset: AssetKey
    kind: str | None
    """Such as report."""
    distance: int
    versions: int
    spells: tuple[Spell, ...]
    """Oldest first."""

    @property
    def is_current(self) -> bool:
        """Whether it is so to this day."""
        return any(spell.until is None for spell in self.spells)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was built on some versions."""

    root: AssetKey
    as_of: datetime
    origins: tuple[Version, ...]
    versions: tuple[Descendant, ...]
    """By (distance, dataset, oldest first), the origins first."""
    datasets: tuple[Affected, ...]
    """By (distance, dataset)."""
    truncated: bool


@dataclass(frozen=True, slots=True)
class Descent:
    """Why a dataset stands on manual edits."""

    edits: tuple[Edit, ...]
    """Those that leave no doubt first, each newest first; ``EDITS_MOST`` at most."""
    more: int
    """How many others there are."""
    since: datetime
    """When the dataset's present version came."""
    is_certain: bool
    """Whether that leaves no doubt of the first of them."""

    @property
    def newest(self) -> Edit:
        """The one to name: the newest, of those that leave no doubt if there are any."""
        return self.edits[0]
