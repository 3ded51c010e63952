"""Two stores to look at: an empty one, and one that a small company has reported to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog.database import connect
from lineage.ingest import Arrival, Ingestor
from policies.assess import assess

NOW = datetime.now(UTC)
WAREHOUSE = "postgres://wh-prod:5432"
RAW, ORDERS, REVENUE = (f"shop.{name}" for name in ("raw.orders", "mart.orders", "mart.revenue"))


def event(
    job: str,
    inputs: list[str],
    outputs: list[str],
    *,
    hours_ago: float,
    namespace: str = "dbt-prod",
    producer: str = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt",
    tested: str | None = None,
    written: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A run that completed, perhaps with two data tests of which one fails.

    ``written`` names outputs outside the warehouse, each by namespace and name.
    """
    at = NOW - timedelta(hours=hours_ago)

    def facet(**values: object) -> dict[str, object]:
        return {"_producer": producer, "_schemaURL": "https://openlineage.io/spec", **values}

    def dataset(name: str) -> dict[str, object]:
        fields = [{"name": "order_id", "type": "bigint"}, {"name": "amount", "type": "decimal"}]
        return {"namespace": WAREHOUSE, "name": name, "facets": {"schema": facet(fields=fields)}}

    read = [dataset(name) for name in inputs]
    if tested:
        checks = [
            {"assertion": "not_null", "column": "order_id", "success": True, "severity": "error"},
            {"assertion": "unique", "column": "order_id", "success": False, "actual": "3"},
        ]
        quality = {"dataQualityAssertions": facet(assertions=checks)}
        read.append(dataset(tested) | {"inputFacets": quality})
    run_id = f"0199{abs(hash((job, hours_ago))) % 10**8:08d}"
    return json.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": at.isoformat().replace("+00:00", "Z"),
            "producer": producer,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": f"{run_id[:8]}-{run_id[8:]}-7000-8000-000000000001"},
            "job": {"namespace": namespace, "name": job},
            "inputs": read,
            "outputs": [
                *(dataset(name) for name in outputs),
                *({"namespace": namespace, "name": name} for namespace, name in written),
            ],
        }
    ).encode()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A store to which nothing was ever sent, the one that the settings name."""
    url = f"sqlite:///{tmp_path / 'andon.db'}"
    monkeypatch.setenv("ANDON_DATABASE_URL", url)
    return connect(url)


@pytest.fixture
def filled(empty: Engine) -> Engine:
    """A store with two marts, data tests of which one fails, a hand-made write and a refusal."""
    bodies = [
        event("load.raw_orders", [], [RAW], hours_ago=5),
        event("shop.orders", [RAW], [ORDERS], hours_ago=4),
        event("shop.orders.test", [], [], hours_ago=3.9, tested=ORDERS),
        event("shop.revenue", [ORDERS], [REVENUE], hours_ago=3),
        event(
            "fix_*revenue*",
            [],
            [REVENUE],
            hours_ago=1,
            namespace="notebooks",
            producer="https://shop.example/notebook",
        ),
        b'{"eventType": "COMPLETE", "job": {"namespace": "", "name": "<b>x</b>"}}',
    ]
    Ingestor(empty).ingest([Arrival(body, "127.0.0.1") for body in bodies])
    assess(empty, NOW)
    return empty
