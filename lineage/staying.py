"""Which of the old runs must stay, because what is known today rests on them. Pure.

All that is derived takes a greatest or a least element of what events or runs say. So of the old
ones those stay that are such an element among the old ones, whatever came after them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lineage.counters import delivered
from lineage.events import Event
from lineage.facets import Facet
from lineage.fold import Numbered
from lineage.superseded import names_alike, skipped, stands_for_itself
from lineage.times import YEAR

RUNS = 60
"""The newest of those that end alike and do the same: all that lists and charts show of them."""
REPORTS = 50
"""The newest on each asset, among which answers are sought."""

_ADDING = frozenset({"dbt_node", "symlinks"})
"""Facets of which every one counts, not only the newest."""


class Ended(NamedTuple):
    """A run that ended, as its row has it."""

    pk: int
    run_id: bytes
    job_id: int
    is_success: bool
    state: int
    at: int
    started_at: int
    has_start: bool
    shape_id: int
    version_id: int | None
    parent_job_id: int | None
    root_job_id: int | None


class Link(NamedTuple):
    """A run and those that it names above itself."""

    pk: int
    run_id: bytes
    parent_run: bytes | None
    root_run: bytes | None


class Reported(NamedTuple):
    """A report of data tests."""

    run_pk: int
    asset_id: int
    tests: bytes
    at: int


def staying_runs(runs: Collection[Ended]) -> set[int]:
    """The newest of each sort, the first of each version, the last to name a job above it."""
    stay: set[int] = set()
    alike: dict[tuple[int, int], list[Ended]] = defaultdict(list)
    naming: dict[tuple[str, int], Ended] = {}
    first: dict[tuple[int, int], Ended] = {}
    for run in runs:
        alike[run.shape_id, run.state].append(run)
        for key in (("parent", run.parent_job_id), ("root", run.root_job_id)):
            if key[1] is not None:
                named = key[0], key[1]
                naming[named] = max(naming.get(named, run), run, key=_newness)
        if run.is_success and run.version_id is not None:
            version = run.job_id, run.version_id
            first[version] = min(first.get(version, run), run, key=_newness)
    for some in alike.values():
        some.sort(key=_newness, reverse=True)
        stay.update(run.pk for run in some[:RUNS])
    stay.update(run.pk for run in (*naming.values(), *first.values()))
    if runs:
        stay.add(max(runs, key=lambda run: (run.started_at, run.pk)).pk)
    return stay


def staying_reports(reports: Iterable[Reported]) -> set[int]:
    """Runs with the newest report of a set of data tests, or one of the newest on an asset."""
    by_asset: dict[int, list[Reported]] = defaultdict(list)
    for report in reports:
        by_asset[report.asset_id].append(report)
    stay: set[int] = set()
    for some in by_asset.values():
        some.sort(key=lambda report: report.at, reverse=True)
        newest: dict[bytes, int] = {}
        for place, report in enumerate(some):
            at = newest.setdefault(report.tests, report.at)
            is_among = place < REPORTS or report.at == some[REPORTS - 1].at
            if is_among or report.at == at:
                stay.add(report.run_pk)
    return stay


@dataclass(slots=True)
class _Statement:
    """Events that say the same of datasets and jobs."""

    first_at: int
    first_seq: int
    first: set[int]
    """Rows of the runs with an event at the first instant."""
    last_at: int
    last: set[int]
    least: tuple[bytes, int] | None = None
    """What names two datasets as one is evidenced by the least event."""

    def take(self, pk: int, item: Numbered) -> None:
        """Take one more event of a run."""
        at, event_id = item.event.time, item.event.event_id
        if at < self.first_at:
            self.first_at, self.first_seq, self.first = at, item.seq, set()
        if at == self.first_at:
            self.first.add(pk)
        if at > self.last_at:
            self.last_at, self.last = at, set()
        if at == self.last_at:
            self.last.add(pk)
        if item.event.template.once(names_alike) and (
            self.least is None or event_id < self.least[0]
        ):
            self.least = event_id, pk


@dataclass(slots=True)
class Statements:
    """What old runs say, from their events in any order."""

    cited: Collection[bytes] = frozenset()
    """Ids of events that somebody refers to."""
    _found: dict[bytes, _Statement] = field(default_factory=dict)
    _alone: set[int] = field(default_factory=set)

    def take(self, pk: int, item: Numbered) -> None:
        """Take one more event of a run."""
        if item.event.event_id in self.cited or stands_for_itself(item.event):
            self._alone.add(pk)
        key, at = statement(item.event), item.event.time
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = _Statement(at, item.seq, set(), at, set())
        known.take(pk, item)

    def staying(self) -> set[int]:
        """Runs that said something first or last, or what no other can say for them."""
        stay = set(self._alone)
        for said in self._found.values():
            stay |= said.first | said.last
            if said.least is not None:
                stay.add(said.least[1])
        return stay

    def standing(self) -> dict[bytes, int]:
        """For each statement the number of an event that makes it and stays."""
        return {key: said.first_seq for key, said in self._found.items()}


def statement(event: Event) -> bytes:
    """What tells an event from those that say something else of datasets and jobs.

    Not of its run: what that said of itself goes with it.
    """
    adding = [
        value.hash
        for facet in event.template.facets
        if facet.name in _ADDING and isinstance(value := event.values[facet.hole], Facet)
    ]
    said = (
        event.template.hash, adding, skipped(event), delivered(event), event.key_id,
        event.is_out_of_scope, event.is_mended, event.secrets, event.oddities, event.time // YEAR,
    )  # fmt: skip
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).digest()[:16]


class Families:
    """Runs that are linked as parent, root or child, also through one that was only named."""

    def __init__(self, links: Iterable[Link]) -> None:
        self._above: dict[bytes, bytes] = {}
        self._of: dict[int, bytes] = {}
        for link in links:
            self._of[link.pk] = link.run_id
            for other in (link.parent_run, link.root_run):
                if other is not None:
                    self._join(link.run_id, other)

    def of(self, pk: int) -> bytes:
        """The family of a run."""
        return self._top(self._of[pk])

    def without(self, going: Iterable[int]) -> set[int]:
        """Those of some runs in whose families nobody else is."""
        going = set(going)
        staying = {self._top(run_id) for pk, run_id in self._of.items() if pk not in going}
        return {pk for pk in going if pk in self._of and self.of(pk) not in staying}

    def _join(self, one: bytes, other: bytes) -> None:
        one, other = self._top(one), self._top(other)
        if one != other:
            self._above[one] = other

    def _top(self, run_id: bytes) -> bytes:
        top = run_id
        while (above := self._above.get(top)) is not None:
            top = above
        while run_id != top:  # the way is shorter next time
            self._above[run_id], run_id = top, self._above[run_id]
        return top


def _newness(run: Ended) -> tuple[int, int, bytes]:
    return run.at, run.started_at, run.run_id
