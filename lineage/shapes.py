"""Shapes in the tables: what runs read, write and derive, once for all runs that do the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from msgspec import Struct
from sqlalchemy import Connection, select

from catalog.database import chunks, insert_rows, next_id, table_of
from lineage.assets import DATASET, Named
from lineage.derivation import edges
from lineage.facets import Recent
from lineage.fold import Name, Run
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


class Shapes:
    """Ids of shapes, remembered between batches."""

    def __init__(self) -> None:
        self._ids: Recent[Shape, int] = Recent(REMEMBERED)

    def forget(self) -> None:
        """Drop what is remembered."""
        self._ids.clear()

    def ids(self, connection: Connection, wanted: Iterable[Shape]) -> dict[Shape, int]:
        """The id of every shape; a new one is stored with its datasets and edges."""
        found: dict[Shape, int] = {}
        missing: dict[bytes, Shape] = {}
        for shape in wanted:
            known = self._ids.get(shape)
            if known is None:
                missing[shape.hash] = shape
            else:
                found[shape] = known
        for part in chunks(missing):
            query = select(SHAPE.c.hash, SHAPE.c.id).where(SHAPE.c.hash.in_(part))
            found.update({missing[key]: number for key, number in connection.execute(query)})
        new = {key: shape for key, shape in missing.items() if shape not in found}
        if new:
            first = next_id(connection, SHAPE)
            found.update({shape: first + i for i, shape in enumerate(new.values())})
            _insert(connection, {found[shape]: (key, shape) for key, shape in new.items()})
        for shape in missing.values():
            self._ids.put(shape, found[shape])
        return found


def shape_of(run: Run, job_id: int, assets: Mapping[Named, int]) -> Shape:
    """What a run reads, writes and derives, by the precedence of ``lineage.derivation``."""

    def ids(names: Iterable[Name]) -> list[int]:
        return [assets[DATASET, *name] for name in names]

    explicit = None
    if run.explicit is not None:
        explicit = [(assets[DATASET, *a], assets[DATASET, *b]) for a, b in run.explicit]
    by_column = {assets[DATASET, *n]: ids(io.sources) for n, io in run.outputs.items()}
    found = edges(ids(run.inputs), ids(run.outputs), explicit, by_column)
    return Shape(
        job_id,
        tuple(sorted(ids(run.inputs))),
        tuple(
            sorted((assets[DATASET, *n], io.operation or "WRITE") for n, io in run.outputs.items())
        ),
        tuple((edge.source, edge.target, edge.basis.value) for edge in found),
    )


def _insert(connection: Connection, shapes: Mapping[int, tuple[bytes, Shape]]) -> None:
    rows = [(number, key, shape.job_id) for number, (key, shape) in shapes.items()]
    insert_rows(connection, SHAPE, ("id", "hash", "job_id"), rows)
    datasets, derived = [], []
    for number, (_, shape) in shapes.items():
        datasets += [(number, dataset, False, "READ") for dataset in shape.inputs]
        datasets += [(number, dataset, True, operation) for dataset, operation in shape.outputs]
        derived += [(number, *edge) for edge in shape.edges]
    insert_rows(
        connection, SHAPE_DATASET, ("shape_id", "dataset_id", "is_output", "operation"), datasets
    )
    insert_rows(connection, SHAPE_EDGE, ("shape_id", "source_id", "target_id", "basis"), derived)
