"""What stands around one asset: upstream, downstream or both, to a depth, with honest ends. Pure.

Who asks ``through_jobs`` gets the same datasets at the same distances, and the jobs between them.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from catalog.model import AssetKey, Kind
from lineage.graph.drawn import NO_KEYS, Drawn
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import Direction, Hidden, Lineage, Side, Standing

NODES_MOST = 10_000
"""How many assets an answer holds, at most."""
DEPTH_MOST = NODES_MOST
"""No answer reaches deeper than this, as each hop takes an asset."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one asset."""

    root: AssetKey
    direction: Direction = Direction.BOTH
    depth: int = 5
    """Dataset hops, at most ``DEPTH_MOST``."""
    through_jobs: bool = False
    with_faded: bool = False
    """Whether edges that are not current any more are followed and drawn too."""
    nodes_most: int = NODES_MOST


def ask(graph: EstateGraph, question: Question, hidden_jobs: Set[AssetKey] = NO_KEYS) -> Lineage:
    """The answer to a question about an asset of the graph.

    Args:
        graph: What is known of one instant.
        question: About an asset, by the key that stands for it.
        hidden_jobs: Jobs that are drawn through.
    """
    walk = _Walk(graph, question, hidden_jobs)
    nodes = walk.nodes()
    shown = {node.key for node in nodes}
    links = walk.drawn.links(shown, through_jobs=question.through_jobs)
    return Lineage(
        root=question.root,
        as_of=graph.as_of,
        nodes=nodes,
        links=tuple(sorted(links, key=lambda link: link.ends)),
        truncated=walk.is_cut,
        hidden=Hidden(walk.beyond(shown, up=True), walk.beyond(shown, up=False)),
    )


class _Walk:
    """Breadth first, both ways in step, so that what is cut off is what is farthest."""

    def __init__(self, graph: EstateGraph, question: Question, hidden_jobs: Set[AssetKey]) -> None:
        self.drawn = Drawn(graph, {question.root}, hidden_jobs, with_faded=question.with_faded)
        self.is_cut = False
        self._question = question
        self._distance = {question.root: 0}
        asked = ((True, Direction.UP), (False, Direction.DOWN))
        self._met: dict[bool, set[AssetKey]] = {
            up: {question.root} for up, way in asked if question.direction in (way, Direction.BOTH)
        }
        """What was met on each side that is asked for, by whether that is up."""

    def nodes(self) -> tuple[Standing, ...]:
        """The root and all that is met within depth and count, by distance and name."""
        rims = {up: {self._question.root} for up in self._met}
        for distance in range(1, self._question.depth + 1):
            met = {up: self._step(rim, up=up) for up, rim in rims.items()}
            self._admit(set().union(*met.values()), distance)
            for up, keys in met.items():
                new = (keys & self._distance.keys()) - self._met[up]
                self._met[up] |= new
                # A job is shown between datasets and led through already.
                rims[up] = {key for key in new if key.kind is Kind.DATASET}
            if self.is_cut or not any(rims.values()):
                break
        found = (Standing(key, at, self._side(key)) for key, at in self._distance.items())
        return tuple(sorted(found, key=_order))

    def beyond(self, shown: Set[AssetKey], *, up: bool) -> int:
        """How many datasets are one hop beyond what was met on a side, and not shown."""
        found: set[AssetKey] = set()
        for key in self._met.get(up, ()):
            if key.kind is Kind.DATASET or key == self._question.root:
                found.update(self.drawn.datasets_beside(key, up=up))
        return len(found - shown)

    def _step(self, rim: Set[AssetKey], *, up: bool) -> set[AssetKey]:
        """Everything one dataset hop beyond a rim."""
        found: set[AssetKey] = set()
        for key in rim:
            found.update(self.drawn.datasets_beside(key, up=up))
            if self._question.through_jobs:
                found.update(self.drawn.jobs_beside(key, up=up))
        return found

    def _admit(self, met: Set[AssetKey], distance: int) -> None:
        """Let in what was not met before, as far as there is room."""
        new = sorted(met - self._distance.keys(), key=_name)
        room = self._question.nodes_most - len(self._distance)
        self.is_cut = len(new) > room
        self._distance.update(dict.fromkeys(new[:room], distance))

    def _side(self, key: AssetKey) -> Side:
        if key == self._question.root:
            return Side.ROOT
        if all(key in met for met in self._met.values()) and len(self._met) > 1:
            return Side.BOTH
        return Side.UP if key in self._met.get(True, ()) else Side.DOWN


def _order(node: Standing) -> tuple[object, ...]:
    return node.distance, *_name(node.key)


def _name(key: AssetKey) -> tuple[str, ...]:
    return key.namespace, key.name, key.kind
