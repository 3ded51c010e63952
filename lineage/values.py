"""Takes values out of decoded JSON that may hold anything: what fits, else nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""Pattern of a UUID as nearly all write it."""

_UUID = re.compile(UUID)


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID as nearly all write it: small letters, with its dashes."""
    return _UUID.fullmatch(text) is not None


def object_of(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one for whatever else a producer put there."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of an array; all else in it, or in its place, is left out."""
    if isinstance(value, list):
        yield from (entry for entry in value if isinstance(entry, dict))


def count_of(value: Any) -> int | None:
    """A whole number from 0 up that any database holds; also written as 5.0, as some do."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if is_count else None


def number_of(value: Any) -> float | None:
    """A number that is one, as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def told(value: Any) -> str | None:
    """A text, also where it was sent as a number or as true or false; ``None`` if it is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) and value else None
