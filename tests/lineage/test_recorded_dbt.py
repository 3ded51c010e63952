"""Data tests that dbt skipped, and those that broke: told apart by the rest of the command."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from lineage.estate import DataTestStatus, Estate
from lineage.importing import Summary, ingest_files
from lineage.ingest import Arrival, Ingestor
from lineage.reading import load_estate
from lineage.run_story import run_story
from tests.lineage.recordings import RECORDED, play

BROKEN_BUILD, BROKEN_TEST = "dbt-1.11-broken-build", "dbt-1.11-broken-test"


def ingest(store: Engine, *names: str) -> Estate:
    ingest_files(Ingestor(store), [RECORDED / f"{name}.ndjson" for name in names], Summary())
    return load_estate(store, datetime(2026, 11, 22, tzinfo=UTC))


def unexecuted(estate: Estate) -> dict[str, tuple[DataTestStatus, bool]]:
    """What data tests that came to no answer are told to be, and whether that is in doubt."""
    return {
        test.description or "": (test.status, test.is_doubtful)
        for tests in (
            *(dataset.tests for dataset in estate.datasets.values()),
            *(job.tests for job in estate.jobs.values()),
        )
        for test in tests
        if test.status in (DataTestStatus.SKIPPED, DataTestStatus.BROKEN)
    }


def test_a_data_test_of_a_model_that_failed_was_skipped(store: Engine) -> None:
    """In ``dbt build`` the model is tried before its data tests."""
    estate = play(store, "dbt-1.11-artifacts").estate

    assert unexecuted(estate) == {"not_null_late_fees_rental_id": (DataTestStatus.SKIPPED, False)}


def test_a_data_test_of_a_model_that_was_built_broke(store: Engine) -> None:
    recording = play(store, BROKEN_BUILD)

    told = unexecuted(recording.estate)

    accounts = {node["id"].split(".")[2]: node["status"] for node in recording.account}
    assert accounts["not_null_fct_rentals_colour"] == accounts["rentals_have_a_colour"] == "error"
    assert told["not_null_fct_rentals_colour"] == (DataTestStatus.BROKEN, False)
    assert told["rentals_have_a_colour"] == (DataTestStatus.BROKEN, False)


def test_of_a_model_that_nothing_is_known_of_dbt_does_not_say(store: Engine) -> None:
    """It was skipped, so it has no event here and its place in the lineage is not known."""
    recording = play(store, BROKEN_BUILD)

    told = unexecuted(recording.estate)

    accounts = {node["id"].split(".")[2]: node["status"] for node in recording.account}
    assert accounts["late_fees"] == accounts["not_null_late_fees_rental_id"] == "skipped"
    assert told["not_null_late_fees_rental_id"] == (DataTestStatus.SKIPPED, True)
    assert told["late_fees_are_of_rentals"] == (DataTestStatus.SKIPPED, True)


def test_what_stands_below_a_model_whose_data_test_broke_was_skipped(store: Engine) -> None:
    """An earlier command told that late fees are made of rentals."""
    told = unexecuted(ingest(store, "dbt-1.11-artifacts", BROKEN_BUILD))

    assert told["not_null_late_fees_rental_id"] == (DataTestStatus.SKIPPED, False)
    assert told["late_fees_are_of_rentals"] == (DataTestStatus.SKIPPED, False)
    assert told["rentals_have_a_colour"] == (DataTestStatus.BROKEN, False)


def test_where_dbt_only_tests_nothing_is_skipped(store: Engine) -> None:
    recording = play(store, BROKEN_TEST)

    errors = {n["id"].split(".")[2] for n in recording.account if n["status"] == "error"}

    assert unexecuted(recording.estate) == dict.fromkeys(errors, (DataTestStatus.BROKEN, False))


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_events_never_tells_skipped_from_broken(store: Engine, seed: int) -> None:
    lines = [
        line
        for name in ("dbt-1.11-artifacts", BROKEN_BUILD, BROKEN_TEST)
        for line in (RECORDED / f"{name}.ndjson").read_bytes().splitlines()
    ]
    random.Random(seed).shuffle(lines)  # noqa: S311  any order will do
    for line in lines:
        Ingestor(store).ingest([Arrival(line, "t")])

    shuffled = unexecuted(load_estate(store, datetime(2026, 11, 22, tzinfo=UTC)))

    assert shuffled == {
        "not_null_late_fees_rental_id": (DataTestStatus.SKIPPED, False),
        "late_fees_are_of_rentals": (DataTestStatus.SKIPPED, False),
        "not_null_fct_rentals_colour": (DataTestStatus.BROKEN, False),
        "rentals_have_a_colour": (DataTestStatus.BROKEN, False),
    }


def test_the_story_of_a_run_tells_what_the_page_of_the_dataset_tells(store: Engine) -> None:
    estate = play(store, BROKEN_BUILD).estate

    for dataset in estate.datasets.values():
        for test in dataset.tests:
            story = run_story(store, test.job, test.run_id)
            if story is not None:
                told = {
                    (each.status, each.is_doubtful)
                    for each in story.tests
                    if each.result.title == test.description
                }
                assert told == {(test.status, test.is_doubtful)}
