"""What all commands print alike as JSON: documents, instants, assets, runs, evidence."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from catalog.model import AssetKey, Evidence


def document(value: object) -> str:
    """One JSON document."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def instant(value: datetime) -> str:
    """An instant to the microsecond, UTC."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def asset_json(key: AssetKey) -> dict[str, object]:
    """An asset's key."""
    return {"kind": str(key.kind), "namespace": key.namespace, "name": key.name}


def run_json(job: AssetKey, run_id: str) -> dict[str, object]:
    """A run of a job."""
    return {"kind": "run", "run_id": run_id, "job": asset_json(job)}


def evidence_json(evidence: Evidence) -> dict[str, object]:
    """A piece of evidence: an event, or a declared line."""
    if evidence.place is not None:
        place = evidence.place
        return {"file": place.file, "line": place.line, "value": evidence.value}
    return {"event_id": evidence.event_id, "facet": evidence.facet, "value": evidence.value}
