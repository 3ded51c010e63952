"""Column lineage of a standpoint: which columns feed which, and what follows from that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from catalog.engines import release
from catalog.model import AssetKey, Kind
from catalog.moments import microseconds, moment
from lineage.column_graph import MOST, ColumnGraph, Dropped
from lineage.column_index import ColumnIndex, Edge
from lineage.column_links import ColumnKey, ColumnLink, How, Told, declared_of, is_link, merged
from lineage.column_runs import ColumnReader, Statement, jobs_about
from lineage.graph.model import LinkBasis
from lineage.history import Standpoint
from lineage.log import event_ids
from lineage.reading import uncollected
from lineage.spelling import Name


class _Ends(NamedTuple):
    source: ColumnKey
    target: ColumnKey
    said: Name | None
    """What the facet names in place of the source, where that is a guess."""


def column_links(
    standpoint: Standpoint, keys: Collection[AssetKey] | None = None, *, ever: bool = False
) -> tuple[ColumnLink, ...]:
    """Every link between columns, each once for each job that says it.

    Args:
        standpoint: From where one looks.
        keys: Only links from or to these datasets, by any of their names; ``None``: all.
        ever: Whether also those that are no longer current, which takes a look at every run.

    Returns:
        By source, target and way of feeding.
    """
    reading = _Reading(standpoint, keys)
    with standpoint.engine.connect() as connection, uncollected():
        statements = list(reading.statements(connection, ever=ever))
        wanted = {one.seq for statement, _ in statements for one in statement.spoken}
        ids = event_ids(connection, wanted)
        release(connection)
    jobs = {
        number: AssetKey(Kind.JOB, job.namespace, job.name)
        for job in standpoint.observed.jobs.values()
        for number in job.ids
    }
    links = [_link(statement, ends, jobs, ids) for statement, ends in statements]
    return merged((*links, *reading.declared()))


def column_graph(standpoint: Standpoint) -> ColumnGraph:
    """All current links, packed for questions that go far."""
    reading = _Reading(standpoint, None)
    with standpoint.engine.connect() as connection, uncollected():
        said = ((ends, s.told.how) for s, ends in reading.statements(connection, ever=False))
        declared = (
            (_Ends(link.source, link.target, None), link.how) for link in reading.declared()
        )
        index = ColumnIndex(_telling((*said, *declared)))
        release(connection)
    return ColumnGraph(index, standpoint.estate)


def explained(standpoint: Standpoint, path: Sequence[Edge]) -> tuple[ColumnLink, ...]:
    """For each edge of a path what says it: by whose run, and in which event."""
    told = evidence_of(standpoint, path)
    return tuple(told[edge] for edge in path)


def evidence_of(standpoint: Standpoint, edges: Iterable[Edge]) -> dict[Edge, ColumnLink]:
    """For each of some current edges what says it; of several jobs the first by name."""
    wanted = set(edges)
    found: dict[Edge, ColumnLink] = {}
    if wanted:
        for link in column_links(standpoint, {edge.target.asset for edge in wanted}):
            edge = Edge(*link.ends, link.how)
            if edge in wanted:
                found.setdefault(edge, link)
    return found


def what_if_dropped(
    standpoint: Standpoint,
    key: AssetKey,
    field: str,
    *,
    graph: ColumnGraph | None = None,
    most: int = MOST,
) -> Dropped:
    """Everything downstream that reads a column, down to reports.

    Args:
        standpoint: From where one looks.
        key: Its dataset, by any of its names.
        field: Its name.
        graph: That of ``column_graph``, where it is at hand.
        most: How many columns and datasets, at most.
    """
    column = ColumnKey(standpoint.estate.identities.key(key), field)
    return (graph or column_graph(standpoint)).dropped(column, most)


class _Reading:
    """Statements under the names that stand for assets."""

    def __init__(self, standpoint: Standpoint, keys: Collection[AssetKey] | None) -> None:
        self._standpoint = standpoint
        self._seen = standpoint.observed
        self._estate = standpoint.estate
        identities = self._estate.identities
        self._wanted = None if keys is None else {identities.key(key) for key in keys}
        self._keys: dict[Name, AssetKey] = {}
        self._fields: dict[AssetKey, frozenset[str]] = {}

    def statements(
        self, connection: Connection, *, ever: bool
    ) -> Iterator[tuple[Statement, _Ends]]:
        """What jobs say, with the ends of each link."""
        reader = ColumnReader(connection, microseconds(self._standpoint.as_of), self._seen.endless)
        for statement in reader.statements(self._jobs(connection), ever=ever):
            ends = self._ends(statement.told, statement.by.shape_id)
            if ends is not None:
                yield statement, ends

    def declared(self) -> Iterator[ColumnLink]:
        """What the ``lineage`` facets of datasets say; in events of runs, those of jobs count."""
        for asset in self._seen.datasets.values():
            facet = asset.facets.get("lineage")
            if facet is None or not facet.path.startswith("dataset."):
                continue
            for told in declared_of((asset.namespace, asset.name), facet.body):
                ends = self._ends(told, None)
                if ends is not None:
                    yield ColumnLink(
                        ends.source,
                        ends.target,
                        told.how,
                        LinkBasis.EXPLICIT,
                        None,
                        facet.event_id,
                        current=True,
                        declared=True,
                    )

    def _jobs(self, connection: Connection) -> set[int] | None:
        if self._wanted is None:
            return None
        return jobs_about(
            connection,
            sorted(
                number
                for i, asset in self._seen.datasets.items()
                if AssetKey(Kind.DATASET, asset.namespace, asset.name) in self._wanted
                for number in asset.ids or (i,)
            ),
        )

    def _ends(self, told: Told, shape_id: int | None) -> _Ends | None:
        """Where a link leads; ``None``: it is none, or not asked for."""
        source, target = self._key(told.source), self._key(told.target)
        if not is_link(told, source, target):
            return None
        said = None
        if (
            shape_id is not None
            and self._is_phantom(source)
            and source.namespace == target.namespace
        ):
            behind = self._behind(told.field, shape_id)
            if behind is not None and behind != target:
                source, said = behind, told.source
        if self._wanted is not None and not self._wanted & {source, target}:
            return None
        return _Ends(ColumnKey(source, told.field), ColumnKey(target, told.column), said)

    def _key(self, name: Name) -> AssetKey:
        found = self._keys.get(name)
        if found is None:
            found = self._estate.identities.key(AssetKey(Kind.DATASET, *name))
            self._keys[name] = found
        return found

    def _is_phantom(self, key: AssetKey) -> bool:
        """Whether it is a step inside a statement, which nothing ever writes."""
        dataset = self._estate.datasets.get(key)
        return dataset is None or (dataset.noise is not None and not dataset.writers)

    def _behind(self, field: str, shape_id: int) -> AssetKey | None:
        """The one real input of a run that has a column of that name."""
        shape = self._seen.shapes.get(shape_id)
        found = []
        for number in shape.inputs if shape and field else ():
            asset = self._seen.datasets[number]
            key = AssetKey(Kind.DATASET, asset.namespace, asset.name)
            if not self._is_phantom(key) and field in self._known(key):
                found.append(key)
        return found[0] if len(found) == 1 else None

    def _known(self, key: AssetKey) -> frozenset[str]:
        known = self._fields.get(key)
        if known is None:
            fields = self._estate.datasets[key].fields
            known = self._fields[key] = frozenset(field.name for field in fields)
        return known


def _link(
    statement: Statement, ends: _Ends, jobs: Mapping[int, AssetKey], ids: Mapping[int, str]
) -> ColumnLink:
    by = statement.by
    return ColumnLink(
        ends.source,
        ends.target,
        statement.told.how,
        statement.told.basis,
        jobs[by.job_id],
        max((one.time, ids[one.seq]) for one in statement.spoken)[1],
        current=statement.current,
        provisional=statement.provisional,
        declared=statement.declared,
        last_seen=None if by.at is None else moment(by.at),
        said=ends.said,
    )


def _telling(
    links: Iterable[tuple[_Ends, How]],
) -> Iterator[tuple[ColumnKey, ColumnKey, How]]:
    """Links without those that say less than others: that one dataset derives from another.

    A facet may say it beside what it says of their columns.
    """
    plain: set[tuple[_Ends, How]] = set()
    told: set[tuple[AssetKey, AssetKey]] = set()
    for ends, how in links:
        if ends.source.is_whole and ends.target.is_whole and how.type is None:
            plain.add((ends, how))
        else:
            told.add((ends.source.asset, ends.target.asset))
            yield ends.source, ends.target, how
    for ends, how in plain:
        if (ends.source.asset, ends.target.asset) not in told:
            yield ends.source, ends.target, how
