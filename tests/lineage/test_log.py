"""The log keeps every event once, in a chain, and every refusal with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog import chain
from catalog.database import revision, writing
from catalog.moments import microseconds
from lineage import log
from lineage.events import parse_event
from lineage.history import present
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.oddities import WarningKind
from lineage.reading import event_json
from lineage.rebuild import rebuild
from tests.lineage.schemas import facet

CleanStore = Callable[[], Engine]
MakeEvent = Callable[..., dict[str, Any]]


def encode(event: Any) -> bytes:
    return json.dumps(event).encode()


def events(make_event: MakeEvent, n: int) -> list[bytes]:
    return [encode(make_event(eventTime=f"2026-11-20T06:00:{i:02}Z")) for i in range(n)]


RUN_ID = "019c0000-0000-7000-8000-000000000001"
ROWS = {log.KIND: chain.Rows(log.events_content, log.EVENT.c.seq)}


def filled(store: Engine, make_event: MakeEvent) -> None:
    ingestor = Ingestor(store)
    bodies = [*events(make_event, 7), encode(make_event(job={"namespace": "n", "name": "j",
        "facets": {"sql": {"query": "copy x password 'hunter2'"}}}))]  # fmt: skip
    for batch in (bodies[:3], bodies[2:4], bodies[4:]):
        ingestor.ingest([Arrival(body, "t") for body in batch])


def test_the_chain_holds_over_batches(store: Engine, make_event: MakeEvent) -> None:
    filled(store, make_event)

    with store.connect() as connection:
        links = list(chain.links(connection))
        broken = chain.verify(connection, ROWS)

    assert broken is None
    assert [(link.first, link.last) for link in links] == [(1, 3), (4, 4), (5, 8)]


CHANGED_PAYLOAD = """
UPDATE lineage_payload SET body = (SELECT body FROM lineage_payload WHERE seq = 1) WHERE seq = 6
"""


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE lineage_event SET received_at = received_at + 1 WHERE seq = 4",
        "UPDATE lineage_event SET event_time = event_time + 1 WHERE seq = 2",
        "UPDATE lineage_event SET kind = 2 WHERE seq = 2",
        "UPDATE lineage_event SET key_id = 3 WHERE seq = 8",
        "UPDATE lineage_event SET flags = 1 WHERE seq = 8",
        "UPDATE lineage_event SET event_id = x'00' WHERE seq = 5",
        "UPDATE lineage_event SET content_hash = event_id WHERE seq = 8",
        "UPDATE lineage_event SET secrets = NULL WHERE seq = 8",
        CHANGED_PAYLOAD,
        "UPDATE lineage_template SET id = id + 100",
        "DELETE FROM lineage_event WHERE seq = 8",
        "DELETE FROM lineage_payload WHERE seq = 3",
    ],
)
def test_every_change_of_a_stored_event_is_found(
    store: Engine, make_event: MakeEvent, change: str
) -> None:
    filled(store, make_event)

    if store.dialect.name == "postgresql":
        change = change.replace("x'00'", r"'\x00'::bytea")
    with writing(store) as connection:
        connection.exec_driver_sql(change)
        broken = chain.verify(connection, ROWS)

    assert broken is not None
    assert "events" in broken.where


def test_the_same_event_twice_is_kept_once_and_counted(
    store: Engine, make_event: MakeEvent
) -> None:
    ingestor = Ingestor(store)
    body = encode(make_event())
    pretty = json.dumps(make_event(), indent=2, sort_keys=True).encode()

    statuses = [
        receipt.status
        for batch in ([body, pretty], [body], [pretty, body])
        for receipt in ingestor.ingest([Arrival(b, "t") for b in batch])
    ]

    assert statuses == [Status.STORED, *[Status.DUPLICATE] * 4]
    told = intake(store)
    assert (told.events, told.repeats) == (1, 4)
    assert told.newest[0].received_count == 5


def test_a_repeat_moves_no_revision_and_anything_new_does(
    store: Engine, make_event: MakeEvent
) -> None:
    ingestor = Ingestor(store)
    moves = []

    for body in (encode(make_event()), encode(make_event()), b"no"):
        before = revision(store)
        ingestor.ingest([Arrival(body, "t")])
        moves.append(revision(store) - before)

    assert moves == [1, 0, 1]


def test_a_refused_body_is_kept_with_its_reason_and_without_its_secrets(
    store: Engine, make_event: MakeEvent
) -> None:
    bad = encode(make_event(run={}, x="password=hunter2", y="\0"))

    Ingestor(store).ingest([Arrival(bad, "file:3"), Arrival(b"\0\xff", "file:4")])

    second, first = intake(store).rejections
    assert (first.source, first.status, first.path) == ("file:3", 422, "run.runId")
    assert first.expected
    assert "hunter2" not in first.excerpt
    assert (second.source, second.status) == ("file:4", 400)
    assert intake(store).rejected == 2


def test_an_event_is_found_by_its_id_as_it_was_stored(store: Engine, make_event: MakeEvent) -> None:
    sent = make_event(x={"password": "hunter2"})

    (receipt,) = Ingestor(store).ingest([Arrival(encode(sent), "t")])

    assert receipt.event_id is not None
    assert event_json(store, receipt.event_id) == {**sent, "x": {"password": "[redacted]"}}
    assert event_json(store, "0" * 64) is None
    assert event_json(store, "no id") is None


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_stored_events_come_back_in_order_of_arrival(
    store: Engine, make_event: MakeEvent, chunk: int
) -> None:
    bodies = events(make_event, 5)[::-1]
    Ingestor(store).ingest([Arrival(body, "t") for body in bodies])

    with store.connect() as connection:
        chunks = list(log.EventLog().events(connection, chunk))
        until = microseconds(datetime(2026, 11, 20, 6, 0, 2, tzinfo=UTC))
        early = [s.event for c in log.EventLog().events(connection, chunk, until=until) for s in c]

    assert [stored.seq for c in chunks for stored in c] == [1, 2, 3, 4, 5]
    assert [stored.event.event_id for c in chunks for stored in c] == [
        parse_event(body).event_id for body in bodies
    ]
    assert all(len(c) <= chunk for c in chunks)
    assert sorted(e.time for e in early) == [until - 2_000_000, until - 1_000_000, until]


def test_no_event_leaves_no_trace(store: Engine) -> None:
    assert Ingestor(store).ingest([]) == []

    assert intake(store).events == 0
    assert revision(store) == 0


def test_two_writers_of_one_store_see_each_other(store: Engine, make_event: MakeEvent) -> None:
    one, other = Ingestor(store), Ingestor(store)
    first, second, third = events(make_event, 3)

    one.ingest([Arrival(first, "t")])
    other.ingest([Arrival(second, "t"), Arrival(first, "t")])
    for _ in rebuild(store):
        pass
    one.ingest([Arrival(third, "t")])

    with writing(store) as connection:
        assert log.count(connection) == 3
    told = intake(store)
    assert (told.events, told.repeats) == (3, 1)


def test_producers_and_warnings_are_counted(store: Engine, make_event: MakeEvent) -> None:
    sent = [
        make_event(producer="https://a"),
        make_event(producer="https://a", eventType="DONE", inputs=4),
        make_event(producer="https://b", eventType="DONE"),
        make_event(producer=None),
    ]

    Ingestor(store).ingest([Arrival(encode(event), "t") for event in sent])

    told = intake(store)
    assert {p.name: (p.events, p.warnings) for p in told.producers} == {
        "https://a": (2, 1), "https://b": (1, 1), "unknown": (1, 1),
    }  # fmt: skip
    assert [(w.path, w.events) for w in told.warnings] == [
        ("eventType", 2), ("inputs", 1), ("producer", 1),
    ]  # fmt: skip
    for _ in rebuild(store):
        pass
    again = intake(store)
    assert (again.producers, again.warnings) == (told.producers, told.warnings)


def test_what_breaks_no_schema_lowers_no_share_and_is_listed_apart(
    store: Engine, make_event: MakeEvent
) -> None:
    mine = facet(url="https://u:hunter2@host.example/")
    sent = [
        make_event(),
        make_event(eventTime="2999-01-01T00:00:00Z"),
        make_event(run={"runId": RUN_ID, "facets": {"mine": facet(note="a\0b")}}),
        make_event(run={"runId": RUN_ID, "facets": {"mine": mine}}),
        make_event(eventType="DONE", eventTime="2999-01-01T00:00:00Z"),
    ]

    Ingestor(store).ingest([Arrival(encode(event), "t") for event in sent])

    (producer,) = intake(store).producers
    assert (producer.events, producer.warnings, producer.breaches) == (5, 4, 1)
    assert producer.conformance.share == 4 / 5
    assert "a value that is not allowed (1)" in producer.conformance.explanation
    assert producer.others == {
        WarningKind.AHEAD: 2, WarningKind.REPLACED: 1, WarningKind.SECRET: 1,
    }  # fmt: skip
    assert [w.kind for w in intake(store).warnings] == [WarningKind.VALUE]
    assert {w.kind for w in intake(store).others} == set(producer.others)


def test_a_time_far_ahead_is_told_and_makes_no_past_of_the_present(
    store: Engine, make_event: MakeEvent
) -> None:
    ahead = json.dumps(make_event(eventTime="2999-01-01T00:00:00Z")).encode()

    receipt = Ingestor(store).ingest([Arrival(ahead, "t")])[0]
    warned = intake(store).others
    for _ in rebuild(store):
        pass

    assert [o.path for o in receipt.oddities] == ["eventTime"]
    assert [w.path for w in warned] == ["eventTime"]
    assert intake(store).others == warned
    assert present(store).year < 2999
