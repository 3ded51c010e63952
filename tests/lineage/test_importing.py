"""Events from files: every form that producers write, and the commands around them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from catalog.database import connect
from catalog.errors import UserError
from lineage import cli
from lineage.importing import Summary, files_in, ingest_files
from lineage.ingest import Ingestor
from lineage.intake import intake

MakeEvent = Callable[..., dict[str, Any]]


@pytest.fixture
def events(make_event: MakeEvent) -> list[dict[str, Any]]:
    return [make_event(eventTime=f"2026-11-20T06:00:{i:02}Z") for i in range(3)]


def lines(events: list[dict[str, Any]], end: str = "\n") -> bytes:
    return "".join(json.dumps(event) + end for event in events).encode()


def summary_of(store: Engine, *paths: Path) -> Summary:
    summary = Summary()
    for path in paths:
        ingest_files(Ingestor(store), [path], summary)
    return summary


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize(
    ("form", "n"),
    [
        ("ndjson", 3), ("crlf", 3), ("blank lines", 3), ("no last newline", 3), ("array", 3),
        ("pretty array", 3), ("object", 1), ("pretty object", 1), ("byte order mark", 3),
        ("empty", 0), ("blank", 0), ("empty array", 0),
    ],
)  # fmt: skip
def test_every_form_of_file_is_read(
    store: Engine,
    tmp_path: Path,
    events: list[dict[str, Any]],
    form: str,
    n: int,
    is_compressed: bool,
) -> None:
    content = {
        "ndjson": lines(events),
        "crlf": lines(events, "\r\n"),
        "blank lines": b"\n" + lines(events, "\n\n  \n"),
        "no last newline": lines(events).rstrip(),
        "array": json.dumps(events).encode(),
        "pretty array": json.dumps(events, indent=2).encode(),
        "object": json.dumps(events[0]).encode(),
        "pretty object": json.dumps(events[0], indent=2).encode(),
        "byte order mark": b"\xef\xbb\xbf" + lines(events),
        "empty": b"",
        "blank": b" \n\n",
        "empty array": b"[]",
    }[form]
    path = tmp_path / "events"
    path.write_bytes(gzip.compress(content) if is_compressed else content)

    summary = summary_of(store, path)

    assert (summary.received, summary.stored, summary.rejected) == (n, n, 0)


def test_a_broken_line_is_named_and_loses_no_other(
    store: Engine, tmp_path: Path, events: list[dict[str, Any]]
) -> None:
    path = tmp_path / "events.ndjson"
    whole = lines(events).splitlines()
    path.write_bytes(b"\n".join([whole[0], whole[1][:-9], b"", b"{}", b"7", whole[2]]))

    summary = summary_of(store, path)

    assert (summary.received, summary.stored, summary.rejected) == (5, 2, 3)
    assert [(r["source"], r["line"]) for r in summary.rejections] == [
        (str(path), 2), (str(path), 4), (str(path), 5),
    ]  # fmt: skip
    assert all(r["reason"] for r in summary.rejections)


def test_a_broken_pretty_object_is_one_rejection(
    store: Engine, tmp_path: Path, events: list[dict[str, Any]]
) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(events[0], indent=2)[:-2])

    summary = summary_of(store, path)

    assert (summary.received, summary.rejected) == (1, 1)
    assert summary.rejections[0]["line"] == 1


def test_elements_of_an_array_that_are_no_events_are_rejected_alone(
    store: Engine, tmp_path: Path, events: list[dict[str, Any]]
) -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    path = tmp_path / "events.json"
    path.write_text(json.dumps([events[0], 7, None, [], {}, {**events[1], "x": deep}, events[2]]))

    summary = summary_of(store, path)

    assert (summary.received, summary.stored, summary.rejected) == (7, 2, 5)


@pytest.mark.parametrize("cut", [1, 10, -9, -1])
def test_a_truncated_archive_is_one_rejection_and_loses_no_other_file(
    store: Engine, tmp_path: Path, events: list[dict[str, Any]], cut: int
) -> None:
    whole = tmp_path / "whole.ndjson"
    whole.write_bytes(lines(events))
    path = tmp_path / "events.gz"
    content = gzip.compress(lines(events))
    path.write_bytes(content[: max(cut, 3)] if cut > 0 else content[:cut])

    summary = summary_of(store, path, whole)

    assert (summary.rejected, summary.stored) == (1, len(events))
    assert "cannot be read" in str(summary.rejections[0]["reason"])
    assert intake(store).rejected == 1


def test_a_folder_is_read_in_order_and_only_what_may_hold_events(
    tmp_path: Path, events: list[dict[str, Any]]
) -> None:
    for name in ("b.json", "a.ndjson", "c/d.jsonl", "e.json.gz", "readme.md", "f.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    found = files_in([str(tmp_path), "-", str(tmp_path / "readme.md")])

    names = [p.relative_to(tmp_path).as_posix() if p else None for p in found]
    assert names == ["a.ndjson", "b.json", "c/d.jsonl", "e.json.gz", None, "readme.md"]


# Commands


def run(command: click.Command, *arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=stdin)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"--database=sqlite:///{tmp_path / 'andon.db'}"


def test_ingest_says_what_became_of_everything(
    tmp_path: Path, database: str, events: list[dict[str, Any]]
) -> None:
    path = tmp_path / "events.ndjson"
    odd = {**events[0], "eventType": "DONE"}
    path.write_bytes(lines([*events, odd, events[0]]))

    result = run(cli.ingest, str(path), "--json", database)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "received": 5, "stored": 4, "duplicates": 1, "warnings": 1, "rejected": 0, "rejections": [],
    }  # fmt: skip


def test_ingest_exits_with_1_if_any_event_was_rejected(
    tmp_path: Path, database: str, events: list[dict[str, Any]]
) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(lines(events) + b"{}\n" * 30)

    as_text = run(cli.ingest, str(path), database)
    as_json = run(cli.ingest, str(path), "--json", database)

    assert (as_text.exit_code, as_json.exit_code) == (1, 1)
    assert "3 stored" in as_text.stdout
    assert f"{path}:4: " in as_text.stderr
    assert "10 more" in as_text.stderr
    assert len(json.loads(as_json.stdout)["rejections"]) == 30
    assert json.loads(as_json.stdout)["duplicates"] == 3


def test_ingest_reads_standard_input(database: str, events: list[dict[str, Any]]) -> None:
    plain = run(cli.ingest, "-", database, stdin=lines(events))
    packed = run(cli.ingest, "-", "--json", database, stdin=gzip.compress(lines(events)))

    assert plain.exit_code == 0
    assert "3 stored" in plain.stdout
    assert json.loads(packed.stdout)["duplicates"] == 3


def test_a_file_that_does_not_exist_is_one_sentence(tmp_path: Path, database: str) -> None:
    result = run(cli.ingest, str(tmp_path / "absent.json"), database)

    assert isinstance(result.exception, UserError)
    assert result.exception.exit_code == 2
    assert "absent.json" in str(result.exception)


def test_a_file_that_cannot_be_read_is_named_and_ends_with_1(tmp_path: Path, database: str) -> None:
    (tmp_path / "broken.gz").write_bytes(gzip.compress(b"{}" * 99)[:-9])

    result = run(cli.ingest, str(tmp_path), database)

    assert result.exit_code == 1
    assert "broken.gz:1: the file cannot be read" in result.stderr


def test_digest_is_64_hex_digits_that_a_rebuild_keeps(
    tmp_path: Path, database: str, events: list[dict[str, Any]]
) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(lines(events))
    connect(database.removeprefix("--database=")).dispose()
    empty = run(cli.digest, database).stdout.strip()
    run(cli.ingest, str(path), database)
    before = run(cli.digest, database).stdout.strip()

    rebuilt = run(cli.rebuild, database)

    assert "3 events" in rebuilt.stdout
    assert run(cli.digest, database).stdout.strip() == before
    assert before != empty != ""
    assert len(bytes.fromhex(before)) == 32


def test_init_writes_guesses_once(tmp_path: Path, database: str, make_event: MakeEvent) -> None:
    folder, path = tmp_path / "governance", tmp_path / "event.json"
    connect(database.removeprefix("--database=")).dispose()
    nothing = run(cli.init, str(folder), database)
    output = {"namespace": "postgres://prod:5432", "name": "db.raw.orders"}
    path.write_text(json.dumps(make_event(outputs=[output])))
    run(cli.ingest, str(path), database)

    written = run(cli.init, str(folder), database)
    again = run(cli.init, str(folder), database)

    assert "nothing is guessed" in nothing.stdout
    assert written.exit_code == 0
    assert (folder / "places.yml").exists()
    assert "andon apply" in written.stdout
    assert isinstance(again.exception, UserError)


@pytest.mark.parametrize("command", cli.commands, ids=lambda c: c.name)
def test_every_command_shows_an_example(command: click.Command) -> None:
    result = run(command, "--help")

    assert result.exit_code == 0
    assert "Example: andon" in result.stdout
    assert "--database URL" in result.stdout


def test_reading_standard_input_does_not_close_it(
    store: Engine, monkeypatch: pytest.MonkeyPatch, events: list[dict[str, Any]]
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(lines(events)))
    monkeypatch.setattr("sys.stdin", stream)
    summary = Summary()

    ingest_files(Ingestor(store), [None], summary)

    assert summary.stored == 3
    assert not stream.closed
