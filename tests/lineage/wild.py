"""Facets as nobody should send them, and all those that somebody did."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

EVENTS = Path(__file__).parents[3] / "shared" / "openlineage" / "events"

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2**63, 10**30, 0.5, 1e308, float("nan"), float("inf"), "", " ",
    "x", "0", "\0", "a\ud800b", "test.p.x", "https://u:p@h/r.git", "a@b.example", [], {}, [[]],
    [None], [{}], {"": {}}, {"_deleted": True},
]  # fmt: skip


def facets(words: Sequence[str], values: Sequence[str] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects, nested, with such keys and values among others."""
    leaves = st.sampled_from([*ODD, *values])
    keys = st.sampled_from([*words, "", "other"])
    deeper = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(keys, deeper, max_size=4)


def turned(value: Any) -> Any:
    """The same JSON with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def same_however_written(read: Callable[[dict[str, Any]], object], facet: dict[str, Any]) -> None:
    """A reader answers, answers alike twice, and does not mind the order of keys."""
    answer = read(facet)
    assert read(facet) == answer
    assert read(turned(facet)) == answer


def real_facets(name: str) -> list[dict[str, Any]]:
    """Every facet of that name in the real events, each distinct one once."""
    found = {json.dumps(f, sort_keys=True): f for e in _events() for f in _named(e, name)}
    return list(found.values())


def _named(value: Any, name: str) -> Iterator[dict[str, Any]]:
    """Facets of that name anywhere: ``facets``, ``inputFacets`` and ``outputFacets`` hold them."""
    if isinstance(value, list):
        for item in value:
            yield from _named(item, name)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.lower().endswith("facets") and isinstance(item, dict):
                if isinstance(item.get(name), dict):
                    yield item[name]
            else:
                yield from _named(item, name)


@cache
def _events() -> tuple[Any, ...]:
    index = EVENTS / "INDEX.json"
    if not index.exists():
        pytest.skip(f"no real events at {EVENTS}")
    found: list[Any] = []
    for file in json.loads(index.read_text("utf-8"))["files"]:
        content = (EVENTS.parent / file["file"]).read_bytes()
        text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8")
        try:
            found.append(json.loads(text))
        except ValueError:
            found += [json.loads(line) for line in text.splitlines() if line.strip()]
    return tuple(found)
