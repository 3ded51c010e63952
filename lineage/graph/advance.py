"""The graph of a live store, held in memory and brought forward as events come in.

Only jobs that events speak of are looked at again. Whatever may change more than that, such as
another name of a dataset or an applied catalog, has the graph read anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Connection, Engine

from catalog import driver
from catalog.model import AssetKey, Kind
from catalog.moments import microseconds, moment
from lineage.assets import DATASET
from lineage.contents import Contents
from lineage.graph.accounts import Accounts
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.footing import CHECKED, Footing, Marks, read_marks
from lineage.graph.loading import load
from lineage.graph.news import News, read_news
from lineage.graph.records import JobRecord, Named, record_of
from lineage.history import Standpoint, stand
from lineage.noise import depth_of, is_no_dataset
from lineage.reducers import NO_REDUCERS, Reducers
from lineage.times import AHEAD

MOST = 2_000
"""New events up to which going forward is worth more than reading anew."""

_AHEAD_US = AHEAD // timedelta(microseconds=1)


class Held:
    """The graph of one store. Any thread may ask; each answer stays as it is.

    Args:
        engine: The store.
        reducers: Which endings name a part of a dataset.
    """

    def __init__(self, engine: Engine, reducers: Reducers = NO_REDUCERS) -> None:
        # Who asks has the store; one that nobody has any more goes, and this with it.
        self._store = ref(engine)
        self._reducers = reducers
        self._lock = threading.Lock()
        self._contents = Contents()
        self._graph: EstateGraph | None = None
        self._footing: Footing | None = None
        self._compaction: threading.Thread | None = None
        self.loads = 0
        """How often it was read anew."""

    @property
    def _engine(self) -> Engine:
        engine = self._store()
        if engine is None:
            raise AssertionError("nobody asks a store that is gone")
        return engine

    def graph(self, offered: Standpoint | None = None) -> EstateGraph:
        """The graph with everything that the store knows now.

        Args:
            offered: A standpoint of the present that the caller has anyway: if the graph has to be
                read anew and nothing has changed since, what it knows need not be read again.
        """
        with self._lock:
            with self._engine.connect() as connection, connection.begin():
                graph = self._brought_forward(connection)
            return graph or self._read_anew(offered)

    def _read_anew(self, offered: Standpoint | None) -> EstateGraph:
        with self._engine.connect() as connection:
            footing = Footing.read(connection)
        if offered is not None and offered.revision == footing.marks.revision:
            standpoint = offered
        else:
            standpoint = stand(self._engine, reducers=self._reducers)
        loaded = load(standpoint)
        until = microseconds(standpoint.as_of)
        with self._engine.connect() as connection:
            footing.stand_on(connection, standpoint.observed, loaded.numbers, until)
        if standpoint is offered and footing.is_over(_now(footing.marks.behind_us)):
            return self._read_anew(None)
        # What came meanwhile may be in the graph already; it is looked at again with what follows.
        self._graph = loaded.graph.at(standpoint.as_of, footing.marks.revision)
        self._footing = footing
        self.loads += 1
        return self._graph

    def _brought_forward(self, connection: Connection) -> EstateGraph | None:
        """``None``: it has to be read anew."""
        graph, footing = self._graph, self._footing
        if graph is None or footing is None:
            return None
        marks = read_marks(connection)
        clock = _now(marks.behind_us)
        if footing.is_over(clock):
            return None
        if marks.revision == graph.revision:
            return graph
        if not marks.is_same_store(footing.marks):
            return None
        # Whatever goes wrong on the way, what is half done must not be built upon.
        self._footing = None
        brought = _Step(connection, self._contents, graph, footing).graph(marks, clock)
        if brought is None:
            return None
        self._graph, self._footing = brought, footing
        self._compact(brought)
        return brought

    def _compact(self, graph: EstateGraph) -> None:
        if not graph.flow.is_overlaid or (self._compaction and self._compaction.is_alive()):
            return
        loads = self.loads

        def compact() -> None:
            base = graph.flow.compacted()
            with self._lock:
                if self._graph is not None and self.loads == loads:
                    flow = self._graph.flow.over_another(base, graph.flow)
                    self._graph = self._graph.with_flow(flow)

        self._compaction = threading.Thread(target=compact, name="compaction", daemon=True)
        self._compaction.start()


class _Step:
    """From one revision to the next."""

    def __init__(
        self, connection: Connection, contents: Contents, graph: EstateGraph, footing: Footing
    ) -> None:
        self._connection = connection
        self._contents = contents
        self._graph = graph
        self._footing = footing
        self._new: dict[AssetKey, int] = {}
        """Assets that are new, with their numbers."""
        self._new_keys: list[AssetKey] = []

    def graph(self, marks: Marks, clock: int) -> EstateGraph | None:
        """The graph that follows; ``None`` if it has to be read anew."""
        footing = self._footing
        latest = clock + _AHEAD_US
        news = read_news(self._connection, self._contents, footing.last, MOST, latest)
        if news is None:
            return None
        footing.newest_at = max(footing.newest_at, *(t for t in news.times if t <= latest), 0)
        until = max(clock, footing.newest_at)
        if footing.is_over(until):
            return None
        ahead = [t for t in (*news.times, footing.next_at) if t is not None and t > until]
        footing.next_at = min(ahead, default=None)
        if not (
            (marks.asset == footing.marks.asset or self._are_new_names_taken())
            and self._is_time_taken(news)
            and self._are_names_taken(news)
            and self._are_remarks_taken(news)
        ):
            return None
        records = dict(self._records(news, until, has_declared=marks.declarations > 0))
        if footing.has_node_uses and any(map(self._writes_otherwise, records, records.values())):
            return None
        noise = self._noise(news, records)
        footing.marks, footing.last = marks, news.last
        return self._graph.brought_forward(
            moment(until), marks.revision, self._new_keys, records, noise
        )

    # Who there is ----------------------------------------------------------------------------

    def _number(self, kind: Kind, name: tuple[str, str]) -> int:
        return self._number_of(AssetKey(kind, *name))

    def _number_of(self, key: AssetKey) -> int:
        key = self._graph.identities.key(key)
        found = self._graph.find(key)
        return self._new[key] if found is None else found

    def _key(self, number: int) -> AssetKey:
        known = len(self._graph)
        return self._graph.key(number) if number < known else self._new_keys[number - known]

    def _are_new_names_taken(self) -> bool:
        """Take in names that were never heard before."""
        rows = driver.rows(
            self._connection,
            "SELECT id, kind, namespace, name FROM lineage_asset "  # noqa: S608
            f"WHERE id > {self._footing.marks.asset} ORDER BY id",  # our own number
        )
        for name_id, kind, namespace, name in rows:
            if name_id in self._footing.numbers:  # it came while the graph was read
                continue
            is_dataset = kind == DATASET
            of_kind = Kind.DATASET if is_dataset else Kind.JOB
            key = self._graph.identities.key(AssetKey(of_kind, namespace, name))
            number = self._graph.find(key)
            if number is None:
                number = self._new.setdefault(key, len(self._graph) + len(self._new))
                if number - len(self._graph) == len(self._new_keys):
                    self._new_keys.append(key)
            if not self._footing.takes_name(name_id, number, is_dataset=is_dataset):
                return False
        return True

    def _is_time_taken(self, news: News) -> bool:
        """Whether what is ahead of its time says nothing of what nobody else speaks of."""
        known = len(self._graph)
        return not any(self._number_of(key) >= known for key in news.ahead) and not (
            self._footing.ahead
            and any(self._number_of(key) in self._footing.ahead for key in news.told)
        )

    def _are_names_taken(self, news: News) -> bool:
        """Whether no name became a name of another asset."""
        footing = self._footing
        if news.named_again:
            named = {self._number(Kind.DATASET, name) for name in news.named_again}
            names = [i for number in named for i in footing.ids(number)]
            if not footing.takes_names(self._connection, names):
                return False
        if news.nodes:
            numbers = (self._number(Kind.JOB, name) for name in news.nodes)
            jobs = {i: self._key(n).namespace for n in numbers for i in footing.ids(n)}
            return footing.takes_nodes(self._connection, jobs)
        return True

    def _are_remarks_taken(self, news: News) -> bool:
        """Whether nothing that is said changes more than what jobs do."""
        remarks = news.remarks - self._footing.checked
        facets = self._contents.facets(self._connection, {remark.body for remark in remarks})
        for remark in remarks:
            kind = Kind.JOB if remark.what == "jobType" else Kind.DATASET
            number = self._number(kind, remark.subject)
            is_new = number >= len(self._graph)
            facet, key = facets[remark.body], self._key(number)
            if not self._footing.takes_remark(remark, facet, key, number, is_new=is_new):
                return False
        if len(self._footing.checked) > CHECKED:
            self._footing.checked.clear()
        self._footing.checked |= remarks
        return True

    # What they do ----------------------------------------------------------------------------

    def _records(
        self, news: News, until: int, *, has_declared: bool
    ) -> Iterator[tuple[int, JobRecord]]:
        footing = self._footing
        numbers = {self._number(Kind.JOB, name) for name in news.jobs}
        jobs = [i for number in numbers for i in footing.ids(number)]
        named: dict[int, list[Named]] = {}
        reader = Accounts(
            self._connection, until, footing.endless, footing.shapes, has_declared=has_declared
        )
        for job_id, told in reader.of(jobs):
            named.setdefault(footing.numbers[job_id], []).append(told)
        for number, told_of in named.items():
            yield number, record_of(told_of, footing.numbers.__getitem__)

    def _writes_otherwise(self, job: int, record: JobRecord) -> bool:
        """Whether a job that runs a node of dbt now writes something else."""
        if not any(name in self._footing.nodes for name in self._footing.ids(job)):
            return False
        return _written(self._graph.hops.record(job)) != _written(record)

    def _noise(self, news: News, records: dict[int, JobRecord]) -> dict[int, bool]:
        """Datasets that may be noise now or not, and whether they are."""
        footing = self._footing
        mentioned = {self._number(Kind.DATASET, name) for name in news.datasets}
        mentioned &= footing.unmentioned
        footing.unmentioned -= mentioned
        hops = self._graph.hops.changed(records, {})
        feeding = {
            source
            for job in records
            for some in (self._graph.hops, hops)
            for source, _ in some.current_edges(job)
            if source in footing.unmentioned
        }
        new = {number for key, number in self._new.items() if key.kind is Kind.DATASET}
        noise = {}
        for number in new | mentioned | feeding:
            key = self._key(number)
            below = (self._key(i) for i, c in hops.carried_after(number) if c.current)
            deepest = max((depth_of(target.name) for target in below), default=None)
            noise[number] = footing.is_noise(number, key) or (
                number in footing.unmentioned and is_no_dataset(key.name, deepest)
            )
        return noise


_HELD: WeakKeyDictionary[Engine, dict[Reducers, Held]] = WeakKeyDictionary()
_HELD_LOCK = threading.Lock()


def held(
    engine: Engine, reducers: Reducers = NO_REDUCERS, offered: Standpoint | None = None
) -> EstateGraph:
    """The graph of a store with everything that it knows now, one for each process.

    Args:
        engine: The store.
        reducers: Which endings name a part of a dataset.
        offered: See ``Held.graph``.
    """
    with _HELD_LOCK:
        holder = _HELD.setdefault(engine, {}).setdefault(reducers, Held(engine, reducers))
    return holder.graph(offered)


def _written(record: JobRecord) -> set[int]:
    return {i for i, carried in record.writes.items() if carried.current}


def _now(behind_us: int) -> int:
    """What the store calls now, microseconds UTC."""
    return time.time_ns() // 1000 - behind_us
