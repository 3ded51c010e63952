"""What was built on a version, a run or a manual edit, until when, and what cured it: by rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from lineage.provenance.descents import descends_from_edit
from lineage.provenance.forwards import forwards, forwards_of_run
from lineage.provenance.model import Affected, Aftermath, RunRef, Spell
from lineage.provenance.telling import told_on
from tests.lineage.provenance.happenings import (
    JOBS,
    STREAM,
    Event,
    Part,
    at_noon,
    declare,
    did,
    fill,
    key,
    minute,
    ran,
)


def aftermath(store: Engine, name: str, version: str | None = None, **asked: Any) -> Aftermath:
    found = forwards(at_noon(store), key(name), version, **asked)
    assert found is not None
    return found


def affected(store: Engine, name: str, version: str) -> dict[str, Affected]:
    return {one.dataset.name: one for one in aftermath(store, name, version).datasets}


def spell(store: Engine, of: str, version: str, name: str | None = None) -> Spell:
    """The one time in which a dataset held data of a version."""
    (found,) = affected(store, of, version)[name or of].spells
    return found


def edit(run_id: str, start: float, writes: list[Part], reads: list[Part] | None = None) -> Any:
    """A write from a laptop, which is in no pipeline."""
    told = {"namespace": "laptop", "principal": "person:mira"}
    return ran(run_id, "fix.ipynb", start, start + 1, reads or [], writes, **told)  # type: ignore[arg-type]  # of texts


USUAL = [ran("r0", "load", 0, 1, [], ["a"]), ran("r1", "load", 2, 3, [], ["a"])]
"""A job that usually writes there."""


# From a version or a run ------------------------------------------------------------------------


def test_everything_that_was_built_on_a_version_is_told_with_how_far_and_since_when(
    store: Engine,
) -> None:
    fill(
        store,
        ran("bad", "load", 0, 5, [], ["a"]),
        ran("stage", "build", 6, 8, ["a"], ["stage"]),
        ran("mart", "build mart", 10, 20, ["stage"], ["mart"]),
        ran("other", "build other", 10, 20, ["b"], ["other"]),
    )

    found = aftermath(store, "a", "bad").datasets

    assert [(one.dataset.name, one.distance, one.spells[0].since) for one in found] == [
        ("a", 0, minute(5)), ("stage", 1, minute(8)), ("mart", 2, minute(20)),
    ]  # fmt: skip
    assert all(one.is_current for one in found)


def test_a_run_is_followed_through_all_that_it_wrote(store: Engine) -> None:
    fill(
        store,
        ran("bad", "load", 0, 5, [], ["a", "b"]),
        ran("x", "build x", 6, 8, ["a"], ["x"]),
        ran("y", "build y", 6, 8, ["b"], ["y"]),
    )

    found = forwards_of_run(at_noon(store), RunRef(AssetKey(Kind.JOB, JOBS, "load"), "bad"))

    assert found is not None
    assert {one.dataset.name for one in found.datasets} == {"a", "b", "x", "y"}
    assert [version.dataset.name for version in found.origins] == ["a", "b"]


@pytest.mark.parametrize(("job", "run_id"), [("load", "nothing"), ("nothing", "bad")])
def test_a_run_that_is_unknown_or_wrote_nothing_has_no_aftermath(
    store: Engine, job: str, run_id: str
) -> None:
    fill(store, ran("bad", "load", 0, 5, [], ["a"], state="FAIL"))

    at = at_noon(store)
    assert forwards_of_run(at, RunRef(AssetKey(Kind.JOB, JOBS, job), run_id)) is None
    assert forwards_of_run(at, RunRef(AssetKey(Kind.JOB, JOBS, "load"), "bad")) is None


def test_what_may_have_read_it_is_told_as_that(store: Engine) -> None:
    fill(
        store,
        ran("good", "load", 0, 5, [], ["a"]),
        ran("bad", "load", 10, 20, [], ["a"]),
        ran("mart", "build", 15, 30, ["a"], ["m"]),
        ran("late", "build late", 21, 30, ["a"], ["late"]),
    )

    assert not spell(store, "a", "bad", "m").is_certain
    assert not spell(store, "a", "good", "m").is_certain
    assert spell(store, "a", "bad", "late").is_certain


def test_depth_and_count_cut_it_off_and_it_says_so(store: Engine) -> None:
    fill(store, *(ran(f"r{n}", f"j{n}", n, n + 1, [f"d{n}"], [f"d{n + 1}"]) for n in range(5)))

    asked: list[dict[str, Any]] = [{}, {"depth": 2}, {"most": 2}]
    whole, shallow, few = (aftermath(store, "d1", **one) for one in asked)

    assert (len(whole.versions), whole.truncated) == (5, False)
    assert (len(shallow.versions), shallow.truncated) == (3, True)
    assert (len(few.versions), few.truncated) == (2, True)


# What cures -------------------------------------------------------------------------------------


def test_a_rebuild_from_what_is_good_cures_each_dataset_in_its_turn(
    store: Engine, tmp_path: Path
) -> None:
    fill(
        store,
        *USUAL,
        ran("m0", "build", 4, 5, ["a"], ["m"]),
        edit("bad", 10, ["a"]),
        ran("m1", "build", 12, 13, ["a"], ["m"]),
        ran("r2", "load", 20, 21, [], ["a"]),
        ran("m2", "build", 30, 31, ["a"], ["m"]),
    )
    declare(store, tmp_path)

    of_a, of_m = spell(store, "a", "bad"), spell(store, "a", "bad", "m")

    assert (of_a.since, of_a.until, of_a.is_cured) == (minute(11), minute(21), True)
    assert (of_m.since, of_m.until, of_m.is_cured) == (minute(13), minute(31), True)
    assert of_m.ended_by is not None
    assert of_m.ended_by.run_id == "m2"


def test_a_rebuild_from_what_is_still_bad_cures_nothing(store: Engine, tmp_path: Path) -> None:
    fill(
        store,
        *USUAL,
        edit("bad", 10, ["a"]),
        ran("m1", "build", 12, 13, ["a"], ["m"]),
        ran("m2", "build", 20, 21, ["a"], [did("m", "OVERWRITE")]),
    )
    declare(store, tmp_path)

    assert spell(store, "a", "bad", "m").until is None
    assert affected(store, "a", "bad")["m"].versions == 2


def test_what_was_good_again_may_turn_bad_again(store: Engine, tmp_path: Path) -> None:
    fill(
        store,
        *USUAL,
        edit("bad", 10, ["a"]),
        ran("copy", "copy", 12, 13, ["a"], ["copy"]),
        ran("m1", "build", 14, 15, ["a"], ["m"]),
        ran("r2", "load", 20, 21, [], ["a"]),
        ran("m2", "build", 22, 23, ["a"], [did("m", "OVERWRITE")]),
        ran("m3", "build", 24, 25, ["copy"], [did("m", "OVERWRITE")]),
    )
    declare(store, tmp_path)

    first, second = affected(store, "a", "bad")["m"].spells

    assert (first.since, first.until) == (minute(15), minute(23))
    assert (second.since, second.until) == (minute(25), None)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(ran("r2", "append", 20, 21, [], ["a"]), id="a plain write of another job"),
        pytest.param(ran("r2", "load", 20, 21, ["a"], ["a"]), id="a run that reads what it writes"),
        pytest.param(ran("r2", "flow", 20, 21, [], ["a"], facets=STREAM), id="a stream"),
        pytest.param(ran("r2", "load", 20, 21, [], [did("a", "ALTER")]), id="other columns"),
        pytest.param(ran("r2", "load", 20, 21, [], ["a"], state="FAIL"), id="a run that failed"),
    ],
)
def test_what_may_keep_the_bad_data_cures_nothing(
    store: Engine, tmp_path: Path, after: list[Event]
) -> None:
    fill(store, *USUAL, edit("bad", 10, ["a"]), after)
    declare(store, tmp_path)

    assert spell(store, "a", "bad").until is None
    assert key("a") in descends_from_edit(at_noon(store))


def test_what_only_may_keep_it_leaves_a_doubt(store: Engine, tmp_path: Path) -> None:
    fill(store, *USUAL, edit("bad", 10, ["a"]), ran("r2", "append", 20, 21, [], ["a"]))
    declare(store, tmp_path)

    assert not descends_from_edit(at_noon(store))[key("a")].is_certain


def test_a_stranger_ends_it_and_cures_nothing(store: Engine, tmp_path: Path) -> None:
    fill(store, *USUAL, edit("bad", 10, ["a"]), edit("worse", 20, [did("a", "OVERWRITE")]))
    declare(store, tmp_path)

    found = spell(store, "a", "bad")

    assert (found.until, found.is_cured) == (minute(21), False)
    (descent,) = descends_from_edit(at_noon(store)).values()
    assert [one.version.id for one in descent.edits] == ["worse"]


def test_a_drop_ends_it(store: Engine, tmp_path: Path) -> None:
    gone = ran("gone", "clean", 20, 21, [], [did("a", "DROP")])
    fill(store, *USUAL, edit("bad", 10, ["a"]), gone)
    declare(store, tmp_path)

    found = spell(store, "a", "bad")

    assert (found.until, found.ended_how) == (minute(21), "DROP")
    assert not descends_from_edit(at_noon(store))


def test_an_edit_does_not_make_others_of_the_jobs_that_usually_write(
    store: Engine, tmp_path: Path
) -> None:
    fill(store, *USUAL, edit("bad", 10, ["a"]), ran("r2", "load", 20, 21, [], ["a"]))
    declare(store, tmp_path)

    assert spell(store, "a", "bad").is_cured
    assert not descends_from_edit(at_noon(store))


def test_it_is_told_line_by_line(store: Engine, tmp_path: Path) -> None:
    fill(
        store,
        *USUAL,
        edit("bad", 10, ["a"]),
        ran("m1", "build", 12, 13, ["a"], ["m"]),
        ran("r2", "load", 20, 21, [], ["a"]),
    )
    declare(store, tmp_path)

    found = told_on(aftermath(store, "a", "bad"), lambda asset: asset.name)

    assert found.splitlines() == [
        "On a, version of 2026-11-20 00:11 UTC, 1 dataset was built.",
        "  a: since 2026-11-20 00:11 UTC, until 2026-11-20 00:21 UTC, when load rebuilt it.",
        "  m: since 2026-11-20 00:13 UTC, to this day.",
    ]


# What stands on edits now -----------------------------------------------------------------------


def test_what_descends_from_an_edit_names_who_made_it_and_why_it_is_one(
    store: Engine, tmp_path: Path
) -> None:
    fill(
        store,
        *USUAL,
        edit("bad", 10, ["a"]),
        ran("m1", "build", 12, 13, ["a"], ["m"]),
        ran("n1", "build n", 12, 13, ["b"], ["n"]),
    )
    declare(store, tmp_path)

    found = descends_from_edit(at_noon(store))

    assert {one.name for one in found} == {"a", "m"}
    descent = found[key("m")]
    assert (descent.more, descent.is_certain, descent.since) == (0, True, minute(13))
    assert descent.newest.principal == "person:mira"
    assert descent.newest.version.dataset == key("a")
    assert "no pipeline declared for prod" in descent.newest.why


def test_a_pipelines_job_in_the_wrong_hands_makes_an_edit(store: Engine, tmp_path: Path) -> None:
    by_hand = ran("bad", "load", 10, 11, [], ["a"], principal="person:jonas")
    fill(store, *USUAL, by_hand)
    declare(store, tmp_path)

    (descent,) = descends_from_edit(at_noon(store)).values()

    assert descent.newest.principal == "person:jonas"


@pytest.mark.parametrize(
    "writes",
    [
        pytest.param([did("x", datasetType={"datasetType": "TABLE", "subType": "TEMPORARY"})],
                     id="temporary data"),
        pytest.param([{"namespace": "postgres://dev:5432", "name": "x"}], id="another environment"),
        pytest.param([did("x", "DROP")], id="a drop"),
    ],
)  # fmt: skip
def test_what_nobody_minds_is_no_edit(store: Engine, tmp_path: Path, writes: list[Part]) -> None:
    fill(store, *USUAL, edit("r5", 10, writes))
    declare(store, tmp_path)

    assert not descends_from_edit(at_noon(store))


def test_where_nobody_says_who_may_write_nothing_is_an_edit(store: Engine) -> None:
    fill(store, *USUAL, edit("bad", 10, ["a"]))

    assert not descends_from_edit(at_noon(store))


def test_a_declared_use_of_data_stands_on_what_its_sources_hold(
    store: Engine, tmp_path: Path
) -> None:
    flow: dict[str, Any] = {"lineage": {"inputs": [{**did("a"), "type": "DATASET"}]}}
    use = {
        "eventTime": minute(30).isoformat(), "producer": "p", "schemaURL": "s",
        "dataset": did("dashboard", **flow),
    }  # fmt: skip
    fill(store, *USUAL, edit("bad", 10, ["a"]), [use])
    declare(store, tmp_path)

    assert key("dashboard") in descends_from_edit(at_noon(store))
