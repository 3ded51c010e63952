"""Shapes in the tables: what runs read, write and derive, once for all runs that do the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection

from catalog.database import insert_rows, table_of
from catalog.lookups import rows_where
from lineage.assets import DATASET, Named
from lineage.derivation import edges
from lineage.facets import Recent
from lineage.numbering import Numbering
from lineage.plans import Flow, Name
from lineage.tables import ShapeDatasetRow, ShapeEdgeRow, ShapeRow

SHAPE = table_of(ShapeRow)
SHAPE_DATASET = table_of(ShapeDatasetRow)
SHAPE_EDGE = table_of(ShapeEdgeRow)

REMEMBERED = 200_000


class Shape(Struct, frozen=True):
    """What a run of one job reads, writes and derives, by asset id."""

    job_id: int
    inputs: tuple[int, ...]
    outputs: tuple[tuple[int, str], ...]
    """(dataset, operation)."""
    edges: tuple[tuple[int, int, str], ...]
    """(source, target, basis)."""

    @property
    def hash(self) -> bytes:
        text = repr((self.job_id, self.inputs, self.outputs, self.edges))
        return hashlib.sha256(text.encode()).digest()[:16]


class Placed(NamedTuple):
    """A flow in the tables."""

    shape_id: int
    assets: Mapping[Name, int]
    """Ids of the datasets that it reads and writes."""


class Shapes:
    """Ids of shapes, remembered between batches."""

    def __init__(self) -> None:
        self._ids: Numbering[Shape] = Numbering(SHAPE, REMEMBERED)
        self._placed: Recent[bytes, Placed] = Recent(REMEMBERED)

    def forget(self) -> None:
        """Drop what is remembered."""
        self._ids.forget()
        self._placed.clear()

    def placed(self, flows: Iterable[Flow]) -> tuple[dict[bytes, Placed], list[Flow]]:
        """Where flows are that are remembered, by their keys, and those that are not."""
        by_key = {flow.key: flow for flow in flows}
        found, missing = self._placed.among(by_key)
        return found, [by_key[key] for key in missing]

    def place(
        self, connection: Connection, flows: Mapping[Flow, int], assets: Mapping[Named, int]
    ) -> dict[bytes, Placed]:
        """Store flows of jobs, given by id; what they name has its id in ``assets``."""
        shapes = {flow: shape_of(flow, job_id, assets) for flow, job_id in flows.items()}
        ids = self.ids(connection, shapes.values())
        found = {}
        for flow, shape in shapes.items():
            names = (*flow.inputs, *flow.targets)
            placed = Placed(ids[shape], {name: assets[DATASET, *name] for name in names})
            found[flow.key] = placed
            self._placed.put(flow.key, placed)
        return found

    def ids(self, connection: Connection, wanted: Iterable[Shape]) -> dict[Shape, int]:
        """The id of every shape; a new one is stored with its datasets and edges."""

        def find(missing: Sequence[Shape]) -> Iterator[tuple[Shape, int]]:
            by_hash = {shape.hash: shape for shape in missing}
            for key, number in rows_where(connection, SHAPE, ("hash", "id"), "hash", by_hash):
                yield by_hash[key], number

        def write(made: Mapping[Shape, int]) -> None:
            _insert(connection, {number: shape for shape, number in made.items()})

        return self._ids.of(connection, wanted, find, write)


def names_in(flow: Flow) -> Iterator[Named]:
    """Every dataset that a flow names."""
    for name in flow.inputs:
        yield (DATASET, *name)
    outputs, explicit = flow.describe()
    for written in outputs:
        yield (DATASET, *written.name)
        for source in written.sources:
            yield (DATASET, *source)
    for pair in explicit or ():
        for name in pair:
            yield (DATASET, *name)


def shape_of(flow: Flow, job_id: int, assets: Mapping[Named, int]) -> Shape:
    """What runs with this flow read, write and derive, by the precedence of ``derivation``."""

    def ids(names: Iterable[Name]) -> list[int]:
        return [assets[DATASET, *name] for name in names]

    outputs, pairs = flow.describe()
    explicit = None
    if pairs is not None:
        explicit = [(assets[DATASET, *a], assets[DATASET, *b]) for a, b in pairs]
    written = {assets[DATASET, *w.name]: w for w in outputs}
    by_column = {number: ids(w.sources) for number, w in written.items()}
    inputs = ids(flow.inputs)
    found = edges(inputs, list(written), explicit, by_column)
    return Shape(
        job_id,
        tuple(sorted(inputs)),
        tuple(sorted((number, w.operation or "WRITE") for number, w in written.items())),
        tuple((edge.source, edge.target, edge.basis.value) for edge in found),
    )


def _insert(connection: Connection, shapes: Mapping[int, Shape]) -> None:
    rows = [(number, shape.hash, shape.job_id) for number, shape in shapes.items()]
    insert_rows(connection, SHAPE, ("id", "hash", "job_id"), rows)
    datasets, derived = [], []
    for number, shape in shapes.items():
        datasets += [(number, dataset, False, "READ") for dataset in shape.inputs]
        datasets += [(number, dataset, True, operation) for dataset, operation in shape.outputs]
        derived += [(number, *edge) for edge in shape.edges]
    insert_rows(
        connection, SHAPE_DATASET, ("shape_id", "dataset_id", "is_output", "operation"), datasets
    )
    insert_rows(connection, SHAPE_EDGE, ("shape_id", "source_id", "target_id", "basis"), derived)
