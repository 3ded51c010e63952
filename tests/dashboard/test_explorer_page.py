"""The lineage page as it is drawn: its controls, its card, its list and its address."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from catalog.model import AssetKey, Kind
from dashboard import frame
from dashboard.explorer.asked import code, code_of
from dashboard.explorer.groups import card_id
from dashboard.lineage_graph.cards import key_of
from lineage.ingest import Arrival, Ingestor
from tests.dashboard.conftest import ORDERS, RAW, REVENUE, WAREHOUSE, event
from tests.dashboard.test_pages import links, visit, words

NOW = datetime.now(UTC)
TODAY = {"namespace": WAREHOUSE, "name": ORDERS}


def key(name: str) -> AssetKey:
    return AssetKey(Kind.DATASET, WAREHOUSE, name)


def look(**said: str) -> AppTest:
    return visit("explorer", **said)


def picture(app: AppTest) -> dict[str, Any]:
    """What the component was given to draw."""
    (drawn,) = app.get("bidi_component")
    return dict(json.loads(drawn.proto.json))


def pictures(app: AppTest) -> list[dict[str, Any]]:
    """The arrows that are drawn, if anything is."""
    return [
        arrow for one in app.get("bidi_component") for arrow in json.loads(one.proto.json)["edges"]
    ]


def drawn(app: AppTest) -> set[str]:
    return {key_of(card["id"]).name for card in picture(app)["nodes"]}


def at(hours_ago: float) -> str:
    return f"{NOW - timedelta(hours=hours_ago):%Y-%m-%dT%H:%M}"


def test_an_empty_store_says_how_to_fill_it(empty: Engine) -> None:
    app = look()

    assert not app.exception
    assert "dbt-ol build" in words(app)


def test_without_an_asset_the_whole_estate_is_drawn_in_groups(filled: Engine) -> None:
    app = look()

    assert not app.exception
    assert "The whole estate by team" in words(app)
    (group,) = picture(app)["nodes"]
    assert (group["label"], group["kind"]) == ("no owner", "group")


def test_a_group_that_is_chosen_lists_its_datasets(filled: Engine) -> None:
    app = look(lineage_by="By schema", picked=code(card_id(f"{WAREHOUSE} shop.mart")))

    assert not app.exception
    text = words(app)
    assert "2 datasets of the group" in text
    assert ">Where<" not in text
    assert "mart.orders</a>" in text


def test_around_an_asset_stands_what_is_one_hop_away(filled: Engine) -> None:
    app = look(**TODAY)

    assert not app.exception
    assert drawn(app) == {RAW, ORDERS, REVENUE}
    assert picture(app)["nearest"] >= 0.75
    text = words(app)
    assert "3 assets, as in the picture" in text
    assert "in the middle" in text
    assert '<a href="lineage?namespace=postgres' in text
    assert "1 hop up" in text


def test_direction_and_depth_are_in_the_address(filled: Engine) -> None:
    upstream = look(**TODAY, lineage_direction="Upstream")
    deep = look(namespace=WAREHOUSE, name=RAW, lineage_depth="2 hops")

    assert drawn(upstream) == {RAW, ORDERS}
    assert drawn(deep) == {RAW, ORDERS, REVENUE}


def test_what_was_opened_is_in_the_address(filled: Engine) -> None:
    app = look(
        namespace=WAREHOUSE,
        name=REVENUE,
        expanded=f"u{code_of(key(ORDERS))}",
        columns=code_of(key(REVENUE)),
        picked=f"{code_of(key(ORDERS))}.{code_of(key(REVENUE))}",
    )

    assert not app.exception
    assert drawn(app) == {RAW, ORDERS, REVENUE}
    columns = {
        key_of(n["id"]).name: [c["name"] for c in n["columns"]] for n in picture(app)["nodes"]
    }
    assert columns == {RAW: [], ORDERS: [], REVENUE: ["order_id", "amount"]}
    assert [key_of(end).name for end in picture(app)["picked"]] == [ORDERS, REVENUE]


def test_an_arrow_tells_its_job_its_last_run_its_basis_and_its_event(filled: Engine) -> None:
    app = look(**TODAY, picked=f"{code_of(key(RAW))}.{code_of(key(ORDERS))}")

    text = words(app)
    assert "product: a run read the one and wrote the other" in text
    assert ":gray[Is] observed" in text
    assert "orders" in links(app)
    assert any(label.startswith("Complete, ") for label in links(app))
    assert "Evidence" in [button.label for button in app.button]


def test_the_event_behind_an_arrow_opens(filled: Engine) -> None:
    app = look(**TODAY, picked=f"{code_of(key(RAW))}.{code_of(key(ORDERS))}")

    next(button for button in app.button if button.label == "Evidence").click().run()

    assert not app.exception
    assert "The whole event" in words(app)


def test_the_past_is_unmistakable_and_knows_nothing_later(filled: Engine) -> None:
    app = look(**TODAY, lineage_time="At a time", lineage_at=at(3.5))

    assert not app.exception
    assert "The past: as of" in words(app)
    assert drawn(app) == {RAW, ORDERS}


def test_what_changed_between_two_times_is_coloured_and_listed(filled: Engine) -> None:
    app = look(**TODAY, lineage_time="What changed", lineage_since=at(3.5))

    assert not app.exception
    assert "What changed from" in words(app)
    arrows = {key_of(e["target"]).name: e["look"] for e in picture(app)["edges"]}
    assert arrows == {ORDERS: "", REVENUE: "added"}
    assert {key_of(n["id"]).name: n["change"] for n in picture(app)["nodes"]}[REVENUE] == "added"
    assert "mart.orders → revenue" in words(app)


def test_what_arrived_later_is_left_out_where_that_is_asked_for(filled: Engine) -> None:
    late = event("shop.late", [ORDERS], ["shop.mart.late"], hours_ago=3)
    Ingestor(filled).ingest([Arrival(late, "127.0.0.1")])
    then = {"lineage_time": "At a time", "lineage_at": at(1.5)}

    known_today = look(**TODAY, **then)
    known_then = look(**TODAY, **then, lineage_known="true")

    assert "shop.mart.late" in drawn(known_today)
    assert "only with what had arrived by then" in words(known_then)
    assert ORDERS not in {key_of(e["target"]).name for e in pictures(known_then)}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"lineage_time": "At a time"}, "Choose a date and a time"),
        ({"lineage_time": "What changed"}, "Choose since when"),
        ({"lineage_time": "At a time", "lineage_at": at(-9)}, "yet to come"),
        (
            {"lineage_time": "What changed", "lineage_since": at(1), "lineage_at": at(2)},
            "must come before",
        ),
    ],
)
def test_a_time_that_cannot_be_is_told_and_the_present_shown(
    filled: Engine, said: dict[str, str], told: str
) -> None:
    app = look(**TODAY, **said)

    assert not app.exception
    assert told in words(app)
    assert ORDERS in drawn(app)


def test_an_unknown_asset_is_told_with_names_like_it(filled: Engine) -> None:
    app = look(namespace=WAREHOUSE, name="shop.mart.order")

    assert not app.exception
    assert "No dataset postgres" in words(app).replace("`", "")
    assert "mart.orders" in [button.label.replace("\\", "") for button in app.button]


def test_a_suggestion_puts_an_asset_in_the_middle(filled: Engine) -> None:
    app = look(lineage_by="By schema")

    app.text_input("lineage_find").set_value("revenue").run()
    app.button("lineage_suggestion_0").click().run()

    assert not app.exception
    assert app.query_params["name"] == REVENUE
    assert drawn(app) == {ORDERS, REVENUE}


def test_filters_are_in_the_address_and_told(filled: Engine) -> None:
    app = look(**TODAY, lineage_zone="mart")

    assert drawn(app) == {ORDERS, REVENUE}
    assert "only zone mart: 1 left out" in words(app)


def test_a_card_that_was_chosen_can_be_put_in_the_middle(filled: Engine) -> None:
    app = look(**TODAY, picked=code_of(key(RAW)), lineage_direction="Upstream")

    app.button("lineage_focus").click().run()

    assert app.query_params["name"] == RAW
    assert "picked" not in app.query_params
    assert app.query_params["lineage_direction"] == "Upstream"


def test_a_job_can_stand_in_the_middle(filled: Engine) -> None:
    job = AssetKey(Kind.JOB, "dbt-prod", "shop.orders")

    app = look(**frame.looked_at(job), lineage_jobs="true")

    assert not app.exception
    assert drawn(app) == {RAW, "shop.orders", ORDERS}


def test_pages_of_assets_and_jobs_lead_here(filled: Engine) -> None:
    for app in (visit("asset", **TODAY), visit("job", namespace="dbt-prod", name="shop.orders")):
        assert not app.exception
        assert "Open in lineage" in links(app)


def test_names_from_outside_cannot_break_the_list(empty: Engine) -> None:
    odd = "shop.<img src=x>|a|**b**](x)"
    Ingestor(empty).ingest([Arrival(event("j|1", [RAW], [odd], hours_ago=1), "127.0.0.1")])

    app = look(namespace=WAREHOUSE, name=odd)

    assert not app.exception
    assert "&lt;img src=x&gt;|a|" in "".join(str(one.value) for one in app.html)
    assert "<img" not in "".join(str(one.value) for one in app.html)


def test_a_click_costs_no_second_look_at_the_store(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = look(**TODAY)
    monkeypatch.setattr("dashboard.instants.held", lambda _: pytest.fail("read again"))

    app.query_params["expanded"] = f"d{code_of(key(ORDERS))}"
    app.run()

    assert not app.exception
