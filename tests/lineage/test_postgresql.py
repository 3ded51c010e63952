"""What only PostgreSQL does: connections that die, readers beside writers, settings of a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from catalog.database import bump_revision, connect, get_meta, revision, writing
from catalog.engines import PATIENCE_MS, is_locked
from lineage.commits import is_down
from lineage.ingest import Arrival, Ingestor
from lineage.rebuild import digest, rebuild
from tests.lineage.worlds import take

MakeEvent = Callable[..., dict[str, Any]]
CleanStore = Callable[[], Engine]

OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def url(new_postgresql: Callable[[], str]) -> str:
    return new_postgresql()


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def end_connections(url: str) -> Iterator[Callable[[], None]]:
    """Ends every other connection, as a restart of the server does."""
    other = connect(url)

    def end() -> None:
        with other.connect() as connection:
            connection.exec_driver_sql(OTHERS)

    yield end
    other.dispose()


def sent(make_event: MakeEvent, n: int) -> list[bytes]:
    return [
        json.dumps(make_event(eventTime=f"2026-11-20T06:00:{i:02}Z")).encode() for i in range(n)
    ]


def test_a_connection_that_died_unused_is_not_noticed(
    store: Engine, make_event: MakeEvent, end_connections: Callable[[], None]
) -> None:
    first, second = sent(make_event, 2)
    ingestor = Ingestor(store)
    ingestor.ingest([Arrival(first, "t")])

    end_connections()

    assert ingestor.ingest([Arrival(second, "t")])[0].status == "stored"


@pytest.mark.parametrize("table", ["lineage_event", "lineage_payload", "lineage_run"])
def test_a_connection_that_dies_while_writing_is_the_store_s_trouble_and_leaves_nothing(
    store: Engine,
    make_event: MakeEvent,
    clean_store: CleanStore,
    end_connections: Callable[[], None],
    table: str,
) -> None:
    bodies = sent(make_event, 3)
    ingestor = Ingestor(store)
    ingestor.ingest([Arrival(bodies[0], "t")])

    def die(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(f'INSERT INTO "{table}"'):
            event.remove(store, "before_cursor_execute", die)
            end_connections()

    event.listen(store, "before_cursor_execute", die)
    with pytest.raises(DBAPIError) as caught:
        ingestor.ingest([Arrival(body, "t") for body in bodies])

    ingestor.ingest([Arrival(body, "t") for body in bodies])

    alone = clean_store()
    take(alone, [bodies])
    assert is_down(caught.value)
    assert digest(store) == digest(alone)


def test_a_reader_sees_one_state_to_its_end(store: Engine) -> None:
    with store.connect() as reader:
        before = get_meta(reader, "revision")
        with writing(store) as writer:
            bump_revision(writer)
        after = get_meta(reader, "revision")

    assert after == before
    assert revision(store) == before + 1


def test_readers_go_on_while_everything_is_derived_again(
    store: Engine, make_event: MakeEvent
) -> None:
    take(store, [sent(make_event, 3)])
    before = digest(store)

    steps = rebuild(store)
    next(steps)
    meanwhile = digest(store)
    for _ in steps:
        pass

    assert meanwhile == before
    assert digest(store) == before


def test_a_reader_cannot_write(store: Engine) -> None:
    with store.connect() as reader, pytest.raises(DBAPIError, match="read-only"):
        bump_revision(reader)


def test_a_writer_waits_for_another_only_so_long(
    store: Engine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.engines._SESSION", "SET lock_timeout = '50ms'")
    hurried = connect(url)

    with writing(store), pytest.raises(DBAPIError) as caught, writing(hurried):
        pass

    hurried.dispose()
    assert is_locked(caught.value)
    assert is_down(caught.value)
    with store.connect() as connection:
        waited = connection.exec_driver_sql("SHOW lock_timeout").scalar()
    assert waited == f"{PATIENCE_MS}ms"


@pytest.mark.parametrize(("told", "kept"), [("off", "on"), ("remote_write", "remote_write")])
def test_an_answer_means_durable_whatever_the_server_was_told(
    url: str, told: str, kept: str
) -> None:
    first = connect(url)
    name = first.url.database
    with writing(first) as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = {told}')
    first.dispose()

    engine = connect(url)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == kept
    engine.dispose()
