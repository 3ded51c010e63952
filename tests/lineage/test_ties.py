"""What is shown of data tests does not depend on what came first, also where instants tie."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from lineage import reports
from lineage.estate import DataTest, DataTestStatus, Estate
from lineage.events import parse_event
from lineage.reading import load_estate
from lineage.rebuild import digest
from tests.lineage.test_one_estate import HIVE, LAKE, PATH, TABLE, linked, told
from tests.lineage.worlds import NOW, at, dataset, encode, job, take

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


def in_every_order(empty: Callable[[], Engine], events: list[dict[str, Any]]) -> Estate:
    """The estate, which is the same in whatever order events came, and so is the digest."""
    seen = []
    for some in itertools.permutations(map(encode, events)):
        store = empty()
        take(store, [[body] for body in some])
        seen.append((told(load_estate(store, NOW)), digest(store)))
    assert all(other == seen[0] for other in seen)
    return seen[0][0]


def data_tests_in_every_order(
    empty: Callable[[], Engine], events: list[dict[str, Any]]
) -> tuple[DataTest, ...]:
    """The data tests of the only dataset."""
    (found,) = in_every_order(empty, events).datasets.values()
    return found.tests


def test_of_reports_on_two_names_at_one_instant_the_greatest_event_is_shown(
    empty: Callable[[], Engine], make_event: MakeEvent
) -> None:
    """Whatever the order in which the names, the events and what joins the names were told."""
    events = [
        make_event(eventTime=at(0), inputs=[linked(PATH, **reported(False))]),
        make_event(eventTime=at(0), inputs=[linked(TABLE, **reported(True))]),
        make_event(eventTime=at(0), outputs=[linked(TABLE, (PATH, "TABLE"))]),
    ]

    (test,) = data_tests_in_every_order(empty, events)

    assert test.status is DataTestStatus.FAIL


def test_of_different_data_tests_at_one_instant_the_greatest_event_is_shown(
    empty: Callable[[], Engine], make_event: MakeEvent
) -> None:
    events = [
        make_event(eventTime=at(0), inputs=[linked(TABLE, **reported(True, *names))])
        for names in (["a"], ["b"], ["c", "d"])
    ]

    tests = data_tests_in_every_order(empty, events)

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

    tests = data_tests_in_every_order(empty, events)

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

    (test,) = data_tests_in_every_order(empty, events)

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

    (test,) = data_tests_in_every_order(empty, events)

    assert test.job.name == "c"


def test_of_runs_of_one_id_of_jobs_that_are_joined_the_greatest_event_is_shown(
    empty: Callable[[], Engine], make_event: MakeEvent
) -> None:
    node: dict[str, Any] = {"dbt_node": {"unique_id": "model.shop.orders"}}
    events = [
        make_event(job=job(name, **node), eventType=kind, eventTime=at(0))
        for name, kind in (("a", "FAIL"), ("b", "COMPLETE"), ("c", "ABORT"))
    ]

    (found,) = in_every_order(empty, events).jobs.values()

    last = max((parse_event(encode(e)).event_id, e["eventType"].lower()) for e in events)[1]
    assert found.last_state is not None
    assert found.last_state.value == last
