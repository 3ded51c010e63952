"""Takes an event apart at its holes: its time, its run's id and the body of every facet."""

from __future__ import annotations

from typing import Any

import orjson

SEPARATOR = b"\0"  # never in canonical JSON, which escapes it
_HOLE = orjson.Fragment(SEPARATOR)


def punch(event: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """An event with its holes, and what was in them, in the order of canonical JSON."""
    found: list[Any] = []
    skeleton = dict(event)
    _punch_holder(skeleton, "dataset", ("facets",), found)
    if "eventTime" in skeleton:
        found.append(skeleton["eventTime"])
        skeleton["eventTime"] = _HOLE
    _punch_list(skeleton, "inputs", ("facets", "inputFacets"), found)
    _punch_holder(skeleton, "job", ("facets",), found)
    _punch_list(skeleton, "outputs", ("facets", "outputFacets"), found)
    _punch_holder(skeleton, "run", ("facets", "runId"), found)
    return skeleton, found


def _punch_holder(
    holder: dict[str, Any], key: str, holes: tuple[str, ...], found: list[Any]
) -> None:
    if isinstance(holder.get(key), dict):
        holder[key] = _punched(holder[key], holes, found)


def _punch_list(event: dict[str, Any], key: str, holes: tuple[str, ...], found: list[Any]) -> None:
    if isinstance(event.get(key), list):
        event[key] = [
            _punched(entry, holes, found) if isinstance(entry, dict) else entry
            for entry in event[key]
        ]


def _punched(holder: dict[str, Any], holes: tuple[str, ...], found: list[Any]) -> dict[str, Any]:
    punched = dict(holder)
    for key in holes:
        value = punched.get(key)
        if key == "runId":
            if key in punched:
                found.append(value)
                punched[key] = _HOLE
        elif isinstance(value, dict):
            facets = punched[key] = dict(value)
            for name in sorted(facets):
                if isinstance(facets[name], dict):
                    found.append(facets[name])
                    facets[name] = _HOLE
    return punched
