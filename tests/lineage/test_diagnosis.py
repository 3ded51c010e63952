"""Why lineage is empty is said in sentences that rest on counts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from lineage.diagnosis import Counts, Problem, Sender, diagnose
from lineage.ingest import Arrival, Ingestor
from lineage.intake import intake
from tests.lineage.conftest import MakeEvent
from tests.lineage.test_log import encode

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HERE = "http://127.0.0.1:8501"
FRESH = (Sender("dbt", 10, NOW - timedelta(hours=1)),)
FINE = Counts(
    events=10, runs=5, ended_runs=5, datasets=3, read=2, written=2, used=3, edges=2, senders=FRESH
)

numbers = st.integers(0, 5)
counts = st.builds(
    Counts,
    events=numbers,
    refused=numbers,
    refused_mostly=st.just("job is missing"),
    runs=numbers,
    ended_runs=numbers,
    last_started_at=st.none() | st.just(NOW),
    datasets=numbers,
    read=numbers,
    written=numbers,
    used=numbers,
    edges=numbers,
    senders=st.just(FRESH) | st.just(()),
)


def first(told: Counts) -> Problem:
    return diagnose(told, NOW, HERE)[0].problem


@given(counts)
def test_something_is_always_said_and_whatever_is_wrong_has_a_remedy(told: Counts) -> None:
    found = diagnose(told, NOW, HERE)

    assert found
    assert all(one.sentence.endswith(".") and one.evidence for one in found)
    assert all(bool(one.remedy) is (one.problem is not Problem.NONE) for one in found)


@given(counts)
def test_only_what_has_an_edge_is_called_drawn(told: Counts) -> None:
    found = {one.problem for one in diagnose(told, NOW, HERE)}

    assert Problem.NONE not in found or told.edges > 0


@given(counts)
def test_at_most_one_reason_empties_lineage(told: Counts) -> None:
    assert sum(one.is_emptying for one in diagnose(told, NOW, HERE)) <= 1


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        (Counts(), Problem.NOTHING),
        (Counts(refused=3, refused_mostly="job is missing"), Problem.ALL_REFUSED),
        (Counts(events=3, datasets=2, senders=FRESH), Problem.NO_RUNS),
        (Counts(events=3, runs=3, senders=FRESH), Problem.ONLY_STARTS),
        (Counts(events=3, runs=3, ended_runs=2, senders=FRESH), Problem.NO_DATASETS),
        (
            Counts(events=3, runs=3, ended_runs=2, datasets=2, read=2, used=2, senders=FRESH),
            Problem.ONLY_INPUTS,
        ),
        (
            Counts(events=3, runs=3, ended_runs=2, datasets=2, written=2, used=2, senders=FRESH),
            Problem.ONLY_OUTPUTS,
        ),
        (
            Counts(
                events=3, runs=3, ended_runs=2, datasets=2, read=1, written=1, used=2, senders=FRESH
            ),
            Problem.NO_EDGES,
        ),
        (FINE, Problem.NONE),
    ],
)
def test_each_reason_has_its_verdict(told: Counts, problem: Problem) -> None:
    assert first(told) is problem


def test_nothing_yet_names_the_address_with_its_slash() -> None:
    (found,) = diagnose(Counts(), NOW, HERE)

    assert f"{HERE}/ " in found.remedy
    assert f"{HERE}/api/v1/lineage" in found.remedy


def test_a_run_that_has_just_begun_may_still_be_running() -> None:
    told = Counts(events=1, runs=1, last_started_at=NOW - timedelta(minutes=5), senders=FRESH)

    assert "may still be running" in diagnose(told, NOW, HERE)[0].remedy


def test_a_producer_that_fell_silent_is_named_while_others_speak() -> None:
    silent = Sender("spark", 7, NOW - timedelta(days=9))

    fine, found = diagnose(_with(senders=(*FRESH, silent)), NOW, HERE)

    assert fine.problem is Problem.NONE
    assert found.problem is Problem.PRODUCER_SILENT
    assert found.sentence == "spark is silent since 2026-11-11 09:00 UTC."


def test_where_all_are_silent_the_age_of_the_newest_event_is_told() -> None:
    told = _with(senders=(Sender("spark", 7, NOW - timedelta(days=9)),))

    (found,) = diagnose(told, NOW, HERE)

    assert found.sentence == "The newest event is 9 days old."


def test_datasets_that_no_run_names_are_counted() -> None:
    _, found = diagnose(_with(datasets=4), NOW, HERE)

    assert found.sentence == "1 dataset is named by no run."


def _with(**changed: object) -> Counts:
    values = {name: getattr(FINE, name) for name in Counts.__slots__}
    return Counts(**{**values, **changed})


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"eventType": "START"}, Problem.ONLY_STARTS),
        ({"inputs": [], "outputs": []}, Problem.NO_DATASETS),
        ({"inputs": [{"namespace": "n", "name": "a"}], "outputs": []}, Problem.ONLY_INPUTS),
        ({"inputs": [], "outputs": [{"namespace": "n", "name": "a"}]}, Problem.ONLY_OUTPUTS),
        (
            {
                "inputs": [{"namespace": "n", "name": "a"}],
                "outputs": [{"namespace": "n", "name": "b"}],
            },
            Problem.NONE,
        ),
        (
            {"run": None, "job": None, "eventType": None, "inputs": None, "outputs": None,
             "dataset": {"namespace": "n", "name": "a"}},
            Problem.NO_RUNS,
        ),
    ],
)  # fmt: skip
def test_what_arrived_is_counted_from_the_store(
    store: Engine, make_event: MakeEvent, parts: dict[str, object], problem: Problem
) -> None:
    Ingestor(store).ingest([Arrival(encode(make_event(**parts)), "t")])

    assert first(intake(store).counts) is problem


def test_a_mistaken_time_does_not_hide_that_a_producer_fell_silent(
    store: Engine, make_event: MakeEvent
) -> None:
    ahead = make_event(eventTime="2099-01-01T00:00:00Z", producer="https://example.com/ahead")
    Ingestor(store).ingest([Arrival(encode(ahead), "t"), Arrival(encode(make_event()), "t")])

    found = intake(store)

    later = datetime.now(UTC) + timedelta(days=9)
    told = [one.problem for one in diagnose(found.counts, later, HERE)]
    assert Problem.STALE in told
    assert found.producers[0].name == "https://example.com/ahead"
