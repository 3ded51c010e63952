from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import UserError
from catalog.wording import parse_duration
from policies.examples import disagreements
from policies.library import LIBRARY, library_digest, load_library, read_library, read_policy
from policies.model import Outcome, Policy, Severity

TEXT = (LIBRARY / "TST-001.yaml").read_text("utf-8")


@pytest.mark.parametrize("policy", load_library(), ids=lambda p: p.id)
def test_every_policy_answers_its_own_examples(policy: Policy) -> None:
    shown = {example.expected for example in policy.examples}

    assert shown == {Outcome.FAIL, Outcome.PASS, Outcome.UNKNOWN}
    assert [str(line) for line in disagreements(policy)] == []


@pytest.mark.parametrize("policy", load_library(), ids=lambda p: p.id)
def test_every_policy_is_named_after_its_file_and_says_why_and_what_to_do(policy: Policy) -> None:
    assert (LIBRARY / f"{policy.id}.yaml").is_file()
    assert policy.why
    assert policy.fix
    assert policy.seed
    assert policy.message_if_guess


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("severity: high", "severty: high", 'TST-001.yaml:5:1: "severty" is not a key here. Did'),
        ("severity: high", "severity: hihg", '5:11: severity: "hihg" is not known. Did you mean'),
        ("subject: dataset", "subject: datset", '4:10: subject: "datset" is not known'),
        ("ds.env == 'prod'", "ds.evn == 'prod'", '7:7: when: "ds.evn" is not a fact or function'),
        (
            "p.test_lag)",
            "p.test_leg)",
            '10:48: condition: "p.test_leg" is not a fact or function. Did you mean',
        ),
        ("{ds.name}", "{ds.nmae}", 'message: "ds.nmae" is not a fact. Did you mean "ds.name"?'),
        ("|ago|or:never", "|agoo|or:never", '"agoo" is not a filter. Did you mean "ago"?'),
        ("{ds.name}", "{ds.name|ago}", 'filter "ago" needs timestamp, and ds.name is string'),
        ("id: TST-001", "name: TST-001", '"name" is not a key here'),
        ("version: 1", "version: one", "2:10: version: found 'one', expected a number."),
        ("ds.kind: file", "ds.kid: file", '"ds.kid" is not a key here. Did you mean "ds.kind"?'),
        ("ds.kind: file", "ds.kind: 7", "ds.kind: found 7, expected string."),
        ("90d ago", "long ago", "found 'long ago', expected timestamp."),
        ("data_tests: silent", "data_test: silent", '"data_test" is not a key here.'),
        ("data_tests: silent", "data_tests: quiet", '"quiet" is not known.'),
        ("why: >-", "why: [", "Expected YAML"),
        ("id: TST-001", "- id", ""),
        ("effort: S", "effort: S\neffort: M", "found duplicate key"),
        ("practices: [TS1]", "practices: TS1", "expected a list of texts"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_place(old: str, new: str, message: str) -> None:
    assert old in TEXT

    with pytest.raises(UserError) as caught:
        read_policy(TEXT.replace(old, new, 1), "TST-001.yaml")

    assert str(caught.value).startswith("TST-001.yaml:")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_policy_without_a_condition_is_refused() -> None:
    text = "id: X-1\ntitle: t\nsubject: dataset\nseverity: low\nmessage: m\nwhy: w\nfix: f\n"

    with pytest.raises(UserError, match=r'X\.yaml:1: the key "condition" is missing'):
        read_policy(text, "X.yaml")


def test_a_severity_may_depend_on_facts() -> None:
    text = TEXT.replace(
        "severity: high", 'severity: {default: high, when: [{if: "ds.tier == 1", is: critical}]}'
    )

    policy = read_policy(text, "TST-001.yaml")

    assert policy.severity is Severity.HIGH
    assert [(r.condition.text, r.severity) for r in policy.severities] == [
        ("ds.tier == 1", Severity.CRITICAL)
    ]


def test_parameters_are_typed_by_how_they_are_written() -> None:
    text = TEXT.replace(
        "params: {test_age: 168h,",
        "params: {share: 0.1, most: 3, on: true, who: ana, test_age: 168h,",
    )

    policy = read_policy(text, "TST-001.yaml")

    assert policy.params["p.test_age"] == parse_duration("7d")
    assert [policy.params[f"p.{n}"] for n in ("share", "most", "on", "who")] == [
        0.1,
        3,
        True,
        "ana",
    ]


def test_two_policies_of_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(TEXT, "utf-8")

    with pytest.raises(UserError, match=r'b\.yaml:1: id "TST-001" is taken already at a\.yaml:1'):
        read_library(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        read_library(tmp_path / "none")


def test_an_example_that_disagrees_is_told_with_its_place() -> None:
    text = TEXT.replace("ds.tests_last_run_at: 1d ago", "ds.tests_last_run_at: 9d ago")

    found = disagreements(read_policy(text, "TST-001.yaml"))

    assert len(found) == 1
    assert "expected pass, found fail" in str(found[0])
    assert str(found[0]).startswith("TST-001.yaml:")


def test_the_digest_moves_with_any_change_of_a_policy() -> None:
    before = load_library()
    changed = read_policy(TEXT.replace("168h", "169h"), "TST-001.yaml")
    after = [changed if p.id == "TST-001" else p for p in before]

    assert library_digest(before) == library_digest(tuple(reversed(before)))
    assert library_digest(after) != library_digest(before)
