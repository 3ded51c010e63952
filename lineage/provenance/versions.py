"""Which version of a dataset a run read, and what a write left of older ones. Pure.

Times are microseconds UTC. Datasets and jobs are numbered as ``lineage.observed`` does it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from lineage.provenance.model import Keeping, ReadBasis

DROP = "DROP"
USUAL_US = 30 * 86_400_000_000
"""For how long before a write nobody else may have written, if it is to count as rebuilding."""

_REPLACES = ("OVERWRITE", "TRUNCATE", "CREATE")
_CHANGES = ("ALTER", "RENAME")
_TELLING = (*_REPLACES, "WRITE", *_CHANGES)
"""What lifecycle facets say, the most telling first."""


class Ran(NamedTuple):
    """A run that left versions behind: it succeeded, or its job never ends."""

    pk: int
    run_id: bytes
    name: tuple[str, str]
    """Of its job: breaks ties."""
    job: int
    started_at: int
    has_start: bool
    at: int
    """When it ended, else its last sign of life."""
    shape_id: int
    state: int
    terminals: int
    is_endless: bool
    parent_run: bytes | None
    root_run: bytes | None
    principal_id: int | None
    trust: int | None
    seq: int

    @property
    def since(self) -> int:
        """From when on it read; clocks may say that it ended before it began."""
        return min(self.started_at, self.at)


class Wrote(NamedTuple):
    """What a run did to a dataset."""

    at: int
    """Since when that was there."""
    order: tuple[int, int, bytes, tuple[str, str]]
    """Of what came at one instant."""
    run: Ran
    dataset: int
    operation: str
    adds: bool
    """Whether it may well add to what is there: its run also read it, or its tool says so."""

    @property
    def is_drop(self) -> bool:
        return self.operation == DROP


class Found(NamedTuple):
    """What a run can have read of a dataset."""

    basis: ReadBasis
    writes: tuple[Wrote, ...]
    """Newest first."""
    dropped_at: int | None = None
    """When it had been dropped, if nothing came after that."""
    said: str | None = None
    """What the run calls it."""
    is_summed: bool = False
    """Whether runs that may have written it were summed up by day, so that nobody can tell."""


NOTHING = Found(ReadBasis.UNKNOWN, ())


def telling(operations: Iterable[str]) -> str:
    """What counts among all that a run says that it did to a dataset."""
    said = set(operations)
    data = [*(o for o in _TELLING if o in said), *sorted(said - {*_TELLING, DROP})]
    return data[0] if data else DROP


def wrote(run: Ran, dataset: int, operation: str, *, adds: bool) -> Wrote:
    """What a run did to a dataset."""
    # What is written as it comes is there from the start on; all else when the run is over.
    at = run.since if run.is_endless else run.at
    order = (run.at, run.started_at, run.run_id, run.name)
    return Wrote(at, order, run, dataset, operation, adds)


class History:
    """Every write of one dataset, oldest first."""

    def __init__(self, writes: Iterable[Wrote], is_outsider: Callable[[int, int], bool]) -> None:
        """Put them in order.

        Args:
            writes: In any order.
            is_outsider: Whether it is known that a job (by number) is in no pipeline that writes
                there.
        """
        self.writes: Sequence[Wrote] = sorted(writes, key=lambda w: (w.at, w.order))
        self._times = [w.at for w in self.writes]
        self._places = {w.run.pk: i for i, w in enumerate(self.writes)}
        self._is_outsider = is_outsider
        self._keeping: dict[int, Keeping] = {}

    def __len__(self) -> int:
        return len(self.writes)

    def place(self, run: Ran) -> int | None:
        """Which of the writes a run made."""
        return self._places.get(run.pk)

    def newest(self) -> Wrote | None:
        """What is there now; ``None``: nothing, or it was dropped."""
        return None if not self.writes or self.writes[-1].is_drop else self.writes[-1]

    def after(self, place: int) -> Wrote | None:
        """What took the place of a version."""
        return self.writes[place + 1] if place + 1 < len(self.writes) else None

    def before(self, place: int) -> Wrote | None:
        """The version before one, unless it had been dropped in between."""
        older = self.writes[place - 1] if place else None
        return None if older is None or older.is_drop else older

    def keeping(self, place: int) -> Keeping:
        """What a write left of what was there before."""
        known = self._keeping.get(place)
        if known is None:
            known = self._keeping[place] = self._keeps(place)
        return known

    def is_usual(self, place: int) -> bool:
        """Whether its job wrote there before, and lately nobody else did, outsiders apart."""
        write, job = self.writes[place], self._jobs[place]
        if self._first[job] == place:
            return False
        other = self._others[place]
        while other >= 0 and self.writes[other].at >= write.at - USUAL_US:
            found = self.writes[other]
            if not found.is_drop and not self._is_outsider(found.run.job, found.dataset):
                return False
            other = self._before_of_others(other, job)
        return True

    @cached_property
    def _jobs(self) -> Sequence[int]:
        """Who made each write; jobs of which one runs within the other are one."""
        same = _as_one(write.run for write in self.writes)
        return [same.get(write.run.job, write.run.job) for write in self.writes]

    @cached_property
    def _first(self) -> Mapping[int, int]:
        """The first write of each job."""
        found: dict[int, int] = {}
        for place, job in enumerate(self._jobs):
            found.setdefault(job, place)
        return found

    @cached_property
    def _others(self) -> Sequence[int]:
        """For each write the last one before it by another job; -1: none."""
        found: list[int] = []
        for place, job in enumerate(self._jobs):
            found.append(self._before_of_others(place, job, found))
        return found

    def _before_of_others(self, place: int, job: int, known: Sequence[int] | None = None) -> int:
        """The last write before one by anybody but a job."""
        if not place or self._jobs[place - 1] != job:
            return place - 1
        return (self._others if known is None else known)[place - 1]

    def read_by(self, run: Ran) -> Found:
        """What a run can have read, by time: the newest that was there when it began.

        What appeared while it went on makes that uncertain, unless the run reads as it goes.
        """
        first, last = bisect_right(self._times, run.since), bisect_right(self._times, run.at)
        base = next((w for w in self._down(first) if w.run.pk != run.pk), None)
        meanwhile = [w for w in self.writes[first:last] if w.run.pk != run.pk and not w.is_drop]
        was_there = [] if base is None or base.is_drop else [base]
        found = tuple(reversed([*was_there, *meanwhile]))
        dropped_at = base.at if base is not None and base.is_drop else None
        if not found:
            return Found(ReadBasis.UNKNOWN, (), dropped_at)
        is_sure = not meanwhile or run.is_endless
        return Found(ReadBasis.BY_TIME if is_sure else ReadBasis.AMBIGUOUS, found, dropped_at)

    def _down(self, place: int) -> Iterator[Wrote]:
        return (self.writes[i] for i in range(place - 1, -1, -1))

    def _keeps(self, place: int) -> Keeping:
        write = self.writes[place]
        if write.operation in _REPLACES:
            return Keeping.REPLACED
        if write.operation in _CHANGES:
            return Keeping.KEPT
        says_nothing = write.operation == "WRITE"
        if not says_nothing or write.run.is_endless or write.adds:
            return Keeping.MAY_KEEP
        return Keeping.REBUILT if self.is_usual(place) else Keeping.MAY_KEEP


def _as_one(runs: Iterable[Ran]) -> dict[int, int]:
    """Jobs whose runs stood one above the other: they report the same writes twice."""
    listed = list(runs)
    by_id = {run.run_id: run.job for run in listed}
    same: dict[int, int] = {}

    def whole(job: int) -> int:
        while job in same:
            job = same[job]
        return job

    for run in listed:
        for above in (run.parent_run, run.root_run):
            if above is not None and above in by_id:
                one, other = whole(run.job), whole(by_id[above])
                if one != other:
                    same[max(one, other)] = min(one, other)
    return {job: whole(job) for job in same}
