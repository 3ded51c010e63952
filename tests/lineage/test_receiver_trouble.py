"""Too much, too slow, stopping, or no key: every sender is told what to do, and soon."""

from __future__ import annotations

import asyncio
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from starlette.testclient import TestClient

from lineage import commits, receiver
from lineage.bodies import Body, OverloadedError, Room, UnreadableError
from lineage.doors import Door
from lineage.ingest import Ingestor, Receipt
from lineage.intake import intake
from lineage.keyring import Keyring
from lineage.keys import Key
from tests.lineage.receiving import LIMIT, URL, client_of, encode, serving

MakeEvent = Callable[..., dict[str, Any]]


@pytest.fixture
def client(store: Engine) -> Iterator[TestClient]:
    with client_of(store) as client:
        yield client


# Bodies


def read(chunks: list[bytes], encoding: str, limit: int = LIMIT) -> bytes:
    """What a body is read as, in these pieces."""
    unread = [*chunks, b""][::-1]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": unread.pop(), "more_body": bool(unread)}

    return asyncio.run(Body(Room(2 * limit), limit).read(receive, encoding, 0))


@given(
    st.lists(st.binary(), max_size=4), st.integers(1, 40), st.binary(max_size=0) | st.just(b"\0")
)
def test_gzip_in_any_members_and_pieces_is_what_was_packed(
    members: list[bytes], step: int, padding: bytes
) -> None:
    packed = b"".join(_gzip(member) for member in [*members, b"end"]) + padding * 3

    found = read([packed[i : i + step] for i in range(0, len(packed), step)], "gzip")

    assert found == b"".join(members) + b"end"


@given(st.binary(), st.integers(1, 40), st.sampled_from([zlib.MAX_WBITS, -zlib.MAX_WBITS]))
def test_deflate_is_read_with_and_without_its_header(body: bytes, step: int, bits: int) -> None:
    packer = zlib.compressobj(wbits=bits)
    packed = packer.compress(body) + packer.flush()

    found = read([packed[i : i + step] for i in range(0, len(packed), step)], "deflate")

    assert found == body


@given(st.binary(min_size=1), st.data())
def test_gzip_that_ends_early_is_unreadable(body: bytes, data: st.DataObject) -> None:
    packed = _gzip(body)
    cut = data.draw(st.integers(0, len(packed) - 1))

    with pytest.raises(UnreadableError) as unreadable:
        read([packed[:cut]], "gzip")

    assert unreadable.value.refused.status == 400


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()


def test_room_is_given_back_whatever_becomes_of_the_body(client: TestClient) -> None:
    taker: receiver.Receiver = client.app.state.receiver  # type: ignore[attr-defined]  # Starlette

    for body in (b"{}", b"x" * (LIMIT + 1), b"["):
        client.post(URL, content=body)
        client.post(URL, content=body, headers={"Content-Encoding": "gzip"})

    deadline = time.monotonic() + 5  # an answer may be read before its room is given back
    while taker._room.taken and time.monotonic() < deadline:  # noqa: SLF001  # nothing else tells
        time.sleep(0.01)
    assert taker._room.taken == 0  # noqa: SLF001
    assert taker.commits.events == 0


def test_one_body_always_fits_and_a_second_waits_for_room() -> None:
    room = Room(10)
    room.enter(50)

    with pytest.raises(OverloadedError):
        room.enter(1)

    room.leave(50)
    room.enter(10)
    assert room.taken == 10


def answers_to(taker: receiver.Receiver, receive: Any, *headers: tuple[bytes, bytes]) -> list[Any]:
    """What is sent to somebody who posts, message by message."""
    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {"type": "http", "method": "POST", "path": URL, "headers": headers}
    with taker.running():
        asyncio.run(taker.post(scope, receive, send))
    return answers


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(store: Engine) -> None:
    taker = receiver.Receiver(Ingestor(store), LIMIT)

    async def receive() -> Any:
        raise AssertionError("asked for the body")

    answers = answers_to(taker, receive, (b"content-length", b"%d" % (LIMIT + 1)))

    assert answers[0]["status"] == 413
    assert intake(store).rejected == 1


def test_a_body_that_never_ends_is_given_up_and_gives_its_room_back(
    store: Engine, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "READ_S", 0.1)
    taker = receiver.Receiver(Ingestor(store), LIMIT)
    parts = [encode(make_event())[:100]]

    async def receive() -> Any:
        if not parts:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": parts.pop(), "more_body": True}

    answers = answers_to(taker, receive)

    assert answers[0]["status"] == 503
    assert {(b"retry-after", b"1"), (b"connection", b"close")} <= set(answers[0]["headers"])
    assert taker._room.taken == 0  # noqa: SLF001  # nothing else tells


# Stores that are slow, and processes that stop


class Slow(Ingestor):
    """A store that waits until it is let go."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.go = threading.Event()

    def ingest(self, arrivals: Any) -> list[Receipt]:
        self.go.wait(10)
        return super().ingest(arrivals)


def test_a_store_that_takes_too_long_is_answered_for_in_time(
    store: Engine, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "ANSWER_S", 0.2)
    slow = Slow(store)
    body = encode(make_event())

    with client_of(store, slow) as client:
        started = time.monotonic()
        late = client.post(URL, content=body)
        took_s = time.monotonic() - started
        slow.go.set()
        again = client.post(URL, content=body)

    assert late.status_code == 503
    assert late.headers["Retry-After"] == "1"
    assert took_s < 2
    assert again.status_code in (200, 201)
    assert intake(store).events == 1


def test_what_nobody_waits_for_any_more_is_not_stored(
    store: Engine, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "ANSWER_S", 0.3)
    slow = Slow(store)

    with client_of(store, slow) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.post, URL, content=encode(make_event(x=1)))
        time.sleep(0.1)  # the first is being committed
        second = pool.submit(client.post, URL, content=encode(make_event(x=2)))
        statuses = [first.result().status_code, second.result().status_code]
        slow.go.set()

    assert statuses == [503, 503]
    assert intake(store).events == 1


def test_while_stopping_what_waits_is_answered_and_what_comes_is_sent_away(
    store: Engine, make_event: MakeEvent
) -> None:
    slow = Slow(store)
    taker = receiver.Receiver(slow, LIMIT)

    with (
        TestClient(serving(taker, store)) as client,
        ThreadPoolExecutor(1) as pool,
        taker.running(),
    ):
        waiting = pool.submit(client.post, URL, content=encode(make_event(x=1)))
        while not taker.commits.events:
            pass
        taker.drain()
        new = client.post(URL, content=encode(make_event(x=2)))
        ready = client.get("/readyz")
        slow.go.set()
        answered = waiting.result()

    assert (new.status_code, new.headers["Retry-After"]) == (503, "1")
    assert ready.status_code == 503
    assert answered.status_code == 201


def test_more_bytes_than_can_wait_are_asked_to_come_again(
    store: Engine, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "QUEUED_BYTES", 1000)
    slow = Slow(store)
    large = encode(make_event(x="x" * 2000))

    with client_of(store, slow) as client, ThreadPoolExecutor(1) as pool:
        taker: receiver.Receiver = client.app.state.receiver  # type: ignore[attr-defined]
        first = pool.submit(client.post, URL, content=large)
        while not taker.commits.events:
            pass
        second = client.post(URL, content=large)
        slow.go.set()

    assert (first.result().status_code, second.status_code) == (201, 503)


class Raced(Ingestor):
    """A store that another receiver writes to at the same moment."""

    is_quicker = True

    def ingest(self, arrivals: Any) -> list[Receipt]:
        if self.is_quicker:
            self.is_quicker = False
            raise IntegrityError("insert", {}, Exception("duplicate key"))
        return super().ingest(arrivals)


def test_an_event_that_another_receiver_writes_too_is_tried_again(
    store: Engine, make_event: MakeEvent
) -> None:
    with client_of(store, Raced(store)) as client:
        answer = client.post(URL, content=encode(make_event()))

    assert answer.status_code == 201


class Absent(Ingestor):
    """Forgets to answer, once."""

    is_absent = True

    def ingest(self, arrivals: Any) -> list[Receipt]:
        receipts = super().ingest(arrivals)
        if self.is_absent:
            self.is_absent = False
            return []
        return receipts


def test_a_bug_in_a_commit_ends_no_later_commit(store: Engine, make_event: MakeEvent) -> None:
    with client_of(store, Absent(store)) as client:
        statuses = [client.post(URL, content=encode(make_event())).status_code for _ in range(2)]

    assert statuses == [503, 200]


# Metrics


def test_metrics_count_what_happened(client: TestClient, make_event: MakeEvent) -> None:
    client.post(URL, content=encode(make_event(eventType="DONE")))
    client.post(URL, content=encode(make_event(eventType="DONE")))
    client.post(URL, content=b"{}")

    answer = client.get("/metrics")

    lines = answer.text.splitlines()
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for line in (
        'andon_events_total{status="stored"} 1',
        'andon_events_total{status="duplicate"} 1',
        'andon_events_total{status="rejected"} 1',
        "andon_queue_events 0",
        "andon_commit_seconds_count 3",
    ):
        assert line in lines
    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert int(told["andon_database_bytes"]) > 0
    assert int(told["andon_events_warned_total"]) >= 1


# Keys


def make_key(engine: Engine, *namespaces: str) -> tuple[Key, str]:
    return Keyring(engine).create(
        "prod", namespaces, environment=None, principal=None, expires_at=None, by="test", at=1
    )


def test_where_keys_are_needed_nobody_comes_in_without_one(
    store: Engine, make_event: MakeEvent
) -> None:
    _, secret = make_key(store, "jobs")
    door = Door(Keyring(store), is_key_needed=True)
    body = encode(make_event())

    with client_of(store, door=door) as client:
        without = client.post(URL, content=body)
        wrong = client.post(URL, content=body, headers={"Authorization": "Bearer x"})
        good = client.post(URL, content=body, headers={"Authorization": f"Bearer {secret}"})
        metrics = client.get("/metrics")

    assert (without.status_code, wrong.status_code, good.status_code) == (401, 401, 201)
    assert without.headers["WWW-Authenticate"].startswith("Bearer")
    assert set(without.json()) == {"detail", "path", "expected"}
    assert metrics.status_code == 401
    assert intake(store).rejected == 0


def test_an_event_outside_the_scope_of_its_key_is_refused_and_kept(
    store: Engine, make_event: MakeEvent
) -> None:
    _, secret = make_key(store, "other-*")

    with client_of(store, door=Door(Keyring(store), is_key_needed=False)) as client:
        answer = client.post(
            URL, content=encode(make_event()), headers={"Authorization": f"Bearer {secret}"}
        )

    assert answer.status_code == 403
    assert [r.status for r in intake(store).rejections] == [403]


def test_a_key_of_ours_that_was_revoked_is_refused_and_kept(
    store: Engine, make_event: MakeEvent
) -> None:
    _, secret = make_key(store, "jobs")
    Keyring(store).revoke("prod", 2)

    with client_of(store, door=Door(Keyring(store), is_key_needed=False)) as client:
        answer = client.post(
            URL, content=encode(make_event()), headers={"Authorization": f"Bearer {secret}"}
        )

    assert answer.status_code == 401
    assert [r.status for r in intake(store).rejections] == [401]


def test_a_key_of_another_catalog_loses_no_event_where_none_is_needed(
    store: Engine, make_event: MakeEvent
) -> None:
    with client_of(store, door=Door(Keyring(store), is_key_needed=False)) as client:
        answer = client.post(
            URL, content=encode(make_event()), headers={"Authorization": "Bearer x"}
        )

    assert answer.status_code == 201
