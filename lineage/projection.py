"""Batches of events folded into the derived tables: planned in memory, few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, select

from catalog.database import chunks, table_of, upsert_rows
from lineage import mentions as m
from lineage import profiles
from lineage.assets import DATASET, JOB, Named, Numbers
from lineage.counters import Tally
from lineage.events import text_of
from lineage.facets import Body, Recent
from lineage.fold import Numbered, Run, fold_run
from lineage.keyring import keys_in
from lineage.keys import Key
from lineage.log import EVENT, EventLog, Stored
from lineage.nodes import Nodes
from lineage.plans import Flow, Name
from lineage.runs import Folded, Given, Runs, jobs_in, words_in
from lineage.shapes import Shapes, names_in, shape_of
from lineage.tables import DeclarationRow, SymlinkRow
from lineage.templates import EventKind, Template
from lineage.times import YEAR
from lineage.vouching import vouched_names

DECLARATION = table_of(DeclarationRow)
SYMLINK = table_of(SymlinkRow)

PLANS = 50_000
"""Templates whose assets are remembered; many more than a batch has."""

Declared = tuple[Name, int]
"""Whose static lineage, and in which year it was declared."""

_DECLARATION = ("job_id", "year", "at", "shape_id", "event_id", "seq")
_SYMLINK = ("asset_id", "other_id", "type", "vouched", "seq")

Statement = tuple[int, int, str]
"""A dataset, another name of it, and of what type that name is."""


class Projection:
    """Keeps the derived tables in step with the log; remembers much between batches.

    Args:
        log: The log of events.
        kept: To the store that knows which runs were summed up, if that is another one.
    """

    def __init__(self, log: EventLog, kept: Connection | None = None) -> None:
        self._log = log
        self._kept = kept
        self._numbers = Numbers()
        self._shapes = Shapes()
        self._runs = Runs()
        self._mentions = m.Mentions.none()
        self._symlinks: Recent[Statement, tuple[bytes, int, int]] = Recent(200_000)
        self._plans: Recent[bytes, tuple[m.Numbered, ...]] = Recent(PLANS)
        self._nodes = Nodes()
        self._tally = Tally()
        self._keys: dict[int, Key] = {}

    def apply(
        self, connection: Connection, new: Sequence[Stored], numbers: Mapping[bytes, int]
    ) -> None:
        """Fold new events in, within the caller's transaction.

        Args:
            connection: Of the transaction.
            new: Events with their places in the log.
            numbers: The number of every facet's body in them, by its hash.
        """
        jobs = {(JOB, *s.event.job) for s in new if s.event.job is not None}
        known = self._numbers.assets(connection, jobs)
        folded = self._runs.fold(connection, self._log, new, known, self._kept or connection)
        declared = _declared(new)
        unplanned = {
            t.hash: t for s in new if (t := s.event.template).hash not in self._plans
        }.values()
        placed, unplaced = self._shapes.placed(item.run.flow for item in folded)
        named = _names(new, unplanned, folded, unplaced, declared)
        assets = self._numbers.assets(connection, named)
        keys = self._keys_of(connection, new, folded)
        words = self._numbers.words(connection, _words(unplanned, folded, keys))
        for template in unplanned:
            self._plans.put(template.hash, m.numbered(template, assets, words))
        of_jobs = {item.run.flow.key: assets[JOB, *item.key[1]] for item in folded}
        unknown = {flow: of_jobs[flow.key] for flow in unplaced}
        placed.update(self._shapes.place(connection, unknown, assets))
        given = Given(assets, placed, words, numbers, keys)
        self._runs.write(connection, folded, given)
        self._write_declarations(connection, declared, assets)
        said = m.newest_said(new, self._plans)
        self._mentions.write(connection, self._log.contents, said, numbers)
        self._write_symlinks(connection, new, assets, keys)
        self._write_profiles(connection, new, folded)
        self._nodes.write(connection, new, self._numbers)
        self._tally.add(connection, new)

    def forget(self) -> None:
        """Drop what is remembered; needed after a rollback, or when another process has written."""
        self._numbers.forget()
        self._shapes.forget()
        self._runs.forget()
        self._mentions = m.Mentions.none()
        self._symlinks.clear()
        self._plans.clear()
        self._nodes.forget()
        self._tally.forget()
        self._keys.clear()

    def _keys_of(
        self, connection: Connection, new: Sequence[Stored], folded: Sequence[Folded]
    ) -> Mapping[int, Key]:
        """Every producer key that came with an event at hand, also with one from before."""
        told = {s.event.key_id for s in new}
        told.update(e.event.key_id for item in folded for e in item.known.events)
        if told - self._keys.keys() - {None}:
            self._keys = keys_in(connection)
        return self._keys

    def _write_profiles(
        self,
        connection: Connection,
        new: Sequence[Stored],
        folded: Sequence[Folded],
    ) -> None:
        """Keep references to what measured a dataset."""
        measured = profiles.measured(new)
        if measured:
            assets = self._numbers.assets(connection, (one.dataset for one in measured))
            runs = {stored.seq: item.known.pk for item in folded for stored in item.new}
            profiles.write(connection, measured, assets, runs)

    def _write_symlinks(
        self,
        connection: Connection,
        new: Sequence[Stored],
        assets: Mapping[Named, int],
        keys: Mapping[int, Key],
    ) -> None:
        """Keep each statement with the least event that makes it, whatever came first."""
        said: dict[Statement, Stored] = {}
        bits: dict[Statement, int] = defaultdict(int)
        for stored in new:
            for name, (other, kind) in _symlinks(stored):
                key = (assets[DATASET, *name], assets[DATASET, *other], kind)
                least = said.setdefault(key, stored)
                if stored.event.event_id < least.event.event_id:
                    said[key] = stored
                bits[key] |= vouched_names(stored.event, name, other, keys)
        if not said:
            return
        query = select(SYMLINK, EVENT.c.event_id).join(EVENT, EVENT.c.seq == SYMLINK.c.seq)
        for part in chunks({key[0] for key in said if key not in self._symlinks}):
            for row in connection.execute(query.where(SYMLINK.c.asset_id.in_(part))):
                key = (row.asset_id, row.other_id, row.type)
                self._symlinks.put(key, (row.event_id, row.seq, row.vouched))
        rows = []
        for key, stored in said.items():
            known = self._symlinks.get(key)
            told = (stored.event.event_id, stored.seq, bits[key])
            if known is not None:
                told = (*min(told, known)[:2], told[2] | known[2])
            if told != known:
                self._symlinks.put(key, told)
                rows.append((*key, told[2], told[1]))
        upsert_rows(connection, SYMLINK, _SYMLINK[:3], _SYMLINK, rows)

    def _write_declarations(
        self,
        connection: Connection,
        declared: Mapping[Declared, tuple[Stored, Run]],
        assets: Mapping[Named, int],
    ) -> None:
        if not declared:
            return
        new = {(assets[JOB, *name], year): item for (name, year), item in declared.items()}
        for part in chunks({job for job, _ in new}):
            columns = (DECLARATION.c[name] for name in ("job_id", "year", "at", "event_id"))
            query = select(*columns).where(DECLARATION.c.job_id.in_(part))
            for job, year, *newness in connection.execute(query):
                if (job, year) in new and tuple(newness) >= _newness(new[job, year][0]):
                    del new[job, year]
        shapes = {key: shape_of(run.flow, key[0], assets) for key, (_, run) in new.items()}
        ids = self._shapes.ids(connection, shapes.values())
        rows = [
            (*key, stored.event.time, ids[shapes[key]], stored.event.event_id, stored.seq)
            for key, (stored, _) in new.items()
        ]
        upsert_rows(connection, DECLARATION, _DECLARATION[:2], _DECLARATION, rows)


def _declared(new: Sequence[Stored]) -> dict[Declared, tuple[Stored, Run]]:
    """The newest JobEvent of each job in each year: it replaces all that older ones declared."""
    newest: dict[Declared, Stored] = {}
    for stored in new:
        event = stored.event
        if event.kind is EventKind.JOB and event.job is not None:
            key = event.job, event.time // YEAR
            known = newest.get(key)
            if known is None or _newness(stored) > _newness(known):
                newest[key] = stored
    return {
        key: (stored, fold_run([Numbered(stored.seq, stored.event)]))
        for key, stored in newest.items()
    }


def _newness(stored: Stored) -> tuple[int, bytes]:
    return stored.event.time, stored.event.event_id


def _names(
    new: Sequence[Stored],
    unplanned: Iterable[Template],
    folded: Sequence[Folded],
    unplaced: Iterable[Flow],
    declared: Mapping[Declared, tuple[Stored, Run]],
) -> Iterator[Named]:
    for template in unplanned:
        yield from m.assets_in(template)
    for stored in new:
        for name, (other, _) in _symlinks(stored):
            yield (DATASET, *name)
            yield (DATASET, *other)
    for item in folded:
        yield from jobs_in(item)
    for flow in unplaced:
        yield from names_in(flow)
    for (job, _), (_, run) in declared.items():
        yield (JOB, *job)
        yield from names_in(run.flow)


def _words(
    unplanned: Iterable[Template], folded: Sequence[Folded], keys: Mapping[int, Key]
) -> Iterator[str]:
    for template in unplanned:
        yield from template.alike(m.words_in)
    for item in folded:
        yield from words_in(item.run, keys)


def _symlinks(stored: Stored) -> Iterator[tuple[Name, tuple[Name, str]]]:
    """Other names that an event gives its datasets."""
    if "symlinks" not in stored.event.template.facet_names:
        return
    for name, hole in stored.event.template.once(_with_symlinks):
        facet = stored.event.facet(hole)
        for other in facet.meaning(symlinks_in) if facet else ():
            yield name, other


def _with_symlinks(template: Template) -> tuple[tuple[Name, int], ...]:
    return tuple(
        ((place.namespace, place.name), place.facets["symlinks"])
        for place in template.places()
        if "symlinks" in place.facets
    )


def symlinks_in(facet: Body) -> tuple[tuple[Name, str], ...]:
    """Names and their types in a symlinks facet; what is no whole name is left out."""
    found = set()
    entries = facet.get("identifiers")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            namespace, name = text_of(entry.get("namespace")), text_of(entry.get("name"))
            if namespace and name:
                found.add(((namespace, name), text_of(entry.get("type")) or ""))
    return tuple(sorted(found))
