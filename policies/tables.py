"""Rows of what ought to be. Findings, assessments and scores are kept; verdicts are derived.

Times are int64 microseconds since 1970 UTC.
"""

import json
from collections.abc import Iterator

from sqlalchemy import Boolean, Column, Connection, Float, Integer, UniqueConstraint, select
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.columns import KEPT
from catalog.database import table_of
from lineage import retention


class AssessmentRow(SQLModel, table=True):
    """One judging of the estate that changed something people can see."""

    __tablename__ = "policies_assessment"
    __table_args__ = KEPT

    id: int | None = Field(default=None, sa_column=columns.key())
    as_of: int = Field(sa_column=columns.big(index=True))
    policy_digest: str = Field(max_length=64)
    """Digest over all policies, so that a trend shows where the ruler changed."""
    model_digest: str = Field(max_length=64)
    counts: str = Field(sa_column=columns.text())
    """Verdicts by policy and outcome, as JSON."""


class VerdictRow(SQLModel, table=True):
    """The newest verdict of one policy about one subject; not applicable is not stored."""

    __tablename__ = "policies_verdict"

    fingerprint: str = Field(primary_key=True, max_length=64)
    policy: str = Field(max_length=64, index=True)
    asset: str | None = Field(default=None, max_length=64, index=True)
    """Digest of the key of the asset that the subject is about, if it is about one."""
    outcome: str = Field(max_length=16)
    digest: str = Field(max_length=64)
    """Over everything else, so that an equal verdict is not written again."""
    body: str = Field(sa_column=columns.text())
    """The verdict as JSON."""


class FindingRow(SQLModel, table=True):
    """A failing verdict with a life."""

    __tablename__ = "policies_finding"
    __table_args__ = KEPT

    fingerprint: str = Field(primary_key=True, max_length=64)
    policy: str = Field(max_length=64, index=True)
    title: str = Field(sa_column=columns.text())
    subject: str = Field(sa_column=columns.text())
    """As JSON."""
    severity: int = Field(sa_column=Column(Integer, nullable=False))
    status: str = Field(max_length=16, index=True)
    message: str = Field(sa_column=columns.text())
    is_guess: bool = Field(sa_column=Column(Boolean, nullable=False))
    first_seen: int = Field(sa_column=columns.big())
    last_seen: int = Field(sa_column=columns.big())
    occurrences: int = Field(sa_column=columns.big())
    evidence: str = Field(sa_column=columns.text())
    """As JSON."""
    owners: str = Field(sa_column=columns.text())
    """As JSON."""
    team: str | None = Field(default=None, sa_column=columns.text(nullable=True))
    is_stale: bool = Field(sa_column=Column(Boolean, nullable=False))


class ChangeRow(SQLModel, table=True):
    """One step in the life of a finding. Rows are only ever added."""

    __tablename__ = "policies_change"
    __table_args__ = (UniqueConstraint("fingerprint", "step"), KEPT)

    id: int | None = Field(default=None, sa_column=columns.key())
    fingerprint: str = Field(max_length=64)
    step: int = Field(sa_column=Column(Integer, nullable=False))
    """From 0, in order."""
    at: int = Field(sa_column=columns.big())
    status: str = Field(max_length=16)
    why: str = Field(sa_column=columns.text())
    by: str = Field(max_length=200)


class ScoreRow(SQLModel, table=True):
    """One scope's score on one dimension on one day; the last assessment of the day stays."""

    __tablename__ = "policies_score"
    __table_args__ = (UniqueConstraint("day", "scope", "dimension"), KEPT)

    id: int | None = Field(default=None, sa_column=columns.key())
    day: int = Field(sa_column=columns.big())
    """First instant of the day, UTC."""
    scope: str = Field(sa_column=columns.text())
    """``organisation``, or ``team:`` and the team's id."""
    dimension: str = Field(max_length=32)
    """Empty for the overall score."""
    as_of: int = Field(sa_column=columns.big())
    model_digest: str = Field(max_length=64)
    floor: float = Field(sa_column=Column(Float, nullable=False))
    ceiling: float = Field(sa_column=Column(Float, nullable=False))
    coverage: float = Field(sa_column=Column(Float, nullable=False))
    level_floor: int | None = Field(default=None)
    level_ceiling: int | None = Field(default=None)
    body: str = Field(sa_column=columns.text())
    """What else the score says, as JSON: practices, or which dimensions were assessed."""


def _cited(connection: Connection) -> Iterator[str]:
    """Events that findings rest on, also resolved ones."""
    for evidence in connection.execute(select(table_of(FindingRow).c.evidence)).scalars():
        yield from filter(None, (piece.get("event_id") for piece in json.loads(evidence)))


retention.CITED.append(_cited)
