"""What removing by age leaves, tells and refuses, example by example."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from catalog import chain
from catalog.database import get_meta, writing
from catalog.errors import UserError
from lineage import retention
from lineage.contents import FACET_BODY
from lineage.estate import Estate
from lineage.history import estates_at
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.log import event_body
from lineage.loose import drop
from lineage.removals import REMOVED, removed
from lineage.retention import Sum, plan, remove
from lineage.runs import RUN_EVENT
from tests.lineage.test_fold_laws import told_by
from tests.lineage.test_retention import (
    LIMIT,
    START,
    at,
    counted,
    is_intact,
    payloads,
    present,
    rebuilt,
    removed_up_to,
    seen,
)
from tests.lineage.worlds import take


def heartbeat(minute: int, **parts: Any) -> bytes:
    """One more sign of life of a run that lasts."""
    event = {
        "eventType": "RUNNING",
        "eventTime": at(minute),
        "producer": "https://example.com/stream",
        "run": {"runId": "019c0000-0000-7000-8000-000000000009"},
        "job": {"namespace": "jobs", "name": "stream"},
        "outputs": [{"namespace": "kafka://broker", "name": "orders", "facets": {}}],
    }
    return json.dumps({**event, **parts}).encode()


def event_id(store: Engine, sent: bytes) -> str:
    (receipt,) = Ingestor(store).ingest([Arrival(sent, "t")])
    return receipt.event_id or ""


def test_the_first_and_the_last_of_a_long_run_stay(store: Engine) -> None:
    sent = [heartbeat(minute) for minute in range(10)]
    take(store, [sent])

    assert removed_up_to(store, 20) == 8

    ids = [bytes.fromhex(event_id(store, one)) for one in sent]
    with store.connect() as connection:
        assert [event_body(connection, one) is not None for one in ids] == [
            True, *[False] * 8, True,
        ]  # fmt: skip
        listed = select(func.count()).select_from(RUN_EVENT)
        assert connection.execute(listed).scalar() == 2


def test_an_event_that_was_removed_is_known_when_it_comes_again(store: Engine) -> None:
    sent = [heartbeat(minute) for minute in range(3)]
    take(store, [sent])
    removed_up_to(store, 20)

    (receipt,) = Ingestor(store).ingest([Arrival(sent[1], "t")])

    assert receipt.status is Status.DUPLICATE
    assert payloads(store) == 2
    assert is_intact(store)


FAILED = {"assertion": "not_null", "column": "id", "success": False}
PASSED = {**FAILED, "success": True}


def tested(*results: dict[str, Any]) -> list[dict[str, Any]]:
    facets = {"dataQualityAssertions": {"assertions": list(results)}}
    return [{"namespace": "kafka://broker", "name": "orders", "facets": facets}]


def measured(rows: int) -> list[dict[str, Any]]:
    facets = {"dataQualityMetrics": {"rowCount": rows, "columnMetrics": {}}}
    return [{"namespace": "kafka://broker", "name": "orders", "facets": facets}]


def nameless(rows: int) -> list[dict[str, Any]]:
    """An entry that is skipped, since it lacks a namespace, with facets that nobody reads."""
    return [{"name": "orders", "facets": {"owners": {"rows": rows}}}]


WINDOWS = {
    "jobType": {
        "processingType": "STREAMING",
        "integration": "FLINK",
        "emissionPattern": {"eventContentMode": "COMPLETE_SNAPSHOT"},
    }
}


@pytest.mark.parametrize(
    "sent",
    [
        [heartbeat(n, inputs=tested([FAILED, PASSED][n % 2 : n % 2 + 1][0])) for n in range(2)]
        + [heartbeat(2, inputs=tested(FAILED, PASSED))],
        [
            heartbeat(n, job={"namespace": "jobs", "name": "stream", "facets": WINDOWS})
            for n in range(5)
        ],
        [heartbeat(n, inputs=measured(n // 4)) for n in range(5)],
        [heartbeat(n, inputs=nameless(n)) for n in range(5)],
        [heartbeat(n, outputs=nameless(n)) for n in range(5)],
        [heartbeat(n, dataset={**tested()[0], **nameless(n)[0]}) for n in range(5)],
        [heartbeat(n, eventType=t) for n, t in enumerate(["START", "RUNNING", "COMPLETE"])],
        [heartbeat(n, run={"runId": f"run {n}"}) for n in range(5)],
        [heartbeat(n, run=None, eventType=None) for n in range(5)],
        [heartbeat(7)] * 3 + [heartbeat(7, run={"runId": heartbeat(0).decode()[9:20]})],
    ],
    ids=[
        "each result differs",
        "windows",
        "measures",
        "skipped input",
        "skipped output",
        "dataset of a run",
        "types",
        "runs",
        "jobs",
        "one instant",
    ],
)
def test_what_says_something_of_its_own_stays(store: Engine, sent: list[bytes]) -> None:
    take(store, [sent])

    assert removed_up_to(store, 20) == 0


def test_a_skipped_entry_that_says_the_same_again_keeps_nothing(store: Engine) -> None:
    take(store, [[heartbeat(n, inputs=nameless(1), outputs=nameless(2)) for n in range(5)]])

    assert removed_up_to(store, 20) == 3


def test_nothing_goes_before_it_is_old_by_both_clocks(store: Engine) -> None:
    take(store, [[heartbeat(minute) for minute in range(10)]])
    long_ago = [
        heartbeat(0, eventTime=f"2001-01-01T00:0{n}:00Z", run={"runId": "long ago"})
        for n in range(5)
    ]
    take(store, [long_ago])
    yesterday = datetime.now(UTC) - timedelta(minutes=1)

    assert not list(remove(store, LIMIT, yesterday + timedelta(days=1), pause=False))
    assert removed_up_to(store, 4) == 3 + 3


def test_only_runs_in_which_something_grew_old_are_looked_through_again(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = "2001-01-01T00:0{}:00Z"
    take(store, [[heartbeat(0, eventTime=long_ago.format(n)) for n in range(4)]])
    swept = datetime.now(UTC) + timedelta(days=LIMIT.keep_days)
    assert sum(len(p.events) for p in remove(store, LIMIT, swept, pause=False)) == 2
    read: list[object] = []

    def note(events: Iterable[object]) -> Iterator[object]:
        read.extend(events)
        yield from ()

    monkeypatch.setattr(retention, "superseded", note)

    assert not list(remove(store, LIMIT, swept, pause=False))
    assert read == []
    take(store, [[heartbeat(0, eventTime=long_ago.format(2), producer="p")]])
    assert not list(remove(store, LIMIT, swept + timedelta(minutes=1), pause=False))
    assert len(read) == 3


def test_what_a_finding_rests_on_stays(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [heartbeat(minute) for minute in range(6)]
    take(store, [sent])
    cited = event_id(store, sent[3])
    monkeypatch.setattr(retention, "CITED", [lambda _: [cited]])

    assert removed_up_to(store, 20) == 3
    with store.connect() as connection:
        assert event_body(connection, bytes.fromhex(cited)) is not None


def test_what_is_kept_stands_for_what_was_removed_even_when_it_goes_in_its_turn(
    store: Engine,
) -> None:
    take(store, [[heartbeat(minute) for minute in range(5, 12)]])
    assert removed_up_to(store, 20) == 5
    take(store, [[heartbeat(1)]])
    before = counted(store)

    assert removed_up_to(store, 30) == 1

    rebuilt(store)
    assert counted(store) == before


def test_a_past_instant_is_told_exactly_or_not_at_all(store: Engine) -> None:
    Ingestor(store).ingest([Arrival(heartbeat(minute), "t") for minute in (0, 5, 9, 30)])
    before = known_at(store, 3), known_at(store, 20)
    removed_up_to(store, 15)

    assert (known_at(store, 3), known_at(store, 20)) == before
    with pytest.raises(UserError, match="is not known exactly any more: events before 2100-01-01"):
        known_at(store, 7)
    with pytest.raises(UserError, match=r"were removed on .* \(person:ana, after 1 days\)"):
        known_at(store, 7)


def known_at(store: Engine, minute: int) -> object:
    estate: Estate = next(estates_at(store, [START + timedelta(minutes=minute)]))
    return told_by(estate)


def test_each_removal_is_written_down(store: Engine) -> None:
    take(store, [[heartbeat(minute) for minute in range(5)]])
    total = Sum()
    for planned in plan(store, LIMIT.until(present(20))):
        total = total.plus(planned)

    removed_up_to(store, 20)

    with store.connect() as connection:
        found = removed(connection)
        links = [link.kind for link in chain.links(connection)]
    assert found is not None
    assert (found.events, found.bytes, found.removed_by) == (3, total.bytes, "person:ana")
    assert found.until == START + timedelta(minutes=20)
    assert total.happened == (START + timedelta(minutes=1), START + timedelta(minutes=3))
    assert links == ["events", "removals"]
    assert intake(store).removed == found


TAMPERED = [
    "DELETE FROM lineage_removed WHERE seq = 3",
    "UPDATE lineage_removed SET kept_seq = 2 WHERE seq = 3",
    "UPDATE lineage_removal SET removed_by = 'person:eve'",
    "UPDATE lineage_removal SET until = until - 1",
    "DELETE FROM lineage_removal",
    "DELETE FROM lineage_event WHERE seq = 3",
    "UPDATE lineage_event SET event_time = event_time - 1 WHERE seq = 3",
    "DELETE FROM lineage_payload WHERE seq = 1",
    (
        "DELETE FROM lineage_payload WHERE seq = 1;"
        "INSERT INTO lineage_removed (seq, removal_id, kept_seq) VALUES (1, 1, 1)"
    ),
    (
        "DELETE FROM lineage_payload WHERE seq = 1;"
        "INSERT INTO lineage_removed (seq, removal_id, kept_seq) VALUES (1, 2, 1)"
    ),
]


@pytest.mark.parametrize("statements", TAMPERED)
def test_what_is_hidden_behind_a_removal_is_found(store: Engine, statements: str) -> None:
    take(store, [[heartbeat(minute) for minute in range(5)]])
    removed_up_to(store, 20)
    assert is_intact(store)

    with writing(store) as connection:
        for statement in statements.split(";"):
            connection.exec_driver_sql(statement)

    assert not is_intact(store)


def test_what_was_tampered_with_is_not_removed(store: Engine) -> None:
    take(store, [[heartbeat(minute) for minute in range(5)]])
    with writing(store) as connection:
        connection.exec_driver_sql(
            "UPDATE lineage_payload SET body = (SELECT body FROM lineage_payload WHERE seq = 2)"
            " WHERE seq = 3"
        )

    with pytest.raises(UserError, match="would destroy evidence"):
        removed_up_to(store, 20)

    with store.connect() as connection:
        assert connection.execute(select(func.count()).select_from(REMOVED)).scalar() == 0


def test_it_stops_when_it_is_told_also_where_nothing_is_found(store: Engine) -> None:
    types = ("START", "RUNNING", "COMPLETE")
    take(store, [[heartbeat(minute, eventType=one) for minute, one in enumerate(types)]])

    assert not list(remove(store, LIMIT, present(20), pause=False, is_over=lambda: True))

    with store.connect() as connection:
        assert get_meta(connection, "retention_swept_until_us") == 0
    take(store, [[telling(minute) for minute in range(3, 9)]])
    assert removed_up_to(store, 20) == 4
    bodies = bodies_of(store)
    assert not list(drop(store, pause=False, is_over=lambda: True))
    assert bodies_of(store) == bodies
    assert sum(drop(store, pause=False))


def telling(minute: int) -> bytes:
    """A sign of life with a description of its own."""
    facets = {"documentation": {"description": f"as of minute {minute}, and so on at length"}}
    return heartbeat(
        minute, outputs=[{"namespace": "kafka://broker", "name": "orders", "facets": facets}]
    )


def test_what_only_removed_events_said_goes_with_them(store: Engine) -> None:
    ingestor = Ingestor(store)
    ingestor.ingest([Arrival(telling(minute), "t") for minute in range(10)])
    ingestor.ingest([Arrival(heartbeat(minute), "t") for minute in range(10)])
    before, bodies = seen(store), bodies_of(store)
    assert removed_up_to(store, 20) == 16
    assert bodies_of(store) == bodies

    taken = sum(drop(store, pause=False))

    assert bodies - bodies_of(store) == 8
    assert taken > 8 * 30
    assert seen(store) == before
    assert is_intact(store)
    assert list(drop(store, pause=False)) == []
    # Whoever remembers what was dropped must not refer to it again.
    run = {"run": {"runId": "another"}}
    ingestor.ingest([Arrival(json.dumps({**json.loads(telling(5)), **run}).encode(), "t")])
    assert is_intact(store)
    told = seen(store)
    rebuilt(store)
    assert seen(store) == told


def bodies_of(store: Engine) -> int:
    with store.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(FACET_BODY)).scalar_one())


def test_what_is_said_again_before_it_goes_stays(store: Engine) -> None:
    take(store, [[telling(minute) for minute in range(10)]])
    removed_up_to(store, 20)
    run = {"run": {"runId": "another"}}
    take(store, [[json.dumps({**json.loads(telling(5)), **run}).encode()]])
    bodies = bodies_of(store)

    list(drop(store, pause=False))

    assert bodies - bodies_of(store) == 7
    assert is_intact(store)


def test_two_at_once_remove_each_event_once(store: Engine) -> None:
    take(store, [[heartbeat(minute) for minute in range(30)]])
    one = remove(store, LIMIT, present(40), pause=False)
    other = remove(store, LIMIT, present(20), pause=False)

    next(one)
    next(other, None)

    assert list(one) == []
    assert list(other) == []
    assert payloads(store) == 2
    assert is_intact(store)


def test_a_rebuild_meanwhile_ends_it(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    take(store, [[heartbeat(minute) for minute in range(10)]])
    before = seen(store)
    steps = remove(store, LIMIT, present(40), pause=False)
    next(steps)

    rebuilt(store)

    with pytest.raises(UserError, match="was derived anew while events were removed"):
        list(steps)
    assert seen(store) == before
    assert removed_up_to(store, 40) == 6
    assert seen(store) == before
