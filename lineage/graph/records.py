"""What each job has to do with which data, when it was seen and whether it still holds. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from lineage import observed as o
from lineage.current import Account, shapes_by_runs
from lineage.graph.model import LinkBasis

K = TypeVar("K", int, tuple[int, int])
"""A dataset, or the source and target of an edge."""

_RANK = {basis: rank for rank, basis in enumerate(LinkBasis)}


class Carried(NamedTuple):
    """That data goes somewhere, as one job, or several, have it; see ``model.Link``."""

    basis: LinkBasis
    observed: bool
    declared: bool
    current: bool
    provisional: bool
    first: int | None
    """Microseconds UTC, as all times here."""
    last: int | None


DECLARED = Carried(
    LinkBasis.DECLARED,
    observed=False,
    declared=True,
    current=True,
    provisional=False,
    first=None,
    last=None,
)
"""What is only declared, by a job or by a dataset's own facet."""


@dataclass(frozen=True, slots=True)
class ShapeSeen:
    """A shape of one job, and when runs had it; its datasets have the ids of their names."""

    shape: o.Shape
    bases: Mapping[tuple[int, int], LinkBasis]
    """Of each of its edges."""
    first: int | None = None
    last: int | None = None
    """``None``: no run had it, it is only declared."""

    def flows(self) -> Mapping[tuple[int, int], LinkBasis]:
        """Every edge."""
        return self.bases

    def reads(self) -> Mapping[int, LinkBasis]:
        """Everything that it reads: also what only its edges name as a source."""
        return _best([*((a, basis) for (a, _), basis in self.bases.items())], self.shape.inputs)

    def writes(self) -> Mapping[int, LinkBasis]:
        """Everything that it writes: also what only its edges name as a target."""
        outputs = [dataset_id for dataset_id, _ in self.shape.outputs]
        return _best([*((b, basis) for (_, b), basis in self.bases.items())], outputs)


@dataclass(frozen=True, slots=True)
class Named:
    """What is known of a job under one of its names."""

    account: Account
    shapes: Mapping[int, ShapeSeen]
    """By id: those that runs had, and the one that is declared."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What a job has to do with which datasets, by their numbers in the graph."""

    into: Mapping[int, Mapping[int, Carried]] = field(default_factory=dict)
    """By target, what goes there by source."""
    reads: Mapping[int, Carried] = field(default_factory=dict)
    writes: Mapping[int, Carried] = field(default_factory=dict)


def record_of(names: Iterable[Named], number_of: Callable[[int], int]) -> JobRecord:
    """What a job does, has done and is declared to do, under all of its names.

    Args:
        names: What is known under each.
        number_of: The number in the graph of the dataset with an id.
    """
    flows: dict[tuple[int, int], list[Carried]] = defaultdict(list)
    reads: dict[int, list[Carried]] = defaultdict(list)
    writes: dict[int, list[Carried]] = defaultdict(list)
    for named in names:
        for (a, b), carried in _carried(named, ShapeSeen.flows, lambda s: s.edges).items():
            source, target = number_of(a), number_of(b)
            if source != target or a == b:  # one name of a dataset into another is no edge
                flows[source, target].append(carried)
        for dataset_id, carried in _carried(named, ShapeSeen.reads, _read_by).items():
            reads[number_of(dataset_id)].append(carried)
        for dataset_id, carried in _carried(named, ShapeSeen.writes, _written_by).items():
            writes[number_of(dataset_id)].append(carried)
    into: dict[int, dict[int, Carried]] = defaultdict(dict)
    same: dict[Carried, Carried] = {}

    def one(said: Sequence[Carried]) -> Carried:
        whole = combined(said)
        return same.setdefault(whole, whole)

    for (source, target), said in flows.items():
        into[target][source] = one(said)
    return JobRecord(
        dict(into),
        {i: one(said) for i, said in reads.items()},
        {i: one(said) for i, said in writes.items()},
    )


def combined(said: Sequence[Carried]) -> Carried:
    """What several have of one edge, as one: what counts now tells why it is drawn."""
    if len(said) == 1:
        return said[0]
    current = [c for c in said if c.current]
    seen = [c for c in said if c.observed]
    telling = [c for c in seen if c.current] or seen or said
    return Carried(
        min((c.basis for c in telling), key=_RANK.__getitem__),
        observed=bool(seen),
        declared=any(c.declared for c in said),
        current=bool(current),
        provisional=bool(current) and all(c.provisional for c in current),
        first=min((c.first for c in said if c.first is not None), default=None),
        last=max((c.last for c in said if c.last is not None), default=None),
    )


def weakest(bases: Iterable[LinkBasis]) -> LinkBasis:
    """What a chain of edges rests on: no more than the weakest of them."""
    return max(bases, key=_RANK.__getitem__)


def _best(named: Iterable[tuple[int, LinkBasis]], said: Iterable[int]) -> dict[int, LinkBasis]:
    found: dict[int, LinkBasis] = {}
    for dataset_id, basis in named:
        known = found.get(dataset_id, basis)
        found[dataset_id] = min(known, basis, key=_RANK.__getitem__)
    return found | dict.fromkeys(said, LinkBasis.EXPLICIT)


def _read_by(shape: o.Shape) -> set[int]:
    return {*shape.inputs, *(source for source, _ in shape.edges)}


def _written_by(shape: o.Shape) -> set[int]:
    return {*(i for i, _ in shape.outputs), *(target for _, target in shape.edges)}


def _carried(
    named: Named,
    told: Callable[[ShapeSeen], Mapping[K, LinkBasis]],
    done: Callable[[o.Shape], Iterable[K]],
) -> dict[K, Carried]:
    """One sort of thing that a job does, under one of its names."""
    account, shapes = named.account, named.shapes
    now = shapes_by_runs(account, {i: shape.shape for i, shape in shapes.items()})
    for_sure = {item for shape in now if not shape.is_provisional for item in done(shape)}
    maybe = {item for shape in now if shape.is_provisional for item in done(shape)}
    declared = {} if account.declared is None else told(shapes[account.declared])
    found: dict[K, tuple[tuple[int, int], LinkBasis, int, int]] = {}
    for number, seen in shapes.items():
        if seen.first is None or seen.last is None:
            continue
        for item, basis in told(seen).items():
            # What tells what the job does now also tells on what that rests.
            rank = (account.distance(number), _RANK[basis])
            known = found.get(item, (rank, basis, seen.first, seen.last))
            best_rank, best = min((rank, basis), known[:2])
            found[item] = best_rank, best, min(known[2], seen.first), max(known[3], seen.last)
    carried = {
        item: Carried(
            basis,
            observed=True,
            declared=item in declared,
            current=item in for_sure or item in maybe or item in declared,
            provisional=item in maybe and item not in for_sure and item not in declared,
            first=first,
            last=last,
        )
        for item, (_, basis, first, last) in found.items()
    }
    return carried | {item: DECLARED for item in declared if item not in carried}
