"""The door for events over HTTP: every answer that a client can get, and why."""

from __future__ import annotations

import asyncio
import gzip
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from catalog.database import writing
from lineage import commits, receiver
from lineage.ingest import Arrival, Ingestor, Receipt
from lineage.intake import intake
from lineage.rebuild import digest
from tests.lineage.receiving import LIMIT, URL, client_of, encode, serving

MakeEvent = Callable[..., dict[str, Any]]
CleanStore = Callable[[], Engine]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered is not decided by how busy this machine is."""
    monkeypatch.setattr(commits, "ANSWER_S", 60.0)


@pytest.fixture
def client(store: Engine) -> Iterator[TestClient]:
    with client_of(store) as client:
        yield client


PATHS = [
    "/api/v1/lineage", "/api/v1/lineage/", "/openapi/openlineage/api/v1/lineage",
    "/openapi/openlineage/api/v1/lineage/", "/api/v1/openlineage/lineage",
    "/api/v1/openlineage/lineage/",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_an_event_is_stored_once_on_every_path(
    client: TestClient, make_event: MakeEvent, path: str
) -> None:
    first = client.post(path, content=encode(make_event(eventType="DONE")))
    second = client.post(path, content=encode(make_event(eventType="DONE")))

    assert (first.status_code, second.status_code) == (201, 200)
    told = first.json()
    assert told["status"] == "stored"
    assert [w["path"] for w in told["warnings"]] == ["eventType"]
    assert all(w["message"] for w in told["warnings"])
    assert second.json()["status"] == "duplicate"
    assert second.json()["event_id"] == told["event_id"]
    assert len(bytes.fromhex(told["event_id"])) == 32


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_any_other_method_is_no_success(client: TestClient, path: str, method: str) -> None:
    answer = client.request(method, path)

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_an_answer_comes_only_when_the_event_is_durable(
    client: TestClient, store: Engine, make_event: MakeEvent
) -> None:
    for second in range(5):
        body = encode(make_event(eventTime=f"2026-11-20T06:00:0{second}Z"))

        assert client.post(URL, content=body).status_code == 201
        assert intake(store).events == second + 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"a": NaN}', 400),
        (b'{"a": -Infinity}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 30_000 + b"1" + b"}" * 30_000, 400),
        (b"[" * 500 + b"]" * 500, 422),
        (b'{"a":' * 500 + b"1" + b"}" * 500, 400),
        (b"[]", 422),
        (b"[{}]", 422),
        (b"7", 422),
        (b"{}", 422),
        (b"x" * (LIMIT + 1), 413),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason_and_kept(
    client: TestClient, store: Engine, body: bytes, status: int
) -> None:
    answer = client.post(URL, content=body)

    assert answer.status_code == status
    assert set(answer.json()) == {"detail", "path", "expected"}
    assert answer.json()["detail"]
    assert answer.json()["expected"]
    (kept,) = intake(store).rejections
    assert (kept.status, kept.source) == (status, f"POST {URL}")


def test_a_missing_identity_names_its_place(client: TestClient, make_event: MakeEvent) -> None:
    answer = client.post(URL, content=encode(make_event(run={})))

    assert answer.status_code == 422
    assert answer.json()["path"] == "run.runId"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("gzip", lambda body: gzip.compress(body[:40]) + gzip.compress(body[40:])),
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_compressed_or_chunked_body_is_read(
    client: TestClient,
    make_event: MakeEvent,
    encoding: str,
    pack: Callable[[bytes], bytes],
    is_chunked: bool,
) -> None:
    body = pack(encode(make_event()))
    chunks = (body[i : i + 7] for i in range(0, len(body), 7))

    answer = client.post(
        URL, content=chunks if is_chunked else body, headers={"Content-Encoding": encoding}
    )

    assert answer.status_code == 201


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x"])
def test_an_unknown_encoding_is_unsupported(client: TestClient, encoding: str) -> None:
    answer = client.post(URL, content=b"{}", headers={"Content-Encoding": encoding})

    assert answer.status_code == 415
    assert encoding in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"\x1f\x8b", gzip.compress(b"{}" * 99)[:-9], gzip.compress(b"{}")[:-1]],
    ids=["nothing", "plain", "a head", "half", "all but the last byte"],
)
def test_unreadable_compression_is_unreadable(client: TestClient, body: bytes) -> None:
    answer = client.post(URL, content=body, headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 400
    assert "compress" in answer.json()["detail"]


def test_a_small_body_that_grows_without_end_is_stopped_early(
    client: TestClient, store: Engine
) -> None:
    bomb = gzip.compress(b"0" * 30_000_000, 9)
    chunks = [bomb[i : i + 100] for i in range(0, len(bomb), 100)]
    unread = chunks[::-1]
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": unread.pop(), "more_body": bool(unread)}

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http", "method": "POST", "path": URL, "query_string": b"", "app": client.app,
        "headers": [(b"content-encoding", b"gzip")],
    }  # fmt: skip
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]  # plain ASGI

    assert answers[0]["status"] == 413
    assert len(unread) > len(chunks) * 0.9
    assert intake(store).rejected == 1


def test_the_limit_counts_what_is_unpacked(client: TestClient, make_event: MakeEvent) -> None:
    fits = encode(make_event(x="x" * (LIMIT - 1000)))
    too_large = encode(make_event(x="x" * LIMIT))

    statuses = [
        client.post(
            URL, content=gzip.compress(body), headers={"Content-Encoding": "gzip"}
        ).status_code
        for body in (fits, too_large)
    ]

    assert statuses == [201, 413]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=UTF-8", "Accept": "application/json"},
        {"Content-Type": "text/plain", "Accept": "text/html"},
        {"Content-Type": "application/vnd.x+json", "Accept": "image/png"},
        {"Authorization": "Bearer x"},
    ],
)
def test_no_header_loses_an_event(
    client: TestClient, make_event: MakeEvent, headers: dict[str, str]
) -> None:
    assert client.post(URL, content=encode(make_event()), headers=headers).status_code == 201


# Trouble


def impatient(dbapi: Any, _record: Any) -> None:
    if isinstance(dbapi, sqlite3.Connection):
        dbapi.execute("PRAGMA busy_timeout = 0")
    else:
        dbapi.autocommit = True
        dbapi.execute("SET lock_timeout = '50ms'")
        dbapi.autocommit = False


@pytest.mark.parametrize("body", [b"{}", b"x" * (LIMIT + 1), None])
def test_a_locked_store_asks_to_come_again(
    store: Engine, make_event: MakeEvent, body: bytes | None
) -> None:
    store.dispose()
    event.listen(store, "connect", impatient)
    try:
        with client_of(store) as client:
            with writing(store):
                locked = client.post(URL, content=body or encode(make_event()))
            free = client.post(URL, content=encode(make_event()))
    finally:
        event.remove(store, "connect", impatient)
        store.dispose()

    if body is None or len(body) < LIMIT:
        assert locked.status_code == 503
        assert locked.headers["Retry-After"] == "1"
        assert "lock" in locked.json()["detail"]
    else:
        assert locked.status_code == 413
    assert free.status_code == 201


class Failing(Ingestor):
    """A store that says no, and counts how often it was asked."""

    asked = 0

    def ingest(self, arrivals: Any) -> list[Receipt]:  # noqa: ARG002  # as it is called
        self.asked += 1
        raise OperationalError("insert", {}, Exception("disk is full"))


def test_a_store_that_fails_is_asked_once_for_all_that_wait(store: Engine) -> None:
    failing = Failing(store)
    taker = receiver.Receiver(failing, LIMIT)
    outcomes: list[Any] = []
    app = serving(taker)

    with TestClient(app) as client, ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(client.post, URL, content=b"{}") for _ in range(8)]
        while taker.commits.events < 8:  # all of them wait before it begins
            pass
        with taker.running():
            outcomes = [w.result() for w in waiting]

    assert [o.status_code for o in outcomes] == [503] * 8
    assert failing.asked == 1


def test_more_events_than_can_wait_are_asked_to_come_again(
    store: Engine, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "QUEUED", 1)
    taker = receiver.Receiver(Ingestor(store), LIMIT)
    app = serving(taker)
    body = encode(make_event())

    with TestClient(app) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, URL, content=body)
        while not taker.commits.events:  # nothing takes from it yet
            pass
        second = client.post(URL, content=body)
        with taker.running():
            assert first.result().status_code == 201

    assert second.status_code == 503
    assert second.headers["Retry-After"] == "1"


class Picky(Ingestor):
    """Fails with a bug on one event."""

    def ingest(self, arrivals: Any) -> list[Receipt]:
        if any(b"poison" in a.body for a in arrivals):
            raise ZeroDivisionError
        return super().ingest(arrivals)


def test_one_event_that_cannot_be_folded_does_not_fail_its_neighbours(
    store: Engine, make_event: MakeEvent
) -> None:
    taker = receiver.Receiver(Picky(store), LIMIT)
    app = serving(taker)
    bodies = [encode(make_event(x=n)) for n in range(4)] + [encode(make_event(x="poison"))]

    with TestClient(app, raise_server_exceptions=False) as client, ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(client.post, URL, content=body) for body in bodies]
        while taker.commits.events < 5:  # they share one batch
            pass
        with taker.running():
            statuses = [w.result().status_code for w in waiting]

    assert statuses == [201, 201, 201, 201, 500]


def test_events_from_many_senders_at_once_are_all_stored_once(
    clean_store: CleanStore, make_event: MakeEvent
) -> None:
    bodies = [
        encode(make_event(
            eventTime=f"2026-11-20T06:00:{i:02}Z",
            run={"runId": f"run {i % 5}"},
            outputs=[{"namespace": "duckdb://wh", "name": f"wh.main.t{i % 7}"}],
        ))
        for i in range(40)
    ]  # fmt: skip
    one_by_one = clean_store()
    Ingestor(one_by_one).ingest([Arrival(body, "t") for body in bodies])
    expected = digest(one_by_one)
    engine = clean_store()

    with client_of(engine) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda b: client.post(URL, content=b), bodies * 3))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 80 + [201] * 40
    assert (intake(engine).events, intake(engine).repeats) == (40, 80)
    assert digest(engine) == expected
