"""Derives everything again from the log, and proves that equal knowledge gives one digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec
import orjson
from sqlalchemy import Connection, Engine, select

from catalog.database import bump_revision, reset_derived, set_meta, writing
from lineage import log
from lineage.assets import ASSET, FACET
from lineage.fold import Run
from lineage.projection import DECLARATION, RESULT, RUN, Projection, Stored

CHUNK = 512
"""Events folded at a time."""


def rebuild(engine: Engine) -> Iterator[int]:
    """Empty the derived tables and fold the whole log again, in one transaction.

    Yields:
        How many events were folded in each step, for a progress bar. The transaction commits when
        the iterator is exhausted; abandon it and nothing has changed.
    """
    with writing(engine) as connection:
        reset_derived(connection)
        yield from replay(connection, connection, Projection())
        set_meta(connection, "needs_rebuild", 0)
        bump_revision(connection)


def replay(
    source: Connection,
    target: Connection,
    projection: Projection,
    since: int | None = None,
    until: int | None = None,
) -> Iterator[int]:
    """Fold the log of one store into the derived tables of another, or of its own.

    With ``since`` and ``until`` (microseconds) only events after the one and not after the other.

    Yields:
        How many events were folded in each step.
    """
    for chunk in log.stored_events(source, CHUNK, since, until):
        projection.apply(target, [Stored(*item) for item in chunk])
        yield len(chunk)


def digest(engine: Engine) -> str:
    """64 hex digits over the canonical derived state: equal for equal knowledge.

    Covers assets, their facets, declarations, runs with inputs and outputs, and data tests. Leaves
    out what depends on arrival: received times, repeats, sequence and surrogate numbers.
    """
    state = hashlib.sha256()
    with engine.connect() as connection:
        for lines in _canonical(connection):
            for line in sorted(lines):
                state.update(line + b"\n")
    return state.hexdigest()


def _canonical(connection: Connection) -> Iterator[Iterable[bytes]]:
    names = {
        row.id: [row.kind, row.namespace, row.name] for row in connection.execute(select(ASSET))
    }
    yield (
        _line("asset", row.kind, row.namespace, row.name, row.first_seen, row.last_seen)
        for row in connection.execute(select(ASSET).where(ASSET.c.seen))
    )
    yield (
        _line("facet", *names[row.asset_id], row.name, row.rank, row.at, row.hash.hex())
        for row in connection.execute(select(FACET))
    )
    yield (
        _line("declaration", *names[row.job_id], row.at, row.event_id.hex())
        for row in connection.execute(select(DECLARATION))
    )
    runs = {}
    decode = msgspec.msgpack.Decoder(Run).decode
    lines = []
    for row in connection.execute(
        select(RUN.c.id, RUN.c.run_id, RUN.c.job_id, RUN.c.fold).execution_options(yield_per=1000)
    ):
        runs[row.id] = [row.run_id, *names[row.job_id]]
        lines.append(_run(runs[row.id], decode(row.fold), names))
    yield lines
    yield (
        _line("test", *names[row.dataset_id], row.test_key.hex(), *runs[row.run_pk], row.at,
              row.rank, row.hash.hex(), row.success, row.executed, row.blocking)
        for row in connection.execute(select(RESULT).execution_options(yield_per=1000))
    )  # fmt: skip


def _run(key: list[object], run: Run, names: dict[int, list[object]]) -> bytes:
    sides = [
        sorted(
            [
                names[i],
                [io.operation, io.rows, io.size_bytes],
                sorted(names[source] for source in io.sources),
            ]
            for i, io in side.items()
        )
        for side in (run.inputs, run.outputs)
    ]
    return _line(
        "run",
        *key,
        run.state.value,
        run.started_at,
        run.ended_at,
        run.last,
        sorted(run.terminals),
        run.event_id.hex(),
        run.producer,
        sorted((name, won.at, won.rank, won.hash.hex()) for name, won in run.facets.items()),
        sorted(run.principals.items()),
        run.version,
        sides,
    )


def _line(*values: object) -> bytes:
    return orjson.dumps(values)
