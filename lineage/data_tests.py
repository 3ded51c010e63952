"""Results of data tests, from every place where producers put them, and what each result means.

Pure functions of decoded facets: whatever a producer put there, they answer and never raise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lineage.estate import DataTestStatus, RunState
from lineage.events import text_of
from lineage.values import object_of, objects_in, told

_UNNAMED = "data test"

_SKIPPED = {"skip", "skipped"}
_WARNED = {"warn", "warning"}
_WORDS = {
    "pass": True, "passed": True, "success": True,
    "fail": False, "failed": False, **dict.fromkeys(_WARNED, False),
}  # fmt: skip
_DBT_ID = re.compile(r"test\.[^.]+\.(?P<name>.+?)(?:\.[0-9a-f]{10})?")
"""A dbt node's id: ``test.shop.not_null_orders_id.0a1b2c3d4e``; one written by hand has no hash."""
_DBT_PRODUCER = re.compile(r"\bdbt\b|cosmos", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Assertion:
    """One result of one data test, as one report has it."""

    key: bytes
    """Which test it is, on whatever it tests: the same wherever it is reported; 16 bytes."""
    name: str
    """The producer's own word for it, such as ``not_null``."""
    title: str | None = None
    """What it was called, if somebody named it."""
    column: str | None = None
    success: bool | None = None
    """``None``: no answer."""
    word: str | None = None
    """The status as it was reported, lower case, where it is a word: ``pass``, ``skip``."""
    severity: str | None = None
    """How bad a failure is, lower case, as it was reported: ``error``, ``warn``."""
    expected: str | None = None
    actual: str | None = None
    description: str | None = None
    content: str | None = None
    """The body of the test, such as its SQL."""

    @property
    def blocking(self) -> bool:
        """Whether a failure stops the line; so does one that says nothing of its severity."""
        return (self.severity or self.word) not in _WARNED


def results_in(facet_name: str, facet: Mapping[str, Any]) -> tuple[Assertion, ...]:
    """Results of data tests that a facet of a dataset, of an input or of a run reports.

    Each test once, by key; nothing for a facet of another name.
    """
    reader = _READERS.get(facet_name)
    if reader is None:
        return ()
    results = merged(reader(facet))
    return tuple(results[key] for key in sorted(results))


def merged(results: Iterable[Assertion]) -> dict[bytes, Assertion]:
    """One result for each test of one subject in one run: the worst that was reported of it.

    A failure outweighs no answer, and no answer a pass: who reports a test twice in one run reports
    the same twice, as a rule, and where not, the doubt must not pass.
    """
    found: dict[bytes, Assertion] = {}
    for result in results:
        known = found.get(result.key)
        if known is None or _weight(result) > _weight(known):
            found[result.key] = result
    return found


def severities(checks: Iterable[Assertion]) -> dict[bytes, str]:
    """How bad a failure is, by the key of the check, as a run tells it apart from the results.

    Of a check that the run tells of twice, as the worse of both has it.
    """
    worst = merged(check for check in checks if check.severity is not None)
    return {key: check.severity for key, check in worst.items() if check.severity}


def graded(result: Assertion, told: Mapping[bytes, str]) -> Assertion:
    """A result with the severity that its run tells of it elsewhere, unless it has one itself."""
    severity = told.get(check_key(result.name)) if told and result.severity is None else None
    return result if severity is None else replace(result, severity=severity)


def keys_of(result: Assertion) -> tuple[bytes, bytes]:
    """Keys under which a run may report of itself again what it reports of a dataset."""
    return result.key, check_key(result.name)


def check_key(name: str) -> bytes:
    """The key of a check that a run tells of by nothing but its name."""
    return _key("check", "", "", name)


def status(
    result: Assertion, run_state: RunState, producer: str, error: str | None = None
) -> DataTestStatus | None:
    """What a result means, given how its run ended.

    Args:
        result: What was reported.
        run_state: Of the run that reported it; while it is not over, what it reported is what it
            will say and not yet what happened.
        producer: Who reported it, as the event says.
        error: The message of the run's error, if it has one.

    Returns:
        ``None`` while the run has not ended: there is no answer yet.
    """
    if run_state is RunState.ABORT or result.word in _SKIPPED:
        return DataTestStatus.SKIPPED
    if run_state is RunState.LOST:
        return DataTestStatus.BROKEN
    if run_state not in (RunState.COMPLETE, RunState.FAIL):
        return None
    if result.success is None:
        return DataTestStatus.BROKEN
    if result.success:
        return DataTestStatus.PASS
    if is_dbt(producer):
        return _dbt_failure(result, error)
    return DataTestStatus.FAIL


@dataclass(frozen=True, slots=True)
class Command:
    """What one command of dbt did, as far as its runs tell; datasets by number."""

    tested: frozenset[int] = frozenset()
    """What the run that reports a data test reads."""
    built: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()
    """Whose own run failed."""
    below: frozenset[int] = frozenset()
    """What was not built and stands below something that stopped the line."""
    has_other_failures: bool = False
    only_tests: bool = False
    """Whether it was to run data tests and nothing else, so that no model could stop one."""
    alone: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Everything that data tests read which have a run of their own, by their title."""


_OF_ONE_MODEL = {"not_null", "unique", "accepted_values"}
"""dbt's own data tests that wait for one model and no other."""


def is_open(result: Assertion, status: DataTestStatus) -> bool:
    """Whether dbt leaves open if it skipped a data test or if that broke: it counted nothing."""
    is_failed = result.success is False and result.actual is None
    return status is DataTestStatus.SKIPPED and is_failed and result.word not in _SKIPPED


def unexecuted(result: Assertion, command: Command, *, names_all: bool) -> DataTestStatus | None:
    """Whether dbt skipped a data test or it broke, by what else the same command did.

    Args:
        result: What was reported.
        command: What it did.
        names_all: Whether the run names everything that the data test reads.

    Returns:
        ``None`` where that does not tell.
    """
    alone = command.alone.get(result.title or result.name)
    tested = alone or command.tested
    if not tested:
        return None
    if command.only_tests:
        return DataTestStatus.BROKEN
    if tested & (command.failed | command.below):
        return DataTestStatus.SKIPPED
    waits_for_no_other = names_all or bool(alone) or result.name in _OF_ONE_MODEL
    if tested <= command.built and (waits_for_no_other or not command.has_other_failures):
        return DataTestStatus.BROKEN
    return None


def is_dbt(producer: str) -> bool:
    """Whether a producer reports for dbt."""
    return _DBT_PRODUCER.search(producer) is not None


def _dbt_failure(result: Assertion, error: str | None) -> DataTestStatus:
    """A failure that dbt reports is one only if it counted something.

    It calls a test failed as well that it skipped or could not run. From its artifacts these two
    come without a count and look the same, so without an error the milder word is used; from its
    logs they come with a count of nothing, and skipped ones on an aborted run.
    """
    if result.actual is None:
        return DataTestStatus.BROKEN if error else DataTestStatus.SKIPPED
    if result.actual == result.expected == "0":
        return DataTestStatus.BROKEN
    return DataTestStatus.FAIL


def _dataset_assertions(facet: Mapping[str, Any]) -> Iterator[Assertion]:
    for entry in objects_in(facet.get("assertions")):
        title = text_of(entry.get("name"))
        name = text_of(entry.get("assertion")) or title
        yield _assertion(entry, name, text_of(entry.get("column")), title)


def _expectations(facet: Mapping[str, Any]) -> Iterator[Assertion]:
    """Great Expectations' own facet."""
    for entry in objects_in(facet.get("assertions")):
        name = text_of(entry.get("expectationType"))
        yield _assertion(entry, name, text_of(entry.get("column")), None)


def _executions(facet: Mapping[str, Any]) -> Iterator[Assertion]:
    """Tests that a run reports without saying of which dataset."""
    for entry in objects_in(facet.get("tests")):
        title = text_of(entry.get("name"))
        dbt_id = _DBT_ID.fullmatch(title) if title else None
        if dbt_id:  # datasets are told its last part
            title = dbt_id["name"]
        name = text_of(entry.get("type"))
        if name in (None, "singular"):  # one of a kind: its name is its kind
            name = title or name
        params = object_of(entry.get("params"))
        column = text_of(params.get("column_name")) or text_of(params.get("column"))
        yield _assertion(entry, name, column, title)


def _checks(facet: Mapping[str, Any]) -> Iterator[Assertion]:
    """Dagster's own facet: it alone has the severity of what is reported of a dataset beside it."""
    for entry in objects_in(facet.get("checks")):
        name = text_of(entry.get("assertion"))
        result = _assertion({**entry, "success": entry.get("passed")}, name, None, None)
        yield replace(result, key=check_key(result.name))


CHECKS = "dagster_asset_check"
"""The facet of a run that has severities, and no column, of what it reports of datasets."""
_READERS = {
    "dataQualityAssertions": _dataset_assertions,
    "greatExpectations_assertions": _expectations,
    "test": _executions,
    CHECKS: _checks,
}
FACETS = tuple(_READERS)
"""Names of all facets that report data tests."""


def _assertion(
    entry: Mapping[str, Any], name: str | None, column: str | None, title: str | None
) -> Assertion:
    word = (text_of(entry.get("status")) or "").strip().lower() or None
    success = entry.get("success")
    return Assertion(
        # The title, where there is one, tells apart two tests of one sort on one column.
        key=_key(name or "", column or "", title or ""),
        name=name or _UNNAMED,
        title=title,
        column=column,
        success=success if isinstance(success, bool) else _WORDS.get(word or ""),
        word=word,
        severity=(text_of(entry.get("severity")) or "").strip().lower() or None,
        expected=told(entry.get("expected")),
        actual=told(entry.get("actual")),
        description=text_of(entry.get("description")),
        content=text_of(entry.get("content")),
    )


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()[:16]


def _weight(result: Assertion) -> tuple[int, tuple[str, ...]]:
    severity = {False: 2, None: 1, True: 0}[result.success] * 2 + result.blocking
    texts = (
        result.actual, result.expected, result.word, result.description, result.content,
        result.name, result.title, result.column, result.severity,
    )  # fmt: skip
    return severity, tuple(text or "" for text in texts)
