"""How runs turned out: lost ones told from running ones, and a whole told by its parts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lineage.estate import RunState

QUIET = timedelta(hours=24)
"""A run that is not over may be silent for as long at least."""
TIMES = 3
"""Or for as many times as the longest of its job's finished runs took, if that is longer."""

OPEN = frozenset({RunState.RUNNING, RunState.UNKNOWN})
"""States of runs that are not over."""

_BADNESS = (
    RunState.COMPLETE, RunState.RUNNING, RunState.UNKNOWN, RunState.LOST, RunState.ABORT,
    RunState.FAIL,
)  # fmt: skip

RunKey = tuple[bytes, int]
"""Run id as the tables have it, and job: runs of several jobs may share an id."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What tells a lost run from one that goes on."""

    as_of: datetime
    endless: frozenset[int] = frozenset()
    """Jobs whose runs end only by accident, so that silence says nothing."""
    longest: Mapping[int, timedelta] = field(default_factory=dict)
    """How long the longest finished run of each job took within 30 days."""

    def state(self, job_id: int, state: RunState, last_at: datetime) -> RunState:
        """Where a run stands: lost if it has no end and was silent for too long."""
        if state not in OPEN or job_id in self.endless:
            return state
        patience = max(QUIET, TIMES * self.longest.get(job_id, timedelta()))
        return RunState.LOST if self.as_of - last_at > patience else state


@dataclass(frozen=True, slots=True)
class Part:
    """One run, as far as others turn on it."""

    key: RunKey
    state: RunState
    started_at: datetime
    last_at: datetime
    """When it ended, else its last sign of life."""
    has_failed_tests: bool = False
    """Whether a blocking data test that it ran failed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run turned out with all that ran under it."""

    state: RunState
    cause: RunKey
    """The run that made it so: itself, or one below."""
    is_by_test: bool = False
    """Whether a failed data test made it so."""


def worst(states: Iterable[RunState]) -> RunState:
    """The worst of some states, at least one."""
    return max(states, key=_BADNESS.index)


def outcome(part: Part, below: Callable[[RunKey], Iterable[Part]]) -> Outcome:
    """The worst of a run's own state, of its blocking data tests and of all that ran under it.

    Args:
        part: The run.
        below: Answers with the runs that name one as their parent.
    """
    found = [Outcome(part.state, part.key)]
    seen = {part.key}
    waiting = [part]
    while waiting:
        run = waiting.pop()
        if run.has_failed_tests:
            found.append(Outcome(RunState.FAIL, run.key, is_by_test=True))
        for child in final_tries(below(run.key)):
            found.append(Outcome(child.state, child.key))
            if child.key not in seen:  # producers do name rings
                seen.add(child.key)
                waiting.append(child)
    bad = worst(o.state for o in found)
    # Of those that are to blame the one that ran itself, then any, but always the same.
    return min(
        (o for o in found if o.state is bad),
        key=lambda o: (o.cause != part.key, o.is_by_test, o.cause),
    )


def final_tries(children: Iterable[Part]) -> tuple[Part, ...]:
    """Runs that no later run of the same job began again: a retry makes good what failed."""
    by_job: dict[int, list[Part]] = defaultdict(list)
    for child in children:
        by_job[child.key[1]].append(child)
    return tuple(
        child
        for tries in by_job.values()
        for child in tries
        if not any(other.started_at >= child.last_at for other in tries if other is not child)
    )
