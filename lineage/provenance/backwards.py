"""How one version of a dataset came to be, and each version that it was made of, to the sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalog.model import AssetKey
from catalog.moments import moment
from lineage.fold import RANKED_STATES
from lineage.history import Standpoint
from lineage.provenance.details import Reader
from lineage.provenance.edits import edit_of
from lineage.provenance.ledger import Ledger
from lineage.provenance.model import Built, Read, ReadBasis, Story, Version
from lineage.provenance.versions import Found, Wrote
from lineage.runs import id_text

DEPTH = 20
"""Hops back that are told unless one asks otherwise."""
MOST = 500
"""Versions in one story, the nearest."""


def backwards(
    standpoint: Standpoint,
    key: AssetKey,
    version: str | None = None,
    depth: int = DEPTH,
    most: int = MOST,
) -> Story | None:
    """Where a version of a dataset came from.

    Args:
        standpoint: What is known, of when.
        key: The dataset, under any of its names.
        version: As its producer calls it, or the id of the run that wrote it; ``None``: what is
            there now.
        depth: Hops back from it.
        most: Versions, the nearest.

    Returns:
        ``None`` if there is no such dataset or version: it was never written, or it was dropped.
    """
    dataset = standpoint.estate.find(key.namespace, key.name)
    if dataset is None:
        return None
    with standpoint.engine.connect() as connection:
        ledger = Ledger(standpoint, connection)
        start = find_version(ledger, dataset.id, version)
        return None if start is None else _Teller(ledger, depth, most).tell(start, standpoint)


def newest_versions(standpoint: Standpoint, key: AssetKey, most: int) -> tuple[Version, ...]:
    """Versions that a dataset has or had, the newest first."""
    dataset = standpoint.estate.find(key.namespace, key.name)
    if dataset is None:
        return ()
    with standpoint.engine.connect() as connection:
        ledger = Ledger(standpoint, connection)
        writes = [w for w in reversed(ledger.history(dataset.id).writes) if not w.is_drop]
        return tuple(ledger.version(write) for write in writes[:most])


def find_version(ledger: Ledger, dataset: int, version: str | None) -> Wrote | None:
    """A version as its producer or the id of its run names it, the newest if several are meant."""
    history = ledger.history(dataset)
    if version is None:
        return history.newest()
    writes = [write for write in reversed(history.writes) if not write.is_drop]
    by_run = next((w for w in writes if id_text(w.run.run_id) == version), None)
    if by_run is not None or not ledger.is_versioned(dataset):
        return by_run
    return next((w for w in writes if ledger.version(w).said == version), None)


def before(ledger: Ledger, write: Wrote) -> Wrote | None:
    """The version before one, as far as this one may hold data of it."""
    history = ledger.history(write.dataset)
    place = history.place(write.run)
    if place is None or history.keeping(place).is_fresh:
        return None
    return history.before(place)


class _Teller:
    """Walks back from one version, hop by hop."""

    def __init__(self, ledger: Ledger, depth: int, most: int) -> None:
        self._ledger = ledger
        self._reader = Reader(ledger)
        self._depth = depth
        self._most = most

    def tell(self, start: Wrote, standpoint: Standpoint) -> Story:
        """The story of a version."""
        ledger = self._ledger
        seen = {(start.run.pk, start.dataset)}
        level, built, is_cut = [start], list[Built](), False
        for distance in range(self._depth + 1):
            self._reader.details([write.run for write in level])
            built += sorted((self._built(w, distance) for w in level), key=_place)
            above = self._above(level)
            new = [w for w in above if (w.run.pk, w.dataset) not in seen]
            room = self._most - len(built)
            is_cut |= len(new) > (room if distance < self._depth else 0)
            if distance == self._depth or not new:
                break
            # Of too many the newest, so that what is left out does not hang on how they are kept.
            level = sorted(new, key=lambda w: (w.at, w.order, ledger.key(w.dataset)))[::-1][:room]
            seen.update((w.run.pk, w.dataset) for w in level)
            if not level:
                break
        return Story(
            root=ledger.key(start.dataset),
            as_of=standpoint.as_of,
            version=ledger.version(start),
            built=tuple(built),
            sources=tuple(sorted({r.dataset for b in built for r in b.inputs if _is_end(r)})),
            truncated=is_cut,
        )

    def _above(self, level: Iterable[Wrote]) -> list[Wrote]:
        """Every version of which some were made, each once."""
        ledger, found = self._ledger, dict[tuple[int, int], Wrote]()
        level = list(level)
        ledger.load(source for write in level for source in ledger.sources(write))
        for write in level:
            older = before(ledger, write)
            read = (ledger.read_by(write.run, s).writes for s in ledger.sources(write))
            for one in (*(w for writes in read for w in writes), *([older] if older else ())):
                found[one.run.pk, one.dataset] = one
        return list(found.values())

    def _built(self, write: Wrote, distance: int) -> Built:
        ledger, run = self._ledger, write.run
        history = ledger.history(write.dataset)
        place = history.place(run) or 0
        after, older = history.after(place), before(ledger, write)
        told = self._reader.details([run])[run.pk]
        return Built(
            version=ledger.version(write),
            distance=distance,
            run=ledger.ref(run),
            state=RANKED_STATES[run.state],
            started_at=moment(run.started_at),
            has_start=run.has_start,
            ended_at=moment(run.at) if run.terminals else None,
            operation=write.operation,
            producer=told.producer,
            code=told.code,
            sql=told.sql,
            engine=told.engine,
            who=told.who,
            parent=told.parent,
            inputs=tuple(sorted(self._inputs(write), key=lambda r: (not r.feeds, r.dataset))),
            derived=self._reader.derived(write),
            keeping=history.keeping(place),
            older=ledger.version(older) if older else None,
            tests=self._reader.tests(write, after.at if after else None),
            gone_at=moment(after.at) if after else None,
            gone_by=ledger.ref(after.run) if after else None,
            gone_how=after.operation if after else None,
            edit=edit_of(ledger, write),
            event_id=told.event_id,
        )

    def _inputs(self, write: Wrote) -> Iterator[Read]:
        ledger = self._ledger
        sources = set(ledger.sources(write))
        for dataset in sorted(sources.union(ledger.inputs(write.run))):
            found = ledger.read_by(write.run, dataset)
            versions = tuple(ledger.version(w) for w in found.writes)
            if found.basis is ReadBasis.SAID and not versions:
                versions = (Version(ledger.key(dataset), None, None, found.said),)
            note = _note(found, write)
            yield Read(ledger.key(dataset), found.basis, versions, dataset in sources, note)


def _note(found: Found, write: Wrote) -> str | None:
    if found.dropped_at is not None:
        return f"it had been dropped at {moment(found.dropped_at):%Y-%m-%d %H:%M} UTC"
    if found.is_summed:
        return "runs that may have written it were summed up by day"
    if any(w.run.is_endless and w.run.at > write.run.since for w in found.writes):
        return "it was being written all the while"
    return None


def _is_end(read: Read) -> bool:
    return read.feeds and not any(version.run for version in read.versions)


def _place(built: Built) -> tuple[AssetKey, float, str]:
    at = built.version.at
    return built.version.dataset, -at.timestamp() if at else 0.0, built.run.run_id
