"""Names that the viewer may mean, best first. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from lineage.estate import Dataset, Estate, Job

SUGGESTED = 8


@dataclass(frozen=True, slots=True)
class Names:
    """Every asset under the text that it is looked for by."""

    lowered: tuple[tuple[str, str, Dataset | Job], ...]
    """Display name, the whole of it, and the asset; noise is left out."""


def names(estate: Estate) -> Names:
    """All assets of an estate."""
    assets: Iterable[Dataset | Job] = (*estate.datasets.values(), *estate.jobs.values())
    return Names(
        tuple(
            (a.display_name.lower(), f"{a.key.namespace} {a.key.name}".lower(), a)
            for a in assets
            if not a.noise
        )
    )


def suggestions(known: Names, text: str, most: int = SUGGESTED) -> tuple[Dataset | Job, ...]:
    """Assets that have every word of a text in their names; those that begin with it first."""
    parts = text.lower().split()
    if not parts:
        return ()
    found = (
        (_rank(display, parts), len(display), display, asset.key, asset)
        for display, whole, asset in known.lowered
        if all(part in whole for part in parts)
    )
    return tuple(one[4] for one in heapq.nsmallest(most, found, key=lambda one: one[:4]))


def _rank(display: str, parts: list[str]) -> int:
    text = " ".join(parts)
    if display == text:
        return 0
    if display.rpartition(".")[2] == text:
        return 1
    if display.startswith(text):
        return 2
    return 3 if all(part in display for part in parts) else 4
