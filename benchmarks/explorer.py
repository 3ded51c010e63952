"""What a click in the explorer costs the server at many assets, graph and estate being loaded.

Run: python -m benchmarks.explorer [assets]     100,000 unless told

Datasets in clusters of a hundred, each read from a few before it in its cluster, a tenth of them
from another cluster as well, and one hub that five hundred read; a job for each that is written.
The page itself runs, from its first line to its last, as a whole visit does; a click within the
picture draws less. Told in milliseconds of CPU of the thread that draws: the first visit, and what
half and 95 of 100 of those after it take at most.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from streamlit.testing.v1 import AppTest

import dashboard
from catalog.model import AssetKey, Basis, Catalog, Claim, Environment, Kind, Zone
from catalog.moments import microseconds
from dashboard import frame, instants, load
from dashboard.explorer.asked import code_of
from dashboard.seeking import names, suggestions
from lineage.estate import Dataset, Estate, Field, Job, RunState
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.hops import Hops
from lineage.graph.model import LinkBasis
from lineage.graph.records import Carried, JobRecord
from lineage.graph.shared import Roll
from lineage.identity import EXACT

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
MAIN = Path(dashboard.__file__).with_name("main.py")
CLUSTER = 100
READ_BY_HUB = 500
CLICKS = 25
WIDE = 1500
ZONES = (Zone.RAW, Zone.STAGING, Zone.INTERMEDIATE, Zone.MART)


@dataclass(frozen=True)
class World:
    """An estate and its graph, and assets worth looking at."""

    estate: Estate
    graph: EstateGraph
    middles: list[AssetKey]
    hub: AssetKey


def world(assets: int) -> World:
    """As many datasets and jobs as wanted, half of each."""
    chance = random.Random(11)  # noqa: S311  the same estate every time
    count = assets // 2
    sources = {i: _sources(i, chance) for i in range(count)}
    for i in range(1, READ_BY_HUB + 1):
        sources[i * (count // (READ_BY_HUB + 1))].add(0)
    keys = sorted(
        [AssetKey(Kind.DATASET, "snowflake://big", _name(i)) for i in range(count)]
        + [AssetKey(Kind.JOB, "airflow", f"load.{_name(i)}") for i in range(count)]
    )
    numbers = {key: number for number, key in enumerate(keys)}
    datasets = [AssetKey(Kind.DATASET, "snowflake://big", _name(i)) for i in range(count)]
    at = microseconds(NOW)
    carried = Carried(LinkBasis.PRODUCT, observed=True, declared=False, current=True,
                      provisional=False, first=at, last=at)  # fmt: skip
    records = {}
    for i, from_ in sources.items():
        target, read = numbers[datasets[i]], [numbers[datasets[j]] for j in sorted(from_)]
        into = {target: dict.fromkeys(read, carried)} if read else {}
        records[numbers[_job_key(i)]] = JobRecord(
            into, dict.fromkeys(read, carried), {target: carried}
        )
    graph = EstateGraph(as_of=NOW, revision=1, identities=EXACT, roll=Roll.of(keys),
                        hops=Hops.of(records, (), ()))  # fmt: skip
    estate = Estate(
        NOW,
        1,
        Catalog(),
        {key: _dataset(key, i) for i, key in enumerate(datasets)},
        {_job_key(i): _job(_job_key(i), i) for i in range(count)},
    )
    middles = [datasets[chance.randrange(count)] for _ in range(CLICKS)]
    return World(estate, graph, middles, datasets[0])


def _sources(i: int, chance: random.Random) -> set[int]:
    start = i - i % CLUSTER
    found = (
        {chance.randrange(start, i) for _ in range(chance.randint(1, 3))} if i > start else set()
    )
    if i > CLUSTER and chance.random() < 0.1:
        found.add(chance.randrange(0, start))
    return found


def _name(i: int) -> str:
    return f"db.schema_{i // CLUSTER:04}.table_{i:06}"


def _job_key(i: int) -> AssetKey:
    return AssetKey(Kind.JOB, "airflow", f"load.{_name(i)}")


def _dataset(key: AssetKey, i: int) -> Dataset:
    columns = WIDE if i == 0 else 12
    return Dataset(
        key=key, id=i, display_name=key.name.rpartition(".")[2], kind="table",
        platform="snowflake", noise=None,
        environment=Claim(Environment.PROD, Basis.DECLARED, ""),
        zone=Claim(ZONES[i % 4], Basis.DECLARED, ""), tier=Claim(3, Basis.GUESSED, ""),
        owners=(), team=f"team {i // CLUSTER % 40}", description=None,
        fields=tuple(Field(f"column_{c}", "varchar") for c in range(columns)), tags=(), tests=(),
        tests_last_run_at=None, first_seen=NOW, last_seen=NOW, last_write_at=NOW, last_read_at=None,
        upstream=(), downstream=(), writers=(_job_key(i),), readers=(), consumers=0,
    )  # fmt: skip


def _job(key: AssetKey, i: int) -> Job:
    return Job(
        key=key, id=i, display_name=key.name, integration="AIRFLOW", job_type=None, noise=None,
        environment=None, owners=(), team=None, code=None, parent=None, root=None, pipeline=None,
        last_run_id=f"01941f29-7c00-7000-8000-{i:012}", last_state=RunState.COMPLETE,
        last_run_at=NOW, runs_30d=30,
    )  # fmt: skip


def measure(seen: World, visits: Callable[[int], Mapping[str, str]]) -> list[float]:
    """Milliseconds of CPU of each visit, from the first line of the page to the last."""
    known = SimpleNamespace(
        is_past=False, as_of=NOW, estate=seen.estate, graph=seen.graph, name="benchmark",
        hidden_jobs=frozenset(), names=names(seen.estate),
        teams=tuple(f"team {i}" for i in range(40)),
    )  # fmt: skip
    took: list[float] = []
    began: list[float] = []
    stubs: dict[tuple[Any, str], Any] = {
        (load, "revision"): lambda: 1,
        (load, "estate"): lambda _: seen.estate,
        (load, "now"): lambda: NOW,
        (load, "live_findings"): lambda _: (),
        (instants, "known"): lambda *_: known,
        (frame, "begin"): lambda: _begin(began),
        (frame, "end"): lambda: took.append((time.thread_time() - began[-1]) * 1000),
        (frame, "banner"): lambda _: None,
    }
    patches = [patch.object(*place, stub) for place, stub in stubs.items()]
    for one in patches:
        one.start()
    try:
        app = AppTest.from_file(str(MAIN), default_timeout=120).run()
        app.switch_page("views/explorer.py")
        for number in range(CLICKS + 1):
            for name in list(app.query_params):
                del app.query_params[name]
            for name, value in visits(number % CLICKS).items():
                app.query_params[name] = value
            app.run()
            if app.exception:
                raise SystemExit(str(app.exception))
        return took[1:]  # the first is the page that the application opens with
    finally:
        for one in patches:
            one.stop()


def searches(seen: World) -> list[float]:
    """Milliseconds of CPU of looking for a word among all names."""
    known = names(seen.estate)
    took = []
    for number in range(CLICKS):
        began = time.thread_time()
        suggestions(known, f"table_{number:03}")
        took.append((time.thread_time() - began) * 1000)
    return took


def _begin(began: list[float]) -> None:
    import streamlit as st

    st.session_state["frame_revision"] = 1
    began.append(time.thread_time())


def main() -> None:
    """Measure what viewers do, one thing after the other."""
    seen = world(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    print(f"{len(seen.graph):,} assets, {sum(1 for _ in seen.graph.flow.edges()):,} edges")

    def around(key: AssetKey, **more: str) -> dict[str, str]:
        return {**frame.looked_at(key), **more}

    def beside(key: AssetKey) -> AssetKey:
        return next(iter(seen.graph.neighbours(key, up=True)), key)

    cases: dict[str, Callable[[int], Mapping[str, str]]] = {
        "one hop around an asset": lambda i: around(seen.middles[i]),
        "a rim expanded": lambda i: around(
            seen.middles[i], expanded=f"u{code_of(beside(seen.middles[i]))}"
        ),
        "five hops": lambda i: around(seen.middles[i], lineage_depth="5 hops"),
        "five hops, through jobs": lambda i: around(
            seen.middles[i], lineage_depth="5 hops", lineage_jobs="true"
        ),
        "a hub that 500 read": lambda _: around(seen.hub),
        "all that stands on the hub": lambda _: around(
            seen.hub, lineage_depth="All", lineage_direction="Downstream"
        ),
        "the estate by team": lambda _: {},
    }
    measured = {name: measure(seen, visits) for name, visits in cases.items()}
    for name, took in (measured | {"a word looked for": searches(seen)}).items():
        first, *after = took
        p95 = statistics.quantiles(after, n=20)[-1]
        middle = statistics.median(after)
        print(f"{name:28} first {first:6.0f}   p50 {middle:6.0f}   p95 {p95:6.0f} ms")


if __name__ == "__main__":
    main()
