"""Which events of a run a later one says again, so that they can be missed. Pure.

Whatever is derived takes a greatest or a least element of what events say: of instants, of ids, of
both. So of events that make the same statements the first and the last say it all, and counts need
to know only how many were between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lineage import data_tests
from lineage.events import Event
from lineage.facets import Facet
from lineage.fold import Numbered
from lineage.principals import PRECEDENCE
from lineage.templates import Template, unread
from lineage.times import YEAR
from lineage.traits import sends_windows

TELLING = {*data_tests.FACETS, *PRECEDENCE, "dbt_node", "lineage", "symlinks"}
"""Facets of which more than the newest counts; of all others the newest says it all."""


class Superseded(NamedTuple):
    """An event that others say again."""

    item: Numbered
    kept_seq: int
    """The event that stands for it; it may be superseded in its turn."""


@dataclass(slots=True)
class _Group:
    """Events that make the same statements."""

    first: Numbered
    """One of those at the first instant; all of them stay."""
    last: list[Numbered] = field(default_factory=list)
    """All at the newest instant so far."""
    least: Numbered | None = None
    """What names two datasets as one is evidenced by the least event, whenever it happened."""


def superseded(events: Iterable[Numbered]) -> Iterator[Superseded]:
    """Events that an earlier and a later one of the same run say too.

    Args:
        events: Of one run, the first to happen first.
    """
    groups: dict[bytes, _Group] = {}
    for item in events:
        if stands_for_itself(item.event):
            continue
        key = _statements(item.event)
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(item)
        gone = _take(group, item)
        yield from (Superseded(one, group.first.seq) for one in gone)


def _take(group: _Group, item: Numbered) -> list[Numbered]:
    """Add the next event of a group; answers with those that can be missed now."""
    gone: list[Numbered] = []
    before, least = group.last, group.least
    if before and item.event.time > before[0].event.time:
        gone, group.last = before, []
    group.last.append(item)
    if item.event.template.once(names_alike) and (
        least is None or item.event.event_id < least.event.event_id
    ):
        group.least = item
        if least is not None and least not in group.last and least not in gone:
            gone.append(least)
    first_at = group.first.event.time
    return [one for one in gone if one.event.time > first_at and one is not group.least]


def names_alike(template: Template) -> bool:
    """Whether events of a template give datasets other names: the least event is the evidence."""
    return any(hole.name == "symlinks" for hole in template.facets)


def _measures(template: Template) -> bool:
    return any(hole.name == "dataQualityMetrics" for hole in template.facets)


def stands_for_itself(event: Event) -> bool:
    """Whether it measures a dataset or counts one window, which no later one repeats."""
    if event.template.once(_measures):
        return True
    facet = event.facet(event.template.job_facets.get("jobType"))
    return facet is not None and facet.meaning(sends_windows)


def skipped(event: Event) -> list[bytes]:
    """Hashes of facets that nobody reads: that the newest says it all is not known of any."""
    holes = event.template.alike(unread)
    return [value.hash for hole in holes if isinstance(value := event.values[hole], Facet)]


def _statements(event: Event) -> bytes:
    """What tells an event from those that say something else."""
    telling = [
        value.hash
        for facet in event.template.facets
        if facet.name in TELLING and isinstance(value := event.values[facet.hole], Facet)
    ]
    said = (
        event.template.hash, telling, skipped(event), event.key_id, event.is_out_of_scope,
        event.is_mended, event.secrets, event.oddities,
        event.time // YEAR,  # each year has a last word of its own
    )  # fmt: skip
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).digest()
