"""How runs turned out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.estate import RunState
from lineage.outcomes import Habits, Outcome, Part, RunKey, final_tries, outcome, worst

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
COMPLETE, FAIL, LOST, RUNNING = RunState.COMPLETE, RunState.FAIL, RunState.LOST, RunState.RUNNING


def part(
    run: str, job: int, state: RunState = COMPLETE, at: int = 0, *, tested: bool = False
) -> Part:
    started = NOW + timedelta(minutes=at)
    return Part((run.encode(), job), state, started, started + timedelta(minutes=1), tested)


def under(below: Mapping[RunKey, Sequence[Part]]) -> Callable[[RunKey], Sequence[Part]]:
    return lambda key: below.get(key, ())


nothing = under({})


@pytest.mark.parametrize(
    ("silent_h", "longest_h", "state"),
    [(24, 0, RUNNING), (24.1, 0, LOST), (24.1, 10, RUNNING), (30.1, 10, LOST), (100, 40, RUNNING)],
)
def test_a_run_is_lost_after_a_day_or_three_of_its_longest_runs(
    silent_h: float, longest_h: float, state: RunState
) -> None:
    habits = Habits(NOW, longest={1: timedelta(hours=longest_h)})

    assert habits.state(1, RUNNING, NOW - timedelta(hours=silent_h)) is state


@pytest.mark.parametrize("state", [COMPLETE, FAIL, RunState.ABORT])
def test_what_ended_is_never_lost(state: RunState) -> None:
    assert Habits(NOW).state(1, state, NOW - timedelta(days=900)) is state


def test_a_run_without_any_state_gets_lost_and_an_endless_one_never_does() -> None:
    long_ago = NOW - timedelta(days=900)

    assert Habits(NOW).state(1, RunState.UNKNOWN, long_ago) is LOST
    assert Habits(NOW, frozenset({1})).state(1, RUNNING, long_ago) is RUNNING


def test_a_run_alone_turns_out_as_it_ended() -> None:
    assert outcome(part("a", 1), nothing) == Outcome(COMPLETE, (b"a", 1))


def test_the_worst_of_all_below_decides_at_any_depth() -> None:
    below: dict[RunKey, list[Part]] = {
        (b"dag", 1): [part("x", 2), part("y", 3)],
        (b"y", 3): [part("z", 4, FAIL)],
    }

    assert outcome(part("dag", 1), under(below)) == Outcome(FAIL, (b"z", 4))


def test_a_blocking_data_test_that_failed_fails_the_run_and_what_is_above() -> None:
    child = part("t", 2, tested=True)

    assert outcome(child, nothing) == Outcome(FAIL, (b"t", 2), is_by_test=True)
    assert outcome(part("dag", 1), under({(b"dag", 1): [child]})).state is FAIL


def test_a_retry_makes_good_what_failed_and_a_run_beside_it_does_not() -> None:
    failed, retry, beside = part("a", 2, FAIL), part("b", 2, at=5), part("c", 2)

    assert final_tries([failed, retry]) == (retry,)
    assert outcome(part("dag", 1), under({(b"dag", 1): [failed, retry]})).state is COMPLETE
    assert outcome(part("dag", 1), under({(b"dag", 1): [failed, beside]})).state is FAIL


def test_rings_of_parents_end() -> None:
    a, b = part("a", 1), part("b", 2, FAIL)

    assert outcome(a, under({a.key: [b], b.key: [a]})).state is FAIL


parts = st.builds(
    part, st.sampled_from("abcd"), st.integers(1, 3), st.sampled_from(RunState), st.integers(0, 3)
)


@given(part=parts, below=st.dictionaries(parts.map(lambda p: p.key), st.lists(parts, max_size=4)))
def test_nothing_below_makes_a_run_better(part: Part, below: dict[RunKey, list[Part]]) -> None:
    found = outcome(part, under(below))

    assert worst([found.state, part.state]) is found.state
    assert outcome(part, under({k: v[::-1] for k, v in below.items()})) == found
