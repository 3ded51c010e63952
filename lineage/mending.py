"""Bodies that JSON allows and stores cannot hold: NUL characters and halves of surrogate pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NoReturn

import orjson

from lineage.facets import Body
from lineage.templates import RefusedError

_RARE = re.compile(rb"\\u(?:0000|[dD])")
_ODD = re.compile("[\0\ud800-\udfff]")


def has_rare_escape(body: bytes) -> bool:
    """Whether a body may hold NUL or half of a pair of surrogates."""
    # A search for one byte is many times faster than any other.
    return b"\\" in body and _RARE.search(body) is not None


def decode(body: bytes) -> tuple[Any, bool]:
    """A body decoded, and whether it had to be mended for that."""
    try:
        return orjson.loads(body), False
    except orjson.JSONDecodeError as error:
        if b"\\ud" in body.lower():  # perhaps only lone surrogates, which some producers send
            with suppress(ValueError, RecursionError):
                return clean(json.loads(body, parse_constant=_no_constant))[0], True
        expected = "one OpenLineage event as UTF-8 JSON"
        raise RefusedError(400, _why(body, error), "", expected) from error


def _why(body: bytes, error: orjson.JSONDecodeError) -> str:
    if body.startswith(b"\x1f\x8b"):
        return "the body is gzip, and no Content-Encoding says so"
    try:
        body.decode()
    except UnicodeDecodeError as odd:
        return f"the body is not UTF-8: byte {odd.start} is 0x{body[odd.start]:02x}"
    return f"the body is not JSON: {error}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def clean(event: Any) -> tuple[Any, bool]:
    """An event without NUL and lone surrogates, and whether it had any.

    In the names that identify something NUL is put for both, and such a name is refused: replaced,
    it would be another name.
    """
    mended = _without_odd(event, "\ufffd")
    if isinstance(event, dict):
        for holder, twin in _identified(event, mended):
            for key in ("namespace", "name", "runId"):
                if isinstance(holder.get(key), str):
                    twin[key] = _ODD.sub("\0", holder[key])
    return mended, mended != event


def _without_odd(value: Any, substitute: str) -> Any:
    if isinstance(value, str):
        return _ODD.sub(substitute, value)
    if isinstance(value, list):
        return [_without_odd(item, substitute) for item in value]
    if isinstance(value, dict):
        return {
            _ODD.sub(substitute, key): _without_odd(item, substitute) for key, item in value.items()
        }
    return value


def _identified(event: Body, twin: Body) -> Iterator[tuple[Body, Body]]:
    """The parts of an event that hold an identity, each with its twin in a copy of it."""
    for key in ("run", "job", "dataset", "inputs", "outputs"):
        parts, twins = event.get(key), twin.get(key)
        if isinstance(parts, dict) and isinstance(twins, dict):
            parts, twins = [parts], [twins]
        if isinstance(parts, list) and isinstance(twins, list):
            yield from (
                (a, b)
                for a, b in zip(parts, twins, strict=True)
                if isinstance(a, dict) and isinstance(b, dict)
            )
