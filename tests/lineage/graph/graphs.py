"""Small graphs, written down as what jobs do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from hypothesis import strategies as st

from catalog.model import AssetKey, Kind
from catalog.moments import microseconds
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.hops import Hops
from lineage.graph.model import LinkBasis
from lineage.graph.records import Carried, JobRecord
from lineage.graph.shared import Roll
from lineage.identity import EXACT

WHEN = datetime(2026, 11, 20, 6, tzinfo=UTC)

Does = tuple[str, str, str]
"""Source, job and target; without a job a dataset's own facet declares it. A name that begins with
``tmp`` is noise, a job that begins with ``old`` does so no longer."""


def ds(name: str, namespace: str = "wh") -> AssetKey:
    return AssetKey(Kind.DATASET, namespace, name)


def jb(name: str, namespace: str = "jobs") -> AssetKey:
    return AssetKey(Kind.JOB, namespace, name)


def graph_of(does: Iterable[Does], alone: Iterable[str] = ()) -> EstateGraph:
    """A graph in which jobs move data."""
    does = sorted(set(does))
    datasets = {ds(name) for a, _, b in does for name in (a, b) if name} | {ds(n) for n in alone}
    keys = sorted(datasets | {jb(job) for _, job, _ in does if job})
    numbers = {key: number for number, key in enumerate(keys)}
    by_job: dict[int, list[Does]] = defaultdict(list)
    for one in does:
        if one[1]:
            by_job[numbers[jb(one[1])]].append(one)
    hops = Hops.of(
        {job: _record(moved, numbers) for job, moved in by_job.items()},
        [(numbers[ds(a)], numbers[ds(b)]) for a, job, b in does if not job],
        (numbers[key] for key in datasets if key.name.startswith("tmp")),
    )
    return EstateGraph(as_of=WHEN, revision=1, identities=EXACT, roll=Roll.of(keys), hops=hops)


def _record(does: Sequence[Does], numbers: dict[AssetKey, int]) -> JobRecord:
    carried = Carried(
        LinkBasis.PRODUCT,
        observed=True,
        declared=False,
        current=not does[0][1].startswith("old"),
        provisional=False,
        first=microseconds(WHEN),
        last=microseconds(WHEN),
    )
    into: dict[int, dict[int, Carried]] = defaultdict(dict)
    for a, _, b in does:
        if a and b:
            into[numbers[ds(b)]][numbers[ds(a)]] = carried
    return JobRecord(
        dict(into),
        {numbers[ds(a)]: carried for a, _, _ in does if a},
        {numbers[ds(b)]: carried for _, _, b in does if b},
    )


NAMES = ("a", "b", "c", "d", "e", "f", "tmp1", "tmp2")
JOBS = ("j1", "j2", "j3", "j4", "old1", "old2", "")


@st.composite
def _moves(draw: st.DrawFn) -> Does:
    source, target = draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES))
    job = draw(st.sampled_from(JOBS))
    if job:
        only_reads, only_writes = draw(st.sampled_from([(0, 0), (0, 0), (0, 0), (1, 0), (0, 1)]))
        source, target = "" if only_writes else source, "" if only_reads else target
    return source, job, target


graphs = st.lists(_moves(), min_size=1, max_size=16).map(lambda does: graph_of(does, NAMES))
"""Graphs with noise, with what faded, one-sided jobs, rounds and loops."""
