"""Applied catalogs are links of the hash chain, from the first one that was applied with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine

from catalog import chain
from catalog.database import connect, writing
from catalog.migrate import configuration
from catalog.model import Catalog, Environment, EnvironmentRule, Place
from catalog.store import LINKED, LINKED_ROWS, apply_catalog, catalog_content, load_catalog

DAY = datetime(2026, 11, 1, 8, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


def rule(number: int) -> Catalog:
    place = Place("all.yml", number)
    return Catalog(environments=(EnvironmentRule(Environment.PROD, f"n{number}", "*", place),))


def is_intact(engine: Engine) -> bool:
    with engine.connect() as connection:
        return chain.verify(connection, {LINKED: LINKED_ROWS}) is None


def test_an_applied_catalog_is_a_link_and_applying_it_again_is_none(store: Engine) -> None:
    for _ in range(2):
        apply_catalog(store, rule(1), "person:ana", DAY)

    with store.connect() as connection:
        (link,) = chain.links(connection)
        content = catalog_content(connection, 1, 1)

    assert (link.kind, link.first, link.last) == ("catalog", 1, 1)
    assert (link.content_hash, link.previous_hash) == (content, chain.GENESIS)
    assert link.at == 1_793_521_800_123_456
    assert load_catalog(store).environments == rule(1).environments


def test_a_store_from_before_the_chain_is_covered_from_its_next_catalog_on(store: Engine) -> None:
    for number in (1, 2):
        apply_catalog(store, rule(number), "person:ana", DAY)
    with writing(store) as connection:
        connection.exec_driver_sql("DELETE FROM catalog_link")
    assert is_intact(store)

    apply_catalog(store, rule(3), "person:ana", DAY)

    with store.connect() as connection:
        assert [(c.first, c.last) for c in chain.covered(connection)] == [(3, 3)]
    assert is_intact(store)


def test_a_store_made_before_the_chain_opens_and_is_covered_from_then_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    old = create_engine(url)
    with old.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO catalog_revision VALUES (5, '2026-10-01 00:00:00', 'a', 'd', x'7b7d')"
        )
    old.dispose()

    engine = connect(url)
    apply_catalog(engine, rule(1), "person:ana", DAY)

    with engine.connect() as connection:
        assert [(c.first, c.last) for c in chain.covered(connection)] == [(6, 6)]
    assert is_intact(engine)
    engine.dispose()


def test_a_catalog_that_is_not_stored_is_no_link(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("catalog.store.bump_revision", fail)

    with pytest.raises(ZeroDivisionError):
        apply_catalog(store, rule(1), "person:ana", DAY)

    with store.connect() as connection:
        assert chain.head(connection) is None
    assert not load_catalog(store).is_applied
