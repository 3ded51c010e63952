"""What all tests share: databases, how Hypothesis searches, and the one real browser."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from tests import postgresql

DATABASES = ("sqlite", "postgresql")
NewDatabase = Callable[[], str]

# Two busy cores make any single example slow now and then, which says nothing about the code.
settings.register_profile("andon", deadline=None)
settings.load_profile("andon")


@pytest.fixture(scope="session")
def new_postgresql() -> Iterator[NewDatabase]:
    """Makes an empty PostgreSQL database and answers with its URL; the server is ours."""
    numbers = itertools.count()
    with postgresql.running() as url:

        def make() -> str:
            name = f"test_{next(numbers)}"
            postgresql.run(url, f"CREATE DATABASE {name}")
            return url % name

        yield make


@pytest.fixture(scope="session")
def new_schema(new_postgresql: NewDatabase) -> NewDatabase:
    """Makes an empty schema in one PostgreSQL database, far sooner than a database of its own."""
    numbers = itertools.count()
    url = new_postgresql()

    def make() -> str:
        name = f"schema_{next(numbers)}"
        postgresql.run(url, f"CREATE SCHEMA {name}")
        return f"{url}&options=-csearch_path%3D{name}"

    return make


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is: each test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'andon.db'}"
    make: NewDatabase = request.getfixturevalue("new_schema")
    return make()


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
