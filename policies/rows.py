"""Rows from dataclasses and back: what the tables hold of verdicts, findings and scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from catalog.model import AssetKey, Evidence, Kind
from catalog.moments import microseconds, moment
from catalog.shapes import asset_json
from lineage.estate import FeedKind
from policies.model import (
    AssetSubject,
    Change,
    DimensionScore,
    FeedSubject,
    Finding,
    FindingStatus,
    Outcome,
    PracticeScore,
    Score,
    ScoreBoard,
    Severity,
    Subject,
    UnknownReason,
    Verdict,
    WriteSubject,
    digest_of,
)

ORGANISATION = "organisation"
"""Scope of the whole; a team's is ``team:`` and its id."""
TEAM = "team:"


def finding_of(row: Row[Any], history: tuple[Change, ...]) -> Finding:
    """A finding from its row and history."""
    return Finding(
        fingerprint=row.fingerprint,
        policy=row.policy,
        title=row.title,
        subject=subject_of(msgspec.json.decode(row.subject)),
        severity=Severity(row.severity),
        status=FindingStatus(row.status),
        message=row.message,
        is_guess=bool(row.is_guess),
        first_seen=moment(row.first_seen),
        last_seen=moment(row.last_seen),
        occurrences=row.occurrences,
        evidence=msgspec.json.decode(row.evidence, type=tuple[Evidence, ...]),
        owners=msgspec.json.decode(row.owners, type=tuple[str, ...]),
        team=row.team,
        is_stale=bool(row.is_stale),
        history=history,
    )


def finding_row(finding: Finding) -> dict[str, object]:
    """The row of a finding, its history left out."""
    return {
        "fingerprint": finding.fingerprint,
        "policy": finding.policy,
        "title": finding.title,
        "subject": to_json(finding.subject.as_json()),
        "severity": int(finding.severity),
        "status": str(finding.status),
        "message": finding.message,
        "is_guess": finding.is_guess,
        "first_seen": microseconds(finding.first_seen),
        "last_seen": microseconds(finding.last_seen),
        "occurrences": finding.occurrences,
        "evidence": to_json(finding.evidence),
        "owners": to_json(finding.owners),
        "team": finding.team,
        "is_stale": finding.is_stale,
    }


def change_row(change: Change) -> dict[str, object]:
    """The row of one step, without whose and which it is."""
    return {
        "at": microseconds(change.at),
        "status": str(change.status),
        "why": change.why,
        "by": change.by,
    }


def verdict_of(body: Mapping[str, Any]) -> Verdict:
    """A verdict from its JSON."""
    return Verdict(
        policy=body["policy"],
        subject=subject_of(body["subject"]),
        outcome=Outcome(body["outcome"]),
        severity=Severity(body["severity"]),
        message=body["message"],
        reason=UnknownReason(body["reason"]) if body["reason"] else None,
        is_guess=body["is_guess"],
        evidence=msgspec.convert(body["evidence"], tuple[Evidence, ...]),
        discriminator=tuple(body["discriminator"]),
        occurrences=body["occurrences"],
        first_at=moment(body["first_at"]) if body["first_at"] is not None else None,
        last_at=moment(body["last_at"]) if body["last_at"] is not None else None,
    )


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """The row of a verdict."""
    asset = verdict.subject.asset
    body = to_json(
        {
            "policy": verdict.policy,
            "subject": verdict.subject.as_json(),
            "outcome": verdict.outcome,
            "severity": int(verdict.severity),
            "message": verdict.message,
            "reason": verdict.reason,
            "is_guess": verdict.is_guess,
            "evidence": verdict.evidence,
            "discriminator": verdict.discriminator,
            "occurrences": verdict.occurrences,
            "first_at": microseconds(verdict.first_at) if verdict.first_at else None,
            "last_at": microseconds(verdict.last_at) if verdict.last_at else None,
        }
    )
    return {
        "fingerprint": verdict.fingerprint,
        "policy": verdict.policy,
        "asset": digest_of(asset_json(asset)) if asset else None,
        "outcome": str(verdict.outcome),
        "digest": digest_of(body),
        "body": body,
    }


def score_of(rows: Sequence[Row[Any]]) -> Score:
    """A scope's score from its rows of one day."""
    parts = []
    overall: tuple[Row[Any], Mapping[str, Any]] | None = None
    for row in rows:
        body = msgspec.json.decode(row.body)
        if not row.dimension:
            overall = row, body
        else:
            parts.append((body["order"], _dimension(row, body)))
    if overall is None:
        raise LookupError("a day's scores lack their overall row")
    row, body = overall
    return Score(
        floor=row.floor,
        ceiling=row.ceiling,
        coverage=row.coverage,
        level_floor=row.level_floor,
        level_ceiling=row.level_ceiling,
        assessed=tuple(body["assessed"]),
        not_assessed=tuple(body["not_assessed"]),
        dimensions=tuple(part for _, part in sorted(parts, key=lambda p: p[0])),
    )


def _dimension(row: Row[Any], body: Mapping[str, Any]) -> DimensionScore:
    return DimensionScore(
        id=row.dimension,
        pillar=body["pillar"],
        name=body["name"],
        floor=row.floor,
        ceiling=row.ceiling,
        coverage=row.coverage,
        level_floor=row.level_floor,
        level_ceiling=row.level_ceiling,
        capped=body["capped"],
        practices=msgspec.convert(body["practices"], tuple[PracticeScore, ...]),
    )


def score_rows(board: ScoreBoard) -> Iterable[dict[str, object]]:
    """The rows of all scopes, without their day."""
    scopes = [
        (ORGANISATION, board.organisation),
        *((TEAM + t.team, t.score) for t in board.teams),
    ]
    for scope, score in scopes:
        rest = {"assessed": score.assessed, "not_assessed": score.not_assessed}
        yield {"scope": scope, "dimension": "", **_interval(score), "body": to_json(rest)}
        for order, part in enumerate(score.dimensions):
            rest_of_part = {
                "order": order,
                "pillar": part.pillar,
                "name": part.name,
                "capped": part.capped,
                "practices": part.practices,
            }
            body = to_json(rest_of_part)
            yield {"scope": scope, "dimension": part.id, **_interval(part), "body": body}


def _interval(score: Score | DimensionScore) -> dict[str, object]:
    return {
        "floor": score.floor,
        "ceiling": score.ceiling,
        "coverage": score.coverage,
        "level_floor": score.level_floor,
        "level_ceiling": score.level_ceiling,
    }


def subject_of(body: Mapping[str, Any]) -> Subject:
    """A subject from its JSON."""
    if body["kind"] == "write":
        job, dataset = asset_of(body["job"]), asset_of(body["dataset"])
        return WriteSubject(job, dataset, body["principal"], body["run"]["run_id"])
    if body["kind"] == "feed":
        producers = tuple(body["producers"])
        return FeedSubject(body["namespace"], FeedKind(body["evidence"]), producers)
    return AssetSubject(asset_of(body))


def asset_of(body: Mapping[str, Any]) -> AssetKey:
    """An asset's key from its JSON."""
    return AssetKey(Kind(body["kind"]), body["namespace"], body["name"])


def to_json(value: object) -> str:
    """Canonical JSON: keys sorted, no blanks."""
    return msgspec.json.encode(value, order="sorted").decode()
