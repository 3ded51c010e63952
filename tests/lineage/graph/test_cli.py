"""Commands that ask the graph."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from catalog.database import connect, set_meta, writing
from catalog.errors import UserError
from lineage.graph_cli import commands
from tests.lineage.conftest import MakeEvent
from tests.lineage.worlds import NOW, WH, at, dataset, job, take


@pytest.fixture
def database(tmp_path: Path, make_event: MakeEvent) -> str:
    """``x.raw`` goes into ``x.staged`` and on into ``x.mart``, ``x.mart`` into ``x.report``."""
    url = f"sqlite:///{tmp_path / 'andon.db'}"
    engine = connect(url)
    lineage: dict[str, Any] = {
        "columnLineage": {
            "fields": {
                "total": {
                    "inputFields": [
                        {"namespace": WH, "name": "x.raw", "field": "price",
                         "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION"}]}
                    ]
                }
            }
        },
        "schema": {"fields": [{"name": "total", "type": "int"}, {"name": "other", "type": "int"}]},
    }  # fmt: skip
    further: dict[str, Any] = {
        "columnLineage": {
            "fields": {
                "sum": {"inputFields": [{"namespace": WH, "name": "x.staged", "field": "total"}]}
            }
        }
    }
    sent = [
        moves("x.old", dataset("x.staged"), "stage", 1),
        moves("x.raw", dataset("x.staged", **lineage), "stage", 5),
        moves("x.staged", dataset("x.mart", **further), "build", 6),
        moves("x.mart", dataset("=x.report"), "draw", 7),
    ]
    filled = [make_event(run={"runId": f"run {i}"}) | event for i, event in enumerate(sent)]
    take(engine, [[json.dumps(event).encode() for event in filled]])
    with writing(engine) as connection:
        behind = (datetime.now(UTC) - NOW) // timedelta(microseconds=1)
        set_meta(connection, "clock_behind_us", behind)
    engine.dispose()
    return url


def moves(source: str, target: dict[str, Any], by: str, minute: int) -> dict[str, Any]:
    return {
        "eventTime": at(minute),
        "job": job(by),
        "inputs": [dataset(source)],
        "outputs": [target],
    }


def andon(database: str, *args: str) -> Result:
    group = click.Group(commands={c.name: c for c in commands if c.name})
    return CliRunner().invoke(group, [*args, "--database", database], catch_exceptions=False)


def document(database: str, *args: str) -> Any:
    return json.loads(andon(database, *args).stdout)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def refused(database: str, *args: str) -> str:
    """The one line that says why not."""
    with pytest.raises(UserError) as found:
        andon(database, *args)
    assert found.value.exit_code == 2
    assert "\n" not in str(found.value)
    return str(found.value)


def names(found: Any) -> list[str]:
    return [node["name"] for node in found["nodes"]]


# lineage ----------------------------------------------------------------------------------------


def test_lineage_prints_what_is_promised(database: str) -> None:
    found = document(database, "lineage", WH, "x.staged", "--format", "json", "--depth", "1")

    assert found["root"] == {"kind": "dataset", "namespace": WH, "name": "x.staged"}
    assert found["as_of"].startswith("2026-11-20T09:")
    assert found["nodes"] == [
        {**found["root"], "distance": 0, "side": "root"},
        {"kind": "dataset", "namespace": WH, "name": "x.mart", "distance": 1, "side": "down"},
        {"kind": "dataset", "namespace": WH, "name": "x.raw", "distance": 1, "side": "up"},
    ]
    assert found["edges"][0] == {
        "source": {"kind": "dataset", "namespace": WH, "name": "x.raw"},
        "target": found["root"],
        "jobs": [{"kind": "job", "namespace": "jobs", "name": "stage"}],
        "basis": "column",
        "observed": True,
        "declared": False,
        "current": True,
        "provisional": False,
        "first_seen": "2026-11-20T00:05:00.000000Z",
        "last_seen": "2026-11-20T00:05:00.000000Z",
    }
    assert found["truncated"] is False
    assert found["hidden"] == {"up": 0, "down": 1}
    assert "column_edges" not in found


@pytest.mark.parametrize("options", [(), ("--jobs",), ("--all",), ("--direction", "up")])
def test_list_and_graph_and_csv_hold_the_same_assets(
    database: str, options: tuple[str, ...]
) -> None:
    asked = ("lineage", WH, "x.staged", *options)

    found = document(database, *asked, "--format", "json")

    nodes = [{k: str(v) for k, v in node.items()} for node in found["nodes"]]
    listed = rows(andon(database, *asked, "--format", "csv").stdout)
    assert [{**row, "name": row["name"].removeprefix("'")} for row in listed] == nodes
    text = andon(database, *asked).stdout
    assert all(node["name"] in text for node in nodes)
    drawn = andon(database, *asked, "--format", "dot").stdout
    assert drawn.count("label=") == len(nodes)
    assert drawn.count(" -> ") == len(found["edges"])


def test_what_a_spreadsheet_would_run_is_made_text(database: str) -> None:
    text = andon(database, "lineage", WH, "x.mart", "--format", "csv").stdout

    assert "'=x.report" in text
    assert "'=x.report" in andon(database, "impact", WH, "x.mart", "--format", "csv").stdout


def test_lineage_goes_through_jobs(database: str) -> None:
    found = document(database, "lineage", WH, "x.raw", "--jobs", "--format", "json")

    assert names(found) == ["x.raw", "stage", "x.staged", "build", "x.mart", "draw", "=x.report"]
    job_of = document(
        database, "lineage", "jobs", "build", "--kind", "job", "--depth", "1", "--format", "json"
    )
    assert names(job_of) == ["build", "x.mart", "x.staged"]


def test_edges_that_faded_are_told_with_the_day_they_were_last_seen(database: str) -> None:
    assert "x.old" not in andon(database, "lineage", WH, "x.staged").stdout

    text = andon(database, "lineage", WH, "x.staged", "--all").stdout

    assert "1 of them not current any more" in text
    assert "x.old -> x.staged  2026-11-20 00:01 UTC" in text


def test_lineage_tells_the_past(database: str) -> None:
    then = at(3).replace("+00:00", "Z")

    found = document(database, "lineage", WH, "x.staged", "--as-of", then, "--format", "json")

    assert names(found) == ["x.staged", "x.old"]
    assert found["as_of"] == "2026-11-20T00:03:00.000000Z"
    today = document(database, "lineage", WH, "x.mart", "--as-of", "2026-11-20", "--format", "json")
    assert names(today) == names(document(database, "lineage", WH, "x.mart", "--format", "json"))


def test_columns_come_with_how_they_feed_each_other(database: str) -> None:
    found = document(database, "lineage", WH, "x.staged", "--columns", "--format", "json")

    assert found["column_edges"] == [
        {
            "source": {"kind": "dataset", "namespace": WH, "name": "x.raw", "field": "price"},
            "target": {"kind": "dataset", "namespace": WH, "name": "x.staged", "field": "total"},
            "type": "DIRECT",
            "subtype": "AGGREGATION",
            "masking": False,
        },
        {
            "source": {"kind": "dataset", "namespace": WH, "name": "x.staged", "field": "total"},
            "target": {"kind": "dataset", "namespace": WH, "name": "x.mart", "field": "sum"},
            "type": None,
            "subtype": None,
            "masking": False,
        },
    ]
    table = rows(andon(database, "lineage", WH, "x.staged", "--columns", "--format", "csv").stdout)
    assert [row["target_field"] for row in table] == ["total", "sum"]


def test_one_column_has_a_graph_of_its_own(database: str) -> None:
    found = document(database, "lineage", WH, "x.raw", "--field", "price", "--format", "json")

    assert names(found) == ["x.raw", "x.staged", "x.mart"]
    assert len(found["column_edges"]) == 2
    through = document(
        database, "lineage", WH, "x.raw", "--field", "price", "--jobs", "--format", "json"
    )
    assert names(through) == ["x.raw", "stage", "x.staged", "build", "x.mart"]
    other = document(database, "lineage", WH, "x.staged", "--field", "other", "--format", "json")
    assert names(other) == ["x.staged"]
    assert 'Did you mean "total"?' in refused(
        database, "lineage", WH, "x.staged", "--field", "totl"
    )


# Bad input --------------------------------------------------------------------------------------


def test_the_nearest_names_of_an_unknown_asset_are_suggested(database: str) -> None:
    told = refused(database, "lineage", WH, "x.stage")

    assert f'dataset "x.stage" in namespace "{WH}" is not known as of 2026-11-' in told
    assert f'Nearest: "{WH}" "x.staged"' in told
    assert f'"{WH}" "x.mart"' in refused(database, "lineage", "postgres://other", "x.mart")
    assert "has a name like it" in refused(database, "lineage", "nowhere", "qqqqqq")
    assert refused(database, "lineage", "jobs", "build").endswith("add --kind job.")


def test_a_time_that_is_yet_to_come_is_refused(database: str) -> None:
    assert refused(database, "lineage", WH, "x.raw", "--as-of", "2099-01-01").startswith(
        "--as-of 2099-01-01T23:59:59Z is yet to come; expected 2026-11-"
    )
    assert "--known-at" in refused(database, "lineage", WH, "x.raw", "--known-at", "2099-01-01")
    assert "--to" in refused(database, "diff", "--from", "2026-11-19", "--to", "2099-01-01")


def test_before_everything_no_asset_was_known(database: str) -> None:
    told = refused(database, "lineage", WH, "x.raw", "--as-of", "2001-01-01")

    assert told.endswith("No dataset is known then.")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--as-of", "yesterday", '"yesterday" is no time, expected one such as 2026-11-20'),
        ("--as-of", "2026-13-01", '"2026-13-01" is no time'),
        ("--depth", "10001", "10001 is not in the range 0<=x<=10000"),
        ("--depth", "-1", "-1 is not in the range"),
        ("--direction", "left", "'left' is not one of 'up', 'down', 'both'"),
        ("--kind", "team", "'team' is not one of 'dataset', 'job'"),
    ],
)
def test_what_an_option_cannot_be_is_said(
    database: str, option: str, value: str, told: str
) -> None:
    result = andon(database, "lineage", WH, "x.raw", option, value)

    assert result.exit_code == 2
    assert told in result.stderr


def test_a_job_has_no_columns_and_dot_draws_none(database: str) -> None:
    told = refused(database, "lineage", "jobs", "build", "--kind", "job", "--columns")
    assert told == '"build" is a job and has no columns; ask about a dataset.'
    assert "--format dot" in refused(
        database, "lineage", WH, "x.raw", "--columns", "--format", "dot"
    )


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
