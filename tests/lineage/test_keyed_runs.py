"""Who ran it, by the key that the events came with; and windows of jobs that never end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select

from catalog.moments import microseconds
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.keyring import Keyring
from lineage.keys import Key
from lineage.oddities import WarningKind
from lineage.reading import load_estate
from lineage.rebuild import digest, rebuild
from lineage.runs import STATISTIC
from tests.lineage.worlds import DAY, NOW, at

MakeEvent = Callable[..., dict[str, Any]]
OUTPUT = {"namespace": "duckdb://wh", "name": "wh.main.orders"}
ANA = {"andon_principal": {"principal": "person:ana"}}


@pytest.fixture
def key(store: Engine) -> Key:
    made, _ = Keyring(store).create(
        "loader", ["jobs", "duckdb://*"], environment=None, principal="service:loader",
        expires_at=None, by="test", at=microseconds(DAY),
    )  # fmt: skip
    return made


def written(make_event: MakeEvent, key: Key | None, **parts: Any) -> Arrival:
    event = make_event(
        eventType="COMPLETE",
        job={"namespace": "jobs", "name": "load"},
        run={"runId": "019c0000-0000-7000-8000-000000000001", "facets": ANA},
        outputs=[OUTPUT],
    )
    return Arrival(json.dumps(event | parts).encode(), "t", key)


def test_the_holder_of_a_key_ran_it_whatever_the_event_says(
    store: Engine, make_event: MakeEvent, key: Key
) -> None:
    Ingestor(store).ingest([written(make_event, key)])
    before = digest(store)

    (write,) = load_estate(store, NOW).writes
    for _ in rebuild(store):
        pass

    assert write.principal == "service:loader"
    assert "producer key" in (write.principal_why or "")
    assert digest(store) == before


def test_without_a_key_the_event_is_believed_as_far_as_it_goes(
    store: Engine, make_event: MakeEvent
) -> None:
    Ingestor(store).ingest([written(make_event, None)])

    (write,) = load_estate(store, NOW).writes

    assert write.principal == "person:ana"
    assert "facet" in (write.principal_why or "")


def test_an_event_that_its_key_does_not_cover_breaks_no_schema_by_that(
    store: Engine, make_event: MakeEvent, key: Key
) -> None:
    foreign = written(make_event, key, job={"namespace": "finance", "name": "load"}, outputs=[])

    Ingestor(store, refuses_out_of_scope=False).ingest([foreign])

    (producer,) = intake(store).producers
    assert producer.others[WarningKind.SCOPE] == 1
    assert WarningKind.SCOPE in {warned.kind for warned in intake(store).others}


def test_an_event_outside_the_scope_of_its_key_is_refused(
    store: Engine, make_event: MakeEvent, key: Key
) -> None:
    foreign = written(make_event, key, job={"namespace": "finance", "name": "load"})

    (receipt,) = Ingestor(store).ingest([foreign])

    assert receipt.status is Status.REJECTED
    assert receipt.refusal is not None
    assert receipt.refusal.status == 403
    assert "finance" in receipt.refusal.detail


def test_or_stored_and_flagged_and_then_the_key_stands_for_nobody(
    store: Engine, make_event: MakeEvent, key: Key
) -> None:
    foreign = written(make_event, key, job={"namespace": "finance", "name": "load"})

    (receipt,) = Ingestor(store, refuses_out_of_scope=False).ingest([foreign])

    assert receipt.status is Status.STORED
    assert load_estate(store, NOW).writes[0].principal == "person:ana"


def test_windows_of_a_job_that_never_ends_are_kept_one_by_one(
    store: Engine, make_event: MakeEvent
) -> None:
    emission = {"eventTrigger": "PERIODIC", "eventContentMode": "COMPLETE_SNAPSHOT"}
    facets = {"jobType": {"processingType": "STREAMING", "emissionPattern": emission}}
    events = [
        make_event(
            eventType="RUNNING",
            eventTime=at(minute),
            job={"namespace": "jobs", "name": "stream", "facets": facets},
            outputs=[OUTPUT | {"outputFacets": {"outputStatistics": {"rowCount": minute}}}],
        )
        for minute in (1, 2, 3)
    ]

    Ingestor(store).ingest([Arrival(json.dumps(e).encode(), "t") for e in events])

    with store.connect() as connection:
        rows = connection.execute(select(STATISTIC).order_by(STATISTIC.c.window_at)).all()
    assert [row.rows for row in rows] == [3, 1, 2, 3]  # what it counted last, then each window
