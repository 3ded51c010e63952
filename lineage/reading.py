"""Reads of the tables: the estate, one event, one story."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, func, select

from catalog.database import get_meta
from catalog.store import load_catalog
from lineage import observed as o
from lineage.assets import ASSET, BLOB, DATASET, FACET, expand
from lineage.building import build_estate
from lineage.counters import FEED
from lineage.estate import Estate, Feed, FeedKind, RunState
from lineage.events import microseconds, moment
from lineage.fold import RANKED_STATES, STATE_RANK
from lineage.log import event_body
from lineage.projection import DECLARATION, RESULT, RUN, SHAPE_DATASET, SHAPE_EDGE, TEST

WINDOW = timedelta(days=30)

_COMPLETE = STATE_RANK[RunState.COMPLETE]
_ANSWERED = (STATE_RANK[RunState.COMPLETE], STATE_RANK[RunState.FAIL])
RUN_COLUMNS = (
    RUN.c.run_id, RUN.c.job_id, RUN.c.state, RUN.c.started_at, RUN.c.ended_at, RUN.c.shape_id,
    RUN.c.parent_job_id, RUN.c.root_job_id, RUN.c.principal, RUN.c.producer, RUN.c.version,
    RUN.c.event_id,
)  # fmt: skip


@dataclass(slots=True)
class _Habits:
    """What data tests did within the window."""

    tests: dict[tuple[int, bytes], tuple[int, int]] = field(default_factory=dict)
    """(results, flips) of each test."""
    answers: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Instants at which any test ran to an answer on each dataset, oldest first."""


def load_estate(engine: Engine, as_of: datetime) -> Estate:
    """Everything known now, with ages and windows counted back from ``as_of``."""
    with engine.connect() as connection:
        revision = get_meta(connection, "revision")
        seen = observe(connection, as_of)
    return build_estate(seen, load_catalog(engine, as_of), as_of, revision)


def event_json(engine: Engine, event_id: str) -> dict[str, Any] | None:
    """One stored event, redacted, by its id of 64 hex digits; ``None`` if there is none."""
    try:
        key = bytes.fromhex(event_id)
    except ValueError:
        return None
    with engine.connect() as connection:
        return event_body(connection, key)


def observe(connection: Connection, as_of: datetime) -> o.Observed:
    """Everything that events said, as plain values."""
    until = microseconds(as_of)
    since = microseconds(as_of - WINDOW)
    assets = _assets(connection)
    jobs = {a.id: a for kind, a in assets if kind != DATASET}
    latest = _newest_runs(connection, until, None)
    successful = _newest_runs(connection, until, _COMPLETE)
    declared = {
        row.job_id: row.shape_id
        for row in connection.execute(select(DECLARATION.c.job_id, DECLARATION.c.shape_id))
    }
    recent = tuple(
        run_of(row)
        for row in connection.execute(
            select(*RUN_COLUMNS)
            .where(RUN.c.state == _COMPLETE, RUN.c.ended_at.between(since, until))
            .order_by(RUN.c.ended_at.desc(), RUN.c.run_id.desc())
        )
    )
    shape_ends = {
        row.shape_id: moment(row.at)
        for row in connection.execute(
            select(RUN.c.shape_id, func.max(RUN.c.ended_at).label("at"))
            .where(RUN.c.state == _COMPLETE, RUN.c.ended_at <= until)
            .group_by(RUN.c.shape_id)
        )
    }
    wanted = {r.shape_id for r in (*latest.values(), *successful.values(), *recent)}
    counts = connection.execute(
        select(RUN.c.job_id, func.count().label("n"))
        .where(RUN.c.ended_at.between(since, until))
        .group_by(RUN.c.job_id)
    )
    versions = connection.execute(
        select(RUN.c.job_id, RUN.c.version, func.min(RUN.c.ended_at).label("at"))
        .where(RUN.c.state == _COMPLETE, RUN.c.version.is_not(None), RUN.c.ended_at <= until)
        .group_by(RUN.c.job_id, RUN.c.version)
    )
    habits = _habits(connection, since, until)
    tests = _tests(connection, habits)
    return o.Observed(
        datasets={a.id: a for kind, a in assets if kind == DATASET},
        jobs=jobs,
        latest=latest,
        successful=successful,
        declared=declared,
        shapes=_shapes(connection, wanted | set(declared.values()) | set(shape_ends)),
        recent=recent,
        runs_30d={row.job_id: row.n for row in counts},
        shape_ends=shape_ends,
        tests=tests,
        tested_at=_tested_at(habits, tests),
        answered_at={
            i: tuple(moment(at) for at in answers) for i, answers in habits.answers.items()
        },
        feeds=_feeds(connection),
        first_success={(row.job_id, row.version): moment(row.at) for row in versions},
    )


def _assets(connection: Connection) -> list[tuple[int, o.Asset]]:
    facets: dict[int, dict[str, o.Facet]] = defaultdict(dict)
    decoded: dict[bytes, Any] = {}
    rows = connection.execute(
        select(
            FACET.c.asset_id,
            FACET.c.name,
            FACET.c.hash,
            FACET.c.event_id,
            FACET.c.path,
            BLOB.c.body,
        ).join(BLOB, BLOB.c.hash == FACET.c.hash)
    )
    for row in rows:
        if row.hash not in decoded:
            decoded[row.hash] = orjson.loads(expand(row.body))
        body = decoded[row.hash]
        if not body.get("_deleted"):
            facets[row.asset_id][row.name] = o.Facet(body, row.event_id.hex(), row.path)
    return [
        (
            row.kind,
            o.Asset(
                row.id,
                row.namespace,
                row.name,
                row.seen,
                moment(row.first_seen),
                moment(row.last_seen),
                row.event_id.hex(),
                facets.get(row.id, {}),
            ),
        )
        for row in connection.execute(select(ASSET))
    ]


def _newest_runs(connection: Connection, until: int, state: int | None) -> dict[int, o.Run]:
    other = RUN.alias("other")
    order = (other.c.ended_at if state is not None else other.c.started_at).desc()
    newest = select(other.c.id).where(other.c.job_id == ASSET.c.id, other.c.started_at <= until)
    if state is not None:
        newest = newest.where(other.c.state == state, other.c.ended_at <= until)
    newest = newest.order_by(order, other.c.started_at.desc(), other.c.run_id.desc()).limit(1)
    rows = connection.execute(
        select(*RUN_COLUMNS)
        .select_from(ASSET)
        .join(RUN, RUN.c.id == newest.correlate(ASSET).scalar_subquery())
        .where(ASSET.c.kind != DATASET)
    )
    return {row.job_id: run_of(row) for row in rows}


def run_of(row: Any) -> o.Run:
    """A run from a row that has the columns of ``RUN_COLUMNS``."""
    return o.Run(
        row.run_id,
        row.job_id,
        RANKED_STATES[row.state],
        moment(row.started_at),
        None if row.ended_at is None else moment(row.ended_at),
        row.shape_id,
        row.parent_job_id,
        row.root_job_id,
        row.principal,
        row.producer,
        row.version,
        row.event_id.hex(),
    )


def _shapes(connection: Connection, wanted: Iterable[int]) -> dict[int, o.Shape]:
    ids = set(wanted)
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
        for i in ids
    }


def _habits(connection: Connection, since: int, until: int) -> _Habits:
    found = _Habits()
    before: dict[tuple[int, bytes], bool] = {}
    for row in connection.execute(
        select(RESULT.c.dataset_id, RESULT.c.test_key, RESULT.c.success, RESULT.c.at)
        .join(RUN, RUN.c.id == RESULT.c.run_pk)
        .where(RESULT.c.at.between(since, until), RESULT.c.executed, RUN.c.state.in_(_ANSWERED))
        .order_by(RESULT.c.at, RUN.c.run_id, RESULT.c.event_id)
    ):
        key = (row.dataset_id, row.test_key)
        n, flips = found.tests.get(key, (0, 0))
        found.tests[key] = (n + 1, flips + (before.get(key, row.success) != row.success))
        before[key] = row.success
        answers = found.answers[row.dataset_id]
        if not answers or answers[-1] != row.at:
            answers.append(row.at)
    return found


def _tests(connection: Connection, habits: _Habits) -> tuple[o.TestResult, ...]:
    same = (
        (RESULT.c.dataset_id == TEST.c.dataset_id)
        & (RESULT.c.test_key == TEST.c.test_key)
        & (RESULT.c.run_pk == TEST.c.run_pk)
    )
    rows = connection.execute(
        select(RESULT, RUN.c.job_id, RUN.c.run_id, RUN.c.state)
        .select_from(TEST)
        .join(RESULT, same)
        .join(RUN, RUN.c.id == RESULT.c.run_pk)
    )
    return tuple(
        o.TestResult(
            row.dataset_id,
            row.job_id,
            row.run_id,
            RANKED_STATES[row.state],
            moment(row.at),
            row.success,
            row.executed,
            row.blocking,
            orjson.loads(row.body),
            row.event_id.hex(),
            *habits.tests.get((row.dataset_id, row.test_key), (0, 0)),
        )
        for row in rows
    )


def _tested_at(habits: _Habits, tests: Iterable[o.TestResult]) -> dict[int, datetime]:
    """When a data test last ran to an answer: within the window, else the newest ever."""
    answered = {RANKED_STATES[state] for state in _ANSWERED}
    newest = {i: moment(answers[-1]) for i, answers in habits.answers.items()}
    for test in tests:
        if test.executed and test.run_state in answered and test.dataset_id not in habits.answers:
            newest[test.dataset_id] = max(test.at, newest.get(test.dataset_id, test.at))
    return newest


def _feeds(connection: Connection) -> tuple[Feed, ...]:
    merged: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(FEED)):
        merged[row.namespace, row.evidence].append(row)
    feeds = []
    for (namespace, evidence), rows in sorted(merged.items()):
        newest = max(rows, key=lambda r: (r.last_at, r.event_id))
        feeds.append(
            Feed(
                namespace,
                FeedKind(evidence),
                tuple(sorted(r.producer for r in rows)),
                moment(min(r.first_at for r in rows)),
                moment(newest.last_at),
                sum(r.events for r in rows),
                newest.event_id.hex(),
            )
        )
    return tuple(feeds)
