"""Newest runs and declarations in the tables: what tells what each job does now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, select

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
            # The last ten runs have no shapes but the ten that were seen last.
            runs = [
                run
                for row in rows[:LAST_RUNS]
                for run in run_rows(
                    connection,
                    select(*RUN_COLUMNS)
                    .where(
                        RUN.c.shape_id == row.shape_id,
                        RUN.c.state == COMPLETE,
                        RUN.c.at <= until,
                    )
                    .order_by(RUN.c.at.desc())
                    .limit(LAST_RUNS),
                )
            ]
            runs.sort(key=_order, reverse=True)
            found[job_id] = tuple(run.shape_id for run in runs[:LAST_RUNS])
    return found


def declared_shapes(connection: Connection, until: int) -> dict[int, int]:
    """The shape that each job declares; one dated after an instant, where there is no other."""
    is_ahead = DECLARATION.c.at > until
    columns = DECLARATION.c.job_id, DECLARATION.c.shape_id
    # Whatever comes last stands.
    rows = connection.execute(select(*columns).order_by(is_ahead.desc(), DECLARATION.c.at))
    return {row.job_id: row.shape_id for row in rows}


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
