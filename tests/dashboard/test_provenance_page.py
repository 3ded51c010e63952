"""The story of a version as it is drawn, and the trust sentence above an asset."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from dashboard.provenance.asked import Way
from lineage.ingest import Arrival, Ingestor
from tests.dashboard.conftest import NOW, ORDERS, RAW, REVENUE, WAREHOUSE, event
from tests.dashboard.test_pages import links, visit, words


def named(name: str, **more: str) -> dict[str, str]:
    return {"namespace": WAREHOUSE, "name": name, **more}


@pytest.fixture
def built(empty: Engine) -> Engine:
    """Raw orders to orders to revenue, twice."""
    bodies = [
        event(job, inputs, [output], hours_ago=hours_ago)
        for day in (24, 0)
        for job, inputs, output, hours_ago in (
            ("load_raw", [], RAW, day + 3),
            ("orders", [RAW], ORDERS, day + 2),
            ("revenue", [ORDERS], REVENUE, day + 1),
        )
    ]
    Ingestor(empty).ingest([Arrival(body, "t") for body in bodies])
    return empty


def said(hours_ago: float) -> str:
    at: datetime = NOW - timedelta(hours=hours_ago)
    return f"{at:%Y-%m-%d %H:%M} UTC"


def test_it_is_told_step_by_step_back_to_the_sources(built: Engine) -> None:
    app = visit("provenance", **named(REVENUE))

    assert not app.exception
    assert app.title[0].value.replace("\\", "") == "Provenance of revenue"
    text = words(app)
    assert f"version of {said(1)}, was built by revenue" in text
    assert f"orders of {said(2)}" in text
    assert [step.value for step in app.subheader] == [
        "This version", "One step back", "Two steps back",
    ]  # fmt: skip
    assert "Its run" in links(app)


def test_an_older_version_has_its_own_story(built: Engine) -> None:
    app = visit("provenance", **named(REVENUE))
    newest, older = app.selectbox[0].options

    app.selectbox[0].select_index(1).run()

    assert newest.endswith("the newest")
    assert older == said(25)
    assert f"version of {said(25)}, was built by" in words(app)
    assert "replaced since" in words(app)


def test_what_was_built_on_it_says_since_when_and_until_when(built: Engine) -> None:
    app = visit("provenance", **named(RAW, provenance_way=Way.ON.value))

    assert not app.exception
    text = words(app)
    assert "2 datasets built on it, 0 reports among them; 2 hold its data to this day." in text
    assert "holds it now" in text


def test_as_of_the_past_it_knows_the_version_of_then(built: Engine) -> None:
    at = (NOW - timedelta(hours=20)).isoformat()

    app = visit("provenance", **named(REVENUE, at=at))

    assert not app.exception
    assert "The past: as of" in words(app)
    assert f"version of {said(25)}, was built by" in words(app)
    assert said(1) not in words(app)


@pytest.mark.parametrize("at", ["nonsense", "2999-01-01"])
def test_an_impossible_time_is_the_present(built: Engine, at: str) -> None:
    app = visit("provenance", **named(REVENUE, at=at))

    assert not app.exception
    assert f"version of {said(1)}, was built by" in words(app)


def test_what_nobody_wrote_has_no_version(built: Engine) -> None:
    Ingestor(built).ingest([Arrival(event("x", ["shop.nobody"], ["shop.x"], hours_ago=1), "t")])

    app = visit("provenance", **named("shop.nobody"))

    assert not app.exception
    assert "No version of it is known" in "".join(str(i.value) for i in app.info)


def test_an_unknown_dataset_is_told(built: Engine) -> None:
    app = visit("provenance", **named("shop.none"))

    assert not app.exception
    assert "No dataset with this namespace and name was known then" in words(app)


def test_an_asset_begins_with_its_trust_sentence_and_leads_to_the_story(built: Engine) -> None:
    app = visit("asset", **named(REVENUE))

    assert not app.exception
    text = words(app)
    assert "Unknown in part" in text
    assert "No data test was ever run on it" in text
    assert "The whole story" in links(app)


def test_a_run_leads_to_all_that_was_built_from_what_it_wrote(built: Engine) -> None:
    asset = visit("asset", **named(RAW))
    assert "That run" in links(asset)
    story = visit("provenance", **named(RAW))
    run_id = story.selectbox[0].value or ""

    app = visit("run", namespace="dbt-prod", name="load_raw", run=str(run_id))

    assert not app.exception
    assert "Built on it" in links(app)


def test_what_is_not_well_says_what_changed_lately_and_where(built: Engine) -> None:
    failed = json.loads(event("revenue", [ORDERS], [REVENUE], hours_ago=0.5))
    body = json.dumps({**failed, "eventType": "FAIL"}).encode()
    Ingestor(built).ingest([Arrival(body, "t")])

    app = visit("asset", **named(REVENUE))
    labels = [box.label for box in app.expander]
    before = words(app)
    app.session_state["asset_causes"] = True
    app.run()

    assert not app.exception
    assert "What changed lately, here and upstream" in labels
    assert "its last run: fail" not in before
    assert "its last run: fail" in words(app)
