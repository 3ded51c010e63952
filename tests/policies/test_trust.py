"""How far a fact is to be believed, and policies that ask for more than a producer's own word."""

from __future__ import annotations

import pytest

from catalog.model import Trust
from policies.engine import judge
from policies.facts.index import EstateIndex
from policies.library import LIBRARY, read_policy
from policies.model import Outcome, UnknownReason
from tests.policies import estates as e

WHO = "w.principal == 'person:ana'"


@pytest.mark.parametrize(
    ("trust", "outcome", "reason"),
    [
        (None, Outcome.UNKNOWN, UnknownReason.WEAK),
        (Trust.E1, Outcome.UNKNOWN, UnknownReason.WEAK),
        (Trust.E2, Outcome.FAIL, None),
    ],
)
def test_a_policy_that_asks_for_a_key_hears_of_principals_by_one_only(
    trust: Trust | None, outcome: Outcome, reason: UnknownReason | None
) -> None:
    text = (LIBRARY / "ACC-001.yaml").read_text("utf-8")
    text = text[: text.index("examples:")].replace("mode: gate", "mode: gate\ntrust: E2")
    text = text.replace('"!w.job_sanctioned || !w.principal_sanctioned"', f'"{WHO}"')
    policy = read_policy(text, "ACC-001.yaml")
    write = e.write("load", "orders", principal="person:ana", principal_trust=trust)

    found = judge([policy], EstateIndex(e.estate([e.dataset("orders")], [e.job("load")], [write])))

    assert [(v.outcome, v.reason) for v in found] == [(outcome, reason)]


@pytest.mark.parametrize("trust", [Trust.E1, Trust.E2])
def test_a_policy_that_asks_for_a_key_believes_data_tests_by_one_only(trust: Trust) -> None:
    text = (LIBRARY / "TST-001.yaml").read_text("utf-8").replace("mode: gate", "trust: E2")
    text = text.replace(" && ds.kind in ['table', 'view', 'file']", "")
    policy = read_policy(text[: text.index("examples:")], "TST-001.yaml")
    one = e.data_test("unique", "id", trust=trust)

    found = judge([policy], EstateIndex(e.estate([e.tested("orders", one)], feeds=e.feeds())))

    assert [v.outcome for v in found] == [
        Outcome.PASS if trust is Trust.E2 else Outcome.UNKNOWN,
    ]
