"""What the trust sentence is made of: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from catalog.model import AssetKey, Evidence


class Aspect(StrEnum):
    """What a clause is about, in the order in which they are said."""

    LAST_RUN = "last_run"
    FRESHNESS = "freshness"
    DATA_TESTS = "data_tests"
    UPSTREAM = "upstream"
    MANUAL_EDITS = "manual_edits"
    FEEDS = "feeds"


class Standing(StrEnum):
    """How something stands, from the best to the worst."""

    GOOD = "good"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"
    """Something is not as it should be; what is there may still be right."""
    BAD = "bad"
    """What is there is known to be wrong, or too old."""


_ORDER = tuple(Standing)
_SILENT = frozenset({Aspect.MANUAL_EDITS, Aspect.FEEDS})


def worst(standings: list[Standing]) -> Standing:
    """The worst of some, at least one: nothing outweighs it, and unknown is never good."""
    return max(standings, key=_ORDER.index)


@dataclass(frozen=True, slots=True)
class Link:
    """Where a clause is proved: a run, an asset, an event."""

    asset: AssetKey | None = None
    run_id: str | None = None
    """Of the job in ``asset``."""
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing to know before relying on an asset."""

    aspect: Aspect
    standing: Standing
    text: str
    """Part of a sentence, without a full stop."""
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustSentence:
    """Whether to rely on an asset, and why."""

    subject: AssetKey
    as_of: datetime
    standing: Standing
    """The worst of its clauses."""
    clauses: tuple[Clause, ...]
    """By aspect; of one aspect the worst first."""

    @property
    def text(self) -> str:
        """What there is to say, as people say it; that something is not there goes without."""
        said = ""
        for clause in self.clauses:
            if clause.standing is Standing.GOOD and clause.aspect in _SILENT:
                continue
            # When something was updated and whether that was on time are one thing to a reader,
            # and a freshness clause follows that of the last run.
            joins = clause.aspect is Aspect.FRESHNESS
            said += f", {clause.text}" if joins else f"{'. ' if said else ''}{_upper(clause.text)}"
        return f"{said}."


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a dataset is updated, as far as its own history shows."""

    allowed: timedelta
    """How long the next update may take, counted from the last one."""
    on_time_since: datetime
    """Since when no update has come later than was allowed."""
    updates: int
    """From how many this was learned."""


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
