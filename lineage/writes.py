"""Writes and feeds of the estate: who wrote what lately, and what evidence arrives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from catalog.model import Basis, Claim, Trust
from lineage import observed as o
from lineage.estate import Feed, FeedKind, Write
from lineage.keys import Parentage, trust_in
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
        principal_why=_why(scene, dataset_id, runs) if principal else None,
        principal_trust=_trust(scene, dataset_id, runs) if principal else None,
        job_sanctioned=_job_sanctioned(scene, job_id, dataset_id),
        principal_sanctioned=scene.claims.principal_sanctioned(job_id, dataset_id, principal),
        operation=operation,
        runs=len(runs),
        first_at=min(r.ended_at or r.started_at for r in runs),
        last_at=max(r.ended_at or r.started_at for r in runs),
        last_run_id=runs[0].run_id,
        producer=runs[0].producer,
        event_ids=tuple(r.event_id for r in runs[:EVIDENCE_KEPT]),
        keys=frozenset(r.key_id for r in runs if r.key_id is not None),
    )


def _job_sanctioned(scene: Scene, job_id: int, dataset_id: int) -> Claim[bool] | None:
    """Whether a pipeline has the job there, and that it only claims to be part of one."""
    claim = scene.claims.job_sanctioned(job_id, dataset_id)
    run = scene.seen.latest.get(job_id)
    if claim is None or claim.value or run is None or claim.basis is not Basis.GUESSED:
        return claim
    for what, above, standing in (
        ("parent", run.parent_job_id, run.above.parent),
        ("root", run.root_job_id, run.above.root),
    ):
        if above is not None and standing is Parentage.CLAIMED:
            name = scene.seen.jobs[above].name
            why = f"it claims {name} as its {what}, which no key confirms, and {claim.why}"
            return replace(claim, why=why)
    return claim


def _trust(scene: Scene, dataset_id: int, runs: list[o.Run]) -> Trust:
    """How far to believe who ran it: as far as the least of its runs."""
    environment = scene.claims.environment(dataset_id)
    names = scene.seen.datasets[dataset_id].names
    where = {namespace for namespace, _ in names}, environment.value if environment else None
    by_key = {
        key_id: trust_in(scene.seen.keys.get(key_id or 0), *where)
        for key_id in {run.key_id for run in runs}
    }
    return min(min(run.trust or Trust.E1, by_key[run.key_id]) for run in runs)


def _why(scene: Scene, dataset_id: int, runs: list[o.Run]) -> str:
    """How its principal is known, by the least of what its runs rest on."""
    if any(run.trust is not Trust.E2 for run in runs):
        return "a facet of its run names the principal"
    why = "the producer key that its events came with stands for the principal"
    if _trust(scene, dataset_id, runs) is Trust.E2:
        return why
    return f"{why}, but not for where this is"


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
