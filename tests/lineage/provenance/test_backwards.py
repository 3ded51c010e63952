"""What is told of a version: its run, code, SQL, engine, who ran it, data tests, what came next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.model import Trust
from lineage.estate import DataTestStatus, RunState
from lineage.provenance.backwards import backwards, newest_versions
from lineage.provenance.model import Built, Story
from lineage.provenance.telling import told
from lineage.traits import Engine as RunsOn
from tests.lineage.provenance.happenings import (
    Event,
    at_noon,
    declare,
    did,
    fill,
    key,
    minute,
    ran,
)

CODE = {
    "sourceCodeLocation": {
        "type": "git", "url": "https://git.example/shop/blob/abc/m.sql",
        "repoUrl": "https://git.example/shop.git", "version": "abc", "branch": "main",
    },
    "sql": {"query": "select 1", "dialect": "postgres"},
}  # fmt: skip
RUN = {
    "processing_engine": {"name": "dbt", "version": "1.11"},
    "parent": {"run": {"runId": "wrapper"}, "job": {"namespace": "jobs-prod", "name": "dbt run"}},
}


def story(store: Engine, name: str, **asked: Any) -> Story:
    found = backwards(at_noon(store), key(name), **asked)
    assert found is not None
    return found


def built(store: Engine, name: str, **asked: Any) -> Built:
    return story(store, name, **asked).built[0]


def results(**found: bool) -> dict[str, Any]:
    assertions = [
        {"assertion": name, "column": "id", "success": success} for name, success in found.items()
    ]
    return {"dataQualityAssertions": {"assertions": assertions}}


def tested(run_id: str, start: float, name: str, **found: bool) -> list[Event]:
    read = {**did(name), "inputFacets": results(**found)}
    return ran(run_id, "scan", start, start + 1, [read])


def chain(length: int) -> list[list[Event]]:
    """Each dataset made of the one before."""
    return [
        ran(f"r{n}", f"build {n}", n, n + 1, [f"d{n - 1}"] if n else [], [f"d{n}"])
        for n in range(length)
    ]


def test_the_run_of_a_version_is_told_with_code_sql_engine_parent_and_who_ran_it(
    store: Engine,
) -> None:
    fill(store, ran("r1", "build", 10, 20, ["a"], ["m"], facets=CODE, run=RUN))

    found = built(store, "m")

    assert (found.run.run_id, found.run.job.name) == ("r1", "build")
    assert (found.state, found.started_at, found.ended_at) == (
        RunState.COMPLETE, minute(10), minute(20),
    )  # fmt: skip
    assert found.code is not None
    assert found.code.is_of_run
    assert (found.code.place.version, found.code.place.branch) == ("abc", "main")
    assert found.sql is not None
    assert (found.sql.query, found.sql.dialect) == ("select 1", "postgres")
    assert found.engine == RunsOn("dbt", "1.11", None)
    assert found.parent is not None
    assert (found.parent.job.name, found.parent.run_id) == ("dbt run", "wrapper")
    assert found.who is not None
    assert (found.who.principal, found.who.trust) == ("service:etl", Trust.E1)
    assert found.who.how == "run.facets.tags.tags[0].value names it"


def test_code_that_only_another_run_names_is_told_without_a_version(store: Engine) -> None:
    fill(
        store,
        ran("r1", "build", 0, 5, [], ["m"], facets=CODE),
        ran("r2", "build", 10, 20, [], ["m"]),
    )

    found = built(store, "m").code

    assert found is not None
    assert not found.is_of_run
    assert (found.place.repository, found.place.version) == ("https://git.example/shop.git", None)


def test_the_story_goes_back_to_the_sources(store: Engine) -> None:
    fill(
        store,
        ran("raw", "load", 0, 5, ["source"], ["raw"]),
        ran("stage", "build", 6, 8, ["raw"], ["stage"]),
        ran("mart", "build mart", 10, 20, ["stage", "raw"], ["mart"]),
    )

    found = story(store, "mart")

    assert [(b.version.dataset.name, b.distance) for b in found.built] == [
        ("mart", 0), ("raw", 1), ("stage", 1),
    ]  # fmt: skip
    assert [source.name for source in found.sources] == ["source"]
    assert not found.truncated


def test_depth_and_count_cut_a_story_off_and_it_says_so(store: Engine) -> None:
    fill(store, *chain(5))

    whole, shallow, few = (story(store, "d4", **a) for a in ({}, {"depth": 2}, {"most": 2}))

    assert (len(whole.built), whole.truncated) == (5, False)
    assert (len(shallow.built), shallow.truncated) == (3, True)
    assert (len(few.built), few.truncated) == (2, True)
    assert not story(store, "d4", depth=4).truncated
    assert not story(store, "d4", most=5).truncated


def test_data_tests_belong_to_the_version_on_which_they_ran(store: Engine) -> None:
    fill(
        store,
        tested("before", 0, "a", unique=True),
        ran("r1", "load", 2, 5, [], ["a"]),
        tested("first", 6, "a", not_null=True, unique=False),
        tested("second", 8, "a", not_null=False),
        ran("r2", "load", 10, 15, [], ["a"]),
        tested("later", 16, "a", not_null=True),
    )

    old, new = (built(store, "a", version=run) for run in ("r1", "r2"))

    assert [(t.name, t.status, t.run.run_id) for t in old.tests] == [
        ("not_null", DataTestStatus.FAIL, "second"),
        ("unique", DataTestStatus.FAIL, "first"),
    ]
    assert [(t.name, t.status, t.run.run_id) for t in new.tests] == [
        ("not_null", DataTestStatus.PASS, "later")
    ]


def test_what_took_its_place_is_told(store: Engine) -> None:
    fill(
        store,
        ran("r1", "load", 0, 5, [], ["a"]),
        ran("r2", "load", 10, 15, [], [did("a", "OVERWRITE")]),
    )

    old, new = (built(store, "a", version=run) for run in ("r1", "r2"))

    assert old.gone_by is not None
    assert (old.gone_at, old.gone_by.run_id, old.gone_how) == (minute(15), "r2", "OVERWRITE")
    assert new.gone_at is None


def test_an_older_version_that_may_be_left_is_part_of_the_story(store: Engine) -> None:
    fill(
        store,
        ran("r1", "load", 0, 5, ["b"], ["a"]),
        ran("r2", "append", 10, 15, ["c"], ["a"]),
    )

    found = story(store, "a")

    assert [(b.run.run_id, b.distance) for b in found.built] == [("r2", 0), ("r1", 1)]
    assert [source.name for source in found.sources] == ["b", "c"]


def test_a_write_that_no_pipeline_explains_is_told_as_what_it_is(
    store: Engine, tmp_path: Path
) -> None:
    fill(
        store,
        ran("r1", "load", 0, 5, [], ["a"]),
        ran("r2", "fix.ipynb", 10, 15, [], ["a"], namespace="laptop", principal="person:mira"),
    )
    declare(store, tmp_path)

    edit = built(store, "a").edit

    assert edit is not None
    assert (edit.principal, edit.version.run and edit.version.run.run_id) == ("person:mira", "r2")
    assert not edit.is_guess
    assert built(store, "a", version="r1").edit is None


def test_versions_are_listed_newest_first(store: Engine) -> None:
    fill(
        store,
        ran("r1", "load", 0, 5, [], ["a"]),
        ran("r2", "load", 10, 15, [], ["a"]),
        ran("r3", "load", 20, 25, [], [did("a", "DROP")]),
    )

    found = newest_versions(at_noon(store), key("a"), 10)

    assert [version.id for version in found] == ["r2", "r1"]


@pytest.mark.parametrize("name", ["nothing", "source"])
def test_nothing_is_told_of_what_is_unknown_or_never_written(store: Engine, name: str) -> None:
    fill(store, ran("r1", "load", 0, 5, ["source"], ["a"]))

    assert backwards(at_noon(store), key(name)) is None


def test_the_story_can_be_read_aloud(store: Engine, tmp_path: Path) -> None:
    fill(
        store,
        ran("raw", "load", 0, 5, ["source"], ["raw"], facets=CODE),
        ran("fix", "fix.ipynb", 7, 8, ["raw"], ["raw"], namespace="laptop", principal=None),
        tested("scan", 9, "raw", unique=False, not_null=True),
        ran("mart", "build", 10, 20, ["raw"], ["mart"]),
        ran("next", "load", 12, 14, ["source"], ["raw"], facets=CODE),
    )
    declare(store, tmp_path)

    found = told(story(store, "mart", depth=1, most=2), lambda asset: asset.name)

    assert found == (
        "mart, version of 2026-11-20 00:20 UTC, was built by build (run mart), "
        "run by service:etl (by its own word), with code that nobody names, "
        "from raw of 2026-11-20 00:14 UTC or of 2026-11-20 00:08 UTC. "
        "Which version of raw it read cannot be told: one came while it ran. "
        "No data test ran on it.\n\n"
        "raw, version of 2026-11-20 00:14 UTC, was built by load (run next), "
        "run by service:etl (by its own word), at commit abc of https://git.example/shop.git, "
        "from source as it was then. No data test ran on it.\n\n"
        "There the story ends: nobody is seen writing source.\n\n"
        "It goes on: only the nearest 2 versions are told here."
    )
