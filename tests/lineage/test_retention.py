"""What is removed by age is missed by nothing that is derived, and told of by the chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from catalog import chain
from catalog.database import derived_tables, set_meta, writing
from lineage.assets import ASSET
from lineage.audit_cli import KINDS
from lineage.history import estates_at
from lineage.intake import intake
from lineage.log import PAYLOAD, event_ids
from lineage.loose import drop
from lineage.projection import SYMLINK
from lineage.reading import load_estate
from lineage.rebuild import digest, rebuild
from lineage.removals import REMOVED
from lineage.retention import Limit, remove
from lineage.runs import RUN, decode_events
from tests.lineage.test_fold_laws import event_lists, run_events, told_by
from tests.lineage.worlds import take

CleanStore = Callable[[], Engine]

# Later than any clock that these tests may run by, so that the age of an event is its own time.
START = datetime(2100, 1, 1, tzinfo=UTC)
END = START + timedelta(hours=9)
LIMIT = Limit(1, "person:ana")


def at(minute: int) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


def body(event: dict[str, Any], minute: int, **parts: Any) -> bytes:
    return json.dumps({**event, "eventTime": at(minute), **parts}).encode()


def present(minute: int) -> datetime:
    """Now, if the limit is to be that minute."""
    return START + timedelta(minutes=minute, days=LIMIT.keep_days)


def removed_up_to(engine: Engine, minute: int) -> int:
    with writing(engine) as connection:
        # These events happened long after they were received, and would pass for looked through.
        set_meta(connection, "retention_swept_until_us", 0)
    steps = remove(engine, LIMIT, present(minute), pause=False)
    return sum(len(planned.events) for planned in steps)


def seen(engine: Engine) -> tuple[object, ...]:
    """Everything that can be seen but how many events the log holds."""
    return digest(engine), told_by(load_estate(engine, END)), aliases(engine), counted(engine)


def aliases(engine: Engine) -> object:
    with engine.connect() as connection:
        rows = connection.execute(select(SYMLINK)).all()
        names = {row.id: row.name for row in connection.execute(select(ASSET))}
        ids = event_ids(connection, (row.seq for row in rows))
        return sorted((names[r.asset_id], names[r.other_id], ids[r.seq]) for r in rows)


def counted(engine: Engine) -> object:
    found = intake(engine)
    return (
        [(p.name, p.events, p.warnings, p.first_at, p.last_at, p.last_received_at, p.spoken)
         for p in found.producers],
        [(w.path, w.message, w.events, w.event_id) for w in found.warnings],
    )  # fmt: skip


def rebuilt(engine: Engine) -> None:
    for _ in rebuild(engine):
        pass


def is_missed(engine: Engine) -> list[str]:
    """Derived tables that still refer to an event that was removed."""
    with engine.connect() as connection:
        gone = set(connection.execute(select(REMOVED.c.seq)).scalars())
        found = [
            table.name
            for table in derived_tables()
            if "seq" in table.c and gone & set(connection.execute(select(table.c.seq)).scalars())
        ]
        runs = connection.execute(select(RUN.c.events)).scalars()
        return found + [RUN.name for events in runs if gone & set(decode_events(events))]


def is_intact(engine: Engine) -> bool:
    with engine.connect() as connection:
        return chain.verify(connection, KINDS) is None


def payloads(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(PAYLOAD)).scalar_one())


# Laws


def alias(name: str) -> dict[str, Any]:
    known = {"identifiers": [{"namespace": "duckdb://wh", "name": name, "type": "TABLE"}]}
    return {"namespace": "duckdb://wh", "name": "wh.main.a", "facets": {"symlinks": known}}


def run_of(event: dict[str, Any], **facets: Any) -> dict[str, Any]:
    return {"run": {**event["run"], "facets": facets}}


def changes(event: dict[str, Any], minute: int) -> list[dict[str, Any]]:
    """How the parts of a run's event may change over time."""
    return [
        {},
        {"outputs": event["outputs"][:1]},
        {"eventType": "RUNNING"},
        {"outputs": [alias("a")]},
        {"outputs": [alias("ab"[minute % 2])]},
        run_of(event, processing_engine={"version": str(minute)}),
        run_of(event, hive_session={"username": ["ben", ""][minute % 2]}),
    ]


@st.composite
def floods(draw: st.DrawFn) -> list[bytes]:
    """Runs that say much again, and other events between."""
    found = []
    runs: list[dict[str, Any]] = draw(st.lists(run_events, min_size=1, max_size=2))
    for event in runs:
        ways = st.sampled_from(draw(st.lists(st.integers(0, 6), min_size=1, max_size=3)))
        minutes = draw(st.lists(st.integers(0, 30), min_size=3, max_size=9))
        found += [body(event, m, **changes(event, m)[draw(ways)]) for m in minutes]
    found += [body(event, draw(st.integers(0, 30))) for event in draw(event_lists)]
    return draw(st.permutations(found))


def check_removal(
    store: Engine, other: Engine, bodies: list[bytes], minute: int, late: int
) -> None:
    """Whatever is asked of a store in which some was removed, one that kept all answers so too."""
    take(store, [bodies[late:]])
    take(other, [bodies[late:]])
    before = seen(store)

    gone = removed_up_to(store, minute)

    assert payloads(store) == payloads(other) - gone
    assert seen(store) == before
    assert is_missed(store) == []
    rebuilt(store)
    assert seen(store) == before
    assert removed_up_to(store, minute) == 0
    take(store, [bodies[:late], bodies])
    take(other, [bodies[:late]])
    now = seen(other)[:3]
    assert seen(store)[:3] == now
    removed_up_to(store, minute + 5)
    list(drop(store, pause=False))
    assert seen(store)[:3] == now
    rebuilt(store)
    assert seen(store)[:3] == now
    assert is_intact(store)
    instants = [START + timedelta(minutes=m) for m in (minute + 5, minute + 6, minute + 20)]
    theirs = [told_by(estate) for estate in estates_at(other, instants)]
    assert [told_by(estate) for estate in estates_at(store, instants)] == theirs


@pytest.fixture(scope="session")
def other_store(tmp_path_factory: pytest.TempPathFactory) -> CleanStore:
    from tests.lineage import conftest

    made = conftest.clean_store.__wrapped__(tmp_path_factory)  # type: ignore[attr-defined]
    found: CleanStore = next(made)
    return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(floods(), st.integers(0, 30), st.integers(0, 4))
def test_what_is_removed_is_missed_by_nothing(
    clean_store: CleanStore, other_store: CleanStore, bodies: list[bytes], minute: int, late: int
) -> None:
    check_removal(clean_store(), other_store(), bodies, minute, late)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(floods(), st.integers(0, 30), st.integers(0, 4))
def test_nor_on_postgresql(
    clean_postgresql: CleanStore,
    other_store: CleanStore,
    bodies: list[bytes],
    minute: int,
    late: int,
) -> None:
    check_removal(clean_postgresql(), other_store(), bodies, minute, late)
