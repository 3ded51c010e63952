"""What the trust sentence says of small worlds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from lineage.estate import Estate
from lineage.history import stand
from lineage.provenance.model import Descent, Edit, RunRef, Version
from lineage.trust.model import Aspect, Clause, Standing, TrustSentence
from lineage.trust.sentence import trust_of
from tests.lineage.worlds import DAY, NOW, WH, dataset, job

World = Callable[..., Estate]
Ask = Callable[..., TrustSentence]

NO_DESCENTS: dict[AssetKey, Descent] = {}


def key(name: str) -> AssetKey:
    return AssetKey(Kind.DATASET, WH, name)


def morning(days_ago: int, hour: int = 6) -> str:
    return (DAY - timedelta(days=days_ago) + timedelta(hours=hour)).isoformat()


def load(target: str, *sources: str, days_ago: int = 0, **parts: Any) -> dict[str, Any]:
    """A run that writes a dataset at six in the morning of some day."""
    return {
        "eventTime": morning(days_ago),
        "job": job(f"load_{target}"),
        "inputs": [dataset(source) for source in sources],
        "outputs": [dataset(target, **parts.pop("facets", {}))],
        **parts,
    }


def tested(*results: tuple[str, bool, str]) -> dict[str, Any]:
    assertions = [
        {"assertion": name, "success": ok, "severity": severity} for name, ok, severity in results
    ]
    return {"dataQualityAssertions": {"assertions": assertions}}


def checks(target: str, *results: tuple[str, bool, str], days_ago: int = 0) -> dict[str, Any]:
    """A run that tests a dataset an hour after it is written."""
    return {
        "eventTime": morning(days_ago, 7),
        "job": job("checks"),
        "inputs": [dataset(target, **tested(*results))],
    }


@pytest.fixture
def ask(world: World, store: Engine) -> Ask:
    def answer(
        name: str, *events: dict[str, Any], declared: str = "", at: datetime = NOW, **more: Any
    ) -> TrustSentence:
        world(*events, declared=declared)
        seen = stand(store, at)
        return trust_of(seen, seen.estate.datasets[key(name)], more.get("descents", NO_DESCENTS))

    return answer


def about(found: TrustSentence, aspect: Aspect) -> Clause:
    return next(clause for clause in found.clauses if clause.aspect is aspect)


def daily(target: str, *sources: str, days: int = 12, until: int = 0) -> list[dict[str, Any]]:
    return [load(target, *sources, days_ago=n) for n in range(until, days)]


# All is well


def test_what_is_known_to_be_well_is_good_in_every_clause(ask: Ask) -> None:
    zones = 'zones: [{zone: source, name: "a.*"}]'

    found = ask(
        "m.mart",
        *daily("a.raw"), *daily("m.mart", "a.raw"),
        checks("a.raw", ("not_null", True, "error")), checks("m.mart", ("unique", True, "error")),
        declared=zones,
    )  # fmt: skip

    assert [c.standing for c in found.clauses if c.aspect is not Aspect.MANUAL_EDITS] == [
        Standing.GOOD
    ] * 5
    assert found.text.startswith(
        "Updated 06:00 UTC today, on time for 11 days. 1 data test passed. "
        "The dataset it stands on is well."
    )


# Its own updates


def test_a_failed_last_run_is_bad_until_a_later_one_is_well(ask: Ask) -> None:
    failed = load("m.x", eventType="FAIL", eventTime=morning(0, 7))

    found = ask("m.x", *daily("m.x"), failed)

    clause = about(found, Aspect.LAST_RUN)
    assert (clause.standing, found.standing) == (Standing.BAD, Standing.BAD)
    assert clause.text == ("last updated 06:00 UTC today, and its last run failed 07:00 UTC today")
    assert clause.links[0].run_id is not None

    cured = ask("m.x", load("m.x", eventTime=morning(0, 8)))
    assert about(cured, Aspect.LAST_RUN).text == "updated 08:00 UTC today"


def test_what_nobody_writes_is_unknown(ask: Ask) -> None:
    found = ask("a.raw", load("m.x", "a.raw"))

    assert about(found, Aspect.LAST_RUN).standing is Standing.UNKNOWN
    assert all(clause.aspect is not Aspect.FRESHNESS for clause in found.clauses)


@pytest.mark.parametrize(
    ("until", "standing"),
    [(0, Standing.GOOD), (2, Standing.DOUBTFUL), (3, Standing.BAD)],
)
def test_what_is_later_than_usual_is_doubtful_and_then_bad(
    ask: Ask, until: int, standing: Standing
) -> None:
    found = ask("m.x", *daily("m.x", days=20, until=until))

    assert about(found, Aspect.FRESHNESS).standing is standing


def test_a_promise_counts_more_than_habit_and_names_its_line(ask: Ask) -> None:
    promise = 'assets: [{select: "name:m.*", freshness: 2h}]'

    found = ask("m.x", *daily("m.x"), declared=promise)

    clause = about(found, Aspect.FRESHNESS)
    assert (clause.standing, clause.text) == (Standing.BAD, "1 hour later than promised")
    evidence = clause.links[0].evidence
    assert evidence is not None
    assert str(evidence.place) == "all.yml:1"


def test_few_updates_leave_punctuality_unknown(ask: Ask) -> None:
    found = ask("m.x", *daily("m.x", days=3))

    assert about(found, Aspect.FRESHNESS).standing is Standing.UNKNOWN


# Its data tests


@pytest.mark.parametrize(
    ("results", "standing", "text"),
    [
        ([], Standing.UNKNOWN, "no data test was ever run on it"),
        ([("a", True, "error"), ("b", True, "warn")], Standing.GOOD, "2 data tests passed"),
        (
            [("a", True, "error"), ("b", False, "warn")],
            Standing.DOUBTFUL,
            "1 data test passed, 1 failed (b, a warning)",
        ),
        (
            [("a", True, "error"), ("b", False, "error")],
            Standing.BAD,
            "1 data test passed, 1 failed (b)",
        ),
    ],
)
def test_a_blocking_data_test_weighs_more_than_a_warning(
    ask: Ask, results: list[tuple[str, bool, str]], standing: Standing, text: str
) -> None:
    events = [checks("m.x", *results)] if results else []

    found = ask("m.x", *daily("m.x"), *events)

    clause = about(found, Aspect.DATA_TESTS)
    assert (clause.standing, clause.text) == (standing, text)


def test_data_tests_before_the_last_update_tell_nothing_of_it(ask: Ask) -> None:
    found = ask("m.x", *daily("m.x"), checks("m.x", ("a", True, "error"), days_ago=1))

    clause = about(found, Aspect.DATA_TESTS)
    assert clause.standing is Standing.UNKNOWN
    assert clause.text == "1 data test unknown: none ran since it was updated"


# What it stands on


def test_a_failing_data_test_upstream_is_bad_at_any_distance(ask: Ask) -> None:
    found = ask(
        "m.c",
        *daily("m.a"), *daily("m.b", "m.a"), *daily("m.c", "m.b"),
        checks("m.a", ("unique", False, "error")),
    )  # fmt: skip

    clause = about(found, Aspect.UPSTREAM)
    assert clause.standing is Standing.BAD
    assert clause.text == "stands on a, of which unique failed"
    assert clause.links[0].asset == key("m.a")


def test_what_is_late_upstream_is_told_though_its_own_run_was_well(ask: Ask) -> None:
    found = ask("m.b", *daily("m.a", days=20, until=3), *daily("m.b", "m.a"))

    clause = about(found, Aspect.UPSTREAM)
    assert clause.standing is Standing.DOUBTFUL
    assert clause.text.startswith("stands on a, which is ")
    assert about(found, Aspect.LAST_RUN).standing is Standing.GOOD


def test_what_is_late_upstream_shares_one_clause(ask: Ask) -> None:
    late = [event for name in ("m.a", "m.z") for event in daily(name, days=20, until=3)]

    found = ask("m.b", *late, *daily("m.b", "m.a", "m.z"))

    (clause,) = [c for c in found.clauses if c.standing is Standing.DOUBTFUL]
    assert clause.text == "stands on a and z, which are late"
    assert [link.asset for link in clause.links] == [key("m.a"), key("m.z")]


def test_what_is_not_known_upstream_is_counted_and_never_good(ask: Ask) -> None:
    found = ask("m.b", *daily("m.b", "m.a", "m.z"))

    clause = about(found, Aspect.UPSTREAM)
    assert clause.standing is Standing.UNKNOWN
    assert clause.text == (
        "of the 2 datasets it stands on 2 tell nothing of their updates and 2 were never tested"
    )


def test_a_source_that_no_job_writes_is_known_by_its_data_tests(ask: Ask) -> None:
    zones = 'zones: [{zone: source, name: "a.*"}]'
    passed = checks("a.raw", ("not_null", True, "error"))

    untested = ask("m.b", *daily("m.b", "a.raw"), declared=zones)
    tested_too = ask("m.b", passed)

    assert about(untested, Aspect.UPSTREAM).text == "the dataset it stands on was never tested"
    assert about(tested_too, Aspect.UPSTREAM).standing is Standing.GOOD


def test_a_cycle_upstream_ends(ask: Ask) -> None:
    found = ask("m.a", *daily("m.a", "m.b"), *daily("m.b", "m.a"))

    assert about(found, Aspect.UPSTREAM).standing is Standing.UNKNOWN  # never tested


# Manual edits and lost feeds


def test_a_manual_edit_upstream_is_named_with_its_age_and_event(ask: Ask) -> None:
    at = NOW - timedelta(days=3)
    version = Version(key("m.a"), RunRef(AssetKey(Kind.JOB, "jobs", "by hand"), "r"), at)
    edit = Edit(
        version, "person:ana", None, "no pipeline has it", is_guess=False, event_id="e" * 64
    )
    descent = Descent((edit,), 0, at, is_certain=True)

    found = ask("m.b", *daily("m.a"), *daily("m.b", "m.a"), descents={key("m.b"): descent})

    clause = about(found, Aspect.MANUAL_EDITS)
    assert clause.standing is Standing.DOUBTFUL
    assert clause.text == "stands on a manual edit of a by person:ana 3 days ago"
    assert clause.links[0].evidence is not None
    assert clause.links[0].evidence.event_id == "e" * 64


def test_a_lost_feed_is_unknown_and_named(ask: Ask) -> None:
    events = daily("m.x")

    found = ask("m.x", *events, at=NOW + timedelta(days=9))

    clause = about(found, Aspect.FEEDS)
    assert clause.standing is Standing.UNKNOWN
    assert clause.text == f"no run in {WH} was reported for 9 days"


# The whole


def test_the_whole_stands_as_its_worst_clause(ask: Ask) -> None:
    order = list(Standing)

    found = ask("m.b", *daily("m.a", until=4, days=20), *daily("m.b", "m.a"))

    assert found.standing is max((c.standing for c in found.clauses), key=order.index)
