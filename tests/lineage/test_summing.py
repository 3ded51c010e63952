"""Old runs that were summed up are missed by nothing that is known today."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from catalog.model import Catalog
from catalog.moments import microseconds
from lineage import newest, reports, staying
from lineage.assets import ASSET
from lineage.history import estates_at
from lineage.loose import drop
from lineage.reading import load_estate, observe
from lineage.rebuild import _canonical, digest
from lineage.reducers import NO_REDUCERS
from lineage.retention import Limit
from lineage.run_days import DAY_US, RUN_DAY
from lineage.runs import RUN, STATISTIC, id_text
from lineage.summing import REACH, sum_up
from tests.lineage.test_fold_laws import FACETS, event_lists, run_events, told_by
from tests.lineage.test_retention import (
    CleanStore,
    aliases,
    counted,
    is_intact,
    is_missed,
    other_store,
    rebuilt,
)
from tests.lineage.worlds import take

# Later than any clock that these tests may run by, so that the age of an event is its own time.
START = datetime(2100, 1, 1, tzinfo=UTC)
LAST_DAY = 75
NOW = START + timedelta(days=LAST_DAY)
LIMIT = Limit(40, "person:ana")

RunName = tuple[str, str, str]

__all__ = ["other_store"]  # a fixture


@pytest.fixture(scope="module", autouse=True)
def few() -> Iterator[None]:
    """Let so few runs stay by their number that a law need not draw hundreds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staying, "RUNS", 3)
        patch.setattr(newest, "LAST_RUNS", 3)
        patch.setattr(staying, "REPORTS", 2)
        patch.setattr(reports, "OLDER_REPORTS", 2)
        yield


def at(days: float) -> str:
    return (START + timedelta(days=days)).isoformat()


def summed_up_to(engine: Engine, day: float) -> int:
    present = START + timedelta(days=day + LIMIT.keep_days)
    return sum(len(planned.summed) for planned in sum_up(engine, LIMIT, present, pause=False))


def lines(engine: Engine, without: set[RunName]) -> list[Any]:
    """Everything that the digest covers, without some runs and what they alone tell."""
    with engine.connect() as connection:
        found = [json.loads(line) for some in _canonical(connection) for line in some]
    of_runs = {"run", "report", "statistic"}
    return sorted(
        (
            line
            for line in found
            if line[0] not in of_runs or (line[1], line[3], line[4]) not in without
        ),
        key=repr,
    )


def runs_in(engine: Engine) -> set[RunName]:
    with engine.connect() as connection:
        found = [json.loads(line) for some in _canonical(connection) for line in some]
    return {(line[1], line[3], line[4]) for line in found if line[0] == "run"}


def known(engine: Engine, without: set[RunName]) -> tuple[object, ...]:
    return lines(engine, without), told_by(load_estate(engine, NOW)), aliases(engine), more(engine)


def more(engine: Engine) -> object:
    """What judgements take from runs but estates do not say."""
    with engine.connect() as connection:
        names = {row.id: row.name for row in connection.execute(select(ASSET))}
        found = observe(connection, NOW, Catalog(), NO_REDUCERS)
    return (
        sorted((names[job], version, at) for (job, version), at in found.first_success.items()),
        sorted(found.shape_ends.values()),
        sorted((names[i], at) for i, at in found.tested_at.items()),
    )


def days(engine: Engine) -> Counter[tuple[str, int, str]]:
    """What is kept of each job and day, added up."""
    found: Counter[tuple[str, int, str]] = Counter()
    with engine.connect() as connection:
        for row in connection.execute(select(RUN_DAY)):
            for name in ("runs", "failed", "rows"):
                found[row.name, row.day, name] += getattr(row, name) or 0
    return +found


def days_by_rows(engine: Engine, which: set[RunName]) -> Counter[tuple[str, int, str]]:
    """The same from the rows of runs that another store has kept."""
    found: Counter[tuple[str, int, str]] = Counter()

    with engine.connect() as connection:
        names = {row.id: row for row in connection.execute(select(ASSET))}
        rows: Counter[int] = Counter()
        for told in connection.execute(select(STATISTIC)):
            if told.is_output and told.window_at == 0:
                rows[told.run_pk] += told.rows or 0
        for run in connection.execute(select(RUN)):
            job = names[run.job_id]
            if (id_text(run.run_id), job.namespace, job.name) in which:
                day = run.at // DAY_US
                found[job.name, day, "runs"] += 1
                found[job.name, day, "failed"] += run.state == 4
                found[job.name, day, "rows"] += rows[run.id]
    return +found


# Laws


def uuid_of(name: str) -> str:
    """A run's id as it should be: what is odd about others is told of each by itself."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def parent(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    return {"parent": {"run": {"runId": uuid_of(name)}, "job": {"namespace": "n", "name": name[0]}}}


def varied(event: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same sort of event, in which a version and what derives from what may differ."""
    version = {"sourceCodeLocation": {"version": chance.choice("abc")}}
    derived = {"columnLineage": chance.choice(FACETS[5:7])["columnLineage"]}
    outputs = [{**o, "facets": {**o["facets"], **derived}} for o in event["outputs"]]
    return {**event, "job": {**event["job"], "facets": version}, "outputs": outputs}


@st.composite
def histories(draw: st.DrawFn) -> list[bytes]:
    """Many runs of a few sorts over some weeks, and other events between."""
    sorts: list[dict[str, Any]] = draw(st.lists(run_events, min_size=1, max_size=2))
    # Many at once, and not mostly the smallest: few runs are never so many that one can go.
    chance = random.Random(draw(st.integers(0, 1 << 32)))  # noqa: S311
    varies = draw(st.booleans())
    found = []
    for number in range(chance.randint(14, 30)):
        event = chance.choice(sorts)
        if varies:
            event = varied(event, chance)
        began = chance.randint(0, chance.choice((20, 40, LAST_DAY)))
        above = chance.choice([None] * 6 + [f"{number}", f"{number // 3}", f"{number // 3}", "p"])
        own = {k: v for k, v in event["run"]["facets"].items() if k[:6] != "parent"}
        if chance.random() < 0.2:
            own["tags"] = {"tags": [{"key": "principal", "value": f"person:{number % 3}"}]}
        run = {"runId": uuid_of(f"run-{number}"), "facets": own | parent(above)}
        end = chance.choice(["COMPLETE"] * 6 + ["FAIL", "RUNNING"])
        for kind, day in (("START", began), (end, began + chance.choice((0, 0.1, 3)))):
            found.append({**event, "eventType": kind, "eventTime": at(day), "run": run})
    between = draw(event_lists)
    found += [{**event, "eventTime": at(chance.randint(0, LAST_DAY))} for event in between]
    chance.shuffle(found)
    return [json.dumps(event).encode() for event in found]


LIMITS = st.integers(0, 44).map(lambda day: 44 - day)


def name_of(body: bytes) -> RunName | None:
    event = json.loads(body)
    if "run" not in event:
        return None
    return event["run"]["runId"], event["job"]["namespace"], event["job"]["name"]


def check_summing(
    store: Engine, other: Engine, bodies: list[bytes], day: int, late_ones: int
) -> int:
    late, early = bodies[:late_ones], bodies[late_ones:]
    take(store, [early])
    take(other, [early])
    sent = counted(store)

    gone = summed_up_to(store, day)

    away = runs_in(other) - runs_in(store)
    assert len(away) == gone
    hypothesis.event(f"summed up: {min(gone, 5)}")
    assert days(store) == days_by_rows(other, away)
    now = known(other, away)
    for is_rebuilt in (False, True):
        if is_rebuilt:
            rebuilt(store)
        assert known(store, set()) == now
        assert counted(store) == sent
        assert is_missed(store) == []
    take(store, [early, early[::-1]])  # known when it comes again
    assert known(store, set()) == now
    assert summed_up_to(store, day) == 0

    others = [body for body in late if name_of(body) not in away]
    for engine in (store, other):
        take(engine, [others])
    assert known(store, set()) == known(other, away)
    summed_up_to(store, min(day + 5, LAST_DAY - REACH.days))
    list(drop(store, pause=False))
    away = runs_in(other) - runs_in(store)
    assert days(store) == days_by_rows(other, away)
    rebuilt(store)
    assert known(store, set()) == known(other, away)
    instants = [START + timedelta(days=min(day + 5, 44) + REACH.days + d) for d in (0, 1)]
    theirs = [told_by(estate) for estate in estates_at(other, instants)]
    assert [told_by(estate) for estate in estates_at(store, instants)] == theirs

    runs, sums = runs_in(store), days(store)
    limit = microseconds(START + timedelta(days=min(day + 5, 44)))
    untold = [b for b in late if name_of(b) in away and moment_of(b) <= limit]
    take(store, [[body] for body in untold])
    assert (runs_in(store), days(store)) == (runs, sums)
    before = digest(store)
    rebuilt(store)
    assert digest(store) == before
    assert is_intact(store)
    return gone


def moment_of(body: bytes) -> int:
    return microseconds(datetime.fromisoformat(json.loads(body)["eventTime"]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), LIMITS, st.integers(0, 4))
def test_what_is_summed_up_is_missed_by_nothing(
    clean_store: CleanStore, other_store: CleanStore, bodies: list[bytes], day: int, late: int
) -> None:
    check_summing(clean_store(), other_store(), bodies, day, late)


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), LIMITS, st.integers(0, 4))
def test_nor_on_postgresql(
    clean_postgresql: CleanStore,
    other_store: CleanStore,
    bodies: list[bytes],
    day: int,
    late: int,
) -> None:
    check_summing(clean_postgresql(), other_store(), bodies, day, late)
