"""Event times in every form that producers send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.moments import microseconds, moment
from lineage.events import parse_event
from lineage.times import read_time
from tests.lineage.worlds import encode

MakeEvent = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T06:00:00Z",
        "2026-11-20T06:00:00z",
        "2026-11-20t06:00:00Z",
        "2026-11-20T06:00:00+00:00",
        "2026-11-20T11:30:00+05:30",
        "2026-11-19T22:00:00-0800",
        "2026-11-20T06:00:00.000000000Z",
        "2026-11-20T06:00:00,0Z",
        "2026-11-20T06Z",
        "2026-11-20T06:00Z",
        "20261120T060000Z",
        "2026-W47-5T06:00:00Z",
        "2026-11-20 06:00:00Z",
        "2026-11-20T06:00:00",
        "2026-11-20T06:00:00Z[Europe/London]",
        "2026-11-20T07:00:00+01:00[Europe/Berlin]",
        " 2026-11-20T06:00:00Z ",
        1795154400,
        1795154400.0,
        1795154400000,
        "2026-11-20T05:59:60Z",
    ],
)
def test_every_form_of_time_seen_on_the_wire_is_read(make_event: MakeEvent, text: object) -> None:
    event = parse_event(encode(make_event(eventTime=text)))

    assert moment(event.time) == datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-20T24:00:00Z", "2026-11-20T24:00Z", "20261120T240000Z", "2026-12-31T24:00:00"]
)
def test_midnight_may_be_the_end_of_a_day(text: str) -> None:
    read, _ = read_time(text)

    assert (read.hour, read.minute, read.day) in {(0, 0, 21), (0, 0, 1)}


@pytest.mark.parametrize(
    "text", ["2026-11-20T06:00:00", "2026-11-20T06:00:00Z[Europe/London]", 1795154400]
)
def test_a_time_that_breaks_the_format_is_read_with_a_warning(
    make_event: MakeEvent, text: object
) -> None:
    event = parse_event(encode(make_event(eventTime=text)))

    assert [o.path for o in event.oddities] == ["eventTime"]


def test_nanoseconds_are_cut_to_microseconds() -> None:
    read, is_odd = read_time("2026-11-20T06:00:00.123456789Z")

    assert read.microsecond == 123456
    assert not is_odd


@given(
    st.datetimes(
        datetime(2, 1, 1),  # noqa: DTZ001
        datetime(9998, 12, 31),  # noqa: DTZ001
        timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_any_moment_survives_being_written_and_read(at: datetime) -> None:
    read, is_odd = read_time(at.isoformat())

    assert read == at
    assert read.tzinfo is UTC
    assert not is_odd
    assert moment(microseconds(at)) == at


@given(st.one_of(st.text(), st.floats(allow_nan=False), st.integers(), st.none(), st.booleans()))
@example("2026-11-20T06:00:00+24:00")
@example("0001-01-01T00:00:00+05:00")
@example(1e20)
@example(float("inf"))
@example("２０２６-11-20T06:00:00Z")
def test_no_value_does_more_than_not_being_a_time(value: object) -> None:
    try:
        read, _ = read_time(value)
    except (ValueError, OverflowError):
        return

    assert read.tzinfo is UTC


def test_what_cannot_be_read_is_quoted_as_it_was_sent() -> None:
    with pytest.raises(ValueError, match="'yesterday'"):
        read_time("yesterday")
