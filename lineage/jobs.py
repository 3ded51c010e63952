"""Jobs of the estate, built from what was seen and declared."""

from __future__ import annotations

from catalog.model import AssetKey, Environment, Kind
from lineage import observed as o
from lineage.estate import CodeLocation, Job
from lineage.events import text_of
from lineage.habits import proved_below
from lineage.keys import AS_SAID
from lineage.naming import display_titles, job_noise
from lineage.scene import Scene, facet_of, key_of
from lineage.traits import job_type_in


def build_jobs(scene: Scene) -> dict[AssetKey, Job]:
    """Every job that events spoke of; one that only others name as a parent is left out."""
    known = {i: a for i, a in sorted(scene.seen.jobs.items()) if a.seen}
    shown = display_titles(asset.title for asset in known.values())
    proved = proved_below(
        scene.seen, lambda i: _version(scene, i), lambda i: _environment(scene, i)
    )
    found = {}
    for i, asset in known.items():
        key = key_of(Kind.JOB, asset)
        found[key] = _job(scene, i, shown[asset.title], proved.get(i))
    return found


def _job(scene: Scene, i: int, display_name: str, is_proved: bool | None) -> Job:
    asset, run = scene.seen.jobs[i], scene.seen.latest.get(i)
    owners = scene.claims.job_owners(i)
    key = key_of(Kind.JOB, asset)
    return Job(
        key=key,
        id=i,
        display_name=display_name,
        integration=scene.claims.integration(i),
        job_type=text_of(facet_of(asset, "jobType").get("jobType")),
        noise=_noise(scene, i),
        environment=scene.claims.job_environment(i),
        owners=owners,
        team=scene.claims.team(owners),
        code=code_location(asset),
        parent=_named(scene, run.parent_job_id if run else None),
        root=_named(scene, run.root_job_id if run else None),
        pipeline=scene.claims.pipeline(i),
        last_run_id=run.run_id if run else None,
        last_state=run.state if run else None,
        last_run_at=(run.ended_at or run.started_at) if run else None,
        runs_30d=scene.seen.runs_30d.get(i, 0),
        proved_below=is_proved,
        first_seen=asset.first_seen,
        last_seen=asset.last_seen,
        names=scene.other_names(key, asset),
        joins=scene.seen.identities.group(key).joins if len(asset.names) > 1 else (),
        ids=asset.ids,
        state_evidence=run.told if run else (),
        conflict=run.conflict if run else (),
        outcome=run.outcome if run else None,
        tests=scene.tests.get(i, ()),
        above=run.above if run else AS_SAID,
    )


def _noise(scene: Scene, i: int) -> str | None:
    asset = scene.seen.jobs[i]
    shapes = scene.seen.current.get(i, ())
    writes_data = any(scene.noise.get(dataset) is None for s in shapes for dataset, _ in s.outputs)
    named = job_noise(
        asset.name, job_type_in(facet_of(asset, "jobType")).type, writes_data=writes_data
    )
    if named is not None or any(shape.inputs or shape.outputs for shape in shapes):
        return named
    return "it reads and writes no data"


def _named(scene: Scene, job_id: int | None) -> AssetKey | None:
    return None if job_id is None else scene.job_key(job_id)


def _version(scene: Scene, job_id: int) -> str | None:
    run = scene.seen.successful.get(job_id)
    return run.version if run else None


def _environment(scene: Scene, job_id: int) -> Environment | None:
    claim = scene.claims.job_environment(job_id)
    return claim.value if claim else None


def code_location(asset: o.Asset) -> CodeLocation | None:
    """Where a job's code lives, as its own facet says."""
    facet = asset.facets.get("sourceCodeLocation")
    if facet is None:
        return None
    body = facet.body
    return CodeLocation(
        url=text_of(body.get("url")),
        repository=text_of(body.get("repoUrl")) or text_of(body.get("url")),
        version=text_of(body.get("version")),
        branch=text_of(body.get("branch")),
        tag=text_of(body.get("tag")),
        event_id=facet.event_id,
        pull_request=text_of(body.get("pullRequestNumber")),
    )
