"""Templates that differ only in names, made from one: all jobs of an integration have a few.

Reading a template, and holding it against the schema, takes many times longer than putting other
names into one that was read; and in a large estate most jobs are not remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from msgspec.structs import replace

from lineage.facets import Lately, fill, hash_of
from lineage.holes import SEPARATOR
from lineage.redact import is_suspicious
from lineage.templates import NAME_LIMIT, Place, Template

_MARK = b"\1"  # never in canonical JSON, which escapes it
_NAMES = dict.fromkeys(("name", "namespace"), orjson.Fragment(_MARK))


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same whatever a job and its datasets are called."""

    template: Template
    """With some names."""
    pieces: tuple[bytes, ...]
    """Its body between the names."""
    order: tuple[int, ...] | None
    """Which facet of the envelope fills each hole for one; ``None``: in the order they come."""
    lately: Lately
    """Of all of them together."""

    def named(self, names: tuple[str, ...]) -> Template | None:
        """The template with other names; ``None`` if one needs a closer look.

        Args:
            names: Name and namespace of each input, of the job, and of each output.
        """
        written = _written(names)
        if written is None:
            return None
        body, first = fill(self.pieces, written), self.template
        job = 2 * len(first.inputs)
        return replace(
            first,
            body=body,
            hash=hash_of(body),
            segments=tuple(body.split(SEPARATOR)),
            job=(names[job + 1], names[job]),
            inputs=_renamed(first.inputs, names[:job]),
            outputs=_renamed(first.outputs, names[job + 2 :]),
            meanings={},
        )


def frame_of(
    template: Template, skeleton: dict[str, Any], order: tuple[int, ...] | None, lately: Lately
) -> Frame | None:
    """The frame of a template; ``None`` if its names decide more about it than themselves.

    Args:
        template: Of a run's event in the usual form.
        skeleton: What it was made of.
        order: See ``Frame``.
        lately: See ``Frame``.
    """
    parts = {key: [p | _NAMES for p in skeleton[key]] for key in _SIDES if key in skeleton}
    is_whole = all(len(getattr(template, key)) == len(parts.get(key, ())) for key in _SIDES)
    if template.secrets or not is_whole:
        return None
    marked = skeleton | parts | {"job": skeleton["job"] | _NAMES}
    pieces = orjson.dumps(marked, option=orjson.OPT_SORT_KEYS).split(_MARK)
    return Frame(template, tuple(pieces), order, lately)


_SIDES = ("inputs", "outputs")


@lru_cache(64)  # the events of one run say the same names
def _written(names: tuple[str, ...]) -> list[bytes] | None:
    """Names in JSON; ``None`` if one is unusable or perhaps holds a secret."""
    if not all(0 < len(name) <= NAME_LIMIT and "\0" not in name for name in names):
        return None
    written = [orjson.dumps(name) for name in names]
    return None if is_suspicious(b"".join(written)) else written


def _renamed(places: Sequence[Place], names: Sequence[str]) -> tuple[Place, ...]:
    pairs = zip(names[::2], names[1::2], strict=True)
    return tuple(
        Place(namespace, name, p.path, p.facets, p.io_facets)
        for p, (name, namespace) in zip(places, pairs, strict=True)
    )
