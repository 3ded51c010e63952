"""The store itself: checked, copied while it is used, put back, and never overwritten unasked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from catalog import database
from catalog.database import connect, revision, set_meta, writing
from catalog.db_cli import db
from catalog.errors import UserError
from lineage.ingest import Arrival, Ingestor
from lineage.rebuild import digest


def event(n: int) -> Arrival:
    said = {
        "eventType": "COMPLETE",
        "eventTime": f"2026-11-20T06:00:{n:02}Z",
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": f"019c0000-0000-7000-8000-0000000000{n:02}"},
        "job": {"namespace": "jobs", "name": f"load {n}"},
        "outputs": [{"namespace": "n", "name": f"t{n}"}],
    }
    return Arrival(json.dumps(said).encode(), "t")


@pytest.fixture
def kept(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'andon.db'}"


@pytest.fixture
def store(kept: str) -> Iterator[Engine]:
    engine = connect(kept)
    Ingestor(engine).ingest([event(1), event(2)])
    yield engine
    engine.dispose()


@pytest.fixture
def andon(kept: str) -> Callable[..., Result]:
    def run(*words: str) -> Result:
        return CliRunner().invoke(db, [*words, "--database", kept])

    return run


def test_a_backup_holds_what_the_store_held_and_can_be_put_back_under_those_who_use_it(
    andon: Callable[..., Result], store: Engine, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    ingestor = Ingestor(store)
    ingestor.ingest([event(3)])
    held = digest(store)

    saved = andon("backup", str(copy))
    ingestor.ingest([event(4), event(5)])
    seen = revision(store)
    back = andon("restore", str(copy), "--force")

    assert saved.exit_code == 0
    assert str(copy) in saved.stdout
    assert back.exit_code == 0
    assert digest(store) == held
    assert revision(store) > seen
    ingestor.ingest([event(4), event(5)])
    alone = connect("sqlite://")
    Ingestor(alone).ingest([event(n) for n in range(1, 6)])
    assert digest(store) == digest(alone)
    alone.dispose()


def test_a_backup_is_one_file_that_opens_as_a_store(
    andon: Callable[..., Result], store: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()

    andon("backup", str(folder / "copy.db"))

    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    copy = connect(f"sqlite:///{folder / 'copy.db'}")
    assert digest(copy) == digest(store)
    copy.dispose()


def test_nothing_is_overwritten_unless_told(
    andon: Callable[..., Result], store: Engine, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")

    refused = andon("backup", str(copy))
    text = copy.read_text()
    forced = andon("backup", str(copy), "--force")
    over = andon("restore", str(copy))

    assert isinstance(refused.exception, UserError)
    assert text == "precious"
    assert forced.exit_code == 0
    assert isinstance(over.exception, UserError)
    assert "--force" in str(over.exception)


def test_what_is_no_backup_replaces_nothing(
    andon: Callable[..., Result], store: Engine, tmp_path: Path
) -> None:
    held = digest(store)
    text = tmp_path / "text.db"
    text.write_text("this is no database, and long enough to show that. " * 30)

    results = [andon("restore", str(tmp_path / name), "--force") for name in ("absent", "text.db")]

    assert all(isinstance(result.exception, UserError) for result in results)
    assert digest(store) == held


def test_a_damaged_store_is_named_and_can_be_replaced(
    andon: Callable[..., Result], store: Engine, kept: str, tmp_path: Path
) -> None:
    held = digest(store)
    andon("backup", str(tmp_path / "copy.db"))
    store.dispose()
    Path(kept.removeprefix("sqlite:///")).write_bytes(b"no database any more" * 1000)

    checked = andon("check")
    back = andon("restore", str(tmp_path / "copy.db"), "--force")

    assert checked.exit_code == 1
    assert checked.stdout.startswith("Damaged: ")
    assert back.exit_code == 0
    assert digest(store) == held


def test_check_says_what_is_to_be_done_and_upgrade_does_it(
    andon: Callable[..., Result], store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert andon("check").stdout.startswith("Whole and up to date: ")
    with writing(store) as connection:
        set_meta(connection, "needs_rebuild", 1)
    assert "derived again" in andon("check").stdout
    monkeypatch.setattr(database, "DERIVED_VERSION", database.DERIVED_VERSION + 1)

    before = andon("check")
    upgraded = andon("upgrade")

    assert before.exit_code == 1
    assert before.stdout.startswith("Of another version")
    assert upgraded.exit_code == 0
    assert upgraded.stdout.startswith("Up to date: ")


@pytest.mark.parametrize("words", [("check",), ("backup", "copy.db")])
def test_a_store_that_is_not_there_is_not_made(
    andon: Callable[..., Result], kept: str, words: tuple[str, ...]
) -> None:
    result = andon(*words)

    assert isinstance(result.exception, UserError)
    assert not Path(kept.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize(
    ("words", "tool"), [(("backup", "x.dump"), "pg_dump"), (("restore", "x.dump"), "pg_restore")]
)
def test_postgresql_has_tools_of_its_own(words: tuple[str, ...], tool: str) -> None:
    result = CliRunner().invoke(db, [*words, "--database", "postgresql://h/andon"])

    assert isinstance(result.exception, UserError)
    assert result.exception.exit_code == 2
    assert tool in str(result.exception)


def test_check_and_upgrade_work_on_both(url: str) -> None:
    connect(url).dispose()

    results = [CliRunner().invoke(db, [word, "--database", url]) for word in ("check", "upgrade")]

    assert [result.exit_code for result in results] == [0, 0]
