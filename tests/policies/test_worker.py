"""The worker judges whatever came in, also while it was judging."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

import policies.worker
from catalog.database import connect
from lineage.ingest import Arrival, Ingestor
from lineage.reducers import Reducers
from policies.assess import Assessment, assess
from policies.worker import Worker

EVENT = {
    "eventTime": "2026-11-20T06:00:00Z",
    "producer": "https://example.com/p",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
    "job": {"namespace": "jobs", "name": "load"},
}


def test_an_event_that_comes_during_an_assessment_is_judged_soon_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = connect(f"sqlite:///{tmp_path / 'andon.db'}")
    judged: list[int] = []

    def interrupted(engine: Engine, as_of: datetime, reducers: Reducers) -> Assessment:
        found = assess(engine, as_of, reducers)
        if not judged:
            Ingestor(engine).ingest([Arrival(json.dumps(EVENT).encode(), "t")])
        judged.append(len(found.index.estate.jobs))
        return found

    monkeypatch.setattr(policies.worker, "assess", interrupted)

    with Worker(store, 0.0).running():
        until = time.monotonic() + 20
        while len(judged) < 2 and time.monotonic() < until:
            time.sleep(0.05)

    store.dispose()
    assert judged[:2] == [0, 1]
