"""The command that tells what stands around an asset."""

from __future__ import annotations

import pytest

from tests.lineage.graph.asked import andon, document, names, refused, rows
from tests.lineage.worlds import WH, at

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


def test_what_is_not_selected_is_drawn_through(database: str) -> None:
    asked = ("lineage", WH, "x.raw", "--jobs", "--format", "json")

    found = document(database, *asked, "--select", "kind:dataset not name:x.staged")

    assert [(n["name"], n["distance"]) for n in found["nodes"]] == [
        ("x.raw", 0), ("x.mart", 2), ("=x.report", 3),
    ]  # fmt: skip
    edges = {(e["source"]["name"], e["target"]["name"]): e for e in found["edges"]}
    assert sorted(edges) == [("x.mart", "=x.report"), ("x.raw", "x.mart")]
    assert [job["name"] for job in edges["x.raw", "x.mart"]["jobs"]] == ["build", "stage"]
    assert "unknown key" in refused(database, *asked, "--select", "colour:red")


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
