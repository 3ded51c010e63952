"""Whether a dataset is updated in time: by what is promised, else by its own habit. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from lineage.trust.model import Rhythm

GAPS_LEAST = 5
"""Fewer pauses between updates show no habit."""
GAPS_MOST = 40
"""Older ones no longer tell what is usual."""
SHARE = 0.95
SLACK = 1.25
"""How much longer than usual is still in time."""
SAME = timedelta(minutes=5)
"""Updates this close together are one."""
WEEKDAY_LEAST = 3
"""Fewer pauses that began on one day of the week show nothing of that day."""


def rhythm(updates: Sequence[datetime]) -> Rhythm | None:
    """The habit of a dataset; ``None``: too few updates to show one.

    What is allowed is a quarter more than the pause that 95 of 100 stay under and one at least does
    not, among the last 40; of those that began on the same day of the week if there are three: what
    is updated on working days may rest from Friday to Monday, and not from Monday on.

    Args:
        updates: Ends of the runs that wrote it, in any order.
    """
    times = _apart(updates)
    gaps = list(pairwise(times))
    usual = gaps[-GAPS_MOST:]
    if len(usual) < GAPS_LEAST:
        return None
    allowed = {day: _allowed(usual, day) for day in range(7)}
    since = times[0]
    for before, after in gaps:
        if after - before > allowed[before.weekday()]:
            since = after
    return Rhythm(allowed[times[-1].weekday()], since, len(usual) + 1)


def kept_since(updates: Sequence[datetime], promised: timedelta) -> datetime:
    """Since when no pause between updates was longer than promised; at least one update."""
    times = _apart(updates)
    since = times[0]
    for before, after in pairwise(times):
        if after - before > promised:
            since = after
    return since


def _apart(updates: Sequence[datetime]) -> list[datetime]:
    """In order of time, each at least some minutes after the one before; the newest stays."""
    found: list[datetime] = []
    for at in sorted(updates):
        if found and at - found[-1] < SAME:
            found[-1] = at
        else:
            found.append(at)
    return found


def _allowed(gaps: Sequence[tuple[datetime, datetime]], weekday: int) -> timedelta:
    same_day = [b - a for a, b in gaps if a.weekday() == weekday]
    told = same_day if len(same_day) >= WEEKDAY_LEAST else [b - a for a, b in gaps]
    ranked = sorted(told)
    # What happened once is no habit, however few there are.
    return ranked[min(math.ceil(SHARE * len(ranked)) - 1, len(ranked) - 2)] * SLACK
