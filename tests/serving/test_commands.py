"""Commands that would destroy or mix up what is kept, or cannot do what was asked, say so."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from app import cli
from catalog.database import connect
from catalog.errors import UserError
from lineage import log
from lineage.ingest import Arrival, Ingestor

EVENT = orjson.dumps(
    {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-20T06:00:00Z",
        "producer": "https://example.com/loader",
        "run": {"runId": "019c0000-0000-7000-8000-000000000001"},
        "job": {"namespace": "airflow-prod", "name": "load_orders"},
    }
)


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'andon.db'}"
    engine = connect(url)
    Ingestor(engine).ingest([Arrival(EVENT, "test")])
    engine.dispose()
    return url


@pytest.mark.parametrize("options", [[], ["--fresh"]], ids=["mix", "delete"])
def test_the_sample_company_leaves_a_store_with_other_events_alone(
    database: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDON_DATABASE_URL", database)

    with pytest.raises(UserError, match="holds events of its own"):
        CliRunner().invoke(
            cli, ["demo", "--port", "0", "--database", database, *options], catch_exceptions=False
        )

    with connect(database).connect() as connection:
        assert log.count(connection) == 1


def test_guesses_that_cannot_be_written_are_one_line(database: str) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        CliRunner().invoke(
            cli, ["init", "/dev/null/governance", "--database", database], catch_exceptions=False
        )


@pytest.mark.parametrize(
    "command",
    ["audit verify", "digest", "rebuild", "findings", "assess", "token list", "retention show"],
)
def test_no_command_that_reads_makes_a_store_of_a_mistyped_name(
    tmp_path: Path, command: str
) -> None:
    missing = tmp_path / "andno.db"

    with pytest.raises(UserError, match="there is no store at"):
        CliRunner().invoke(
            cli,
            [*command.split(), "--database", f"sqlite:///{missing}"],
            catch_exceptions=False,
        )

    assert not missing.exists()
