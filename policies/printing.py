"""What the commands print for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from catalog.wording import counted, minute
from policies.assess import Assessment
from policies.check import Check
from policies.model import (
    DimensionScore,
    Finding,
    FindingStatus,
    Outcome,
    Policy,
    Score,
    ScoreBoard,
    Severity,
)
from policies.wording import pieces, plain, said

_COLOURS = {
    Severity.CRITICAL: "bright_red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
}
_BAR = 20
_REASONS = {
    "no_feed": "nothing sends it",
    "stale": "fell silent",
    "few": "too little",
    "weak": "only guessed",
    "conflict": "sources disagree",
    "unparsable": "unreadable",
    "error": "broke",
}


def sentence(message: str) -> str:
    """A message with its names standing out, where the terminal can."""
    return "".join(
        click.style(text, bold=True) if strong else text for text, strong in pieces(message)
    )


def finding_lines(finding: Finding) -> Iterable[str]:
    """A finding in three lines: how bad, what, since when."""
    colour = _COLOURS[finding.severity]
    marks = [str(finding.status)]
    marks += ["guess"] if finding.is_guess else []
    marks += ["stale"] if finding.is_stale else []
    team = finding.team or "no team"
    head = click.style(f"{finding.severity.word:<8}", fg=colour, bold=True)
    yield f"{head} {finding.policy}  {', '.join(marks)}  {team}"
    yield f"  {sentence(finding.message)}"
    times = f", {finding.occurrences:,} times" if finding.occurrences > 1 else ""
    seen = f"first seen {minute(finding.first_seen)}, last {minute(finding.last_seen)}{times}"
    yield click.style(f"  {seen}; {finding.fingerprint[:12]}", dim=True)


def findings_text(findings: Sequence[Finding], status: str, *, is_judged: bool) -> str:
    """Findings, the worst first."""
    if not is_judged:
        return "Nothing was judged yet. Send some events, then run: andon assess"
    if not findings:
        return "There is no finding." if status == "all" else f"No finding is {status}."
    lines = [line for f in findings for line in (*finding_lines(f), "")]
    return "\n".join([*lines, f"{counted(len(findings), 'finding')}."])


def assessment_text(found: Assessment) -> str:
    """Verdicts by policy, and what came of them."""
    heads = ("pass", "fail", "unknown", "error", "n/a")
    lines = [f"Assessed as of {minute(found.as_of)}", ""]
    lines.append(f"{'policy':<10}" + "".join(f"{h:>9}" for h in heads))
    for policy, counts in found.counts.items():
        numbers = "".join(f"{counts[str(outcome)]:>9,}" for outcome in Outcome)
        lines.append(f"{policy:<10}{numbers}")
    moved = [f"{number:,} {_moved(status)}" for status, number in found.moved.items()]
    lines += ["", f"Findings: {', '.join(moved) or 'no change'}."]
    lines.append(f"Score: {_interval(found.scores.organisation)}.")
    if not found.is_changed:
        lines.append("Nothing new, so nothing was written.")
    return "\n".join(lines)


def check_text(check: Check) -> str:
    """What the gate found."""
    where = str(check.environment) if check.environment else "every environment"
    lines = [line for f in check.failing for line in (*finding_lines(f), "")]
    if check.tolerated:
        many = counted(len(check.tolerated), "finding")
        lines.append(f"{many} below the threshold or in policies that do not gate.")
    if check.untold:
        lines.append(f"Cannot tell in {counted(len(check.untold), 'case')}:")
        lines += _reasons(check)
    if check.failing:
        many = counted(len(check.failing), "finding")
        lines.append(f"Failed: {many} at or above {check.fail_on.word} in {where}.")
    elif check.exit_code:
        lines.append(f"Failed: the evidence about {where} is insufficient.")
    elif not check.judged:
        lines.append(
            f"Not judged: nothing is known of {where}, so nothing failed and nothing passed."
        )
    else:
        lines.append(f"Passed: nothing at or above {check.fail_on.word} in {where}.")
    return "\n".join(lines)


def scores_text(board: ScoreBoard, *, with_practices: bool) -> str:
    """Scores of all scopes; with practices where only a few are shown."""
    lines = [f"As of {minute(board.as_of)}, maturity model {board.model_digest[:12]}", ""]
    lines += _scope("Organisation", board.organisation, with_practices)
    for team in board.teams:
        lines += ["", *_scope(team.team, team.score, with_practices)]
    lines += ["", "█ demonstrated  ▒ not known  · missed"]
    return "\n".join(lines)


def policy_text(policy: Policy) -> str:
    """One policy, whole."""
    lines = [
        click.style(f"{policy.id}  {policy.title}", bold=True),
        f"About every {policy.subject}, {policy.severity.word}, {policy.mode}",
        "",
    ]
    lines += [f"Applies where  {policy.when.text}"] if policy.when else []
    lines.append(f"Violated where {policy.condition.text}")
    lines += [f"  {name} = {said(value)}" for name, value in policy.params.items()]
    lines += ["", f"Why: {policy.why}", "", f"Fix: {policy.fix}"]
    lines += ["", f"Practices: {', '.join(policy.practices)}"] if policy.practices else []
    return "\n".join(lines)


def policies_text(policies: Sequence[Policy]) -> str:
    """All policies, one line each."""
    return "\n".join(
        f"{p.id:<8} {click.style(f'{p.severity.word:<8}', fg=_COLOURS[p.severity])} "
        f"{p.subject:<8} {p.title}"
        for p in policies
    )


def _scope(name: str, score: Score, with_practices: bool) -> Iterable[str]:
    yield f"{click.style(name, bold=True)}  {_interval(score)}"
    for dimension in score.dimensions:
        yield f"  {dimension.id} {_bar(dimension)} {_interval(dimension)}  {dimension.name}"
        if dimension.capped:
            yield f"     held at level {dimension.level_ceiling}: {dimension.capped}"
        for practice in dimension.practices if with_practices else ():
            reasons = ", ".join(_REASONS[reason] for reason in practice.reasons)
            yield (
                f"     {practice.id:<6} L{practice.level}  {practice.passed:>4} pass "
                f"{practice.failed:>4} fail {practice.unknown:>4} unknown"
                + (f" ({reasons})" if reasons else "")
            )
    if score.not_assessed:
        yield f"  Not assessed, too little evidence: {', '.join(score.not_assessed)}"


def _interval(score: Score | DimensionScore) -> str:
    floor, ceiling = round(100 * score.floor), round(100 * score.ceiling)
    evidence = f"evidence {round(100 * score.coverage)} %"
    if score.level_floor is None:
        return f"{floor}–{ceiling}, {evidence}, not assessed"
    level = f"level {score.level_floor}"
    if score.level_ceiling is not None and score.level_ceiling > score.level_floor:
        level += f" (up to {score.level_ceiling})"
    return f"{floor}–{ceiling}, {evidence}, {level}"


def _bar(score: DimensionScore) -> str:
    solid = int(score.floor * _BAR)
    hatched = round(score.ceiling * _BAR) - solid
    return "█" * solid + "▒" * hatched + "·" * (_BAR - solid - hatched)


def _reasons(check: Check) -> Iterable[str]:
    seen: dict[str, int] = {}
    for verdict in check.untold:
        text = f"{verdict.policy}: {plain(verdict.message)}"
        seen[text] = seen.get(text, 0) + 1
    most = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    for text, number in most[:5]:
        yield f"  {number:>4} × {text}"
    if len(most) > 5:
        yield f"  and {len(most) - 5} other reasons"


def _moved(status: FindingStatus) -> str:
    return {FindingStatus.OPEN: "new"}.get(status, str(status))
