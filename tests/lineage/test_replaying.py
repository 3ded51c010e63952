"""What was refused stays whole, without its secrets, and is taken in once it can be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from catalog.moments import microseconds
from lineage import refused
from lineage.contents import expand
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.keyring import Keyring
from lineage.log import EVENT
from lineage.replaying import replay

MakeEvent = Callable[..., dict[str, Any]]
AT = microseconds(datetime(2026, 11, 20, 9, tzinfo=UTC))

texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def encode(event: Any) -> bytes:
    return json.dumps(event).encode()


def refuse(store: Engine, body: bytes) -> int:
    (receipt,) = Ingestor(store).ingest([Arrival(body, "t")])
    assert receipt.status is Status.REJECTED
    return intake(store).rejections[0].id


def test_what_is_no_event_is_refused_again_and_counted_once(store: Engine) -> None:
    number = refuse(store, b"[1]")

    answer = replay(store, Ingestor(store), number, AT)

    assert answer.receipt is not None
    assert answer.receipt.status is Status.REJECTED
    seen = intake(store)
    assert seen.rejected == 1
    assert [r.replayed_at is not None for r in seen.rejections] == [False, True]


def test_an_event_outside_a_scope_is_taken_in_once_that_is_only_flagged(
    store: Engine, make_event: MakeEvent
) -> None:
    key, _ = Keyring(store).create(
        "dbt", ["other"], environment=None, principal=None, expires_at=None, by="t", at=AT - 1
    )
    Ingestor(store).ingest([Arrival(encode(make_event()), "t", key)])
    (rejection,) = intake(store).rejections

    answer = replay(store, Ingestor(store, refuses_out_of_scope=False), rejection.id, AT)

    assert answer.receipt is not None
    assert answer.receipt.status is Status.STORED
    seen = intake(store)
    assert seen.rejected == 0
    assert seen.rejections[0].replayed_event == answer.receipt.event_id
    with store.connect() as connection:
        assert connection.execute(select(EVENT.c.key_id)).scalars().all() == [key.id]


def test_a_scope_is_not_left_by_a_replay(store: Engine, make_event: MakeEvent) -> None:
    keyring = Keyring(store)
    key, _ = keyring.create(
        "dbt", ["other"], environment=None, principal=None, expires_at=None, by="t", at=AT - 1
    )
    Ingestor(store).ingest([Arrival(encode(make_event()), "t", key)])
    (rejection,) = intake(store).rejections

    again = replay(store, Ingestor(store), rejection.id, AT)
    keyring.revoke("dbt", AT)
    revoked = replay(store, Ingestor(store), intake(store).rejections[0].id, AT)

    assert again.receipt is not None
    assert again.receipt.status is Status.REJECTED
    assert revoked.receipt is None
    assert "no longer good" in revoked.why_not


def test_what_was_replayed_is_not_replayed_again(store: Engine) -> None:
    number = refuse(store, b"{}")
    replay(store, Ingestor(store), number, AT)

    answer = replay(store, Ingestor(store), number, AT)

    assert answer.why_not == "It was replayed already."


def test_a_number_that_is_none_is_answered_with_a_sentence(store: Engine) -> None:
    assert replay(store, Ingestor(store), 7, AT).why_not


@pytest.mark.parametrize("body", [b"\xff\xfe", b"x" * (refused.KEPT_BYTES + 1)])
def test_what_cannot_be_kept_whole_is_not_offered(store: Engine, body: bytes) -> None:
    number = refuse(store, body)

    answer = replay(store, Ingestor(store), number, AT)

    assert not intake(store).rejections[0].is_whole
    assert "Not all of it was kept" in answer.why_not


@pytest.mark.parametrize(
    "body",
    [
        b'{"run": {"facets": {"x": {"password": "hunter2"}}}}',
        b'{"run": {"facets": {"x": {"password": "hunter2", "password": "shown"}}}}',
        b'{"a": "postgres://u:hunter2@host/db"}',
        b"password=hunter2",
        b'[{"token": "hunter2"}]',
        b'{"p\\u0061ssword": "hunter2"}',
    ],
)
def test_secrets_are_not_kept(body: bytes) -> None:
    kept = refused.kept_body(body)

    assert kept is not None
    assert b"hunter2" not in expand(kept)


@given(values)
def test_what_holds_no_secret_is_kept_as_it_means(value: Any) -> None:
    kept = refused.kept_body(json.dumps({"x": value}).encode())

    assert kept is not None
    assert json.loads(expand(kept)).keys() == {"x"}


def test_what_is_nested_too_deep_is_kept_as_text() -> None:
    body = b"[" * 900 + b"]" * 900

    kept = refused.kept_body(body)

    assert kept is not None
    assert expand(kept) == body
