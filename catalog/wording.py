"""Spans, counts and instants as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"(\d+)([smhdw])")
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_UNITS_S = {"s": 1, "m": _MINUTE_S, "h": _HOUR_S, "d": _DAY_S, "w": 7 * _DAY_S}
_STEPS = ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute"), (1, "second"))


def parse_duration(text: str) -> timedelta:
    """A span such as ``168h``, ``30d`` or ``1h30m``.

    Raises:
        ValueError: It is written in another way.
    """
    if not text or _SPAN.sub("", text):
        raise ValueError(f'"{text}" is not a duration, expected one such as 168h or 30d.')
    return timedelta(seconds=sum(int(n) * _UNITS_S[u] for n, u in _SPAN.findall(text)))


def span(value: timedelta) -> str:
    """A duration in its largest sensible unit, rounded down: ``10 days``; under a second: none."""
    seconds = int(abs(value.total_seconds()))
    for size, unit in _STEPS:
        # Two of a unit before it is used: 36 hours say more than 1 day.
        if seconds >= 2 * size or seconds == size:
            return counted(seconds // size, unit)
    return "0 seconds"


def counted(number: int, noun: str) -> str:
    """``1 dataset``, ``3 datasets``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def minute(value: datetime) -> str:
    """An instant to the minute, in UTC."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def listed(words: Iterable[str], most: int = 4) -> str:
    """Words as one sentence would list them: ``a, b and c``, ``a, b and 5 more``."""
    items = list(words)
    if len(items) > most:
        items = [*items[: most - 1], f"{len(items) - most + 1} more"]
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def clock(at: datetime, now: datetime, *, is_exact: bool = False) -> str:
    """A moment as people say it: ``06:12 UTC``, ``yesterday 06:12 UTC``, ``3 Nov 06:12 UTC``.

    ``is_exact`` with seconds, for what belongs together and lies close to each other.
    """
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    days = (now.date() - at.date()).days
    time = f"{at:%H:%M:%S} UTC" if is_exact else f"{at:%H:%M} UTC"
    if days == 0:
        return time
    if days == 1:
        return f"yesterday {time}"
    day = f"{at.day} {at:%b}" if at.year == now.year else f"{at.day} {at:%b %Y}"
    return f"{day} {time}"


def age(at: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: ``just now``, ``12 min ago``, ``3 days ago``.

    A producer's clock may run ahead: more than a minute is said to be ``ahead of our clock``.
    """
    seconds = (now - at).total_seconds()
    if seconds < -_MINUTE_S:
        return "ahead of our clock"
    if seconds < _MINUTE_S:
        return "just now"
    if seconds < _HOUR_S:
        return f"{int(seconds // _MINUTE_S)} min ago"
    if seconds < 2 * _DAY_S:
        return f"{int(seconds // _HOUR_S)} h ago"
    return f"{int(seconds // _DAY_S)} days ago"
