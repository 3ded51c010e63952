"""Whose keys came with what: kept as bits that only ever add up, whatever came first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.events import Event
from lineage.fold import Numbered, Parent, Run, parent_in
from lineage.keys import Key, covers
from lineage.plans import Name

OWN = 1
"""An event of the run came by a key that covers it."""
BY_KEY = 2
"""A key came with what names its parent, whatever that key covers."""
PARENT = 4
"""A key that covers its parent's namespace came with what names it."""
ROOT = 8
"""The same of the root above it."""

COUNTS = 1
"""The names were said to be one by an event that came without a key, or by one that covers it."""
ONE = 2
"""A key that covers the namespace of the one came with it."""
OTHER = 4
"""A key that covers the namespace of the other came with it."""

Keys = Mapping[int, Key]
"""Keys by their ids."""


def key_of(event: Event, keys: Keys) -> Key | None:
    """The key that speaks for an event: one that does not cover it speaks for nobody."""
    return None if event.key_id is None or event.is_out_of_scope else keys.get(event.key_id)


def vouched_run(run: Run, events: Iterable[Numbered], keys: Keys, *, is_own: bool) -> int:
    """Which keys came with a run and with what names its parent.

    Args:
        run: The run.
        events: Those of its events that matter.
        keys: Every key that came with any of them.
        is_own: Whether any event of it ever came by a key that covers it.
    """
    bits = OWN * is_own
    if run.parent is None:
        return bits
    for _, event in events:
        if event.key_id is None or not _names(event, run.parent):
            continue
        key = key_of(event, keys)
        bits |= BY_KEY
        bits |= PARENT * _is_covered(key, run.parent.job) | ROOT * _is_covered(key, run.parent.root)
    return bits


def vouched_names(event: Event, one: Name, other: Name, keys: Keys) -> int:
    """Which keys came with an event that says that two names are one."""
    if event.is_out_of_scope:
        return 0
    key = key_of(event, keys)
    return COUNTS | ONE * _is_covered(key, one) | OTHER * _is_covered(key, other)


def _names(event: Event, parent: Parent) -> bool:
    """Whether an event names this very parent."""
    facets = event.template.run_facets
    said = (event.facet(facets.get(name)) for name in ("parent", "parentRun"))
    return any(facet.meaning(parent_in) == parent for facet in said if facet)


def _is_covered(key: Key | None, name: Name | None) -> bool:
    return key is not None and name is not None and covers(key, name[0])
