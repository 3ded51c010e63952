"""Reads of the tables: the estate, and one event."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from catalog.database import get_meta
from catalog.engines import release
from catalog.model import Basis, Catalog, Claim, Evidence, Trust
from catalog.moments import microseconds, moment
from catalog.store import load_catalog
from lineage import observed as o
from lineage.assets import DATASET, words_by_id
from lineage.believing import above_runs, keys_of_events, read_symlinks
from lineage.building import build_estate
from lineage.counters import FEED
from lineage.current import current_shapes
from lineage.dbt_commands import Commands, settled
from lineage.declaring import declare
from lineage.estate import Estate, Feed, FeedKind, RunState
from lineage.fold import RANKED_STATES
from lineage.keyring import keys_in
from lineage.keys import AS_SAID
from lineage.lately import COMPLETE, Lately, RunRow, conflicts
from lineage.log import event_body, event_ids
from lineage.merging import group, identify, merge
from lineage.named import read_assets
from lineage.newest import (
    declared_shapes,
    last_shapes,
    newest_by_job,
    newest_runs,
    read_shapes,
)
from lineage.nodes import read_nodes
from lineage.outcomes import Outcome
from lineage.reducers import NO_REDUCERS, Reducers
from lineage.reports import read_reports
from lineage.runs import RUN, id_text
from lineage.spelling import Spelling

WINDOW = timedelta(days=30)


def load_estate(engine: Engine, as_of: datetime, reducers: Reducers = NO_REDUCERS) -> Estate:
    """Everything known now, with ages and windows counted back from ``as_of``."""
    catalog = load_catalog(engine, as_of)
    with engine.connect() as connection, uncollected():
        revision = get_meta(connection, "revision")
        seen = observe(connection, as_of, catalog, reducers)
        release(connection)
        return build_estate(seen, catalog, as_of, revision)


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: much is made, all of it is kept, and walking it takes long."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def event_json(engine: Engine, event_id: str) -> dict[str, Any] | None:
    """One stored event, redacted, by its id of 64 hex digits; ``None`` if there is none."""
    try:
        key = bytes.fromhex(event_id)
    except ValueError:
        return None
    with engine.connect() as connection:
        return event_body(connection, key)


def observe(
    connection: Connection, as_of: datetime, catalog: Catalog, reducers: Reducers
) -> o.Observed:
    """Everything that events said, as plain values, of whole assets under all of their names."""
    until, since = microseconds(as_of), microseconds(as_of - WINDOW)
    assets = read_assets(connection, until)
    datasets = {i: a for i, (kind, a) in assets.items() if kind == DATASET}
    jobs = {i: a for i, (kind, a) in assets.items() if kind != DATASET}
    keys = keys_in(connection)
    spelling = Spelling(catalog.aliases, reducers)
    symlinks = read_symlinks(connection, datasets, keys, until, spelling)
    nodes = read_nodes(connection)
    identities = identify(datasets, jobs, symlinks, catalog, reducers, nodes=nodes)
    groups = group(datasets, jobs, identities)
    words = words_by_id(connection)
    shapes = read_shapes(connection)
    newest = {state: newest_runs(connection, state, until) for state in RANKED_STATES}
    succeeded = newest[COMPLETE]
    latest = newest_by_job(row for rows in newest.values() for row in rows)
    successful = newest_by_job(succeeded)
    lately = Lately(connection, jobs, as_of, (since, until), groups.jobs)
    lately.ask_airflow(latest.values())
    versions = connection.execute(
        select(RUN.c.job_id, RUN.c.version_id, func.min(RUN.c.at).label("at"))
        .where(RUN.c.state == COMPLETE, RUN.c.version_id.is_not(None), RUN.c.at <= until)
        .group_by(RUN.c.job_id, RUN.c.version_id)
    )
    whole = {**groups.datasets, **groups.jobs}
    reports = read_reports(connection, (since, until), jobs, whole, lately.habits)
    outcomes = {i: lately.outcome(row, reports.failed_runs) for i, row in latest.items()}
    causes = (cause for _, cause in outcomes.values())
    rows = [*latest.values(), *successful.values(), *lately.successful, *causes]
    ids = event_ids(connection, (row.seq for row in rows))
    conflicting = conflicts(connection, latest.values())
    above = above_runs(connection, (row.id for row in latest.values()), until)
    commands = Commands(connection, groups.datasets, reports.failed_runs, until)
    seen = o.Observed(
        datasets=datasets,
        jobs=jobs,
        latest={
            i: replace(
                run_of(row, words, ids),
                state=lately.state(row),
                told=lately.told(row),
                conflict=conflicting.get(row.id, ()),
                outcome=_outcome(row, *outcomes[i], jobs, ids),
                above=above.get(row.id, AS_SAID),
            )
            for i, row in latest.items()
        },
        successful={i: run_of(row, words, ids) for i, row in successful.items()},
        shapes=shapes,
        recent=tuple(run_of(row, words, ids) for row in lately.successful),
        runs_30d=lately.finished,
        shape_ends={row.shape_id: moment(row.at) for row in succeeded},
        tests=settled(commands, reports.newest, jobs),
        tested_at=reports.tested_at,
        answered_at=reports.answered_at,
        feeds=_feeds(connection),
        endless=lately.habits.endless,
        first_success={(r.job_id, words[r.version_id]): moment(r.at) for r in versions},
        keys=keys,
        reported_by=keys_of_events(connection, (t.event_id for t in reports.newest if keys)),
    )
    current = current_shapes(
        seen,
        declared_shapes(connection, until),
        last_shapes(connection, succeeded, until),
    )
    return declare(merge(replace(seen, current=current), groups))


def run_of(row: RunRow, words: dict[int, str], ids: dict[int, str]) -> o.Run:
    """A run from its row."""
    at = moment(row.at)
    return o.Run(
        id_text(row.run_id),
        row.job_id,
        RANKED_STATES[row.state],
        moment(row.started_at),
        at if row.terminals else None,
        row.shape_id,
        row.parent_job_id,
        row.root_job_id,
        None if row.principal_id is None else words[row.principal_id],
        words[row.producer_id],
        None if row.version_id is None else words[row.version_id],
        ids[row.seq],
        at,
        _ends(row.terminals),
        trust=None if row.trust is None else Trust(row.trust),
        key_id=row.key_id,
    )


@cache
def _ends(bits: int) -> frozenset[RunState]:
    return frozenset(state for rank, state in RANKED_STATES.items() if bits >> rank & 1)


def _outcome(
    row: RunRow,
    found: Outcome,
    cause: RunRow,
    jobs: Mapping[int, o.Asset],
    ids: Mapping[int, str],
) -> Claim[RunState]:
    why = "a blocking data test failed" if found.is_by_test else f"a run ended as {found.state}"
    if cause.id == row.id:
        why = why if found.is_by_test else "its own events say so"
    else:
        why = f"{why} in {jobs[cause.job_id].name}, which is part of it"
    evidence = Evidence(id_text(cause.run_id), event_id=ids[cause.seq], facet="run.runId")
    return Claim(found.state, Basis.ASSERTED, why, (evidence,))


def _feeds(connection: Connection) -> tuple[Feed, ...]:
    merged: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(FEED)):
        merged[row.namespace, row.evidence].append(row)
    newest = {key: max(rows, key=lambda r: (r.last_at, r.event_id)) for key, rows in merged.items()}
    return tuple(_feed(key, merged[key], newest[key]) for key in sorted(merged))


def _feed(key: tuple[str, str], rows: Iterable[Row[Any]], newest: Row[Any]) -> Feed:
    namespace, evidence = key
    return Feed(
        namespace,
        FeedKind(evidence),
        tuple(sorted(r.producer for r in rows)),
        moment(min(r.first_at for r in rows)),
        moment(newest.last_at),
        sum(r.events for r in rows),
        newest.event_id.hex(),
    )
