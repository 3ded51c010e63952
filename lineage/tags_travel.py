"""Tags travel with values: where what is tagged at its source arrives, and where it is masked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catalog.model import AssetKey, Basis, Claim, Evidence
from lineage.column_graph import DEEPEST, Certainty, ColumnGraph
from lineage.column_index import Edge, Walk
from lineage.column_links import ColumnKey, ColumnLink, How
from lineage.columns import column_graph, evidence_of
from lineage.derivation import INDIRECT
from lineage.estate import Estate
from lineage.graph.model import Direction
from lineage.history import Standpoint

MOST = 10_000
"""Arrivals in one answer."""

_WORD = re.compile(r"[a-z0-9]+")
_PERSONAL = frozenset({"pii", "personal", "gdpr"})
_DENYING = frozenset({"no", "not", "non", "none", "false", "0"})


@dataclass(frozen=True, slots=True)
class Origin:
    """A column that is tagged itself."""

    column: ColumnKey
    """As a whole dataset, where nothing says which column."""
    tag: Claim[str]


@dataclass(frozen=True, slots=True)
class TagArrival:
    """A column that holds what was tagged elsewhere."""

    column: ColumnKey
    tag: str
    origin: ColumnKey
    certainty: Certainty
    """Indirect only where such ways were asked for; maybe where a way leads through a dataset as a
    whole, so that nothing says which column holds it."""
    path: tuple[ColumnLink, ...]
    """One shortest way, hop by hop, with job and event."""
    is_known: bool | None
    """Whether the schema has the column; ``None``: no schema is known."""


@dataclass(frozen=True, slots=True)
class TagStop:
    """Where a tag does not go on, as what arrives no longer shows the value."""

    link: ColumnLink
    tag: str
    origin: ColumnKey
    path: tuple[ColumnLink, ...]
    """How it came to the link's source."""
    arrives_otherwise: bool
    """Whether it comes to the link's target by a way that is not masked."""


@dataclass(frozen=True, slots=True, order=True)
class Unseen:
    """A dataset that derives from one that holds the tag, but nobody tells by which columns."""

    dataset: AssetKey
    source: AssetKey
    tag: str


@dataclass(frozen=True, slots=True)
class Travels:
    """Where tags are and where they came to."""

    origins: tuple[Origin, ...]
    arrivals: tuple[TagArrival, ...]
    """By column, tag, certainty and origin; one for each origin."""
    stops: tuple[TagStop, ...]
    """By the ends of the link."""
    unseen: tuple[Unseen, ...]
    """Whether it is there cannot be told: neither found nor clean."""
    truncated: bool


def is_personal(tag: str) -> bool:
    """Whether a tag says that data is personal: ``pii``, ``pii.email``, ``classification:PII``.

    One of its words is pii, personal or gdpr, and none takes it back, as in ``pii:false``.
    """
    words = set(_WORD.findall(tag.lower()))
    return bool(words & _PERSONAL) and not words & _DENYING


def origins(estate: Estate, wanted: Callable[[str], bool] = is_personal) -> tuple[Origin, ...]:
    """Every column with a tag of a kind, declared or by its own facet; by column and tag."""
    found: dict[tuple[ColumnKey, str], Origin] = {}
    for key, dataset in estate.datasets.items():
        for told in dataset.column_tags:
            column = ColumnKey(key, told.field)
            known = found.get((column, told.tag.value))
            # What people declare is shown first.
            if wanted(told.tag.value) and (known is None or told.tag.basis is Basis.DECLARED):
                found[column, told.tag.value] = Origin(column, told.tag)
        for tag in filter(wanted, dataset.tags):
            evidence = (Evidence(tag, event_id=dataset.event_id),) if dataset.event_id else ()
            claim = Claim(tag, Basis.ASSERTED, "its tags facet says so", evidence)
            found.setdefault((ColumnKey(key), tag), Origin(ColumnKey(key), claim))
    return tuple(found[key] for key in sorted(found))


def arrivals(
    standpoint: Standpoint,
    wanted: Callable[[str], bool] = is_personal,
    *,
    dataset: AssetKey | None = None,
    tagged_in: AssetKey | None = None,
    indirect: bool = False,
    graph: ColumnGraph | None = None,
    most: int = MOST,
) -> Travels:
    """Where everything of a kind that is tagged comes to, and where it is masked.

    Args:
        standpoint: From where one looks.
        wanted: Which tags.
        dataset: Only what is tagged, arrives or stops in this one, by any of its names.
        tagged_in: Only what is tagged in this one, wherever it goes.
        indirect: Whether a tag also goes where the column only decides which values do.
        graph: Where one with all of these links is at hand.
        most: Arrivals, at most.
    """
    graph = graph or column_graph(standpoint, tagged_in, Direction.DOWN)
    about = None if dataset is None else standpoint.estate.identities.key(dataset)
    travel = Travel(graph, about, indirect=indirect, most=most)
    begun = origins(standpoint.estate, wanted)
    if tagged_in is not None:
        key = standpoint.estate.identities.key(tagged_in)
        begun = tuple(origin for origin in begun if origin.column.asset == key)
    for origin in begun:
        travel.follow(origin)
    hops = [edge for reached in travel.reached for edge in reached.path]
    hops += [edge for stop in travel.stopped for edge in (stop.edge, *stop.path)]
    told = evidence_of(standpoint, hops)
    return Travels(
        tuple(o for o in begun if about in {None, o.column.asset}),
        tuple(_arrival(graph, reached, told) for reached in sorted(travel.reached, key=_place)),
        tuple(_stop(stop, told) for stop in sorted(travel.stopped, key=_link)),
        tuple(sorted(travel.unseen)),
        travel.truncated,
    )


class _Reached(NamedTuple):
    column: ColumnKey
    tag: str
    origin: ColumnKey
    certainty: Certainty
    path: tuple[Edge, ...]


class _Stopped(NamedTuple):
    edge: Edge
    tag: str
    origin: ColumnKey
    path: tuple[Edge, ...]
    arrives_otherwise: bool


class Travel:
    """Tags on their way. Pure."""

    def __init__(
        self, graph: ColumnGraph, about: AssetKey | None, *, indirect: bool, most: int
    ) -> None:
        self._graph = graph
        self._about = about
        self._indirect = indirect
        self._most = most
        self.reached: list[_Reached] = []
        self.stopped: list[_Stopped] = []
        self.unseen: set[Unseen] = set()
        self.truncated = False
        self._beyond: dict[AssetKey, tuple[AssetKey, ...]] = {}
        """Of each dataset that holds a tag, what derives from it out of sight."""

    def follow(self, origin: Origin) -> None:
        """One tag of one column to wherever it comes."""
        start, tag = origin.column, origin.tag.value
        found: dict[ColumnKey, tuple[Certainty, Walk, int]] = {}
        for certainty, follows, wholes in self._ways():
            walk = self._graph.index.walk(
                start, up=False, depth=DEEPEST, most=self._graph.index.columns, follows=follows,
                wholes=wholes,
            )  # fmt: skip
            for place, number in enumerate(walk.columns):
                found.setdefault(self._graph.index.column(int(number)), (certainty, walk, place))
        for column, (certainty, walk, place) in found.items():
            if not self._is_about(column):
                continue
            if len(self.reached) >= self._most:
                self.truncated = True
                break
            way = self._graph.way(walk, place)
            self.reached.append(_Reached(column, tag, start, certainty, way))
        self._stop(start, tag, found)
        self._lose_sight(tag, {start.asset, *(column.asset for column in found)})

    def _ways(self) -> Iterator[tuple[Certainty, Callable[[How], bool], bool]]:
        yield Certainty.DIRECT, _carries, False
        if self._indirect:
            yield Certainty.INDIRECT, _shows, False
        yield Certainty.MAYBE, _shows if self._indirect else _carries, True

    def _stop(
        self, start: ColumnKey, tag: str, found: dict[ColumnKey, tuple[Certainty, Walk, int]]
    ) -> None:
        index = self._graph.index
        for column in (start, *found):
            number = index.number(column)
            if number is None:
                continue
            for edge in index.edges_of([number], up=False):
                if edge.how.type == INDIRECT or not edge.how.masking:
                    continue
                if self._is_about(edge.source) or self._is_about(edge.target):
                    path = () if column == start else self._graph.way(*found[column][1:])
                    is_there = edge.target in found
                    self.stopped.append(_Stopped(edge, tag, start, path, is_there))

    def _lose_sight(self, tag: str, holders: set[AssetKey]) -> None:
        """Tell what derives, at any distance, by ways of which nobody tells the columns."""
        datasets = self._graph.estate.datasets
        for holder in holders:
            if holder not in self._beyond:
                self._beyond[holder] = self._graph.blind(holder)
            waiting, lost = [*self._beyond[holder]], set[AssetKey]()
            while waiting:
                key = waiting.pop()
                if key not in lost and key not in holders:
                    lost.add(key)
                    waiting += datasets[key].downstream
            for key in lost:
                if self._about in {None, holder, key}:
                    self.unseen.add(Unseen(key, holder, tag))

    def _is_about(self, column: ColumnKey) -> bool:
        return self._about is None or column.asset == self._about


def _carries(how: How) -> bool:
    return how.carries


def _shows(how: How) -> bool:
    return not how.masking


def _arrival(graph: ColumnGraph, reached: _Reached, told: dict[Edge, ColumnLink]) -> TagArrival:
    column, tag, origin, certainty, path = reached
    return TagArrival(column, tag, origin, certainty, _told(path, told), graph.is_known(column))


def _stop(stop: _Stopped, told: dict[Edge, ColumnLink]) -> TagStop:
    path = _told(stop.path, told)
    return TagStop(told[stop.edge], stop.tag, stop.origin, path, stop.arrives_otherwise)


def _told(path: Iterable[Edge], told: dict[Edge, ColumnLink]) -> tuple[ColumnLink, ...]:
    return tuple(told[edge] for edge in path)


def _place(reached: _Reached) -> tuple[object, ...]:
    order: Sequence[Certainty] = list(Certainty)
    return reached.column, reached.tag, order.index(reached.certainty), reached.origin


def _link(stop: _Stopped) -> tuple[object, ...]:
    return stop.edge.source, stop.edge.target, stop.edge.how.order, stop.tag, stop.origin
