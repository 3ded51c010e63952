"""Spans, counts and instants as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"(\d+)([smhdw])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


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
