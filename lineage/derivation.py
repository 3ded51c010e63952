"""What derives from what: the facets that say so, and which edges follow from all that was said.

Pure functions of decoded facets: whatever a producer put there, they answer and never raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from catalog.model import AssetKey, Kind
from lineage.events import text_of

N = TypeVar("N", int, str, AssetKey)
"""What an edge connects: an asset's id, or the asset itself."""

OWN_JOB = AssetKey(Kind.JOB, "", "")
"""Stands for the event's own job where a facet is read without its event; no asset is named so."""
OWN_DATASET = AssetKey(Kind.DATASET, "", "")
"""Stands for the dataset that carries the facet."""

DIRECT, INDIRECT = "DIRECT", "INDIRECT"


class EdgeBasis(StrEnum):
    """Why an edge between two datasets is drawn."""

    EXPLICIT = "explicit"
    """A lineage facet says so."""
    COLUMN = "column"
    """The target's column lineage names the source."""
    PRODUCT = "product"
    """One run read the one and wrote the other, and nothing tells more."""


class Edge(NamedTuple, Generic[N]):
    """Data of the source went into the target."""

    source: N
    target: N
    basis: EdgeBasis


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Something that feeds a column or a whole dataset, in one way of feeding it."""

    asset: AssetKey
    field: str = ""
    """Its column; empty: the whole of it, or not said."""
    type: str = ""
    """``DIRECT`` (values get there) or ``INDIRECT`` (they decide which do); empty: not said."""
    subtype: str = ""
    """Such as ``IDENTITY`` or ``FILTER``; empty: not said."""
    masking: bool = False
    """Whether what gets there no longer shows the value."""


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """One column of a target and everything that feeds it."""

    name: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """What a ``columnLineage`` facet says of the dataset that carries it."""

    fields: tuple[Column, ...] = ()
    """By name."""
    dataset: tuple[Source, ...] = ()
    """What the whole dataset depends on, such as by a filter."""
    sources: tuple[tuple[str, str], ...] = ()
    """Every (namespace, name) in it, once. Some are no datasets: SQL names its intermediate steps
    like tables, and only who knows all datasets can tell."""


@dataclass(frozen=True, slots=True, order=True)
class Described:
    """One target of a ``lineage`` facet and everything that feeds it."""

    target: AssetKey
    sources: tuple[Source, ...] = ()
    """What feeds it as a whole; none at all: nothing tracked does, if no field says otherwise."""
    fields: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplicitLineage:
    """What a ``lineage`` facet says: all that feeds each target that it describes."""

    described: tuple[Described, ...] = ()
    """Each target once, by key."""

    @property
    def flows(self) -> tuple[tuple[AssetKey, AssetKey], ...]:
        """Every (source, target), of datasets and jobs, by whole or by field, sorted, once each."""
        found = {
            (source.asset, entry.target)
            for entry in self.described
            for source in _all_sources(entry)
        }
        return tuple(sorted(found))

    @property
    def dataset_flows(self) -> tuple[tuple[AssetKey, AssetKey], ...]:
        """The flows between datasets: with this facet there are no others."""
        return tuple(
            (source, target)
            for source, target in self.flows
            if source.kind is target.kind is Kind.DATASET
        )


def column_lineage(facet: Mapping[str, Any]) -> ColumnLineage:
    """Read the facet ``columnLineage`` of a dataset."""
    fields = [
        Column(name, _column_sources(entry))
        for name, entry in _entries(facet.get("fields"))
        if isinstance(entry, dict)
    ]
    whole = _sources(facet.get("dataset"), Kind.DATASET)
    named = {*whole, *(source for column in fields for source in column.sources)}
    return ColumnLineage(
        fields=tuple(sorted(fields)),
        dataset=whole,
        sources=tuple(sorted({(s.asset.namespace, s.asset.name) for s in named})),
    )


def explicit_lineage(
    facet: Mapping[str, Any],
    own_job: tuple[str, str] | None = None,
    own_dataset: tuple[str, str] | None = None,
) -> ExplicitLineage | None:
    """Read the facet ``lineage`` of a job (``entries``) or of a dataset (``inputs``, ``fields``).

    Args:
        facet: The decoded facet.
        own_job: Namespace and name of the event's job, which an entry of type JOB means when it
            names none. Without it such an entry keeps ``OWN_JOB``.
        own_dataset: The dataset that carries the facet; without it ``OWN_DATASET``.

    Returns:
        ``None`` if it says nothing that can be used, which is not the same as saying that nothing
        derives from anything (``entries: []``): then other evidence counts as if it were not there.
    """
    job = AssetKey(Kind.JOB, *own_job) if own_job else OWN_JOB
    if "entries" in facet:
        entries = facet["entries"]
        if not isinstance(entries, list):
            return None
        found = [d for entry in entries if (d := _described(entry, job)) is not None]
        return ExplicitLineage(_merged(found)) if found or not entries else None
    if isinstance(facet.get("inputs"), list) or (
        isinstance(facet.get("fields"), dict) and facet["fields"]
    ):
        target = AssetKey(Kind.DATASET, *own_dataset) if own_dataset else OWN_DATASET
        return ExplicitLineage((_feeding(target, facet, job),))
    return None


def edges(
    inputs: Iterable[N],
    outputs: Iterable[N],
    explicit: Iterable[tuple[N, N]] | None = None,
    by_column: Mapping[N, Iterable[N]] | None = None,
) -> tuple[Edge[N], ...]:
    """Which datasets a run or a declaration derives from which: never an edge too many.

    Args:
        inputs: Datasets that are read.
        outputs: Datasets that are written.
        explicit: Every (source, target) between datasets that a lineage facet names; ``None``: no
            such facet. With one, these are the edges, all of them, also for an output that it does
            not describe; that a job reads and writes is no matter of these edges.
        by_column: Sources that the column lineage of an output names.

    Returns:
        Sorted by source and target, each pair once. An edge from a dataset to itself is there only
        if a lineage facet says so: a job that reads what it writes says nothing worth drawing.
    """
    if explicit is not None:
        pairs = sorted(set(explicit))
        return tuple(Edge(source, target, EdgeBasis.EXPLICIT) for source, target in pairs)
    read, columns = set(inputs), by_column or {}
    found: list[Edge[N]] = []
    for target in set(outputs):
        named = set(columns.get(target, ()))
        basis = EdgeBasis.COLUMN if named else EdgeBasis.PRODUCT
        found += [Edge(source, target, basis) for source in named or read if source != target]
    return tuple(sorted(found))


def _all_sources(entry: Described) -> Iterator[Source]:
    yield from entry.sources
    for column in entry.fields:
        yield from column.sources


def _column_sources(entry: dict[str, Any]) -> tuple[Source, ...]:
    found = _sources(entry.get("inputFields"), Kind.DATASET)
    older = entry.get("transformationType")
    if not isinstance(older, str) or older.upper() not in _OLDER:
        return found
    # Once said of the whole column; what its inputs say of themselves is newer and finer.
    type_, subtype, masking = _OLDER[older.upper()]
    read = {s if s.type else Source(s.asset, s.field, type_, subtype, masking) for s in found}
    return tuple(sorted(read))


_OLDER = {"IDENTITY": (DIRECT, "IDENTITY", False), "MASKED": (DIRECT, "", True)}


def _described(entry: Any, own_job: AssetKey) -> Described | None:
    target = _asset(entry, own_job)
    return None if target is None else _feeding(target, entry, own_job)


def _feeding(target: AssetKey, entry: Mapping[str, Any], own_job: AssetKey) -> Described:
    columns = [
        Column(name, _sources(field.get("inputs"), None, own_job))
        for name, field in _entries(entry.get("fields"))
        if isinstance(field, dict)
    ]
    return Described(target, _sources(entry.get("inputs"), None, own_job), tuple(sorted(columns)))


def _merged(found: Iterable[Described]) -> tuple[Described, ...]:
    """One entry for each target: a facet may describe one in several."""
    whole: dict[AssetKey, set[Source]] = {}
    fields: dict[AssetKey, dict[str, set[Source]]] = {}
    for entry in found:
        whole.setdefault(entry.target, set()).update(entry.sources)
        columns = fields.setdefault(entry.target, {})
        for column in entry.fields:
            columns.setdefault(column.name, set()).update(column.sources)
    return tuple(
        Described(
            target,
            tuple(sorted(whole[target])),
            tuple(Column(n, tuple(sorted(s))) for n, s in sorted(fields[target].items())),
        )
        for target in sorted(whole)
    )


def _sources(entries: Any, only: Kind | None, own_job: AssetKey = OWN_JOB) -> tuple[Source, ...]:
    """Sources in a list of inputs, one for each way in which one feeds the target."""
    found: set[Source] = set()
    for entry in entries if isinstance(entries, list) else ():
        asset = _dataset(entry) if only is Kind.DATASET else _asset(entry, own_job)
        if asset is None:
            continue
        field = text_of(entry.get("field")) or ""
        ways = entry.get("transformations")
        said = {
            Source(asset, field, _upper(way, "type"), _upper(way, "subtype"), _masks(way))
            for way in (ways if isinstance(ways, list) else ())
            if isinstance(way, dict)
        }
        found |= said or {Source(asset, field)}
    return tuple(sorted(found))


def _asset(entry: Any, own_job: AssetKey) -> AssetKey | None:
    """The dataset or job that an entry names; a job without a name is the event's own."""
    if not isinstance(entry, dict):
        return None
    kind = entry.get("type")
    kind = kind.upper() if isinstance(kind, str) else kind
    if kind in ("DATASET", None):
        return _dataset(entry)
    if kind != "JOB":
        return None
    namespace, name = text_of(entry.get("namespace")), text_of(entry.get("name"))
    if namespace and name:
        return AssetKey(Kind.JOB, namespace, name)
    # Half a name is a mistake and not a way to say "my own job".
    return None if namespace or name else own_job


def _dataset(entry: Any) -> AssetKey | None:
    if not isinstance(entry, dict):
        return None
    namespace, name = text_of(entry.get("namespace")), text_of(entry.get("name"))
    return AssetKey(Kind.DATASET, namespace, name) if namespace and name else None


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((name, entry) for name, entry in value.items() if name)


def _upper(way: dict[str, Any], key: str) -> str:
    return (text_of(way.get(key)) or "").upper()


def _masks(way: dict[str, Any]) -> bool:
    # Only a clear yes: personal data does not stop being so because a producer is vague.
    return way.get("masking") is True
