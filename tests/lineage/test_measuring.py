"""What was measured: columns as they were last told, rows as they went, and empty facets never."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from catalog.database import writing
from lineage.importing import Summary, ingest_files
from lineage.ingest import Arrival, Ingestor
from lineage.log import PAYLOAD
from lineage.measuring import Measurements, measurements
from lineage.profiles import Extent
from lineage.reading import load_estate
from lineage.rebuild import rebuild
from tests.lineage.worlds import NOW, WH, CleanStore, at, dataset, encode, take

MakeEvent = Callable[..., dict[str, Any]]
RECORDED = Path(__file__).parents[1] / "data" / "recorded"


def of(engine: Engine, name: str = "shop.orders", namespace: str = WH) -> Measurements:
    found = load_estate(engine, NOW).find(namespace, name)
    assert found is not None
    return measurements(engine, found.ids or (found.id,), NOW)


def profile(rows: int | None = None, **columns: dict[str, Any]) -> dict[str, Any]:
    told = {} if rows is None else {"rowCount": rows}
    return {"dataQualityMetrics": {**told, "columnMetrics": columns}}


def run(
    number: int, kind: str, minute: int, sides: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    return {
        "eventType": kind,
        "eventTime": at(minute),
        "producer": "https://example.com/p",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": f"019c0000-0000-7000-8000-{number:012}"},
        "job": {"namespace": "jobs", "name": "load"},
        **sides,
    }


def wrote(number: int, minute: int, kind: str = "COMPLETE", **facets: Any) -> dict[str, Any]:
    counted = {"outputFacets": facets.pop("counted")} if "counted" in facets else {}
    return run(number, kind, minute, {"outputs": [dataset("shop.orders", **facets) | counted]})


def ingest(engine: Engine, *events: dict[str, Any]) -> None:
    Ingestor(engine).ingest([Arrival(encode(event), "t") for event in events])


# Laws

PROFILES = [
    profile(),
    profile(1),
    profile(2, x={"nullCount": 0}),
    profile(x={"nullCount": 1}, y={"max": 2.5}),
    profile(y={}),
    {},
]
some_events = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(1, 4),
        st.sampled_from(["START", "RUNNING", "COMPLETE"]),
        st.sampled_from(PROFILES),
    ).map(lambda told: encode(wrote(*told[:3], **told[3]))),
    min_size=1,
    max_size=6,
    unique=True,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_events, st.data())
def test_neither_order_nor_repetition_nor_a_rebuild_changes_what_was_measured(
    clean_store: CleanStore, events: list[bytes], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*events, *events]))
    engine = clean_store()
    take(engine, [events])
    first = of(engine)
    for _ in rebuild(engine):
        pass
    again = of(engine)
    engine = clean_store()
    take(engine, [[body] for body in shuffled])

    assert again == first
    assert of(engine) == first


@given(some_events)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_column_is_told_once_by_the_newest_that_has_it(
    clean_store: CleanStore, events: list[bytes]
) -> None:
    engine = clean_store()
    take(engine, [events])

    found = of(engine)

    columns = [column.name for one in found.columns for column in one.profile.columns]
    assert sorted(columns) == sorted(set(columns))
    assert [m.at for m in found.columns] == sorted((m.at for m in found.columns), reverse=True)
    assert all(column.is_told for one in found.columns for column in one.profile.columns)
    assert [row.at for row in found.rows] == sorted(row.at for row in found.rows)


# Golden


def test_what_great_expectations_measured_of_columns_is_kept(store: Engine) -> None:
    path = RECORDED / "great-expectations-1.24-checkpoint.ndjson"
    sent = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    told: dict[tuple[str, str], set[str]] = {}
    for event in sent:
        for entry in event["inputs"]:
            facets = {**entry.get("facets", {}), **entry.get("inputFacets", {})}
            columns = facets.get("dataQualityMetrics", {}).get("columnMetrics", {})
            told[entry["namespace"], entry["name"]] = {
                k for k, v in columns.items() if any(x not in (None, {}) for x in v.values())
            }
    ingest_files(Ingestor(store), [path], Summary())

    assert any(told.values())
    assert "no_such_column" not in set().union(*told.values())
    for (namespace, name), columns in told.items():
        dataset_ = load_estate(store, NOW + timedelta(days=30)).find(namespace, name)
        assert dataset_ is not None
        found = measurements(store, dataset_.ids or (dataset_.id,), NOW + timedelta(days=30))
        assert {c.name for m in found.columns for c in m.profile.columns} == columns
        assert {m.run.job.name for m in found.columns if m.run} == {"validate_rentals"}


# Examples


def test_the_newest_run_that_measured_a_column_tells_it(store: Engine) -> None:
    ingest(
        store,
        wrote(1, 1, **profile(10, x={"nullCount": 3}, y={"distinctCount": 4})),
        wrote(2, 2, **profile(12, x={"nullCount": 0})),
        wrote(3, 3),
    )

    newer, older = of(store).columns

    assert [(c.name, c.nulls) for c in newer.profile.columns] == [("x", 0)]
    assert [(c.name, c.distinct) for c in older.profile.columns] == [("y", 4)]
    assert newer.run is not None
    assert (newer.run.job.name, newer.run.run_id[-1]) == ("load", "2")
    assert newer.extent is Extent.WHOLE


def test_an_empty_facet_tells_nothing(store: Engine) -> None:
    ingest(
        store,
        wrote(1, 1, **profile(10), counted={"outputStatistics": {"rowCount": 10}}),
        wrote(2, 2, **profile(), counted={"outputStatistics": {}}),
    )

    found = of(store)

    assert [(row.rows, row.is_written) for row in found.rows] == [(10, False), (10, True)]
    assert found.newest is not None
    assert found.newest.run is not None
    assert found.newest.run.run_id[-1] == "1"


def test_several_events_of_a_run_are_one_measurement(store: Engine) -> None:
    ingest(
        store,
        wrote(1, 1, "START", **profile(10)),
        wrote(1, 2, "RUNNING", **profile(11)),
        wrote(1, 3, **profile(12)),
    )

    assert [row.rows for row in of(store).rows] == [12]


def test_only_a_run_that_succeeded_wrote_rows(store: Engine) -> None:
    counted = {"outputStatistics": {"rowCount": 7}}
    ingest(store, wrote(1, 1, counted=counted), wrote(2, 2, "FAIL", counted=counted))

    (row,) = of(store).rows
    assert row.run is not None
    assert row.run.run_id[-1] == "1"


def test_a_part_that_a_run_read_is_no_count_of_the_whole(store: Engine) -> None:
    part = {"inputFacets": profile(5, x={"nullCount": 1})}
    ingest(store, run(1, "COMPLETE", 1, {"inputs": [dataset("shop.orders") | part]}))

    found = of(store)

    assert found.rows == ()
    assert found.newest is None
    assert [m.extent for m in found.columns] == [Extent.READ]


def test_an_event_about_a_dataset_measures_it_without_any_run(
    store: Engine, make_event: MakeEvent
) -> None:
    said = dataset("shop.orders", **profile(4))
    event = make_event(eventType=None, run=None, job=None, dataset=said, eventTime=at(1))
    ingest(store, event, wrote(1, 2))

    (row,) = of(store).rows

    assert (row.rows, row.run) == (4, None)


def test_what_was_removed_by_age_gives_way_to_what_is_left(store: Engine) -> None:
    ingest(store, wrote(1, 1, "START", **profile(10)), wrote(1, 2, **profile(12)))
    with writing(store) as connection:
        connection.execute(delete(PAYLOAD).where(PAYLOAD.c.seq == 2))

    dataset_ids = range(1, 10)

    assert [row.rows for row in measurements(store, dataset_ids, NOW).rows] == [10]


def test_what_lies_ahead_is_not_the_newest(store: Engine) -> None:
    ahead = wrote(2, 2, **profile(99)) | {"eventTime": "2999-01-01T00:00:00Z"}
    ingest(store, wrote(1, 1, **profile(10)), ahead)

    assert [row.rows for row in of(store).rows] == [10]
