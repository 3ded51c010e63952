"""Which subjects keep which practice, and of which nobody can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies import facts
from policies.cel import Program
from policies.engine import Answer, Question, Respondent, answered
from policies.facts.index import EstateIndex
from policies.maturity.model import MaturityModel, Practice
from policies.model import UNOWNED, Outcome, Subject, UnknownReason, Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """Whether one subject keeps one practice, and how much that weighs."""

    practice: str
    team: str
    outcome: Outcome
    reason: str
    """Why it is unknown, or an empty text."""
    criticality: float
    is_tier1: bool


def results(
    model: MaturityModel, verdicts: Iterable[Verdict], index: EstateIndex
) -> tuple[Result, ...]:
    """What every practice finds about every subject of its kind."""
    by_policy: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_policy[verdict.policy].append(verdict)
    practices = [p for d in model.dimensions for p in d.practices]
    counted = [
        _result(practice, verdict.subject, verdict.outcome, verdict.reason, index)
        for practice in practices
        if practice.policy is not None
        for verdict in by_policy[practice.policy]
    ]
    asked = [practice for practice in practices if practice.policy is None]
    return (*counted, *_asked(asked, index))


def _asked(practices: list[Practice], index: EstateIndex) -> Iterator[Result]:
    for subject in index.subjects:
        wanted = [p for p in practices if p.subject is subject.kind]
        if wanted:
            respondent = Respondent(facts.reader(index, subject), index.as_of)
            for practice in wanted:
                answer = _answer(practice, respondent)
                yield _result(practice, subject, answer.outcome, answer.reason, index)


def _answer(practice: Practice, respondent: Respondent) -> Answer:
    if practice.holds is not None:
        question = Question(practice.holds, practice.when, practice.params)
        return _turned(answered(practice.id, question, respondent))
    if practice.when is None or _applies(practice, practice.when, respondent):
        return Answer(Outcome.UNKNOWN, practice.waits_for, UnknownReason.NO_FEED)
    return Answer(Outcome.NOT_APPLICABLE)


def _applies(practice: Practice, when: Program, respondent: Respondent) -> bool:
    """Whether a practice without evidence applies; where nobody can tell, it does."""
    answer = answered(practice.id, Question(when, params=practice.params), respondent)
    return answer.outcome is not Outcome.PASS  # a condition that does not hold is a pass


def _turned(answer: Answer) -> Answer:
    """An answer about a practice: its condition says what holds, not what is violated."""
    turned = {Outcome.PASS: Outcome.FAIL, Outcome.FAIL: Outcome.PASS}
    return Answer(turned.get(answer.outcome, answer.outcome), answer.because, answer.reason)


def _result(
    practice: Practice,
    subject: Subject,
    outcome: Outcome,
    reason: UnknownReason | None,
    index: EstateIndex,
) -> Result:
    asset = index.asset(subject)
    why = str(reason or UnknownReason.NO_FEED) if outcome is Outcome.UNKNOWN else ""
    return Result(
        practice=practice.id,
        team=(asset.team if asset else None) or UNOWNED,
        outcome=outcome,
        reason="error" if outcome is Outcome.ERROR else why,
        criticality=index.criticality(subject),
        is_tier1=index.tier(subject) == 1,
    )
