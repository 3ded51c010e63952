"""Which version a run read, what a write left of older ones: rule by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from lineage.history import stand
from lineage.provenance.backwards import backwards
from lineage.provenance.model import Built, Keeping, Read, ReadBasis
from lineage.retention import Limit
from lineage.summing import sum_up
from tests.lineage.provenance.happenings import STREAM, Event, at_noon, did, fill, key, minute, ran


def built(store: Engine, name: str, version: str | None = None) -> Built:
    story = backwards(at_noon(store), key(name), version)
    assert story is not None
    return story.built[0]


def read(store: Engine, name: str, version: str | None = None) -> Read:
    (found,) = built(store, name, version).inputs
    return found


def runs(found: Read) -> list[str]:
    return [version.run.run_id for version in found.versions if version.run]


# Reads ------------------------------------------------------------------------------------------


def test_a_run_reads_the_newest_version_that_was_there_when_it_began(store: Engine) -> None:
    fill(
        store,
        ran("old", "load", 0, 5, [], ["a"]),
        ran("new", "load", 10, 15, [], ["a"]),
        ran("later", "load", 40, 45, [], ["a"]),
        ran("mart", "build", 15, 30, ["a"], ["m"]),
    )

    found = read(store, "m")

    assert (found.basis, runs(found), found.feeds) == (ReadBasis.BY_TIME, ["new"], True)
    assert found.versions[0].at == minute(15)


def test_a_version_that_comes_while_a_run_reads_makes_its_read_ambiguous(store: Engine) -> None:
    fill(
        store,
        ran("old", "load", 0, 5, [], ["a"]),
        ran("new", "load", 10, 20, [], ["a"]),
        ran("mart", "build", 15, 30, ["a"], ["m"]),
    )

    found = read(store, "m")

    assert (found.basis, runs(found)) == (ReadBasis.AMBIGUOUS, ["new", "old"])


def test_one_that_was_still_written_when_the_reader_ended_was_not_there(store: Engine) -> None:
    fill(
        store,
        ran("old", "load", 0, 5, [], ["a"]),
        ran("slow", "load", 10, 40, [], ["a"]),
        ran("mart", "build", 15, 30, ["a"], ["m"]),
    )

    found = read(store, "m")

    assert (found.basis, runs(found)) == (ReadBasis.BY_TIME, ["old"])


def test_what_the_producer_calls_the_version_counts_before_all_else(store: Engine) -> None:
    fill(
        store,
        ran("old", "load", 0, 5, [], [did("a", version="v1")]),
        ran("new", "load", 10, 15, [], [did("a", version="v2")]),
        ran("mart", "build", 20, 30, [did("a", version="v1")], ["m"]),
    )

    found = read(store, "m")

    assert (found.basis, runs(found)) == (ReadBasis.SAID, ["old"])
    assert found.versions[0].id == "v1"


def test_a_version_that_nobody_is_seen_writing_is_told_by_its_name(store: Engine) -> None:
    fill(
        store,
        ran("new", "load", 10, 15, [], ["a"]),
        ran("mart", "build", 20, 30, [did("a", version="v7")], ["m"]),
    )

    found = read(store, "m")

    assert (found.basis, runs(found)) == (ReadBasis.SAID, [])
    assert [version.id for version in found.versions] == ["v7"]


def test_a_version_may_be_asked_for_by_either_name(store: Engine) -> None:
    fill(
        store,
        ran("old", "load", 0, 5, [], [did("a", version="v1")]),
        ran("new", "load", 10, 15, [], [did("a", version="v2")]),
    )

    assert built(store, "a", "v1").run.run_id == "old"
    assert built(store, "a", "old").run.run_id == "old"
    assert built(store, "a").version.id == "v2"
    assert backwards(at_noon(store), key("a"), "v3") is None


def test_a_source_that_nobody_writes_is_read_in_no_known_version(store: Engine) -> None:
    fill(store, ran("mart", "build", 20, 30, ["a"], ["m"]))

    found = read(store, "m")

    assert (found.basis, found.versions) == (ReadBasis.UNKNOWN, ())


def test_a_failed_run_leaves_no_version(store: Engine) -> None:
    fill(
        store,
        ran("good", "load", 0, 5, [], ["a"]),
        ran("bad", "load", 10, 15, [], ["a"], state="FAIL"),
        ran("mart", "build", 20, 30, ["a"], ["m"]),
    )

    assert runs(read(store, "m")) == ["good"]


def test_a_drop_is_no_version_and_leaves_nothing_to_read(store: Engine) -> None:
    fill(
        store,
        ran("old", "load", 0, 5, [], ["a"]),
        ran("gone", "clean", 10, 15, [], [did("a", "DROP")]),
        ran("mart", "build", 20, 30, ["a"], ["m"]),
    )

    found = read(store, "m")

    assert (found.basis, found.versions) == (ReadBasis.UNKNOWN, ())
    assert found.note is not None
    assert "dropped" in found.note
    assert backwards(at_noon(store), key("a")) is None
    assert built(store, "a", "old").gone_how == "DROP"


def test_a_stream_is_there_from_its_start_and_said_to_go_on(store: Engine) -> None:
    fill(
        store,
        ran("stream", "flow", 0, None, [], ["a"], facets=STREAM),
        ran("mart", "build", 20, 30, ["a"], ["m"]),
        ran("stream", "flow", 0, 40, [], ["a"], facets=STREAM),
    )

    found = read(store, "m")

    assert (found.basis, runs(found)) == (ReadBasis.BY_TIME, ["stream"])
    assert found.note is not None
    assert "written all the while" in found.note


def test_a_stream_reads_every_version_that_comes(store: Engine) -> None:
    fill(
        store,
        ran("old", "load", 0, 5, [], ["a"]),
        ran("new", "load", 10, 20, [], ["a"]),
        ran("stream", "flow", 8, 40, ["a"], ["m"], facets=STREAM),
    )

    found = read(store, "m")

    assert (found.basis, runs(found)) == (ReadBasis.BY_TIME, ["new", "old"])


def test_of_runs_that_were_summed_up_nobody_can_tell_which_was_read(store: Engine) -> None:
    day = 24 * 60
    fill(
        store,
        *(ran(f"r{n}", "load", n * day, n * day + 5, [], ["a"]) for n in range(90)),
        ran("mart", "build", 15.5 * day, 15.5 * day + 5, ["a"], ["m"]),
        ran("late", "build late", 88.5 * day, 88.5 * day + 5, ["a"], ["n"]),
    )
    seen = stand(store, minute(100 * day))
    before = backwards(seen, key("m"))
    assert before is not None
    assert runs(before.built[0].inputs[0]) == ["r15"]

    limit = Limit(40, "person:ana")
    done = list(sum_up(store, limit, datetime.now(UTC) + timedelta(days=500), pause=False))

    assert sum(len(planned.summed) for planned in done) > 10
    seen = stand(store, minute(100 * day))
    story, late = backwards(seen, key("m")), backwards(seen, key("n"))
    assert story is not None
    (found,) = story.built[0].inputs
    assert (found.basis, found.versions) == (ReadBasis.UNKNOWN, ())
    assert found.note == "runs that may have written it were summed up by day"
    assert late is not None
    assert runs(late.built[0].inputs[0]) == ["r88"]


def test_what_a_run_read_for_something_else_does_not_feed_the_version(store: Engine) -> None:
    columns = {"fields": {"x": {"inputFields": [{**did("a"), "field": "x"}]}}}
    fill(
        store,
        ran("a", "load", 0, 5, [], ["a"]),
        ran("b", "load b", 0, 5, [], ["b"]),
        ran("mart", "build", 20, 30, ["b", "a"], [did("m", columnLineage=columns)]),
    )

    found = built(store, "m").inputs

    assert [(r.dataset.name, r.feeds) for r in found] == [("a", True), ("b", False)]
    assert {b.version.dataset.name for b in _story(store)} == {"m", "a"}


def _story(store: Engine) -> tuple[Built, ...]:
    story = backwards(at_noon(store), key("m"))
    assert story is not None
    return story.built


# What a write leaves of older versions ----------------------------------------------------------


def keeping(store: Engine, *happened: list[Event]) -> Keeping:
    """What the newest write did to what was there."""
    fill(store, *happened)
    return built(store, "a").keeping


@pytest.mark.parametrize("operation", ["OVERWRITE", "TRUNCATE", "CREATE"])
def test_what_says_that_it_replaces_leaves_nothing(store: Engine, operation: str) -> None:
    new = ran("new", "other", 10, 15, [], [did("a", operation)])

    assert keeping(store, ran("old", "load", 0, 5, [], ["a"]), new) is Keeping.REPLACED
    assert built(store, "a").older is None


@pytest.mark.parametrize("operation", ["ALTER", "RENAME"])
def test_what_changes_only_the_name_or_the_columns_keeps_all(store: Engine, operation: str) -> None:
    new = ran("new", "load", 10, 15, [], [did("a", operation)])

    assert keeping(store, ran("old", "load", 0, 5, [], ["a"]), new) is Keeping.KEPT
    older = built(store, "a").older
    assert older is not None
    assert older.id == "old"


def test_a_plain_write_of_the_usual_writer_rebuilds(store: Engine) -> None:
    old, new = ran("old", "load", 0, 5, [], ["a"]), ran("new", "load", 10, 15, [], ["a"])

    assert keeping(store, old, new) is Keeping.REBUILT


def test_a_plain_write_of_anybody_else_may_have_added(store: Engine) -> None:
    old, new = ran("old", "load", 0, 5, [], ["a"]), ran("new", "fix", 10, 15, [], ["a"])

    assert keeping(store, old, new) is Keeping.MAY_KEEP
    assert built(store, "a").older is not None


def test_where_two_write_in_turn_neither_rebuilds(store: Engine) -> None:
    found = keeping(
        store,
        ran("1", "load", 0, 1, [], ["a"]),
        ran("2", "append", 2, 3, [], ["a"]),
        ran("3", "load", 4, 5, [], ["a"]),
    )

    assert found is Keeping.MAY_KEEP


def test_jobs_of_which_one_runs_within_the_other_count_as_one(store: Engine) -> None:
    def within(run_id: str) -> dict[str, object]:
        job = {"namespace": "jobs-prod", "name": "app"}
        return {"parent": {"run": {"runId": run_id}, "job": job}}

    found = keeping(
        store,
        ran("app 1", "app", 0, 5, [], ["a"]),
        ran("action 1", "action", 1, 4, [], ["a"], run=within("app 1")),
        ran("action 2", "action", 11, 14, [], ["a"], run=within("app 2")),
        ran("app 2", "app", 10, 15, [], ["a"]),
    )

    assert found is Keeping.REBUILT


def test_a_run_that_reads_what_it_writes_may_keep_it(store: Engine) -> None:
    old, new = ran("old", "load", 0, 5, [], ["a"]), ran("new", "load", 10, 15, ["a"], ["a"])

    assert keeping(store, old, new) is Keeping.MAY_KEEP


@pytest.mark.parametrize(
    ("materialized", "expected"),
    [
        ("table", Keeping.REBUILT),
        ("incremental", Keeping.MAY_KEEP),
        ("snapshot", Keeping.MAY_KEEP),
        ({}, Keeping.REBUILT),
    ],
)
def test_a_model_that_dbt_builds_by_adding_may_keep(
    store: Engine, materialized: object, expected: Keeping
) -> None:
    model = did("a", dbt_model={"config": {"materialized": materialized}})
    old, new = ran("old", "load", 0, 5, [], [model]), ran("new", "load", 10, 15, [], [model])

    assert keeping(store, old, new) is expected


def test_a_stream_adds(store: Engine) -> None:
    old = ran("old", "flow", 0, 5, [], ["a"], facets=STREAM)
    new = ran("new", "flow", 10, 15, [], ["a"], facets=STREAM)

    assert keeping(store, old, new) is Keeping.MAY_KEEP


def test_nothing_older_is_left_of_what_had_been_dropped(store: Engine) -> None:
    fill(
        store,
        ran("old", "load", 0, 5, [], ["a"]),
        ran("gone", "clean", 6, 7, [], [did("a", "DROP")]),
        ran("new", "other", 10, 15, [], ["a"]),
    )

    assert built(store, "a").older is None
