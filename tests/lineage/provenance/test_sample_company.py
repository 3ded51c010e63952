"""The sample company: what is planted there is named where it stands, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from catalog.database import connect
from catalog.formats import read_catalog
from catalog.model import AssetKey
from catalog.store import apply_catalog
from lineage.history import stand
from lineage.ingest import Arrival, Ingestor
from lineage.provenance.backwards import backwards
from lineage.provenance.descents import descends_from_edit
from lineage.provenance.forwards import forwards
from lineage.sample import GOVERNANCE
from lineage.sample.events import events_of_day
from lineage.sample.model import Company
from lineage.sample.scenario import load_company
from lineage.trust.sentence import trust_of

ANCHOR = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DAYS = 6
SCRIPT, NOTEBOOK = "nightly_adjustments.sh", "price_fix.ipynb"


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company()


@pytest.fixture(scope="module")
def store(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('sample') / 'andon.db'}")
    ingestor = Ingestor(engine)
    for age in reversed(range(DAYS)):
        day = (ANCHOR - timedelta(days=age)).date()
        ingestor.ingest([Arrival(b, "sample") for b in events_of_day(company, day, ANCHOR)])
    apply_catalog(engine, read_catalog(GOVERNANCE), "person:ines", ANCHOR)
    yield engine
    engine.dispose()


def written_by(company: Company, job: str) -> set[AssetKey]:
    return {key for a in company.activities if a.job.name == job for key in a.outputs}


def built_on(company: Company, keys: set[AssetKey]) -> set[AssetKey]:
    """Everything that its scenario makes of some datasets, by columns or as a whole."""
    found = set(keys)
    while True:
        more = {
            target
            for activity in company.activities
            for target in activity.outputs
            if found & {*activity.inputs}
        }
        if more <= found:
            return found
        found |= more


def reports(company: Company, keys: set[AssetKey]) -> set[AssetKey]:
    return {key for key in keys if company.datasets[key].type == "REPORT"}


def test_the_nightly_edit_is_named_by_every_report_that_stands_on_it_and_by_no_other(
    company: Company, store: Engine
) -> None:
    seen = stand(store, ANCHOR)
    expected = reports(company, built_on(company, written_by(company, SCRIPT)))

    found = {
        key: {edit.version.run.job.name for edit in descent.edits if edit.version.run}
        for key, descent in descends_from_edit(seen).items()
        if seen.estate.datasets[key].kind == "report"
    }

    assert expected
    assert found == {key: {SCRIPT} for key in expected}
    descents = descends_from_edit(seen)
    for key in reports(company, {*company.datasets}):
        said = trust_of(seen, seen.estate.datasets[key], descents).text
        assert ("manual edit of prod.raw.manual_adjustments" in said) == (key in expected)
    for key in reports(company, {*company.datasets}):
        story = backwards(seen, key)
        assert story is not None
        edits = [built.edit for built in story.built if built.edit]
        assert bool(edits) == (key in expected)


def test_an_edit_by_a_notebook_stands_until_the_next_run_of_the_pipeline(
    company: Company, store: Engine
) -> None:
    (edited,) = written_by(company, NOTEBOOK)
    day = (ANCHOR - timedelta(days=3)).replace(hour=0, minute=0)

    def stands(at: datetime) -> bool:
        descent = descends_from_edit(stand(store, at)).get(edited)
        return descent is not None and NOTEBOOK in str(descent.edits)

    assert [stands(day.replace(hour=hour)) for hour in (14, 15, 23)] == [False, True, True]
    assert not stands(day + timedelta(days=1, hours=6))

    seen = stand(store, ANCHOR)
    story = backwards(stand(store, day.replace(hour=15)), edited, depth=0)
    assert story is not None
    aftermath = forwards(seen, edited, story.version.id)
    assert aftermath is not None
    (affected,) = [one for one in aftermath.datasets if one.dataset == edited]
    (spell,) = affected.spells
    assert spell.is_cured
    assert spell.ended_by is not None
    assert spell.ended_by.job.namespace == "dbt-prod"
