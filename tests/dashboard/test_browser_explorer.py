"""The lineage page in a real browser: what a viewer does there, and what a link brings back."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import Engine

from lineage.ingest import Arrival, Ingestor
from tests.dashboard.conftest import ORDERS, RAW, REVENUE, WAREHOUSE, event
from tests.dashboard.test_browser import READY, looking, overflow, pytestmark, serving, settle

__all__ = ["pytestmark"]

AROUND_ORDERS = f"lineage?namespace={WAREHOUSE}&name={ORDERS}"
AROUND_REVENUE = f"lineage?namespace={WAREHOUSE}&name={REVENUE}"


@pytest.fixture
def told(filled: Engine) -> Engine:
    """A store in which columns are told as well, one of them masked, and one table is wide."""
    body = json.loads(event("shop.revenue", [ORDERS], [REVENUE], hours_ago=0.5))
    facet = {"_producer": "x", "_schemaURL": "x"}

    def comes_from(name: str, *, masking: bool) -> dict[str, object]:
        how = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": masking}
        source = {"namespace": WAREHOUSE, "name": ORDERS, "field": name}
        return {"inputFields": [{**source, "transformations": [how]}]}

    body["outputs"][0]["facets"]["columnLineage"] = {
        **facet,
        "fields": {
            "order_id": comes_from("order_id", masking=True),
            "amount": comes_from("amount", masking=False),
        },
    }
    wide = json.loads(event("shop.wide", [REVENUE], ["shop.mart.wide"], hours_ago=0.4))
    fields = [{"name": f"column_{i}", "type": "varchar"} for i in range(1500)]
    wide["outputs"][0]["facets"]["schema"] = {**facet, "fields": fields}
    bodies = [json.dumps(one).encode() for one in (body, wide)]
    Ingestor(filled).ingest([Arrival(one, "127.0.0.1") for one in bodies])
    return filled


def card(page: Page, name: str) -> Locator:
    return page.locator(".node").filter(has=page.locator("title", has_text=re.compile(f" {name}$")))


def cards(page: Page) -> set[str]:
    return {text.split(" ")[-1] for text in page.locator(".node > title").all_text_contents()}


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def place(page: Page, name: str) -> float:
    """Where a card begins, in pixels from the left."""
    box = card(page, name).locator(".card").bounding_box()
    assert box is not None
    return box["x"]


def inside(found: list[str]) -> list[str]:
    """Without what a table that scrolls by itself holds."""
    return [one for one in found if not re.match(r"<(table|t[bdhr]|a href|span style)", one)]


def rest(page: Page) -> None:
    page.wait_for_selector(READY)


def test_a_rim_expands_and_the_link_shows_the_same(chromium: Browser, filled: Engine) -> None:
    strays: list[str] = []
    with serving(filled) as address, looking(chromium, 1440, "light", strays) as page:
        settle(page, f"{address}/{AROUND_REVENUE}")
        expect(page.locator(".node")).to_have_count(2)
        page.locator(".node.root").focus()
        for _ in range(5):
            page.keyboard.press("+")  # until there is no room for everything, which is centred
        before = place(page, ORDERS)

        page.locator(".more").first.dispatch_event("click")

        expect(page.locator(".node")).to_have_count(3)
        rest(page)
        assert abs(place(page, ORDERS) - before) < 2
        assert asked(page)["expanded"]
        settle(page, page.url)
        expect(page.locator(".node")).to_have_count(3)
        assert cards(page) == {RAW, ORDERS, REVENUE}
    assert strays == []


def test_columns_open_and_the_path_of_one_is_traced(chromium: Browser, told: Engine) -> None:
    with serving(told) as address, looking(chromium, 1440, "dark", []) as page:
        settle(page, f"{address}/{AROUND_ORDERS}")
        card(page, ORDERS).click()
        page.keyboard.press("c")
        expect(page.locator(".node.root .column")).to_have_count(2)

        page.locator(".node.root .column").first.click()

        expect(page.get_by_text("Path of")).to_be_visible()
        expect(page.locator("svg.tracing")).to_be_visible()
        expect(card(page, REVENUE).locator(".column.lit")).to_have_count(1)
        expect(page.locator(".trace.lit.masked")).to_have_count(1)
        expect(page.get_by_text("1 masked hop")).to_be_visible()
        expect(page.locator(".node:not(.lit)")).to_have_count(1)
        rest(page)
        settle(page, page.url)
        expect(page.locator(".trace.lit.masked")).to_have_count(1)
        page.get_by_role("button", name="Stop tracing").click()
        expect(page.locator("svg.tracing")).to_have_count(0)


def test_a_wide_table_shows_some_columns_and_finds_the_others(
    chromium: Browser, told: Engine
) -> None:
    with serving(told) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/lineage?namespace={WAREHOUSE}&name=shop.mart.wide")
        page.locator(".node.root .card").click()
        page.keyboard.press("c")
        expect(page.locator(".node.root .column")).to_have_count(31)
        expect(page.locator(".column.rest")).to_contain_text("1,470 more")

        page.get_by_placeholder("One of 1,500 columns").fill("column_1499")
        page.get_by_role("button", name="column_1499").click()

        expect(page.locator(".column.lit")).to_have_text(re.compile("column_1499"))


def test_an_arrow_tells_why_it_is_drawn(chromium: Browser, filled: Engine) -> None:
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/{AROUND_ORDERS}")

        page.locator(".link .hit").first.click(force=True)

        side = page.locator(".st-key-lineage_side")
        expect(side.get_by_text("Carried by")).to_be_visible()
        expect(side.get_by_text("a run read the one and wrote the other")).to_be_visible()
        side.get_by_role("button", name="Evidence").click()
        expect(page.get_by_text("The whole event")).to_be_visible()


def test_the_keyboard_is_enough(chromium: Browser, filled: Engine) -> None:
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/{AROUND_ORDERS}")
        page.locator(".node.root").focus()

        page.keyboard.press("ArrowRight")
        expect(page.locator(".node.selected")).to_contain_text("revenue")
        page.keyboard.press("d")
        expect(page.locator(".node.selected")).to_contain_text("revenue")
        page.keyboard.press("e")
        expect(page.locator(".link.selected")).to_have_count(1)
        expect(page.get_by_text("Carried by")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".link.selected")).to_have_count(0)
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")

        page.wait_for_url("**/asset?*")


def test_a_past_time_is_chosen_and_told(chromium: Browser, filled: Engine) -> None:
    then = f"{datetime.now(UTC) - timedelta(hours=3.5):%Y-%m-%dT%H:%M}"
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/{AROUND_ORDERS}&lineage_time=At+a+time&lineage_at={then}")
        expect(page.get_by_text("The past: as of")).to_be_visible()
        expect(page.locator(".node")).to_have_count(2)
        rest(page)

        page.get_by_text("What changed", exact=True).first.click()
        expect(page.get_by_text("Choose since when")).to_be_visible()
        settle(page, f"{address}/{AROUND_ORDERS}&lineage_time=What+changed&lineage_since={then}")

        expect(page.locator(".link.added")).to_have_count(1)
        expect(page.locator(".node.c-added")).to_have_count(1)
        page.get_by_text("Now", exact=True).click()
        expect(page.locator(".link.added")).to_have_count(0)


def test_the_list_is_downloaded_as_it_stands(chromium: Browser, filled: Engine) -> None:
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/{AROUND_ORDERS}")
        expect(page.locator(".st-key-lineage_list tbody tr")).to_have_count(3)

        with page.expect_download() as download:
            page.get_by_role("button", name="CSV").click()

        lines = download.value.path().read_text("utf-8-sig").splitlines()
        assert len(lines) - 1 == len(cards(page)) == 3


def test_groups_of_the_estate_are_chosen_and_lead_to_an_asset(
    chromium: Browser, filled: Engine
) -> None:
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/lineage?lineage_by=By+schema")
        page.locator(".node").filter(has_text="shop.mart").click()
        expect(page.get_by_text("Look around one of them")).to_be_visible()

        page.get_by_role("button", name="mart.orders").click()

        expect(card(page, ORDERS)).to_have_class(re.compile("root"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state_fits_a_phone(chromium: Browser, told: Engine, theme: str) -> None:
    then = f"{datetime.now(UTC) - timedelta(hours=3.5):%Y-%m-%dT%H:%M}"
    paths = [
        "lineage",
        AROUND_ORDERS,
        f"{AROUND_ORDERS}&lineage_time=What+changed&lineage_since={then}",
    ]
    strays: list[str] = []
    with serving(told) as address:
        for width in (390, 1440):
            with looking(chromium, width, theme, strays) as page:  # type: ignore[arg-type]
                for path in paths:
                    settle(page, f"{address}/{path}")
                    expect(page.locator(".node").first).to_be_visible()

                    where = f"{path} at {width} px, {theme}"
                    assert inside(overflow(page)) == [], where
                    assert page.get_by_test_id("stException").count() == 0, where
    assert strays == []
