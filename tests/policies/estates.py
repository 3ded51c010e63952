"""Small estates built by hand: everything has a plain default, a test says only what matters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.model import (
    AssetKey,
    Basis,
    Catalog,
    Claim,
    Environment,
    EnvironmentRule,
    Evidence,
    Kind,
    Place,
    Zone,
)
from lineage.estate import (
    Dataset,
    DataTest,
    DataTestStatus,
    Estate,
    Feed,
    FeedKind,
    Job,
    RunState,
    Write,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE = "postgres://wh-prod"
PROD, DEV = Environment.PROD, Environment.DEV
RULES = Place("places.yml", 3)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def key(name: str, namespace: str = HERE) -> AssetKey:
    return AssetKey(Kind.DATASET, namespace, name)


def job_key(name: str, namespace: str = "airflow-prod") -> AssetKey:
    return AssetKey(Kind.JOB, namespace, name)


def event(name: str) -> str:
    return name.encode().hex().ljust(64, "0")[:64]


def declared(value: Any, why: str = "a rule says so") -> Claim[Any]:
    return Claim(value, Basis.DECLARED, why, (Evidence(str(value), place=RULES),))


def guessed(value: Any, why: str = "its name says so") -> Claim[Any]:
    return Claim(value, Basis.GUESSED, why)


def dataset(name: str, namespace: str = HERE, **changes: Any) -> Dataset:
    plain = Dataset(
        key=key(name, namespace),
        id=1,
        display_name=name,
        kind="table",
        platform="postgres",
        noise=None,
        environment=declared(PROD),
        zone=declared(Zone.MART),
        tier=declared(2),
        owners=(declared("team:finance"),),
        team="finance",
        description=None,
        fields=(),
        tags=(),
        tests=(),
        tests_last_run_at=None,
        first_seen=ago(100),
        last_seen=ago(0.1),
        last_write_at=ago(0.1),
        last_read_at=None,
        upstream=(),
        downstream=(),
        writers=(),
        readers=(),
        consumers=0,
        event_id=event(name),
    )
    return replace(plain, **changes)


def data_test(
    name: str, column: str | None = None, days_ago: float = 1, **changes: Any
) -> DataTest:
    plain = DataTest(
        name=name,
        column=column,
        status=DataTestStatus.PASS,
        blocking=True,
        at=ago(days_ago),
        job=job_key("tests"),
        run_id="run",
        event_id=event(name),
    )
    return replace(plain, **changes)


def tested(name: str, *tests: DataTest, **changes: Any) -> Dataset:
    given = tests or (data_test("unique", "id"), data_test("not_null", "id"))
    executed = [t.at for t in given if t.status in (DataTestStatus.PASS, DataTestStatus.FAIL)]
    newest = max(executed, default=None)
    return dataset(name, tests=given, tests_last_run_at=newest, **changes)


def job(name: str, namespace: str = "airflow-prod", **changes: Any) -> Job:
    plain = Job(
        key=job_key(name, namespace),
        id=1,
        display_name=name,
        integration="AIRFLOW",
        job_type="TASK",
        noise=None,
        environment=declared(PROD),
        owners=(declared("team:finance"),),
        team="finance",
        code=None,
        parent=None,
        root=None,
        pipeline=None,
        last_run_id="run",
        last_state=RunState.COMPLETE,
        last_run_at=ago(0.1),
        runs_30d=30,
        first_seen=ago(100),
        last_seen=ago(0.1),
    )
    return replace(plain, **changes)


def write(
    by: str,
    to: str,
    *,
    job_sanctioned: Claim[bool] | None = None,
    principal_sanctioned: Claim[bool] | None = None,
    runs: int = 3,
    last_days_ago: float = 0.5,
    **changes: Any,
) -> Write:
    plain = Write(
        job=job_key(by),
        dataset=key(to),
        principal=None,
        principal_why=None,
        job_sanctioned=job_sanctioned,
        principal_sanctioned=principal_sanctioned,
        operation="WRITE",
        runs=runs,
        first_at=ago(last_days_ago + runs - 1),
        last_at=ago(last_days_ago),
        last_run_id="run-3",
        producer="https://scripts.example",
        event_ids=tuple(event(f"{by}-{n}") for n in range(runs, 0, -1)),
    )
    return replace(plain, **changes)


def feed(evidence: FeedKind, days_ago: float | None = 0.1, namespace: str = HERE) -> Feed:
    """A feed that spoke last so many days ago, or never."""
    if days_ago is None:
        return Feed(namespace, evidence, ("https://dbt.example",), None, None, 0)
    first = ago(max(days_ago, 90))
    producers = ("https://dbt.example",)
    return Feed(namespace, evidence, producers, first, ago(days_ago), 9, event(f"f-{evidence}"))


def feeds(days_ago: float | None = 0.1, namespace: str = HERE) -> tuple[Feed, ...]:
    return tuple(feed(kind, days_ago, namespace) for kind in FeedKind)


def applied(days_ago: float = 10) -> Catalog:
    rule = EnvironmentRule(PROD, "postgres://*", "*", RULES)
    return Catalog(
        environments=(rule,),
        applied_at=ago(days_ago),
        applied_by="person:ana",
        files=("places.yml",),
    )


def estate(
    datasets: Iterable[Dataset] = (),
    jobs: Iterable[Job] = (),
    writes: Iterable[Write] = (),
    feeds: Iterable[Feed] = (),
    *,
    catalog: Catalog | None = None,
    as_of: datetime = NOW,
) -> Estate:
    return Estate(
        as_of=as_of,
        revision=1,
        catalog=catalog or Catalog(),
        datasets={d.key: d for d in datasets},
        jobs={j.key: j for j in jobs},
        writes=tuple(writes),
        feeds=tuple(feeds),
    )
