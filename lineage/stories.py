"""The dated story of a dataset: how its newest version came to be."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine, select

from catalog.model import AssetKey, Evidence, Kind
from catalog.moments import moment
from lineage.assets import ASSET, words_by_id
from lineage.estate import DataTestStatus, Estate, Provenance, RunState
from lineage.fold import RANKED_STATES, STATE_RANK
from lineage.log import event_ids
from lineage.runs import RUN, id_text
from lineage.shapes import SHAPE_DATASET, SHAPE_EDGE


def provenance(engine: Engine, estate: Estate, key: AssetKey) -> Provenance | None:
    """How the newest version of a dataset came to be; ``None`` if no successful run wrote it."""
    dataset = estate.find(key.namespace, key.name)
    if dataset is None:
        return None
    newest = (
        select(
            RUN.c.run_id, RUN.c.state, RUN.c.at, RUN.c.shape_id, RUN.c.principal_id,
            RUN.c.version_id, RUN.c.seq, ASSET.c.namespace, ASSET.c.name,
        )
        .join(SHAPE_DATASET, SHAPE_DATASET.c.shape_id == RUN.c.shape_id)
        .join(ASSET, ASSET.c.id == RUN.c.job_id)
        .where(
            SHAPE_DATASET.c.dataset_id.in_(dataset.ids),
            SHAPE_DATASET.c.is_output,
            SHAPE_DATASET.c.operation != "DROP",
            RUN.c.state == STATE_RANK[RunState.COMPLETE],
        )
        .order_by(RUN.c.at.desc(), RUN.c.started_at.desc(), RUN.c.run_id.desc())
        .limit(1)
    )  # fmt: skip
    with engine.connect() as connection:
        run = connection.execute(newest).first()
        if run is None:
            return None
        sources = set(
            connection.execute(
                select(SHAPE_EDGE.c.source_id).where(
                    SHAPE_EDGE.c.shape_id == run.shape_id, SHAPE_EDGE.c.target_id.in_(dataset.ids)
                )
            ).scalars()
        )
        words = words_by_id(connection)
        event_id = event_ids(connection, [run.seq])[run.seq]
    at = moment(run.at)
    job_key = estate.identities.key(AssetKey(Kind.JOB, run.namespace, run.name))
    job = estate.jobs.get(job_key)
    code = job.code if job else None
    if code is not None and run.version_id is not None:
        code = replace(code, version=words[run.version_id])
    since = [t for t in dataset.tests if t.at >= at]
    passed = sum(t.status is DataTestStatus.PASS for t in since)
    failed = sum(t.status is DataTestStatus.FAIL for t in since)
    return Provenance(
        dataset=dataset.key,
        run_id=id_text(run.run_id),
        job=job_key,
        state=RANKED_STATES[run.state],
        at=at,
        code=code,
        principal=words.get(run.principal_id),
        inputs=tuple(sorted(k for k, d in estate.datasets.items() if sources & {*d.ids})),
        tests_passed=passed,
        tests_failed=failed,
        tests_unknown=len(dataset.tests) - passed - failed,
        evidence=(Evidence(id_text(run.run_id), event_id=event_id, facet="run.runId"),),
    )
