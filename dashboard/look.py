"""The only place that knows colours and icons: how a level or a platform looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray"]

LEVEL_HEX = {
    "light": ("#667085", "#667085", "#DC6803", "#CA8504", "#2F5BEA", "#079455"),
    "dark": ("#94A0B0", "#94A0B0", "#FDA355", "#FAC515", "#84A1FF", "#47CD89"),
}
"""Of the maturity levels 0 to 5; always shown together with the level's name."""

SEVERITIES: dict[str, tuple[Colour, str]] = {
    "critical": ("red", ":material/error:"),
    "high": ("orange", ":material/warning:"),
    "medium": ("yellow", ":material/info:"),
    "low": ("gray", ":material/circle:"),
}
"""From the worst to the mildest."""

TEST_STATUSES: dict[str, tuple[Colour, str]] = {
    "fail": ("red", ":material/cancel:"),
    "broken": ("orange", ":material/heart_broken:"),
    "skipped": ("gray", ":material/skip_next:"),
    "pass": ("green", ":material/check_circle:"),
}
"""In the order in which one wants to read them."""

RUN_STATES: dict[str, tuple[Colour, str]] = {
    "running": ("blue", ":material/play_circle:"),
    "complete": ("green", ":material/check_circle:"),
    "fail": ("red", ":material/cancel:"),
    "abort": ("orange", ":material/stop_circle:"),
    "lost": ("orange", ":material/signal_disconnected:"),
    "unknown": ("gray", ":material/help:"),
}

RUN_MARKS = {
    "running": "circle-open",
    "complete": "circle",
    "fail": "x",
    "abort": "square",
    "lost": "triangle-up",
    "unknown": "circle-open",
}
"""Shapes of runs in figures: a colour alone says nothing to many."""

KEY_STATES: dict[str, tuple[Colour, str]] = {
    "living": ("green", ":material/check_circle:"),
    "expired": ("orange", ":material/timer_off:"),
    "revoked": ("gray", ":material/block:"),
}

JOB_ICON = ":material/settings:"

BASES: dict[str, Colour] = {"declared": "green", "asserted": "blue", "guessed": "gray"}

PALETTE = {
    "light": ("#2F5BEA", "#E8630A", "#015144", "#A45E85", "#0D9FCE", "#5D5303"),
    "dark": ("#84A1FF", "#E1985F", "#60F2CA", "#E0417B", "#B2CCE4", "#EEE757"),
}
"""Series of charts, the same as in the theme file; told apart by colour-blind eyes, six at most."""

TOLD = {
    "light": {"bad": "#B42318", "good": "#067647", "odd": "#B54708"},
    "dark": {"bad": "#F97066", "good": "#47CD89", "odd": "#FDA355"},
}
"""Of words in lists of our own HTML, which say the same without their colour."""

_PLATFORM_ICONS = {
    "kafka": "stream",
    "pubsub": "stream",
    "kinesis": "stream",
    "eventhubs": "stream",
    "s3": "cloud",
    "gs": "cloud",
    "abfss": "cloud",
    "wasbs": "cloud",
    "file": "folder",
    "hdfs": "folder",
    "dbfs": "folder",
    "looker": "monitoring",
    "tableau": "monitoring",
    "powerbi": "monitoring",
    "superset": "monitoring",
    "metabase": "monitoring",
}


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours of figures on one ground."""

    ground: str
    text: str
    muted: str
    grid: str
    line: str
    accent: str
    empty: str
    levels: tuple[str, ...]
    series: tuple[str, ...]


INKS = {
    "light": Ink(
        ground="#FFFFFF",
        text="#101828",
        muted="#667085",
        grid="#EBEEF2",
        line="#D0D5DD",
        accent="#2F5BEA",
        empty="#EEF1F6",
        levels=LEVEL_HEX["light"],
        series=PALETTE["light"],
    ),
    "dark": Ink(
        ground="#0D1117",
        text="#E6EAF0",
        muted="#94A0B0",
        grid="#222A35",
        line="#39424F",
        accent="#84A1FF",
        empty="#1B222C",
        levels=LEVEL_HEX["dark"],
        series=PALETTE["dark"],
    ),
}


def platform_icon(platform: str) -> str:
    """The icon of a platform; a database unless we know better."""
    return f":material/{_PLATFORM_ICONS.get(platform.lower(), 'database')}:"


TRUST: dict[str, tuple[Colour, str, str]] = {
    "good": ("green", ":material/check_circle:", "Good"),
    "unknown": ("gray", ":material/help:", "Unknown in part"),
    "doubtful": ("orange", ":material/warning:", "Doubtful"),
    "bad": ("red", ":material/cancel:", "Bad"),
}
"""Of a clause of the trust sentence, and of the whole: colour, icon and word."""
