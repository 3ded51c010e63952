from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import UserError
from catalog.model import Environment, Zone
from lineage.estate import Estate, FeedKind
from policies.assess import assess_estate
from policies.library import load_library
from policies.maturity.model import MODEL, MaturityModel, load_model, read_model
from policies.maturity.practices import Result
from policies.maturity.score import score, score_all, tally
from policies.model import UNOWNED, DimensionScore, Outcome, PracticeScore, Score
from tests.policies import estates as e

M = load_model()
PRACTICES = {p.id: p for d in M.dimensions for p in d.practices}
LIBRARY = load_library()


def scored(estate: Estate) -> Score:
    return assess_estate(estate, (), LIBRARY, M).scores.organisation


def dimension(whole: Score, name: str) -> DimensionScore:
    return next(d for d in whole.dimensions if d.id == name)


def practice(whole: Score, name: str) -> PracticeScore:
    return next(p for d in whole.dimensions for p in d.practices if p.id == name)


def counts(found: PracticeScore) -> tuple[int, int, int, int]:
    return found.passed, found.failed, found.unknown, found.not_applicable


# The model --------------------------------------------------------------------------------------


def test_all_practices_of_both_dimensions_are_there_and_none_is_left_out() -> None:
    found = {d.id: [p.id for p in d.practices] for d in M.dimensions}

    assert found == {
        "TS": ["TS1", "TS2", "TS3", "TS4@3", "TS4@5", "TS5", "TS6", "TS7", "TS8"],
        "EN": ["EN1", "EN2", "EN3", "EN4", "EN5", "EN6", "EN7", "EN8"],
    }
    assert [(d.id, d.weight) for d in M.dimensions] == [("TS", 12), ("EN", 11)]


def test_thresholds_of_one_practice_share_its_weight() -> None:
    assert PRACTICES["TS4@3"].weight + PRACTICES["TS4@5"].weight == 2
    assert (PRACTICES["TS4@3"].level, PRACTICES["TS4@5"].level) == (3, 5)


def test_policies_and_practices_name_each_other() -> None:
    by_practice = {(p.policy, p.id) for p in PRACTICES.values() if p.policy}
    by_policy = {(policy.id, name) for policy in LIBRARY for name in policy.practices}

    assert by_practice == by_policy


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("policy: TST-001", "policy: TST-01", 'policy: "TST-01" is not in the library. Did you'),
        ("holds: ds.key_tested", "holds: ds.kye_tested", 'Did you mean "ds.key_tested"?'),
        ("holds: ds.key_tested", "hold: ds.key_tested", 'Did you mean "holds"?'),
        ("policy: TST-001", "gate: false", "expected exactly one of policy, holds, levels"),
        ("level: 4", "level: 9", "found level 9.0, expected one of 2, 3, 4, 5."),
        ("weight: 12", "weight: much", "found 'much', expected a number."),
    ],
)
def test_a_mistake_in_the_model_is_named_with_its_place(old: str, new: str, message: str) -> None:
    text = MODEL.read_text("utf-8")
    assert old in text

    with pytest.raises(UserError) as caught:
        read_model(text.replace(old, new, 1), "model.yaml", LIBRARY)

    assert str(caught.value).startswith("model.yaml:")
    assert message in str(caught.value)


# What practices find ----------------------------------------------------------------------------


def test_tests_practices_count_what_data_tests_show() -> None:
    source = e.dataset("source", zone=e.declared(Zone.RAW), first_read_at=e.ago(0.05))
    mart = e.tested(
        "mart",
        e.data_test("unique", "id", results_30d=20),
        e.data_test("not_null", "id"),
        e.data_test("accepted_values", "kind"),
        upstream=(source.key,),
    )

    found = scored(e.estate([source, mart], feeds=e.feeds(), catalog=e.applied()))

    assert counts(practice(found, "TS1")) == (1, 1, 0, 0)
    assert counts(practice(found, "TS2")) == (0, 1, 0, 1)
    assert counts(practice(found, "TS3")) == (1, 1, 0, 0)
    assert counts(practice(found, "TS4@3")) == (1, 1, 0, 0)
    assert counts(practice(found, "TS4@5")) == (0, 2, 0, 0)
    assert counts(practice(found, "TS5")) == (1, 1, 0, 0)
    assert counts(practice(found, "TS6")) == (0, 1, 0, 1)
    assert counts(practice(found, "TS7")) == (1, 0, 1, 0)
    assert practice(found, "TS7").reasons == {"few": 1}
    assert counts(practice(found, "TS8")) == (0, 0, 2, 0)
    assert practice(found, "TS8").reasons == {"no_feed": 2}


def test_environment_practices_count_what_is_declared_and_seen() -> None:
    dev = e.dataset("dev", environment=e.declared(Environment.DEV))
    guess = e.dataset("guess", environment=e.guessed(e.PROD))
    dark = e.dataset("dark", environment=None)
    drifted = e.dataset(
        "drifted", upstream=(dev.key,), last_write_at=e.ago(5), last_changed_at=e.ago(1)
    )
    steady = e.dataset("steady", last_write_at=e.ago(1), last_changed_at=e.ago(1))
    jobs = [e.job("proved", proved_below=True), e.job("rash", proved_below=False), e.job("dark")]

    found = scored(
        e.estate([dev, guess, dark, drifted, steady], jobs, feeds=e.feeds(), catalog=e.applied())
    )

    assert counts(practice(found, "EN1")) == (3, 1, 1, 0)
    assert practice(found, "EN1").reasons == {"weak": 1}
    assert counts(practice(found, "EN2")) == (0, 0, 0, 0)
    assert counts(practice(found, "EN3")) == (2, 1, 1, 1)
    assert counts(practice(found, "EN4")) == (0, 0, 4, 1)
    assert counts(practice(found, "EN5")) == (0, 0, 3, 0)
    assert counts(practice(found, "EN6")) == (1, 1, 1, 0)
    assert counts(practice(found, "EN7")) == (1, 1, 2, 1)
    assert counts(practice(found, "EN8")) == (0, 0, 2, 3)


def test_unowned_assets_are_a_team_of_their_own_and_come_last() -> None:
    datasets = [e.tested("a"), e.dataset("b", owners=(), team=None), e.tested("c", team="zebra")]

    board = assess_estate(e.estate(datasets, feeds=e.feeds()), (), LIBRARY, M).scores

    assert [t.team for t in board.teams] == ["finance", "zebra", UNOWNED]


# Levels -----------------------------------------------------------------------------------------


def results(**outcomes: str) -> list[Result]:
    """Outcomes by practice, one letter a subject: p, f, u, or P, F, U for tier 1."""
    letters = {
        "p": Outcome.PASS,
        "f": Outcome.FAIL,
        "u": Outcome.UNKNOWN,
        "n": Outcome.NOT_APPLICABLE,
    }
    return [
        Result(name.replace("_", "@"), "finance", letters[c.lower()], "no_feed", 1.0, c.isupper())
        for name, subjects in outcomes.items()
        for c in subjects
    ]


def ts(**outcomes: str) -> DimensionScore:
    return dimension(score(M, tally(results(**outcomes))), "TS")


def en(**outcomes: str) -> DimensionScore:
    return dimension(score(M, tally(results(**outcomes))), "EN")


def test_a_score_is_what_passed_and_what_might_have() -> None:
    found = ts(TS1="pppppfffuu")

    assert (found.floor, found.ceiling, found.coverage) == pytest.approx((0.5, 0.7, 0.8))


def test_a_level_needs_its_share_of_every_level_below() -> None:
    assert ts(TS1="ppppf", TS2="ppppf").level_floor == 2
    assert ts(TS1="pppff", TS2="ppppf").level_floor == 1
    assert ts(TS1="p", TS2="p", TS3="pppppppppf").level_floor == 3
    assert ts(TS1="f", TS3="p", TS6="p").level_floor == 1


def test_a_level_without_practices_is_passed_over_and_not_awarded() -> None:
    assert ts(TS1="p", TS6="p").level_floor == 4
    assert ts(TS1="p", TS3="n").level_floor == 2


def test_a_level_is_a_pair_where_evidence_is_missing() -> None:
    found = ts(TS1="p", TS2="p", TS3="ppu")

    assert (found.level_floor, found.level_ceiling) == (2, 3)


def test_too_little_evidence_is_not_assessed_which_is_not_zero() -> None:
    found = score(M, tally(results(TS1="puuu", EN1="p")))

    assert dimension(found, "TS").level_floor is None
    assert found.not_assessed == ("TS",)
    assert found.assessed == ("EN",)
    assert found.level_floor == 2


def test_a_gate_must_hold_for_everything_of_tier_1() -> None:
    many = "p" * 99

    assert en(EN1="p", EN2=many + "f").level_floor == 2
    assert en(EN1="p", EN2=many + "F").level_floor == 1
    assert en(EN1="p", EN2=many + "F").level_ceiling == 1
    unknown = en(EN1="p", EN2=many + "U")
    assert (unknown.level_floor, unknown.level_ceiling) == (1, 2)


def test_an_open_critical_finding_on_tier_1_holds_a_dimension_at_2() -> None:
    no = e.declared(False, "no pipeline has it")
    writes = [e.write("fix", "gold", job_sanctioned=no)]
    gold = e.dataset("gold", tier=e.declared(1))
    estate = e.estate([gold], [e.job("fix")], writes, e.feeds(), catalog=e.applied())
    findings = assess_estate(estate, (), LIBRARY, M).findings
    good = results(EN1="p", EN2="p", EN3="p", EN4="p", EN5="p")

    free, _ = score_all(M, good, findings, set())
    held, _ = score_all(M, good, findings, {f.fingerprint for f in findings})

    assert dimension(free, "EN").level_floor == 3
    assert dimension(held, "EN").level_floor == 2
    assert dimension(held, "EN").level_ceiling == 2
    assert dimension(held, "EN").capped == "ACC-001 is open on a tier 1 asset"
    assert dimension(held, "EN").floor == dimension(free, "EN").floor


# Laws -------------------------------------------------------------------------------------------

outcomes = st.sampled_from(list(Outcome))
some_results = st.lists(
    st.builds(
        Result,
        st.sampled_from(sorted(PRACTICES)),
        st.sampled_from(["finance", "crm", UNOWNED]),
        outcomes,
        st.just("no_feed"),
        st.floats(0.5, 30),
        st.booleans(),
    ),
    max_size=60,
)


def every(whole: Score) -> list[Score | DimensionScore]:
    return [whole, *whole.dimensions]


@given(some_results)
def test_the_floor_is_never_above_the_ceiling(found: list[Result]) -> None:
    for part in every(score(M, tally(found))):
        assert 0 <= part.floor <= part.ceiling + 1e-9 <= 1 + 2e-9
        assert 0 <= part.coverage <= 1 + 1e-9
        if part.level_floor is not None:
            assert part.level_ceiling is not None
            assert 1 <= part.level_floor <= part.level_ceiling <= 5


@given(some_results, st.data())
def test_hiding_evidence_never_raises_a_floor_nor_lowers_a_ceiling(
    found: list[Result], data: st.DataObject
) -> None:
    hidden = [
        replace(r, outcome=Outcome.UNKNOWN)
        if r.outcome in {Outcome.PASS, Outcome.FAIL} and data.draw(st.booleans())
        else r
        for r in found
    ]

    whole, part = score(M, tally(found)), score(M, tally(hidden))

    for before, after in zip(every(whole), every(part), strict=True):
        assert after.floor <= before.floor + 1e-9
        assert after.ceiling >= before.ceiling - 1e-9
        assert after.coverage <= before.coverage + 1e-9
    for a, b in zip(whole.dimensions, part.dimensions, strict=True):
        if a.level_floor is not None and b.level_floor is not None:
            assert b.level_floor <= a.level_floor


@given(some_results)
def test_the_sums_of_the_teams_are_those_of_the_organisation(found: list[Result]) -> None:
    organisation = tally(found)
    teams = [tally([r for r in found if r.team == t]) for t in ("finance", "crm", UNOWNED)]

    for name, whole in organisation.items():
        parts = [t[name] for t in teams if name in t]
        assert sum(p.passed for p in parts) == pytest.approx(whole.passed)
        assert sum(p.failed for p in parts) == pytest.approx(whole.failed)
        assert sum(p.unknown for p in parts) == pytest.approx(whole.unknown)
        assert sum(p.counts.total() for p in parts) == whole.counts.total()


@given(some_results)
def test_the_order_of_subjects_never_matters(found: list[Result]) -> None:
    one, other = score(M, tally(found)), score(M, tally(reversed(found)))

    for a, b in zip(every(one), every(other), strict=True):
        assert (a.floor, a.ceiling) == pytest.approx((b.floor, b.ceiling))


def _bare(environment: Environment | None, kind: str | None) -> Estate:
    claim = None if environment is None else e.guessed(environment)
    bare = e.dataset(
        "orders",
        environment=claim,
        kind=kind,
        zone=None,
        tier=e.guessed(3),
        owners=(),
        team=None,
        last_write_at=None,
    )
    job = e.job("load", environment=claim, owners=(), team=None)
    return e.estate([bare], [job], [e.write("load", "orders")], e.feeds(None))


@given(st.sampled_from([None, *Environment]), st.sampled_from([None, "table", "topic"]))
def test_with_no_evidence_nothing_passes_and_nothing_fails(
    environment: Environment | None, kind: str | None
) -> None:
    estate = _bare(environment, kind)
    found = assess_estate(estate, (), LIBRARY, M)

    judged = {v.outcome for v in found.verdicts if v.policy != "FED-001"}
    assert judged <= {Outcome.UNKNOWN, Outcome.NOT_APPLICABLE}
    for part in found.scores.organisation.dimensions:
        assert part.floor == 0
        assert part.ceiling == 1
        assert part.level_floor is None


@given(st.sets(st.sampled_from(list(FeedKind))))
def test_silencing_feeds_never_raises_a_floor(silenced: set[FeedKind]) -> None:
    datasets = [
        e.tested("a", e.data_test("unique", "id", results_30d=20), last_changed_at=e.ago(0.1)),
        e.tested("b", upstream=(e.key("a"),), last_read_at=e.ago(0.05)),
        e.dataset("c", owners=(), team=None, zone=e.declared(Zone.RAW)),
    ]
    loud = e.feeds()
    quiet = [e.feed(f.evidence, 20) if f.evidence in silenced else f for f in loud]

    before = scored(e.estate(datasets, [e.job("load")], feeds=loud))
    after = scored(e.estate(datasets, [e.job("load")], feeds=quiet))

    for a, b in zip(every(before), every(after), strict=True):
        assert b.floor <= a.floor + 1e-9


def test_the_model_that_ships_is_read_once() -> None:
    found: MaturityModel = load_model()

    assert found is load_model()
    assert len(found.digest) == 64
