"""What the tables know of jobs, for their records: some jobs at a time, in few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from catalog import driver
from catalog.database import chunks
from catalog.lookups import rows_where
from lineage import observed as o
from lineage.current import Account
from lineage.fold import RANKED_STATES
from lineage.graph.model import LinkBasis
from lineage.graph.records import Named, ShapeSeen
from lineage.lately import COMPLETE
from lineage.newest import declared_shapes, last_of
from lineage.shapes import SHAPE, SHAPE_DATASET, SHAPE_EDGE

_STATES = " UNION ALL ".join(f"SELECT {state} AS state" for state in RANKED_STATES)
_BASES = {basis.value: basis for basis in LinkBasis}


class _Newest(NamedTuple):
    """The newest run of a shape in one state, in the order in which runs are later than others."""

    at: int
    started_at: int
    run_id: bytes
    shape_id: int
    state: int
    first_at: int
    """When the first of these ended."""


ShapeTold = tuple[o.Shape, Mapping[tuple[int, int], LinkBasis]]
Remembered = dict[int, ShapeTold]
"""Shapes by id; a shape never changes."""

SHAPES = 20_000
"""How many shapes are remembered."""


class Accounts:
    """Reads what is known of jobs under each of their names.

    Args:
        connection: Of the store.
        until: Up to when runs count, microseconds UTC.
        endless: Jobs whose runs end only by accident.
        remembered: Shapes that were read before; takes those that are read.
        has_declared: Whether any job has static lineage.
    """

    def __init__(
        self,
        connection: Connection,
        until: int,
        endless: Collection[int],
        remembered: Remembered | None = None,
        *,
        has_declared: bool = True,
    ) -> None:
        self._connection = connection
        self._until = until
        self._endless = endless
        self._remembered = remembered
        self._has_declared = has_declared

    def of_all(self) -> Iterator[tuple[int, Named]]:
        """Of every job that ever did anything."""
        jobs = self._connection.execute(select(SHAPE.c.job_id).distinct()).scalars().all()
        return self.of(jobs)

    def of(self, jobs: Iterable[int]) -> Iterator[tuple[int, Named]]:
        """Of some jobs, by the id of the name."""
        for part in chunks(jobs):
            yield from self._read(part)

    def _read(self, jobs: Collection[int]) -> Iterator[tuple[int, Named]]:
        connection, until = self._connection, self._until
        job_of: dict[int, int] = {
            shape_id: int(job_id)
            for shape_id, job_id in rows_where(connection, SHAPE, ("id", "job_id"), "job_id", jobs)
        }
        newest: dict[int, list[_Newest]] = defaultdict(list)
        ranges: dict[int, tuple[int, int]] = {}
        for run in _newest(connection, job_of, until):
            newest[job_of[run.shape_id]].append(run)
            first, last = ranges.get(run.shape_id, (run.first_at, run.at))
            ranges[run.shape_id] = min(first, run.first_at), max(last, run.at)
        declared = declared_shapes(connection, until, jobs) if self._has_declared else {}
        shapes: dict[int, dict[int, ShapeSeen]] = defaultdict(dict)
        for shape_id, told in self._shapes(job_of).items():
            seen = ShapeSeen(*told, *ranges.get(shape_id, (None, None)))
            shapes[job_of[shape_id]][shape_id] = seen
        for job_id in jobs:
            runs = sorted(newest.get(job_id, ()), reverse=True)
            succeeded = [run.shape_id for run in runs if run.state == COMPLETE]
            account = Account(
                runs[0].shape_id if runs else None,
                succeeded[0] if succeeded else None,
                last_of(connection, succeeded, until) if len(succeeded) > 1 else (),
                declared.get(job_id),
                job_id in self._endless,
            )
            yield job_id, Named(account, shapes.get(job_id, {}))

    def _shapes(self, shapes: Collection[int]) -> Mapping[int, ShapeTold]:
        known = self._remembered
        if known is None:
            return _read_shapes(self._connection, shapes)
        missing = [shape_id for shape_id in shapes if shape_id not in known]
        if len(known) + len(missing) > SHAPES:
            known.clear()
            missing = list(shapes)
        if missing:
            known |= _read_shapes(self._connection, missing)
        return {shape_id: known[shape_id] for shape_id in shapes}


def _newest(connection: Connection, shapes: Iterable[int], until: int) -> Iterator[_Newest]:
    """Of each shape and state the newest run, and when the first one ended; each by the index."""
    for part in chunks(shapes):
        runs = f"FROM lineage_run WHERE shape_id = s.id AND state = t.state AND at <= {until}"
        # fmt: off
        query = (  # our own numbers
            "SELECT r.at, r.started_at, r.run_id, r.shape_id, r.state, "  # noqa: S608
            f"(SELECT min(at) {runs}) "
            f"FROM lineage_shape s CROSS JOIN ({_STATES}) t JOIN lineage_run r ON r.id = "
            f"(SELECT id {runs} ORDER BY at DESC, started_at DESC, run_id DESC LIMIT 1) "
            f"WHERE s.id IN ({_listed(part)})"
        )
        # fmt: on
        for row in driver.rows(connection, query):
            yield _Newest(*row)


def _read_shapes(connection: Connection, shapes: Collection[int]) -> dict[int, ShapeTold]:
    inputs: dict[int, list[int]] = defaultdict(list)
    outputs: dict[int, list[tuple[int, str]]] = defaultdict(list)
    bases: dict[int, dict[tuple[int, int], LinkBasis]] = defaultdict(dict)
    columns: tuple[str, ...] = ("shape_id", "dataset_id", "is_output", "operation")
    for shape_id, dataset_id, is_output, operation in rows_where(
        connection, SHAPE_DATASET, columns, "shape_id", shapes
    ):
        if is_output:
            outputs[shape_id].append((dataset_id, operation))
        else:
            inputs[shape_id].append(dataset_id)
    columns = ("shape_id", "source_id", "target_id", "basis")
    for shape_id, source, target, basis in rows_where(
        connection, SHAPE_EDGE, columns, "shape_id", shapes
    ):
        bases[shape_id][source, target] = _BASES[basis]
    return {
        i: (
            o.Shape(tuple(inputs.get(i, ())), tuple(outputs.get(i, ())), tuple(bases.get(i, ()))),
            bases.get(i, {}),
        )
        for i in shapes
    }


def _listed(numbers: Iterable[Any]) -> str:
    return ", ".join(map(str, numbers))
