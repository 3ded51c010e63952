"""Stores of earlier versions: opened, brought up to date, and derived again before any answer."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence

import orjson
import pytest
from alembic import command
from click.testing import CliRunner
from sqlalchemy import Engine, create_engine, inspect, text

from catalog import chain
from catalog.database import connect, get_meta, needs_rebuild, writing
from catalog.migrate import configuration
from lineage import cli
from lineage.audit_cli import KINDS
from lineage.contents import compress
from lineage.events import parse_event
from lineage.ingest import Arrival, Ingestor
from lineage.log import count
from lineage.rebuild import digest, refill
from tests.lineage.worlds import digest_of

CleanStore = Callable[[], Engine]

_EVENT = text(
    "INSERT INTO lineage_event (seq, event_id, received_at, event_time, kind, producer,"
    " content_hash, previous_hash, received_count, secrets)"
    " VALUES (:seq, :event_id, 1795000000000000, :time, :kind, :producer, :hash, :hash, 1,"
    " :secrets)"
)
_PAYLOAD = text("INSERT INTO lineage_payload (seq, body) VALUES (:seq, :body)")


def make_first_version(url: str, bodies: Sequence[bytes]) -> int:
    """A store as the first version made it, with whole events. Answers with how many they are."""
    engine = create_engine(url)
    events = {event.event_id: event for event in map(parse_event, bodies)}
    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO catalog_meta (key, value) VALUES ('derived_version', 1), ('epoch', 1)"
            )
        )
        for seq, event in enumerate(events.values(), 1):
            row = {
                "seq": seq,
                "event_id": event.event_id,
                "time": event.time,
                "kind": int(event.kind),
                "producer": event.producer,
                "hash": hashlib.sha256(event.body).digest(),
                "secrets": orjson.dumps(event.secrets).decode() if event.secrets else None,
            }
            connection.execute(_EVENT, row)
            connection.execute(_PAYLOAD, {"seq": seq, "body": compress(event.body)})
    engine.dispose()
    return len(events)


@pytest.fixture
def old(url: str, bodies: list[bytes]) -> Iterator[Engine]:
    """A store of the first version with real events, just opened by this one."""
    make_first_version(url, bodies)
    engine = connect(url)
    yield engine
    engine.dispose()


def test_a_store_of_the_first_version_says_what_a_fresh_one_would(
    old: Engine, clean_store: CleanStore, bodies: list[bytes]
) -> None:
    assert needs_rebuild(old)

    folded = sum(refill(old))

    with old.connect() as connection:
        assert folded == count(connection)
    assert not needs_rebuild(old)
    assert digest(old) == digest_of(clean_store, [bodies])
    assert sum(refill(old)) == 0


def test_what_an_old_store_holds_is_known_and_goes_on(old: Engine, bodies: list[bytes]) -> None:
    for _ in refill(old):
        pass
    ingestor = Ingestor(old)

    again = ingestor.ingest([Arrival(body, "t") for body in bodies])
    newer = orjson.loads(bodies[0]) | {"eventTime": "2026-11-20T11:00:00Z"}
    ingestor.ingest([Arrival(orjson.dumps(newer), "t")])

    assert {receipt.status for receipt in again} == {"duplicate"}
    with old.connect() as connection:
        held = count(connection)
        links = [(c.first, c.last) for c in chain.covered(connection) if c.kind == "events"]
        assert chain.verify(connection, KINDS) is None
    assert links == [(1, held)]


def test_a_change_of_an_old_event_is_found_from_then_on(old: Engine) -> None:
    for _ in refill(old):
        pass
    with writing(old) as connection:
        connection.exec_driver_sql("UPDATE lineage_event SET kind = 9 WHERE seq = 3")

    with old.connect() as connection:
        broken = chain.verify(connection, KINDS)

    assert broken is not None
    assert broken.where.startswith("link 1 (events 1 to ")


def test_an_upgraded_store_keeps_its_keys_and_indexes(old: Engine) -> None:
    found = inspect(old)

    unique = [c["column_names"] for c in found.get_unique_constraints("lineage_event")]
    indexed = [i["column_names"] for i in found.get_indexes("lineage_event") if not i["unique"]]
    columns = {c["name"] for c in found.get_columns("lineage_event")}

    assert ["event_id"] in unique
    assert ["event_time"] in indexed
    assert found.get_pk_constraint("lineage_event")["constrained_columns"] == ["seq"]
    assert {"key_id", "flags"} <= columns
    assert not {"producer", "previous_hash"} & columns


def test_a_command_derives_an_old_store_again_before_it_answers(
    url: str, clean_store: CleanStore, bodies: list[bytes]
) -> None:
    events = make_first_version(url, bodies)

    first = CliRunner().invoke(cli.digest, ["--database", url])
    second = CliRunner().invoke(cli.digest, ["--database", url])

    assert first.stdout.strip() == digest_of(clean_store, [bodies])
    assert f"from {events:,} events" in first.stderr
    assert (second.stdout, second.stderr) == (first.stdout, "")


def test_of_several_who_find_an_old_store_one_derives_it_again(old: Engine) -> None:
    with old.connect() as connection:
        before = get_meta(connection, "epoch")

    threads = [threading.Thread(target=lambda: sum(refill(old))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with old.connect() as connection:
        assert get_meta(connection, "epoch") == before + 1
    assert not needs_rebuild(old)
