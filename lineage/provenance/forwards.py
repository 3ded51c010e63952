"""What was built on a version of a dataset, or on all that one run wrote."""

from __future__ import annotations

from catalog.model import AssetKey
from lineage.history import Standpoint
from lineage.provenance.backwards import find_version
from lineage.provenance.ledger import Ledger
from lineage.provenance.model import Aftermath, RunRef
from lineage.provenance.walking import Walk
from lineage.run_story import kept_id

DEPTH = 100
"""Hops on that are told unless one asks otherwise."""
MOST = 10_000
"""Versions in one answer, the nearest."""


def forwards(
    standpoint: Standpoint,
    key: AssetKey,
    version: str | None = None,
    depth: int = DEPTH,
    most: int = MOST,
) -> Aftermath | None:
    """What was built on a version of a dataset.

    Args:
        standpoint: What is known, of when.
        key: The dataset, under any of its names.
        version: As its producer calls it, or the id of the run that wrote it; ``None``: what is
            there now.
        depth: Hops on from it, from dataset to dataset.
        most: Versions, the nearest.

    Returns:
        ``None`` if there is no such dataset or version.
    """
    dataset = standpoint.estate.find(key.namespace, key.name)
    if dataset is None:
        return None
    with standpoint.engine.connect() as connection:
        ledger = Ledger(standpoint, connection)
        start = find_version(ledger, dataset.id, version)
        if start is None:
            return None
        return Walk(ledger, depth, most).tell(dataset.key, [start], standpoint)


def forwards_of_run(
    standpoint: Standpoint, run: RunRef, depth: int = DEPTH, most: int = MOST
) -> Aftermath | None:
    """What was built on everything that one run wrote; ``None``: it left no version behind."""
    job = standpoint.estate.find_job(run.job.namespace, run.job.name)
    if job is None:
        return None
    with standpoint.engine.connect() as connection:
        ledger = Ledger(standpoint, connection)
        starts = ledger.written_by(job.id, kept_id(run.run_id))
        if not starts:
            return None
        return Walk(ledger, depth, most).tell(job.key, starts, standpoint)
