"""The store: opened with one clear sentence or not at all, and derived tables that can go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, inspect, select

import lineage.tables  # noqa: F401  # its tables are among those that are made
from catalog import database as db
from catalog.cli import apply
from catalog.errors import UserError, did_you_mean
from catalog.tables import MetaRow


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = db.connect(url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "", "nonsense", "andon.db", "foo://x", "sqlite:////absent/folder/andon.db",
        "postgresql://h:port/db", "mysql://h/db", "sqlite:///{folder}", "sqlite:///{text}",
    ],
)  # fmt: skip
def test_a_store_that_cannot_be_opened_is_one_sentence(tmp_path: Path, url: str) -> None:
    text = tmp_path / "text.db"
    text.write_text("this is no database, and long enough to show that. " * 30)

    with pytest.raises(UserError) as caught:
        db.connect(url.format(folder=tmp_path, text=text))

    assert caught.value.exit_code == 2
    assert str(caught.value).startswith("database ")
    assert "\n" not in str(caught.value)
    assert text.read_text().startswith("this is no database")


def test_a_command_says_the_same(tmp_path: Path) -> None:
    result = CliRunner().invoke(apply, [str(tmp_path), "--database", "nonsense"])

    assert isinstance(result.exception, UserError)
    assert "--database" in str(result.exception)


def test_a_store_opened_twice_is_the_same_store(url: str, store: Engine) -> None:
    with db.writing(store) as connection:
        db.bump_revision(connection)

    again = db.connect(url)

    assert db.revision(again) == 1
    assert not db.needs_rebuild(again)
    again.dispose()


def test_many_may_open_a_new_store_at_once(url: str) -> None:
    engines: list[Engine] = []

    threads = [threading.Thread(target=lambda: engines.append(db.connect(url))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [db.revision(engine) for engine in engines] == [0] * 5
    for engine in engines:
        engine.dispose()


def test_a_failed_transaction_leaves_nothing(store: Engine) -> None:
    def fail() -> None:
        with db.writing(store) as connection:
            db.bump_revision(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert db.revision(store) == 0


def test_writers_never_lose_each_others_counts(store: Engine) -> None:
    def count() -> None:
        for _ in range(10):
            with db.writing(store) as connection:
                db.bump_revision(connection)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert db.revision(store) == 40


def test_another_version_of_derived_tables_empties_them_and_asks_for_a_rebuild(
    url: str, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.writing(store) as connection:
        epoch = db.get_meta(connection, "epoch")
        connection.exec_driver_sql("INSERT INTO lineage_word VALUES (1, 'derived')")
        db.set_meta(connection, "kept", 7)
    store.dispose()
    monkeypatch.setattr(db, "DERIVED_VERSION", db.DERIVED_VERSION + 1)

    engine = db.connect(url)

    assert db.needs_rebuild(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM lineage_word").scalar() == 0
        assert db.get_meta(connection, "kept") == 7
        assert db.get_meta(connection, "epoch") == epoch + 1
    engine.dispose()
    again = db.connect(url)
    assert db.needs_rebuild(again)
    again.dispose()


def test_a_new_store_needs_no_rebuild_and_has_every_table(store: Engine) -> None:
    tables = set(inspect(store).get_table_names())

    assert not db.needs_rebuild(store)
    assert {t.name for t in db.derived_tables()} <= tables
    assert {"catalog_meta", "catalog_revision", "lineage_event", "lineage_payload"} <= tables
    assert "catalog_meta" not in {t.name for t in db.derived_tables()}


def test_upsert_inserts_or_overwrites_and_the_last_of_equal_keys_counts(store: Engine) -> None:
    table = db.table_of(MetaRow)
    columns = ("key", "value")

    with db.writing(store) as connection:
        db.upsert_rows(connection, table, ["key"], columns, [])
        db.upsert_rows(connection, table, ["key"], columns, [("a", 1), ("b", 2), ("b", 2**62)])
        db.upsert_rows(connection, table, ["key"], columns, [("a", 3)])
        rows = dict(
            connection.execute(
                select(table.c.key, table.c.value).where(table.c.key.in_(["a", "b"]))
            ).all()
        )

    assert rows == {"a": 3, "b": 2**62}


def test_now_may_lie_behind_the_clock(store: Engine) -> None:
    with db.writing(store) as connection:
        db.set_meta(connection, "clock_behind_us", 100 * 86_400_000_000)

    present = db.present(store)

    assert (datetime.now(UTC) - present).days == 100


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("team:ordrs", ["team:orders", "team:sales"], ' Did you mean "team:orders"?'),
        ("zzz", ["team:orders"], ""),
        ("", [], ""),
    ],
)
def test_a_near_word_is_offered(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint
