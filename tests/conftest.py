"""What all tests share: how Hypothesis searches, and the one real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

# Two busy cores make any single example slow now and then, which says nothing about the code.
settings.register_profile("andon", deadline=None)
settings.load_profile("andon")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium, headless and silent: it asks nothing of the outside by itself."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("no chromium on the path; install the system's package of that name")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-quic",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield browser
        browser.close()
