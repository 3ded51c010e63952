"""Findings whose subject has another name today: a late symlink or an alias starts no new life.

A finding keeps the fingerprint under which it was born. Today's verdict about an asset is also the
verdict about each of its other names, so it is looked for under the fingerprints of all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from lineage.identity import Identities
from policies.model import AssetSubject, Finding, FindingStatus, Subject, Verdict, WriteSubject


@dataclass(frozen=True, slots=True)
class Followed:
    """Which of today's verdicts is about which of yesterday's findings."""

    verdicts: Mapping[str, Verdict]
    """By the finding's fingerprint; at most one finding for each verdict."""
    one_with: Mapping[str, str]
    """Fingerprints of findings about one asset under several names, by whose finding it is now."""


def follow(
    findings: Iterable[Finding], today: Mapping[str, Verdict], identities: Identities
) -> Followed:
    """Find each finding's verdict, under whatever name.

    Where an asset had findings under several names, the one that is not retired, and then the
    oldest, lives on. Once the names are taken apart again, each finds its own verdict.
    """
    verdicts = {}
    lost = []
    for finding in findings:
        if finding.fingerprint in today:
            verdicts[finding.fingerprint] = finding, today[finding.fingerprint]
        else:
            lost.append(finding)
    claims = _claims(lost, today.values(), identities)
    found = {fingerprint: verdict for fingerprint, (_, verdict) in verdicts.items()}
    one_with = {}
    for fingerprint, claimants in claims.items():
        if fingerprint in verdicts:
            claimants.append(verdicts[fingerprint][0])
        heir = min(claimants, key=_seniority)
        for finding in claimants:
            if finding is not heir:
                found.pop(finding.fingerprint, None)
                one_with[finding.fingerprint] = heir.fingerprint
        found[heir.fingerprint] = today[fingerprint]
    return Followed(found, one_with)


def known_as(subject: Subject, identities: Identities) -> Subject:
    """The subject under the names that stand for its assets today."""
    if isinstance(subject, AssetSubject):
        return AssetSubject(identities.key(subject.key))
    if isinstance(subject, WriteSubject):
        job, dataset = identities.key(subject.job), identities.key(subject.dataset)
        return replace(subject, job=job, dataset=dataset)
    return replace(subject, namespace=identities.datasets.namespace(subject.namespace))


def _claims(
    lost: Iterable[Finding], verdicts: Iterable[Verdict], identities: Identities
) -> dict[str, list[Finding]]:
    """By fingerprint of a verdict, the findings that are about its subject under other names."""
    waiting: defaultdict[tuple[str, Subject], list[Finding]] = defaultdict(list)
    for finding in lost:
        waiting[finding.policy, known_as(finding.subject, identities)].append(finding)
    claims: dict[str, list[Finding]] = {}
    for verdict in verdicts if waiting else ():
        candidates = waiting.get((verdict.policy, verdict.subject))
        if candidates:
            formers = _fingerprints(verdict, identities)
            claimants = [f for f in candidates if f.fingerprint in formers]
            if claimants:
                claims[verdict.fingerprint] = claimants
    return claims


def _fingerprints(verdict: Verdict, identities: Identities) -> set[str]:
    return {
        replace(verdict, subject=subject).fingerprint
        for subject in _every_name(verdict.subject, identities)
    }


def _every_name(subject: Subject, identities: Identities) -> Iterator[Subject]:
    if isinstance(subject, AssetSubject):
        yield from map(AssetSubject, identities.keys(subject.key))
    elif isinstance(subject, WriteSubject):
        for job in identities.keys(subject.job):
            for dataset in identities.keys(subject.dataset):
                yield replace(subject, job=job, dataset=dataset)
    else:
        for namespace in identities.datasets.namespaces(subject.namespace):
            yield replace(subject, namespace=namespace)


def _seniority(finding: Finding) -> tuple[object, ...]:
    return finding.status is FindingStatus.RETIRED, finding.first_seen, finding.fingerprint
