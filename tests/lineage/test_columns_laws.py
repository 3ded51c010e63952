"""What holds of links between columns whatever was sent, in whatever order, as of whenever."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.database import connect
from catalog.moments import microseconds, moment
from lineage.column_links import ColumnKey, ColumnLink
from lineage.columns import column_graph, column_links, what_if_dropped
from lineage.events import parse_event
from lineage.fold import Numbered, fold_run, matter
from lineage.history import stand
from lineage.tags_travel import arrivals
from tests.lineage.worlds import DAY, WH, CleanStore, at, take

INSTANTS = [at(minute) for minute in (0, 1, 2, 3)]
LAW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.sampled_from(["wh.m.a", "wh.m.b", "wh.m.c", "raw"])
fields = st.sampled_from(["x", "y"])
ways = st.sampled_from(
    [
        [],
        [{"type": "DIRECT", "subtype": "IDENTITY"}],
        [{"type": "DIRECT", "masking": True}, {"type": "INDIRECT", "subtype": "JOIN"}],
    ]
)
sources = st.builds(
    lambda name, field, how: {
        "namespace": WH, "name": name, "type": "DATASET", "field": field, "transformations": how,
    },
    names, fields | st.just(""), ways,
)  # fmt: skip
lineages = st.builds(
    lambda told, whole: {
        "fields": {field: {"inputFields": inputs} for field, inputs in told.items()},
        "dataset": whole,
    },
    st.dictionaries(fields, st.lists(sources, max_size=2), max_size=2),
    st.lists(sources, max_size=1),
) | st.just({"_deleted": True})
entries = st.builds(
    lambda name, inputs, told: {
        "namespace": WH, "name": name, "type": "DATASET", "inputs": inputs,
        "fields": {field: {"inputs": listed} for field, listed in told.items()},
    },
    names, st.lists(sources, max_size=1),
    st.dictionaries(fields, st.lists(sources, max_size=2), max_size=2),
)  # fmt: skip
SCHEMA = {"fields": [{"name": "x"}]}
TAGS = {"tags": [{"key": "pii", "field": "x"}, {"key": "pii"}]}
SAME = {"identifiers": [{"namespace": "s3://lake", "name": "b", "type": "TABLE"}]}
outputs = st.builds(
    lambda name, lineage, more: {
        "namespace": WH, "name": name, "facets": {"columnLineage": lineage} | more,
    },
    names, lineages, st.sampled_from([{}, {"schema": SCHEMA, "tags": TAGS}, {"symlinks": SAME}]),
)  # fmt: skip
jobs = st.builds(
    lambda name, told, kind: {
        "namespace": "jobs", "name": name,
        "facets": ({"lineage": {"entries": told}} if told is not None else {}) | kind,
    },
    st.sampled_from(["load", "clean"]),
    st.none() | st.none() | st.none() | st.lists(entries, max_size=2),
    st.sampled_from([{}, {}, {"jobType": {"processingType": "STREAMING", "integration": "X"}}]),
)  # fmt: skip
inputs = st.lists(
    st.builds(lambda name: {"namespace": WH, "name": name, "facets": {"schema": SCHEMA}}, names),
    max_size=2,
)
times = st.sampled_from(INSTANTS)
runs = st.fixed_dictionaries(
    {
        "eventType": st.sampled_from(["START", "COMPLETE", "COMPLETE", "FAIL"]),
        "eventTime": times,
        "producer": st.just("p"),
        "schemaURL": st.just("s"),
        "run": st.fixed_dictionaries({"runId": st.sampled_from(["r1", "r2", "r3"])}),
        "job": jobs,
        "inputs": inputs,
        "outputs": st.lists(outputs, max_size=2),
    }
)
declarations = st.fixed_dictionaries(
    {
        "eventTime": times,
        "producer": st.just("p"),
        "schemaURL": st.just("s"),
        "job": jobs,
        "inputs": inputs,
        "outputs": st.lists(outputs, max_size=2),
    }
)
derivations = st.fixed_dictionaries(
    {
        "eventTime": times,
        "producer": st.just("p"),
        "schemaURL": st.just("s"),
        "dataset": st.builds(
            lambda told: {"namespace": WH, "name": told["name"], "facets": {"lineage": told}},
            entries,
        ),
    }
)
event_lists = st.lists(st.one_of(runs, runs, runs, declarations, derivations), max_size=7)

NOW = DAY.replace(hour=9)


def told(engine: Engine, as_of: datetime = NOW) -> tuple[tuple[ColumnLink, ...], ...]:
    seen = stand(engine, as_of)
    return column_links(seen), column_links(seen, ever=True)


def filled(engine: Engine, events: Sequence[dict[str, Any]]) -> Engine:
    take(engine, [[json.dumps(event).encode()] for event in events])
    return engine


@LAW
@given(event_lists, st.data())
def test_the_order_of_events_never_matters(
    clean_store: CleanStore, events: list[dict[str, Any]], data: st.DataObject
) -> None:
    turned = data.draw(st.permutations(events))

    once = told(filled(clean_store(), events))

    assert told(filled(clean_store(), turned)) == once


@LAW
@given(event_lists, st.sampled_from(INSTANTS))
def test_as_of_an_instant_is_what_a_fresh_store_knows_of_the_events_up_to_then(
    clean_store: CleanStore, events: list[dict[str, Any]], until: str
) -> None:
    fresh = connect("sqlite://")
    filled(fresh, [event for event in events if event["eventTime"] <= until])
    as_of = datetime.fromisoformat(until).astimezone(UTC)

    seen = told(filled(clean_store(), events), as_of)

    assert seen == told(fresh, as_of)
    fresh.dispose()


@LAW
@given(event_lists)
def test_links_are_current_between_datasets_that_current_edges_join(
    clean_store: CleanStore, events: list[dict[str, Any]]
) -> None:
    engine = filled(clean_store(), events)
    seen = stand(engine, NOW)

    edges = {*seen.observed.flows}
    for shapes in seen.observed.current.values():
        edges.update(edge for shape in shapes for edge in shape.edges)
    keys = {(a.namespace, a.name): number for number, a in seen.observed.datasets.items()}
    for link in column_links(seen):
        if not link.is_guess:
            ends = [(end.asset.namespace, end.asset.name) for end in link.ends]
            assert (keys[ends[0]], keys[ends[1]]) in edges


@LAW
@given(event_lists)
def test_packed_links_are_the_links(clean_store: CleanStore, events: list[dict[str, Any]]) -> None:
    seen = stand(filled(clean_store(), events), NOW)

    graph = column_graph(seen)

    links = {(*link.ends, link.how) for link in column_links(seen)}
    packed = set(graph.index.edges())
    assert packed <= links
    for source, target, how in links - packed:  # beside what is said of columns
        assert (source.field, target.field, how.type) == ("", "", None)
        assert any((e.source.asset, e.target.asset) == (source.asset, target.asset) for e in packed)


@LAW
@given(event_lists)
def test_what_is_asked_of_some_datasets_is_what_is_known_of_them(
    clean_store: CleanStore, events: list[dict[str, Any]]
) -> None:
    seen = stand(filled(clean_store(), events), NOW)

    for ever in (False, True):
        every = column_links(seen, ever=ever)
        for key in sorted(seen.estate.datasets):
            mine = tuple(link for link in every if key in {end.asset for end in link.ends})
            assert column_links(seen, [key], ever=ever) == mine


@LAW
@given(event_lists)
def test_what_lies_around_a_dataset_is_read_without_all_the_rest(
    clean_store: CleanStore, events: list[dict[str, Any]]
) -> None:
    seen = stand(filled(clean_store(), events), NOW)
    every = column_graph(seen)

    for key in sorted(seen.estate.datasets):
        near = column_graph(seen, key)
        for field in ("", "x", "y"):
            column = ColumnKey(key, field)
            assert near.around(column) == every.around(column)
            assert what_if_dropped(seen, key, field) == every.dropped(column)
        assert arrivals(seen, any_tag, tagged_in=key) == arrivals(
            seen, any_tag, tagged_in=key, graph=every
        )


def any_tag(_: str) -> bool:
    return True


@LAW
@given(st.lists(runs, min_size=1, max_size=5))
def test_a_run_draws_links_from_the_datasets_from_which_it_draws_edges(
    clean_store: CleanStore, events: list[dict[str, Any]]
) -> None:
    same = {"runId": "r"}
    job = {"namespace": "jobs", "name": "load"}
    events = [event | {"run": same, "job": event["job"] | job} for event in events]
    parsed = [parse_event(json.dumps(event).encode()) for event in events]
    flow = fold_run(matter(Numbered(i, event) for i, event in enumerate(parsed))).flow
    expected = (
        set(flow.explicit)
        if flow.explicit is not None
        else {(s, w.name) for w in flow.outputs for s in w.sources}
    )

    seen = stand(filled(clean_store(), events), NOW)

    said = {
        (link.said or (link.source.asset.namespace, link.source.asset.name),
         (link.target.asset.namespace, link.target.asset.name))
        for link in column_links(seen)
    }  # fmt: skip
    key = seen.estate.identities.datasets.of
    is_said = flow.explicit is not None
    loops = {(a, b) for a, b in expected if key(a) == key(b) and not (is_said and a == b)}
    assert {(key(a), key(b)) for a, b in said} == {(key(a), key(b)) for a, b in expected - loops}


# Real events


def test_real_events_give_links_and_an_instant_of_theirs_gives_those_of_then(
    store: Engine, bodies: list[bytes]
) -> None:
    take(store, [bodies])
    times = sorted(parse_event(body).time for body in bodies)
    until = moment(times[len(times) // 2])
    fresh = connect("sqlite://")
    take(fresh, [[body for body in bodies if parse_event(body).time <= microseconds(until)]])

    links = column_links(stand(store, NOW))

    assert links
    assert {link.source.asset.name for link in links if link.target.field == "word"} == {
        "bigquery-public-data.samples.shakespeare"
    }
    assert told(store, until) == told(fresh, until)
    assert not arrivals(stand(store, NOW)).truncated
    fresh.dispose()
