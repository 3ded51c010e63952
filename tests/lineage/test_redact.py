"""Secrets go before anything is stored; what identifies things stays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.events import parse_event
from lineage.facets import canonical
from lineage.redact import REDACTED, redact, redact_text
from tests.lineage.worlds import CorpusFile

MakeEvent = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("password=hunter2", f"password={REDACTED}"),
        (f"sent with andon_12_{'a2' * 26} by cron", f"sent with {REDACTED} by cron"),
        ("database.password=hunter2\nhost=h", f"database.password={REDACTED}\nhost=h"),
        ("PASSWORD: hunter2", f"PASSWORD: {REDACTED}"),
        ("password='hunter2'", f"password='{REDACTED}'"),
        ("{'password': 'hunter 2', 'x': 1}", f"{{'password': '{REDACTED}', 'x': 1}}"),
        ('{"password": "hunter2", "x": 1}', f'{{"password": "{REDACTED}", "x": 1}}'),
        (r"{\"api_key\": \"hunter2\"}", rf"{{\"api_key\": \"{REDACTED}\"}}"),
        ("aws_secret_access_key=hunter2", f"aws_secret_access_key={REDACTED}"),
        ("Authorization: Bearer hunter2", f"Authorization: Bearer {REDACTED}"),
        (
            "jdbc:x://h/d?user=a&password=hunter2&b=c",
            f"jdbc:x://h/d?user=a&password={REDACTED}&b=c",
        ),
        ("postgres://ana:hunter2@h:5432/d", "postgres://h:5432/d"),
        ("postgres://ana:hun@ter2@h:5432/d", "postgres://h:5432/d"),
        ("https://hunter2@example.com/r.git", "https://example.com/r.git"),
        ("a https://hunter2:x@example.com, b", "a https://example.com, b"),
    ],
)
def test_a_secret_in_a_text_is_replaced_and_nothing_around_it(text: str, clean: str) -> None:
    assert redact_text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "select token_type, password_changed_at from users",
        "git@example.com:team/repo.git",
        "ssh://git@example.com/team/repo.git",
        "abfss://container@account.dfs.core.windows.net/path",
        "postgres://host:5432",
        "write to ana@example.com: https://example.com/x",
        "https://example.com/path?mail=a@example.com",
        "arn:aws:glue:eu-west-1:123456789012",
        "the token bucket; secrets are kept elsewhere",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "facet",
    [
        {"password": "hunter2"},
        {"clientSecret": "hunter2"},
        {"api-key": "hunter2"},
        {"tokens": ["hunter2"]},
        {"environmentVariables": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
        {"parameters": [{"key": "token", "name": "t", "value": "hunter2"}]},
        {"url": "postgres://ana:hunter2@host/db"},
        {"op_kwargs": "{'password': 'hunter2'}"},
        {"deep": [{"er": {"passwd": "hunter2"}}]},
    ],
)
@pytest.mark.parametrize("is_escaped", [False, True])
def test_no_stored_event_holds_a_secret(
    make_event: MakeEvent, facet: dict[str, Any], is_escaped: bool
) -> None:
    run = {"runId": "019c0000-0000-7000-8000-000000000001", "facets": {"x": facet}}
    body = json.dumps(make_event(run=run)).encode()
    if is_escaped:  # some JSON libraries write every slash so, and may write any letter so
        body = (
            body.replace(b"/", rb"\/").replace(b"ass", rb"\u0061ss").replace(b"oke", b"ok\\u0065")
        )

    event = parse_event(body)

    assert b"hunter2" not in event.body
    assert len(event.secrets) == 1
    assert [o.path for o in event.oddities if "secret" in o.message] == list(event.secrets)


def test_names_of_columns_and_numbers_of_bytes_are_no_secrets() -> None:
    facets = {
        "schema": {"fields": [{"name": "password", "type": "varchar"}]},
        "columnLineage": {"fields": {"token": {"inputFields": [{"name": "t", "field": "secret"}]}}},
        "flag": {"isSecret": True, "password": "", "token": None},
    }

    clean, found = redact(facets, canonical(facets))

    assert clean == facets
    assert found == []


def test_the_debezium_event_loses_its_password_and_keeps_its_identity(
    corpus: Sequence[CorpusFile],
) -> None:
    (body,) = next(f.bodies for f in corpus if "debezium" in f.name)
    sent = orjson.loads(body)
    assert b"password=" in body

    event = parse_event(body)

    assert event.secrets
    stored = orjson.loads(event.body)
    told = json.dumps(stored)
    assert f"password={REDACTED}" in told
    for part in ("eventTime", "eventType", "producer"):
        assert stored[part] == sent[part]
    assert stored["run"]["runId"] == sent["run"]["runId"]
    assert stored["job"]["name"] == sent["job"]["name"]
    assert _shape(stored) == _shape(sent)


def test_redacting_real_events_keeps_their_structure_and_happens_once(bodies: list[bytes]) -> None:
    for body in bodies:
        sent = orjson.loads(body)
        clean, _ = redact(sent, canonical(sent))
        again, found = redact(clean, canonical(clean))

        assert _shape(clean) == _shape(sent)
        assert again == clean
        assert found == []


WORDS = st.lists(
    st.sampled_from(
        ["password", "token", "secret", "Bearer ", "authorization", "=", ":", " ", "'", '"', "\\",
         "://", "http", "@", "/", "x", "hunter2", "[", "{", "}", "&", REDACTED, ".", "a:b@"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(st.one_of(WORDS, st.text()))
def test_redacting_a_text_twice_changes_nothing_more(text: str) -> None:
    once = redact_text(text)

    assert redact_text(once) == once


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-9, 9), WORDS),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["password", "name", "key", "value", "tokens", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )
)
def test_redacting_any_facet_keeps_its_structure_and_happens_once(value: Any) -> None:
    facet = {"facet": value}

    clean, found = redact(facet, canonical(facet))
    again, found_again = redact(clean, canonical(clean))

    assert _shape(clean) == _shape(facet)
    assert again == clean
    assert found_again == []
    assert (clean == facet) == (not found)


def test_the_deepest_event_that_can_be_stored_can_be_redacted(make_event: MakeEvent) -> None:
    deep: Any = {"password": "hunter2"}
    for _ in range(245):
        deep = {"x": deep}

    event = parse_event(json.dumps(make_event(x=deep)).encode())

    assert len(event.secrets) == 1


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return None


@pytest.mark.parametrize(
    "text",
    [
        "CREATE USER etl IDENTIFIED BY 'hunter2'",
        "ALTER ROLE etl PASSWORD 'hunter2'",
        "https://lake.blob.core.windows.net/raw?se=2026&sig=hunter2",
        "https://bucket.s3.amazonaws.com/k?X-Amz-Signature=hunter2&x=1",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_in_statements_signed_addresses_and_pasted_keys_go(text: str) -> None:
    event = {"run": {"facets": {"sql": {"query": text}}}}

    clean, found = redact(event, json.dumps(event).encode())

    assert "hunter2" not in json.dumps(clean)
    assert found == ["run.facets.sql.query"]


@pytest.mark.parametrize(
    "repeated",
    ["a-", "a.", "-", "--a", "token", "token.", "token ", "token=", 'token"', "a://b:", "b:",
     "http://", "://", "a+", "password '", "identified by ", "-----BEGIN ", "&sig=", "andon_1_",
     "\\", "'", " ", "token=basic ", "--token ", "--token-", "x"],
)  # fmt: skip
def test_a_text_takes_as_long_as_it_is_however_it_is_made(repeated: str) -> None:
    text = "a://" + repeated * (300_000 // len(repeated)) + " password"

    started = time.process_time()
    redact_text(text)

    assert time.process_time() - started < 3  # a hundredth of it is usual
