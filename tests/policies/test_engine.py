from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import Basis, Environment
from lineage.estate import Estate, FeedKind
from policies import facts
from policies.cel import Plain
from policies.engine import Answer, Question, Respondent, judge, question_of
from policies.examples import disagreements
from policies.facts.index import EstateIndex
from policies.facts.values import Absent, Fact, Known
from policies.library import LIBRARY, load_library, read_policy
from policies.model import FeedSubject, Outcome, Policy, Severity, UnknownReason, Verdict
from tests.policies import estates as e

POLICIES = {p.id: p for p in load_library()}


def verdicts(estate: Estate, policy: str) -> dict[str, Verdict]:
    """By the name of what is judged."""
    found = judge([POLICIES[policy]], EstateIndex(estate))
    return {
        v.subject.namespace if isinstance(v.subject, FeedSubject) else v.subject.asset.name: v
        for v in found
        if v.outcome is not Outcome.NOT_APPLICABLE
    }


def one(estate: Estate, policy: str) -> Verdict:
    (verdict,) = verdicts(estate, policy).values()
    return verdict


YES, NO = e.declared(True), e.declared(False, "no pipeline of prod has this job")


def writing(**changes: object) -> Estate:
    write = e.write("fix_orders", "orders", **changes)  # type: ignore[arg-type]  # as given
    return e.estate([e.dataset("orders")], [e.job("fix_orders")], [write])


def test_a_direct_write_is_told_with_who_what_when_and_how_we_know() -> None:
    verdict = one(writing(job_sanctioned=NO, principal_sanctioned=YES), "ACC-001")

    assert verdict.outcome is Outcome.FAIL
    assert verdict.severity is Severity.CRITICAL
    assert verdict.message == (
        "**fix_orders** (no principal named) wrote **orders** directly, "
        "last at 2026-11-20 00:00 UTC, 3 times; no pipeline of prod has this job; "
        f"reported by https://scripts.example, event {e.event('fix_orders-3')[:8]}"
    )
    assert verdict.occurrences == 3
    assert (verdict.first_at, verdict.last_at) == (e.ago(2.5), e.ago(0.5))
    assert e.event("fix_orders-3") in {x.event_id for x in verdict.evidence}
    assert e.RULES in {x.place for x in verdict.evidence}


@pytest.mark.parametrize(
    ("job", "principal", "expected"),
    [
        (YES, YES, Outcome.PASS),
        (NO, None, Outcome.FAIL),
        (YES, e.declared(False), Outcome.FAIL),
        (YES, None, Outcome.UNKNOWN),
        (None, None, Outcome.UNKNOWN),
    ],
)
def test_a_write_is_judged_by_job_and_principal(
    job: object, principal: object, expected: Outcome
) -> None:
    verdict = one(writing(job_sanctioned=job, principal_sanctioned=principal), "ACC-001")

    assert verdict.outcome is expected


def test_a_write_outside_production_is_not_judged() -> None:
    sandbox = e.dataset("orders", environment=e.declared(Environment.DEV))
    write = e.write("fix_orders", "orders", job_sanctioned=NO)

    assert verdicts(e.estate([sandbox], [e.job("fix_orders")], [write]), "ACC-001") == {}


def test_a_verdict_that_needs_a_guess_is_a_guess_and_medium_at_most() -> None:
    orders = e.dataset("orders", environment=e.guessed(e.PROD, "its name says prod"))
    write = e.write("fix_orders", "orders", job_sanctioned=NO)

    verdict = one(e.estate([orders], [e.job("fix_orders")], [write]), "ACC-001")

    assert verdict.is_guess
    assert verdict.severity is Severity.MEDIUM
    assert verdict.message.startswith("This looks like a direct write to production: ")
    assert verdict.message.endswith("A guess, because its name says prod.")


def test_a_guess_that_the_verdict_does_not_need_does_not_weaken_it() -> None:
    verdict = one(
        writing(job_sanctioned=NO, principal_sanctioned=e.guessed(True, "names nobody")), "ACC-001"
    )

    assert not verdict.is_guess
    assert verdict.severity is Severity.CRITICAL


def test_another_run_is_no_other_finding() -> None:
    first = one(writing(job_sanctioned=NO), "ACC-001")
    later = one(writing(job_sanctioned=NO, last_run_id="run-9", runs=5), "ACC-001")
    someone = one(writing(job_sanctioned=NO, principal="person:ana"), "ACC-001")

    assert later.fingerprint == first.fingerprint
    assert someone.fingerprint != first.fingerprint


def test_a_dataset_without_data_tests_fails_where_others_are_tested() -> None:
    estate = e.estate([e.dataset("orders"), e.tested("items")], feeds=e.feeds())

    found = verdicts(estate, "TST-001")

    assert found["items"].outcome is Outcome.PASS
    assert found["orders"].outcome is Outcome.FAIL
    assert found["orders"].message == (
        "**orders** is not tested: last data test never seen, limit 7 days, "
        "last written 2 hours ago"
    )
    assert found["orders"].evidence


@pytest.mark.parametrize(
    ("last_heard", "reason"), [(None, UnknownReason.NO_FEED), (8.0, UnknownReason.STALE)]
)
def test_nothing_is_said_of_data_tests_where_their_feed_is_silent(
    last_heard: float | None, reason: UnknownReason
) -> None:
    tests = e.feed(FeedKind.DATA_TESTS, last_heard)
    untested = e.dataset("orders")
    tested_long_ago = e.tested("items", e.data_test("unique", "id", 20))

    found = verdicts(
        e.estate([untested, tested_long_ago], feeds=[tests, e.feed(FeedKind.RUNS)]), "TST-001"
    )

    assert {v.outcome for v in found.values()} == {Outcome.UNKNOWN}
    assert {v.reason for v in found.values()} == {reason}
    assert all(e.HERE in v.message for v in found.values())


def test_old_tests_are_enough_for_data_that_did_not_change() -> None:
    old = e.data_test("unique", "id", 30)
    resting = e.tested("resting", old, last_write_at=e.ago(30.1))
    moving = e.tested("moving", old)

    found = verdicts(e.estate([resting, moving], feeds=e.feeds()), "TST-001")

    assert found["resting"].outcome is Outcome.PASS
    assert found["moving"].outcome is Outcome.FAIL


def test_a_dataset_without_owner_fails_once_a_catalog_is_applied() -> None:
    orders = e.dataset("orders", owners=(), team=None)

    assert one(e.estate([orders]), "OWN-001").outcome is Outcome.UNKNOWN
    verdict = one(e.estate([orders], catalog=e.applied()), "OWN-001")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.evidence


def test_a_platform_that_never_sent_a_data_test_fails_and_is_counted() -> None:
    datasets = [
        *(e.dataset(f"d{n}") for n in range(12)),
        e.dataset("sandbox", environment=e.declared(e.DEV)),
        e.dataset("tmp", noise="temporary"),
        e.dataset("elsewhere", "s3://lake"),
    ]
    feeds = [e.feed(FeedKind.DATA_TESTS, None), e.feed(FeedKind.DATA_TESTS, 40, "s3://lake")]

    found = verdicts(e.estate(datasets, feeds=feeds), "FED-001")

    assert found["s3://lake"].outcome is Outcome.PASS
    assert found[e.HERE].outcome is Outcome.FAIL
    assert found[e.HERE].message == (
        "No data test ever arrived from **postgres://wh-prod**: 12 production datasets cannot be "
        "judged; written by https://dbt.example"
    )


def test_a_platform_whose_environment_nobody_knows_is_unknown() -> None:
    dark = e.dataset("orders", environment=None)

    verdict = one(e.estate([dark]), "FED-001")

    assert verdict.outcome is Outcome.UNKNOWN


def test_one_broken_policy_does_not_hide_the_others() -> None:
    text = (LIBRARY / "OWN-001.yaml").read_text("utf-8")
    broken = read_policy(
        text.replace("size(ds.owners) == 0", "1 / (ds.tier - ds.tier) == 1"), "BAD-001.yaml"
    )

    found = judge(
        [replace(broken, id="BAD-001"), POLICIES["OWN-001"]],
        EstateIndex(e.estate([e.dataset("orders")])),
    )

    assert {v.policy: v.outcome for v in found} == {
        "BAD-001": Outcome.ERROR,
        "OWN-001": Outcome.PASS,
    }
    assert "divide by zero" in next(v.message for v in found if v.policy == "BAD-001")


def test_a_policy_may_ask_for_more_trust_than_events_have() -> None:
    text = (LIBRARY / "TST-001.yaml").read_text("utf-8").replace("mode: gate", "trust: E2")
    strict = read_policy(text, "TST-001.yaml")

    found = judge([strict], EstateIndex(e.estate([e.tested("orders")], feeds=e.feeds())))

    assert [(v.outcome, v.reason) for v in found] == [(Outcome.UNKNOWN, UnknownReason.WEAK)]


def test_severity_may_rise_with_a_fact_but_not_with_a_guess() -> None:
    text = (
        (LIBRARY / "OWN-001.yaml")
        .read_text("utf-8")
        .replace(
            "severity: high",
            'severity: {default: high, when: [{if: "ds.tier == 1", is: critical}]}',
        )
    )
    policy = read_policy(text, "OWN-001.yaml")
    known = e.dataset("known", owners=(), tier=e.declared(1))
    guess = e.dataset("guess", owners=(), tier=e.guessed(1))

    found = judge([policy], EstateIndex(e.estate([known, guess], catalog=e.applied())))

    assert {v.subject.asset.name: v.severity for v in found if v.subject.asset} == {
        "known": Severity.CRITICAL,
        "guess": Severity.HIGH,
    }


# Laws -------------------------------------------------------------------------------------------

SAMPLES: dict[str, st.SearchStrategy[Plain]] = {
    "string": st.sampled_from(["prod", "dev", "table", "data_tests"]),
    "bool": st.booleans(),
    "int": st.integers(0, 3),
    "double": st.floats(0, 1),
    "timestamp": st.integers(0, 40).map(lambda days: e.NOW - timedelta(days=days)),
    "list<string>": st.lists(st.sampled_from(["team:a", "dev"]), max_size=2),
}


def _answer(policy: Policy, known: dict[str, Fact]) -> Answer:
    silent = Absent(UnknownReason.NO_FEED, "silent")
    respondent = Respondent(lambda name: known.get(name, silent), e.NOW)
    return respondent.answer(question_of(policy))


@st.composite
def evidence(draw: st.DrawFn) -> tuple[Policy, dict[str, Fact], set[str]]:
    """A policy, facts about a subject, and which of them are hidden."""
    policy = POLICIES[draw(st.sampled_from(sorted(POLICIES)))]
    known: dict[str, Fact] = {}
    for name, spec in sorted(facts.specs(policy.subject).items()):
        if draw(st.booleans()):
            basis = draw(st.sampled_from(list(Basis)))
            known[name] = Known(draw(SAMPLES[spec.type]), basis)
        elif draw(st.booleans()):
            known[name] = Absent(None, "looked, nothing there")
    hidden = {name for name in known if draw(st.booleans())}
    return policy, known, hidden


@given(evidence())
def test_hiding_evidence_only_ever_makes_a_verdict_unknown(
    given_: tuple[Policy, dict[str, Fact], set[str]],
) -> None:
    policy, known, hidden = given_

    whole = _answer(policy, known).outcome
    part = _answer(policy, {n: f for n, f in known.items() if n not in hidden}).outcome

    assert part in {whole, Outcome.UNKNOWN}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda p: p.id)
def test_without_evidence_nothing_passes_and_nothing_fails(policy: Policy) -> None:
    assert _answer(policy, {}).outcome is Outcome.UNKNOWN


@given(evidence())
def test_a_verdict_is_a_guess_exactly_if_it_needs_one(
    given_: tuple[Policy, dict[str, Fact], set[str]],
) -> None:
    policy, known, _ = given_

    answer = _answer(policy, known)
    surely = {n: f for n, f in known.items() if isinstance(f, Absent) or not f.is_guess}

    if answer.outcome in {Outcome.PASS, Outcome.FAIL}:
        assert answer.is_guess == (_answer(policy, surely).outcome is not answer.outcome)


def test_a_question_without_when_is_asked_everywhere() -> None:
    policy = POLICIES["OWN-001"]
    question = Question(policy.condition)

    answer = Respondent(lambda _: Known([], Basis.DECLARED), e.NOW).answer(question)

    assert answer.outcome is Outcome.FAIL
    assert disagreements(policy) == ()
