"""What the commands print as JSON. The fields here are promised: more may come, none may go."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.shapes import evidence_json, instant
from policies.assess import Assessment
from policies.check import Check
from policies.model import (
    DimensionScore,
    Finding,
    PracticeScore,
    Score,
    ScoreBoard,
    Verdict,
)
from policies.wording import plain

_DIGITS = 6


def finding_json(finding: Finding) -> dict[str, object]:
    """A finding."""
    return {
        "fingerprint": finding.fingerprint,
        "policy": finding.policy,
        "title": finding.title,
        "severity": finding.severity.word,
        "status": str(finding.status),
        "subject": finding.subject.as_json(),
        "owner": list(finding.owners),
        "team": finding.team,
        "message": plain(finding.message),
        "guess": finding.is_guess,
        "stale": finding.is_stale,
        "first_seen": instant(finding.first_seen),
        "last_seen": instant(finding.last_seen),
        "occurrences": finding.occurrences,
        "evidence": [evidence_json(e) for e in finding.evidence],
        "history": [
            {"at": instant(c.at), "status": str(c.status), "why": plain(c.why), "by": c.by}
            for c in finding.history
        ],
    }


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """A verdict, without its evidence."""
    return {
        "policy": verdict.policy,
        "subject": verdict.subject.as_json(),
        "outcome": str(verdict.outcome),
        "reason": str(verdict.reason) if verdict.reason else None,
        "message": plain(verdict.message),
        "guess": verdict.is_guess,
    }


def assessment_json(found: Assessment) -> dict[str, object]:
    """What an assessment came to."""
    return {
        "as_of": instant(found.as_of),
        "changed": found.is_changed,
        "policy_digest": found.policy_digest,
        "model_digest": found.scores.model_digest,
        "verdicts": found.counts,
        "findings": {str(status): number for status, number in found.moved.items()},
    }


def check_json(check: Check) -> dict[str, object]:
    """What the gate found."""
    return {
        "as_of": instant(check.as_of),
        "environment": str(check.environment) if check.environment else None,
        "fail_on": check.fail_on.word,
        "exit_code": check.exit_code,
        "judged": check.judged,
        "findings": _findings(check.failing),
        "below_threshold": _findings(check.tolerated),
        "unknown": [verdict_json(v) for v in check.untold],
    }


def scores_json(board: ScoreBoard) -> dict[str, object]:
    """All scores."""
    return {
        "as_of": instant(board.as_of),
        "model_digest": board.model_digest,
        "organisation": _score(board.organisation),
        "teams": [{"team": t.team, **_score(t.score)} for t in board.teams],
    }


def _findings(findings: Iterable[Finding]) -> list[dict[str, object]]:
    return [finding_json(f) for f in findings]


def _score(score: Score) -> dict[str, object]:
    return {
        **_interval(score),
        "assessed": list(score.assessed),
        "not_assessed": list(score.not_assessed),
        "dimensions": [
            {
                "id": d.id,
                "pillar": d.pillar,
                "name": d.name,
                **_interval(d),
                "capped": d.capped or None,
                "practices": [_practice(p) for p in d.practices],
            }
            for d in score.dimensions
        ],
    }


def _interval(score: Score | DimensionScore) -> dict[str, object]:
    return {
        "floor": round(score.floor, _DIGITS),
        "ceiling": round(score.ceiling, _DIGITS),
        "coverage": round(score.coverage, _DIGITS),
        "level_floor": score.level_floor,
        "level_ceiling": score.level_ceiling,
    }


def _practice(practice: PracticeScore) -> dict[str, object]:
    return {
        "id": practice.id,
        "level": practice.level,
        "weight": practice.weight,
        "pass": practice.passed,
        "fail": practice.failed,
        "unknown": practice.unknown,
        "not_applicable": practice.not_applicable,
        "reasons": dict(practice.reasons),
    }
