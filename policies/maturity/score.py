"""Scores as intervals: what is demonstrated, and what would be if every unknown turned out well.

Everything rests on three sums per practice: weight that passed, failed and is unknown. Sums and
not means, so that the teams add up to the organisation and nothing is gained by splitting assets;
the headline is the floor, so that nothing is gained by hiding evidence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low

from policies.maturity.model import Dimension, MaturityModel, Practice
from policies.maturity.practices import Result
from policies.model import (
    UNOWNED,
    DimensionScore,
    Finding,
    Outcome,
    PracticeScore,
    Score,
    Severity,
    TeamScore,
)


@dataclass(slots=True)
class Tally:
    """Sums about one practice in one scope."""

    passed: float = 0.0
    failed: float = 0.0
    unknown: float = 0.0
    counts: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    tier1_failed: int = 0
    tier1_unknown: int = 0

    def add(self, result: Result) -> None:
        """Count one subject."""
        if result.outcome is Outcome.NOT_APPLICABLE:
            self.counts[Outcome.NOT_APPLICABLE] += 1
        elif result.outcome is Outcome.PASS:
            self.counts[Outcome.PASS] += 1
            self.passed += result.criticality
        elif result.outcome is Outcome.FAIL:
            self.counts[Outcome.FAIL] += 1
            self.failed += result.criticality
            self.tier1_failed += result.is_tier1
        else:  # an error is scored as unknown
            self.counts[Outcome.UNKNOWN] += 1
            self.unknown += result.criticality
            self.reasons[result.reason] += 1
            self.tier1_unknown += result.is_tier1

    @property
    def whole(self) -> float:
        return self.passed + self.failed + self.unknown


Tallies = Mapping[str, Tally]
"""By practice; one without subjects may be missing."""


def tally(results: Iterable[Result]) -> dict[str, Tally]:
    """Sums by practice."""
    found: defaultdict[str, Tally] = defaultdict(Tally)
    for result in results:
        found[result.practice].add(result)
    return dict(found)


def score_all(
    model: MaturityModel, results: Sequence[Result], findings: Iterable[Finding], tier1: set[str]
) -> tuple[Score, tuple[TeamScore, ...]]:
    """The organisation's score and every team's, the unowned last.

    Args:
        model: Dimensions, weights and the rules of levels.
        results: What every practice found about every subject.
        findings: Live critical ones on tier 1 hold a dimension down.
        tier1: Fingerprints of the findings whose subject is of tier 1.
    """
    capping = [
        f
        for f in findings
        if f.status.is_live and f.severity is Severity.CRITICAL and f.fingerprint in tier1
    ]
    by_team: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_team[result.team].append(result)
    teams = sorted(by_team, key=lambda team: (team == UNOWNED, team))
    return score(model, tally(results), capping), tuple(
        TeamScore(
            team,
            score(model, tally(by_team[team]), [f for f in capping if (f.team or UNOWNED) == team]),
        )
        for team in teams
    )


def score(model: MaturityModel, tallies: Tallies, capping: Sequence[Finding] = ()) -> Score:
    """One scope's score.

    Args:
        model: Dimensions, weights and the rules of levels.
        tallies: Sums by practice.
        capping: Live critical findings of the scope on tier 1.
    """
    dimensions = tuple(_dimension(model, d, tallies, capping) for d in model.dimensions)
    # Every dimension that applies counts, also one without evidence: else hiding evidence until a
    # poor dimension is not assessed any more would raise the floor.
    weights = {d.id: d.weight for d in model.dimensions if _whole(d, tallies)}
    total = sum(weights.values())

    def mean(values: Mapping[str, float], of_nothing: float = 0.0) -> float:
        return sum(weights[i] * values[i] for i in weights) / total if total else of_nothing

    assessed = [d for d in dimensions if d.level_floor is not None]
    return Score(
        floor=mean({d.id: d.floor for d in dimensions}),
        ceiling=mean({d.id: d.ceiling for d in dimensions}, of_nothing=1.0),
        coverage=mean({d.id: d.coverage for d in dimensions}),
        level_floor=_overall(model, {d.id: d.level_floor for d in assessed}),
        level_ceiling=_overall(model, {d.id: d.level_ceiling for d in assessed}),
        assessed=tuple(d.id for d in assessed),
        not_assessed=tuple(d.id for d in dimensions if d.level_floor is None),
        dimensions=dimensions,
    )


def _overall(model: MaturityModel, levels: Mapping[str, int | None]) -> int | None:
    known = {i: level for i, level in levels.items() if level is not None}
    leading = [level for i, level in known.items() if i in model.leading]
    rest = [level for i, level in known.items() if i not in model.leading]
    return min([*leading, *([median_low(rest)] if rest else [])], default=None)


def _whole(dimension: Dimension, tallies: Tallies) -> float:
    return sum(p.weight * tallies[p.id].whole for p in dimension.practices if p.id in tallies)


def _dimension(
    model: MaturityModel, dimension: Dimension, tallies: Tallies, capping: Sequence[Finding]
) -> DimensionScore:
    pairs = [(p, tallies.get(p.id, Tally())) for p in dimension.practices]
    whole = sum(p.weight * t.whole for p, t in pairs)
    passed = sum(p.weight * t.passed for p, t in pairs)
    unknown = sum(p.weight * t.unknown for p, t in pairs)
    known = sum(p.weight * (t.passed + t.failed) for p, t in pairs)
    coverage = known / whole if whole else 0.0
    is_assessed = bool(whole) and coverage >= model.least_coverage
    floor, ceiling = _level(model, pairs, hopeful=False), _level(model, pairs, hopeful=True)
    policies = {p.policy for p, _ in pairs}
    held = [f for f in capping if f.policy in policies]
    capped = ""
    if held and is_assessed and ceiling > model.capped_at:
        floor, ceiling = min(floor, model.capped_at), model.capped_at
        capped = f"{held[0].policy} is open on a tier 1 asset"
    return DimensionScore(
        id=dimension.id,
        pillar=dimension.pillar,
        name=dimension.name,
        floor=passed / whole if whole else 0.0,
        ceiling=min(1.0, (passed + unknown) / whole) if whole else 1.0,
        coverage=coverage,
        level_floor=floor if is_assessed else None,
        level_ceiling=ceiling if is_assessed else None,
        capped=capped,
        practices=tuple(_practice(p, t) for p, t in pairs),
    )


def _level(model: MaturityModel, pairs: Sequence[tuple[Practice, Tally]], *, hopeful: bool) -> int:
    """The highest level whose practices, and those of all levels below, are kept widely enough.

    A level without a practice that applies is passed over: it is neither awarded nor in the way.
    """
    awarded = 1
    for level in sorted(model.thresholds):
        here = [(p, t) for p, t in pairs if p.level == level and t.whole]
        if not here:
            continue
        whole = sum(p.weight * t.whole for p, t in here)
        kept = sum(p.weight * (t.passed + (t.unknown if hopeful else 0.0)) for p, t in here)
        gates = [t for p, t in here if p.is_gate]
        is_shut = any(t.tier1_failed or (t.tier1_unknown and not hopeful) for t in gates)
        # A hair below the threshold is rounding, not a miss.
        if is_shut or kept / whole < model.thresholds[level] - 1e-9:
            break
        awarded = level
    return awarded


def _practice(practice: Practice, sums: Tally) -> PracticeScore:
    return PracticeScore(
        id=practice.id,
        level=practice.level,
        weight=practice.weight,
        passed=sums.counts[Outcome.PASS],
        failed=sums.counts[Outcome.FAIL],
        unknown=sums.counts[Outcome.UNKNOWN],
        not_applicable=sums.counts[Outcome.NOT_APPLICABLE],
        reasons=dict(sorted(sums.reasons.items())),
    )
