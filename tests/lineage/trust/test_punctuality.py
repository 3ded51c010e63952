"""Whether something is updated in time, by its own habit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lineage.trust.punctuality import GAPS_LEAST, SLACK, kept_since, rhythm

MONDAY = datetime(2026, 11, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)

times = st.lists(
    st.integers(0, 60 * 24 * 200).map(lambda minutes: MONDAY + timedelta(minutes=minutes)),
    max_size=60,
)


def daily(days: int) -> list[datetime]:
    return [MONDAY + n * DAY for n in range(days)]


# Laws


@given(times, st.randoms(use_true_random=False))
def test_order_and_repetition_of_updates_never_matter(
    updates: list[datetime], chance: object
) -> None:
    shuffled = [*updates, *updates]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis hands over a Random

    assert rhythm(shuffled) == rhythm(updates)


@given(times)
def test_a_habit_allows_more_than_a_pause_and_begins_with_an_update(
    updates: list[datetime],
) -> None:
    habit = rhythm(updates)

    if habit is not None:
        assert habit.allowed > timedelta()
        assert habit.on_time_since in updates
        assert habit.updates > GAPS_LEAST


@given(times.filter(bool), st.integers(1, 200).map(lambda hours: timedelta(hours=hours)))
def test_a_promise_was_kept_in_every_pause_since(
    updates: list[datetime], promised: timedelta
) -> None:
    since = kept_since(updates, promised)

    later = sorted(at for at in updates if at >= since)
    assert all(b - a <= promised for a, b in pairwise(later))


# Examples


def test_too_few_updates_show_no_habit() -> None:
    assert rhythm(daily(GAPS_LEAST)) is None
    assert rhythm(daily(GAPS_LEAST + 1)) is not None


def test_what_comes_daily_may_take_a_quarter_longer() -> None:
    habit = rhythm(daily(30))

    assert habit is not None
    assert habit.allowed == DAY * SLACK
    assert habit.on_time_since == MONDAY


def test_a_long_pause_ends_the_time_in_which_it_was_on_time() -> None:
    updates = [*daily(40), *(MONDAY + (45 + n) * DAY for n in range(10))]

    habit = rhythm(updates)

    assert habit is not None
    assert habit.on_time_since == MONDAY + 45 * DAY


def test_what_rests_at_weekends_is_allowed_to_on_fridays_alone() -> None:
    working = [at for at in daily(60) if at.weekday() < 5]
    fridays, mondays = ([at for at in working if at.weekday() == day] for day in (4, 0))

    after_friday = rhythm([at for at in working if at <= fridays[-1]])
    after_monday = rhythm([at for at in working if at <= mondays[-1]])

    assert after_friday is not None
    assert after_monday is not None
    assert after_friday.allowed == 3 * DAY * SLACK
    assert after_monday.allowed == DAY * SLACK
    assert after_monday.on_time_since == MONDAY


def test_updates_within_minutes_are_one() -> None:
    twice = [at + timedelta(minutes=minute) for at in daily(10) for minute in (0, 2)]

    habit = rhythm(twice)

    assert habit is not None
    assert habit.allowed == DAY * SLACK
