"""Which datasets stand on manual edits now: one pass over all versions, in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

from catalog.model import AssetKey
from catalog.moments import moment
from lineage.estate import Estate
from lineage.history import Standpoint
from lineage.provenance.edits import edit_of, is_edit
from lineage.provenance.ledger import Ledger
from lineage.provenance.model import Descent, Edit
from lineage.provenance.versions import Wrote
from lineage.provenance.walking import Next, Place, following, is_cure, place_of
from lineage.reading import uncollected

EDITS_MOST = 20
"""Edits that are told of one dataset, the newest."""


def descends_from_edit(standpoint: Standpoint) -> Mapping[AssetKey, Descent]:
    """Every dataset whose present version holds data of a manual edit, or may, and why.

    A dataset does until a pipeline's own run has rebuilt it from what no longer does. What no run
    writes stands on what its sources hold now.
    """
    with standpoint.engine.connect() as connection, uncollected():
        ledger = Ledger(standpoint, connection)
        ledger.load_all()
        return _Descents(ledger).all()


class _Descents:
    """Edits as bits of a number, handed on from version to version."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        guarded = (d for d in ledger.written() if ledger.sanctions.is_production(d))
        edits = (w for d in guarded for w in ledger.history(d).writes if is_edit(ledger, w))
        self._edits = sorted(edits, key=lambda w: (w.at, w.order, ledger.key(w.dataset)))
        self._certain: dict[Place, int] = {}
        self._any: dict[Place, int] = {}

    def all(self) -> Mapping[AssetKey, Descent]:
        """Every dataset that descends from one now."""
        self._hand_on()
        ledger, found = self._ledger, dict[AssetKey, Descent]()
        for dataset in {dataset for _, dataset in self._any}:
            newest = ledger.history(dataset).newest()
            if newest is not None and place_of(newest) in self._any and ledger.is_subject(dataset):
                found[ledger.key(dataset)] = self._descent(newest)
        written = {ledger.key(dataset) for dataset in ledger.written()}
        found.update(_unwritten(ledger.estate, found, written))
        return {key: found[key] for key in sorted(found)}

    def _hand_on(self) -> None:
        """Let every version have the edits of those that it holds data of, in order of time."""
        ties = count()
        waiting: list[tuple[int, tuple[object, ...], int, Wrote]] = []

        def put(write: Wrote, certain: int, either: int) -> None:
            place = place_of(write)
            known = self._certain.get(place, 0), self._any.get(place, 0)
            if known != (known[0] | certain, known[1] | either):
                self._certain[place], self._any[place] = known[0] | certain, known[1] | either
                heapq.heappush(waiting, (write.at, write.order, next(ties), write))

        for bit, edit in enumerate(self._edits):
            put(edit, 1 << bit, 1 << bit)
        while waiting:
            *_, write = heapq.heappop(waiting)
            place = place_of(write)
            for one in self._following(write):
                put(one.write, self._certain[place] if one.is_certain else 0, self._any[place])

    def _following(self, write: Wrote) -> Iterator[Next]:
        yield from following(self._ledger, write)
        history = self._ledger.history(write.dataset)
        after = history.after(history.place(write.run) or 0)
        # What replaced it is no cure unless it is known that it may write there.
        if after is not None and not after.is_drop and not self._is_settled(after):
            yield Next(after, is_kept=True, is_certain=False)

    def _is_settled(self, write: Wrote) -> bool:
        """Whether it is a cure, or another edit, which is told by itself."""
        return is_cure(self._ledger, write) or is_edit(self._ledger, write)

    def _descent(self, write: Wrote) -> Descent:
        ledger, place = self._ledger, place_of(write)
        certain, either = self._certain[place], self._any[place]
        bits = [*_bits(certain), *_bits(either & ~certain)]
        edits = [edit_of(ledger, self._edits[bit]) for bit in bits[:EDITS_MOST]]
        return Descent(
            edits=tuple(edit for edit in edits if edit is not None),
            more=len(bits) - len(edits),
            since=moment(write.at),
            is_certain=certain != 0,
        )


def _unwritten(
    estate: Estate, standing: Mapping[AssetKey, Descent], written: Collection[AssetKey]
) -> Mapping[AssetKey, Descent]:
    """What no run writes, such as a use of data that is only declared: as its sources are now."""
    reached: set[AssetKey] = set()
    waiting = list(standing)
    while waiting:
        below = {*estate.datasets[waiting.pop()].downstream} - reached - {*written}
        reached |= below
        waiting += below
    return {key: _joined(_above(estate, key, standing, reached)) for key in reached}


def _above(
    estate: Estate, key: AssetKey, standing: Mapping[AssetKey, Descent], open_: Collection[AssetKey]
) -> list[Descent]:
    """Why those of its sources stand on edits that runs write, however far up."""
    seen, waiting = {key}, [key]
    while waiting:
        above = {*estate.datasets[waiting.pop()].upstream} - seen
        seen |= above
        waiting += (one for one in above if one in open_)
    return [standing[one] for one in sorted(seen) if one in standing]


def _joined(descents: Sequence[Descent]) -> Descent:
    """Why something stands on edits whose sources do."""
    certain = {edit.version for one in descents if one.is_certain for edit in one.edits}
    edits = {edit.version: edit for one in descents for edit in one.edits}
    told = sorted(edits.values(), key=lambda e: (e.version in certain, _newness(e)), reverse=True)
    return Descent(
        edits=tuple(told[:EDITS_MOST]),
        more=max(0, len(told) - EDITS_MOST) + max(one.more for one in descents),
        since=max(one.since for one in descents),
        is_certain=any(one.is_certain for one in descents),
    )


def _bits(number: int) -> Iterator[int]:
    """Which bits are set, the highest first."""
    return (bit for bit in range(number.bit_length() - 1, -1, -1) if number >> bit & 1)


def _newness(edit: Edit) -> tuple[datetime, AssetKey, str]:
    at = edit.version.at or datetime.min.replace(tzinfo=UTC)
    return at, edit.version.dataset, edit.event_id
