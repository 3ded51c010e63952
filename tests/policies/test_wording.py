from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from catalog.wording import parse_duration, span
from policies.cel import Plain
from policies.wording import fill, pieces, plain, said

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("168h", timedelta(days=7)),
        ("30d", timedelta(days=30)),
        ("1h30m", timedelta(minutes=90)),
        ("2w", timedelta(days=14)),
        ("45s", timedelta(seconds=45)),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "7", "7 d", "d7", "-3d"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 seconds"),
        (0.4, "0 seconds"),
        (1, "1 second"),
        (3600, "1 hour"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (36 * 3600, "36 hours"),
        (48 * 3600, "2 days"),
        (2000 * 86400, "2,000 days"),
    ],
)
def test_a_span_is_said_in_its_largest_sensible_unit(seconds: float, expected: str) -> None:
    assert span(timedelta(seconds=seconds)) == expected


def test_a_template_is_filled_and_what_is_absent_is_said() -> None:
    template = "{a} {b|ago} {c|times} {d|count:dataset} {e|short} {f|or:nobody} {g} {h|or:none} {i}"
    values: dict[str, Plain] = {
        "a": "x",
        "b": NOW - timedelta(days=3),
        "c": 1,
        "d": 1200,
        "e": "0123456789abcdef",
        "h": [],
        "i": ["u", "v"],
    }

    text = fill(template, values, NOW)

    assert text == "x 3 days ago once 1,200 datasets 01234567 nobody not known none u, v"


def test_values_are_said_as_people_write_them() -> None:
    assert said(True) == "yes"
    assert said(0.25) == "0.25"
    assert said(NOW) == "2026-11-20 12:00 UTC"
    assert said([]) == "none"


def test_what_stands_out_can_be_told_from_the_rest() -> None:
    message = "**fix_orders** wrote **orders** directly"

    assert list(pieces(message)) == [
        ("fix_orders", True),
        (" wrote ", False),
        ("orders", True),
        (" directly", False),
    ]
    assert plain(message) == "fix_orders wrote orders directly"
    assert plain("2 ** 3") == "2 ** 3"
