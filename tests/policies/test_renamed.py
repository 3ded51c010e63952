"""A late symlink, and one taken back: findings keep their fingerprint and their life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from catalog.model import Alias, AssetKey, Place
from lineage.estate import Estate, FeedKind
from lineage.identity import EXACT, Identities, Symlink
from lineage.joining import identify_datasets, identify_jobs
from policies.engine import judge
from policies.facts.index import EstateIndex
from policies.findings import carry_on
from policies.library import load_library
from policies.model import (
    AssetSubject,
    FeedSubject,
    Finding,
    FindingStatus,
    Outcome,
    Severity,
    Verdict,
)
from tests.policies import estates as e

POLICIES = load_library()
TABLE, PATH = ("hive://metastore:9083", "shop.orders"), ("s3://lake", "/wh/shop.db/orders")
JOINED = Identities(identify_datasets([], [Symlink(PATH, TABLE, "TABLE")]))
NO = e.declared(False, "no pipeline of prod has this job")
Findings = tuple[Finding, ...]


def estate_of(*names: tuple[str, str], is_tested: bool = False) -> Estate:
    make = e.tested if is_tested else e.dataset
    datasets = [make(name, namespace=namespace) for namespace, name in names]
    feeds = [f for namespace, _ in names for f in e.feeds(namespace=namespace)]
    return e.estate(datasets, feeds=feeds, catalog=e.applied())


def next_day(
    estate: Estate, yesterday: Sequence[Finding] = (), identities: Identities = EXACT
) -> Findings:
    index = EstateIndex(estate)
    return carry_on(yesterday, judge(POLICIES, index), POLICIES, index, identities)


def untested(findings: Findings) -> dict[tuple[str, str], Finding]:
    """Findings of TST-001 by the name under which they were born."""
    born = {
        Verdict(
            "TST-001", AssetSubject(e.key(n[1], n[0])), Outcome.FAIL, Severity.HIGH, ""
        ).fingerprint: n
        for n in (TABLE, PATH)
    }
    return {born[f.fingerprint]: f for f in findings if f.policy == "TST-001"}


def test_a_late_symlink_moves_no_fingerprint() -> None:
    before = next_day(estate_of(PATH))

    after = next_day(estate_of(TABLE), before, JOINED)

    assert {f.fingerprint for f in after} == {f.fingerprint for f in before}
    found = untested(after)[PATH]
    assert found.subject == AssetSubject(e.key(TABLE[1], TABLE[0]))
    assert found.status is FindingStatus.OPEN
    assert found.first_seen == untested(before)[PATH].first_seen
    assert found.occurrences == 1
    assert [c.why for c in found.history] == [
        "first seen to fail",
        "its subject is known as shop.orders now",
    ]
    assert next_day(estate_of(TABLE), after, JOINED) == after


def test_under_its_new_name_a_finding_resolves_and_reopens() -> None:
    before = next_day(estate_of(PATH))

    healed = next_day(estate_of(TABLE, is_tested=True), before, JOINED)
    again = next_day(estate_of(TABLE), healed, JOINED)

    assert untested(healed)[PATH].status is FindingStatus.RESOLVED
    assert untested(again)[PATH].status is FindingStatus.REOPENED
    assert list(untested(again)) == [PATH]


def test_two_findings_that_turn_out_to_be_one_leave_the_older_and_part_again() -> None:
    older = next_day(estate_of(PATH))
    both = next_day(estate_of(PATH, TABLE), older)
    both = tuple(replace(f, first_seen=e.ago(50)) if f is untested(both)[PATH] else f for f in both)

    merged = untested(once := next_day(estate_of(TABLE), both, JOINED))
    parted = untested(next_day(estate_of(PATH, TABLE), once))

    assert merged[PATH].status is FindingStatus.OPEN
    assert merged[TABLE].status is FindingStatus.RETIRED
    assert merged[PATH].fingerprint[:12] in merged[TABLE].history[-1].why
    assert parted[PATH].status is FindingStatus.OPEN
    assert parted[TABLE].status is FindingStatus.REOPENED
    assert parted[PATH].subject == AssetSubject(e.key(PATH[1], PATH[0]))
    assert next_day(estate_of(TABLE), once, JOINED) == once


def test_a_write_keeps_its_finding_though_job_and_dataset_have_new_names() -> None:
    jobs = identify_jobs([(("dbt", "a.build.run"), "model.a"), (("dbt", "model.a"), "model.a")])
    identities = Identities(JOINED.datasets, jobs)

    def writing(job: AssetKey, dataset: AssetKey) -> Estate:
        write = replace(e.write("x", "y", job_sanctioned=NO), job=job, dataset=dataset)
        return e.estate(
            [e.tested(dataset.name, namespace=dataset.namespace)],
            [e.job(job.name, namespace=job.namespace)],
            [write],
            e.feeds(namespace=dataset.namespace),
            catalog=e.applied(),
        )

    before = next_day(writing(e.job_key("a.build.run", "dbt"), e.key(PATH[1], PATH[0])))
    after = next_day(
        writing(e.job_key("model.a", "dbt"), e.key(TABLE[1], TABLE[0])), before, identities
    )

    born = {f.fingerprint for f in before if f.policy == "ACC-001"}
    assert len(born) == 1
    assert {f.fingerprint for f in after if f.policy == "ACC-001"} == born


def test_a_feed_keeps_its_finding_under_the_declared_namespace() -> None:
    host, ip = "postgres://wh-prod", "postgres://10.20.0.15"
    alias = Alias(ip, None, host, None, Place("places.yml", 1))
    identities = Identities(identify_datasets([], aliases=[alias]))

    def silent(namespace: str) -> Estate:
        feeds = [
            e.feed(kind, None if kind is FeedKind.DATA_TESTS else 0.1, namespace)
            for kind in FeedKind
        ]
        return e.estate([e.dataset("x", namespace=namespace)], feeds=feeds, catalog=e.applied())

    before = next_day(silent(ip))
    after = next_day(silent(host), before, identities)

    assert {f.fingerprint for f in before} == {f.fingerprint for f in after}
    assert [f.subject.namespace for f in after if isinstance(f.subject, FeedSubject)] == [host]


DAYS = {
    "apart": (estate_of(PATH, TABLE), EXACT),
    "apart, tested": (estate_of(PATH, TABLE, is_tested=True), EXACT),
    "path only": (estate_of(PATH), EXACT),
    "one": (estate_of(TABLE), JOINED),
    "one, tested": (estate_of(TABLE, is_tested=True), JOINED),
    "gone": (estate_of(("x", "y")), JOINED),
}


@given(st.lists(st.sampled_from(sorted(DAYS)), max_size=7))
def test_however_names_join_and_part_no_finding_is_lost_or_doubled(days: list[str]) -> None:
    lives: list[Findings] = [()]
    for day in days:
        estate, identities = DAYS[day]
        lives.append(next_day(estate, lives[-1], identities))
        again = next_day(estate, lives[-1], identities)
        assert again == lives[-1]
        live = [f for f in lives[-1] if f.status.is_live and f.policy == "TST-001"]
        assert len({f.subject for f in live}) == len(live)

    for before, after in pairwise(lives):
        later = {f.fingerprint: f for f in after}
        for finding in before:
            assert later[finding.fingerprint].history[: len(finding.history)] == finding.history
