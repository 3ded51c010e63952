"""Judges the whole estate at one instant, and keeps what that means."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from catalog.database import bump_revision, writing
from lineage.estate import Estate
from lineage.history import estate_at, estates_at
from lineage.reducers import NO_REDUCERS, Reducers
from policies import store
from policies.engine import judge
from policies.facts.index import EstateIndex
from policies.findings import carry_on
from policies.library import library_digest, load_library
from policies.maturity.model import MaturityModel, load_model
from policies.maturity.practices import results
from policies.maturity.score import score_all
from policies.model import Finding, FindingStatus, Outcome, Policy, ScoreBoard, Verdict

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What judging the estate at one instant came to."""

    index: EstateIndex
    policies: tuple[Policy, ...]
    policy_digest: str
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
    """All of them in every status, by fingerprint."""
    scores: ScoreBoard
    moved: Mapping[FindingStatus, int]
    """How many findings came to stand where, this time."""
    is_changed: bool = False
    """Whether the store holds anything new that people can see."""

    @property
    def as_of(self) -> datetime:
        return self.index.as_of

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Verdicts by policy and outcome, both complete."""
        found: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
        for verdict in self.verdicts:
            found[verdict.policy][verdict.outcome] += 1
        return {p.id: {str(o): found[p.id][o] for o in Outcome} for p in self.policies}


def assess(engine: Engine, as_of: datetime, reducers: Reducers = NO_REDUCERS) -> Assessment:
    """Judge the estate as of an instant; store verdicts, findings and scores in one transaction.

    Where nothing that people can see has changed, nothing is written and the revision stays. An
    instant before the newest assessment only adds the scores of its day: findings live forwards.
    """
    policies, model = load_library(), load_model()
    # Loading and judging need no lock, nor does what builds on yesterday's findings: while it is
    # held nobody can send events. Only if these were changed meanwhile that is done again.
    judged = _judged(estate_at(engine, as_of, reducers), policies)
    with engine.connect() as connection:
        before = _before(connection, as_of)
    found = _concluded(judged, before.findings, policies, model)
    with writing(engine) as connection:
        now = _before(connection, as_of)
        if now != before:
            found = _concluded(judged, now.findings, policies, model)
        is_past, yesterday = now.is_past, now.findings
        is_changed = store.write_scores(connection, found.scores)
        if not is_past:
            is_changed |= store.write_verdicts(connection, found.verdicts)
            is_changed |= store.write_findings(connection, yesterday, found.findings)
        if is_changed:
            store.write_assessment(
                connection, as_of, found.policy_digest, model.digest, found.counts
            )
            bump_revision(connection)
    log.info(
        "assessed",
        extra={"as_of": as_of, "verdicts": len(found.verdicts), "is_changed": is_changed},
    )
    return replace(found, is_changed=is_changed)


def look(engine: Engine, as_of: datetime, reducers: Reducers = NO_REDUCERS) -> Assessment:
    """The same without storing anything."""
    estate = estate_at(engine, as_of, reducers)
    with engine.connect() as connection:
        before = _before(connection, as_of)
    return assess_estate(estate, before.findings, load_library(), load_model())


def backcast(
    engine: Engine, instants: Iterable[datetime], reducers: Reducers = NO_REDUCERS
) -> Iterator[datetime]:
    """Judge past instants by today's policies and model, and keep the scores of their days.

    The history is folded once, oldest first. Yields each instant as soon as its scores are stored.
    """
    policies, model = load_library(), load_model()
    for estate in estates_at(engine, instants, reducers):
        found = assess_estate(estate, (), policies, model)
        with writing(engine) as connection:
            if store.write_scores(connection, found.scores):
                bump_revision(connection)
        yield found.as_of


def assess_estate(
    estate: Estate, yesterday: Sequence[Finding], policies: Sequence[Policy], model: MaturityModel
) -> Assessment:
    """What judging an estate comes to, given the findings so far."""
    return _concluded(_judged(estate, policies), yesterday, policies, model)


@dataclass(frozen=True, slots=True)
class _Before:
    """What an assessment builds on."""

    is_past: bool
    """Whether a later instant was judged already."""
    findings: tuple[Finding, ...]
    """Those so far; none for the past."""


def _before(connection: Connection, as_of: datetime) -> _Before:
    newest = store.newest_assessment(connection)
    is_past = newest is not None and as_of < newest
    return _Before(is_past, () if is_past else store.read_findings(connection))


@dataclass(frozen=True, slots=True)
class _Judged:
    index: EstateIndex
    verdicts: tuple[Verdict, ...]


def _judged(estate: Estate, policies: Sequence[Policy]) -> _Judged:
    index = EstateIndex(estate)
    return _Judged(index, judge(policies, index))


def _concluded(
    judged: _Judged, yesterday: Sequence[Finding], policies: Sequence[Policy], model: MaturityModel
) -> Assessment:
    index, verdicts = judged.index, judged.verdicts
    findings = carry_on(yesterday, verdicts, policies, index, index.estate.identities)
    tier1 = {f.fingerprint for f in findings if index.tier(f.subject) == 1}
    organisation, teams = score_all(model, results(model, verdicts, index), findings, tier1)
    return Assessment(
        index=index,
        policies=tuple(policies),
        policy_digest=library_digest(policies),
        verdicts=verdicts,
        findings=findings,
        scores=ScoreBoard(index.as_of, model.digest, organisation, teams),
        moved=_moved(yesterday, findings),
    )


def _moved(before: Iterable[Finding], after: Iterable[Finding]) -> dict[FindingStatus, int]:
    known = {f.fingerprint: f.status for f in before}
    found = Counter(f.status for f in after if known.get(f.fingerprint) is not f.status)
    return {status: found[status] for status in FindingStatus if found[status]}
