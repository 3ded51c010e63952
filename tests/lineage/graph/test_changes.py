"""What became different between two instants."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.moments import moment
from lineage.events import parse_event
from lineage.graph.changes import Change, State, Subject, Thing, Value, applied, changes, state_of
from lineage.graph.dating import Dating
from lineage.graph.loading import estate_graph
from lineage.history import Standpoint, stand
from tests.lineage.conftest import MakeEvent
from tests.lineage.worlds import CleanStore, at, dataset, job, take

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def state(seen: Standpoint) -> State:
    return state_of(seen.observed, seen.estate, estate_graph(seen))


def values(of: State) -> dict[Subject, Value]:
    return {subject: fact.value for subject, fact in of.facts.items()}


def minute(number: int) -> datetime:
    return DAY + timedelta(minutes=number)


@pytest.fixture
def diff(store: Engine, make_event: MakeEvent) -> Callable[..., list[tuple[str, ...]]]:
    """Ingests events, and answers with what became different between two of their minutes."""

    def build(since: int, until: int, *events: dict[str, Any]) -> list[tuple[str, ...]]:
        filled = [
            {**make_event(run={"runId": f"run {number}"}), **event}
            for number, event in enumerate(events)
        ]
        take(store, [[json.dumps(event).encode() for event in filled]])
        before, after = (stand(store, minute(m)) for m in (since, until))
        with after.engine.connect() as connection:
            dating = Dating(connection, after)
            return [
                told(c) for c in dating.dated(changes(state(before), state(after)), minute(since))
            ]

    return build


def told(change: Change) -> tuple[str, ...]:
    subject = change.subject
    ends = [subject.source.name] if subject.source else []
    name = ">".join([*ends, subject.asset.name, *([subject.detail] if subject.detail else [])])
    at_minute = "-" if change.at is None else str((change.at - DAY) // timedelta(minutes=1))
    return at_minute, change.change.value, subject.what.value, name


def schema(**columns: str) -> dict[str, Any]:
    return {"schema": {"fields": [{"name": n, "type": t} for n, t in columns.items()]}}


def loads(minute_: int, source: str, target: str, **parts: Any) -> dict[str, Any]:
    return {
        "eventTime": at(minute_),
        "job": job("load"),
        "inputs": [dataset(source)],
        "outputs": [dataset(target, **parts.pop("facets", {}))],
        **parts,
    }


# Laws -------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.data())
def test_changes_made_to_the_earlier_state_give_the_later_one(
    clean_store: CleanStore, bodies: Sequence[bytes], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(range(len(bodies))), min_size=2, max_size=12))
    some = [bodies[i] for i in chosen]
    times = sorted({parse_event(body).time for body in some})
    early, late = sorted(data.draw(st.tuples(st.sampled_from(times), st.sampled_from(times))))
    engine = clean_store()
    take(engine, [some])
    before, after = (stand(engine, moment(t)) for t in (early, late))
    earlier, later = state(before), state(after)

    found = changes(earlier, later)

    assert applied(values(earlier), found) == values(later)
    assert changes(later, later) == ()
    with after.engine.connect() as connection:
        dated = Dating(connection, after).dated(found, before.as_of)
    assert applied(values(earlier), dated) == values(later)
    for change in (*found, *dated):
        assert change.old != change.new or change.change.value != "changed"
        assert change.at is None or before.as_of < change.at <= after.as_of


# Examples ---------------------------------------------------------------------------------------


def test_an_edge_that_a_later_run_no_longer_has_is_removed_when_that_run_ended(
    diff: Callable[..., list[tuple[str, ...]]],
) -> None:
    found = diff(
        2, 9, loads(1, "a.old", "a.out"), loads(5, "a.new", "a.out"), loads(7, "a.new", "a.out")
    )

    assert found == [
        ("5", "added", "asset", "a.new"),
        ("5", "added", "edge", "a.new>a.out"),
        ("5", "removed", "edge", "a.old>a.out"),
    ]


def test_columns_are_added_removed_and_get_another_type_when_a_run_first_says_so(
    diff: Callable[..., list[tuple[str, ...]]],
) -> None:
    before, after = (
        schema(id="int", gone="text", price="int"),
        schema(id="int", price="text", n="x"),
    )

    found = diff(
        2,
        9,
        loads(1, "a.in", "a.out", facets=before),
        loads(4, "a.in", "a.out", facets=after),
        loads(6, "a.in", "a.out", facets=after),
        loads(8, "a.in", "a.out", facets=after),
    )

    assert found == [
        ("4", "removed", "column", "a.out>gone"),
        ("4", "added", "column", "a.out>n"),
        ("4", "changed", "column", "a.out>price"),
    ]


def test_owners_come_and_go(diff: Callable[..., list[tuple[str, ...]]]) -> None:
    ana, ben = ({"ownership": {"owners": [{"name": f"team:{who}"}]}} for who in ("ana", "ben"))

    found = diff(
        2,
        9,
        loads(1, "a.in", "a.out", facets=ana),
        loads(4, "a.in", "a.out", facets=ben),
        loads(8, "a.in", "a.out", facets=ben),
    )

    assert found == [
        ("4", "removed", "owner", "a.out>team:ana"),
        ("4", "added", "owner", "a.out>team:ben"),
    ]


def test_an_edge_that_came_back_was_added_when_it_was_seen_again(
    diff: Callable[..., list[tuple[str, ...]]],
) -> None:
    found = diff(
        4,
        9,
        loads(1, "a.one", "a.out"),
        loads(3, "a.two", "a.out"),
        loads(6, "a.one", "a.out"),
        loads(8, "a.one", "a.out"),
    )

    assert ("6", "added", "edge", "a.one>a.out") in found


def test_before_everything_there_was_nothing(diff: Callable[..., list[tuple[str, ...]]]) -> None:
    found = diff(-9, 9, loads(1, "a.in", "a.out"))

    assert found == [
        ("1", "added", "asset", "a.in"),
        ("1", "added", "asset", "a.out"),
        ("1", "added", "edge", "a.in>a.out"),
        ("1", "added", "asset", "load"),
    ]
    assert {Thing(what) for _, _, what, _ in found} == {Thing.ASSET, Thing.EDGE}
