"""The names that facets give to columns' datasets, and the assets that these are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from catalog.model import AssetKey, Kind
from lineage.column_links import ColumnKey, ColumnLink, Told, declared_of, is_link
from lineage.estate import Estate
from lineage.graph.model import LinkBasis
from lineage.observed import Observed
from lineage.spelling import Name


class Ends(NamedTuple):
    """Where a link leads."""

    source: ColumnKey
    target: ColumnKey
    said: Name | None = None
    """What the facet names in place of the source, where that is a guess."""


class ColumnNames:
    """Names as one estate knows them; what was looked up is remembered."""

    def __init__(self, seen: Observed, estate: Estate) -> None:
        self._seen = seen
        self._estate = estate
        self._keys: dict[Name, AssetKey] = {}
        self._fields: dict[AssetKey, frozenset[str]] = {}

    def key(self, name: Name) -> AssetKey:
        """The dataset of a name, whether or not it was ever seen."""
        found = self._keys.get(name)
        if found is None:
            found = self._estate.identities.key(AssetKey(Kind.DATASET, *name))
            self._keys[name] = found
        return found

    @cached_property
    def jobs(self) -> Mapping[int, AssetKey]:
        """Jobs by the numbers of all of their names."""
        return {
            number: AssetKey(Kind.JOB, job.namespace, job.name)
            for job in self._seen.jobs.values()
            for number in job.ids
        }

    @cached_property
    def _numbers(self) -> Mapping[AssetKey, tuple[int, ...]]:
        return {
            AssetKey(Kind.DATASET, asset.namespace, asset.name): asset.ids
            for asset in self._seen.datasets.values()
        }

    def numbers(self, keys: Iterable[AssetKey]) -> list[int]:
        """The numbers of all names of some datasets."""
        return sorted(number for key in keys for number in self._numbers.get(key, ()))

    def ends(self, told: Told, shape_id: int | None) -> Ends | None:
        """Where a link leads; ``None``: it is none.

        Args:
            told: What a facet says.
            shape_id: Of the run or declaration that says it.
        """
        source, target = self.key(told.source), self.key(told.target)
        if not is_link(told, source, target):
            return None
        said = None
        # A step inside a statement is named like a table beside the one that it goes into.
        is_step = source.namespace == target.namespace and self._is_phantom(source)
        if shape_id is not None and is_step:
            behind = self._behind(told.field, shape_id)
            if behind is not None and behind != target:
                source, said = behind, told.source
        return Ends(ColumnKey(source, told.field), ColumnKey(target, told.column), said)

    @cached_property
    def declared(self) -> tuple[ColumnLink, ...]:
        """What the ``lineage`` facets of datasets say; in events of runs, those of jobs count."""
        return tuple(self._declared())

    def _declared(self) -> Iterator[ColumnLink]:
        for asset in self._seen.datasets.values():
            facet = asset.facets.get("lineage")
            if facet is None or not facet.path.startswith("dataset."):
                continue
            for told in declared_of((asset.namespace, asset.name), facet.body):
                ends = self.ends(told, None)
                if ends is not None:
                    yield ColumnLink(
                        ends.source,
                        ends.target,
                        told.how,
                        LinkBasis.EXPLICIT,
                        None,
                        facet.event_id,
                        current=True,
                        declared=True,
                    )

    def _is_phantom(self, key: AssetKey) -> bool:
        """Whether it is a step inside a statement, which nothing ever writes."""
        dataset = self._estate.datasets.get(key)
        return dataset is None or (dataset.noise is not None and not dataset.writers)

    def _behind(self, field: str, shape_id: int) -> AssetKey | None:
        """The one real input of a run that has a column of that name."""
        shape = self._seen.shapes.get(shape_id)
        found = []
        for number in shape.inputs if shape and field else ():
            asset = self._seen.datasets[number]
            key = AssetKey(Kind.DATASET, asset.namespace, asset.name)
            if not self._is_phantom(key) and field in self._known(key):
                found.append(key)
        return found[0] if len(found) == 1 else None

    def _known(self, key: AssetKey) -> frozenset[str]:
        known = self._fields.get(key)
        if known is None:
            fields = self._estate.datasets[key].fields
            known = self._fields[key] = frozenset(field.name for field in fields)
        return known
