"""How values become words: times, counts, names and levels, safe to put into Markdown."""

from __future__ import annotations

import re
from datetime import datetime

from catalog import wording

age, clock, listed = wording.age, wording.clock, wording.listed
"""The same words as in texts."""

LEVELS = ("Not reached", "Ad hoc", "Managed", "Defined", "Measured", "Improving")
"""Names of the maturity levels 0 to 5."""

REASONS = {
    "no_feed": "never reported",
    "stale": "gone silent",
    "few": "too few to tell",
    "weak": "not to be trusted far enough",
    "conflict": "contradicted",
    "unparsable": "unreadable",
}
"""Why something is unknown, as it reads after a number."""

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~&:])")


_LINKS = re.compile(r"https?:|www|@", re.IGNORECASE)
"""What Markdown makes links of by itself; a word joiner after it keeps a name from being one."""


def plain(text: str) -> str:
    """Text from outside as Markdown that shows exactly that text, on one line."""
    line = _LINKS.sub("\\g<0>\u2060", " ".join(text.split()))
    return _PUNCTUATION.sub(r"\\\1", line)


def code(text: str) -> str:
    """Text from outside as a code span, whatever backticks it holds."""
    line = " ".join(text.split())
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def link(url: str, text: str) -> str:
    """A Markdown link to a web address from outside; empty if it is none that can be trusted."""
    if not re.fullmatch(r"https?://[^\s<>\[\]()\\\"'`]+", url):
        return ""
    return f"[{plain(text)}]({url})"


def short(name: str, most: int = 72) -> str:
    """A name for a list: the middle of a long one, which tells least, becomes an ellipsis."""
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[-tail:]}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 dataset``, ``1,284 datasets``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share of 0 to 1 as a whole percentage; only nothing is 0% and only all is 100%."""
    whole = round(share * 100)
    if whole == 0 and share > 0:
        return "under 1%"
    if whole == 100 and share < 1:
        return "over 99%"
    return f"{whole}%"


def lasted(seconds: float) -> str:
    """How long something took: ``4.2 s``, ``12 min 5 s``, ``3 h 10 min``, ``2 days 4 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, one, smaller, rest in (
        (_DAY_S, "day", _HOUR_S, "h"), (_HOUR_S, "h", _MINUTE_S, "min"), (_MINUTE_S, "min", 1, "s"),
    ):  # fmt: skip
        if whole >= size:
            many, left = whole // size, whole % size // smaller
            big = count(many, "day") if one == "day" else f"{many} {one}"
            return f"{big} {left} {rest}" if left else big
    return f"{whole} s"


def pace(events: int, first: datetime, last: datetime) -> str:
    """How often something came: ``once``, ``5 times in an hour``, ``about 24 a day``."""
    if events == 1:
        return "once"
    days = (last - first).total_seconds() / _DAY_S
    if days < 1:
        return f"{events:,} times within a day"
    daily = events / days
    if daily >= 1:
        return f"about {daily:,.0f} a day"
    return f"about {max(1, round(daily * 7)):,} a week" if daily * 7 >= 1 else "less than weekly"


def size(size_bytes: int) -> str:
    """A number of bytes: ``812 B``, ``1.4 MB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:,.1f} PB"


def number(value: float) -> str:
    """A measured number: ``12,000``, ``12.25``, ``0.00031``."""
    if value.is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.2f}" if 0.01 <= abs(value) < 1e15 else f"{value:.3g}"


def level(number: int) -> str:
    """A maturity level with its name: ``L2 Managed``."""
    return f"L{number} {LEVELS[number]}"


def standing(floor: int | None, ceiling: int | None, coverage: float) -> str:
    """A level together with what is not known of it.

    Args:
        floor: Level that is demonstrated; ``None`` if too little evidence is there to say.
        ceiling: Level if every unknown turned out well.
        coverage: Share of the evidence that is there.
    """
    missing = percent(1 - coverage)
    if floor is None:
        return f"Not assessed ({missing} of the evidence is missing)"
    if ceiling is not None and ceiling > floor:
        return f"{level(floor)} (up to L{ceiling}, {missing} evidence missing)"
    return level(floor) if coverage >= 1 else f"{level(floor)} ({missing} evidence missing)"


def points(floor: float, ceiling: float) -> str:
    """A score of 0 to 1 as points out of 100: ``54`` or ``54 to 71``."""
    low, high = round(floor * 100), round(ceiling * 100)
    return str(low) if low == high else f"{low} to {high}"


def producer(uri: str) -> str:
    """A short name for a producer's URI: ``dbt``, ``apache/airflow``, ``example.com/notebook``."""
    if found := re.search(r"/integration/([^/?#]+)", uri):
        return found[1]
    if found := re.match(r"https?://github\.com/([^/?#]+/[^/?#]+)", uri):
        return found[1]
    return re.sub(r"^https?://|/+$", "", uri)


def principal(name: str) -> str:
    """Who a principal is, without the kind where it goes without saying: ``finance``."""
    kind, _, rest = name.partition(":")
    return rest if rest and kind in {"team", "person"} else name
