"""Instants as the stores keep them, microseconds since 1970 UTC, and as JSON has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """An instant as the stores keep it; it must name its zone."""
    # Not by timestamp(): a float of today's size no longer tells microseconds apart.
    return (moment - _EPOCH) // _MICROSECOND


def written(time: int) -> str:
    """``2026-11-20T06:00:00.123456Z``, as all our JSON has it."""
    return moment(time).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(time: int) -> datetime:
    """The aware UTC instant of microseconds since 1970."""
    return _EPOCH + time * _MICROSECOND


def read_instant(text: str) -> datetime | None:
    """An instant as people write it: a date means its last one, UTC unless it says otherwise.

    ``None``: it is none, or lies before 1970.
    """
    try:
        if len(text) == len("2026-11-20"):
            found = datetime.combine(date.fromisoformat(text), time.max, UTC)
        else:
            found = datetime.fromisoformat(text)
            found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return found if found >= _EPOCH else None
