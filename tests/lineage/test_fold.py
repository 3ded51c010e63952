"""What is known after the events of runs: states, inputs, outputs, facets and data tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Engine, select

from catalog.database import writing
from catalog.model import AssetKey, Kind
from lineage.assets import DATASET
from lineage.derivation import named_sources
from lineage.estate import DataTestStatus, Estate, RunState
from lineage.events import parse_event
from lineage.fold import Numbered, fold_run, matter
from lineage.ingest import Arrival, Ingestor, Status
from lineage.reading import load_estate
from lineage.runs import RUN
from lineage.shapes import shape_of
from tests.lineage.worlds import DAY, NOW, at, take

CleanStore = Callable[[], Engine]
MakeEvent = Callable[..., dict[str, Any]]

ORDERS = AssetKey(Kind.DATASET, "duckdb://wh", "wh.main.orders")


# Runs


def run_event(make_event: MakeEvent, event_type: str | None, minute: int, **parts: Any) -> bytes:
    return json.dumps(make_event(eventType=event_type, eventTime=at(minute), **parts)).encode()


def job_of(engine: Engine) -> Any:
    (job,) = load_estate(engine, NOW).jobs.values()
    return job


@pytest.mark.parametrize("late", ["START", "RUNNING", "OTHER", None])
def test_a_late_event_never_reopens_a_finished_run(
    store: Engine, make_event: MakeEvent, late: str | None
) -> None:
    take(store, [[run_event(make_event, "COMPLETE", 5)], [run_event(make_event, late, 9)]])

    job = job_of(store)

    assert job.last_state is RunState.COMPLETE
    assert job.last_run_at == DAY + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([("COMPLETE", 1), ("FAIL", 2)], RunState.FAIL),
        ([("FAIL", 1), ("COMPLETE", 2)], RunState.COMPLETE),
        ([("FAIL", 1), ("COMPLETE", 1)], RunState.FAIL),
        ([("ABORT", 1), ("COMPLETE", 1)], RunState.ABORT),
        ([("ABORT", 1), ("FAIL", 1)], RunState.FAIL),
        ([("START", 1)], RunState.RUNNING),
        ([("OTHER", 1), ("RUNNING", 0)], RunState.RUNNING),
        ([("OTHER", 1)], RunState.UNKNOWN),
        ([(None, 1)], RunState.UNKNOWN),
    ],
)
def test_the_latest_terminal_state_wins_and_failure_at_one_instant(
    clean_store: CleanStore,
    make_event: MakeEvent,
    told: list[tuple[str | None, int]],
    state: RunState,
) -> None:
    events = [run_event(make_event, event_type, minute) for event_type, minute in told]

    for order in permutations(events):
        engine = clean_store()
        take(engine, [[event] for event in order])

        assert job_of(engine).last_state is state


def test_a_run_starts_at_its_first_start_and_ends_at_its_last_end(
    store: Engine, make_event: MakeEvent
) -> None:
    told = [("COMPLETE", 5), ("START", 2), ("OTHER", 1), ("START", 3), ("FAIL", 7), ("RUNNING", 9)]

    for event_type, minute in told:
        take(store, [[run_event(make_event, event_type, minute)]])

    with store.connect() as connection:
        run = connection.execute(select(RUN)).one()
    start = int(DAY.timestamp()) * 1_000_000
    assert run.started_at == start + 2 * 60_000_000
    assert run.at == start + 7 * 60_000_000
    assert run.terminals == 1 << 2 | 1 << 4  # complete and fail: a conflict


def numbered(*bodies: bytes) -> list[Numbered]:
    return [Numbered(seq, parse_event(body)) for seq, body in enumerate(bodies)]


def test_a_flood_of_events_that_say_the_same_leaves_the_newest(make_event: MakeEvent) -> None:
    flood = numbered(*(run_event(make_event, "RUNNING", minute) for minute in range(50)))

    (left,) = matter(flood)

    assert left.event.time == max(item.event.time for item in flood)


def test_what_lineage_facets_describe_adds_up(make_event: MakeEvent) -> None:
    def describing(minute: int, target: str) -> bytes:
        entry = {"type": "DATASET", "namespace": "duckdb://wh", "name": target, "inputs": [
            {"type": "DATASET", "namespace": "duckdb://wh", "name": "wh.main.raw"}]}  # fmt: skip
        job = {"namespace": "jobs", "name": "load", "facets": {"lineage": {"entries": [entry]}}}
        return run_event(make_event, "RUNNING", minute, job=job)

    events = numbered(describing(1, "wh.main.a"), describing(2, "wh.main.b"))

    flows = fold_run(matter(events)).flow.explicit

    raw, a, b = (("duckdb://wh", f"wh.main.{name}") for name in ("raw", "a", "b"))
    assert set(flows or ()) == {(raw, a), (raw, b)}


def test_each_try_is_a_run_of_the_same_job(store: Engine, make_event: MakeEvent) -> None:
    first, second = ({"runId": f"019c0000-0000-7000-8000-00000000000{n}"} for n in (1, 2))

    take(store, [[
        run_event(make_event, "FAIL", 1, run=first),
        run_event(make_event, "COMPLETE", 4, run=second),
        run_event(make_event, "START", 0, run=first),
        run_event(make_event, "START", 3, run=second),
    ]])  # fmt: skip

    job = job_of(store)
    assert (job.last_state, job.last_run_id, job.runs_30d) == (
        RunState.COMPLETE, second["runId"], 2,
    )  # fmt: skip


def test_one_run_id_may_be_shared_by_jobs(store: Engine, make_event: MakeEvent) -> None:
    jobs = [{"namespace": "dagster", "name": n} for n in ("a", "b")]

    take(store, [[
        run_event(make_event, "COMPLETE", 1, job=jobs[0]),
        run_event(make_event, "FAIL", 2, job=jobs[1]),
    ]])  # fmt: skip

    states = {key.name: job.last_state for key, job in load_estate(store, NOW).jobs.items()}
    assert states == {"a": RunState.COMPLETE, "b": RunState.FAIL}


# Inputs, outputs and facets


def dataset(name: str, **facets: Any) -> dict[str, Any]:
    return {"namespace": "duckdb://wh", "name": name, "facets": facets}


def estate_of(engine: Engine, *events: bytes) -> Estate:
    take(engine, [[event] for event in events])
    return load_estate(engine, NOW)


def test_a_later_event_without_datasets_takes_none_away(
    store: Engine, make_event: MakeEvent
) -> None:
    started = run_event(
        make_event, "START", 1, inputs=[dataset("wh.main.raw")], outputs=[dataset("wh.main.orders")]
    )

    estate = estate_of(store, started, run_event(make_event, "COMPLETE", 2, inputs=[], outputs=[]))

    orders = estate.datasets[ORDERS]
    assert [k.name for k in orders.upstream] == ["wh.main.raw"]
    assert orders.last_write_at == DAY + timedelta(minutes=2)


def test_an_output_that_a_failed_run_announced_was_not_written(
    store: Engine, make_event: MakeEvent
) -> None:
    started = run_event(make_event, "START", 1, outputs=[dataset("wh.main.orders")])

    estate = estate_of(store, started, run_event(make_event, "FAIL", 2, outputs=[]))

    assert estate.datasets[ORDERS].last_write_at is None
    assert estate.writes == ()


def test_a_drop_is_no_data(store: Engine, make_event: MakeEvent) -> None:
    dropped = dataset("wh.main.orders", lifecycleStateChange={"lifecycleStateChange": "DROP"})

    estate = estate_of(store, run_event(make_event, "COMPLETE", 2, outputs=[dropped]))

    assert estate.datasets[ORDERS].last_write_at is None
    assert [w.operation for w in estate.writes] == ["DROP"]


@pytest.mark.parametrize("is_reader_later", [True, False])
def test_a_reader_never_takes_columns_from_a_writer(
    store: Engine, make_event: MakeEvent, is_reader_later: bool
) -> None:
    whole = {"fields": [{"name": "a"}, {"name": "b"}]}
    part = {"fields": [{"name": "a"}]}
    reader = {"run": {"runId": "reader"}, "job": {"namespace": "jobs", "name": "reader"}}

    estate = estate_of(
        store,
        run_event(make_event, "COMPLETE", 2, outputs=[dataset("wh.main.orders", schema=whole)]),
        run_event(
            make_event, "COMPLETE", 3 if is_reader_later else 1,
            inputs=[dataset("wh.main.orders", schema=part)], **reader,
        ),
    )  # fmt: skip

    assert [f.name for f in estate.datasets[ORDERS].fields] == ["a", "b"]


def test_an_empty_schema_clears_and_an_absent_one_does_not(
    clean_store: CleanStore, make_event: MakeEvent
) -> None:
    told = run_event(
        make_event,
        "COMPLETE",
        1,
        outputs=[dataset("wh.main.orders", schema={"fields": [{"name": "a"}]})],
    )
    silent = run_event(make_event, "OTHER", 2, outputs=[dataset("wh.main.orders")])
    empty = run_event(
        make_event, "OTHER", 2, outputs=[dataset("wh.main.orders", schema={"fields": []})]
    )

    after_silence = estate_of(clean_store(), told, silent).datasets[ORDERS].fields
    after_empty = estate_of(clean_store(), told, empty).datasets[ORDERS].fields

    assert [f.name for f in after_silence] == ["a"]
    assert after_empty == ()


@pytest.mark.parametrize(
    ("deleted", "owners"), [(True, []), (False, ["team:sales"]), (None, ["team:sales"])]
)
def test_a_deleted_facet_says_nothing_any_more(
    store: Engine, make_event: MakeEvent, deleted: bool | None, owners: list[str]
) -> None:
    own = {"owners": [{"name": "team:sales"}], "_deleted": False}
    gone = {**own, "_deleted": deleted}

    estate = estate_of(
        store,
        run_event(make_event, "COMPLETE", 1, outputs=[dataset("wh.main.orders", ownership=own)]),
        run_event(make_event, "OTHER", 2, outputs=[dataset("wh.main.orders", ownership=gone)]),
    )

    assert [c.value for c in estate.datasets[ORDERS].owners] == owners


def test_column_lineage_says_which_inputs_count(make_event: MakeEvent) -> None:
    lineage = {"fields": {"x": {"inputFields": [
        {"namespace": "duckdb://wh", "name": "wh.main.raw", "field": "x"}]}}}  # fmt: skip
    events = numbered(run_event(
        make_event, "COMPLETE", 1,
        inputs=[dataset("wh.main.raw"), dataset("wh.main.other")],
        outputs=[dataset("wh.main.orders", columnLineage=lineage), dataset("wh.main.log")],
    ))  # fmt: skip
    ids = {"wh.main.raw": 1, "wh.main.other": 2, "wh.main.orders": 3, "wh.main.log": 4}

    shape = shape_of(
        fold_run(events).flow, 9, {(DATASET, "duckdb://wh", n): i for n, i in ids.items()}
    )

    assert shape.edges == ((1, 3, "column"), (1, 4, "product"), (2, 4, "product"))


@pytest.mark.parametrize(
    "facet",
    [
        {}, {"fields": None}, {"fields": []}, {"fields": {"x": None}}, {"fields": {"x": {}}},
        {"fields": {"x": {"inputFields": [None, 1, {}, {"namespace": "n"}]}}}, {"dataset": {}},
        {"dataset": [{"namespace": "", "name": "x"}]},
    ],
)  # fmt: skip
def test_column_lineage_that_names_nothing_names_nothing(facet: dict[str, Any]) -> None:
    assert named_sources(facet) == ()


def test_a_static_declaration_is_replaced_by_a_later_one(
    clean_store: CleanStore, make_event: MakeEvent
) -> None:
    declared = [
        run_event(make_event, None, minute, run=None, outputs=[dataset(name)])
        for minute, name in ((1, "wh.main.old"), (2, "wh.main.orders"))
    ]

    for order in permutations(declared):
        estate = estate_of(clean_store(), *order)

        assert {k.name for k, d in estate.datasets.items() if d.writers} == {"wh.main.orders"}


# Data tests


def tested(
    make_event: MakeEvent, run_id: str, event_type: str, minute: int, **result: Any
) -> bytes:
    assertion = {"assertion": "not_null", "column": "id", "success": True, **result}
    facets = {"dataQualityAssertions": {"assertions": [assertion]}}
    both = {**dataset("wh.main.orders", **facets), "inputFacets": facets}
    parts = {"producer": result.pop("producer", "https://example.com/p")}
    return run_event(make_event, event_type, minute, run={"runId": run_id}, inputs=[both], **parts)


@pytest.mark.parametrize(
    ("event_type", "result", "status"),
    [
        ("COMPLETE", {"success": True}, DataTestStatus.PASS),
        ("FAIL", {"success": False, "actual": "3"}, DataTestStatus.FAIL),
        ("COMPLETE", {"success": False, "severity": "warn", "actual": "3"}, DataTestStatus.FAIL),
        ("ABORT", {"success": False, "actual": "0"}, DataTestStatus.SKIPPED),
    ],
)
def test_a_data_test_told_twice_in_one_event_counts_once(
    store: Engine,
    make_event: MakeEvent,
    event_type: str,
    result: dict[str, Any],
    status: DataTestStatus,
) -> None:
    estate = estate_of(
        store,
        tested(make_event, "r", "START", 1, **result),
        tested(make_event, "r", event_type, 2, **result),
    )

    (test,) = estate.datasets[ORDERS].tests
    assert (test.status, test.name, test.column) == (status, "not_null", "id")
    assert test.blocking == (result.get("severity") != "warn")


def test_a_dbt_test_that_never_ran_is_skipped_not_failed(
    store: Engine, make_event: MakeEvent
) -> None:
    producer = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
    sent = json.loads(tested(make_event, "r", "FAIL", 2, success=False))
    sent["producer"] = producer

    estate = estate_of(store, json.dumps(sent).encode())

    (test,) = estate.datasets[ORDERS].tests
    assert test.status is DataTestStatus.SKIPPED
    assert estate.datasets[ORDERS].tests_last_run_at is None


def test_the_newest_result_of_a_data_test_counts_and_its_habit_is_known(
    clean_store: CleanStore, make_event: MakeEvent
) -> None:
    results = [
        tested(make_event, f"r{minute}", "COMPLETE" if passed else "FAIL", minute,
               success=passed, actual="x")
        for minute, passed in ((1, True), (2, False), (3, True), (4, True))
    ]  # fmt: skip

    for order in list(permutations(results))[::5]:
        (test,) = estate_of(clean_store(), *order).datasets[ORDERS].tests

        assert (test.status, test.run_id) == (DataTestStatus.PASS, "r4")
        assert (test.results_30d, test.flips_30d) == (4, 2)


def test_runs_of_a_job_that_do_the_same_share_a_shape(store: Engine, make_event: MakeEvent) -> None:
    take(store, [[
        run_event(make_event, "COMPLETE", n, run={"runId": f"r{n}"}, outputs=[dataset("a.b")])
        for n in range(5)
    ]])  # fmt: skip

    with store.connect() as connection:
        shapes = set(connection.execute(select(RUN.c.shape_id)).scalars())
    assert len(shapes) == 1


def test_a_failed_batch_leaves_nothing_behind(store: Engine, make_event: MakeEvent) -> None:
    ingestor = Ingestor(store)
    good = [run_event(make_event, "COMPLETE", 1, outputs=[dataset("wh.main.orders")])]
    with writing(store) as connection:
        connection.exec_driver_sql("ALTER TABLE lineage_run RENAME TO hidden")
    with pytest.raises(Exception, match="lineage_run"):
        ingestor.ingest([Arrival(body, "t") for body in good])
    with writing(store) as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO lineage_run")

    (receipt,) = ingestor.ingest([Arrival(body, "t") for body in good])

    assert receipt.status is Status.STORED
    assert load_estate(store, NOW).datasets[ORDERS].writers
