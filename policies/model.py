"""The nouns of judging: policies, subjects, verdicts, findings and scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from catalog.model import AssetKey, Evidence, Place, Trust
from catalog.shapes import asset_json, run_json
from lineage.estate import FeedKind
from policies.cel import Plain, Program


class SubjectKind(StrEnum):
    """What sort of thing is judged."""

    DATASET = "dataset"
    JOB = "job"
    WRITE = "write"
    FEED = "feed"


class Outcome(StrEnum):
    """What a policy answers about a subject."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"


class UnknownReason(StrEnum):
    """Why something cannot be told."""

    NO_FEED = "no_feed"
    """The evidence never arrived, or nothing says."""
    STALE = "stale"
    """It arrived once and fell silent."""
    FEW = "few"
    """Too little of it."""
    WEAK = "weak"
    """It cannot be trusted far enough."""
    CONFLICT = "conflict"
    """Sources contradict each other."""
    UNPARSABLE = "unparsable"
    """It arrived in a form nobody can read."""


class Severity(IntEnum):
    """How much a failing policy matters; a larger number matters more."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Severity:
        """The severity that a word names.

        Raises:
            KeyError: No severity has that name.
        """
        return cls[word.upper()]


class Mode(StrEnum):
    """How far a policy's findings go."""

    AUDIT = "audit"
    """Visible only."""
    WARN = "warn"
    """Notified too."""
    GATE = "gate"
    """May also fail ``andon check``."""


class Effort(StrEnum):
    """How much work a remedy usually is."""

    SMALL = "S"
    MEDIUM = "M"
    LARGE = "L"


class FindingStatus(StrEnum):
    """Where a finding stands in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    WAIVED = "waived"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    RETIRED = "retired"

    @property
    def is_live(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self in (FindingStatus.OPEN, FindingStatus.ACKNOWLEDGED, FindingStatus.REOPENED)


# Subjects ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AssetSubject:
    """A dataset or a job."""

    key: AssetKey

    @property
    def kind(self) -> SubjectKind:
        return SubjectKind(self.key.kind)

    @property
    def asset(self) -> AssetKey:
        return self.key

    def identity(self) -> dict[str, object]:
        return asset_json(self.key)

    def as_json(self) -> dict[str, object]:
        return asset_json(self.key)


@dataclass(frozen=True, slots=True)
class WriteSubject:
    """One job, run by one principal, writing one dataset; never a single run."""

    job: AssetKey
    dataset: AssetKey
    principal: str | None
    run_id: str = field(compare=False)
    """Its newest run: shown, and no part of what the subject is."""

    @property
    def kind(self) -> SubjectKind:
        return SubjectKind.WRITE

    @property
    def asset(self) -> AssetKey:
        return self.dataset

    def identity(self) -> dict[str, object]:
        return {
            "kind": "write",
            "job": asset_json(self.job),
            "dataset": asset_json(self.dataset),
            "principal": self.principal,
        }

    def as_json(self) -> dict[str, object]:
        run = run_json(self.job, self.run_id)
        return {**self.identity(), "run": run}


@dataclass(frozen=True, slots=True)
class FeedSubject:
    """A stream of evidence: one kind, for one namespace."""

    namespace: str
    evidence: FeedKind
    producers: tuple[str, ...] = field(default=(), compare=False)
    """Who delivers it; for one that never spoke, who writes that namespace."""

    @property
    def kind(self) -> SubjectKind:
        return SubjectKind.FEED

    @property
    def asset(self) -> AssetKey | None:
        return None

    def identity(self) -> dict[str, object]:
        return {"kind": "feed", "namespace": self.namespace, "evidence": str(self.evidence)}

    def as_json(self) -> dict[str, object]:
        return {**self.identity(), "producers": list(self.producers)}


Subject = AssetSubject | WriteSubject | FeedSubject


def digest_of(value: object) -> str:
    """SHA-256 of a value as canonical JSON (keys sorted, no blanks, UTF-8), 64 hex digits."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


# Policies ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """A severity that holds where a condition does."""

    condition: Program
    severity: Severity


@dataclass(frozen=True, slots=True)
class Example:
    """Facts, and what the policy must answer to them."""

    expected: Outcome
    facts: Mapping[str, Plain]
    """A timestamp fact may be given as an age: the time before now."""
    silent: frozenset[str]
    """Feeds that never spoke or fell silent."""
    place: Place


@dataclass(frozen=True, slots=True)
class Policy:
    """What ought to hold, as data."""

    id: str
    version: int
    title: str
    subject: SubjectKind
    severity: Severity
    condition: Program
    """True where the policy is violated."""
    message: str
    """Template of the sentence about a violation."""
    why: str
    fix: str
    place: Place
    digest: str
    """SHA-256 over its file."""
    severities: tuple[SeverityRule, ...] = ()
    """The first that holds replaces ``severity``."""
    mode: Mode = Mode.GATE
    when: Program | None = None
    """Where it applies; ``None``: to every subject of its kind."""
    params: Mapping[str, Plain] = field(default_factory=dict)
    """Values of ``p.*``."""
    trust: Trust = Trust.E1
    """Least trust of the observed facts in the condition."""
    discriminator: tuple[str, ...] = ()
    """Facts that join the fingerprint beside policy and subject."""
    message_if_guess: str = ""
    """Template of the sentence about a violation that rests on a guess."""
    effort: Effort = Effort.MEDIUM
    seed: str = ""
    practices: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()


# Verdicts and findings --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """A policy's answer about one subject."""

    policy: str
    subject: Subject
    outcome: Outcome
    severity: Severity
    message: str
    """Failing: the sentence, names between ``**``. Unknown or error: what is missing or broke."""
    reason: UnknownReason | None = None
    is_guess: bool = False
    """Without what was guessed there would be no answer."""
    evidence: tuple[Evidence, ...] = ()
    discriminator: tuple[str | None, ...] = ()
    occurrences: int = 1
    """Distinct events that it counts; 1 for a state."""
    first_at: datetime | None = None
    """Event time of the first thing that it rests on, as far as the estate remembers."""
    last_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """Identity over time: policy, subject and discriminator, and nothing that may change."""
        return digest_of([self.policy, self.subject.identity(), list(self.discriminator)])


@dataclass(frozen=True, slots=True)
class Change:
    """One step in the life of a finding."""

    at: datetime
    status: FindingStatus
    why: str
    by: str = "assessment"


@dataclass(frozen=True, slots=True)
class Finding:
    """A failing verdict with a life."""

    fingerprint: str
    policy: str
    title: str
    subject: Subject
    severity: Severity
    status: FindingStatus
    message: str
    is_guess: bool
    first_seen: datetime
    """Event time."""
    last_seen: datetime
    """Event time."""
    occurrences: int
    """Distinct events, or failing stretches of a state; never the number of assessments."""
    evidence: tuple[Evidence, ...]
    owners: tuple[str, ...] = ()
    """Principals, the one that counts first."""
    team: str | None = None
    is_stale: bool = False
    """The newest assessment could not tell whether it still holds."""
    history: tuple[Change, ...] = ()
    """Oldest first; only ever added to."""


# Scores -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PracticeScore:
    """How far one practice holds in a scope."""

    id: str
    level: int
    weight: float
    passed: int
    failed: int
    unknown: int
    not_applicable: int
    reasons: Mapping[str, int]
    """How many are unknown for which reason."""


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """How mature one side of a scope's work is."""

    id: str
    pillar: str
    name: str
    floor: float
    ceiling: float
    coverage: float
    level_floor: int | None
    """``None``: not assessed, for want of evidence or of anything that it applies to."""
    level_ceiling: int | None
    capped: str
    """Why its level is held down, or an empty text."""
    practices: tuple[PracticeScore, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """How mature a scope is: what is demonstrated, and what would be if every unknown held."""

    floor: float
    ceiling: float
    coverage: float
    level_floor: int | None
    level_ceiling: int | None
    assessed: tuple[str, ...]
    not_assessed: tuple[str, ...]
    dimensions: tuple[DimensionScore, ...]


UNOWNED = "unowned"
"""Id of the pseudo-team that holds what nobody owns."""


@dataclass(frozen=True, slots=True)
class TeamScore:
    """A team's score."""

    team: str
    score: Score


@dataclass(frozen=True, slots=True)
class ScoreBoard:
    """All scores at one instant."""

    as_of: datetime
    model_digest: str
    organisation: Score
    teams: tuple[TeamScore, ...]
    """By id, the unowned last."""
