"""The trust command, as people run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from catalog.errors import UserError
from lineage.estate import Estate
from lineage.trust_cli import trust
from tests.lineage.trust.test_clauses import daily, load, morning
from tests.lineage.worlds import WH

Run = Callable[..., Result]


@pytest.fixture
def run(store: Engine, world: Callable[..., Estate]) -> Run:
    failed = load("m.b", "m.a", eventType="FAIL", eventTime=morning(0, 7))
    world(*daily("m.a"), *daily("m.b", "m.a"), failed)
    url = store.url.render_as_string(hide_password=False)

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(trust, [*arguments, "--database", url], catch_exceptions=False)

    return command


def test_it_says_the_sentence_and_each_clause(run: Run) -> None:
    result = run(WH, "m.b", "--as-of", "2026-11-20T09:00:00Z")

    assert result.exit_code == 0
    head, _, *clauses = result.output.splitlines()
    updated, failed, on_time = head.split(". ")[0].split(", ")
    assert (updated, on_time) == ("Last updated 06:00 UTC today", "on time for 11 days")
    assert failed == "and its last run failed 07:00 UTC today"
    assert [line.split()[0] for line in clauses[:3]] == ["bad", "ok", "unknown"]


def test_json_has_standing_clauses_and_what_proves_them(run: Run) -> None:
    found: dict[str, Any] = json.loads(
        run(WH, "m.b", "--as-of", "2026-11-20T09:00:00Z", "--json").output
    )

    assert found["subject"] == {"kind": "dataset", "namespace": WH, "name": "m.b"}
    assert found["as_of"] == "2026-11-20T09:00:00.000000Z"
    order = ["good", "unknown", "doubtful", "bad"]
    assert found["standing"] == max((c["standing"] for c in found["clauses"]), key=order.index)
    assert {c["aspect"] for c in found["clauses"]} >= {"last_run", "data_tests", "upstream"}
    assert found["clauses"][0]["links"][0]["run"]["job"]["name"] == "load_m.b"


def test_as_of_a_past_instant_it_knows_only_what_was_then(run: Run) -> None:
    found = json.loads(run(WH, "m.b", "--as-of", "2026-11-15", "--json").output)

    assert found["as_of"] == "2026-11-15T23:59:59.999999Z"
    assert found["text"].startswith("Updated 06:00 UTC today")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((WH, "m.c"), 'dataset "m.c" in namespace .* is not known .*Nearest: .*"m.[ab]"'),
        ((WH, "m.b", "--as-of", "2126-01-01"), "is yet to come"),
    ],
)
def test_what_cannot_be_answered_is_one_clear_line(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run(*arguments)
