"""Which columns feed which: what facets say of them, link by link.

Pure functions of decoded facets and of names: whatever a producer put there, they answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from catalog.model import AssetKey, Kind
from lineage.derivation import (
    DIRECT,
    INDIRECT,
    OWN_DATASET,
    Source,
    column_lineage,
    explicit_lineage,
)
from lineage.graph.model import LinkBasis
from lineage.spelling import Name


class ColumnKey(NamedTuple):
    """A column of a dataset."""

    asset: AssetKey
    field: str = ""
    """Dotted where it lies inside another; empty: the dataset as a whole."""

    @property
    def is_whole(self) -> bool:
        return not self.field


class How(NamedTuple):
    """In which way a column feeds another."""

    type: str | None = None
    """``DIRECT`` (values get there) or ``INDIRECT`` (they decide which do); ``None``: not said."""
    subtype: str | None = None
    """Such as ``IDENTITY`` or ``FILTER``; ``None``: not said."""
    masking: bool = False
    """Whether what gets there no longer shows the value."""

    @property
    def carries(self) -> bool:
        """Whether values get there as they are; for want of a word they do."""
        return self.type != INDIRECT and not self.masking

    @property
    def order(self) -> tuple[str, str, bool]:
        """Where it stands among others."""
        return self.type or "", self.subtype or "", self.masking


class Told(NamedTuple):
    """One thing that a facet says: a column feeds another, each under the name that it gives."""

    source: Name
    field: str
    """Empty: the source as a whole, or not said which column."""
    target: Name
    column: str
    """Empty: the target as a whole depends on it."""
    how: How
    basis: LinkBasis


@dataclass(frozen=True, slots=True)
class ColumnLink:
    """A column feeds another, by the word of one job or declaration."""

    source: ColumnKey
    target: ColumnKey
    how: How
    basis: LinkBasis
    """``EXPLICIT`` or ``COLUMN``."""
    job: AssetKey | None
    """Whose run or declaration says so; ``None``: the dataset's own facet declares it."""
    event_id: str
    """The event that says so: of the run that makes it current, else of the newest."""
    current: bool
    """By the rule of edges between datasets, see ``docs/columns.md``."""
    provisional: bool = False
    """Current only by a job none of whose runs ever completed."""
    declared: bool = False
    """Static lineage in force says so."""
    last_seen: datetime | None = None
    """End (or last sign of life) of the run that says so; ``None``: only declared."""
    said: Name | None = None
    """What the facet names in place of the source, such as a common table expression: then the
    source is a guess, the one input that has such a column."""

    @property
    def ends(self) -> tuple[ColumnKey, ColumnKey]:
        return self.source, self.target

    @property
    def type(self) -> str | None:
        return self.how.type

    @property
    def subtype(self) -> str | None:
        return self.how.subtype

    @property
    def masking(self) -> bool:
        return self.how.masking

    @property
    def is_guess(self) -> bool:
        return self.said is not None

    @property
    def order(self) -> tuple[object, ...]:
        """By what it differs from others, and where it stands among them."""
        # Of texts alone: keys are compared ten times as slowly.
        source, target, job = self.source.asset, self.target.asset, self.job
        return (
            source.namespace, source.name, self.source.field,
            target.namespace, target.name, self.target.field, *self.how.order,
            *((job.namespace, job.name) if job else ("", "")), *(self.said or ("", "")),
        )  # fmt: skip


def by_columns(facet: Mapping[str, Any]) -> tuple[tuple[Source, str], ...]:
    """Each source that a ``columnLineage`` facet names, with the column that it feeds.

    What the whole dataset depends on feeds the column "".
    """
    said = column_lineage(facet)
    whole = ((source, "") for source in said.dataset)
    fields = ((source, column.name) for column in said.fields for source in column.sources)
    return (*whole, *fields)


def of_output(name: Name, parts: Iterable[tuple[Source, str]]) -> frozenset[Told]:
    """What such a facet says, of the output that carries it."""
    return frozenset(_told(source, name, column, LinkBasis.COLUMN) for source, column in parts)


def explicitly(facet: Mapping[str, Any]) -> frozenset[Told] | None:
    """Columns of datasets in the ``lineage`` facet of a job; ``None``: it says nothing usable."""
    return _explicit(facet, None)


def declared_of(name: Name, facet: Mapping[str, Any]) -> frozenset[Told]:
    """The same in the ``lineage`` facet of a dataset."""
    return _explicit(facet, name) or frozenset()


def is_link(told: Told, source: AssetKey, target: AssetKey) -> bool:
    """Whether it joins two columns once names are joined.

    As between datasets, what leads from a dataset to itself does only if that is said explicitly.
    """
    if source != target:
        return True
    return told.basis is LinkBasis.EXPLICIT and told.source == told.target


def merged(links: Iterable[ColumnLink]) -> tuple[ColumnLink, ...]:
    """Each link once for each job, in order: what makes it current is shown, else what came last.

    A link is provisional if nothing but a claim makes it current.
    """
    found: dict[tuple[object, ...], list[ColumnLink]] = {}
    for link in links:
        found.setdefault(link.order, []).append(link)
    return tuple(_one(same) for _, same in sorted(found.items(), key=itemgetter(0)))


def _one(same: list[ColumnLink]) -> ColumnLink:
    if len(same) == 1:
        return same[0]
    shown = max(same, key=_weight)
    seen = [link.last_seen for link in same if link.last_seen is not None]
    return replace(
        shown,
        basis=max(link.basis for link in same),  # of these two words the stronger is the greater
        declared=any(link.declared for link in same),
        last_seen=max(seen, default=None),
    )


def _weight(link: ColumnLink) -> tuple[bool, bool, bool, float, str]:
    at = link.last_seen.timestamp() if link.last_seen else 0.0
    return link.current, not link.provisional, link.last_seen is not None, at, link.event_id


def _explicit(facet: Mapping[str, Any], own: Name | None) -> frozenset[Told] | None:
    said = explicit_lineage(facet, own_dataset=own)
    if said is None:
        return None
    return frozenset(
        _told(source, (entry.target.namespace, entry.target.name), column, LinkBasis.EXPLICIT)
        for entry in said.described
        if entry.target.kind is Kind.DATASET and entry.target != OWN_DATASET
        for column, sources in (("", entry.sources), *((c.name, c.sources) for c in entry.fields))
        for source in sources
        if source.asset.kind is Kind.DATASET
    )


def _told(source: Source, target: Name, column: str, basis: LinkBasis) -> Told:
    asset = source.asset
    how = _how(source.type, source.subtype, source.masking)
    return Told((asset.namespace, asset.name), source.field, target, column, how, basis)


@lru_cache(4096)
def _how(type_: str, subtype: str, masking: bool) -> How:
    # A type that the specification does not know says nothing.
    return How(type_ if type_ in (DIRECT, INDIRECT) else None, subtype or None, masking)
