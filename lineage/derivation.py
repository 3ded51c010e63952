"""What derives from what: the facets that say so, and which edges follow from all that was said.

Pure functions of decoded facets: whatever a producer put there, they answer and never raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from catalog.model import AssetKey, Kind
from lineage.events import text_of
from lineage.values import object_of, objects_in

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


class Source(NamedTuple):
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
    return ColumnLineage(
        fields=_columns(facet, _column_sources),
        dataset=_sources(facet.get("dataset"), _dataset),
        sources=named_sources(facet),
    )


def named_sources(facet: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What ``column_lineage`` has as ``sources``, in a tenth of its time."""
    found: set[tuple[str, str]] = set()
    columns = (entry.get("inputFields") for _, entry in _entries(facet))
    for entries in (facet.get("dataset"), *columns):
        for entry in objects_in(entries):
            namespace, name = entry.get("namespace"), entry.get("name")
            if isinstance(namespace, str) and isinstance(name, str) and namespace and name:
                found.add((namespace, name))
    return tuple(sorted(found))


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
        found = [d for e in objects_in(entries) if (d := _described(e, job)) is not None]
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


def _columns(
    facet: Mapping[str, Any], read: Callable[[Mapping[str, Any]], tuple[Source, ...]]
) -> tuple[Column, ...]:
    return tuple(Column(name, read(entry)) for name, entry in sorted(_entries(facet)))


def _column_sources(entry: Mapping[str, Any]) -> tuple[Source, ...]:
    found = _sources(entry.get("inputFields"), _dataset)
    older = entry.get("transformationType")
    if not isinstance(older, str) or older.upper() not in _OLDER:
        return found
    # Once said of the whole column; what its inputs say of themselves is newer and finer.
    read = [s if s.type else Source(s.asset, s.field, *_OLDER[older.upper()]) for s in found]
    return _distinct(read)


_OLDER = {"IDENTITY": (DIRECT, "IDENTITY", False), "MASKED": (DIRECT, "", True)}


def _described(entry: Mapping[str, Any], own_job: AssetKey) -> Described | None:
    target = _asset(entry, own_job)
    return None if target is None else _feeding(target, entry, own_job)


def _feeding(target: AssetKey, entry: Mapping[str, Any], own_job: AssetKey) -> Described:
    def read(part: Mapping[str, Any]) -> tuple[Source, ...]:
        return _sources(part.get("inputs"), lambda source: _asset(source, own_job))

    return Described(target, read(entry), _columns(entry, read))


def _merged(found: Iterable[Described]) -> tuple[Described, ...]:
    """One entry for each target: a facet may describe one in several."""
    whole: dict[AssetKey, list[Source]] = {}
    fields: dict[AssetKey, dict[str, list[Source]]] = {}
    for entry in found:
        whole.setdefault(entry.target, []).extend(entry.sources)
        columns = fields.setdefault(entry.target, {})
        for column in entry.fields:
            columns.setdefault(column.name, []).extend(column.sources)
    return tuple(
        Described(
            target,
            _distinct(whole[target]),
            tuple(Column(name, _distinct(s)) for name, s in sorted(fields[target].items())),
        )
        for target in sorted(whole)
    )


def _sources(
    entries: Any, asset_of: Callable[[Mapping[str, Any]], AssetKey | None]
) -> tuple[Source, ...]:
    """Sources in a list of inputs, one for each way in which one feeds the target."""
    found: list[Source] = []
    for entry in objects_in(entries):
        asset = asset_of(entry)
        if asset is None:
            continue
        field = text_of(entry.get("field")) or ""
        ways = [*objects_in(entry.get("transformations"))]
        # Only a clear yes masks: personal data does not stop being so for want of a word.
        found += [
            Source(
                asset,
                field,
                _upper(way, "type"),
                _upper(way, "subtype"),
                way.get("masking") is True,
            )
            for way in ways
        ]
        if not ways:
            found.append(Source(asset, field))
    return _distinct(found)


def _distinct(sources: list[Source]) -> tuple[Source, ...]:
    """Sorted, each once; without hashing, which costs more than all the rest."""
    ordered = sorted(sources)
    return tuple(s for i, s in enumerate(ordered) if not i or s != ordered[i - 1])


def _asset(entry: Mapping[str, Any], own_job: AssetKey) -> AssetKey | None:
    """The dataset or job that an entry names; a job without a name is the event's own."""
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


def _dataset(entry: Mapping[str, Any]) -> AssetKey | None:
    namespace, name = text_of(entry.get("namespace")), text_of(entry.get("name"))
    return _dataset_key(namespace, name) if namespace and name else None


@lru_cache(4096)
def _dataset_key(namespace: str, name: str) -> AssetKey:
    # One object for one name: the columns of a facet name few datasets many times over, and what
    # is the same object is the same at a glance.
    return AssetKey(Kind.DATASET, namespace, name)


def _entries(facet: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, entry in object_of(facet.get("fields")).items():
        if name and isinstance(entry, dict):
            yield name, entry


def _upper(way: Mapping[str, Any], key: str) -> str:
    return (text_of(way.get(key)) or "").upper()
