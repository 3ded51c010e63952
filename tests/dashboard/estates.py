"""Estates of little more than names, to hold pictures and lists against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from catalog.model import AssetKey, Basis, Catalog, Claim, Environment, Kind, Zone
from lineage.estate import Dataset, Estate, Field, Job, RunState
from lineage.graph.estate_graph import EstateGraph
from tests.lineage.graph.graphs import WHEN

TIER = Claim(3, Basis.GUESSED, "nothing says more")
PROD = Claim(Environment.PROD, Basis.DECLARED, "it is declared")
ZONES = (Zone.RAW, Zone.STAGING, Zone.MART)


def dataset(key: AssetKey, number: int = 0, *, columns: int = 2) -> Dataset:
    """A dataset; its zone and team go by its number, so that filters divide them."""
    return Dataset(
        key=key,
        id=number,
        display_name=key.name,
        kind="table",
        platform="postgres",
        noise="temporary" if key.name.startswith("tmp") else None,
        environment=PROD,
        zone=Claim(ZONES[number % 3], Basis.DECLARED, "it is declared"),
        tier=TIER,
        owners=(),
        team=("red", "blue", None)[number % 3],
        description=None,
        fields=tuple(Field(f"c{i}", "int") for i in range(columns)),
        tags=(),
        tests=(),
        tests_last_run_at=None,
        first_seen=WHEN,
        last_seen=WHEN,
        last_write_at=None,
        last_read_at=None,
        upstream=(),
        downstream=(),
        writers=(),
        readers=(),
        consumers=0,
    )


def job(key: AssetKey, number: int = 0, state: RunState | None = None) -> Job:
    """A job, whose last run may have ended."""
    return Job(
        key=key,
        id=number,
        display_name=key.name,
        integration="DBT",
        job_type=None,
        noise=None,
        environment=PROD,
        owners=(),
        team=None,
        code=None,
        parent=None,
        root=None,
        pipeline=None,
        last_run_id="01941f29-7c00-7000-8000-000000000001" if state else None,
        last_state=state,
        last_run_at=WHEN if state else None,
        runs_30d=1,
    )


def estate_of(graph: EstateGraph, states: Mapping[AssetKey, RunState] | None = None) -> Estate:
    """An estate that has every asset of a graph; jobs end as told, or were never seen to run."""
    known = enumerate(sorted(graph))
    datasets, jobs = {}, {}
    for number, key in known:
        if key.kind is Kind.DATASET:
            writers = graph.jobs_of(key, up=True)
            datasets[key] = replace(dataset(key, number), writers=writers)
        else:
            jobs[key] = job(key, number, (states or {}).get(key))
    return Estate(WHEN, 1, Catalog(), datasets, jobs)
