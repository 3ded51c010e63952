"""The examples that policies carry, judged: a policy that disagrees with its own page is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from catalog.model import Basis
from policies import facts
from policies.cel import FactType
from policies.engine import Respondent, question_of
from policies.facts.values import Absent, Fact, Known
from policies.model import Example, Outcome, Policy, UnknownReason

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""Examples are written in ages, so that any instant will do."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An example whose policy answers something else than it expects."""

    policy: str
    example: Example
    found: Outcome
    because: str

    def __str__(self) -> str:
        place, expected = self.example.place, self.example.expected
        why = f" ({self.because})" if self.because else ""
        return f"{place}: {self.policy}: expected {expected}, found {self.found}{why}"


def disagreements(policy: Policy) -> tuple[Disagreement, ...]:
    """A policy's own examples that it does not answer as they say."""
    found = []
    for example in policy.examples:
        answer = Respondent(_Facts(policy, example), _NOW).answer(question_of(policy))
        if answer.outcome is not example.expected:
            found.append(Disagreement(policy.id, example, answer.outcome, answer.because))
    return tuple(found)


class _Facts:
    """Facts as an example gives them; a feed is alive unless the example says otherwise."""

    def __init__(self, policy: Policy, example: Example) -> None:
        self._specs = facts.specs(policy.subject)
        self._example = example

    def __call__(self, name: str) -> Fact:
        spec = self._specs[name]
        if name in self._example.facts:
            value = self._example.facts[name]
            if spec.type is FactType.TIMESTAMP and isinstance(value, timedelta):
                value = _NOW - value
            return Known(value, Basis.DECLARED)
        if spec.carrier.value in self._example.silent:
            return Absent(UnknownReason.NO_FEED, f"{name}: its feed is silent")
        return Absent(None, f"{name} is not given")
