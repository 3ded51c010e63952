"""Newest runs and declarations in the tables: what tells what each job does now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from catalog import driver
from catalog.lookups import rows_where
from lineage import observed as o
from lineage.lately import COMPLETE, RUN_COLUMNS, RunRow, run_rows
from lineage.projection import DECLARATION
from lineage.runs import RUN
from lineage.shapes import SHAPE, SHAPE_DATASET, SHAPE_EDGE

LAST_RUNS = 10
"""How many successful runs of a job tell what it does now."""


def newest_runs(connection: Connection, state: int, until: int) -> list[RunRow]:
    """The newest run in a state of each shape."""
    other = RUN.alias("other")
    newest = (
        select(other.c.id)
        .where(other.c.shape_id == SHAPE.c.id, other.c.state == state, other.c.at <= until)
        .order_by(other.c.at.desc(), other.c.started_at.desc(), other.c.run_id.desc())
        .limit(1)
    )
    query = select(*RUN_COLUMNS).select_from(SHAPE)
    return run_rows(
        connection, query.join(RUN, RUN.c.id == newest.correlate(SHAPE).scalar_subquery())
    )


def newest_by_job(rows: Iterable[RunRow]) -> dict[int, RunRow]:
    """Of some runs the latest of each job."""
    found: dict[int, RunRow] = {}
    for row in rows:
        known = found.get(row.job_id)
        if known is None or _order(row) > _order(known):
            found[row.job_id] = row
    return found


def _order(row: RunRow) -> tuple[int, int, bytes]:
    """Which run is the latest: by end, start, run id."""
    return row.at, row.started_at, row.run_id


def last_shapes(
    connection: Connection, succeeded: Iterable[RunRow], until: int
) -> dict[int, tuple[int, ...]]:
    """Shapes of the last ten successful runs of jobs that did more than one thing, newest first.

    Args:
        connection: Of the store.
        succeeded: The newest successful run of each shape.
        until: Up to when runs count, microseconds UTC.
    """
    by_job: dict[int, list[RunRow]] = defaultdict(list)
    for row in succeeded:
        by_job[row.job_id].append(row)
    found = {}
    for job_id, rows in by_job.items():
        if len(rows) > 1:
            rows.sort(key=_order, reverse=True)
            found[job_id] = last_of(connection, [row.shape_id for row in rows], until)
    return found


def last_of(connection: Connection, shapes: Sequence[int], until: int) -> tuple[int, ...]:
    """The same for one job.

    Args:
        connection: Of the store.
        shapes: Those that successful runs of it had, the one of the newest run first.
        until: Up to when runs count, microseconds UTC.
    """
    # The last ten runs have no shapes but the ten that were seen last.
    runs = " UNION ALL ".join(
        "SELECT * FROM (SELECT at, started_at, run_id, shape_id FROM lineage_run "  # noqa: S608
        f"WHERE shape_id = {shape_id} AND state = {COMPLETE} AND at <= {until} "
        f"ORDER BY at DESC LIMIT {LAST_RUNS}) s{shape_id}"  # our own numbers
        for shape_id in shapes[:LAST_RUNS]
    )
    found = sorted(map(tuple, driver.rows(connection, runs)), reverse=True)
    return tuple(shape_id for *_, shape_id in found[:LAST_RUNS])


def declared_shapes(
    connection: Connection, until: int, jobs: Iterable[int] | None = None
) -> dict[int, int]:
    """The shape that each job declares; one dated after an instant, where there is no other.

    Args:
        connection: Of the store.
        until: The instant, microseconds UTC.
        jobs: Of which; ``None``: of all.
    """
    columns = ("job_id", "at", "shape_id")
    rows: Iterable[Sequence[int]]
    if jobs is None:
        rows = driver.rows(connection, f"SELECT {', '.join(columns)} FROM lineage_declaration")  # noqa: S608
    else:
        rows = rows_where(connection, DECLARATION, columns, "job_id", jobs)
    # Whatever comes last stands.
    ordered = sorted(rows, key=lambda row: (row[1] <= until, row[1]))
    return {job_id: shape_id for job_id, _, shape_id in ordered}


def read_shapes(connection: Connection) -> dict[int, o.Shape]:
    """Every shape."""
    inputs: dict[int, list[int]] = defaultdict(list)
    outputs: dict[int, list[tuple[int, str]]] = defaultdict(list)
    edges: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in connection.execute(select(SHAPE_DATASET)):
        if row.is_output:
            outputs[row.shape_id].append((row.dataset_id, row.operation))
        else:
            inputs[row.shape_id].append(row.dataset_id)
    for row in connection.execute(select(SHAPE_EDGE)):
        edges[row.shape_id].append((row.source_id, row.target_id))
    return {
        i: o.Shape(tuple(inputs.get(i, ())), tuple(outputs.get(i, ())), tuple(edges.get(i, ())))
        for i in connection.execute(select(SHAPE.c.id)).scalars()
    }
