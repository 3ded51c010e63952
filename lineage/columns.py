"""Column lineage of a standpoint: which columns feed which, and what follows from that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from catalog.engines import release
from catalog.model import AssetKey
from catalog.moments import microseconds, moment
from lineage.column_graph import MOST, ColumnGraph, Dropped
from lineage.column_index import ColumnIndex, Edge
from lineage.column_links import ColumnKey, ColumnLink, How, merged
from lineage.column_names import ColumnNames, Ends
from lineage.column_runs import ColumnReader, Statement, jobs_about
from lineage.graph.model import Direction
from lineage.history import Standpoint
from lineage.log import event_ids
from lineage.reading import uncollected


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
    jobs = reading.names.jobs
    links = [_link(statement, ends, jobs, ids) for statement, ends in statements]
    return merged((*links, *reading.declared()))


def column_graph(
    standpoint: Standpoint,
    around: AssetKey | None = None,
    direction: Direction = Direction.BOTH,
) -> ColumnGraph:
    """Current links, packed for questions that go far.

    Args:
        standpoint: From where one looks.
        around: Only links that lead to or from this dataset at any distance, which takes as long
            as there are many of them; ``None``: all links, which takes as long as the estate is
            large.
        direction: Which of these: those that lead to it are up.
    """
    found: dict[tuple[Ends, How], None] = {}
    with standpoint.engine.connect() as connection, uncollected():
        if around is None:
            found.update(dict.fromkeys(_told(connection, _Reading(standpoint, None))))
        else:
            for way in (Direction.UP, Direction.DOWN):
                if direction in (way, Direction.BOTH):
                    is_up = way is Direction.UP
                    links = _far(connection, standpoint, around, is_up=is_up)
                    found.update(dict.fromkeys(links))
        release(connection)
    return ColumnGraph(ColumnIndex(_telling(found)), standpoint.estate)


def _far(
    connection: Connection, standpoint: Standpoint, start: AssetKey, *, is_up: bool
) -> Iterator[tuple[Ends, How]]:
    """Links that lead to a dataset, or from it, at any distance: of all at one distance at once."""
    frontier = {standpoint.estate.identities.key(start)}
    asked: set[AssetKey] = set()
    while frontier:
        beyond = set()
        for ends, how in _told(connection, _Reading(standpoint, frontier)):
            yield ends, how
            near, far = (ends.target, ends.source) if is_up else (ends.source, ends.target)
            if near.asset in frontier:
                beyond.add(far.asset)
        asked |= frontier
        frontier = beyond - asked


def _told(connection: Connection, reading: _Reading) -> Iterator[tuple[Ends, How]]:
    for statement, ends in reading.statements(connection, ever=False):
        yield ends, statement.told.how
    for link in reading.declared():
        yield Ends(link.source, link.target), link.how


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
        graph: Where one with all that lies below is at hand.
        most: How many columns and datasets, at most.
    """
    column = ColumnKey(standpoint.estate.identities.key(key), field)
    graph = graph or column_graph(standpoint, column.asset, Direction.DOWN)
    return graph.dropped(column, most)


_NAMES: WeakKeyDictionary[Standpoint, ColumnNames] = WeakKeyDictionary()
"""What was looked up for a standpoint goes with it."""


class _Reading:
    """What jobs and datasets say, under the names that stand for assets."""

    def __init__(self, standpoint: Standpoint, keys: Collection[AssetKey] | None) -> None:
        self._standpoint = standpoint
        names = _NAMES.get(standpoint)
        if names is None:
            names = _NAMES[standpoint] = ColumnNames(standpoint.observed, standpoint.estate)
        self.names = names
        key = standpoint.estate.identities.key
        self._wanted = None if keys is None else {key(one) for one in keys}

    def statements(self, connection: Connection, *, ever: bool) -> Iterator[tuple[Statement, Ends]]:
        """What jobs say, with the ends of each link."""
        until = microseconds(self._standpoint.as_of)
        reader = ColumnReader(connection, until, self._standpoint.observed.endless)
        jobs = None
        if self._wanted is not None:
            jobs = jobs_about(connection, self.names.numbers(self._wanted))
        for statement in reader.statements(jobs, ever=ever):
            ends = self.names.ends(statement.told, statement.by.shape_id)
            if ends is not None and self._is_wanted(ends.source, ends.target):
                yield statement, ends

    def declared(self) -> Iterator[ColumnLink]:
        """What datasets declare of themselves."""
        return (link for link in self.names.declared if self._is_wanted(*link.ends))

    def _is_wanted(self, source: ColumnKey, target: ColumnKey) -> bool:
        wanted = self._wanted
        return wanted is None or source.asset in wanted or target.asset in wanted


def _link(
    statement: Statement, ends: Ends, jobs: Mapping[int, AssetKey], ids: Mapping[int, str]
) -> ColumnLink:
    by, spoken = statement.by, statement.spoken
    if len(spoken) == 1:
        event_id = ids[spoken[0].seq]
    else:
        event_id = max((one.time, ids[one.seq]) for one in spoken)[1]
    return ColumnLink(
        ends.source,
        ends.target,
        statement.told.how,
        statement.told.basis,
        jobs[by.job_id],
        event_id,
        current=statement.current,
        provisional=statement.provisional,
        declared=statement.declared,
        last_seen=None if by.at is None else moment(by.at),
        said=ends.said,
    )


def _telling(
    links: Iterable[tuple[Ends, How]],
) -> Iterator[tuple[ColumnKey, ColumnKey, How]]:
    """Links without those that say less than others: that one dataset derives from another.

    A facet may say it beside what it says of their columns.
    """
    plain: set[tuple[Ends, How]] = set()
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
