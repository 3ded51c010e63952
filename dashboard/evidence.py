"""An event as text, shortened to what matters and with the proving part marked. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

ALWAYS = ("eventTime", "eventType", "producer", "run", "job", "dataset")
"""Keys of an event that say what it is; their plain values are shown whatever is marked."""
ASIDE = ("facets", "inputFacets", "outputFacets")
"""Keys inside a marked value that are named only: what they hold proves something else."""
LONGEST = 160
"""Longer texts off the path are cut."""

MARKED_MOST = 30
"""Lines shown of a long marked value."""
MARK_STYLE = "background:rgba(250,204,21,.28);color:inherit;border-radius:3px"

Step = str | int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the shown text."""

    text: str
    is_marked: bool


def steps(path: str) -> tuple[Step, ...]:
    """The steps of a facet path: ``outputs[0].facets`` is ``("outputs", 0, "facets")``."""
    return tuple(
        int(index) if index else name for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)
    )


def lines(event: object, path: str | None) -> tuple[Line, ...]:
    """An event as indented JSON: the value at ``path`` whole and marked, its surroundings in brief.

    A path that leads nowhere marks nothing.
    """
    wanted = steps(path) if path else ()
    found = _lines(event, wanted if _leads(event, wanted) else (), (), "", "")
    marked = [i for i, line in enumerate(found) if line.is_marked]
    if len(marked) > MARKED_MOST:
        rest = f"  … {len(marked) - MARKED_MOST} more lines"
        found[marked[MARKED_MOST] : marked[-1] + 1] = [Line(rest, is_marked=True)]
    return tuple(found)


def html(shown: Sequence[Line]) -> str:
    """Those lines as HTML without scripts; everything in them is escaped."""
    rows = [
        f'<mark style="{MARK_STYLE}">{escape(line.text)}</mark>'
        if line.is_marked
        else escape(line.text)
        for line in shown
    ]
    style = "white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px;line-height:1.55;margin:0"
    return f'<pre style="{style}">{"<br>".join(rows)}</pre>'


def _leads(event: object, wanted: Sequence[Step]) -> bool:
    at: Any = event
    for step in wanted:
        has_key = isinstance(at, dict) and step in at
        has_place = isinstance(at, list) and isinstance(step, int) and step < len(at)
        if not (has_key or has_place):
            return False
        at = at[step]
    return True


def _lines(
    value: object, wanted: tuple[Step, ...], here: tuple[Step, ...], lead: str, tail: str
) -> list[Line]:
    """Lines of one value; ``lead`` is what stands before it, ``tail`` what stands after."""
    is_marked = bool(wanted) and here[: len(wanted)] == wanted
    is_above = here == wanted[: len(here)]
    is_known = len(here) in (1, 2) and here[0] in ALWAYS
    is_aside = len(here) > len(wanted) and here[-1] in ASIDE
    is_whole = is_marked and not is_aside
    if not isinstance(value, dict | list) or not value or not (is_whole or is_above or is_known):
        text = json.dumps(value, ensure_ascii=False) if is_whole else _brief(value)
        return [Line(f"{lead}{text}{tail}", is_marked)]
    inner = " " * (len(lead) - len(lead.lstrip()) + 2)
    pairs: list[tuple[Step, object, str]] = (
        [(k, v, f"{inner}{json.dumps(k, ensure_ascii=False)}: ") for k, v in value.items()]
        if isinstance(value, dict)
        else [(i, v, inner) for i, v in enumerate(value)]
    )
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    found = [Line(f"{lead}{opening}", is_marked)]
    for i, (step, child, before) in enumerate(pairs):
        comma = "," if i < len(pairs) - 1 else ""
        found += _lines(child, wanted, (*here, step), before, comma)
    return [*found, Line(f"{inner[2:]}{closing}{tail}", is_marked)]


def _brief(value: object) -> str:
    if isinstance(value, dict) and value:
        return "{ … }"
    if isinstance(value, list) and value:
        return f"[ … {len(value)} ]"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
