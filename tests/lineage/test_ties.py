"""What is shown of data tests does not depend on what came first, also where instants tie."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from lineage import reports
from lineage.estate import Dataset, DataTest, DataTestStatus
from lineage.reading import load_estate
from lineage.rebuild import digest
from tests.lineage.test_one_estate import HIVE, LAKE, PATH, TABLE, linked
from tests.lineage.worlds import NOW, at, dataset, encode, take

MakeEvent = Callable[..., dict[str, Any]]
DAYS = -24 * 60


@pytest.fixture
def empty(request: pytest.FixtureRequest, store: Engine) -> Callable[[], Engine]:
    """Empties the store of this test, and hands it out again."""
    is_postgresql = store.dialect.name == "postgresql"
    found: Callable[[], Engine] = request.getfixturevalue(
        "clean_postgresql" if is_postgresql else "clean_store"
    )
    return found


def reported(success: bool, *names: str) -> dict[str, Any]:
    results = [
        {
            "assertion": "not_null",
            "column": "x",
            "success": success,
            "name": name,
            "description": "d",
        }
        for name in names or [""]
    ]
    return {"dataQualityAssertions": {"assertions": results}}


def shown(store: Engine) -> tuple[Dataset, str]:
    (found,) = load_estate(store, NOW).datasets.values()
    return replace(found, id=0, ids=()), digest(store)


def in_every_order(
    empty: Callable[[], Engine], events: list[dict[str, Any]]
) -> tuple[DataTest, ...]:
    """The data tests of the only dataset, which are the same in whatever order events came."""
    seen = []
    for some in itertools.permutations(map(encode, events)):
        store = empty()
        take(store, [[body] for body in some])
        seen.append(shown(store))
    assert all(other == seen[0] for other in seen)
    return seen[0][0].tests


def test_of_reports_on_two_names_at_one_instant_the_greatest_event_is_shown(
    empty: Callable[[], Engine], make_event: MakeEvent
) -> None:
    """Whatever the order in which the names, the events and what joins the names were told."""
    events = [
        make_event(eventTime=at(0), inputs=[linked(PATH, **reported(False))]),
        make_event(eventTime=at(0), inputs=[linked(TABLE, **reported(True))]),
        make_event(eventTime=at(0), outputs=[linked(TABLE, (PATH, "TABLE"))]),
    ]

    (test,) = in_every_order(empty, events)

    assert test.status is DataTestStatus.FAIL


def test_of_different_data_tests_at_one_instant_the_greatest_event_is_shown(
    empty: Callable[[], Engine], make_event: MakeEvent
) -> None:
    events = [
        make_event(eventTime=at(0), inputs=[linked(TABLE, **reported(True, *names))])
        for names in (["a"], ["b"], ["c", "d"])
    ]

    tests = in_every_order(empty, events)

    assert len(tests) == 4
    assert len({test.event_id for test in tests}) == 1


def test_an_older_answer_is_found_under_every_name(
    empty: Callable[[], Engine], make_event: MakeEvent
) -> None:
    """A run that goes on speaks of one name; the last answer was given of the other."""
    events = [
        make_event(run={"runId": "old"}, eventTime=at(40 * DAYS), inputs=[
            dataset(PATH[1], LAKE, **reported(False, "a", "b"))]),
        make_event(run={"runId": "older"}, eventTime=at(41 * DAYS), outputs=[
            linked(TABLE, (PATH, "TABLE"))]),
        make_event(run={"runId": "new"}, eventType="START", eventTime=at(0), inputs=[
            dataset(PATH[1], LAKE, **reported(True, "a", "b")),
            dataset(TABLE[1], HIVE, **reported(True, "a"))]),
    ]  # fmt: skip

    tests = in_every_order(empty, events)

    assert [test.status for test in tests] == [DataTestStatus.FAIL] * 2


def test_of_older_answers_at_one_instant_the_greatest_run_is_shown(
    empty: Callable[[], Engine], make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "OLDER_REPORTS", 1)
    events = [
        make_event(run={"runId": run}, eventTime=at(40 * DAYS), inputs=[
            dataset(TABLE[1], HIVE, **reported(run == "r3"))])
        for run in ("r1", "r3", "r2")
    ]  # fmt: skip
    events.append(
        make_event(run={"runId": "new"}, eventType="START", eventTime=at(0), inputs=[
            dataset(TABLE[1], HIVE, **reported(True))])
    )  # fmt: skip

    (test,) = in_every_order(empty, events)

    assert (test.run_id, test.status) == ("r3", DataTestStatus.PASS)


@pytest.mark.parametrize("blank", [" ", "\1", "\1\1", "\1\2"])
def test_of_older_runs_whose_names_read_alike_the_greatest_is_shown(
    empty: Callable[[], Engine], make_event: MakeEvent, blank: str
) -> None:
    """The namespace of one ends where the name of the other goes on."""
    jobs = [("a", f"b{blank}c", True), (f"a{blank}b", "c", False)]
    events = [
        make_event(job={"namespace": namespace, "name": name}, eventTime=at(40 * DAYS), inputs=[
            dataset(TABLE[1], HIVE, **reported(success))])
        for namespace, name, success in jobs
    ]  # fmt: skip

    (test,) = in_every_order(empty, events)

    assert test.job.name == "c"
