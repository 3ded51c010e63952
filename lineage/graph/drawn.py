"""The graph as it is shown: what is noise is drawn through, and what faded only if asked for. Pure.

There are two drawings: datasets joined by datasets, and datasets joined through jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise

from catalog.model import AssetKey, Kind
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import Link
from lineage.graph.records import weakest

NO_KEYS: Set[AssetKey] = frozenset()


class Drawn:
    """A drawing in which the assets that are asked about are shown whatever they are.

    Args:
        graph: What is drawn.
        asked: About what.
        hidden_jobs: Jobs that are drawn through, such as single statements of a script.
        with_faded: Whether edges that are not current any more are drawn too.
    """

    def __init__(
        self,
        graph: EstateGraph,
        asked: Set[AssetKey],
        hidden_jobs: Set[AssetKey] = NO_KEYS,
        *,
        with_faded: bool = False,
    ) -> None:
        self._graph = graph
        self._asked = asked
        self._hidden_jobs = hidden_jobs
        self._is_current_only = not with_faded
        self._shows_noise = any(k.kind is Kind.DATASET and graph.is_noise(k) for k in asked)

    def datasets_beside(self, key: AssetKey, *, up: bool) -> Iterable[AssetKey]:
        """Datasets one hop away, of a job those that it reads or writes; in no order."""
        flow = self._graph.flow  # the same drawing, unless noise is shown
        if self._is_current_only and key.kind is Kind.DATASET and not self._shows_noise:
            number = self._graph.number(key)
            if number in flow:
                found = flow.predecessors(number) if up else flow.successors(number)
                return map(self._graph.key, found)
        return self._beside(key, up=up, through_jobs=False)

    def jobs_beside(self, key: AssetKey, *, up: bool) -> Iterable[AssetKey]:
        """Jobs on the way to the datasets one hop away, and those at which it ends."""
        known = {key}
        waiting = [key]
        while waiting:
            for beyond in self._next(waiting.pop(), up=up, through_jobs=True):
                is_on_the_way = beyond.kind is Kind.JOB or self._is_hidden(beyond)
                if is_on_the_way and beyond not in known:
                    known.add(beyond)
                    waiting.append(beyond)
                    if beyond.kind is Kind.JOB and not self._is_hidden(beyond):
                        yield beyond

    def links(self, shown: Set[AssetKey], *, through_jobs: bool) -> Iterator[Link]:
        """Every edge between assets that are shown; in no order."""
        for source in shown:
            targets = (
                self._beside(source, up=False, through_jobs=True)
                if through_jobs
                else self.datasets_beside(source, up=False)
            )
            for target in targets:
                if target in shown:
                    yield self.link(source, target, through_jobs=through_jobs)
        jobs = () if through_jobs else (key for key in self._asked if key.kind is Kind.JOB)
        for job in jobs:
            for source in self.datasets_beside(job, up=True):
                if source in shown:
                    yield self.link(source, job)

    def link(self, source: AssetKey, target: AssetKey, *, through_jobs: bool = False) -> Link:
        """The edge from one asset to one that is beside it."""
        found = self._graph.link(source, target)
        if found is not None and (found.current or not self._is_current_only):
            both = source.kind is target.kind is Kind.DATASET
            if not (through_jobs and both and found.jobs):  # else it is a chain of hidden jobs
                return found
        way = self._way(source, target, through_jobs=through_jobs)
        hops = [link for a, b in pairwise(way) if (link := self._graph.link(a, b)) is not None]
        return chained(source, target, hops)

    def _way(self, source: AssetKey, target: AssetKey, *, through_jobs: bool) -> list[AssetKey]:
        """A shortest way through what is not shown."""
        # Towards a job, as datasets lead only to datasets where jobs are not drawn.
        up = source.kind is Kind.DATASET
        start, end = (target, source) if up else (source, target)
        before: dict[AssetKey, AssetKey] = {}
        rim = [start]
        while rim and end not in before:
            met = []
            for key in rim:
                for beyond in sorted(self._next(key, up=up, through_jobs=through_jobs)):
                    if beyond not in before and (beyond == end or self._is_hidden(beyond)):
                        before[beyond] = key
                        met.append(beyond)
            rim = met
        way = [end]
        while way[-1] != start or len(way) == 1:
            way.append(before[way[-1]])
        return way if up else way[::-1]

    def _beside(self, key: AssetKey, *, up: bool, through_jobs: bool) -> set[AssetKey]:
        """What is shown next to an asset, through whatever is not."""
        found = set(self._next(key, up=up, through_jobs=through_jobs))
        waiting = [beyond for beyond in found if self._is_hidden(beyond)]
        known = set(waiting)
        while waiting:
            for beyond in self._next(waiting.pop(), up=up, through_jobs=through_jobs):
                if not self._is_hidden(beyond):
                    # What comes back to where it came from through noise is no edge.
                    found.update({beyond} - {key})
                elif beyond not in known:
                    known.add(beyond)
                    waiting.append(beyond)
        return found - known

    def _next(self, key: AssetKey, *, up: bool, through_jobs: bool) -> Iterable[AssetKey]:
        """What is next to an asset, noise as well."""
        beside = self._graph.neighbours(key, up, self._is_current_only)
        if key.kind is Kind.JOB or not through_jobs:
            return beside
        jobs = self._graph.jobs_of(key, up, self._is_current_only)
        return (*jobs, *(other for other in beside if self._is_declared(key, other, up=up)))

    def _is_declared(self, key: AssetKey, other: AssetKey, *, up: bool) -> bool:
        """Whether a dataset's own facet is all that joins two of them."""
        ends = (other, key) if up else (key, other)
        link = self._graph.link(*ends)
        return link is not None and not link.jobs

    def _is_hidden(self, key: AssetKey) -> bool:
        if key in self._asked:
            return False
        return key in self._hidden_jobs if key.kind is Kind.JOB else self._graph.is_noise(key)


def current_links(graph: EstateGraph) -> Iterator[Link]:
    """Every current edge between real datasets, drawn through noise; in no order."""
    for source, target in graph.flow.edges():
        link = graph.link(graph.key(source), graph.key(target))
        if link is not None:
            yield link


def chained(source: AssetKey, target: AssetKey, hops: Sequence[Link]) -> Link:
    """Edges one after the other as one edge: it holds as far as all of them do."""
    return Link(
        source,
        target,
        tuple(sorted({job for hop in hops for job in hop.jobs})),
        weakest(hop.basis for hop in hops),
        observed=all(hop.observed for hop in hops),
        declared=all(hop.declared for hop in hops),
        current=all(hop.current for hop in hops),
        provisional=any(hop.provisional for hop in hops),
        first_seen=max((h.first_seen for h in hops if h.first_seen), default=None),
        last_seen=min((h.last_seen for h in hops if h.last_seen), default=None),
    )
