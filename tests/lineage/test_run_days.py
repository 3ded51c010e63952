"""What summing up old runs leaves, tells and refuses, example by example."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from catalog import chain
from catalog.database import set_meta, writing
from catalog.errors import UserError
from catalog.moments import microseconds
from lineage import retention, staying, summing
from lineage.assets import ASSET, JOB
from lineage.audit_cli import KINDS
from lineage.history import estates_at
from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.job_runs import RunPage, job_runs
from lineage.log import event_body
from lineage.reading import load_estate
from lineage.removals import REMOVED
from lineage.retention import Limit, plan, remove
from lineage.run_days import RUN_DAY, summed
from tests.lineage.test_fold_laws import told_by
from tests.lineage.test_retention import is_intact, payloads, rebuilt
from tests.lineage.test_summing import LIMIT, NOW, START, at, summed_up_to, uuid_of
from tests.lineage.worlds import take

RUNS = 12
"""One a day; the first one and the newest two stay."""


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staying, "RUNS", 2)
    monkeypatch.setattr(staying, "REPORTS", 2)


def told(number: int, kind: str, day: float, **facets: Any) -> bytes:
    event = {
        "eventType": kind,
        "eventTime": at(day + 1),  # half a day after the year begins that the tables count by
        "producer": "https://example.com/producer",
        "run": {"runId": f"019c0000-0000-7000-8000-{number:012}", "facets": facets},
        "job": {"namespace": "jobs", "name": "load"},
        "outputs": [
            {
                "namespace": "duckdb://wh",
                "name": "orders",
                "facets": {},
                "outputFacets": {"outputStatistics": {"rowCount": 10 + number, "size": 100}},
            }
        ],
    }
    return json.dumps(event).encode()


def run(number: int, end: str = "COMPLETE", **facets: Any) -> list[bytes]:
    """A run that took an hour, on the day of its number."""
    began = told(number, "START", number, **facets)
    return [began, told(number, end, number + 1 / 24, **facets)]


@pytest.fixture
def filled(store: Engine) -> Engine:
    take(store, [[body for number in range(RUNS) for body in run(number)]])
    return store


def page(engine: Engine, before: str = "", limit: int = 50) -> RunPage:
    with engine.connect() as connection:
        jobs = connection.execute(select(ASSET.c.id).where(ASSET.c.kind == JOB)).scalars().all()
    return job_runs(engine, jobs, NOW, before, limit)


def test_the_first_and_the_newest_runs_of_a_job_stay(filled: Engine) -> None:
    assert summed_up_to(filled, 40) == RUNS - 3

    shown = page(filled)
    assert [line.started_at.day for line in shown.runs] == [13, 12, 2]
    assert payloads(filled) == 6
    assert is_intact(filled)


def test_a_day_tells_what_its_runs_came_to(store: Engine) -> None:
    sent = [body for number in range(6) for body in run(number)]
    day_of_two = [told(7, "START", 3.5), told(7, "COMPLETE", 3.75)]
    take(store, [[*sent, *day_of_two]])
    summed_up_to(store, 40)

    (day,) = [day for day in page(store).days if day.day == START + timedelta(days=4)]

    hour = 3_600_000_000
    figures = day.figures
    assert (figures.runs, figures.failed, figures.timed) == (2, 0, 2)
    assert (figures.took_us, figures.longest_us) == (7 * hour, 6 * hour)
    assert (figures.rows, figures.size_bytes) == (13 + 17, 200)


def test_each_day_is_on_one_page(filled: Engine) -> None:
    summed_up_to(filled, 40)
    days, runs = [], 0
    older: str | None = ""
    while older is not None:
        shown = page(filled, older, 1)
        days += [day.day for day in shown.days]
        runs += len(shown.runs)
        older = shown.older

    assert runs == 3
    assert days == [START + timedelta(days=number + 1) for number in range(RUNS - 3, 0, -1)]
    assert shown.summed == RUNS - 3


def test_it_can_be_planned_without_doing_it(filled: Engine) -> None:
    steps = list(summing.plan(filled, microseconds(START + timedelta(days=40))))

    assert sum(len(step.summed) for step in steps) == RUNS - 3
    assert payloads(filled) == 2 * RUNS


def test_an_event_of_a_run_that_was_summed_up_is_known_when_it_comes_again(
    filled: Engine,
) -> None:
    summed_up_to(filled, 40)

    receipts = Ingestor(filled).ingest([Arrival(body, "t") for body in run(4)])

    assert [receipt.status for receipt in receipts] == [Status.DUPLICATE] * 2
    assert len(page(filled).runs) == 3


@pytest.mark.parametrize("is_same_process", [True, False])
def test_a_late_event_of_it_counts_the_run_no_second_time(
    filled: Engine, is_same_process: bool
) -> None:
    ingestor = Ingestor(filled)
    ingestor.ingest([Arrival(told(4, "RUNNING", 4.01), "t")])  # it remembers runs from now on
    summed_up_to(filled, 40)
    taker = ingestor if is_same_process else Ingestor(filled)

    (receipt,) = taker.ingest([Arrival(told(5, "FAIL", 6), "t")])

    assert receipt.status is Status.STORED
    assert event_body_of(filled, receipt.event_id) is not None
    for _ in range(2):
        assert len(page(filled).runs) == 3 + 1  # one said something that no other says
        with filled.connect() as connection:
            assert summed(connection).runs == RUNS - 4
        rebuilt(filled)


def event_body_of(engine: Engine, event_id: str | None) -> object:
    with engine.connect() as connection:
        return event_body(connection, bytes.fromhex(event_id or ""))


def test_an_id_that_is_used_again_afterwards_begins_a_run(filled: Engine) -> None:
    summed_up_to(filled, 40)

    take(filled, [[told(5, "START", 60), told(5, "COMPLETE", 61)]])

    for _ in range(2):
        newest = page(filled).runs[0]
        assert newest.run_id.endswith("005")
        assert newest.started_at == START + timedelta(days=61)
        rebuilt(filled)


def test_runs_of_one_family_go_together_or_stay(store: Engine) -> None:
    def below(number: int) -> dict[str, Any]:
        return {
            "run": {"runId": uuid_of(f"dag-{number // 2}")},
            "job": {"namespace": "n", "name": "dag"},
        }

    sent = [body for number in range(RUNS) for body in run(number, parent=below(number))]
    take(store, [sent])

    assert summed_up_to(store, 40) == RUNS - 4

    assert sorted(line.started_at.day for line in page(store).runs) == [2, 3, 12, 13]


def test_nothing_goes_below_a_parent_that_goes_on(store: Engine) -> None:
    above = {"run": {"runId": uuid_of("daemon")}, "job": {"namespace": "n", "name": "daemon"}}
    take(store, [[body for number in range(RUNS) for body in run(number, parent=above)]])
    take(store, [run(60, parent=above)])

    assert summed_up_to(store, 40) == 0


def test_what_somebody_refers_to_stays(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    (receipt,) = Ingestor(filled).ingest([Arrival(run(4)[1], "t")])
    cited: Callable[[object], list[str]] = lambda _: [receipt.event_id or ""]  # noqa: E731
    monkeypatch.setattr(retention, "CITED", [cited])
    monkeypatch.setattr(summing, "CITED", [cited])

    assert summed_up_to(filled, 40) == RUNS - 4
    assert event_body_of(filled, receipt.event_id) is not None


def test_it_adds_to_what_was_removed_before(filled: Engine) -> None:
    beats = [told(4, "RUNNING", 4 + beat / 1000) for beat in range(1, 9)]
    take(filled, [beats])
    until = START + timedelta(days=40 + LIMIT.keep_days)
    with writing(filled) as connection:
        set_meta(connection, "retention_swept_until_us", 0)
    removed = sum(len(step.events) for step in remove(filled, LIMIT, until, pause=False))
    assert removed == 6
    sent = [p.events for p in intake(filled).producers]

    summed_up_to(filled, 40)

    rebuilt(filled)
    assert [p.events for p in intake(filled).producers] == sent == [2 * RUNS + 8]
    assert is_intact(filled)
    with filled.connect() as connection:
        kept = set(connection.execute(select(REMOVED.c.seq)).scalars())
    assert len(kept) == 2 * RUNS + 8 - payloads(filled)


def test_runs_are_counted_as_before_where_all_are_counted(filled: Engine) -> None:
    before = intake(filled).counts

    summed_up_to(filled, 40)

    assert intake(filled).counts == before


def test_an_instant_that_looks_back_on_it_is_refused(filled: Engine) -> None:
    summed_up_to(filled, 40)

    for day in (2.1, 39, 70):
        with pytest.raises(UserError, match="is not known exactly any more"):
            list(estates_at(filled, [START + timedelta(days=day)]))
    assert list(estates_at(filled, [START + timedelta(days=71)]))
    assert list(estates_at(filled, [START + timedelta(days=1.9)]))


def test_a_day_that_was_changed_breaks_the_chain(filled: Engine) -> None:
    summed_up_to(filled, 40)
    with writing(filled) as connection:
        connection.execute(update(RUN_DAY).where(RUN_DAY.c.id == 2).values(failed=7))

    with filled.connect() as connection:
        broken = chain.verify(connection, KINDS)
    assert broken is not None
    assert "run days" in broken.where


def test_a_run_that_went_on_meanwhile_is_left_alone(filled: Engine) -> None:
    steps = summing.plan(filled, until := microseconds(START + timedelta(days=40)))
    planned = next(steps)
    take(filled, [[told(5, "RUNNING", 5.01)]])

    assert list(retention.carry_out(filled, LIMIT, [planned], (until, until), pause=False)) == []

    assert len(page(filled).runs) == RUNS
    assert is_intact(filled)


def test_the_present_is_never_touched(filled: Engine) -> None:
    with pytest.raises(UserError, match="expected 40 or more"):
        list(summing.sum_up(filled, Limit(39, "person:ana"), NOW))


def test_what_is_superseded_is_planned_apart(filled: Engine) -> None:
    assert list(plan(filled, microseconds(START + timedelta(days=40)))) == []


def test_the_newest_result_of_a_data_test_stays(store: Engine) -> None:
    def tested(number: int) -> list[bytes]:
        events = [json.loads(body) for body in run(number)]
        check = {"assertion": "unique" if number == 4 else "not_null", "success": number != 4}
        for event in events:
            event["outputs"][0]["facets"] = {"dataQualityAssertions": {"assertions": [check]}}
        return [json.dumps(event).encode() for event in events]

    take(store, [[body for number in range(RUNS) for body in tested(number)]])
    before = told_by(load_estate(store, NOW))

    assert summed_up_to(store, 40) == RUNS - 4

    assert told_by(load_estate(store, NOW)) == before
    days = [day.figures for day in page(store).days]
    assert sum(figures.tests_passed for figures in days) == RUNS - 4
    rebuilt(store)
    assert told_by(load_estate(store, NOW)) == before


def test_a_run_that_failed_is_counted_so(store: Engine) -> None:
    sent = [run(number, "FAIL" if number % 3 == 0 else "COMPLETE") for number in range(RUNS)]
    take(store, [[body for some in sent for body in some]])

    summed_up_to(store, 40)

    (only,) = {day.figures.failed for day in page(store).days if day.figures.failed}
    assert only == 1
    with store.connect() as connection:
        assert summed(connection).failed == 1  # of four the first and the newest two stay
