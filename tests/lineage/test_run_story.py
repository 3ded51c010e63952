"""A run is told with all that its events say, and a job's runs by the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from catalog.model import AssetKey, Kind, Trust
from catalog.moments import microseconds
from lineage.assets import ASSET, JOB
from lineage.estate import DataTestStatus, RunState
from lineage.ingest import Arrival, Ingestor
from lineage.job_runs import RunLine, job_runs, touched, usual_pause_s, who_ran
from lineage.key_uses import KeyUse, key_uses
from lineage.keyring import Keyring
from lineage.run_story import (
    EVENTS_MOST,
    jobs_of_run,
    kept_id,
    run_events,
    run_story,
    schedule,
)
from tests.lineage.conftest import MakeEvent
from tests.lineage.test_log import encode

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)
NAME = AssetKey(Kind.JOB, "jobs", "load")
RUN = "019c0000-0000-7000-8000-000000000001"
SENT_BY = {"_producer": "https://example.com", "_schemaURL": "https://example.com/s"}


def take(store: Engine, *events: dict[str, Any]) -> None:
    Ingestor(store).ingest([Arrival(encode(event), "t") for event in events])


def ids(store: Engine) -> list[int]:
    with store.connect() as connection:
        return list(connection.execute(select(ASSET.c.id).where(ASSET.c.kind == JOB)).scalars())


def run_number(n: int) -> str:
    return f"019c0000-0000-7000-8000-{n:012}"


def test_a_run_that_ended_twice_tells_both_ends_with_their_events(
    store: Engine, make_event: MakeEvent
) -> None:
    take(
        store,
        make_event(eventType="START", eventTime="2026-11-20T05:59:00Z"),
        make_event(eventType="FAIL", eventTime="2026-11-20T06:00:00Z"),
        make_event(eventType="COMPLETE", eventTime="2026-11-20T06:01:00Z"),
    )

    story = run_story(store, NAME, RUN)

    assert story is not None
    assert story.line.state is RunState.COMPLETE
    assert [e.state for e in story.endings] == [RunState.COMPLETE, RunState.FAIL]
    assert len({e.event_id for e in story.endings}) == 2
    assert story.line.duration_s == 120
    assert story.events == 3
    assert [e.type for e in run_events(store, story.pk)] == ["COMPLETE", "FAIL", "START"]


def test_a_run_tells_what_it_touched_tested_and_said(store: Engine, make_event: MakeEvent) -> None:
    checks = [{"assertion": "not_null", "column": "id", "success": False}]
    airflow = {"dag": {"schedule_interval": "@daily"}}
    take(
        store,
        make_event(
            run={
                "runId": RUN,
                "facets": {
                    "errorMessage": {**SENT_BY, "message": "no", "stackTrace": "at x"},
                    "airflow": {**SENT_BY, **airflow},
                },
            },
            inputs=[
                {"namespace": "n", "name": "a",
                 "inputFacets": {"dataQualityAssertions": {**SENT_BY, "assertions": checks}}}
            ],
            outputs=[
                {"namespace": "n", "name": "b",
                 "outputFacets": {"outputStatistics": {**SENT_BY, "rowCount": 7, "size": 9}}}
            ],
        ),
    )  # fmt: skip

    story = run_story(store, NAME, RUN)

    assert story is not None
    (out,) = story.outputs
    assert (out.key.name, out.operation, out.rows, out.size_bytes) == ("b", "WRITE", 7, 9)
    (tested,) = story.tests
    assert tested.dataset is not None
    assert (tested.dataset.name, tested.status) == ("a", DataTestStatus.FAIL)
    assert story.error == "no\n\nat x"
    assert schedule(story) == "@daily"
    assert "outputs n b outputFacets.outputStatistics" in {f.path for f in story.facets}


def test_parents_and_children_find_each_other(store: Engine, make_event: MakeEvent) -> None:
    parent = {**SENT_BY, "run": {"runId": RUN}, "job": {"namespace": "jobs", "name": "load"}}
    child = {"runId": run_number(2), "facets": {"parent": parent}}
    orphan = {
        "runId": run_number(3),
        "facets": {"parent": {**parent, "run": {"runId": run_number(9)}}},
    }
    take(
        store,
        make_event(),
        make_event(run=child, job={"namespace": "jobs", "name": "task"}),
        make_event(run=orphan, job={"namespace": "jobs", "name": "lonely"}),
    )

    above = run_story(store, NAME, RUN)
    below = run_story(store, AssetKey(Kind.JOB, "jobs", "task"), run_number(2))
    lonely = run_story(store, AssetKey(Kind.JOB, "jobs", "lonely"), run_number(3))

    assert above is not None
    assert [c.job.name for c in above.children if c.job] == ["task"]
    assert below is not None
    assert below.parent is not None
    assert below.parent.line is not None
    assert lonely is not None
    assert lonely.parent is not None
    assert lonely.parent.line is None


def test_a_run_that_never_arrived_is_none(store: Engine) -> None:
    assert run_story(store, NAME, "x") is None
    assert jobs_of_run(store, RUN) == ()


def test_runs_of_several_jobs_may_share_an_id(store: Engine, make_event: MakeEvent) -> None:
    take(store, make_event(), make_event(job={"namespace": "jobs", "name": "other"}))

    assert [job.name for job in jobs_of_run(store, RUN)] == ["load", "other"]


@given(st.text(max_size=40))
def test_a_kept_id_is_kept_again_as_it_is(sent: str) -> None:
    assert kept_id(kept_id(sent)) == kept_id(sent)


def test_pages_of_runs_hold_every_run_once(store: Engine, make_event: MakeEvent) -> None:
    times = [(AT + timedelta(minutes=n // 2)).isoformat() for n in range(7)]
    take(
        store,
        *(make_event(run={"runId": run_number(n)}, eventTime=t) for n, t in enumerate(times)),
    )

    seen, before = [], ""
    while True:
        page = job_runs(store, ids(store), AT, before, limit=3)
        seen += [run.run_id for run in page.runs]
        if page.older is None:
            break
        before = page.older

    assert sorted(seen) == [run_number(n) for n in range(7)]
    assert len(seen) == 7


@pytest.mark.parametrize("before", ["", "x", "1", "9.9.9", "99999999999999999999.1"])
def test_an_address_that_names_no_page_shows_the_newest(
    store: Engine, make_event: MakeEvent, before: str
) -> None:
    take(store, make_event())

    assert len(job_runs(store, ids(store), AT, before).runs) == 1


def test_a_run_that_fell_silent_is_lost_unless_its_job_never_ends(
    store: Engine, make_event: MakeEvent
) -> None:
    take(store, make_event(eventType="START"))
    later = AT + timedelta(days=3)

    page = job_runs(store, ids(store), later)
    (run,) = page.runs

    assert page.state(run, AT, is_endless=False) is RunState.RUNNING
    assert page.state(run, later, is_endless=False) is RunState.LOST
    assert page.state(run, later, is_endless=True) is RunState.RUNNING


def test_what_a_job_once_touched_stays_with_its_time(store: Engine, make_event: MakeEvent) -> None:
    def out(name: str) -> list[dict[str, str]]:
        return [{"namespace": "n", "name": name}]

    take(
        store,
        make_event(outputs=out("old")),
        make_event(
            outputs=out("new"), run={"runId": run_number(2)}, eventTime="2026-11-20T07:00:00Z"
        ),
    )

    found = {t.key.name: t.last_at for t in touched(store, ids(store)) if t.is_output}

    assert found == {"old": AT, "new": AT + timedelta(hours=1)}


def test_who_ran_a_job_is_told_also_where_it_was_nobody(
    store: Engine, make_event: MakeEvent
) -> None:
    key, _ = Keyring(store).create(
        "dbt", ["*"], environment=None, principal="service:dbt", expires_at=None, by="t",
        at=microseconds(AT),
    )  # fmt: skip
    take(store, make_event())
    keyed = make_event(run={"runId": run_number(2)}, eventTime="2026-11-20T07:00:00Z")
    Ingestor(store).ingest([Arrival(encode(keyed), "t", key), Arrival(b"{}", "t", key)])

    assert [(r.principal, r.runs) for r in who_ran(store, ids(store))] == [
        ("service:dbt", 1),
        (None, 1),
    ]
    story = run_story(store, NAME, run_number(2))
    assert story is not None
    assert story.line.trust is Trust.E2
    (event,) = run_events(store, story.pk)
    assert event.key_id == key.id
    use = key_uses(store)[key.id]
    assert (use.events, use.out_of_scope, use.refused) == (1, 0, 1)
    assert key_uses(store).get(99, KeyUse()) == KeyUse()


def test_events_of_a_long_run_come_by_the_page(store: Engine, make_event: MakeEvent) -> None:
    times = [(AT + timedelta(seconds=n)).isoformat() for n in range(EVENTS_MOST + 5)]
    take(store, *(make_event(eventType="RUNNING", eventTime=t) for t in times))
    story = run_story(store, NAME, RUN)
    assert story is not None

    newest = run_events(store, story.pk)
    older = run_events(store, story.pk, newest[-1].seq)

    assert (len(newest), len(older)) == (EVENTS_MOST, 5)
    assert story.events == EVENTS_MOST + 5


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=9))
def test_the_usual_pause_is_no_longer_than_the_longest(starts: list[int]) -> None:
    moments = [AT + timedelta(seconds=s) for s in starts]

    pause = usual_pause_s(moments)

    assert pause is not None
    assert 0 <= pause <= max(starts) - min(starts)
    assert usual_pause_s(moments[:3]) is None


def test_a_duration_needs_a_start_and_an_end() -> None:
    def line(*, has_start: bool, ended: bool) -> RunLine:
        ends = (RunState.COMPLETE,) if ended else ()
        state = RunState.COMPLETE if ended else RunState.RUNNING
        return RunLine(RUN, NAME, state, ends, AT, has_start, AT, None, None, None)

    assert line(has_start=True, ended=True).duration_s == 0
    assert line(has_start=False, ended=True).duration_s is None
    assert line(has_start=True, ended=False).duration_s is None
