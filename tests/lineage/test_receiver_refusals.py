"""Bodies that cannot be used, and what their senders are told is wrong with them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from lineage import commits
from lineage.ingest import Ingestor
from lineage.intake import intake
from tests.lineage.receiving import LIMIT, URL, client_of, encode

MakeEvent = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered is not decided by how busy this machine is."""
    monkeypatch.setattr(commits, "ANSWER_S", 60.0)


@pytest.fixture
def client(store: Engine) -> Iterator[TestClient]:
    with client_of(store) as client:
        yield client


@pytest.mark.parametrize("part", ["run", "job", "outputs"])
@pytest.mark.parametrize("depth", [200, 300, 900, 1000, 1023, 1100, 2000, 90_000])
def test_what_is_nested_too_deep_is_refused_wherever_it_is(
    client: TestClient, make_event: MakeEvent, part: str, depth: int
) -> None:
    facets = {"facets": {"x": {"deep": "@"}}}
    event = make_event(outputs=[{"namespace": "n", "name": "d"}])
    holder = event[part][0] if part == "outputs" else event[part]
    holder.update(facets)

    deep = b"[" * depth + b"]" * depth
    answer = client.post(URL, content=encode(event).replace(b'"@"', deep))

    assert answer.status_code == (201 if depth == 200 else 400), answer.text


@pytest.mark.parametrize("path", ["run.runId", "job.name", "job.namespace"])
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "is missing"),
        (7, "is not a text"),
        ([], "is not a text"),
        ({"a": "b"}, "is not a text"),
        ("", "is empty, too long or holds NUL or a lone surrogate"),
        ("x" * 4097, "is empty, too long or holds NUL or a lone surrogate"),
        ("a\0", "is empty, too long or holds NUL or a lone surrogate"),
        ("a\ud800", "is empty, too long or holds NUL or a lone surrogate"),
    ],
)
def test_an_identity_that_is_none_is_told_by_what_is_wrong_with_it(
    client: TestClient, make_event: MakeEvent, path: str, value: object, found: str
) -> None:
    event = make_event()
    part, key = path.split(".")
    event[part][key] = value

    answer = client.post(URL, content=encode(event))

    assert answer.status_code == 422
    assert (answer.json()["path"], answer.json()["detail"]) == (path, f"{path} {found}")


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (gzip.compress, "the body is gzip, and no Content-Encoding says so"),
        (lambda body: body.decode().encode("utf-16"), "the body is not UTF-8: byte 0 is 0xff"),
        (lambda body: body[:-1] + b"\xe9}", "the body is not UTF-8: byte "),
        (lambda body: b"\xef\xbb\xbf" + body, "the body is not JSON: "),
        (lambda body: body + b"}", "the body is not JSON: "),
    ],
    ids=["gzip", "UTF-16", "Latin-1", "byte order mark", "goes on"],
)
def test_a_body_that_cannot_be_decoded_is_told_why(
    client: TestClient, make_event: MakeEvent, spoil: Callable[[bytes], bytes], found: str
) -> None:
    answer = client.post(URL, content=spoil(encode(make_event())))

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(found)


@pytest.mark.parametrize("value", ["x" * 100_000, "[" * 100_000, "2" * 100_000, 2**70, -(10**15)])
def test_a_time_that_is_none_is_not_repeated(
    client: TestClient, make_event: MakeEvent, value: object
) -> None:
    answer = client.post(URL, content=encode(make_event(eventTime=value)))

    assert answer.status_code == 422
    assert answer.json()["path"] == "eventTime"
    assert len(answer.json()["detail"]) < 100


def test_several_encodings_are_unsupported_however_they_are_said(
    client: TestClient, make_event: MakeEvent
) -> None:
    body = gzip.compress(gzip.compress(encode(make_event())))
    twice = [("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")]

    answer = client.post(URL, content=body, headers=twice)

    assert answer.status_code == 415


def test_what_is_refused_before_it_is_read_is_counted_as_it_is_kept(
    client: TestClient, store: Engine
) -> None:
    client.post(URL, content=b"x" * (LIMIT + 1))
    client.post(URL, content=b"{}", headers={"Content-Encoding": "br"})
    client.post(URL, content=b"{}", headers={"Content-Encoding": "gzip"})
    client.post(URL, content=b"{")

    lines = client.get("/metrics").text.splitlines()

    assert intake(store).rejected == 4
    assert 'andon_events_total{status="rejected"} 4' in lines


class Forgetful(Ingestor):
    """A store that cannot keep rejections."""

    def refuse(self, arrival: Any, refused: Any) -> None:  # noqa: ARG002  # as it is called
        raise OSError("no space")


def test_a_refusal_that_cannot_be_kept_is_still_told_and_counted(store: Engine) -> None:
    with client_of(store, Forgetful(store)) as client:
        answer = client.post(URL, content=b"{}", headers={"Content-Encoding": "br"})
        counted = client.get("/metrics").text

    assert answer.status_code == 415
    assert "andon_rejections_lost_total 1" in counted.splitlines()
