"""The graph of the estate at one instant: datasets, jobs, and how data goes between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime

import networkx as nx

from catalog.model import AssetKey, Kind
from catalog.moments import moment
from lineage.graph.index import CompactGraph
from lineage.graph.model import Link
from lineage.graph.records import DECLARED, Carried, JobRecord, combined, weakest
from lineage.identity import Identities
from lineage.noise import drawn_through

Pairs = Mapping[int, tuple[int, ...]]
"""Numbers by a number."""

_NONE: JobRecord = JobRecord()


class EstateGraph:
    """How data goes between the assets of the estate, now and ever, as known at one instant.

    Assets are their keys to whoever asks; any of an asset's names will do. Inside they are numbers,
    datasets and jobs in one row. Nothing here changes once it is made.

    Args:
        as_of: Of when.
        revision: Of the store.
        identities: Which names are one asset.
        keys: Every dataset and job, by its number.
        numbers: The reverse.
        records: What each job does, by its number.
        declared: Edges between datasets that their own facets declare.
        noise: Datasets that are no subjects.
    """

    def __init__(
        self,
        *,
        as_of: datetime,
        revision: int,
        identities: Identities,
        keys: Sequence[AssetKey],
        numbers: Mapping[AssetKey, int],
        records: Mapping[int, JobRecord],
        declared: Iterable[tuple[int, int]],
        noise: Set[int],
    ) -> None:
        self.as_of = as_of
        self.revision = revision
        self._identities = identities
        self._keys = keys
        self._numbers = numbers
        self._records = records
        self._noise = noise
        declared = tuple(declared)
        self._declared_after = _by_first(declared)
        self._declared_before = _by_first((b, a) for a, b in declared)
        self._readers = _by_first((i, job) for job, r in records.items() for i in r.reads)
        self._writers = _by_first((i, job) for job, r in records.items() for i in r.writes)
        self.flow = self._flow()
        """Current edges between real datasets, drawn through noise; nodes are numbers."""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, AssetKey) and self._find(key) is not None

    def __iter__(self) -> Iterator[AssetKey]:
        """Every dataset and job."""
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def number(self, key: AssetKey) -> int:
        """The number of an asset.

        Raises:
            KeyError: There is none of that name.
        """
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def key(self, number: int) -> AssetKey:
        """The asset of a number."""
        return self._keys[number]

    def is_noise(self, key: AssetKey) -> bool:
        """Whether it is a dataset that is no subject, such as a temporary table."""
        return self.number(key) in self._noise

    # What is next to what --------------------------------------------------------------------

    def neighbours(
        self, key: AssetKey, up: bool, current_only: bool = True
    ) -> tuple[AssetKey, ...]:
        """Datasets one hop above or below, noise among them; of a job what it reads or writes."""
        number = self.number(key)
        if key.kind is Kind.JOB:
            record = self._records.get(number, _NONE)
            sides = record.reads if up else record.writes
            found = [i for i, c in sides.items() if c.current or not current_only]
        else:
            said = self._before(number) if up else self._after(number)
            found = [i for i, c in said if c.current or not current_only]
        return self._sorted(found)

    def jobs_of(self, key: AssetKey, up: bool, current_only: bool = True) -> tuple[AssetKey, ...]:
        """Jobs that write a dataset (``up``) or read it."""
        number = self.number(key)
        found = []
        for job in (self._writers if up else self._readers).get(number, ()):
            record = self._records[job]
            carried = (record.writes if up else record.reads)[number]
            if carried.current or not current_only:
                found.append(job)
        return self._sorted(found)

    def link(self, source: AssetKey, target: AssetKey) -> Link | None:
        """How data goes from one asset directly into another, or did; ``None``: it never did.

        From a real dataset to a real one also through noise; the jobs are then all on the way, the
        basis is the weakest, and it was seen as long as the whole of the way was.
        """
        a, b = self._find(source), self._find(target)
        if a is None or b is None:
            return None
        if source.kind is target.kind is Kind.DATASET:
            said = self._said(a, b)
            if not any(c.current for _, c in said) and self.flow.has_edge(a, b):
                return self._drawn(a, b)
        else:
            said = self._said_of_job(a, b)
        return self._link(a, b, said) if said else None

    def links(self) -> Iterator[Link]:
        """Every edge from a dataset to a dataset, also of noise and not current, as it was said.

        By source and target.
        """
        for source in sorted(k for k in self._keys if k.kind is Kind.DATASET):
            a = self._numbers[source]
            targets = {self._keys[b]: b for b, _ in self._after(a)}
            for _, b in sorted(targets.items()):
                yield self._link(a, b, self._said(a, b))

    def job_links(self) -> Iterator[Link]:
        """Every edge from a dataset to a job that reads it and from a job to what it writes.

        Explicit where events name the dataset as input or output; on the basis of the edge that
        names it where only an edge does. By job; what is read first.
        """
        for job in sorted(k for k in self._keys if k.kind is Kind.JOB):
            number = self._numbers[job]
            record = self._records.get(number, _NONE)
            for key in self._sorted(record.reads):
                i = self._numbers[key]
                yield self._link(i, number, [(number, record.reads[i])])
            for key in self._sorted(record.writes):
                i = self._numbers[key]
                yield self._link(number, i, [(number, record.writes[i])])

    # In networkx's words ---------------------------------------------------------------------

    def subgraph(self, keys: Iterable[AssetKey]) -> nx.MultiDiGraph[AssetKey]:
        """Some assets with all that goes between them: nodes with ``kind``, edges with ``link``.

        Where no noise is among them, what goes through noise is among the edges.
        """
        chosen = {self.number(key) for key in keys}
        graph: nx.MultiDiGraph[AssetKey] = nx.MultiDiGraph()
        for number in sorted(chosen, key=self._keys.__getitem__):
            key = self._keys[number]
            graph.add_node(key, kind=key.kind, noise=number in self._noise)
        is_real = chosen.isdisjoint(self._noise)
        for a in sorted(chosen, key=self._keys.__getitem__):
            below = {i for i, _ in self._below(a)}
            if is_real and a in self.flow:
                below.update(self.flow.successors(a))
            for target in self._sorted(below & chosen):
                source = self._keys[a]
                graph.add_edge(source, target, link=self.link(source, target))
        return graph

    def to_networkx(self) -> nx.MultiDiGraph[AssetKey]:
        """The whole of it, noise as well."""
        return self.subgraph(self._keys)

    # -----------------------------------------------------------------------------------------

    def _find(self, key: AssetKey) -> int | None:
        found = self._numbers.get(key)
        return self._numbers.get(self._identities.key(key)) if found is None else found

    def _sorted(self, numbers: Iterable[int]) -> tuple[AssetKey, ...]:
        return tuple(sorted({self._keys[i] for i in numbers}))

    def _after(self, number: int) -> Iterator[tuple[int, Carried]]:
        """What data of a dataset goes into, as each job has it."""
        for job in self._readers.get(number, ()):
            for target, sources in self._records[job].into.items():
                if number in sources:
                    yield target, sources[number]
        for target in self._declared_after.get(number, ()):
            yield target, DECLARED

    def _before(self, number: int) -> Iterator[tuple[int, Carried]]:
        """What goes into a dataset, as each job has it."""
        for job in self._writers.get(number, ()):
            yield from self._records[job].into.get(number, {}).items()
        for source in self._declared_before.get(number, ()):
            yield source, DECLARED

    def _below(self, number: int) -> Iterator[tuple[int, Carried]]:
        """The same for any asset, through jobs as well."""
        if number in self._records:
            yield from self._records[number].writes.items()
        yield from self._after(number)
        for job in self._readers.get(number, ()):
            yield job, self._records[job].reads[number]

    def _said(self, a: int, b: int) -> list[tuple[int | None, Carried]]:
        """What jobs, and facets of datasets, have of an edge between datasets."""
        said: list[tuple[int | None, Carried]] = [
            (job, carried)
            for job in self._writers.get(b, ())
            if (carried := self._records[job].into.get(b, {}).get(a)) is not None
        ]
        if b in self._declared_after.get(a, ()):
            said.append((None, DECLARED))
        return said

    def _said_of_job(self, a: int, b: int) -> list[tuple[int | None, Carried]]:
        if b in self._records:
            carried = self._records[b].reads.get(a)
            return [(b, carried)] if carried else []
        carried = self._records.get(a, _NONE).writes.get(b)
        return [(a, carried)] if carried else []

    def _link(self, a: int, b: int, said: Sequence[tuple[int | None, Carried]]) -> Link:
        whole = combined([carried for _, carried in said])
        jobs = self._sorted(job for job, _ in said if job is not None)
        return self._as_link(a, b, jobs, whole)

    def _drawn(self, a: int, b: int) -> Link:
        """The edge between two real datasets between which there is nothing but noise."""
        said = list(self._hops(a, b))
        hops = [carried for _, carried in said]
        whole = Carried(
            weakest(c.basis for c in hops),
            observed=all(c.observed for c in hops),
            declared=all(c.declared for c in hops),
            current=True,
            provisional=any(c.provisional for c in hops),
            first=max((c.first for c in hops if c.first is not None), default=None),
            last=min((c.last for c in hops if c.last is not None), default=None),
        )
        jobs = self._sorted(job for jobs, _ in said for job in jobs)
        return self._as_link(a, b, jobs, whole)

    def _hops(self, a: int, b: int) -> Iterator[tuple[list[int], Carried]]:
        """Every current edge on a way from one to the other through noise."""
        forward = self._through(a, up=False)
        between = forward & self._through(b, up=True)
        for source in (a, *sorted(between)):
            for target in sorted({i for i, c in self._after(source) if c.current}):
                is_on_the_way = target in between or (target == b and source != a)
                if is_on_the_way:
                    said = [(job, c) for job, c in self._said(source, target) if c.current]
                    jobs = [job for job, _ in said if job is not None]
                    yield jobs, combined([carried for _, carried in said])

    def _through(self, start: int, up: bool) -> set[int]:
        """Noise that currently feeds a dataset, or that it feeds, through nothing but noise."""
        found: set[int] = set()
        waiting = [start]
        while waiting:
            number = waiting.pop()
            for i, carried in self._before(number) if up else self._after(number):
                if carried.current and i in self._noise and i not in found:
                    found.add(i)
                    waiting.append(i)
        return found

    def _as_link(self, a: int, b: int, jobs: tuple[AssetKey, ...], carried: Carried) -> Link:
        return Link(
            self._keys[a],
            self._keys[b],
            jobs,
            carried.basis,
            carried.observed,
            carried.declared,
            carried.current,
            carried.provisional,
            None if carried.first is None else moment(carried.first),
            None if carried.last is None else moment(carried.last),
        )

    def _flow(self) -> CompactGraph:
        edges = [
            (a, b)
            for record in self._records.values()
            for b, sources in record.into.items()
            for a, carried in sources.items()
            if carried.current
        ]
        edges += [(a, b) for a, targets in self._declared_after.items() for b in targets]
        real = (
            i
            for i, key in enumerate(self._keys)
            if key.kind is Kind.DATASET and i not in self._noise
        )
        return CompactGraph.of(real, drawn_through(edges, self._noise.__contains__))


def _by_first(pairs: Iterable[tuple[int, int]]) -> Pairs:
    found: dict[int, list[int]] = defaultdict(list)
    for first, second in pairs:
        found[first].append(second)
    return {first: tuple(second) for first, second in found.items()}
