"""Moments as producers write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

AHEAD = timedelta(days=1)
"""How far a producer's clock may run ahead of ours and still be believed."""

YEAR = 31_557_600_000_000
"""Microseconds."""

_LONGEST = 100
"""No date and time is longer, characters."""

_ZONE_ID = re.compile(r"\[[^\]]*\]$")
_MIDNIGHT = re.compile(r"([T ])24:?00(:?00)?([.,]0+)?")
_LEAP = re.compile(r"(:\d\d):60")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_time(value: Any) -> tuple[datetime, bool]:
    """A moment from what producers really send, and whether it broke the date-time format.

    Takes RFC 3339 and ISO 8601, a missing offset (UTC), a trailing zone id, nanoseconds, 24:00, a
    leap second, and seconds since 1970 as a number.

    Raises:
        ValueError: Nothing in it can be read as a moment, or it is before the year 1 or after 9999.
    """
    try:
        return _read(value)
    except OverflowError as error:
        raise ValueError("it lies before the year 1 or after 9999") from error


def _read(value: Any) -> tuple[datetime, bool]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _EPOCH + timedelta(seconds=value if value < 1e11 else value / 1000), True
    if not isinstance(value, str):
        raise ValueError("it is neither text nor a number")  # noqa: TRY004  # callers catch one kind
    if len(value) > _LONGEST:
        raise ValueError("it is longer than any date and time")
    text = _ZONE_ID.sub("", value.strip().upper())
    is_odd = text != value.upper()
    text, midnights = _MIDNIGHT.subn(r"\g<1>00:00:00", text)
    text, leaps = _LEAP.subn(r"\1:59", text)
    shift = timedelta(days=1 if midnights else 0, seconds=1 if leaps else 0)
    try:
        moment = datetime.fromisoformat(text) + shift
    except ValueError as error:  # it quotes what was read; the sender knows what was sent
        raise ValueError(str(error).replace(repr(text), repr(value))) from error
    if "T" not in text and len(text) <= 10:
        raise ValueError("it has a date but no time")
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC), True
    return moment.astimezone(UTC), is_odd
