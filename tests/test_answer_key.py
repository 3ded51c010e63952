"""The four policies against the sample company's answer key: nothing missed, nothing invented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from catalog.database import connect
from catalog.formats import read_catalog
from catalog.store import apply_catalog
from lineage.ingest import Arrival, Ingestor, Status
from lineage.reading import load_estate
from lineage.sample import GOVERNANCE
from lineage.sample import model as sample
from lineage.sample.events import events_of_day
from lineage.sample.model import Company
from lineage.sample.scenario import load_company
from policies.engine import judge
from policies.facts.index import EstateIndex
from policies.library import load_library
from policies.model import AssetSubject, FeedSubject, Outcome, Subject, Verdict, WriteSubject

ANCHOR = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DAYS_AGO = (60, 45, 41, 40, 39, 13, 12, 9, 6, 5, 4, 3, 2, 1, 0)
"""Days on which something planted happens, or its absence begins; the others are like them."""


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company()


@pytest.fixture(scope="module")
def verdicts(
    company: Company, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Verdict, ...]]:
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('sample') / 'andon.db'}")
    ingestor = Ingestor(engine)
    for age in DAYS_AGO:
        day = (ANCHOR - timedelta(days=age)).date()
        bodies = events_of_day(company, day, ANCHOR)
        receipts = ingestor.ingest([Arrival(body, "sample") for body in bodies])
        assert {receipt.status for receipt in receipts} == {Status.STORED}
        assert not any(receipt.oddities for receipt in receipts)
    apply_catalog(engine, read_catalog(GOVERNANCE), "person:ines", ANCHOR)

    yield judge(load_library(), EstateIndex(load_estate(engine, ANCHOR)))

    engine.dispose()


def _as_in_the_key(subject: Subject) -> sample.Subject:
    match subject:
        case AssetSubject(key):
            return key
        case WriteSubject(job, dataset, principal):
            return sample.WriteSubject(job, dataset, principal)
        case FeedSubject(namespace, evidence):
            return sample.FeedSubject(namespace, evidence)


@pytest.mark.parametrize("policy", ["ACC-001", "TST-001", "OWN-001", "FED-001"])
def test_policy_finds_what_the_key_says_and_nothing_else(
    policy: str,
    company: Company,
    verdicts: tuple[Verdict, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = company.expected(policy)

    found = {
        _as_in_the_key(verdict.subject)
        for verdict in verdicts
        if verdict.policy == policy and verdict.outcome is Outcome.FAIL
    }

    right = len(found & expected)
    measured = f"precision {right / max(1, len(found)):.2f}, recall {right / len(expected):.2f}"
    with capsys.disabled():
        # Printed on purpose: the two numbers are what this test is for.
        print(f"\n{policy}: {measured}, {right} of {len(expected)}")  # noqa: T201
    assert found == expected


def test_lookalikes_are_judged_and_do_not_fail(
    company: Company, verdicts: tuple[Verdict, ...]
) -> None:
    outcomes = {
        (verdict.policy, _as_in_the_key(verdict.subject)): verdict.outcome for verdict in verdicts
    }
    lookalikes = [line for line in company.answer_key if not line.must_fail]

    failing = [
        line.id for line in lookalikes if outcomes.get((line.policy, line.subject)) == "fail"
    ]

    assert not failing
    assert {line.policy for line in lookalikes if (line.policy, line.subject) in outcomes} == {
        "ACC-001", "TST-001", "OWN-001", "FED-001",
    }  # fmt: skip


def test_with_the_governance_folder_nothing_rests_on_a_guess_alone(
    verdicts: tuple[Verdict, ...],
) -> None:
    guessed = [verdict for verdict in verdicts if verdict.is_guess and verdict.outcome == "fail"]

    assert not guessed
