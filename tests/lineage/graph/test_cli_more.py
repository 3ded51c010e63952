"""Commands about paths, changes, impact, causes and flows."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from lineage.graph_cli import commands
from tests.lineage.graph.asked import andon, document, refused, rows
from tests.lineage.worlds import WH

# path -------------------------------------------------------------------------------------------


def test_a_path_tells_the_jobs_the_last_run_and_the_event_of_each_hop(database: str) -> None:
    (path,) = document(database, "path", WH, "x.raw", WH, "x.mart", "--json")

    hops = path["hops"]
    assert [(hop["from"]["name"], hop["to"]["name"]) for hop in hops] == [
        ("x.raw", "x.staged"), ("x.staged", "x.mart"),
    ]  # fmt: skip
    assert [job["name"] for hop in hops for job in hop["jobs"]] == ["stage", "build"]
    assert hops[0]["last_run"] == {
        "id": "run 1",
        "job": {"kind": "job", "namespace": "jobs", "name": "stage"},
        "state": "complete",
        "at": "2026-11-20T00:05:00.000000Z",
    }
    assert len(hops[0]["evidence"]["event_id"]) == 64
    text = andon(database, "path", WH, "x.raw", WH, "x.mart").stdout
    assert "x.raw -> x.staged" in text
    assert "run 1, complete, 2026-11-20 00:05 UTC" in text


def test_no_path_is_exit_code_1_and_tells_of_the_way_back(database: str) -> None:
    back = andon(database, "path", WH, "x.mart", WH, "x.raw")
    none = andon(database, "path", WH, "x.old", WH, "x.raw", "--json")

    assert back.exit_code == none.exit_code == 1
    assert "there is one the other way round" in back.stderr
    assert "nor is there one the other way round" in none.stderr
    assert json.loads(none.stdout) == []


# diff -------------------------------------------------------------------------------------------


def test_a_diff_tells_what_became_different_and_when(database: str) -> None:
    times = ("--from", "2026-11-20T00:02:00Z", "--to", "2026-11-20T00:05:30Z")

    found = document(database, "diff", *times, "--json")

    staged = {"kind": "dataset", "namespace": WH, "name": "x.staged"}
    raw = {"kind": "dataset", "namespace": WH, "name": "x.raw"}
    told = {(one["change"], one["what"]): one for one in found}
    assert told["added", "asset"]["subject"] == raw
    assert told["added", "edge"]["subject"] == {"kind": "edge", "source": raw, "target": staged}
    assert told["added", "edge"]["new"]["basis"] == "column"
    assert told["removed", "edge"]["new"] is None
    assert told["added", "column"]["subject"] == staged
    assert told["added", "column"]["new"]["type"] == "int"
    assert {one["at"] for one in found} == {"2026-11-20T00:05:00.000000Z"}
    assert "+ column" in andon(database, "diff", *times).stdout
    one = document(database, "diff", *times, WH, "x.raw", "--json")
    assert [(c["change"], c["what"]) for c in one] == [("added", "asset"), ("added", "edge")]


def test_a_diff_of_what_stayed_the_same_is_empty(database: str) -> None:
    times = ("--from", "2026-11-20T00:08:00Z", "--to", "2026-11-20T00:09:00Z")

    assert document(database, "diff", *times, "--json") == []
    assert "Nothing became different" in andon(database, "diff", *times).stdout


def test_a_diff_needs_its_times_in_order_and_whole_names(database: str) -> None:
    assert "is after --to" in refused(
        database, "diff", "--from", "2026-11-19", "--to", "2026-11-18"
    )
    times = ("--from", "2026-11-18", "--to", "2026-11-19")
    assert "NAME is missing" in refused(database, "diff", *times, WH)


# impact, causes, flows --------------------------------------------------------------------------


def test_impact_is_the_same_as_text_json_and_csv(database: str) -> None:
    found = document(database, "impact", WH, "x.raw", "--format", "json")

    listed = rows(andon(database, "impact", WH, "x.raw", "--format", "csv").stdout)
    assert [row["name"].removeprefix("'") for row in listed] == [r["name"] for r in found["rows"]]
    assert [r["distance"] for r in found["rows"]] == [1, 2, 3]
    assert found["rows"][0]["last_run"]["state"] == listed[0]["last_state"] == "complete"
    text = andon(database, "impact", WH, "x.raw").stdout
    assert text.startswith("On x.raw stand 3 datasets of 0 teams, as of 2026-11-")


def test_impact_of_a_column_tells_what_would_miss_it(database: str) -> None:
    found = document(database, "impact", WH, "x.raw", "--field", "price", "--format", "json")

    assert [(r["name"], r["field"], r["certainty"]) for r in found["rows"]] == [
        ("x.staged", "total", "direct"), ("x.mart", "sum", "direct"), ("=x.report", "", "maybe"),
    ]  # fmt: skip
    text = andon(database, "impact", WH, "x.raw", "--field", "price").stdout
    assert text.startswith("3 columns or datasets would miss x.raw.price")


def test_causes_are_the_same_as_text_json_and_csv(database: str) -> None:
    found = document(database, "causes", WH, "=x.report", "--format", "json")

    listed = rows(andon(database, "causes", WH, "=x.report", "--format", "csv").stdout)
    assert [row["said"] for row in listed] == [one["said"] for one in found]
    assert "=x.report" in andon(database, "causes", WH, "=x.report").stdout


def test_flows_tell_of_cycles_and_of_what_flows_back(database: str) -> None:
    assert document(database, "flows", "--json") == {"cycles": [], "backward": []}
    assert "0 cycles" in andon(database, "flows").stdout


@pytest.mark.parametrize("command", commands, ids=lambda c: str(c.name))
def test_every_command_has_an_example_in_its_help(command: click.Command) -> None:
    assert "Example: andon" in CliRunner().invoke(command, ["--help"]).stdout


def test_a_path_may_lead_from_column_to_column(database: str) -> None:
    asked = ("path", WH, "x.raw", WH, "x.mart", "--field", "price", "--to-field", "sum")

    (path,) = document(database, *asked, "--json")

    hops = path["hops"]
    assert [(hop["from"]["field"], hop["to"]["field"]) for hop in hops] == [
        ("price", "total"), ("total", "sum"),
    ]  # fmt: skip
    assert hops[0]["last_run"]["id"] == "run 1"
    assert hops[0]["type"] == "DIRECT"
    assert "x.raw.price -> x.staged.total (DIRECT AGGREGATION)" in andon(database, *asked).stdout


def test_between_columns_there_may_be_no_path(database: str) -> None:
    ends = ("path", WH, "x.mart", WH, "x.raw", "--field", "sum", "--to-field", "price")

    result = andon(database, *ends)

    assert result.exit_code == 1
    assert "there is one the other way round" in result.stderr
    assert "go together" in refused(database, *ends[:-2])
