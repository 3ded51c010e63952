"""The gate: whether what is known is good enough to go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from catalog.model import Environment
from policies.assess import Assessment
from policies.facts.index import EstateIndex
from policies.model import Finding, Mode, Outcome, Severity, Subject, Verdict

CLEAN, FAILING, INSUFFICIENT = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Check:
    """What the gate found in one environment, or everywhere."""

    as_of: datetime
    environment: Environment | None
    """``None``: everywhere."""
    fail_on: Severity
    failing: tuple[Finding, ...]
    """Live findings of gating policies at or above the threshold, the worst and newest first."""
    tolerated: tuple[Finding, ...]
    """All other live findings, in the same order."""
    untold: tuple[Verdict, ...]
    """Verdicts of gating policies that are unknown or broke."""
    judged: int
    """How many verdicts of gating policies passed or failed there."""
    needs_evidence: bool
    """Whether missing evidence fails the gate too."""

    @property
    def exit_code(self) -> int:
        if self.failing:
            return FAILING
        is_short = bool(self.untold) or not self.judged
        return INSUFFICIENT if is_short and self.needs_evidence else CLEAN


def check(
    found: Assessment, environment: Environment | None, fail_on: Severity, needs_evidence: bool
) -> Check:
    """Hold an assessment against a threshold.

    Args:
        found: The assessment.
        environment: Only what belongs there; ``None``: everything.
        fail_on: Least severity that fails.
        needs_evidence: Whether missing evidence fails too.
    """
    gating = {p.id for p in found.policies if p.mode is Mode.GATE}
    live = [
        f
        for f in sorted(found.findings, key=_worst_first)
        if f.status.is_live and _belongs(f.subject, environment, found.index)
    ]
    failing = [f for f in live if f.policy in gating and f.severity >= fail_on]
    untold = [
        v
        for v in found.verdicts
        if v.policy in gating
        and v.outcome in (Outcome.UNKNOWN, Outcome.ERROR)
        and _may_belong(v.subject, environment, found.index)
    ]
    return Check(
        as_of=found.as_of,
        environment=environment,
        fail_on=fail_on,
        failing=tuple(failing),
        tolerated=tuple(f for f in live if f not in failing),
        untold=tuple(untold),
        judged=sum(
            v.policy in gating
            and v.outcome in (Outcome.PASS, Outcome.FAIL)
            and _belongs(v.subject, environment, found.index)
            for v in found.verdicts
        ),
        needs_evidence=needs_evidence,
    )


def _worst_first(finding: Finding) -> tuple[int, float, str]:
    return -finding.severity, -finding.last_seen.timestamp(), finding.fingerprint


def _belongs(subject: Subject, environment: Environment | None, index: EstateIndex) -> bool:
    return environment is None or environment in index.environments(subject)


def _may_belong(subject: Subject, environment: Environment | None, index: EstateIndex) -> bool:
    # Where nobody knows the environment, the evidence is insufficient for every one.
    return _belongs(subject, environment, index) or None in index.environments(subject)
