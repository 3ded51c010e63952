"""What runs say of the data tests of one asset, and what it comes to in order of time. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lineage.data_tests import Assertion
from lineage.estate import DataTestStatus

_ANSWERS = (DataTestStatus.PASS, DataTestStatus.FAIL)


class Report(NamedTuple):
    """A report with its run; rows of the database are read by name ten times as slowly."""

    run_pk: int
    asset_id: int
    place: int
    at: int
    body_id: int
    seq: int
    run_id: bytes
    job_id: int
    state: int
    producer_id: int
    ended_at: int
    decided_by: int


Answer = tuple[Assertion, DataTestStatus]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one run said of the data tests of one asset; one for all that say the same."""

    told: tuple[Answer, ...]
    untold: tuple[Assertion, ...]
    """Those that have no answer yet, because their run goes on."""
    is_answer: bool
    """Whether a data test ran to an answer."""
    is_failure: bool
    """Whether one failed that stops the line."""


class Said(NamedTuple):
    """A run's answers on one asset."""

    order: tuple[int, bytes, str, str]
    """When it was said, by which run of which job."""
    row: Report
    answers: Answers


@dataclass(slots=True)
class _Use:
    """How often answers were given within the window, and last of all."""

    last: Said
    times: int = 0


class Results:
    """What results of the data tests of one asset come to."""

    def __init__(self, subject: int, said: Iterable[Said], since: int) -> None:
        """Take what was said, from the oldest to the newest."""
        self.subject = subject
        self.failed_runs: set[int] = set()
        self.tested_at: int | None = None
        self.answered_at: list[int] = []
        self.flips: dict[bytes, int] = defaultdict(int)
        self.results: dict[bytes, int] = defaultdict(int)
        self.newest: dict[bytes, tuple[Said, Answer]] = {}
        self._uses: dict[Answers, _Use] = {}
        self._status: dict[bytes, DataTestStatus] = {}
        self._repeating: set[Answers] = set()
        for item in said:
            self._take(item, is_recent=item.row.at >= since)
        for use in sorted(self._uses.values(), key=lambda u: u.last.order):
            for answer in use.last.answers.told:
                self.newest[answer[0].key] = use.last, answer
                if answer[1] in _ANSWERS:
                    self.results[answer[0].key] += use.times

    def _take(self, item: Said, *, is_recent: bool) -> None:
        answers, at = item.answers, item.row.at
        use = self._uses.get(answers)
        if use is None:
            use = self._uses[answers] = _Use(item)
            for answer in answers.told:  # in the order in which they were first told
                self.newest.setdefault(answer[0].key, (item, answer))
        use.last = item
        if not answers.is_answer:
            return
        self.tested_at = at
        if not is_recent:
            return
        use.times += 1
        if answers.is_failure:
            self.failed_runs.add(item.row.run_pk)
        if self.answered_at[-1:] != [at]:
            self.answered_at.append(at)
        if answers not in self._repeating:
            self._change(answers)

    def _change(self, answers: Answers) -> None:
        """Count who changed their minds; who says what holds already need not be asked again."""
        for assertion, status in answers.told:
            before = self._status.get(assertion.key)
            if status in _ANSWERS and status is not before:
                self._repeating.clear()
                self._status[assertion.key] = status
                self.flips[assertion.key] += before is not None
        self._repeating.add(answers)


def answers_of(found: Iterable[tuple[Assertion, DataTestStatus | None]]) -> Answers:
    """What was found, told from what has no answer yet."""
    results = tuple(found)
    told = tuple((assertion, status) for assertion, status in results if status is not None)
    return Answers(
        told,
        tuple(assertion for assertion, status in results if status is None),
        any(status in _ANSWERS for _, status in told),
        any(status is DataTestStatus.FAIL and assertion.blocking for assertion, status in told),
    )


def is_unanswered(said: Iterable[Said]) -> bool:
    """Whether of some data test only runs that go on have told."""
    every = {item.answers for item in said}
    waiting = {assertion.key for answers in every for assertion in answers.untold}
    if waiting:
        waiting.difference_update(a.key for answers in every for a, _ in answers.told)
    return bool(waiting)
