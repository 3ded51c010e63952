"""Where data goes in one hop, by the numbers of assets: what jobs do and what facets declare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from lineage.graph.index import CompactGraph
from lineage.graph.records import DECLARED, Carried, JobRecord
from lineage.graph.shared import Layered
from lineage.noise import drawn_through

Said = list[tuple[int | None, Carried]]
"""What jobs have of an edge, by their numbers, and facets of datasets, by none."""

_NONE = JobRecord()
_NOBODY: tuple[int, ...] = ()


class Hops:
    """Everything that goes anywhere in one hop. Nothing here changes once it is made.

    Args:
        records: What each job does, by its number.
        readers: Jobs that ever read each dataset, or are declared to.
        writers: The same for writing.
        declared: Edges between datasets that their own facets declare.
        noise: Whether a dataset is no subject.
    """

    __slots__ = ("_after", "_before", "_noise", "_readers", "_records", "_writers", "declared")

    def __init__(
        self,
        *,
        records: Layered[JobRecord],
        readers: Layered[tuple[int, ...]],
        writers: Layered[tuple[int, ...]],
        declared: frozenset[tuple[int, int]],
        noise: Layered[bool],
    ) -> None:
        self._records, self._readers, self._writers = records, readers, writers
        self._noise = noise
        self.declared = declared
        self._after = _by_first(declared)
        self._before = _by_first((b, a) for a, b in declared)

    @classmethod
    def of(
        cls,
        records: Mapping[int, JobRecord],
        declared: Iterable[tuple[int, int]],
        noise: Iterable[int],
    ) -> Hops:
        """Of what jobs do, what facets declare, and which datasets are no subjects."""
        return cls(
            records=Layered(records),
            readers=Layered(_by_first((i, job) for job, r in records.items() for i in r.reads)),
            writers=Layered(_by_first((i, job) for job, r in records.items() for i in r.writes)),
            declared=frozenset(declared),
            noise=Layered(dict.fromkeys(noise, True)),
        )

    def changed(self, records: Mapping[int, JobRecord], noise: Mapping[int, bool]) -> Hops:
        """With what some jobs do now, and with what is noise now or no more."""
        readers: dict[int, tuple[int, ...]] = {}
        writers: dict[int, tuple[int, ...]] = {}
        for job, new in records.items():
            old = self.record(job)
            for i in old.reads.keys() ^ new.reads.keys():
                readers[i] = _with(readers.get(i, self.readers(i)), job, is_in=i in new.reads)
            for i in old.writes.keys() ^ new.writes.keys():
                writers[i] = _with(writers.get(i, self.writers(i)), job, is_in=i in new.writes)
        return Hops(
            records=self._records.changed(records),
            readers=self._readers.changed(readers),
            writers=self._writers.changed(writers),
            declared=self.declared,
            noise=self._noise.changed(noise),
        )

    def record(self, job: int) -> JobRecord:
        """What a job does."""
        return self._records.get(job, _NONE)

    def readers(self, dataset: int) -> tuple[int, ...]:
        """Jobs that ever read a dataset, or are declared to."""
        return self._readers.get(dataset, _NOBODY)

    def writers(self, dataset: int) -> tuple[int, ...]:
        """The same for writing."""
        return self._writers.get(dataset, _NOBODY)

    def is_noise(self, dataset: int) -> bool:
        """Whether it is no subject."""
        return self._noise.get(dataset, False)

    # One hop ---------------------------------------------------------------------------------

    def after(self, dataset: int) -> Iterator[tuple[int, Carried]]:
        """What data of a dataset goes into, as each job has it, and as facets of datasets do."""
        yield from self.carried_after(dataset)
        for target in self._after.get(dataset, _NOBODY):
            yield target, DECLARED

    def carried_after(self, dataset: int) -> Iterator[tuple[int, Carried]]:
        """What data of a dataset goes into, as each job has it."""
        for job in self.readers(dataset):
            for target, sources in self.record(job).into.items():
                if dataset in sources:
                    yield target, sources[dataset]

    def before(self, dataset: int) -> Iterator[tuple[int, Carried]]:
        """What goes into a dataset, likewise."""
        for job in self.writers(dataset):
            yield from self.record(job).into.get(dataset, {}).items()
        for source in self._before.get(dataset, _NOBODY):
            yield source, DECLARED

    def said(self, source: int, target: int) -> Said:
        """What is said of an edge between datasets."""
        said: Said = [
            (job, carried)
            for job in self.writers(target)
            if (carried := self.record(job).into.get(target, {}).get(source)) is not None
        ]
        if (source, target) in self.declared:
            said.append((None, DECLARED))
        return said

    # Through noise ---------------------------------------------------------------------------

    def around(self, dataset: int, *, up: bool) -> tuple[set[int], set[int]]:
        """Noise that data now goes through to a dataset or from it, and the real ones at its ends.

        What comes back to the dataset through noise alone is no end.
        """
        noise: set[int] = set()
        real: set[int] = set()
        waiting = [dataset]
        while waiting:
            number = waiting.pop()
            for i, carried in self.before(number) if up else self.after(number):
                if not carried.current:
                    continue
                if not self.is_noise(i):
                    if i != dataset or number == dataset:
                        real.add(i)
                elif i not in noise:
                    noise.add(i)
                    waiting.append(i)
        return noise, real

    def flow(self, real: Iterable[int]) -> CompactGraph:
        """All current edges between real datasets, drawn through noise."""
        edges = [edge for job, _ in self._records.items() for edge in self.current_edges(job)]
        return CompactGraph.of(real, drawn_through([*edges, *self.declared], self.is_noise))

    def current_edges(self, job: int) -> Iterator[tuple[int, int]]:
        """What a job carries now."""
        for target, sources in self.record(job).into.items():
            for source, carried in sources.items():
                if carried.current:
                    yield source, target

    def flow_after(
        self, flow: CompactGraph, new: Hops, jobs: Iterable[int], moved: Mapping[int, bool]
    ) -> CompactGraph:
        """The flow of other hops, from the flow of these.

        Args:
            flow: Of these.
            new: The others.
            jobs: Those whose records differ.
            moved: Datasets that are real there and were not here (``True``), or the reverse.
        """
        changed = {a for job in jobs for a, _ in self._moved_edges(new, job)}
        sources: set[int] = set(moved)
        for hops in (self, new):
            for dataset in changed | moved.keys():
                if dataset in moved or hops.is_noise(dataset):
                    sources |= hops.around(dataset, up=True)[1]
                sources.add(dataset)
        added, removed = [], []
        for source in sources:
            before = set(flow.successors(source)) if source in flow else set()
            now = set() if new.is_noise(source) else new.around(source, up=False)[1]
            added += [(source, target) for target in now - before]
            removed += [(source, target) for target in before - now]
        if not (added or removed or moved):
            return flow
        return flow.changed(added, removed, moved)

    def _moved_edges(self, new: Hops, job: int) -> set[tuple[int, int]]:
        return {*self.current_edges(job)} ^ {*new.current_edges(job)}


def _by_first(pairs: Iterable[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = defaultdict(list)
    for first, second in pairs:
        found[first].append(second)
    return {first: tuple(second) for first, second in found.items()}


def _with(numbers: tuple[int, ...], number: int, *, is_in: bool) -> tuple[int, ...]:
    others = tuple(n for n in numbers if n != number)
    return (*others, number) if is_in else others
