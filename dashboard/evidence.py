"""Where in an event a piece of evidence stands, and the event as text with that marked. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any

from catalog.model import AssetKey, Evidence, Kind

ALWAYS = ("eventTime", "eventType", "producer", "run", "job", "dataset")
"""Keys of an event that say what it is; their plain values are shown whatever is marked."""
COARSE = ("inputs", "outputs")
"""Paths that name more than one thing; which of it is meant, the asset tells."""
ASIDE = ("facets", "inputFacets", "outputFacets")
"""Keys inside a marked value that are named only: what they hold proves something else."""
LONGEST = 160
"""Longer texts off the path are cut."""

MATCHES_MOST = 20
"""Places marked of all that one path means."""

MARKED_MOST = 30
"""Lines shown of a long marked value."""
MARK_STYLE = "background:rgba(250,204,21,.28);color:inherit;border-radius:3px"

Step = str | int
Path = tuple[Step, ...]
About = AssetKey | str
"""What evidence is about: an asset, or all datasets of a namespace."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the shown text."""

    text: str
    is_marked: bool


def steps(path: str) -> Path:
    """The steps of a facet path: ``outputs[0].facets`` is ``("outputs", 0, "facets")``."""
    return tuple(
        int(index) if index else name for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)
    )


def spelled(path: Path) -> str:
    """Those steps as text again."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def by_event(pieces: Sequence[Evidence]) -> tuple[tuple[Evidence, ...], ...]:
    """Evidence that events hold, grouped by event: those with a path first, else as they come."""
    groups: dict[str, list[Evidence]] = {}
    for piece in pieces:
        if piece.event_id is not None:
            groups.setdefault(piece.event_id, []).append(piece)
    ordered = sorted(groups.values(), key=lambda group: all(piece.facet is None for piece in group))
    return tuple(tuple(group) for group in ordered)


def run_of(event: object) -> dict[str, str] | None:
    """What the page of an event's run is asked for; ``None`` if it speaks of no run."""
    run_id, *job = (
        _at(event, path) for path in (("run", "runId"), ("job", "namespace"), ("job", "name"))
    )
    if not isinstance(run_id, str) or not all(isinstance(part, str) for part in job):
        return None
    return {"run": run_id, "namespace": str(job[0]), "name": str(job[1])}


def place(event: object, path: str | None, about: About | None) -> Path | None:
    """Where in an event the proof stands; ``None`` if the event does not tell.

    Args:
        event: The event as JSON values.
        path: A path from its top; the bare name of a facet, looked for in what the evidence is
            about; or none, or one of ``COARSE``: then it is the entry of what it is about.
        about: The asset or namespace that the evidence is about.
    """
    exact = steps(path) if path else ()
    if exact and path not in COARSE and _leads(event, exact):
        return exact
    if exact and path not in COARSE:
        found = _facet(event, str(exact[-1]), about)
        if found is not None:
            return found
    entry = next(_entries(event, about), None)
    if entry is not None:
        return entry
    return exact if exact and _leads(event, exact) else None


def matching(event: object, about: str) -> tuple[Path, ...]:
    """Every place that a path without numbers means: ``inputs[].facets.schema``; or a facet's name.

    Where it leads on to something that is missing, the place where that should be.
    """
    if not about:
        return ()
    if not re.search(r"[.\[]", about):
        return tuple(islice(_carried(event, about), MATCHES_MOST))
    wanted = tuple(step for step in re.findall(r"[^.\[\]]+|\[\]", about))
    found = [path for path in _followed(event, wanted, ()) if path]
    longest = max(map(len, found), default=0)
    return tuple(path for path in found if len(path) == longest)[:MATCHES_MOST]


def _followed(value: object, wanted: Sequence[str], here: Path) -> Iterator[Path]:
    if not wanted:
        yield here
    elif wanted[0] == "[]" and isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from _followed(item, wanted[1:], (*here, i))
    elif isinstance(value, dict) and wanted[0] in value:
        yield from _followed(value[wanted[0]], wanted[1:], (*here, wanted[0]))
    else:
        yield here


def _carried(event: object, name: str) -> Iterator[Path]:
    """Where facets of a name stand, and keys of that name at the top."""
    if isinstance(event, dict) and name in event:
        yield (name,)
    holders: list[Path] = [("run",), ("job",), ("dataset",)]
    for side in COARSE:
        holders += [(side, i) for i, _ in _items(_at(event, (side,)))]
    for holder in holders:
        for kind in ASIDE:
            if _leads(event, (*holder, kind, name)):
                yield (*holder, kind, name)


def _facet(event: object, name: str, about: About | None) -> Path | None:
    """A facet of the asset, else of another dataset of its namespace, of the job or of the run."""
    wider: list[About] = []
    if isinstance(about, AssetKey):
        wider = [about, about.namespace] if about.kind is Kind.DATASET else [about]
    elif about is not None:
        wider = [about]
    holders = [entry for one in wider for entry in _entries(event, one)]
    for holder in (*holders, ("job",), ("run",)):
        for kind in ASIDE:
            if _leads(event, (*holder, kind, name)):
                return (*holder, kind, name)
    return None


def _entries(event: object, about: About | None) -> Iterator[Path]:
    """Where an asset, or any dataset of a namespace, is named: as itself, then as a source."""
    if about is None:
        return
    if isinstance(about, AssetKey) and about.kind is Kind.JOB:
        parent: Path = ("run", "facets", "parent")
        jobs: tuple[Path, ...] = (("job",), (*parent, "job"), (*parent, "root", "job"))
        yield from (path for path in jobs if _names(_at(event, path), about))
        return
    datasets = [
        *((("outputs", i), part) for i, part in _items(_at(event, ("outputs",)))),
        *((("inputs", i), part) for i, part in _items(_at(event, ("inputs",)))),
        (("dataset",), _at(event, ("dataset",))),
    ]
    yield from (path for path, part in datasets if _names(part, about))
    for path, _ in datasets:
        lineage: Path = (*path, "facets", "columnLineage")
        fields = _at(event, (*lineage, "fields"))
        lists: list[Path] = [(*lineage, "dataset")]
        if isinstance(fields, dict):
            lists += [(*lineage, "fields", column, "inputFields") for column in fields]
        for above in lists:
            sources = _items(_at(event, above))
            yield from ((*above, i) for i, source in sources if _names(source, about))


def _items(value: object) -> Iterator[tuple[int, object]]:
    return enumerate(value if isinstance(value, list) else ())


def _names(part: object, about: About) -> bool:
    if not isinstance(part, dict):
        return False
    if isinstance(about, str):
        return part.get("namespace") == about
    return (part.get("namespace"), part.get("name")) == (about.namespace, about.name)


def lines(event: object, places: Sequence[Path]) -> tuple[Line, ...]:
    """An event as indented JSON: what stands at ``places`` marked, its surroundings in brief.

    A place that leads nowhere marks nothing.
    """
    wanted = tuple(path for path in places if path and _leads(event, path))
    found = _lines(event, wanted, (), "", "")
    marked = [i for i, line in enumerate(found) if line.is_marked]
    if len(marked) > MARKED_MOST:
        kept = set(marked[:MARKED_MOST])
        rest = Line(f"  … {len(marked) - MARKED_MOST} more lines", is_marked=True)
        cut = marked[MARKED_MOST]
        found = [
            rest if i == cut else line
            for i, line in enumerate(found)
            if i == cut or i in kept or not line.is_marked
        ]
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


_NOTHING = object()


def _at(event: object, path: Path) -> object:
    """The value that a path leads to, or ``_NOTHING``."""
    at: Any = event
    for step in path:
        has_key = isinstance(at, dict) and step in at
        has_place = isinstance(at, list) and isinstance(step, int) and step < len(at)
        if not (has_key or has_place):
            return _NOTHING
        at = at[step]
    return at


def _leads(event: object, path: Path) -> bool:
    return _at(event, path) is not _NOTHING


def _lines(value: object, wanted: Sequence[Path], here: Path, lead: str, tail: str) -> list[Line]:
    """Lines of one value; ``lead`` is what stands before it, ``tail`` what stands after."""
    beyond = [here[len(path) :] for path in wanted if here[: len(path)] == path]
    is_marked = bool(beyond)
    is_above = not here or any(here == path[: len(here)] for path in wanted)
    is_known = len(here) in (1, 2) and here[0] in ALWAYS
    is_whole = any(not set(ASIDE) & set(rest) for rest in beyond)
    is_open = is_whole or is_above or is_known
    if not isinstance(value, dict | list) or not value or not is_open:
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
