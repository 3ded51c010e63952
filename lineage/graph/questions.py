"""What stands around one asset: upstream, downstream or both, to a depth, with honest ends. Pure.

Who asks ``through_jobs`` gets the same datasets at the same distances, and the jobs between them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Set
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from catalog.model import AssetKey, Kind
from lineage.graph.drawn import NO_KEYS, Drawn
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import Direction, Hidden, Lineage, Side, Standing

N = TypeVar("N", bound=Hashable)
"""An asset, or its number."""

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
    drawn = Drawn(graph, {question.root}, hidden_jobs, with_faded=question.with_faded)
    root = graph.number(question.root)
    is_plain = not question.through_jobs and not question.with_faded
    # What most ask goes by numbers, which are faster to tell apart than keys.
    nodes, truncated, hidden = (
        _Walk(root, _InFlow(graph), question).walked()
        if is_plain and root in graph.flow
        else _Walk(question.root, _InDrawing(drawn, question), question).walked()
    )
    links = drawn.links({node.key for node in nodes}, through_jobs=question.through_jobs)
    return Lineage(
        root=question.root,
        as_of=graph.as_of,
        nodes=nodes,
        links=tuple(sorted(links, key=lambda link: link.ends)),
        truncated=truncated,
        hidden=hidden,
    )


class _Steps(Protocol[N]):
    """Steps from asset to asset."""

    def beside(self, node: N, *, up: bool) -> Iterable[N]:
        """Datasets one hop away."""

    def met(self, node: N, *, up: bool) -> Iterable[N]:
        """All that is met in one hop: these, and jobs on the way if they are asked for."""

    def between(self, new: Set[N], shown: Set[N]) -> Iterable[tuple[N, N, N]]:
        """Jobs between new datasets and shown ones, with source and target; if asked for."""

    def key(self, node: N) -> AssetKey:
        """Which asset it is."""


class _InFlow:
    """From dataset to dataset, by their numbers."""

    def __init__(self, graph: EstateGraph) -> None:
        self._flow = graph.flow
        self.key = graph.key

    def beside(self, node: int, *, up: bool) -> Iterable[int]:
        """Datasets one hop away."""
        return self._flow.predecessors(node) if up else self._flow.successors(node)

    met = beside

    def between(self, _new: Set[int], _shown: Set[int]) -> Iterable[tuple[int, int, int]]:
        """None is asked for."""
        return ()


class _InDrawing:
    """As drawn, also through jobs and over what faded."""

    def __init__(self, drawn: Drawn, question: Question) -> None:
        self._drawn = drawn
        self._question = question
        self._jobs: dict[tuple[AssetKey, bool], frozenset[AssetKey]] = {}

    def beside(self, node: AssetKey, *, up: bool) -> Iterable[AssetKey]:
        """Datasets one hop away; of a job on the way none, as it was led through already."""
        is_on_the_way = node.kind is Kind.JOB and node != self._question.root
        return () if is_on_the_way else self._drawn.datasets_beside(node, up=up)

    def met(self, node: AssetKey, *, up: bool) -> Iterable[AssetKey]:
        """These, and jobs on the way if they are asked for."""
        yield from self.beside(node, up=up)
        if self._question.through_jobs and (
            node.kind is Kind.DATASET or node == self._question.root
        ):
            yield from self._jobs_beside(node, up=up)

    def between(
        self, new: Set[AssetKey], shown: Set[AssetKey]
    ) -> Iterable[tuple[AssetKey, AssetKey, AssetKey]]:
        """Jobs between new datasets and shown ones, with source and target."""
        if not self._question.through_jobs:
            return
        for key in (k for k in new if k.kind is Kind.DATASET):
            for up in (True, False):
                for other in self._drawn.datasets_beside(key, up=up):
                    source, target = (other, key) if up else (key, other)
                    if other in shown:
                        into = self._jobs_beside(target, up=True)
                        for job in self._jobs_beside(source, up=False) & into:
                            yield job, source, target

    def _jobs_beside(self, key: AssetKey, *, up: bool) -> frozenset[AssetKey]:
        found = self._jobs.get((key, up))
        if found is None:
            found = self._jobs[key, up] = frozenset(self._drawn.jobs_beside(key, up=up))
        return found

    def key(self, node: AssetKey) -> AssetKey:
        """Itself."""
        return node


class _Walk(Generic[N]):
    """Breadth first, both ways in step, so that what is cut off is what is farthest."""

    def __init__(self, root: N, steps: _Steps[N], question: Question) -> None:
        self._root = root
        self._steps = steps
        self._question = question
        self._distance = {root: 0}
        asked = ((True, Direction.UP), (False, Direction.DOWN))
        self._met: dict[bool, set[N]] = {
            up: {root} for up, way in asked if question.direction in (way, Direction.BOTH)
        }
        """What was met on each side that is asked for, by whether that is up."""
        self._rims: dict[bool, set[N]] = {up: {root} for up in self._met}
        """Of each side what may have neighbours that were not met."""

    def walked(self) -> tuple[tuple[Standing, ...], bool, Hidden]:
        """The root and all that is met within depth and count, whether that was cut off by count,
        and how many datasets are one hop beyond on each side.
        """
        is_cut = False
        for distance in range(1, self._question.depth + 1):
            met = {up: self._step(rim, up=up) for up, rim in self._rims.items()}
            found: set[N] = set().union(*met.values())
            shown = found | self._distance.keys()
            # Edges between what is shown are drawn, so the jobs that carry them are met as well.
            between = [*self._steps.between(found - self._distance.keys(), shown)]
            is_cut = self._admit(found | {job for job, _, _ in between}, distance)
            for up, beyond in met.items():
                new = (beyond & self._distance.keys()) - self._met[up]
                self._met[up] |= new
                self._rims[up] = new | self._rims[up] if is_cut else new
            for job, source, target in between:
                self._place(job, source, target)
            if is_cut or not any(self._rims.values()):
                break
        nodes = (
            Standing(self._steps.key(node), at, self._side(node))
            for node, at in self._distance.items()
        )
        hidden = Hidden(len(self._beyond(up=True)), len(self._beyond(up=False)))
        return tuple(sorted(nodes, key=_order)), is_cut, hidden

    def _place(self, job: N, source: N, target: N) -> None:
        """Put a job on the side of its ends; one that leads around the root on both."""
        sides = [met for met in self._met.values() if source in met and target in met]
        for met in sides or self._met.values():
            met.add(job)

    def _beyond(self, *, up: bool) -> set[N]:
        """What is one hop beyond a side."""
        rim = self._rims.get(up, ())
        found = {beyond for node in rim for beyond in self._steps.beside(node, up=up)}
        return found - self._distance.keys()

    def _step(self, rim: Set[N], *, up: bool) -> set[N]:
        """Everything one dataset hop beyond a rim."""
        return {beyond for node in rim for beyond in self._steps.met(node, up=up)}

    def _admit(self, met: Set[N], distance: int) -> bool:
        """Let in what was not met before, as far as there is room; whether there was too little."""
        new = met - self._distance.keys()
        room = self._question.nodes_most - len(self._distance)
        is_cut = len(new) > room
        if is_cut:
            new = set(sorted(new, key=lambda node: _name(self._steps.key(node)))[:room])
        self._distance.update(dict.fromkeys(new, distance))
        return is_cut

    def _side(self, node: N) -> Side:
        if node == self._root:
            return Side.ROOT
        sides = [Side.UP if up else Side.DOWN for up, met in self._met.items() if node in met]
        return sides[0] if len(sides) == 1 else Side.BOTH


def _order(node: Standing) -> tuple[object, ...]:
    return node.distance, *_name(node.key)


def _name(key: AssetKey) -> tuple[str, ...]:
    return key.namespace, key.name, key.kind
