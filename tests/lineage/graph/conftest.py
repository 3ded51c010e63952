"""A small store to ask."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog.database import connect, set_meta, writing
from tests.lineage.conftest import MakeEvent
from tests.lineage.graph.asked import moves
from tests.lineage.worlds import NOW, WH, dataset, take


@pytest.fixture
def database(tmp_path: Path, make_event: MakeEvent) -> str:
    """``x.raw`` goes into ``x.staged`` and on into ``x.mart``, ``x.mart`` into ``x.report``."""
    url = f"sqlite:///{tmp_path / 'andon.db'}"
    engine = connect(url)
    lineage: dict[str, Any] = {
        "columnLineage": {
            "fields": {
                "total": {
                    "inputFields": [
                        {"namespace": WH, "name": "x.raw", "field": "price",
                         "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION"}]}
                    ]
                }
            }
        },
        "schema": {"fields": [{"name": "total", "type": "int"}, {"name": "other", "type": "int"}]},
    }  # fmt: skip
    further: dict[str, Any] = {
        "columnLineage": {
            "fields": {
                "sum": {"inputFields": [{"namespace": WH, "name": "x.staged", "field": "total"}]}
            }
        }
    }
    sent = [
        moves("x.old", dataset("x.staged"), "stage", 1),
        moves("x.raw", dataset("x.staged", **lineage), "stage", 5),
        moves("x.staged", dataset("x.mart", **further), "build", 6),
        moves("x.mart", dataset("=x.report"), "draw", 7),
    ]
    filled = [make_event(run={"runId": f"run {i}"}) | event for i, event in enumerate(sent)]
    take(engine, [[json.dumps(event).encode() for event in filled]])
    with writing(engine) as connection:
        behind = (datetime.now(UTC) - NOW) // timedelta(microseconds=1)
        set_meta(connection, "clock_behind_us", behind)
    engine.dispose()
    return url
