"""What events said under several names of one asset, as what they said of that asset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from catalog.model import AssetKey, Catalog, Kind
from lineage import observed as o
from lineage.estate import Feed, FeedKind
from lineage.identity import Identities, Symlink
from lineage.joining import identify_datasets, identify_jobs
from lineage.reducers import Reducers
from lineage.traits import job_type_in


@dataclass(frozen=True, slots=True)
class Groups:
    """The id that stands for each asset of several names, by each of its ids: the least."""

    identities: Identities
    datasets: Mapping[int, int]
    jobs: Mapping[int, int]


def identify(
    datasets: Mapping[int, o.Asset],
    jobs: Mapping[int, o.Asset],
    symlinks: Iterable[o.Symlink],
    catalog: Catalog,
    reducers: Reducers,
    *,
    nodes: Iterable[tuple[int, str]],
) -> Identities:
    """Which names are one asset, as producers, people and settings say.

    Args:
        datasets: By id.
        jobs: By id.
        symlinks: Every statement that was ever made.
        catalog: What is declared.
        reducers: Which endings name a part of a dataset.
        nodes: Each job with every node of dbt that it ever ran.
    """
    names = {i: (a.namespace, a.name) for i, a in datasets.items()}
    told = (
        Symlink(names[s.dataset_id], names[s.other_id], s.type, s.event_id, s.is_claim)
        for s in symlinks
    )
    ran = (((jobs[i].namespace, jobs[i].name), unique_id) for i, unique_id in nodes if i in jobs)
    return Identities(
        identify_datasets(names.values(), told, catalog.aliases, catalog.apart, reducers),
        identify_jobs(ran, catalog.apart),
    )


def group(
    datasets: Mapping[int, o.Asset], jobs: Mapping[int, o.Asset], identities: Identities
) -> Groups:
    """The ids of each asset, as one."""

    def ids(assets: Mapping[int, o.Asset], kind: Kind) -> dict[int, int]:
        least: dict[AssetKey, int] = {}
        keys = {}
        for i in sorted(assets):
            keys[i] = identities.key(AssetKey(kind, assets[i].namespace, assets[i].name))
            least.setdefault(keys[i], i)
        return {i: least[key] for i, key in keys.items() if least[key] != i}

    return Groups(identities, ids(datasets, Kind.DATASET), ids(jobs, Kind.JOB))


def merge(seen: o.Observed, groups: Groups) -> o.Observed:
    """What was said under every name of an asset, as said of it; removed facets are left out.

    Data tests are not touched: what each said last was told by whole assets already.
    """
    jobs = groups.jobs
    leading = frozenset(i for i, job in seen.jobs.items() if not _is_data_test(job))
    first: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    for (job_id, version), at in seen.first_success.items():
        first[jobs.get(job_id, job_id), version].append(at)
    finished: dict[int, int] = defaultdict(int)
    for job_id, runs in seen.runs_30d.items():
        finished[jobs.get(job_id, job_id)] += runs
    return replace(
        seen,
        datasets=_assets(seen.datasets, groups.datasets, Kind.DATASET, groups.identities),
        jobs=_assets(seen.jobs, jobs, Kind.JOB, groups.identities, leading),
        current=_current(seen, groups),
        latest=_newest_runs(seen.latest, jobs, leading),
        successful=_newest_runs(seen.successful, jobs, leading),
        shapes={i: _shape(s, groups.datasets) for i, s in seen.shapes.items()},
        recent=tuple(_run(run, jobs) for run in seen.recent),
        runs_30d=dict(finished),
        tests=tuple(replace(t, job_id=jobs.get(t.job_id, t.job_id)) for t in seen.tests),
        feeds=tuple(_feeds(seen, groups.identities)),
        first_success={key: min(times) for key, times in first.items()},
        identities=groups.identities,
    )


# Assets -----------------------------------------------------------------------------------------


def _is_data_test(job: o.Asset) -> bool:
    """Whether it is where a dbt model is tested, which is another name of the model's job."""
    facet = job.facets.get("jobType")
    return facet is not None and job_type_in(facet.body).type == "TEST"


def _assets(
    assets: Mapping[int, o.Asset],
    ids: Mapping[int, int],
    kind: Kind,
    identities: Identities,
    leading: frozenset[int] = frozenset(),
) -> dict[int, o.Asset]:
    members: dict[int, list[o.Asset]] = defaultdict(list)
    for i in sorted(assets):
        members[ids.get(i, i)].append(assets[i])
    return {
        i: _asset(i, same, _preferred(same, leading), kind, identities)
        for i, same in members.items()
    }


def _preferred(same: Sequence[o.Asset], leading: frozenset[int]) -> tuple[Sequence[o.Asset], ...]:
    """Members whose facets win against those of the others, and the others."""
    first = [a for a in same if a.id in leading]
    return (first, [a for a in same if a.id not in leading]) if first else (same,)


def _asset(
    number: int,
    same: Sequence[o.Asset],
    preferred: tuple[Sequence[o.Asset], ...],
    kind: Kind,
    identities: Identities,
) -> o.Asset:
    facets: dict[str, o.Facet] = {}
    for members in preferred:
        facets = _winning(members) | facets
    found = identities.group(AssetKey(kind, same[0].namespace, same[0].name))
    named = [a for a in same if a.seen]
    newest = max(named or same, key=lambda a: (a.last_seen, a.event_id))
    return o.Asset(
        number,
        *found.canonical,
        seen=bool(named),
        first_seen=min(a.first_seen for a in named or same),
        last_seen=newest.last_seen,
        event_id=newest.event_id,
        facets={name: f for name, f in facets.items() if not f.body.get("_deleted")},
        names=found.members,
        title=found.title,
        ids=tuple(a.id for a in same),
    )


def _winning(assets: Iterable[o.Asset]) -> dict[str, o.Facet]:
    """Of each facet the one with the greatest order, whichever name it was said of."""
    won: dict[str, o.Facet] = {}
    for asset in assets:
        for name, facet in asset.facets.items():
            known = won.get(name)
            if known is None or facet.newness > known.newness:
                won[name] = facet
    return won


# Runs -------------------------------------------------------------------------------------------


def _newest_runs(
    runs: Mapping[int, o.Run], jobs: Mapping[int, int], leading: frozenset[int]
) -> dict[int, o.Run]:
    found: dict[int, tuple[tuple[object, ...], o.Run]] = {}
    for job_id, run in runs.items():
        number = jobs.get(job_id, job_id)
        # Jobs that are joined may end runs of one id at one instant: then the event decides.
        order = (job_id in leading, run.last_at, run.started_at, run.run_id, run.event_id)
        known = found.get(number)
        if known is None or order > known[0]:
            found[number] = order, _run(run, jobs)
    return {number: run for number, (_, run) in found.items()}


def _run(run: o.Run, jobs: Mapping[int, int]) -> o.Run:
    if not jobs.keys() & {run.job_id, run.parent_job_id, run.root_job_id}:
        return run
    above, root = (
        jobs.get(i, i) if i is not None else None for i in (run.parent_job_id, run.root_job_id)
    )
    return replace(
        run, job_id=jobs.get(run.job_id, run.job_id), parent_job_id=above, root_job_id=root
    )


# Shapes -----------------------------------------------------------------------------------------


def _current(seen: o.Observed, groups: Groups) -> dict[int, tuple[o.Shape, ...]]:
    """What a job does under any of its names: one of them may only test what another made."""
    found: dict[int, list[o.Shape]] = defaultdict(list)
    for job_id, shapes in seen.current.items():
        number = groups.jobs.get(job_id, job_id)
        found[number] += (_shape(shape, groups.datasets) for shape in shapes)
    return {number: tuple(shapes) for number, shapes in found.items()}


def _shape(shape: o.Shape, ids: Mapping[int, int]) -> o.Shape:
    if not ids:
        return shape
    edges = ((ids.get(a, a), ids.get(b, b), a == b) for a, b in shape.edges)
    return o.Shape(
        tuple(dict.fromkeys(ids.get(i, i) for i in shape.inputs)),
        tuple(_outputs((ids.get(i, i), operation) for i, operation in shape.outputs)),
        tuple(dict.fromkeys((a, b) for a, b, was_own in edges if a != b or was_own)),
        shape.is_provisional,
    )


def _outputs(outputs: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Each once; that it is written goes without saying where one name says what was done."""
    said: dict[int, dict[str, None]] = defaultdict(dict)
    for dataset_id, operation in outputs:
        said[dataset_id][operation] = None
    for dataset_id, operations in said.items():
        for operation in operations:
            if operation != "WRITE" or len(operations) == 1:
                yield dataset_id, operation


# Feeds ------------------------------------------------------------------------------------------


def _feeds(seen: o.Observed, identities: Identities) -> Iterator[Feed]:
    """Feeds by the namespaces in which their datasets are known.

    A producer that speaks of a table by its path is heard in the namespace of the table too.
    """
    known_in: dict[str, set[str]] = defaultdict(set)
    for asset in seen.datasets.values():
        known_in[asset.namespace].add(identities.datasets.of((asset.namespace, asset.name))[0])
    spoken: dict[tuple[str, FeedKind], list[Feed]] = defaultdict(list)
    for feed in seen.feeds:
        for namespace in known_in.get(feed.namespace, {feed.namespace}):
            spoken[namespace, feed.evidence].append(feed)
    for (namespace, evidence), feeds in sorted(spoken.items()):
        yield _feed(namespace, evidence, feeds)


def _feed(namespace: str, evidence: FeedKind, feeds: Sequence[Feed]) -> Feed:
    newest = max(feeds, key=lambda f: (f.last_at is not None, f.last_at, f.event_id or ""))
    return replace(
        newest,
        namespace=namespace,
        evidence=evidence,
        producers=tuple(sorted({p for f in feeds for p in f.producers})),
        first_at=min((f.first_at for f in feeds if f.first_at), default=None),
        events=sum(f.events for f in feeds),
    )
