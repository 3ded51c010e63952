"""Secrets show neither in what is stored nor in what a command prints."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from catalog.database import connect
from catalog.errors import UserError
from lineage.redact import redact


@pytest.mark.parametrize(
    "facet",
    [
        {"secretKey": "hidden"},
        {"aws_secret_key": "hidden"},
        {"dbPwd": "hidden"},
        {"account-key": "hidden"},
        {"dsn": "Server=warehouse;Uid=etl;Pwd=hidden;"},
        {"conn": "DefaultEndpointsProtocol=https;AccountKey=hidden;Suffix=x"},
        {"command": "load --db-password hidden --table orders"},
        {"arguments": ["load", "--password", "hidden"]},
    ],
    ids=str,
)
def test_a_secret_is_taken_out_under_any_of_its_names(facet: dict[str, Any]) -> None:
    stored, found = redact(facet, orjson.dumps(facet))

    assert "hidden" not in str(stored)
    assert "[redacted]" in str(stored)
    assert len(found) == 1
    assert redact(stored, orjson.dumps(stored)) == (stored, [])


@pytest.mark.parametrize(
    "facet",
    [
        {"command": "load --password-file --table orders"},
        {"arguments": ["--password", "--table", "orders"]},
        {"sql": "select token from t"},
        {"tokens_read": 5, "keys": ["order_id"], "account": "main"},
    ],
    ids=str,
)
def test_what_only_looks_like_one_stays(facet: dict[str, Any]) -> None:
    assert redact(facet, orjson.dumps(facet)) == (facet, [])


@pytest.mark.parametrize(
    "url", ["nonsense://etl:hidden@warehouse/db", "postgresql://etl:hid@hidden@[broken/db"]
)
def test_a_database_that_cannot_be_opened_keeps_its_password(url: str) -> None:
    with pytest.raises(UserError) as caught:
        connect(url)

    assert "hidden" not in str(caught.value)
    assert "etl:***@" in str(caught.value)
