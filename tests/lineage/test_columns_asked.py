"""What is asked of columns: what stands around one, ways between, what a dropped one breaks."""

from __future__ import annotations

from datetime import timedelta

from lineage.column_graph import Certainty
from lineage.columns import column_graph, column_links, explained, what_if_dropped
from lineage.graph.model import Direction
from tests.lineage.test_columns import (
    FILTER,
    HASHED,
    IDENTITY,
    Look,
    column,
    from_columns,
    key,
    name,
    run_of,
    schema,
    shown,
    source,
    writes,
)
from tests.lineage.worlds import DAY, dataset, job

CHAIN = (
    {"job": job("one"), "inputs": [dataset("wh.a", schema=schema("x", "k"))],
     "outputs": writes("b", from_columns(x=[source("wh.a/x", IDENTITY)],
                                         n=[source("wh.a/k", FILTER)]))},
    {"job": job("two"), "inputs": [dataset("wh.b")],
     "outputs": writes("c", from_columns(x=[source("wh.b/x", HASHED)],
                                         _dataset=[source("wh.b/n", FILTER)]))},
    {"job": job("three"), "inputs": [dataset("wh.c")],
     "outputs": writes("d", from_columns(v=[source("wh.c/other", IDENTITY)]))},
    {"job": job("four"), "inputs": [dataset("wh.d")], "outputs": writes("e")},
)  # fmt: skip


def test_the_columns_around_one_stand_with_their_distance_and_side(look: Look) -> None:
    graph = column_graph(look(*CHAIN))

    up = graph.around(column("wh.c/x"), Direction.UP)
    near = graph.around(column("wh.b/x"), depth=1)

    assert [(name(s.column), s.distance, s.side) for s in up.columns] == [
        ("c/x", 0, "root"), ("b/n", 1, "up"), ("b/x", 1, "up"), ("a/k", 2, "up"), ("a/x", 2, "up"),
    ]  # fmt: skip
    assert [(name(s.column), s.side) for s in near.columns] == [
        ("b/x", "root"), ("a/x", "up"), ("c/x", "down"),
    ]  # fmt: skip
    assert [(name(e.source), name(e.target)) for e in near.edges] == [
        ("a/x", "b/x"),
        ("b/x", "c/x"),
    ]


def test_a_way_between_columns_is_told_hop_by_hop_with_its_evidence(look: Look) -> None:
    seen = look(*CHAIN)
    graph = column_graph(seen)

    way = graph.path(column("wh.a/x"), column("wh.c/x"))

    assert way is not None
    hops = explained(seen, way)
    assert [(name(h.source), name(h.target), h.job.name if h.job else "") for h in hops] == [
        ("a/x", "b/x", "one"), ("b/x", "c/x", "two"),
    ]  # fmt: skip
    assert all(hop.event_id for hop in hops)
    assert graph.path(column("wh.c/x"), column("wh.a/x")) is None


def test_a_dropped_column_is_missed_directly_indirectly_or_perhaps(look: Look) -> None:
    seen = look(*CHAIN)

    told = {
        field: [
            (name(d.column), d.certainty, d.distance)
            for d in what_if_dropped(seen, key("wh.a"), field).dependents
        ]
        for field in ("x", "k", "none")
    }

    maybe, direct, indirect = Certainty.MAYBE, Certainty.DIRECT, Certainty.INDIRECT
    assert told["x"] == [("b/x", direct, 1), ("c/x", direct, 2)]
    assert told["k"] == [
        ("b/n", indirect, 1), ("c/", indirect, 2), ("d/v", maybe, 3), ("e/", maybe, 4),
    ]  # fmt: skip
    assert told["none"] == []
    assert what_if_dropped(seen, key("wh.a"), "none").is_known is False


def test_a_dataset_that_nothing_tells_the_columns_of_may_miss_a_dropped_one(look: Look) -> None:
    seen = look(*CHAIN, {"job": job("five"), "inputs": [dataset("wh.e")], "outputs": writes("f")})

    found = what_if_dropped(seen, key("wh.d"), "v").dependents

    assert [(name(d.column), d.certainty, d.distance) for d in found] == [
        ("e/", Certainty.MAYBE, 1), ("f/", Certainty.MAYBE, 2),
    ]  # fmt: skip


def test_a_cap_is_told(look: Look) -> None:
    seen = look(run_of(1, "p", "q", "r"))

    assert column_graph(seen).around(column("wh.a/x"), most=2).truncated
    assert what_if_dropped(seen, key("wh.a"), "x", most=2).truncated


def test_a_past_instant_has_the_links_of_then(look: Look) -> None:
    look(run_of(1, "y"), run_of(30, "z"))

    seen = look(as_of=DAY + timedelta(minutes=10))

    assert shown(column_links(seen)) == ["a/x > b/y"]
