"""Derives everything again from the log, and proves that equal knowledge gives one digest."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from catalog import chain
from catalog.database import (
    bump_revision,
    get_meta,
    needs_rebuild,
    reset_derived,
    set_meta,
    writing,
)
from catalog.engines import is_locked
from lineage.assets import ASSET, words_by_id
from lineage.contents import FACET_BODY as BODY
from lineage.log import EVENT, KIND, EventLog, events_content
from lineage.mentions import MENTION, decode_bodies, facet_names, role_of
from lineage.projection import DECLARATION, SYMLINK, Projection
from lineage.retention import count_removed
from lineage.runs import REPORT, RUN, STATISTIC, SUITE, decode_events, id_text
from lineage.shapes import SHAPE, SHAPE_DATASET, SHAPE_EDGE

_EVENT_IDS = select(EVENT.c.seq, EVENT.c.event_id)

CHUNK = 512
"""Events folded at a time."""

WAIT_S = 0.5
"""How often a process looks whether another has refilled the store, seconds."""


def rebuild(engine: Engine, *, only_if_needed: bool = False) -> Iterator[int]:
    """Empty the derived tables and fold the whole log again, in one transaction.

    Events from before the hash chain become its first link.

    Yields:
        How many events were folded in each step, for a progress bar. The transaction commits when
        the iterator is exhausted; abandon it and nothing has changed.
    """
    log = EventLog()
    projection = Projection(log)
    with writing(engine) as connection:
        if only_if_needed and get_meta(connection, "needs_rebuild") != 1:
            return
        reset_derived(connection)
        for chunk in log.events(connection, CHUNK):
            projection.apply(connection, chunk, log.body_numbers(connection, chunk))
            yield len(chunk)
        count_removed(connection, connection)
        _cover(connection)
        set_meta(connection, "needs_rebuild", 0)
        bump_revision(connection)


def refill(engine: Engine) -> Iterator[int]:
    """Rebuild if the store waits for it; of several processes one does, the others wait for it.

    Yields:
        As ``rebuild`` does; nothing if nothing is to be done.
    """
    while needs_rebuild(engine):
        try:
            yield from rebuild(engine, only_if_needed=True)
        except DBAPIError as error:
            if not is_locked(error):
                raise
            time.sleep(WAIT_S)


def _cover(connection: Connection) -> None:
    first, last = connection.execute(select(func.min(EVENT.c.seq), func.max(EVENT.c.seq))).one()
    if last is not None and KIND not in {c.kind for c in chain.covered(connection)}:
        content = events_content(connection, first, last)
        now = time.time_ns() // 1000
        chain.append_link(connection, KIND, first, last, content, at=now)


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
    words = words_by_id(connection)
    hashes = {row.id: row.hash.hex() for row in connection.execute(select(BODY.c.id, BODY.c.hash))}
    ids = {row.seq: row.event_id.hex() for row in connection.execute(_EVENT_IDS)}
    yield from _mentioned(connection, names, words, hashes)
    yield (
        _line("symlink", *names[row.asset_id], *names[row.other_id], row.type, row.vouched)
        for row in connection.execute(select(SYMLINK))
    )
    shapes = _shapes(connection, names)
    yield (
        _line("declaration", *names[row.job_id], row.at, shapes[row.shape_id], row.event_id.hex())
        for row in connection.execute(select(DECLARATION))
    )
    runs = {}
    lines = []
    for row in connection.execute(select(RUN)):
        runs[row.id] = key = [id_text(row.run_id), *names[row.job_id]]
        parent = row.parent_run and id_text(row.parent_run)
        jobs = [names.get(i) for i in (row.parent_job_id, row.root_job_id)]
        said = [words.get(i) for i in (row.principal_id, row.producer_id, row.version_id)]
        said += [row.trust, row.key_id, row.vouched, row.root_run and id_text(row.root_run)]
        lines.append(
            _line("run", *key, row.state, row.terminals, row.started_at, bool(row.has_start),
                  row.at, shapes[row.shape_id], parent, *jobs, *said, ids[row.seq],
                  sorted(ids[seq] for seq in decode_events(row.events)))
        )  # fmt: skip
    yield lines
    yield (
        _line("report", *runs[row.run_pk], *names[row.asset_id], row.place, row.at,
              row.tests.hex(), hashes[row.body_id], ids[row.seq])
        for row in connection.execute(select(REPORT))
    )  # fmt: skip
    yield (
        _line("suite", *names[row.asset_id], row.tests.hex(), row.at, *runs[row.run_pk], row.place)
        for row in connection.execute(select(SUITE))
    )
    yield (
        _line("statistic", *runs[row.run_pk], *names[row.dataset_id], bool(row.is_output),
              row.window_at, row.rows, row.size_bytes)
        for row in connection.execute(select(STATISTIC))
    )  # fmt: skip


def _mentioned(
    connection: Connection,
    names: Mapping[int, Sequence[object]],
    words: Mapping[int, str],
    hashes: Mapping[int, str],
) -> Iterator[Iterable[bytes]]:
    """Assets that events named, and the facet that wins each name."""
    times: dict[int, tuple[int, int]] = {}
    won: dict[tuple[int, str], tuple[int, int, int, str]] = {}
    for row in connection.execute(select(MENTION)):
        first, last = times.get(row.asset_id, (row.first_at, row.at))
        times[row.asset_id] = min(first, row.first_at), max(last, row.at)
        for name, body in zip(facet_names(words, row), decode_bodies(row.bodies), strict=True):
            number = body[0] if isinstance(body, tuple) else body
            said = (role_of(name, row.is_writer), row.at, row.rank, hashes[number])
            won[row.asset_id, name] = max(won.get((row.asset_id, name), said), said)
    yield (_line("asset", *names[i], *at) for i, at in times.items())
    yield (_line("facet", *names[i], name, *said) for (i, name), said in won.items())


def _shapes(connection: Connection, names: Mapping[int, Sequence[object]]) -> dict[int, Any]:
    found: dict[int, Any] = {i: [[], []] for i in connection.execute(select(SHAPE.c.id)).scalars()}
    for row in connection.execute(select(SHAPE_DATASET)):
        said = [*names[row.dataset_id], bool(row.is_output), row.operation]
        found[row.shape_id][0].append(said)
    for row in connection.execute(select(SHAPE_EDGE)):
        said = [*names[row.source_id], *names[row.target_id], row.basis]
        found[row.shape_id][1].append(said)
    return {i: [sorted(datasets), sorted(edges)] for i, (datasets, edges) in found.items()}


def _line(*values: object) -> bytes:
    return orjson.dumps(values)
