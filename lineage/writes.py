"""Writes and feeds of the estate: who wrote what lately, and what evidence arrives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from catalog.model import Trust
from lineage import observed as o
from lineage.estate import Feed, FeedKind, Write
from lineage.scene import Scene

EVIDENCE_KEPT = 20
"""Events kept as evidence of a write."""

_Who = tuple[int, int, str | None, str]
"""Job, dataset, principal, operation."""


def build_writes(scene: Scene) -> tuple[Write, ...]:
    """What successful runs of the last 30 days wrote, by job, dataset, principal and operation."""
    groups: dict[_Who, list[o.Run]] = defaultdict(list)
    for run in scene.seen.recent:
        for dataset_id, operation in scene.seen.shapes[run.shape_id].outputs:
            groups[run.job_id, dataset_id, run.principal, operation].append(run)
    writes = [
        _write(scene, who, runs) for who, runs in groups.items() if scene.noise.get(who[1]) is None
    ]
    writes.sort(key=lambda w: (w.job, w.dataset, w.principal or "", w.operation))
    return tuple(writes)


def _write(scene: Scene, who: _Who, runs: list[o.Run]) -> Write:
    job_id, dataset_id, principal, operation = who
    # Jobs that are joined may end runs of one id at one instant: then the event decides.
    runs.sort(key=lambda r: (r.ended_at or r.started_at, r.started_at, r.run_id, r.event_id))
    runs.reverse()
    return Write(
        job=scene.job_key(job_id),
        dataset=scene.key(dataset_id),
        principal=principal,
        principal_why=_why(runs) if principal else None,
        job_sanctioned=scene.claims.job_sanctioned(job_id, dataset_id),
        principal_sanctioned=scene.claims.principal_sanctioned(job_id, dataset_id, principal),
        operation=operation,
        runs=len(runs),
        first_at=min(r.ended_at or r.started_at for r in runs),
        last_at=max(r.ended_at or r.started_at for r in runs),
        last_run_id=runs[0].run_id,
        producer=runs[0].producer,
        event_ids=tuple(r.event_id for r in runs[:EVIDENCE_KEPT]),
    )


def _why(runs: list[o.Run]) -> str:
    """How its principal is known, by the least of what its runs rest on."""
    if all(run.trust is Trust.E2 for run in runs):
        return "the producer key that its events came with stands for the principal"
    return "a facet of its run names the principal"


def build_feeds(scene: Scene) -> Iterator[Feed]:
    """Feeds that spoke, and for namespaces that hold data those that never did."""
    seen = scene.seen
    real = {
        asset.namespace
        for i, asset in seen.datasets.items()
        if scene.noise.get(i) is None and i not in seen.uses
    }
    spoken = {(f.namespace, f.evidence) for f in seen.feeds}
    yield from (f for f in seen.feeds if f.namespace in real)
    speakers = {f.namespace: f.producers for f in seen.feeds if f.evidence is FeedKind.RUNS}
    for namespace in sorted(real):
        for kind in FeedKind:
            if (namespace, kind) not in spoken:
                yield Feed(namespace, kind, speakers.get(namespace, ()), None, None, 0)
