"""Who wrote and read what, and when: from the tables, for the datasets that a question meets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from catalog.lookups import rows_where
from catalog.model import AssetKey, Kind
from catalog.moments import microseconds, moment
from lineage import observed as o
from lineage.assets import words_by_id
from lineage.current import is_endless
from lineage.estate import RunState
from lineage.fold import STATE_RANK
from lineage.history import Standpoint
from lineage.provenance.model import ReadBasis, RunRef, Version
from lineage.provenance.said import Said
from lineage.provenance.sanctions import Sanctions
from lineage.provenance.versions import NOTHING, Found, History, Ran, Wrote, telling, wrote
from lineage.run_days import DAY_US, RUN_DAY
from lineage.runs import RUN, id_bytes, id_text

_COMPLETE = STATE_RANK[RunState.COMPLETE]
_COLUMNS = (
    "id", "run_id", "job_id", "started_at", "has_start", "at", "shape_id", "state", "terminals",
    "parent_run", "root_run", "principal_id", "trust", "seq",
)  # fmt: skip


class Flow(NamedTuple):
    """What runs of a shape read, write and make of what, by dataset."""

    inputs: frozenset[int]
    done: Mapping[int, Sequence[str]]
    """What they say that they do to each dataset that they write."""
    sources: Mapping[int, Sequence[int]]
    made_of: Mapping[int, Sequence[int]]


class Ledger:
    """Versions of the datasets of one standpoint, for as long as a connection to its store lasts.

    A dataset's writes are read at once when it is first asked for, by the shapes of runs that write
    it, and so are its readers.
    """

    def __init__(self, standpoint: Standpoint, connection: Connection) -> None:
        self.connection = connection
        self.until = microseconds(standpoint.as_of)
        self.estate = standpoint.estate
        self.seen = standpoint.observed
        self.sanctions = Sanctions(standpoint)
        self.said = Said(connection, self.seen.identities, self.until)
        self._flows: dict[int, Flow] = {}
        self._runs: dict[int, dict[int, Ran]] = {}
        self._histories: dict[int, History] = {}
        self._readers: dict[int, tuple[Ran, ...]] = {}
        self._read: dict[int, dict[int, tuple[Ran, ...]]] = {}

    # What assets are called

    def key(self, dataset: int) -> AssetKey:
        """The dataset of this number."""
        return _key(Kind.DATASET, self.seen.datasets[dataset])

    def job(self, number: int) -> AssetKey:
        """The job of this number, which may be that of any of its names."""
        return _key(Kind.JOB, self.seen.jobs[self._whole.get(number, number)])

    def ref(self, run: Ran) -> RunRef:
        """The run, as it is called outside."""
        return RunRef(self.job(run.job), id_text(run.run_id))

    def version(self, write: Wrote) -> Version:
        """The version that a write left, as it is called outside."""
        key = self.key(write.dataset)
        said = None
        if self.is_versioned(write.dataset):
            said = self.said.written([write.run])[write.run.pk].get(key)
        return Version(key, self.ref(write.run), moment(write.at), said)

    def is_subject(self, dataset: int) -> bool:
        """Whether it is a dataset that anybody asks for, and not only passed through."""
        found = self.estate.datasets.get(self.key(dataset))
        return found is not None and found.noise is None

    @cached_property
    def words(self) -> dict[int, str]:
        """Every text that runs repeat, by its number."""
        return words_by_id(self.connection)

    # Writes and reads

    def history(self, dataset: int) -> History:
        """Every write of a dataset."""
        found = self._histories.get(dataset)
        if found is None:
            shapes = self._writing.get(dataset, ())
            self._load(shapes)
            writes = [write for shape in shapes for write in self._writes(dataset, shape)]
            found = History(writes, self.sanctions.is_outsider)
            self._histories[dataset] = found
        return found

    def written(self) -> Collection[int]:
        """Every dataset that runs write."""
        return self._writing.keys()

    def written_by(self, job: int, run_id: str) -> list[Wrote]:
        """Every version that one run left behind, by dataset."""
        rows = list(rows_where(self.connection, RUN, _COLUMNS, "run_id", [id_bytes(run_id)]))
        runs = [run for row in rows if (run := self._ran(row)) is not None and run.job == job]
        found = {}
        for run in runs:
            for dataset, _ in self.seen.shapes[run.shape_id].outputs:
                history = self.history(dataset)
                place = history.place(run)
                if place is not None and not history.writes[place].is_drop:
                    found[dataset, run.pk] = history.writes[place]
        return [found[key] for key in sorted(found)]

    def load(self, datasets: Iterable[int]) -> None:
        """Read the writes of many datasets together."""
        self._load(shape for dataset in datasets for shape in self._writing.get(dataset, ()))

    def load_all(self) -> None:
        """Read every run, for a question about everything."""
        self._load(self.seen.shapes)

    def targets(self, run: Ran, source: int) -> list[Wrote]:
        """What a run made of a dataset."""
        found = []
        for target in self._flow(run.shape_id).made_of.get(source, ()):
            history = self.history(target)
            place = history.place(run)
            if place is not None and not history.writes[place].is_drop:
                found.append(history.writes[place])
        return found

    def sources(self, write: Wrote) -> Sequence[int]:
        """What a version was made of."""
        return self._flow(write.run.shape_id).sources.get(write.dataset, ())

    def inputs(self, run: Ran) -> tuple[int, ...]:
        """All that a run read, whatever for."""
        return self.seen.shapes[run.shape_id].inputs

    def read_by(self, run: Ran, dataset: int) -> Found:
        """What a run can have read of a dataset: what it says, else by time."""
        if self.is_versioned(dataset):
            said = self.said.read([run])[run.pk].get(self.key(dataset))
            if said is not None:
                # One name for several writes: the newest that was there is meant.
                named = (w for w in self._called(dataset).get(said, ()) if w.at <= run.at)
                meant = next((w for w in named if w.run.pk != run.pk), None)
                return Found(ReadBasis.SAID, (meant,) if meant else (), said=said)
        history = self.history(dataset)
        if not history:
            return NOTHING
        by_time = history.read_by(run)
        if by_time.writes and self._is_summed(history, by_time.writes[-1].at, run.since):
            return Found(ReadBasis.UNKNOWN, (), is_summed=True)
        return by_time

    def readers(self, write: Wrote) -> tuple[Ran, ...]:
        """Runs that can have read a version, and made something of it; oldest first."""
        found = self._read.get(write.dataset)
        if found is None:
            by_write: dict[int, list[Ran]] = defaultdict(list)
            for run in self._readers_of(write.dataset):
                for one in self.read_by(run, write.dataset).writes:
                    by_write[one.run.pk].append(run)
            found = {pk: tuple(runs) for pk, runs in by_write.items()}
            self._read[write.dataset] = found
        return found.get(write.run.pk, ())

    def is_versioned(self, dataset: int) -> bool:
        """Whether its producers ever name versions of it."""
        return any(i in self.said.versioned for i in self.seen.datasets[dataset].ids)

    def _called(self, dataset: int) -> Mapping[str, Sequence[Wrote]]:
        """The versions of a dataset by what their producers call them; newest first."""
        writes = [w for w in reversed(self.history(dataset).writes) if not w.is_drop]
        said = self.said.written(w.run for w in writes)
        key = self.key(dataset)
        found: dict[str, list[Wrote]] = defaultdict(list)
        for write in writes:
            name = said[write.run.pk].get(key)
            if name is not None:
                found[name].append(write)
        return found

    def _readers_of(self, dataset: int) -> tuple[Ran, ...]:
        found = self._readers.get(dataset)
        if found is None:
            shapes = self._feeding.get(dataset, ())
            self._load(shapes)
            runs = [run for shape in shapes for run in self._runs[shape].values()]
            runs.sort(key=lambda r: (r.at, r.started_at, r.run_id, r.name))
            found = self._readers[dataset] = tuple(runs)
            if self.is_versioned(dataset):
                self.said.read(found)
        return found

    def _writes(self, dataset: int, shape: int) -> Iterator[Wrote]:
        flow = self._flow(shape)
        operation = telling(flow.done[dataset])
        own = dataset in flow.inputs or dataset in flow.sources.get(dataset, ())
        adds = own or any(i in self.said.adding for i in self.seen.datasets[dataset].ids)
        for run in self._runs[shape].values():
            yield wrote(run, dataset, operation, adds=adds)

    def _is_summed(self, history: History, since: int, until: int) -> bool:
        """Whether runs that may have written a dataset in between are known only by day."""
        if not self._summed:
            return False
        days = range(since // DAY_US, until // DAY_US + 1)
        jobs = {write.run.job for write in history.writes}
        return any(day in days for job in jobs for day in self._summed.get(job, ()))

    @cached_property
    def _summed(self) -> Mapping[int, frozenset[int]]:
        """Days since 1970 on which runs of each job were summed up."""
        query = select(RUN_DAY.c.namespace, RUN_DAY.c.name, RUN_DAY.c.day)
        rows = self.connection.execute(query).all()
        numbers = {self.job(number): number for number in self.seen.jobs} if rows else {}
        found: dict[int, set[int]] = defaultdict(set)
        for namespace, name, day in rows:
            job = self.seen.identities.key(AssetKey(Kind.JOB, namespace, name))
            if job in numbers:
                found[numbers[job]].add(day)
        return {job: frozenset(days) for job, days in found.items()}

    def _flow(self, shape: int) -> Flow:
        """What runs of a shape do, to be looked up: some read and write thousands."""
        found = self._flows.get(shape)
        if found is None:
            found = self._flows[shape] = _flow(self.seen.shapes[shape])
        return found

    @cached_property
    def _writing(self) -> Mapping[int, tuple[int, ...]]:
        """Shapes of runs that write each dataset."""
        return _by_dataset((i, s) for s, f in self.seen.shapes.items() for i, _ in f.outputs)

    @cached_property
    def _feeding(self) -> Mapping[int, tuple[int, ...]]:
        """Shapes of runs that make something of each dataset."""
        return _by_dataset((a, s) for s, f in self.seen.shapes.items() for a, _ in f.edges)

    # Rows

    def _load(self, shapes: Iterable[int]) -> None:
        missing = {shape for shape in shapes if shape not in self._runs}
        for shape in missing:
            self._runs[shape] = {}
        for row in rows_where(self.connection, RUN, _COLUMNS, "shape_id", sorted(missing)):
            run = self._ran(row)
            if run is not None:
                self._runs[run.shape_id][run.pk] = run

    def _ran(self, row: Any) -> Ran | None:
        pk, run_id, job_id, started_at, has_start, at, shape_id, state, terminals, *rest = row
        job = self._whole.get(job_id, job_id)
        endless = job in self._endless
        if at > self.until or (state != _COMPLETE and not endless):
            return None
        asset = self.seen.jobs[job]
        return Ran(
            pk, bytes(run_id), (asset.namespace, asset.name), job, started_at, bool(has_start), at,
            shape_id, state, terminals, endless, *rest,
        )  # fmt: skip

    @cached_property
    def _whole(self) -> Mapping[int, int]:
        return {i: whole for whole, asset in self.seen.jobs.items() for i in asset.ids}

    @cached_property
    def _endless(self) -> frozenset[int]:
        return frozenset(i for i, job in self.seen.jobs.items() if is_endless(job))


def _flow(shape: o.Shape) -> Flow:
    done: dict[int, list[str]] = defaultdict(list)
    sources: dict[int, list[int]] = defaultdict(list)
    made_of: dict[int, list[int]] = defaultdict(list)
    for dataset, operation in shape.outputs:
        done[dataset].append(operation)
    for source, target in shape.edges:
        sources[target].append(source)
        made_of[source].append(target)
    return Flow(frozenset(shape.inputs), done, sources, made_of)


def _by_dataset(pairs: Iterable[tuple[int, int]]) -> Mapping[int, tuple[int, ...]]:
    found: dict[int, dict[int, None]] = defaultdict(dict)
    for dataset, shape in pairs:
        found[dataset][shape] = None
    return {dataset: tuple(shapes) for dataset, shapes in found.items()}


def _key(kind: Kind, asset: o.Asset) -> AssetKey:
    return AssetKey(kind, asset.namespace, asset.name)
