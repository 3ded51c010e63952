"""Every page in a real browser: light and dark, wide and as narrow as a phone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import Engine

import dashboard
from lineage.ingest import Arrival, Ingestor
from lineage.keyring import Keyring
from tests.dashboard.test_stories import RUN, said

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("chromium-browser"))
        and "CI" not in os.environ,
        reason="no chromium on the path",
    ),
]

ROOT = Path(dashboard.__file__).parent.parent
PAGES = [
    "",
    "assets",
    "lineage",
    "findings",
    "intake",
    "keys",
    "job?namespace=dbt-prod&name=shop.orders",
    f"run?run={RUN}",
    "asset?namespace=postgres://wh-prod:5432&name=shop.mart.orders",
]
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
START_S = 60

Theme = Literal["light", "dark"]
Window = tuple[int, Theme]


@contextmanager
def serving(engine: Engine) -> Iterator[str]:
    """The whole application on a free port, over one store."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = str(engine.url)
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
    environment = {**os.environ, "ANDON_DATABASE_URL": url}
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + START_S
            while not _answers(f"{address}/_stcore/health"):
                assert process.poll() is None, "the server ended early"
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310  our own server on loopback
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


@contextmanager
def looking(chromium: Browser, width: int, theme: Theme, strays: list[str]) -> Iterator[Page]:
    """A window whose requests beyond this machine are stopped and noted."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )

    def guard(route: Route) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            strays.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    page.on("pageerror", lambda error: strays.append(f"error: {error}"))
    page.on("websocket", lambda ws: None if "127.0.0.1" in ws.url else strays.append(ws.url))
    try:
        yield page
    finally:
        context.close()


def settle(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(READY)
    expect(page.locator("h1").first).to_be_visible()
    page.wait_for_selector(READY)


def overflow(page: Page) -> list[str]:
    """What sticks out of the page to the right, by its beginning."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid="stMain"] *')]
          .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility())
          .filter(e => !e.closest('svg, [data-testid="stBidiComponent"], pre, .js-plotly-plot'))
          .map(e => e.outerHTML.slice(0, 120))"""
    )
    wide: int = page.evaluate(
        """() => Math.max(...['html', '[data-testid="stMain"]'].map(s => document.querySelector(s))
          .map(e => e.scrollWidth - e.clientWidth))"""
    )
    return found if wide <= 0 else [f"{wide} px too wide", *found]


@pytest.fixture
def odd(filled: Engine) -> Engine:
    """A store with long names, contradictions, warnings, refusals and keys."""
    long = "warehouse_" + "orders_by_region_and_channel_" * 9
    about = {"_producer": "x", "_schemaURL": long}
    facets = {"errorMessage": {**about, "message": long, "stackTrace": f"{long}\n{long}"}}
    dataset = {"namespace": f"postgres://{long}", "name": long}
    bodies = [
        said("START", 9, inputs=[dataset], outputs=[dataset]),
        said("FAIL", 8, run={"runId": RUN, "facets": facets}),
        said("COMPLETE", 7, producer=f"https://example.com/{long}", outputs=[dataset]),
        b'{"a": "' + b"x" * 3000 + b'"}',
    ]
    keyring = Keyring(filled)
    key, _ = keyring.create(
        long, [long, "*"], environment=None, principal=f"service:{long}", expires_at=None,
        by="person:ana", at=1,
    )  # fmt: skip
    Ingestor(filled).ingest([Arrival(body, "127.0.0.1", key) for body in bodies])
    return filled


WINDOWS: dict[str, list[Window]] = {
    "empty": [(1440, "dark"), (390, "light")],
    "odd": [(1440, "light"), (390, "dark")],
    "filled": [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")],
}


@pytest.mark.parametrize("store", WINDOWS)
def test_every_page_fits_stays_home_and_breaks_nothing(
    chromium: Browser, request: pytest.FixtureRequest, store: str
) -> None:
    strays: list[str] = []
    with serving(request.getfixturevalue(store)) as address:
        for width, theme in WINDOWS[store]:
            with looking(chromium, width, theme, strays) as page:
                for path in PAGES:
                    settle(page, f"{address}/{path}")

                    where = f"{path} at {width} px, {theme}"
                    assert overflow(page) == [], where
                    assert page.get_by_test_id("stException").count() == 0, where

    assert strays == []


def test_an_opened_event_stays_open_while_more_arrive(chromium: Browser, odd: Engine) -> None:
    with serving(odd) as address, looking(chromium, 390, "light", []) as page:
        settle(page, f"{address}/run?run={RUN}")
        page.locator("[class*=st-key-run_event_]").get_by_role("button").last.click()
        expect(page.get_by_text("The whole event")).to_be_visible()

        Ingestor(odd).ingest([Arrival(said("OTHER", 6), "127.0.0.1")])

        expect(page.get_by_text("4 events, the last to arrive first")).to_be_attached(
            timeout=10_000
        )
        expect(page.get_by_text("The whole event")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_text("The whole event")).to_have_count(0)


def test_a_refusal_is_replayed_through_the_running_receiver(
    chromium: Browser, filled: Engine
) -> None:
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/intake")

        page.get_by_role("button", name="Replay").click()

        expect(page.get_by_text("Refused again, 422")).to_be_visible()


def test_fonts_come_from_our_own_server(chromium: Browser, filled: Engine) -> None:
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        with page.expect_response(lambda r: r.url.endswith("/static/fonts/inter.woff2")) as font:
            settle(page, address)

        assert font.value.ok


def test_a_page_follows_an_event_by_itself(chromium: Browser, filled: Engine) -> None:
    event = (
        '{"eventType": "COMPLETE", "eventTime": "%s", "producer": "https://example.com/new", '
        '"run": {"runId": "01941f29-7c00-7000-8000-000000000099"}, '
        '"job": {"namespace": "dbt-prod", "name": "brand_new_job"}, "inputs": [], '
        '"outputs": [{"namespace": "postgres://wh-prod:5432", "name": "shop.raw.new"}]}'
    )
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/assets?assets_kind=Jobs")
        expect(page.get_by_role("link", name="brand_new_job")).to_have_count(0)

        body = (event % datetime.now(UTC).isoformat()).encode()
        Ingestor(filled).ingest([Arrival(body, "127.0.0.1")])

        expect(page.get_by_role("link", name="brand_new_job")).to_be_visible(timeout=10_000)
        assert "assets_kind=Jobs" in page.url


def test_the_lineage_graph_is_walked_by_keys(chromium: Browser, filled: Engine) -> None:
    with serving(filled) as address, looking(chromium, 1440, "light", []) as page:
        settle(page, f"{address}/asset?namespace=postgres://wh-prod:5432&name=shop.mart.orders")
        page.locator(".node.root").click()
        page.keyboard.press("c")
        expect(page.locator(".column")).to_have_count(2)

        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")

        expect(page.locator("h1")).to_contain_text("raw.orders")
        page.wait_for_url("**/asset?*name=shop.raw.orders")
        assert parse_qs(urlsplit(page.url).query)["namespace"] == ["postgres://wh-prod:5432"]
