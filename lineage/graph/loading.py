"""The graph of the estate, read from the tables that a standpoint looks at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from catalog.model import Kind
from catalog.moments import microseconds
from lineage import observed as o
from lineage.current import Account
from lineage.fold import RANKED_STATES
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import LinkBasis
from lineage.graph.records import Named, ShapeSeen, record_of
from lineage.history import Standpoint
from lineage.lately import COMPLETE
from lineage.newest import (
    declared_shapes,
    last_shapes,
    newest_by_job,
    newest_runs,
    read_shapes,
)
from lineage.noise import noise_in
from lineage.reading import uncollected
from lineage.runs import RUN
from lineage.scene import key_of
from lineage.shapes import SHAPE, SHAPE_EDGE


def estate_graph(standpoint: Standpoint) -> EstateGraph:
    """The graph as known from a standpoint."""
    seen = standpoint.observed
    assets = {
        **{i: key_of(Kind.DATASET, a) for i, a in seen.datasets.items()},
        **{i: key_of(Kind.JOB, a) for i, a in seen.jobs.items()},
    }
    keys = sorted(assets.values())
    numbers = {key: number for number, key in enumerate(keys)}
    # An asset of several names has the ids of all of them.
    number_of = {i: numbers[assets[i]] for i in assets}
    for whole in (*seen.datasets.values(), *seen.jobs.values()):
        number_of.update(dict.fromkeys(whole.ids, number_of[whole.id]))
    with standpoint.engine.connect() as connection, uncollected():
        named = read_named(connection, seen, microseconds(standpoint.as_of))
    by_job: dict[int, list[Named]] = defaultdict(list)
    for job_id, said in named.items():
        by_job[number_of[job_id]].append(said)
    return EstateGraph(
        as_of=standpoint.as_of,
        revision=standpoint.revision,
        identities=seen.identities,
        keys=keys,
        numbers=numbers,
        records={job: record_of(said, number_of.__getitem__) for job, said in by_job.items()},
        declared={(number_of[a], number_of[b]) for a, b in seen.flows},
        noise=frozenset(number_of[i] for i in noise_in(seen)),
    )


def read_named(connection: Connection, seen: o.Observed, until: int) -> dict[int, Named]:
    """What is known of every job under each of its names, by the id of the name."""
    newest = {state: newest_runs(connection, state, until) for state in RANKED_STATES}
    latest = newest_by_job(row for rows in newest.values() for row in rows)
    successful = newest_by_job(newest[COMPLETE])
    last = last_shapes(connection, newest[COMPLETE], until)
    declared = declared_shapes(connection, until)
    shapes: dict[int, dict[int, ShapeSeen]] = defaultdict(dict)
    jobs = {row.id: row.job_id for row in connection.execute(select(SHAPE.c.id, SHAPE.c.job_id))}
    for shape_id, shape in _seen_shapes(connection, until).items():
        shapes[jobs[shape_id]][shape_id] = shape
    return {
        job_id: Named(
            Account(
                latest[job_id].shape_id if job_id in latest else None,
                successful[job_id].shape_id if job_id in successful else None,
                last.get(job_id, ()),
                declared.get(job_id),
                job_id in seen.endless,
            ),
            of_job,
        )
        for job_id, of_job in shapes.items()
    }


def _seen_shapes(connection: Connection, until: int) -> Mapping[int, ShapeSeen]:
    at = RUN.c.at
    query = select(RUN.c.shape_id, func.min(at).label("first"), func.max(at).label("last"))
    ranges = {
        row.shape_id: (row.first, row.last)
        for row in connection.execute(query.where(at <= until).group_by(RUN.c.shape_id))
    }
    bases: dict[int, dict[tuple[int, int], LinkBasis]] = defaultdict(dict)
    for row in connection.execute(select(SHAPE_EDGE)):
        bases[row.shape_id][row.source_id, row.target_id] = LinkBasis(row.basis)
    return {
        shape_id: ShapeSeen(shape, bases.get(shape_id, {}), *ranges.get(shape_id, (None, None)))
        for shape_id, shape in read_shapes(connection).items()
    }
