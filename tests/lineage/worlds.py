"""Small worlds of events for tests of the estate, and what to ask them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from catalog.formats import read_catalog
from catalog.model import AssetKey, Catalog, Kind
from lineage.estate import Dataset, Estate, Job, Write
from lineage.ingest import Arrival, Ingestor
from lineage.rebuild import digest

CleanStore = Callable[[], Engine]


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file of real events, and what the corpus says about it."""

    name: str
    bodies: tuple[bytes, ...]
    verdicts: dict[str, int]


DAY = datetime(2026, 11, 20, tzinfo=UTC)
NOW = DAY + timedelta(hours=9)
WH = "postgres://wh:5432"


def at(minute: int) -> str:
    return (DAY + timedelta(minutes=minute)).isoformat()


def dataset(name: str, namespace: str = WH, **facets: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "facets": facets}


def job(name: str, integration: str | None = None, namespace: str = "jobs", **facets: Any) -> Any:
    if integration:
        facets["jobType"] = {"processingType": "BATCH", "integration": integration}
    return {"namespace": namespace, "name": name, "facets": facets}


def catalog_of(tmp_path: Path, text: str) -> Catalog:
    folder = tmp_path / "governance"
    folder.mkdir(exist_ok=True)
    (folder / "all.yml").write_text(text)
    return read_catalog(folder)


def get(estate: Estate, name: str, namespace: str = WH) -> Dataset:
    return estate.datasets[AssetKey(Kind.DATASET, namespace, name)]


def get_job(estate: Estate, name: str, namespace: str = "jobs") -> Job:
    return estate.jobs[AssetKey(Kind.JOB, namespace, name)]


def write_of(estate: Estate, job_name: str) -> Write:
    (write,) = [w for w in estate.writes if w.job.name == job_name]
    return write


def principal(name: str) -> dict[str, Any]:
    return {"tags": {"tags": [{"key": "principal", "value": name}]}}


def encode(event: Any) -> bytes:
    return json.dumps(event).encode()


def take(engine: Engine, batches: Sequence[Sequence[bytes]]) -> None:
    ingestor = Ingestor(engine)
    for batch in batches:
        if batch:
            ingestor.ingest([Arrival(body, "t") for body in batch])


def digest_of(clean_store: CleanStore, batches: Sequence[Sequence[bytes]]) -> str:
    engine = clean_store()
    take(engine, batches)
    return digest(engine)
