"""The command: what it prints in each form, and what it says of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from prov.model import ProvDocument
from sqlalchemy import Engine

from catalog.database import connect
from catalog.errors import UserError
from lineage.provenance_cli import provenance
from tests.lineage.provenance.happenings import did, fill, ran
from tests.lineage.worlds import WH

Andon = Callable[..., Result]


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = connect(url)
    fill(
        engine,
        ran("r1", "load", 0, 5, ["source"], [did("raw", version="v1")]),
        ran("r2", "load", 10, 15, ["source"], [did("raw", version="v2")]),
        ran("m", "build", 20, 25, ["raw"], ["mart"]),
    )
    yield engine
    engine.dispose()


@pytest.fixture
def andon(url: str, store: Engine) -> Andon:
    def run(*words: str) -> Result:
        return CliRunner().invoke(provenance, [*words, "--database", url])

    return run


def test_it_tells_the_story_of_what_is_there_now(andon: Andon) -> None:
    found = andon(WH, "mart")

    assert found.exit_code == 0
    assert "was built by" in found.stdout
    assert "nobody is seen writing" in found.stdout


def test_a_version_is_asked_for_by_name_or_run(andon: Andon) -> None:
    by_name = json.loads(andon(WH, "raw", "--version", "v1", "--format", "json").stdout)
    by_run = json.loads(andon(WH, "raw", "--version", "r1", "--format", "json").stdout)

    assert by_name["built"] == by_run["built"]
    assert by_name["version"]["said"] == "v1"
    assert by_name["version"]["run"]["run_id"] == "r1"


def test_json_has_the_versions_by_distance(andon: Andon) -> None:
    told = json.loads(andon(WH, "mart", "--format", "json").stdout)

    assert [one["version"]["dataset"]["name"] for one in told["built"]] == ["mart", "raw"]
    assert [one["distance"] for one in told["built"]] == [0, 1]
    assert told["built"][0]["inputs"][0]["basis"] == "by time"
    assert [source["name"] for source in told["sources"]] == ["source"]
    assert told["truncated"] is False
    assert told["version"]["at"] == "2026-11-20T00:25:00.000000Z"


def test_forward_has_the_datasets_and_the_versions(andon: Andon) -> None:
    told = json.loads(andon(WH, "raw", "--forward", "--format", "json").stdout)

    assert [one["dataset"]["name"] for one in told["datasets"]] == ["raw", "mart"]
    assert [one["current"] for one in told["datasets"]] == [True, True]
    assert told["versions"][1]["steps"][0]["source"]["said"] == "v2"
    old = json.loads(andon(WH, "raw", "--forward", "--version", "v1", "--format", "json").stdout)
    assert [one["dataset"]["name"] for one in old["datasets"]] == ["raw"]


@pytest.mark.parametrize("way", [(), ("--forward",)])
def test_prov_json_is_what_others_read(andon: Andon, way: tuple[str, ...]) -> None:
    found = andon(WH, "raw", *way, "--format", "prov-json")

    document = ProvDocument.deserialize(content=found.stdout, format="json")

    assert document.get_records()


def test_depth_bounds_what_is_told(andon: Andon) -> None:
    told = json.loads(andon(WH, "mart", "--depth", "0", "--format", "json").stdout)

    assert len(told["built"]) == 1
    assert told["truncated"] is True


def test_the_past_is_told_as_it_was(andon: Andon) -> None:
    told = json.loads(
        andon(WH, "raw", "--as-of", "2026-11-20T00:12:00Z", "--format", "json").stdout
    )

    assert told["version"]["said"] == "v1"
    assert told["built"][0]["gone"]["at"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((WH, "marts"), '"mart"'),
        ((WH, "source"), "no run that succeeded wrote it"),
        ((WH, "mart", "--version", "v9"), 'no version "v9"'),
        ((WH, "mart", "--forward", "--version", "v9"), 'no version "v9"'),
        ((WH, "mart", "--as-of", "2999-01-01"), "yet to come"),
    ],
)
def test_what_cannot_be_told_is_one_line(andon: Andon, words: tuple[str, ...], said: str) -> None:
    found = andon(*words)

    assert isinstance(found.exception, UserError)
    assert said in str(found.exception)
    assert "\n" not in str(found.exception)


@pytest.mark.parametrize("depth", ["-1", "1001", "deep"])
def test_a_depth_beyond_the_cap_is_told(andon: Andon, depth: str) -> None:
    found = andon(WH, "mart", "--depth", depth)

    assert found.exit_code == 2
    assert "--depth" in found.stderr
