"""Many events in one request: each is taken or refused by itself."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from lineage import batches, commits
from lineage.ingest import Ingestor, Receipt
from lineage.intake import intake
from lineage.templates import RefusedError
from tests.lineage.receiving import BATCH, LIMIT, client_of, encode

MakeEvent = Callable[..., dict[str, Any]]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered is not decided by how busy this machine is."""
    monkeypatch.setattr(commits, "ANSWER_S", 60.0)


@pytest.fixture
def client(store: Engine) -> Iterator[TestClient]:
    with client_of(store) as client:
        yield client


# Splitting


@given(st.lists(values), st.sampled_from([None, 1]), st.booleans())
def test_an_array_falls_into_its_elements_whatever_they_hold(
    elements: list[Any], indent: int | None, is_ascii: bool
) -> None:
    body = json.dumps(elements, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "replace")

    parts = batches.split(body)

    # As text, since NaN equals nothing.
    assert [json.dumps(json.loads(p)) for p in parts] == [json.dumps(e) for e in json.loads(body)]


@given(st.binary())
def test_no_body_is_too_odd_to_be_split_or_refused(body: bytes) -> None:
    for odd in (body, b"[" + body, b"[" + body + b"]"):
        with contextlib.suppress(RefusedError):
            assert isinstance(batches.split(odd), list)


# Answers


def test_a_batch_is_stored_and_summed_up(
    client: TestClient, store: Engine, make_event: MakeEvent
) -> None:
    events = [make_event(x=n) for n in range(5)]

    first = client.post(BATCH, content=encode(events))
    second = client.post(f"{BATCH}/", content=encode(events))

    for answer in (first, second):
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "success",
            "summary": {
                "received": 5, "successful": 5, "failed": 0, "retriable": 0, "non_retriable": 0,
            },
            "failed_events": [],
        }  # fmt: skip
    assert (intake(store).events, intake(store).repeats) == (5, 5)


@pytest.mark.parametrize(
    "bad",
    [b"{}", b"7", b"NaN", b'{"a": NaN}', b'{"a": }', b"[" * 3000 + b"]" * 3000, b'"\xff"'],
    ids=["empty", "number", "NaN", "NaN inside", "no JSON", "deep", "no UTF-8"],
)
def test_one_bad_event_does_not_stop_the_others(
    client: TestClient, store: Engine, make_event: MakeEvent, bad: bytes
) -> None:
    good = [encode(make_event(x=n)) for n in range(3)]

    answer = client.post(BATCH, content=b"[" + b", ".join([*good[:2], bad, good[2]]) + b"]")

    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == "partial_success"
    assert (told["summary"]["successful"], told["summary"]["non_retriable"]) == (3, 1)
    (failed,) = told["failed_events"]
    assert (failed["index"], failed["retriable"]) == (2, False)
    assert failed["reason"]
    (kept,) = intake(store).rejections
    assert kept.source == f"POST {BATCH}[2]"
    assert intake(store).events == 3


def test_an_empty_batch_is_a_success(client: TestClient) -> None:
    answer = client.post(BATCH, content=b" [ ] ")

    assert answer.status_code == 200
    assert answer.json()["summary"]["received"] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 422),
        (b"[1, 2", 400),
        (b"[1] [2]", 400),
        (b"[NaN] x", 400),
        (b'[{"a": "b}]', 400),
        (b'["' + rb"\"" * 90_000, 400),
        (b"[" + b'"' * 99_999, 400),
        (b"{}", 422),
        (b"7", 422),
        (b"[" + b"0," * batches.EVENTS + b"0]", 413),
        (b"[" + b" " * LIMIT + b"]", 413),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole_and_kept(
    client: TestClient, store: Engine, body: bytes, status: int
) -> None:
    answer = client.post(BATCH, content=body)

    assert answer.status_code == status
    assert set(answer.json()) == {"detail", "path", "expected"}
    assert [r.status for r in intake(store).rejections] == [status]


def test_a_batch_larger_than_a_commit_is_stored_whole(
    client: TestClient, store: Engine, make_event: MakeEvent
) -> None:
    events = [make_event(run={"runId": f"run {n}"}) for n in range(600)]

    answer = client.post(
        BATCH, content=gzip.compress(encode(events)), headers={"Content-Encoding": "gzip"}
    )

    assert answer.json()["summary"]["successful"] == 600
    assert intake(store).events == 600


class Failing(Ingestor):
    """A store that is full."""

    def ingest(self, arrivals: Any) -> list[Receipt]:  # noqa: ARG002  # as it is called
        raise OperationalError("insert", {}, Exception("disk is full"))


def test_a_store_in_trouble_wants_the_whole_batch_again(
    store: Engine, make_event: MakeEvent
) -> None:
    with client_of(store, Failing(store)) as client:
        answer = client.post(BATCH, content=encode([make_event()] * 2))

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"


class Picky(Ingestor):
    """Fails with a bug on one event."""

    def ingest(self, arrivals: Any) -> list[Receipt]:
        if any(b"poison" in a.body for a in arrivals):
            raise ZeroDivisionError
        return super().ingest(arrivals)


def test_an_event_that_our_code_fails_on_is_kept_and_stops_no_other(
    store: Engine, make_event: MakeEvent
) -> None:
    events = [make_event(x="poison" if n == 7 else n) for n in range(20)]

    with client_of(store, Picky(store)) as client:
        told = client.post(BATCH, content=encode(events)).json()

    assert [f["index"] for f in told["failed_events"]] == [7]
    assert intake(store).events == 19
    (kept,) = intake(store).rejections
    assert kept.status == 500


def test_methods_other_than_post_are_no_success(client: TestClient) -> None:
    assert client.get(BATCH).status_code == 405


def test_the_summary_is_plain_json(client: TestClient) -> None:
    answer = client.post(BATCH, content=b"[]")

    assert answer.headers["Content-Type"] == "application/json"
    assert orjson.loads(answer.content) == answer.json()
