from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from catalog.model import Evidence
from lineage.estate import Dataset, Estate
from policies.engine import judge
from policies.facts.index import EstateIndex
from policies.findings import carry_on
from policies.library import load_library
from policies.model import Finding, FindingStatus, Outcome, Severity, UnknownReason, Verdict
from tests.policies import estates as e

POLICIES = load_library()
NO = e.declared(False, "no pipeline of prod has this job")
OPEN, RESOLVED = FindingStatus.OPEN, FindingStatus.RESOLVED
REOPENED, RETIRED = FindingStatus.REOPENED, FindingStatus.RETIRED


def next_day(estate: Estate, yesterday: tuple[Finding, ...] = ()) -> tuple[Finding, ...]:
    index = EstateIndex(estate)
    return carry_on(yesterday, judge(POLICIES, index), POLICIES, index)


def one(findings: tuple[Finding, ...], policy: str = "TST-001") -> Finding:
    (found,) = (f for f in findings if f.policy == policy)
    return found


ORDERS, OTHER = e.dataset("orders"), e.tested("items")
UNTESTED = e.estate([ORDERS, OTHER], feeds=e.feeds(), catalog=e.applied())
TESTED = e.estate([e.tested("orders"), OTHER], feeds=e.feeds(), catalog=e.applied())
SILENT = e.estate([ORDERS, OTHER], feeds=e.feeds(9), catalog=e.applied())
GONE = e.estate([OTHER], feeds=e.feeds(), catalog=e.applied())
MOVED = e.estate(
    [e.dataset("orders", environment=e.declared(e.DEV)), OTHER],
    feeds=e.feeds(),
    catalog=e.applied(),
)


def writing(runs: int = 3, last_days_ago: float = 0.5, **changes: object) -> Estate:
    write = e.write(
        "fix",
        "items",
        runs=runs,
        last_days_ago=last_days_ago,
        **{"job_sanctioned": NO, **changes},  # type: ignore[arg-type]  # as given
    )
    return e.estate([OTHER], [e.job("fix")], [write], e.feeds(), catalog=e.applied())


def test_a_first_failure_opens_a_finding() -> None:
    found = one(next_day(UNTESTED))

    assert found.status is OPEN
    assert found.first_seen == found.last_seen == ORDERS.last_seen
    assert found.occurrences == 1
    assert (found.owners, found.team) == (("team:finance",), "finance")
    assert [(c.at, c.status) for c in found.history] == [(e.NOW, OPEN)]


def test_the_same_failure_again_changes_nothing() -> None:
    first = next_day(UNTESTED)

    assert next_day(UNTESTED, first) == first


def test_a_pass_on_evidence_resolves() -> None:
    found = one(next_day(TESTED, next_day(UNTESTED)))

    assert found.status is RESOLVED
    assert [c.status for c in found.history] == [OPEN, RESOLVED]


def test_a_pass_without_evidence_does_not_resolve() -> None:
    yesterday = next_day(UNTESTED)
    index = EstateIndex(TESTED)
    bare = [replace(v, evidence=()) for v in judge(POLICIES, index)]

    found = one(carry_on(yesterday, bare, POLICIES, index))

    assert found.status is OPEN
    assert found.is_stale


def test_a_guess_does_not_take_back_what_was_known() -> None:
    yesterday = next_day(UNTESTED)
    guessed = e.tested("orders", environment=e.guessed(e.PROD))

    found = one(next_day(replace_dataset(TESTED, guessed), yesterday))

    assert found.status is OPEN
    assert found.is_stale


def replace_dataset(estate: Estate, dataset: Dataset) -> Estate:
    return replace(estate, datasets={**estate.datasets, dataset.key: dataset})


def test_silence_never_resolves_but_marks_as_stale_once() -> None:
    stale = next_day(SILENT, next_day(UNTESTED))

    found = one(stale)
    assert found.status is OPEN
    assert found.is_stale
    assert "no data test arrived from postgres://wh-prod since" in found.history[-1].why
    assert next_day(SILENT, stale) == stale
    again = one(next_day(UNTESTED, stale))
    assert not again.is_stale
    assert again.occurrences == 1


def test_leaving_production_never_resolves() -> None:
    found = one(next_day(MOVED, next_day(UNTESTED)))

    assert found.status is OPEN
    assert found.is_stale
    assert found.history[-1].why.endswith("the policy does not apply to it now")


def test_what_is_gone_is_retired() -> None:
    found = one(next_day(GONE, next_day(UNTESTED)))

    assert found.status is RETIRED


def test_a_withdrawn_policy_retires_its_findings() -> None:
    yesterday = next_day(UNTESTED)
    index = EstateIndex(UNTESTED)
    left = [p for p in POLICIES if p.id != "TST-001"]

    found = one(carry_on(yesterday, judge(left, index), left, index))

    assert found.status is RETIRED


def test_a_failure_that_comes_back_reopens_the_same_finding() -> None:
    first = next_day(UNTESTED)

    found = one(next_day(UNTESTED, next_day(TESTED, first)))

    assert found.status is REOPENED
    assert found.fingerprint == one(first).fingerprint
    assert found.first_seen == one(first).first_seen
    assert found.occurrences == 2
    assert [c.status for c in found.history] == [OPEN, RESOLVED, REOPENED]


def test_a_changed_severity_is_told_in_the_history() -> None:
    guess = e.dataset("orders", environment=e.guessed(e.PROD))
    found = one(next_day(UNTESTED, next_day(replace_dataset(UNTESTED, guess))))

    assert found.severity is Severity.HIGH
    assert not found.is_guess
    assert found.history[-1].why == "medium becomes high"


def test_a_write_counts_its_runs_and_never_its_assessments() -> None:
    first = next_day(writing(3))
    again = next_day(writing(3), first)

    assert one(first, "ACC-001").occurrences == 3
    assert again == first


def test_new_runs_are_added_and_the_first_is_remembered() -> None:
    found = one(next_day(writing(3, 10), ()), "ACC-001")
    later = one(next_day(writing(5, 8), (found,)), "ACC-001")
    much_later = one(next_day(writing(25, 1), (later,)), "ACC-001")

    assert later.occurrences == 5
    assert later.first_seen == found.first_seen
    assert later.last_seen == e.ago(8)
    assert much_later.occurrences == 25
    runs = [x.event_id for x in much_later.evidence if x.facet == "outputs"]
    assert len(runs) == 21
    assert runs[-1] == e.event("fix-1")


def test_runs_after_a_quiet_month_are_added_whole() -> None:
    found = one(next_day(writing(3, 60)), "ACC-001")

    later = one(next_day(writing(2, 1, event_ids=("a" * 64, "b" * 64)), (found,)), "ACC-001")

    assert later.occurrences == 5


def test_a_writer_who_fell_silent_stays_open() -> None:
    quiet = e.estate([OTHER], [e.job("fix")], feeds=e.feeds(), catalog=e.applied())

    found = one(next_day(quiet, next_day(writing())), "ACC-001")

    assert found.status is OPEN
    assert found.is_stale


def test_a_declared_pipeline_resolves_its_writes() -> None:
    sanctioned = writing(job_sanctioned=e.declared(True), principal_sanctioned=e.declared(True))

    assert one(next_day(sanctioned, next_day(writing())), "ACC-001").status is RESOLVED


# Laws -------------------------------------------------------------------------------------------

DAYS = {"untested": UNTESTED, "tested": TESTED, "silent": SILENT, "moved": MOVED, "gone": GONE}


@given(st.lists(st.sampled_from(sorted(DAYS)), min_size=2, max_size=8))
def test_history_is_only_ever_added_to_and_a_finding_is_never_lost(days: list[str]) -> None:
    findings: tuple[Finding, ...] = ()
    lives = []
    for number, day in enumerate(days):
        as_of = e.NOW + timedelta(minutes=number)
        findings = next_day(replace(DAYS[day], as_of=as_of), findings)
        lives.append({f.fingerprint: f for f in findings})

    for before, after in pairwise(lives):
        assert before.keys() <= after.keys()
        for fingerprint, finding in before.items():
            later = after[fingerprint]
            assert later.history[: len(finding.history)] == finding.history
            assert later.occurrences >= finding.occurrences
            assert (later.status is finding.status) or len(later.history) > len(finding.history)


@given(st.lists(st.sampled_from(sorted(DAYS)), max_size=8))
def test_only_a_pass_on_evidence_ever_resolves(days: list[str]) -> None:
    findings: tuple[Finding, ...] = ()
    for day in days:
        before = {f.fingerprint: f.status for f in findings}
        findings = next_day(DAYS[day], findings)
        for finding in findings:
            newly = before.get(finding.fingerprint) is not finding.status
            if newly and finding.status is RESOLVED:
                assert day == "tested"


def test_an_unknown_verdict_opens_nothing() -> None:
    index = EstateIndex(UNTESTED)
    unknown = [
        Verdict(
            v.policy,
            v.subject,
            Outcome.UNKNOWN,
            v.severity,
            "",
            UnknownReason.NO_FEED,
            evidence=(Evidence("x"),),
        )
        for v in judge(POLICIES, index)
    ]

    assert carry_on((), unknown, POLICIES, index) == ()
