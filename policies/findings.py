"""Yesterday's findings and today's verdicts make today's findings.

A finding lives as long as its fingerprint. Only a pass that rests on evidence resolves it; where
nothing can be told it stays, marked as stale, so that silence never heals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from catalog.model import Evidence
from lineage.identity import EXACT, Identities
from policies.facts.index import EstateIndex
from policies.facts.write import RUN_FACET
from policies.model import (
    Change,
    FeedSubject,
    Finding,
    FindingStatus,
    Outcome,
    Policy,
    Subject,
    Verdict,
    WriteSubject,
)
from policies.renamed import follow, known_as

_NEWEST_KEPT = 20


def carry_on(
    yesterday: Iterable[Finding],
    verdicts: Iterable[Verdict],
    policies: Sequence[Policy],
    index: EstateIndex,
    identities: Identities = EXACT,
) -> tuple[Finding, ...]:
    """All findings after today's verdicts, by fingerprint; those that did not change are equal.

    Args:
        yesterday: Every finding so far, in every status.
        verdicts: Today's, about assets under the names that stand for them today.
        policies: Those that were judged by.
        index: The estate that was judged.
        identities: Which names are one asset today, so that no finding is lost to a new name.
    """
    library = {policy.id: policy for policy in policies}
    today = {verdict.fingerprint: verdict for verdict in verdicts}
    yesterday = tuple(yesterday)
    followed = follow(yesterday, today, identities)
    found: dict[str, Finding] = {}
    for finding in yesterday:
        verdict = followed.verdicts.get(finding.fingerprint)
        subject = verdict.subject if verdict else known_as(finding.subject, identities)
        known = _renamed(finding, subject, index.as_of)
        heir = followed.one_with.get(finding.fingerprint)
        if heir is not None:
            why = f"its subject is one with that of finding {heir[:12]} now"
            found[finding.fingerprint] = _ended(known, FindingStatus.RETIRED, index.as_of, why)
        else:
            found[finding.fingerprint] = _carried(known, verdict, library, index)
        if verdict is not None:
            today.pop(verdict.fingerprint)
    for fingerprint, verdict in today.items():
        if verdict.outcome is Outcome.FAIL:
            found[fingerprint] = _opened(fingerprint, verdict, library[verdict.policy], index)
    return tuple(found[f] for f in sorted(found))


def _renamed(finding: Finding, subject: Subject, at: datetime) -> Finding:
    if subject == finding.subject:
        return finding
    change = Change(at, finding.status, f"its subject is known as {_title(subject)} now")
    return replace(finding, subject=subject, history=(*finding.history, change))


def _title(subject: Subject) -> str:
    return subject.namespace if isinstance(subject, FeedSubject) else subject.asset.name


def _opened(fingerprint: str, verdict: Verdict, policy: Policy, index: EstateIndex) -> Finding:
    owners, team = _answerable(verdict.subject, index)
    return Finding(
        fingerprint=fingerprint,
        policy=policy.id,
        title=policy.title,
        subject=verdict.subject,
        severity=verdict.severity,
        status=FindingStatus.OPEN,
        message=verdict.message,
        is_guess=verdict.is_guess,
        first_seen=verdict.first_at or index.as_of,
        last_seen=verdict.last_at or index.as_of,
        occurrences=verdict.occurrences,
        evidence=_evidence(verdict, ()),
        owners=owners,
        team=team,
        history=(Change(index.as_of, FindingStatus.OPEN, "first seen to fail"),),
    )


def _carried(
    finding: Finding, verdict: Verdict | None, library: Mapping[str, Policy], index: EstateIndex
) -> Finding:
    at = index.as_of
    if finding.policy not in library:
        return _ended(finding, FindingStatus.RETIRED, at, "its policy was withdrawn")
    if verdict is not None and verdict.outcome is Outcome.FAIL:
        return _failing(finding, verdict, library[finding.policy], index)
    if not finding.status.is_live and finding.status is not FindingStatus.WAIVED:
        return finding
    if not index.has(finding.subject):
        return _ended(finding, FindingStatus.RETIRED, at, "its subject is gone")
    if verdict is not None and _heals(verdict, finding):
        return _ended(finding, FindingStatus.RESOLVED, at, "passes, on evidence")
    if finding.is_stale:
        return finding
    change = Change(at, finding.status, f"cannot be told any more: {_untold(verdict)}")
    return replace(finding, is_stale=True, history=(*finding.history, change))


def _failing(finding: Finding, verdict: Verdict, policy: Policy, index: EstateIndex) -> Finding:
    owners, team = _answerable(verdict.subject, index)
    status, history = finding.status, finding.history
    reopens = status in (FindingStatus.RESOLVED, FindingStatus.RETIRED)
    if reopens:
        status = FindingStatus.REOPENED
        history = (*history, Change(index.as_of, status, "fails again"))
    elif finding.is_stale:
        history = (*history, Change(index.as_of, status, "seen to fail again"))
    if verdict.severity is not finding.severity and not reopens:
        why = f"{finding.severity.word} becomes {verdict.severity.word}"
        history = (*history, Change(index.as_of, status, why))
    first_at, last_at = verdict.first_at or index.as_of, verdict.last_at or index.as_of
    return replace(
        finding,
        title=policy.title,
        subject=verdict.subject,
        severity=verdict.severity,
        status=status,
        message=verdict.message,
        is_guess=verdict.is_guess,
        first_seen=min(finding.first_seen, first_at) if _counts(verdict) else finding.first_seen,
        last_seen=max(finding.last_seen, last_at),
        occurrences=_occurrences(finding, verdict, reopens),
        evidence=_evidence(verdict, finding.evidence),
        owners=owners,
        team=team,
        is_stale=False,
        history=history,
    )


def _heals(verdict: Verdict, finding: Finding) -> bool:
    # A guess may take back what was itself a guess, never what was known.
    known_enough = finding.is_guess or not verdict.is_guess
    return verdict.outcome is Outcome.PASS and bool(verdict.evidence) and known_enough


def _untold(verdict: Verdict | None) -> str:
    if verdict is None:
        return "it was not seen for 30 days"
    if verdict.outcome is Outcome.NOT_APPLICABLE:
        return "the policy does not apply to it now"
    if verdict.outcome is Outcome.PASS:
        return "it passes, but on nothing better than a guess"
    return verdict.message


def _ended(finding: Finding, status: FindingStatus, at: datetime, why: str) -> Finding:
    if finding.status is status:
        return finding
    change = Change(at, status, why)
    return replace(finding, status=status, is_stale=False, history=(*finding.history, change))


def _counts(verdict: Verdict) -> bool:
    return isinstance(verdict.subject, WriteSubject)


def _occurrences(finding: Finding, verdict: Verdict, reopens: bool) -> int:
    """Distinct events for what happened, failing stretches for a state.

    Verdicts about writes look back 30 days and name 20 events at most, so that a longer life is
    counted by adding what is new; this can only count too few, and never the same event twice.
    """
    if not _counts(verdict):
        return finding.occurrences + reopens
    last_at, first_at = verdict.last_at, verdict.first_at
    if last_at is None or last_at <= finding.last_seen:
        return max(finding.occurrences, verdict.occurrences)
    if first_at is not None and first_at > finding.last_seen:
        return finding.occurrences + verdict.occurrences
    new = {e.event_id for e in _runs(verdict.evidence)} - {
        e.event_id for e in _runs(finding.evidence)
    }
    return max(finding.occurrences + len(new), verdict.occurrences)


def _runs(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(e for e in evidence if e.facet == RUN_FACET)


def _evidence(verdict: Verdict, earlier: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Today's, and of runs the twenty newest and the first that was ever seen."""
    runs = tuple(dict.fromkeys((*_runs(verdict.evidence), *_runs(earlier))))
    first = runs[_NEWEST_KEPT:][-1:]
    others = tuple(e for e in verdict.evidence if e.facet != RUN_FACET)
    return (*others, *runs[:_NEWEST_KEPT], *first)


def _answerable(subject: Subject, index: EstateIndex) -> tuple[tuple[str, ...], str | None]:
    asset = index.asset(subject)
    if asset is None:
        return (), None
    return tuple(str(claim.value) for claim in asset.owners), asset.team
