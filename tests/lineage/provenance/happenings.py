"""Runs in a few words, to ask where versions came from and what was built on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from catalog.store import apply_catalog
from lineage.history import Standpoint, stand
from lineage.provenance.ledger import Ledger
from lineage.provenance.model import Aftermath, Story, Version
from tests.lineage.worlds import DAY, NOW, WH, catalog_of, take

JOBS = "jobs-prod"
PIPELINE = f"""
version: 1
environments: [{{environment: prod, namespace: "{WH}"}}]
pipelines:
  - {{id: nightly, environment: prod, jobs: [{{namespace: {JOBS}}}], principals: [service:etl]}}
"""
"""Whatever runs in that namespace as service:etl may write."""

Part = str | dict[str, Any]
Event = dict[str, Any]


def key(name: str) -> AssetKey:
    return AssetKey(Kind.DATASET, WH, name)


def minute(number: float) -> datetime:
    return DAY + timedelta(minutes=number)


def did(name: str, operation: str | None = None, version: str | None = None, **more: Any) -> Event:
    """A dataset as a run names it: what it did there, and what it calls the version."""
    facets: dict[str, Any] = dict(more)
    if operation is not None:
        facets["lifecycleStateChange"] = {"lifecycleStateChange": operation}
    if version is not None:
        facets["version"] = {"datasetVersion": version}
    return {"namespace": WH, "name": name, "facets": facets}


def ran(
    run_id: str,
    job: str,
    start: float,
    end: float | None,
    reads: Iterable[Part] = (),
    writes: Iterable[Part] = (),
    *,
    state: str = "COMPLETE",
    namespace: str = JOBS,
    principal: str | None = "service:etl",
    run: dict[str, Any] | None = None,
    facets: dict[str, Any] | None = None,
) -> list[Event]:
    """The events of one run, in minutes of the day; without an end it goes on."""
    tags = {"tags": {"tags": [{"key": "principal", "value": principal}]}} if principal else {}
    told = {
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id, "facets": {**tags, **(run or {})}},
        "job": {"namespace": namespace, "name": job, "facets": facets or {}},
        "inputs": [did(part) if isinstance(part, str) else part for part in reads],
        "outputs": [did(part) if isinstance(part, str) else part for part in writes],
    }
    events = [{**told, "eventType": "START", "eventTime": minute(start).isoformat()}]
    if end is not None:
        events.append({**told, "eventType": state, "eventTime": minute(end).isoformat()})
    return events


STREAM = {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}}


def fill(store: Engine, *happened: Sequence[Event]) -> Engine:
    """Take in the events of some runs."""
    take(store, [[json.dumps(event).encode() for events in happened for event in events]])
    return store


def declare(store: Engine, folder: Path, text: str = PIPELINE) -> None:
    """Say which pipelines there are."""
    apply_catalog(store, catalog_of(folder, text), "person:ana", NOW)


def versions(seen: Standpoint) -> list[Version]:
    """Every version of every dataset."""
    with seen.engine.connect() as connection:
        ledger = Ledger(seen, connection)
        found = [
            ledger.version(write)
            for dataset in ledger.written()
            for write in ledger.history(dataset).writes
            if not write.is_drop
        ]
    return sorted(found, key=lambda v: (v.dataset, v.at, v.run and v.run.run_id))


def above(story: Story) -> set[Version]:
    """Every version that is told of, the one that was asked for among them."""
    return {built.version for built in story.built}


def below(aftermath: Aftermath) -> set[Version]:
    return {descendant.version for descendant in aftermath.versions}


def at_noon(store: Engine) -> Standpoint:
    """When all that happens here has happened."""
    return stand(store, NOW)


# What may happen --------------------------------------------------------------------------------

_NAMES = st.sampled_from(["a", "b", "c", "d"])
_OPERATIONS = st.sampled_from(
    [None, None, None, "OVERWRITE", "TRUNCATE", "DROP", "ALTER", "CREATE"]
)
_CALLED = st.sampled_from([None, None, None, "v1", "v2"])
_READ = st.builds(did, _NAMES, st.none(), _CALLED)
_WRITTEN = st.builds(did, _NAMES, _OPERATIONS, _CALLED)


def _name(part: Part) -> str:
    return part if isinstance(part, str) else str(part["name"])


@st.composite
def histories(draw: st.DrawFn) -> list[list[Event]]:
    """Runs of a few jobs that read and write a few datasets, one after the other or at once."""
    found = []
    for number in range(draw(st.integers(1, 7))):
        start = draw(st.integers(0, 30))
        streams = draw(st.integers(0, 7)) == 0
        end = start + draw(st.integers(0, 8))
        found.append(
            ran(
                f"00000000-0000-7000-8000-{number:012}",
                ("stream " if streams else "") + draw(st.sampled_from(["load", "clean", "build"])),
                start,
                None if streams and draw(st.booleans()) else end,
                draw(st.lists(_READ, max_size=2, unique_by=_name)),
                draw(st.lists(_WRITTEN, max_size=2, unique_by=_name)),
                state=draw(st.sampled_from(["COMPLETE", "COMPLETE", "COMPLETE", "FAIL"])),
                namespace=draw(st.sampled_from([JOBS, JOBS, "laptop"])),
                facets=STREAM if streams else None,
            )
        )
    return found
