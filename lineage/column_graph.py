"""Questions about columns: what feeds one, what it feeds, by which way, and what hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from catalog.model import AssetKey
from lineage.column_index import ColumnIndex, Edge, Walk
from lineage.column_links import ColumnKey, How
from lineage.derivation import INDIRECT
from lineage.estate import Estate
from lineage.graph.model import Direction, Side

DEEPEST = 1000
"""Edges from the start, where no depth is asked for."""
MOST = 10_000
"""Columns in one answer."""


class Certainty(StrEnum):
    """How sure it is that a column hangs on another; the surest first."""

    DIRECT = "direct"
    """Its values get there; also where a producer does not say how."""
    INDIRECT = "indirect"
    """They decide which values do: by a filter, a join, an order."""
    MAYBE = "maybe"
    """It derives from the dataset as a whole, or nothing says from which columns."""


@dataclass(frozen=True, slots=True)
class ColumnStanding:
    """A column in an answer."""

    column: ColumnKey
    distance: int
    side: Side
    is_known: bool | None
    """Whether the schema has it; ``None``: no schema is known, or it is a dataset as a whole."""
    noise: str | None
    """Why its dataset is no subject, or ``None``."""


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """What stands around one column."""

    root: ColumnKey
    columns: tuple[ColumnStanding, ...]
    """By (distance, column), the root first."""
    edges: tuple[Edge, ...]
    """Between its columns."""
    truncated: bool
    """Whether the cap cut it off; depth alone does not."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """What hangs on a column."""

    column: ColumnKey
    certainty: Certainty
    distance: int
    path: tuple[Edge, ...]
    """One shortest way there; empty where nothing is known of columns."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What would be missed if a column were gone."""

    column: ColumnKey
    is_known: bool | None
    """Whether the schema has it; ``None``: no schema is known."""
    dependents: tuple[Dependent, ...]
    """By (certainty, distance, column)."""
    truncated: bool


class ColumnGraph:
    """Current links between columns, in the estate that they are of."""

    def __init__(self, index: ColumnIndex, estate: Estate) -> None:
        self.index = index
        self.estate = estate

    def is_known(self, column: ColumnKey) -> bool | None:
        """Whether the schema of its dataset has a column; ``None``: that is not known."""
        dataset = self.estate.datasets.get(column.asset)
        if column.is_whole or dataset is None or not dataset.fields:
            return None
        return any(field.name == column.field for field in dataset.fields)

    def noise(self, asset: AssetKey) -> str | None:
        """Why a dataset is no subject, or ``None`` for a real one."""
        dataset = self.estate.datasets.get(asset)
        return "only mentioned" if dataset is None else dataset.noise

    def around(
        self,
        root: ColumnKey,
        direction: Direction = Direction.BOTH,
        depth: int = DEEPEST,
        most: int = MOST,
        follows: Callable[[How], bool] | None = None,
    ) -> ColumnLineage:
        """Columns that feed one and that it feeds.

        Args:
            root: The column; its dataset as a whole means all of its columns.
            direction: Which way to look.
            depth: Edges from the root, at most.
            most: Columns each way, at most.
            follows: Which ways of feeding count; ``None``: all.
        """
        sides: dict[ColumnKey, tuple[int, Side]] = {root: (0, Side.ROOT)}
        edges: set[Edge] = set()
        truncated = False
        for side, is_up in ((Side.UP, True), (Side.DOWN, False)):
            if direction is not Direction.BOTH and direction.value != side.value:
                continue
            walk = self.index.walk(root, up=is_up, depth=depth, most=most, follows=follows)
            truncated |= walk.truncated
            edges.update(self.index.edge(int(number)) for number in walk.edges)
            for number, distance in zip(walk.columns, walk.distances, strict=True):
                column = self.index.column(int(number))
                known = sides.get(column)
                if known is None:
                    sides[column] = (int(distance), side)
                elif known[1] is not Side.ROOT:
                    sides[column] = (min(known[0], int(distance)), Side.BOTH)
        edges.update(self._between(sides, follows))
        found = [
            ColumnStanding(column, distance, side, self.is_known(column), self.noise(column.asset))
            for column, (distance, side) in sides.items()
        ]
        found.sort(key=lambda standing: (standing.distance, standing.column))
        return ColumnLineage(root, tuple(found), in_order(edges), truncated)

    def path(
        self,
        source: ColumnKey,
        target: ColumnKey,
        follows: Callable[[How], bool] | None = None,
        *,
        wholes: bool = True,
    ) -> tuple[Edge, ...] | None:
        """A shortest way from one column to another; ``None``: there is none."""
        walk = self.index.walk(
            source, up=False, depth=DEEPEST, most=self.index.columns, follows=follows, wholes=wholes
        )
        number = self.index.number(target)
        found = [place for place, column in enumerate(walk.columns) if column == number]
        return self.way(walk, found[0]) if found else None

    def way(self, walk: Walk, place: int) -> tuple[Edge, ...]:
        """The edges by which a walk came to one of its columns, in its own direction."""
        edges = []
        while place >= 0:
            edges.append(self.index.edge(int(walk.edges[place])))
            place = int(walk.before[place])
        return tuple(reversed(edges))

    def blind(self, asset: AssetKey) -> tuple[AssetKey, ...]:
        """Datasets that derive from one by which no link between columns leads there."""
        dataset = self.estate.datasets.get(asset)
        if dataset is None:
            return ()
        fed, waiting = {asset}, [asset]
        while waiting:
            for target in self.index.fed_by(waiting.pop()) - fed:
                fed.add(target)
                if self.noise(target) is not None:  # the estate's edges are drawn through it
                    waiting.append(target)
        return tuple(key for key in dataset.downstream if key not in fed)

    def dropped(self, column: ColumnKey, most: int = MOST) -> Dropped:
        """What hangs on a column: all that would break, or might, if it were gone."""
        found: dict[ColumnKey, Dependent] = {}
        truncated = False
        steps: Sequence[tuple[Certainty, Callable[[How], bool] | None, bool]] = (
            (Certainty.DIRECT, _is_not_indirect, False),
            (Certainty.INDIRECT, None, False),
            (Certainty.MAYBE, None, True),
        )
        for certainty, follows, wholes in steps:
            walk = self.index.walk(
                column, up=False, depth=DEEPEST, most=most, follows=follows, wholes=wholes
            )
            truncated |= walk.truncated
            for place, number in enumerate(walk.columns):
                reached = self.index.column(int(number))
                if reached not in found:
                    way = self.way(walk, place)
                    distance = int(walk.distances[place])
                    found[reached] = Dependent(reached, certainty, distance, way)
        for dependent in self._unseen({column.asset: 0}, found):
            if len(found) >= most:
                truncated = True
                break
            found[dependent.column] = dependent
        order = list(Certainty)
        dependents = sorted(
            found.values(), key=lambda d: (order.index(d.certainty), d.distance, d.column)
        )
        return Dropped(column, self.is_known(column), tuple(dependents), truncated)

    def _unseen(
        self, start: dict[AssetKey, int], found: dict[ColumnKey, Dependent]
    ) -> Iterator[Dependent]:
        """Datasets that derive from these in ways of which nothing says which columns."""
        reached = dict(start)
        for dependent in found.values():
            asset = dependent.column.asset
            reached[asset] = min(dependent.distance, reached.get(asset, dependent.distance))
        waiting = sorted((distance, asset) for asset, distance in reached.items())
        step = {target: d + 1 for d, asset in reversed(waiting) for target in self.blind(asset)}
        level = sorted((d, asset) for asset, d in step.items() if asset not in reached)
        known = set(reached)
        while level:
            beyond: dict[AssetKey, int] = {}
            for distance, asset in level:
                if asset in known:
                    continue
                known.add(asset)
                yield Dependent(ColumnKey(asset), Certainty.MAYBE, distance, ())
                for target in self.estate.datasets[asset].downstream:
                    beyond.setdefault(target, distance + 1)
            level = sorted((d, asset) for asset, d in beyond.items() if asset not in known)

    def _between(
        self, columns: Iterable[ColumnKey], follows: Callable[[How], bool] | None
    ) -> Iterator[Edge]:
        """Edges that join columns of an answer."""
        inside = set(columns)
        numbers = [n for c in inside if (n := self.index.number(c)) is not None]
        for edge in self.index.edges_of(numbers, up=True):
            if edge.source in inside and (follows is None or follows(edge.how)):
                yield edge


def in_order(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Edges by source and target."""
    return tuple(sorted(edges, key=_order))


def _order(edge: Edge) -> tuple[object, ...]:
    source, target = edge.source.asset, edge.target.asset
    return (
        source.namespace, source.name, edge.source.field,
        target.namespace, target.name, edge.target.field, edge.how.order,
    )  # fmt: skip


def _is_not_indirect(how: How) -> bool:
    return how.type != INDIRECT
