"""Events dated far ahead by mistake are kept, and win nowhere before their time has come."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from catalog.moments import microseconds
from lineage.estate import Estate
from lineage.named import read_assets
from lineage.reading import load_estate
from tests.lineage.worlds import DAY, NOW, WH, at, dataset, encode, get, get_job, take

CleanStore = Callable[[], Engine]
MakeEvent = Callable[..., dict[str, Any]]

Won = dict[tuple[int, str], tuple[Any, dict[str, Any]]]

DAYS = st.integers(-900, 0)
AHEAD = st.sampled_from([400, 3650, 26_700])
"""In days. Within the same year a mistake may still win, until its time has come."""


def dated(event: dict[str, Any], day: int) -> dict[str, Any]:
    """The event, so many days from now."""
    return {**event, "eventTime": (NOW + timedelta(days=day)).isoformat()}


said = st.fixed_dictionaries(
    {
        "eventType": st.sampled_from(["START", "COMPLETE"]),
        "producer": st.just("https://example.com/p"),
        "schemaURL": st.just("https://openlineage.io/spec/2-0-2/OpenLineage.json"),
        "run": st.builds(lambda n: {"runId": f"run {n}"}, st.integers(0, 3)),
        "job": st.just({"namespace": "jobs", "name": "load"}),
        "outputs": st.lists(
            st.builds(
                lambda name, fields: dataset(name, schema={"fields": fields}),
                st.sampled_from("ab"),
                st.lists(st.builds(lambda n: {"name": n}, st.sampled_from("xyz")), max_size=2),
            ),
            max_size=2,
        ),
    }
)


def winners(engine: Engine) -> Won:
    """Of every asset, when it was last named, and the facet that wins each name."""
    with engine.connect() as connection:
        return {
            (kind, asset.name): (asset.last_seen, {n: f.body for n, f in asset.facets.items()})
            for kind, asset in read_assets(connection, microseconds(NOW)).values()
        }


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.builds(dated, said, DAYS), min_size=1, max_size=6),
    st.lists(st.builds(dated, said, AHEAD), max_size=4),
    st.integers(0, 2**32),
)
def test_what_is_dated_far_ahead_changes_nothing_of_what_others_said(
    clean_store: CleanStore, sound: Sequence[Any], ahead: Sequence[Any], seed: int
) -> None:
    alone = clean_store()
    take(alone, [[encode(event) for event in sound]])
    wanted = winners(alone)
    mixed = [encode(event) for event in (*sound, *ahead)]
    random.Random(seed).shuffle(mixed)  # noqa: S311  # an order, not a secret
    together = clean_store()

    take(together, [[body] for body in mixed])

    found = winners(together)
    assert {key: found[key] for key in wanted} == wanted


def fields(estate: Estate) -> list[str]:
    """Columns of the one dataset."""
    return [field.name for field in get(estate, "t").fields]


def test_one_event_of_2099_hides_nothing_until_then(store: Engine, make_event: MakeEvent) -> None:
    def event(time: str, column: str, run: str) -> bytes:
        schema = {"fields": [{"name": column}]}
        outputs = [dataset("t", schema=schema)]
        return encode(make_event(eventTime=time, run={"runId": run}, outputs=outputs))

    mistaken = event("2099-01-01T00:00:00Z", "mistaken", "r0")
    take(store, [[event(at(10), "early", "r1")], [mistaken], [event(at(20), "late", "r2")]])

    now = load_estate(store, NOW)
    then = load_estate(store, DAY.replace(year=2100))

    assert fields(now) == ["late"]
    assert get_job(now, "load").last_run_id == "r2"
    assert fields(then) == ["mistaken"]


def test_what_a_job_declares_far_ahead_waits_for_its_time(
    store: Engine, make_event: MakeEvent
) -> None:
    def event(time: str, name: str) -> bytes:
        return encode(make_event(eventTime=time, run=None, eventType=None, outputs=[dataset(name)]))

    bodies = [event(at(1), "old"), event("2099-01-01T00:00:00Z", "ahead"), event(at(2), "new")]
    take(store, [[body] for body in bodies])

    now, then = load_estate(store, NOW), load_estate(store, DAY.replace(year=2100))

    assert [name for name in ("old", "ahead", "new") if get(now, name).writers] == ["new"]
    assert [name for name in ("old", "ahead", "new") if get(then, name).writers] == ["ahead"]


def test_what_was_only_ever_said_ahead_is_there(store: Engine, make_event: MakeEvent) -> None:
    outputs = [dataset("t", schema={"fields": [{"name": "x"}]})]
    take(store, [[encode(make_event(eventTime="2099-01-01T00:00:00Z", outputs=outputs))]])

    estate = load_estate(store, NOW)

    assert AssetKey(Kind.DATASET, WH, "t") in estate.datasets
    assert fields(estate) == ["x"]


def test_a_producer_that_sends_once_a_week_is_believed_at_once(
    store: Engine, make_event: MakeEvent
) -> None:
    for week in (3, 2, 1, 0):
        outputs = [dataset("t", schema={"fields": [{"name": f"week {week}"}]})]
        event = make_event(run={"runId": f"r{week}"}, outputs=outputs)
        take(store, [[encode(dated(event, -7 * week))]])

        assert fields(load_estate(store, NOW)) == [f"week {week}"]
