"""Recordings of what real producers sent, each beside the producer's own account of the run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from lineage.estate import DataTestStatus, Estate, RunState
from lineage.importing import Summary, ingest_files
from lineage.ingest import Ingestor
from lineage.reading import load_estate

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
NAMES = sorted(path.stem for path in RECORDED.glob("*.ndjson"))

Told = dict[tuple[str, str, str | None], tuple[DataTestStatus, bool]]
"""For each dataset, data test and column: how it ended, and whether a failure blocks."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What came of one recording, and the producer's own account of the same run."""

    summary: Summary
    events: int
    estate: Estate
    account: Any

    def states(self, namespace: str) -> dict[str, tuple[RunState | None, int]]:
        """For each job of a namespace how its newest run ended, and how many runs it had."""
        return {
            key.name: (job.last_state, job.runs_30d)
            for key, job in self.estate.jobs.items()
            if key.namespace == namespace
        }

    def told(self) -> Told:
        return {
            (key.name, test.name, test.column): (test.status, test.blocking)
            for key, dataset in self.estate.datasets.items()
            for test in dataset.tests
        }


def play(store: Engine, name: str) -> Recording:
    """Takes one recording in."""
    path = RECORDED / f"{name}.ndjson"
    events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    last = max(datetime.fromisoformat(event["eventTime"]) for event in events)
    summary = Summary()
    ingest_files(Ingestor(store), [path], summary)
    return Recording(
        summary=summary,
        events=len(events),
        estate=load_estate(store, last + timedelta(minutes=1)),
        account=json.loads((RECORDED / f"{name}.json").read_text("utf-8")),
    )
