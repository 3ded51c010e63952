"""Stores to ingest into, events in a few words, and real events that producers once sent."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, Engine, delete, event
from sqlmodel import SQLModel

from catalog.database import DERIVED_VERSION, connect, set_meta, writing
from catalog.store import apply_catalog
from lineage.estate import Estate
from lineage.history import Standpoint, stand
from lineage.ingest import Arrival, Ingestor
from lineage.reading import load_estate
from tests.conftest import DATABASES
from tests.lineage.worlds import NOW, CorpusFile, at, catalog_of

EVENTS = Path(__file__).parents[3] / "shared" / "openlineage" / "events"

CleanStore = Callable[[], Engine]
MakeEvent = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def clean_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanStore]:
    """Empties one store and hands it out: laws want hundreds, and making each takes far longer.

    What an earlier call gave out is emptied too.
    """
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('store') / 'andon.db'}")
    event.listen(engine, "connect", _careless)
    engine.dispose()
    yield partial(_emptied, engine)
    engine.dispose()


@pytest.fixture(scope="session")
def clean_postgresql(new_postgresql: Callable[[], str]) -> Iterator[CleanStore]:
    """The same on PostgreSQL, where it takes ten times as long."""
    engine = connect(new_postgresql())
    yield partial(_emptied, engine)
    engine.dispose()


def _emptied(engine: Engine) -> Engine:
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            tables = ", ".join(_filled(connection))
            if tables:
                connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")
        else:
            for table in SQLModel.metadata.sorted_tables:
                connection.execute(delete(table))
        set_meta(connection, "derived_version", DERIVED_VERSION)
    return engine


def _filled(connection: Connection) -> list[str]:
    """Tables that hold anything: emptying one that does not takes as long."""
    names = [table.name for table in SQLModel.metadata.sorted_tables]
    asked = ", ".join(f"EXISTS (SELECT FROM {name})" for name in names)  # our own names
    found = connection.exec_driver_sql(f"SELECT {asked}").one()
    return [name for name, is_filled in zip(names, found, strict=True) if is_filled]


def _careless(dbapi: Any, _record: Any) -> None:
    # These stores need not outlive a power failure.
    dbapi.execute("PRAGMA synchronous = OFF")


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest) -> Engine:
    """An empty store: each test runs on SQLite and on PostgreSQL."""
    is_postgresql = request.param == "postgresql"
    empty: CleanStore = request.getfixturevalue(
        "clean_postgresql" if is_postgresql else "clean_store"
    )
    return empty()


@pytest.fixture(scope="session")
def corpus() -> Sequence[CorpusFile]:
    """Every file of real events. They are no part of the checkout: they lie beside it."""
    index = EVENTS / "INDEX.json"
    if not index.exists():
        message = f"no real events at {EVENTS}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    files = json.loads(index.read_text("utf-8"))["files"]
    return [CorpusFile(f["file"], _bodies(f["file"]), f["verdicts"]) for f in files]


def _bodies(name: str) -> tuple[bytes, ...]:
    content = (EVENTS.parent / name).read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    try:
        whole = orjson.loads(content)
    except orjson.JSONDecodeError:
        return tuple(line for line in content.splitlines() if line.strip())
    return tuple(orjson.dumps(e) for e in whole) if isinstance(whole, list) else (content,)


@pytest.fixture(scope="session")
def bodies(corpus: Sequence[CorpusFile]) -> list[bytes]:
    """Every real event that can be used, in the order of files and lines."""
    return [b for f in corpus if "reject" not in f.verdicts for b in f.bodies]


@pytest.fixture(scope="session")
def make_event() -> MakeEvent:
    """A RunEvent in a few words; keywords replace or, if ``None``, remove its parts."""

    def make(**parts: Any) -> dict[str, Any]:
        event: dict[str, Any] = {
            "eventType": "COMPLETE",
            "eventTime": "2026-11-20T06:00:00Z",
            "producer": "https://example.com/producer",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": "019c0000-0000-7000-8000-000000000001"},
            "job": {"namespace": "jobs", "name": "load"},
            **parts,
        }
        return {key: value for key, value in event.items() if value is not None}

    return make


@pytest.fixture(scope="session")
def today() -> datetime:
    """The instant at which made-up events are looked at."""
    return datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def world(store: Engine, make_event: MakeEvent, tmp_path: Path) -> Callable[..., Estate]:
    """Ingests events, applies declared files, and answers with the estate."""
    runs = iter(range(1000))

    def build(*events: dict[str, Any], declared: str = "") -> Estate:
        filled = [
            {**make_event(run={"runId": f"run {next(runs)}"}, eventTime=at(1)), **event}
            for event in events
        ]
        Ingestor(store).ingest([Arrival(json.dumps(event).encode(), "t") for event in filled])
        if declared:
            apply_catalog(store, catalog_of(tmp_path, declared), "person:ana", NOW)
        return load_estate(store, NOW)

    return build


@pytest.fixture
def look(store: Engine, make_event: MakeEvent, tmp_path: Path) -> Callable[..., Standpoint]:
    """Ingests events, applies declared files, and stands at an instant."""
    runs = iter(range(1000))

    def build(*events: dict[str, Any], declared: str = "", **at_: Any) -> Standpoint:
        filled = []
        for said in events:
            base = make_event(run={"runId": f"run {next(runs)}"}, eventTime=at(1))
            of_none = ("run", "job", "eventType") if "dataset" in said else ()
            filled.append({k: v for k, v in base.items() if k not in of_none} | said)
        Ingestor(store).ingest([Arrival(json.dumps(said).encode(), "t") for said in filled])
        if declared:
            apply_catalog(store, catalog_of(tmp_path, declared), "person:ana", NOW)
        return stand(store, at_.pop("as_of", NOW), **at_)

    return build
