"""Which old runs stay because something rests on them: each rule by itself."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lineage import staying
from lineage.events import parse_event
from lineage.fold import Numbered
from lineage.staying import (
    Ended,
    Families,
    Link,
    Reported,
    Statements,
    staying_reports,
    staying_runs,
)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staying, "RUNS", 2)
    monkeypatch.setattr(staying, "REPORTS", 2)


def ended(pk: int, **parts: Any) -> Ended:
    """A successful run; the later the greater its number, and all do the same."""
    run = Ended(pk, b"%d" % pk, 1, True, 2, 10 * pk, 10 * pk - 5, True, 1, None, None, None)
    return run._replace(**parts)


def said(number: int, minute: int, **parts: Any) -> Numbered:
    event = {
        "eventType": "COMPLETE",
        "eventTime": f"2026-11-20T06:{minute:02}:00Z",
        "producer": "https://example.com/producer",
        "run": {"runId": f"019c0000-0000-7000-8000-{number:012}"},
        "job": {"namespace": "jobs", "name": "load"},
        **parts,
    }
    return Numbered(100 + number, parse_event(json.dumps(event).encode()))


def stays(*events: tuple[int, Numbered], cited: frozenset[bytes] = frozenset()) -> set[int]:
    mixed = list(events)
    random.Random(len(mixed)).shuffle(mixed)  # noqa: S311
    statements = Statements(cited)
    for pk, item in mixed:
        statements.take(pk, item)
    return statements.staying()


def test_the_newest_runs_that_end_alike_and_do_the_same_stay() -> None:
    runs = [ended(pk) for pk in range(9)]
    runs += [ended(pk, state=4, is_success=False) for pk in range(20, 24)]
    runs += [ended(pk, shape_id=2) for pk in range(30, 34)]

    assert staying_runs(runs) == {7, 8, 22, 23, 32, 33}


def test_the_first_successful_run_of_each_version_stays() -> None:
    runs = [ended(pk, version_id=pk // 3) for pk in range(9)]
    runs[3] = runs[3]._replace(is_success=False)

    assert staying_runs(runs) == {0, 4, 6, 7, 8}


def test_the_last_run_that_names_a_job_above_it_stays() -> None:
    runs = [ended(pk) for pk in range(9)]
    runs[2] = runs[2]._replace(parent_job_id=7, root_job_id=8)
    runs[4] = runs[4]._replace(parent_job_id=7)

    assert staying_runs(runs) == {2, 4, 7, 8}


def test_the_run_that_began_last_stays() -> None:
    runs = [ended(pk) for pk in range(9)]
    runs[3] = runs[3]._replace(started_at=1000)

    assert staying_runs(runs) == {3, 7, 8}


def test_the_newest_report_of_each_set_of_data_tests_stays() -> None:
    reports = [Reported(pk, 1, b"a", pk) for pk in range(6)]
    reports += [Reported(9, 1, b"b", 1), Reported(10, 1, b"b", 1), Reported(11, 2, b"a", 0)]

    assert staying_reports(reports) == {4, 5, 9, 10, 11}


def test_the_newest_reports_on_an_asset_stay_with_all_of_one_instant() -> None:
    reports = [Reported(pk, 1, b"a", at) for pk, at in enumerate([1, 2, 2, 3, 1])]

    assert staying_reports(reports) == {1, 2, 3}


def test_what_was_said_first_and_last_stays() -> None:
    events = [(pk, said(pk, minute)) for pk, minute in enumerate([1, 1, 2, 3, 5, 5])]

    assert stays(*events) == {0, 1, 4, 5}


@pytest.mark.parametrize(
    "parts",
    [
        {"inputs": [{"namespace": "n", "name": "other"}]},
        {"eventType": "FAIL"},
        {"producer": "https://example.com/other"},
        {"job": {"namespace": "jobs", "name": "load", "facets": {"ownership": {"owners": []}}}},
        {"eventTime": "2031-01-01T00:00:00Z"},
    ],
)
def test_what_only_one_run_said_stays(parts: dict[str, Any]) -> None:
    events = [(pk, said(pk, pk)) for pk in range(5)]

    assert stays(*events, (7, said(7, 2, **parts))) == {0, 4, 7}


def test_the_least_event_that_gives_another_name_stays() -> None:
    known = {"identifiers": [{"namespace": "n", "name": "a", "type": "TABLE"}]}
    outputs = [{"namespace": "n", "name": "b", "facets": {"symlinks": known}}]
    events = [(pk, said(pk, pk, outputs=outputs)) for pk in range(9)]
    least = min(events, key=lambda event: event[1].event.event_id)[0]

    assert stays(*events) == {0, least, 8}


def test_a_name_that_only_one_run_gave_stays() -> None:
    def outputs(name: str) -> list[dict[str, Any]]:
        known = {"identifiers": [{"namespace": "n", "name": name, "type": "TABLE"}]}
        return [{"namespace": "n", "name": "b", "facets": {"symlinks": known}}]

    events = [(pk, said(pk, pk, outputs=outputs("xy"[pk == 4]))) for pk in range(9)]

    assert 4 in stays(*events)


def test_what_only_one_run_said_in_an_entry_that_is_skipped_stays() -> None:
    """Nobody reads it, so that another says as much is not known."""

    def outputs(column: str) -> list[dict[str, Any]]:
        return [{"name": "nameless", "facets": {"schema": {"fields": [{"name": column}]}}}]

    events = [(pk, said(pk, pk, outputs=outputs("xy"[pk == 4]))) for pk in range(9)]

    assert stays(*events) == {0, 4, 8}


def test_what_measured_a_dataset_or_is_cited_stays() -> None:
    measured = {"inputs": [{"namespace": "n", "name": "a", "inputFacets": {
        "dataQualityMetrics": {"rowCount": 4, "columnMetrics": {}}}}]}  # fmt: skip
    events = [(pk, said(pk, pk)) for pk in range(9)]
    measures = [(pk, said(pk, pk, **measured)) for pk in range(20, 24)]

    cited = frozenset({events[5][1].event.event_id})

    assert stays(*events, *measures, cited=cited) == {0, 5, 8, 20, 21, 22, 23}


def test_statements_are_stood_for_by_what_stays() -> None:
    statements = Statements()
    for pk in (3, 1, 2):
        statements.take(pk, said(pk, pk))

    assert list(statements.standing().values()) == [101]


def test_runs_are_linked_through_whoever_they_name() -> None:
    links = [
        Link(1, b"a", b"dag", None),
        Link(2, b"b", b"dag", None),
        Link(3, b"dag", None, b"root"),
        Link(4, b"c", b"elsewhere", b"root"),
        Link(5, b"d", None, None),
        Link(6, b"e", b"d", None),
        Link(7, b"f", None, None),
    ]
    random.Random(1).shuffle(links)  # noqa: S311

    families = Families(links)

    assert families.without({1, 2, 3, 4, 5, 6, 7}) == {1, 2, 3, 4, 5, 6, 7}
    assert families.without({2, 3, 4, 5, 6}) == {5, 6}
    assert families.without({1, 2, 3, 6, 7}) == {7}
