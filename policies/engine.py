"""Asks every policy about every subject it applies to.

Each question is answered from facts alone. What is not known makes the answer unknown; what is
only guessed makes it a guess, but just where there would be no answer without the guess.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.model import Basis, Evidence, Trust
from policies import facts
from policies.cel import EvaluationError, Plain, Program
from policies.facts.index import EstateIndex
from policies.facts.values import Absent, Fact, Known
from policies.model import Outcome, Policy, Severity, Subject, SubjectKind, UnknownReason, Verdict
from policies.wording import fill, template_names

log = logging.getLogger(__name__)
_MOST_EVIDENCE = 40
_PARAM = "p."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a subject: where it applies, and what must not be true there."""

    condition: Program
    when: Program | None = None
    params: Mapping[str, Plain] | None = None
    trust: Trust = Trust.E1


@dataclass(frozen=True, slots=True)
class Answer:
    """What facts say to a question."""

    outcome: Outcome
    because: str = ""
    """Unknown: what is missing. Error: what broke."""
    reason: UnknownReason | None = None
    is_guess: bool = False
    guesses: tuple[str, ...] = ()
    """Clauses that finish "because ...", one per guess that it needs."""
    evidence: tuple[Evidence, ...] = ()


class Respondent:
    """Answers questions about one subject from its facts."""

    def __init__(self, read: Callable[[str], Fact], now: datetime) -> None:
        self._read = read
        self.now = now

    def answer(self, question: Question) -> Answer:
        """Pass, fail, unknown or not applicable; an error where the condition itself breaks."""
        try:
            outcome = self._outcome(question, self._read)
            if outcome not in (Outcome.PASS, Outcome.FAIL):
                return self._without_verdict(question, outcome)
            names = _names(question.condition, question.when)
            is_guess, guesses = self._guesses(question, names, outcome)
        except EvaluationError as error:
            return Answer(Outcome.ERROR, f"its condition cannot be evaluated: {error}")
        return Answer(outcome, is_guess=is_guess, guesses=guesses, evidence=self.evidence(names))

    def values(self, names: Iterable[str], params: Mapping[str, Plain]) -> dict[str, Plain]:
        """The values that are there, for templates."""
        found: dict[str, Plain] = {}
        for name in names:
            if name in params:
                found[name] = params[name]
            elif name == facts.NOW:
                found[name] = self.now
            elif not name.startswith(_PARAM) and isinstance(fact := self._read(name), Known):
                found[name] = fact.value
        return found

    def text(self, name: str) -> str | None:
        """The value of a fact as one short text; ``None`` if it is absent."""
        fact = self._read(name)
        return str(fact.value) if isinstance(fact, Known) else None

    def evidence(self, names: Iterable[str]) -> tuple[Evidence, ...]:
        """What facts rest on, in their order, each piece once."""
        found: dict[Evidence, None] = {}
        for name in _facts_in(names):
            found.update(dict.fromkeys(self._read(name).evidence))
        return tuple(found)[:_MOST_EVIDENCE]

    def _outcome(self, question: Question, read: Callable[[str], Fact]) -> Outcome:
        if question.when is not None:
            applies = self._evaluate(question, question.when, read)
            if applies is None:
                return Outcome.UNKNOWN
            if not applies:
                return Outcome.NOT_APPLICABLE
        violated = self._evaluate(question, question.condition, read)
        if violated is None:
            return Outcome.UNKNOWN
        return Outcome.FAIL if violated else Outcome.PASS

    def _evaluate(
        self, question: Question, program: Program, read: Callable[[str], Fact]
    ) -> bool | None:
        values: dict[str, Plain] = {facts.NOW: self.now, **(question.params or {})}
        for name in program.names:
            if name not in values and not name.startswith(_PARAM):
                fact = read(name)
                if isinstance(fact, Known) and not _is_weak(fact, question.trust):
                    values[name] = fact.value
        known: dict[str, bool] = {}
        for name in program.asked:
            fact = read(name)
            if isinstance(fact, Known):
                if not _is_weak(fact, question.trust):
                    known[name] = True
            elif fact.reason is None:
                known[name] = False
        return program.evaluate(values, known)

    def _guesses(
        self, question: Question, names: Sequence[str], outcome: Outcome
    ) -> tuple[bool, tuple[str, ...]]:
        """Whether the outcome needs what is guessed, and why that was guessed."""
        facts_read = {name: self._read(name) for name in names}
        guessed = {n: f for n, f in facts_read.items() if isinstance(f, Known) and f.is_guess}
        if not guessed or self._outcome(question, self._without(guessed)) is outcome:
            return False, ()
        # One that the outcome would stand without is not worth telling.
        needed = [n for n in guessed if self._outcome(question, self._without({n})) is not outcome]
        whys = (guessed[name].why for name in needed or guessed)
        return True, tuple(dict.fromkeys(why for why in whys if why))

    def _without(self, names: Container[str]) -> Callable[[str], Fact]:
        untold = Absent(UnknownReason.WEAK, "only guessed")
        return lambda name: untold if name in names else self._read(name)

    def _without_verdict(self, question: Question, outcome: Outcome) -> Answer:
        if outcome is Outcome.NOT_APPLICABLE:
            return Answer(outcome)
        when = question.when
        is_open = when is not None and self._evaluate(question, when, self._read) is None
        missing: list[Absent] = []
        for name in _names(question.when if is_open else question.condition):
            fact = self._read(name)
            if isinstance(fact, Absent):
                missing.append(fact)
            elif _is_weak(fact, question.trust):
                why = f"{name} rests on {fact.trust.name}, and {question.trust.name} is needed"
                missing.append(Absent(UnknownReason.WEAK, why))
        # What cannot be told explains the answer; what is truly not there does only without it.
        missing = [absent for absent in missing if absent.reason is not None] or missing
        reason = missing[0].reason if missing else None
        because = "; ".join(dict.fromkeys(absent.why for absent in missing)) or "nothing says"
        evidence = tuple(dict.fromkeys(e for absent in missing for e in absent.evidence))
        return Answer(outcome, because, reason or UnknownReason.NO_FEED, evidence=evidence)


def judge(policies: Sequence[Policy], index: EstateIndex) -> tuple[Verdict, ...]:
    """The verdict of every policy about every subject of its kind, in a stable order."""
    by_kind: defaultdict[SubjectKind, list[Policy]] = defaultdict(list)
    for policy in policies:
        by_kind[policy.subject].append(policy)
    return tuple(_verdicts(by_kind, index))


def _verdicts(
    by_kind: Mapping[SubjectKind, Sequence[Policy]], index: EstateIndex
) -> Iterator[Verdict]:
    for subject in index.subjects:
        asked = by_kind.get(subject.kind)
        if asked:
            respondent = Respondent(facts.reader(index, subject), index.as_of)
            for policy in asked:
                yield _guarded(policy, subject, respondent, index)


def _guarded(
    policy: Policy, subject: Subject, respondent: Respondent, index: EstateIndex
) -> Verdict:
    try:
        return verdict_of(policy, subject, respondent, index.seen(subject))
    except Exception as error:  # one broken policy must not hide the others
        log.exception("policy failed", extra={"policy": policy.id})
        text = f"{type(error).__name__}: {error}"
        return Verdict(policy.id, subject, Outcome.ERROR, policy.severity, text)


def answered(name: str, question: Question, respondent: Respondent) -> Answer:
    """The answer to a question that is no policy; whatever breaks becomes an error."""
    try:
        return respondent.answer(question)
    except Exception as error:  # as above
        log.exception("question failed", extra={"question": name})
        return Answer(Outcome.ERROR, f"{type(error).__name__}: {error}")


def question_of(policy: Policy) -> Question:
    """What a policy asks."""
    return Question(policy.condition, policy.when, policy.params, policy.trust)


def verdict_of(
    policy: Policy,
    subject: Subject,
    respondent: Respondent,
    seen: tuple[int, datetime, datetime],
) -> Verdict:
    """One policy's verdict about one subject."""
    answer = respondent.answer(question_of(policy))
    severity = policy.severity
    message, evidence = answer.because, answer.evidence
    if answer.outcome in (Outcome.PASS, Outcome.FAIL):
        # What the sentence tells is evidence too, such as the events of a write.
        told = respondent.evidence(template_names(policy.message))
        evidence = tuple(dict.fromkeys((*evidence, *told)))[:_MOST_EVIDENCE]
    if answer.outcome is Outcome.FAIL:
        severity = _severity(policy, respondent)
        message = _filled(policy, policy.message, respondent)
        if answer.is_guess:
            severity = min(severity, Severity.MEDIUM)
            message = _as_guess(policy, respondent, answer.guesses)
    occurrences, first_at, last_at = seen
    return Verdict(
        policy=policy.id,
        subject=subject,
        outcome=answer.outcome,
        severity=severity,
        message=message,
        reason=answer.reason,
        is_guess=answer.is_guess,
        evidence=evidence,
        discriminator=tuple(respondent.text(name) for name in policy.discriminator),
        occurrences=occurrences,
        first_at=first_at,
        last_at=last_at,
    )


def _severity(policy: Policy, respondent: Respondent) -> Severity:
    for rule in policy.severities:
        asked = Question(rule.condition, params=policy.params, trust=policy.trust)
        answer = respondent.answer(asked)
        if answer.outcome is Outcome.FAIL:
            # A guess may lower what a violation weighs, never raise it.
            return min(rule.severity, policy.severity) if answer.is_guess else rule.severity
    return policy.severity


def _filled(policy: Policy, template: str, respondent: Respondent) -> str:
    values = respondent.values(template_names(template), policy.params)
    return fill(template, values, respondent.now)


def _as_guess(policy: Policy, respondent: Respondent, guesses: Sequence[str]) -> str:
    template = policy.message_if_guess or f"Looks like: {policy.message}"
    message = _filled(policy, template, respondent)
    untold = [guess for guess in guesses if guess not in message]
    return f"{message}. A guess, because {' and '.join(untold)}." if untold else message


def _is_weak(fact: Known, least: Trust) -> bool:
    # Declared and guessed facts are exempt: nobody observed them.
    return fact.basis is Basis.ASSERTED and fact.trust < least


def _names(*programs: Program | None) -> tuple[str, ...]:
    found = dict.fromkeys(n for p in programs if p for n in (*p.names, *p.asked))
    return _facts_in(found)


def _facts_in(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(n for n in names if n != facts.NOW and not n.startswith(_PARAM))
