"""Results of data tests: every place, one key, and never a pass that nobody saw."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.data_tests import (
    CHECKS,
    FACETS,
    Assertion,
    Command,
    graded,
    is_open,
    keys_of,
    merged,
    results_in,
    severities,
    status,
    unexecuted,
)  # fmt: skip
from lineage.estate import DataTestStatus, RunState
from lineage.payloads import WHOLE
from tests.lineage.wild import facets, real_facets, same_however_written

WORDS = [
    "assertions", "tests", "assertion", "expectationType", "name", "column", "success", "status",
    "severity", "type", "expected", "actual", "params", "column_name", "content", "description",
    "checks", "passed",
]  # fmt: skip
DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
ELSE = "https://example.com/quality"

wild = facets(WORDS, ["pass", "fail", "skip", "warn", "error", "singular", "not_null"])
reports = st.builds(
    Assertion,
    key=st.sampled_from([b"a" * 16, b"b" * 16]),
    name=st.sampled_from(["x", "y"]),
    success=st.sampled_from([True, False, None]),
    severity=st.sampled_from([None, "error", "warn"]),
    word=st.sampled_from([None, "skip", "pass"]),
    actual=st.sampled_from([None, "0", "3"]),
    expected=st.sampled_from([None, "0"]),
)


def only(facet_name: str, entry: dict[str, Any]) -> Assertion:
    holder = "tests" if facet_name == "test" else "assertions"
    (found,) = results_in(facet_name, {holder: [entry]})
    return found


# Laws


@given(st.sampled_from(FACETS), wild)
def test_a_facet_is_read_whatever_it_holds(facet_name: str, facet: dict[str, Any]) -> None:
    same_however_written(lambda f: results_in(facet_name, f), facet)
    assert results_in("schema", facet) == ()


@given(st.sampled_from(FACETS), wild)
def test_each_test_is_there_once(facet_name: str, facet: dict[str, Any]) -> None:
    keys = [result.key for result in results_in(facet_name, facet)]

    assert keys == sorted(set(keys))
    assert all(len(key) == 16 for key in keys)


@given(st.lists(reports), st.data())
def test_merging_minds_neither_order_nor_repetition(
    found: list[Assertion], data: st.DataObject
) -> None:
    again = data.draw(st.permutations([*found, *found]))

    assert merged(again) == merged(found)
    assert merged([*merged(found[:3]).values(), *found[3:]]) == merged(found)


@given(st.lists(reports))
def test_a_test_that_anybody_saw_failing_does_not_pass(found: list[Assertion]) -> None:
    for key, result in merged(found).items():
        answers = {r.success for r in found if r.key == key}
        assert result in found
        assert (result.success is True) is (answers == {True})


@given(st.lists(reports), st.data())
def test_severities_mind_neither_order_nor_repetition(
    found: list[Assertion], data: st.DataObject
) -> None:
    again = data.draw(st.permutations([*found, *found]))

    assert severities(again) == severities(found)


@given(reports, reports)
def test_a_severity_told_elsewhere_fills_a_gap_and_changes_nothing_else(
    result: Assertion, other: Assertion
) -> None:
    told = {keys_of(result)[1]: other.severity} if other.severity else {}

    found = graded(result, told)

    assert found.severity == (result.severity or other.severity)
    assert replace(found, severity=None) == replace(result, severity=None)


@given(reports, st.sampled_from(RunState), st.sampled_from([DBT, ELSE, ""]), st.text(max_size=1))
def test_only_a_success_in_a_run_that_ended_passes(
    result: Assertion, run_state: RunState, producer: str, error: str
) -> None:
    answer = status(result, run_state, producer, error)

    if answer is DataTestStatus.PASS:
        assert result.success is True
        assert run_state in (RunState.COMPLETE, RunState.FAIL)
    if answer is DataTestStatus.FAIL:
        assert result.success is False


numbers = st.frozensets(st.integers(1, 4), max_size=3)
commands = st.builds(
    Command,
    tested=numbers,
    built=numbers,
    failed=numbers,
    below=numbers,
    has_other_failures=st.booleans(),
    only_tests=st.booleans(),
    alone=st.dictionaries(st.sampled_from(["x", "not_null"]), numbers, max_size=2),
)


@given(reports, commands, st.booleans())
def test_what_was_not_executed_never_passes_nor_fails(
    result: Assertion, command: Command, names_all: bool
) -> None:
    told = unexecuted(result, command, names_all=names_all)

    assert told in (None, DataTestStatus.SKIPPED, DataTestStatus.BROKEN)
    if told is DataTestStatus.BROKEN and not command.only_tests:
        assert command.built  # something was there to be tested


@given(reports, st.sampled_from(RunState), st.sampled_from([DBT, ELSE]), st.text(max_size=1))
def test_only_what_came_to_no_answer_is_left_open(
    result: Assertion, run_state: RunState, producer: str, error: str
) -> None:
    answer = status(result, run_state, producer, error)

    if answer is not None and is_open(result, answer):
        assert (result.success, result.actual) == (False, None)
        assert answer is DataTestStatus.SKIPPED


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (Command(), None),
        (Command(tested=frozenset({1})), None),
        (Command(frozenset({1}), failed=frozenset({1})), DataTestStatus.SKIPPED),
        (Command(frozenset({1}), below=frozenset({1})), DataTestStatus.SKIPPED),
        (Command(frozenset({1}), built=frozenset({1})), DataTestStatus.BROKEN),
        (Command(frozenset({1}), only_tests=True), DataTestStatus.BROKEN),
        (Command(frozenset({1, 2}), built=frozenset({1})), None),
        (
            Command(frozenset({1}), built=frozenset({1}), has_other_failures=True),
            DataTestStatus.BROKEN,
        ),
    ],
)
def test_skipped_or_broken_is_told_by_the_rest_of_the_command(
    command: Command, answer: DataTestStatus | None
) -> None:
    assert unexecuted(FAILED, command, names_all=False) is answer


def test_a_data_test_that_may_wait_for_other_models_is_in_doubt_where_something_failed() -> None:
    wide = replace(FAILED, name="relationships", title="relationships_a_b")
    command = Command(frozenset({1}), built=frozenset({1}), has_other_failures=True)

    assert unexecuted(wide, command, names_all=False) is None
    assert unexecuted(wide, command, names_all=True) is DataTestStatus.BROKEN
    known = replace(command, alone={"relationships_a_b": frozenset({1, 2})}, below=frozenset({2}))
    assert unexecuted(wide, known, names_all=False) is DataTestStatus.SKIPPED


# One key for one test


def test_the_key_of_a_dataset_assertion_is_its_sort_its_column_and_its_name() -> None:
    entry = {"assertion": "not_null", "column": "id", "name": "n", "success": True}

    found = only("dataQualityAssertions", entry)

    assert found.key == hashlib.sha256(b"not_null\0id\0n").digest()[:16]
    assert found.key == only("dataQualityAssertions", {**entry, "success": False}).key
    for part in ("assertion", "column", "name"):
        assert found.key != only("dataQualityAssertions", {**entry, part: "other"}).key


@pytest.mark.parametrize(
    ("of_dataset", "of_run"),
    [
        (
            {"assertion": "no_negative", "name": "no_negative", "success": True},
            {"name": "test.shop.no_negative", "status": "pass"},
        ),
        (
            {"assertion": "no_negative", "name": "no_negative", "success": True},
            {"name": "test.shop.no_negative", "status": "pass", "type": "singular"},
        ),
        (
            {"assertion": "not_null", "column": "id", "name": "not_null_a_id", "success": True},
            {
                "name": "test.shop.not_null_a_id.0a1b2c3d4e",
                "status": "pass",
                "type": "not_null",
                "params": {"column_name": "id"},
            },
        ),
        (
            {"assertion": "row_count", "name": "enough", "success": True},
            {"name": "enough", "type": "row_count", "status": "pass"},
        ),
    ],
)
def test_a_test_has_one_key_wherever_it_is_reported(
    of_dataset: dict[str, Any], of_run: dict[str, Any]
) -> None:
    one, other = only("dataQualityAssertions", of_dataset), only("test", of_run)

    assert one.key == other.key
    assert (one.name, one.title, one.column) == (other.name, other.title, other.column)


def test_an_expectation_has_the_key_of_the_same_assertion() -> None:
    expectation = {"expectationType": "not_null", "column": "id", "success": False}
    assertion = {"assertion": "not_null", "column": "id", "success": False}

    assert only("greatExpectations_assertions", expectation) == only(
        "dataQualityAssertions", assertion
    )


def test_a_check_that_a_run_tells_by_name_is_the_one_it_reports_of_a_dataset() -> None:
    facet = {"checks": [{"assertion": "x_is_known", "passed": False, "severity": "WARN"}]}
    (check,) = results_in(CHECKS, facet)
    reported = only("dataQualityAssertions", {"assertion": "x_is_known", "column": "x"})

    assert (check.success, check.blocking) == (False, False)
    assert check.key in keys_of(reported)
    assert graded(reported, severities([check])).blocking is False
    other = only("dataQualityAssertions", {"assertion": "y_is_known"})
    assert graded(other, severities([check])).blocking is True


def test_tables_can_refer_to_the_body_of_every_report() -> None:
    assert set(FACETS) <= WHOLE


# What a report says


def test_everything_that_a_report_says_is_kept() -> None:
    found = only(
        "test",
        {
            "name": "fresh", "status": "FAIL", "severity": "WARN", "type": "freshness",
            "expected": "1", "actual": 2.5, "description": "d", "content": "select 1",
        },
    )  # fmt: skip

    assert (found.name, found.title, found.word) == ("freshness", "fresh", "fail")
    assert (found.success, found.blocking) == (False, False)
    assert (found.expected, found.actual) == ("1", "2.5")
    assert (found.description, found.content) == ("d", "select 1")


@pytest.mark.parametrize(
    ("severity", "blocking"),
    [("error", True), (None, True), ("", True), (3, True), ("warn", False), ("Warning", False)],
)
def test_a_test_blocks_unless_it_only_warns(severity: Any, blocking: bool) -> None:
    assert only("dataQualityAssertions", {"severity": severity}).blocking is blocking


@pytest.mark.parametrize(
    ("entry", "success"),
    [
        ({"success": True}, True),
        ({"success": "true"}, None),
        ({"success": 1}, None),
        ({}, None),
        ({"status": "passed"}, True),
        ({"status": "skip"}, None),
        ({"status": "whatever"}, None),
    ],
)
def test_an_answer_is_a_clear_one_or_none(entry: dict[str, Any], success: bool | None) -> None:
    assert only("test", entry).success is success


def test_a_warning_is_a_failure_that_does_not_block_unless_its_severity_says_so() -> None:
    warned = only("test", {"name": "x", "status": "warn"})
    severe = only("test", {"name": "x", "status": "warn", "severity": "error"})

    assert (warned.success, warned.blocking) == (False, False)
    assert (severe.success, severe.blocking) == (False, True)


def test_a_test_without_any_name_is_still_one() -> None:
    assert only("dataQualityAssertions", {"success": True}).name == "data test"


# What a result means

FAILED = Assertion(b"k", "not_null", success=False)
COUNTED = Assertion(b"k", "not_null", success=False, actual="3", expected="0")
EMPTY = Assertion(b"k", "not_null", success=False, actual="0", expected="0")
PASSED = Assertion(b"k", "not_null", success=True, actual="0", expected="0")
SILENT = Assertion(b"k", "not_null")
SKIPPED = Assertion(b"k", "not_null", word="skip")


@pytest.mark.parametrize(
    ("result", "run_state", "producer", "error", "answer"),
    [
        # What dbt says when its tests ran: some of a run's tests fail it, the others passed.
        (PASSED, RunState.COMPLETE, DBT, None, "pass"),
        (PASSED, RunState.FAIL, DBT, None, "pass"),
        (COUNTED, RunState.FAIL, DBT, None, "fail"),
        (COUNTED, RunState.FAIL, DBT, "Got 3 results", "fail"),
        # A failure that only warns leaves the run complete.
        (COUNTED, RunState.COMPLETE, DBT, None, "fail"),
        # Skipped, from artifacts and from logs.
        (FAILED, RunState.FAIL, DBT, None, "skipped"),
        (EMPTY, RunState.ABORT, DBT, None, "skipped"),
        # Its SQL does not run.
        (FAILED, RunState.FAIL, DBT, "no such column", "broken"),
        (EMPTY, RunState.FAIL, DBT, "no such column", "broken"),
        (EMPTY, RunState.COMPLETE, DBT, None, "broken"),
        # Others say less, and mean it. A validation may fail while its run completes.
        (FAILED, RunState.COMPLETE, ELSE, None, "fail"),
        (FAILED, RunState.FAIL, ELSE, "x", "fail"),
        (EMPTY, RunState.FAIL, ELSE, None, "fail"),
        (SILENT, RunState.COMPLETE, ELSE, None, "broken"),
        (SKIPPED, RunState.COMPLETE, ELSE, None, "skipped"),
        # Whatever was announced, an aborted run proved nothing, and one that runs has not yet.
        (PASSED, RunState.ABORT, ELSE, None, "skipped"),
        (PASSED, RunState.RUNNING, DBT, None, None),
        (COUNTED, RunState.UNKNOWN, ELSE, None, None),
    ],
)
def test_a_result_means_what_its_run_allows(
    result: Assertion, run_state: RunState, producer: str, error: str | None, answer: str | None
) -> None:
    assert status(result, run_state, producer, error) == answer


@pytest.mark.parametrize(
    ("producer", "is_dbt"),
    [
        (DBT, True),
        ("https://github.com/apache/airflow/tree/providers-dbt-cloud/4.0", True),
        ("https://github.com/astronomer/astronomer-cosmos/tree/1.0", True),
        ("https://example.com/tidbtool", False),
    ],
)
def test_dbt_speaks_through_several_producers(producer: str, is_dbt: bool) -> None:
    assert (status(FAILED, RunState.FAIL, producer) is DataTestStatus.SKIPPED) is is_dbt


# Real reports


def test_real_reports_are_all_read() -> None:
    found = [results_in("dataQualityAssertions", f) for f in real_facets("dataQualityAssertions")]

    assert len(found) > 20
    assert all(found)
    assert all(r.success is not None and r.name != "data test" for rs in found for r in rs)
    assert {r.blocking for rs in found for r in rs} == {True, False}


def test_the_real_singular_test_is_one_test_in_all_its_reports() -> None:
    of_run = {
        r.key
        for f in real_facets("test")
        for r in results_in("test", f)
        if r.title == "assert_no_negative_revenue"
    }
    of_dataset = {
        r.key
        for f in real_facets("dataQualityAssertions")
        for r in results_in("dataQualityAssertions", f)
        if r.title == "assert_no_negative_revenue"
    }

    assert len(of_run) == 1
    assert of_run == of_dataset
