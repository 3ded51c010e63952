"""From versions to those that hold data of them: hop by hop, and what ends that."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from catalog.model import AssetKey
from catalog.moments import moment
from lineage.history import Standpoint
from lineage.provenance.edits import sanction_of
from lineage.provenance.ledger import Ledger
from lineage.provenance.model import (
    Affected,
    Aftermath,
    Descendant,
    Keeping,
    ReadBasis,
    Spell,
    Step,
)
from lineage.provenance.versions import Wrote

Place = tuple[int, int]
"""A version: the row of its run, and its dataset."""


class Next(NamedTuple):
    """A version that holds data of another."""

    write: Wrote
    is_kept: bool
    is_certain: bool


def following(ledger: Ledger, write: Wrote) -> Iterator[Next]:
    """Every version that holds data of another, or may."""
    history = ledger.history(write.dataset)
    place = history.place(write.run)
    after = None if place is None else history.after(place)
    if place is not None and after is not None and not after.is_drop:
        keeping = history.keeping(place + 1)
        if not keeping.is_fresh:
            yield Next(after, is_kept=True, is_certain=keeping is Keeping.KEPT)
    for run in ledger.readers(write):
        is_certain = ledger.read_by(run, write.dataset).basis is not ReadBasis.AMBIGUOUS
        for target in ledger.targets(run, write.dataset):
            yield Next(target, is_kept=False, is_certain=is_certain)


def place_of(write: Wrote) -> Place:
    """What tells a version from all others."""
    return write.run.pk, write.dataset


class Walk:
    """Goes on from some versions, the nearest first."""

    def __init__(self, ledger: Ledger, depth: int, most: int) -> None:
        self._ledger = ledger
        self._depth = depth
        self._most = most
        self._writes: dict[Place, Wrote] = {}
        self._distances: dict[Place, int] = {}
        self._next: dict[Place, list[Next]] = {}
        self._is_cut = False

    def tell(self, root: AssetKey, starts: Sequence[Wrote], standpoint: Standpoint) -> Aftermath:
        """Everything that was built on some versions."""
        self._walk(starts)
        certain = self._certain(place_of(write) for write in starts)
        steps = self._steps(place_of(write) for write in starts)
        found = [self._descendant(place, certain, steps[place]) for place in self._writes]
        found.sort(key=_order)
        ledger = self._ledger
        return Aftermath(
            root=root,
            as_of=standpoint.as_of,
            origins=tuple(ledger.version(w) for w in sorted(starts, key=lambda w: w.dataset)),
            versions=tuple(found),
            datasets=self._datasets(certain),
            truncated=self._is_cut,
        )

    def _walk(self, starts: Sequence[Wrote]) -> None:
        """Meet every version in order of distance; one that was kept is as near as the one before.

        What was read counts a hop, so the nearest that are known wait at the left.
        """
        waiting = deque((0, write) for write in starts)
        best = {place_of(write): 0 for write in starts}
        while waiting:
            distance, write = waiting.popleft()
            place = place_of(write)
            if place in self._writes:
                continue
            if len(self._writes) == self._most:
                self._is_cut = True
                return
            self._writes[place], self._distances[place] = write, distance
            self._next[place] = list(following(self._ledger, write))
            for one in self._next[place]:
                hops, target = distance + (not one.is_kept), place_of(one.write)
                if hops >= best.get(target, hops + 1):
                    continue
                if hops > self._depth:
                    self._is_cut = True
                    continue
                best[target] = hops
                if one.is_kept:
                    waiting.appendleft((hops, one.write))
                else:
                    waiting.append((hops, one.write))

    def _certain(self, origins: Iterable[Place]) -> set[Place]:
        """Versions to which some way leads that leaves no doubt."""
        found = set(origins)
        waiting = list(found)
        while waiting:
            for one in self._next.get(waiting.pop(), ()):
                target = place_of(one.write)
                if one.is_certain and target in self._writes and target not in found:
                    found.add(target)
                    waiting.append(target)
        return found

    def _steps(self, origins: Iterable[Place]) -> Mapping[Place, tuple[Step, ...]]:
        known = set(origins)
        found: dict[Place, list[Step]] = defaultdict(list)
        for place, following_ in self._next.items():
            source = self._ledger.version(self._writes[place])
            for one in following_:
                target = place_of(one.write)
                if target in self._writes and target not in known:
                    step = Step(source, is_kept=one.is_kept, is_certain=one.is_certain)
                    found[target].append(step)
        return {place: tuple(sorted(found[place], key=_step_order)) for place in self._writes}

    def _descendant(self, place: Place, certain: set[Place], steps: tuple[Step, ...]) -> Descendant:
        write = self._writes[place]
        history = self._ledger.history(write.dataset)
        after = history.after(history.place(write.run) or 0)
        return Descendant(
            version=self._ledger.version(write),
            distance=self._distances[place],
            is_certain=place in certain,
            steps=steps,
            until=moment(after.at) if after else None,
        )

    def _datasets(self, certain: set[Place]) -> tuple[Affected, ...]:
        ledger = self._ledger
        by_dataset: dict[int, list[Place]] = defaultdict(list)
        for place in self._writes:
            if ledger.is_subject(place[1]):
                by_dataset[place[1]].append(place)
        found = [
            Affected(
                dataset=ledger.key(dataset),
                kind=ledger.estate.datasets[ledger.key(dataset)].kind,
                distance=min(self._distances[place] for place in places),
                versions=len(places),
                spells=tuple(self._spells(dataset, certain)),
            )
            for dataset, places in by_dataset.items()
        ]
        return tuple(sorted(found, key=lambda one: (one.distance, one.dataset)))

    def _spells(self, dataset: int, certain: set[Place]) -> Iterator[Spell]:
        """Stretches of versions that follow each other."""
        history = self._ledger.history(dataset)
        stretch: list[Wrote] = []
        for write in history.writes:
            if not write.is_drop and place_of(write) in self._writes:
                stretch.append(write)
            elif stretch:
                yield self._spell(stretch, write, certain)
                stretch = []
        if stretch:
            yield self._spell(stretch, None, certain)

    def _spell(self, stretch: Sequence[Wrote], end: Wrote | None, certain: set[Place]) -> Spell:
        ledger = self._ledger
        return Spell(
            since=moment(stretch[0].at),
            until=moment(end.at) if end else None,
            ended_by=ledger.ref(end.run) if end else None,
            ended_how=end.operation if end else None,
            is_cured=end is not None and is_cure(ledger, end),
            is_certain=any(place_of(write) in certain for write in stretch),
        )


def is_cure(ledger: Ledger, write: Wrote) -> bool:
    """Whether a write leaves nothing older behind, and in production may be relied on to.

    There a pipeline must have its job. Where nobody can tell, the job that usually writes there
    counts for one; a stranger does not.
    """
    history = ledger.history(write.dataset)
    place = history.place(write.run)
    if write.is_drop or place is None or not history.keeping(place).is_fresh:
        return False
    if not ledger.sanctions.is_production(write.dataset):
        return True
    known = sanction_of(ledger, write).is_known
    return history.is_usual(place) if known is None else known


def _order(one: Descendant) -> tuple[object, ...]:
    version = one.version
    return one.distance, version.dataset, version.at, version.run


def _step_order(step: Step) -> tuple[object, ...]:
    return step.source.dataset, step.source.at, step.source.run, step.is_kept
