"""The graph of the estate at one instant: datasets, jobs, and how data goes between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import networkx as nx

from catalog.model import AssetKey, Kind
from catalog.moments import moment
from lineage.graph.hops import Hops, Said
from lineage.graph.index import CompactGraph
from lineage.graph.model import Link
from lineage.graph.records import Carried, JobRecord, combined, weakest
from lineage.graph.shared import Roll
from lineage.identity import Identities


class EstateGraph:
    """How data goes between the assets of the estate, now and ever, as known at one instant.

    Assets are their keys to whoever asks; any of an asset's names will do. Inside they are numbers,
    datasets and jobs in one row. Nothing here changes once it is made.

    Args:
        as_of: Of when.
        revision: Of the store.
        identities: Which names are one asset.
        roll: Every dataset and job, with its number.
        hops: Where data goes in one hop.
        flow: Current edges between real datasets, drawn through noise; nodes are numbers.
    """

    def __init__(
        self,
        *,
        as_of: datetime,
        revision: int,
        identities: Identities,
        roll: Roll,
        hops: Hops,
        flow: CompactGraph | None = None,
    ) -> None:
        self.as_of = as_of
        self.revision = revision
        self.identities = identities
        self._roll = roll
        self.hops = hops
        self.flow: CompactGraph = hops.flow(self._real()) if flow is None else flow
        """Current edges between real datasets, drawn through noise; nodes are numbers."""

    def brought_forward(
        self,
        as_of: datetime,
        revision: int,
        more: Iterable[AssetKey] = (),
        records: Mapping[int, JobRecord] | None = None,
        noise: Mapping[int, bool] | None = None,
    ) -> EstateGraph:
        """The graph of a later instant.

        Args:
            as_of: Of when.
            revision: Of the store.
            more: Assets that are new; their numbers follow.
            records: What some jobs do now.
            noise: Datasets, of the new ones all, that are noise now or not.
        """
        records, noise = records or {}, noise or {}
        roll = self._roll.more(more)
        hops = self.hops.changed(records, noise)
        moved = {i: not is_noise for i, is_noise in noise.items() if (i in self.flow) is is_noise}
        flow = self.hops.flow_after(self.flow, hops, records, moved)
        return EstateGraph(
            as_of=as_of,
            revision=revision,
            identities=self.identities,
            roll=roll,
            hops=hops,
            flow=flow,
        )

    def at(self, as_of: datetime, revision: int) -> EstateGraph:
        """The same graph, as known of a later instant at which nothing else is known."""
        return self.brought_forward(as_of, revision)

    def with_flow(self, flow: CompactGraph) -> EstateGraph:
        """The same graph, with the same flow in another form."""
        return EstateGraph(
            as_of=self.as_of,
            revision=self.revision,
            identities=self.identities,
            roll=self._roll,
            hops=self.hops,
            flow=flow,
        )

    def __contains__(self, key: object) -> bool:
        return isinstance(key, AssetKey) and self.find(key) is not None

    def __iter__(self) -> Iterator[AssetKey]:
        """Every dataset and job."""
        return iter(self._roll)

    def __len__(self) -> int:
        return len(self._roll)

    def find(self, key: AssetKey) -> int | None:
        """The number of an asset by any of its names; ``None`` if there is none of that name."""
        found = self._roll.find(key)
        return self._roll.find(self.identities.key(key)) if found is None else found

    def number(self, key: AssetKey) -> int:
        """The number of an asset.

        Raises:
            KeyError: There is none of that name.
        """
        found = self.find(key)
        if found is None:
            raise KeyError(key)
        return found

    def key(self, number: int) -> AssetKey:
        """The asset of a number."""
        return self._roll[number]

    def is_noise(self, key: AssetKey) -> bool:
        """Whether it is a dataset that is no subject, such as a temporary table."""
        return self.hops.is_noise(self.number(key))

    # What is next to what --------------------------------------------------------------------

    def neighbours(
        self, key: AssetKey, up: bool, current_only: bool = True
    ) -> tuple[AssetKey, ...]:
        """Datasets one hop above or below, noise among them; of a job what it reads or writes."""
        number = self.number(key)
        if key.kind is Kind.JOB:
            record = self.hops.record(number)
            sides = record.reads if up else record.writes
            found = [i for i, c in sides.items() if c.current or not current_only]
        else:
            said = self.hops.before(number) if up else self.hops.after(number)
            found = [i for i, c in said if c.current or not current_only]
        return self._sorted(found)

    def jobs_of(self, key: AssetKey, up: bool, current_only: bool = True) -> tuple[AssetKey, ...]:
        """Jobs that write a dataset (``up``) or read it."""
        number = self.number(key)
        found = []
        for job in self.hops.writers(number) if up else self.hops.readers(number):
            record = self.hops.record(job)
            carried = (record.writes if up else record.reads)[number]
            if carried.current or not current_only:
                found.append(job)
        return self._sorted(found)

    def link(self, source: AssetKey, target: AssetKey) -> Link | None:
        """How data goes from one asset directly into another, or did; ``None``: it never did.

        From a real dataset to a real one also through noise; the jobs are then all on the way, the
        basis is the weakest, and it was seen as long as the whole of the way was.
        """
        a, b = self.find(source), self.find(target)
        if a is None or b is None:
            return None
        if source.kind is target.kind is Kind.DATASET:
            said = self.hops.said(a, b)
            if not any(c.current for _, c in said) and self.flow.has_edge(a, b):
                return self._drawn(a, b)
        else:
            said = self._said_of_job(a, b)
        return self._link(a, b, said) if said else None

    def links(self) -> Iterator[Link]:
        """Every edge from a dataset to a dataset, also of noise and not current, as it was said.

        By source and target.
        """
        for source in sorted(k for k in self._roll if k.kind is Kind.DATASET):
            a = self.number(source)
            targets = {self._roll[b]: b for b, _ in self.hops.after(a)}
            for _, b in sorted(targets.items()):
                yield self._link(a, b, self.hops.said(a, b))

    def job_links(self) -> Iterator[Link]:
        """Every edge from a dataset to a job that reads it and from a job to what it writes.

        Explicit where events name the dataset as input or output; on the basis of the edge that
        names it where only an edge does. By job; what is read first.
        """
        for job in sorted(k for k in self._roll if k.kind is Kind.JOB):
            number = self.number(job)
            record = self.hops.record(number)
            for key in self._sorted(record.reads):
                i = self.number(key)
                yield self._link(i, number, [(number, record.reads[i])])
            for key in self._sorted(record.writes):
                i = self.number(key)
                yield self._link(number, i, [(number, record.writes[i])])

    # In networkx's words ---------------------------------------------------------------------

    def subgraph(self, keys: Iterable[AssetKey]) -> nx.MultiDiGraph[AssetKey]:
        """Some assets with all that goes between them: nodes with ``kind``, edges with ``link``.

        Where no noise is among them, what goes through noise is among the edges.
        """
        chosen = {self.number(key) for key in keys}
        graph: nx.MultiDiGraph[AssetKey] = nx.MultiDiGraph()
        for number in sorted(chosen, key=self._roll.__getitem__):
            key = self._roll[number]
            graph.add_node(key, kind=key.kind, noise=self.hops.is_noise(number))
        is_real = not any(map(self.hops.is_noise, chosen))
        for a in sorted(chosen, key=self._roll.__getitem__):
            below = set(self._below(a))
            if is_real and a in self.flow:
                below.update(self.flow.successors(a))
            for target in self._sorted(below & chosen):
                source = self._roll[a]
                graph.add_edge(source, target, link=self.link(source, target))
        return graph

    def to_networkx(self) -> nx.MultiDiGraph[AssetKey]:
        """The whole of it, noise as well."""
        return self.subgraph(self)

    # -----------------------------------------------------------------------------------------

    def _real(self) -> Iterator[int]:
        for number, key in enumerate(self._roll):
            if key.kind is Kind.DATASET and not self.hops.is_noise(number):
                yield number

    def _sorted(self, numbers: Iterable[int]) -> tuple[AssetKey, ...]:
        return tuple(sorted({self._roll[i] for i in numbers}))

    def _below(self, number: int) -> Iterator[int]:
        """Whatever an asset has an edge to."""
        yield from self.hops.record(number).writes
        yield from (i for i, _ in self.hops.after(number))
        yield from self.hops.readers(number)

    def _said_of_job(self, a: int, b: int) -> Said:
        is_read = self._roll[b].kind is Kind.JOB
        job = b if is_read else a
        record = self.hops.record(job)
        carried = record.reads.get(a) if is_read else record.writes.get(b)
        return [(job, carried)] if carried else []

    def _link(self, a: int, b: int, said: Said) -> Link:
        whole = combined([carried for _, carried in said])
        jobs = self._sorted(job for job, _ in said if job is not None)
        return self._as_link(a, b, jobs, whole)

    def _drawn(self, a: int, b: int) -> Link:
        """The edge between two real datasets between which there is nothing but noise."""
        said = list(self._way(a, b))
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

    def _way(self, a: int, b: int) -> Iterator[tuple[list[int], Carried]]:
        """Every current edge on a way from one to the other through noise."""
        hops = self.hops
        between = hops.around(a, up=False)[0] & hops.around(b, up=True)[0]
        for source in (a, *sorted(between)):
            for target in sorted({i for i, c in hops.after(source) if c.current}):
                if target in between or (target == b and source != a):
                    said = [(job, c) for job, c in hops.said(source, target) if c.current]
                    jobs = [job for job, _ in said if job is not None]
                    yield jobs, combined([carried for _, carried in said])

    def _as_link(self, a: int, b: int, jobs: tuple[AssetKey, ...], carried: Carried) -> Link:
        return Link(
            self._roll[a],
            self._roll[b],
            jobs,
            carried.basis,
            carried.observed,
            carried.declared,
            carried.current,
            carried.provisional,
            None if carried.first is None else moment(carried.first),
            None if carried.last is None else moment(carried.last),
        )
