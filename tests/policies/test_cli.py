from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from catalog.database import connect, set_meta, writing
from catalog.errors import UserError
from catalog.store import apply_catalog
from lineage.ingest import Arrival, Ingestor
from policies.cli import commands
from policies.library import LIBRARY
from tests.policies import estates as e
from tests.policies.test_assess import CATALOG, run

NOW = "2026-11-20T12:00:00Z"


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'andon.db'}"
    engine = connect(url)
    bodies = [run("load", e.ago(0.2)), run("fix", e.ago(0.1), namespace="laptop")]
    Ingestor(engine).ingest([Arrival(body, "test") for body in bodies])
    apply_catalog(engine, CATALOG, "person:ana", e.ago(1))
    set_clock(engine)
    engine.dispose()
    return url


def set_clock(engine: Engine) -> None:
    """Let the store call an instant on the day of the events its now, whatever the clock says."""
    behind = datetime.now(UTC) - e.NOW
    with writing(engine) as connection:
        set_meta(connection, "clock_behind_us", behind // timedelta(microseconds=1))


def andon(*args: str, database: str | None = None) -> Result:
    group = click.Group(commands={c.name: c for c in commands if c.name})
    given = [*args, "--database", database] if database else list(args)
    return CliRunner().invoke(group, given, catch_exceptions=False)


def document(*args: str, database: str) -> Any:
    return json.loads(andon(*args, database=database).stdout)


def test_assess_prints_what_every_policy_answered(database: str) -> None:
    result = andon("assess", "--as-of", NOW, database=database)

    assert result.exit_code == 0
    assert "ACC-001           1        1        0        0        0" in result.stdout
    assert "Findings: 3 new." in result.stdout
    again = andon("assess", "--as-of", NOW, database=database)
    assert "Nothing new, so nothing was written." in again.stdout


def test_assess_prints_one_json_document(database: str) -> None:
    found = document("assess", "--as-of", NOW, "--json", database=database)

    assert found["as_of"] == "2026-11-20T12:00:00.000000Z"
    assert found["changed"] is True
    assert found["verdicts"]["ACC-001"] == {
        "pass": 1,
        "fail": 1,
        "unknown": 0,
        "error": 0,
        "not_applicable": 0,
    }
    assert found["findings"] == {"open": 3}
    assert len(found["policy_digest"]) == len(found["model_digest"]) == 64


def test_findings_are_sentences(database: str) -> None:
    andon("assess", "--as-of", NOW, database=database)

    text = andon("findings", database=database).stdout

    assert text.startswith("critical ACC-001  open  no team\n  fix (no principal named) wrote ")
    assert text.endswith("3 findings.\n")
    assert andon("findings", "--status", "resolved", database=database).stdout == (
        "No finding is resolved.\n"
    )
    nobodys = andon("findings", "--team", "unowned", "--status", "waived", database=database)
    assert nobodys.stdout == "No finding is waived.\n"
    with pytest.raises(UserError, match='Did you mean "unowned"'):
        andon("findings", "--team", "unowed", database=database)


def test_findings_before_any_assessment_say_that_nothing_was_judged(database: str) -> None:
    assert "Nothing was judged yet" in andon("findings", database=database).stdout


def test_assess_keeps_nothing_about_days_to_come(database: str) -> None:
    with pytest.raises(UserError, match="2026-11-21 is yet to come"):
        andon("assess", "--as-of", "2026-11-21", database=database)

    today = document("assess", "--as-of", "2026-11-20", "--json", database=database)

    assert today["as_of"] < "2026-11-20T13"


def test_findings_have_the_promised_fields(database: str) -> None:
    andon("assess", "--as-of", NOW, database=database)

    found = document("findings", "--json", database=database)

    promised = (
        "fingerprint policy title severity status subject owner message guess first_seen "
        "last_seen occurrences evidence"
    )
    assert all(set(promised.split()) <= f.keys() for f in found)
    write = found[0]["subject"]
    assert write["kind"] == "write"
    assert write["run"]["kind"] == "run"
    assert write["dataset"] == {
        "kind": "dataset",
        "namespace": "postgres://warehouse:5432",
        "name": "prod.orders",
    }
    assert {frozenset(x) for x in found[0]["evidence"]} <= {
        frozenset({"event_id", "facet", "value"}),
        frozenset({"file", "line", "value"}),
    }
    assert {f["subject"]["kind"] for f in found} == {"write", "dataset", "feed"}


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 1, "Failed: 2 findings at or above high in every environment."),
        (["--env", "prod", "--fail-on", "critical"], 1, "Failed: 1 finding at or above critical"),
        (["--env", "dev"], 0, "Not judged: nothing is known of dev"),
        (["--env", "dev", "--unknown", "fail"], 3, "the evidence about dev is insufficient"),
    ],
)
def test_the_gate_exits_with_what_it_found(
    database: str, options: list[str], code: int, says: str
) -> None:
    result = andon("check", "--as-of", NOW, *options, database=database)

    assert says in result.stdout
    assert result.exit_code == code


def test_the_gate_can_insist_on_evidence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bare.db'}"
    engine = connect(url)
    Ingestor(engine).ingest([Arrival(run("load", e.ago(0.2)), "test")])
    engine.dispose()

    warned = andon("check", "--as-of", NOW, database=url)
    failed = andon("check", "--as-of", NOW, "--unknown", "fail", database=url)

    assert warned.exit_code == 0
    assert failed.exit_code == 3
    assert "the evidence about every environment is insufficient" in failed.stdout


def test_the_gate_speaks_json(database: str) -> None:
    found = document(
        "check", "--env", "prod", "--as-of", NOW, "--format", "json", database=database
    )

    assert found["exit_code"] == 1
    assert [f["policy"] for f in found["findings"]] == ["ACC-001", "OWN-001"]
    assert [f["policy"] for f in found["below_threshold"]] == ["FED-001"]
    assert [v["policy"] for v in found["unknown"]] == ["TST-001"]


def test_the_gate_stores_nothing(database: str) -> None:
    andon("check", "--as-of", NOW, database=database)

    assert document("findings", "--json", database=database) == []


def test_scores_have_the_promised_fields(database: str) -> None:
    found = document("score", "--as-of", NOW, "--json", database=database)

    assert found.keys() == {"as_of", "model_digest", "organisation", "teams"}
    score = found["organisation"]
    interval = {"floor", "ceiling", "coverage", "level_floor", "level_ceiling"}
    assert interval | {"assessed", "not_assessed", "dimensions"} == score.keys()
    for dimension in score["dimensions"]:
        assert interval | {"id", "pillar", "practices"} <= dimension.keys()
        for practice in dimension["practices"]:
            counts = {"pass", "fail", "unknown", "not_applicable", "reasons"}
            assert {"id", "level", "weight"} | counts == practice.keys()
    assert [t["team"] for t in found["teams"]] == ["unowned"]


def test_scores_of_a_team_show_its_practices(database: str) -> None:
    text = andon("score", "--as-of", NOW, "--team", "unowned", database=database).stdout

    assert "Organisation  " in text
    assert "unowned  " in text
    assert "TS8    L5     0 pass    0 fail    1 unknown (nothing sends it)" in text


def test_a_team_without_assets_is_answered_with_those_that_have(database: str) -> None:
    with pytest.raises(UserError, match='Did you mean "unowned"'):
        andon("score", "--as-of", NOW, "--team", "unowed", database=database)


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "2026-11-20T25:00", "0001-01-01", "9999-12-31T23:00-05:00"]
)
def test_a_time_that_is_none_is_refused_with_an_example(database: str, text: str) -> None:
    result = andon("score", "--as-of", text, database=database)

    assert result.exit_code == 2
    assert "expected one such as 2026-11-20" in result.stderr


def test_a_date_means_its_last_instant(database: str) -> None:
    found = document("score", "--as-of", "2026-11-20", "--json", database=database)

    assert found["as_of"] == "2026-11-20T23:59:59.999999Z"


def test_policies_can_be_listed_and_shown() -> None:
    listed = andon("policies", "list").stdout

    assert [line.split()[0] for line in listed.splitlines()] == [
        "ACC-001",
        "FED-001",
        "OWN-001",
        "TST-001",
    ]
    shown = andon("policies", "show", "TST-001").stdout
    assert "p.test_age = 7 days" in shown
    with pytest.raises(UserError, match='Did you mean "TST-001"'):
        andon("policies", "show", "TST-01")


def test_policies_are_tested_by_their_examples(tmp_path: Path) -> None:
    assert andon("policies", "test").exit_code == 0
    text = (LIBRARY / "OWN-001.yaml").read_text("utf-8")
    (tmp_path / "OWN-001.yaml").write_text(text.replace("== 0", "== 1"), "utf-8")

    wrong = andon("policies", "test", str(tmp_path))

    assert wrong.exit_code == 1
    assert "OWN-001: expected fail, found pass" in wrong.stdout
    (tmp_path / "OWN-001.yaml").write_text(text.replace("size(", "sise("), "utf-8")
    with pytest.raises(UserError, match=r"OWN-001\.yaml:8:12: condition: ") as caught:
        andon("policies", "test", str(tmp_path))
    assert caught.value.exit_code == 2


def test_pages_are_written_where_asked(tmp_path: Path) -> None:
    written = andon("policies", "pages", str(tmp_path)).stdout.splitlines()

    assert str(tmp_path / "policies" / "ACC-001.md") in written
    assert (tmp_path / "facts.md").is_file()


@pytest.mark.parametrize("command", [("assess",), ("check",), ("score",)])
def test_a_reducer_that_is_none_is_refused_with_those_that_are(
    command: tuple[str, ...], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDON_NAME_REDUCERS", "key_values")

    with pytest.raises(UserError, match=r'"key_values" is no reducer.*key_value'):
        andon(*command, database=database)


def test_parts_of_datasets_are_judged_as_one_where_the_setting_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'andon.db'}"
    event = {
        "eventTime": NOW,
        "eventType": "COMPLETE",
        "producer": "https://example.com",
        "run": {"runId": "r"},
        "job": {"namespace": "jobs", "name": "load"},
        "outputs": [
            {"namespace": "s3://lake", "name": f"/orders/day=2026-01-0{day}"} for day in (1, 2)
        ],
    }
    Ingestor(connect(url)).ingest([Arrival(json.dumps(event).encode(), "t")])
    apart = document("assess", "--as-of", NOW, "--json", database=url)

    monkeypatch.setenv("ANDON_NAME_REDUCERS", "key_value")
    joined = document("assess", "--as-of", NOW, "--json", database=url)

    def judged(told: Any) -> int:
        return int(sum(told["verdicts"]["OWN-001"].values()))

    assert (judged(apart), judged(joined)) == (2, 1)
