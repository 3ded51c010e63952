"""Who sends what: feeds of evidence, producers and warnings, counted as events come in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Table
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.database import table_of, upsert_rows
from catalog.lookups import rows_where
from lineage.data_tests import FACETS, results_in
from lineage.estate import FeedKind
from lineage.events import Event
from lineage.facets import Body, Recent
from lineage.log import Stored
from lineage.oddities import Oddity, WarningKind
from lineage.principals import PRECEDENCE, principals_in
from lineage.tables import FeedRow, ProducerRow, WarningRow
from lineage.templates import EventKind, Place, Template


class WarningKindRow(SQLModel, table=True):
    """How many events of a producer are odd in one way, however often each of them is."""

    __tablename__ = "lineage_warning_kind"

    producer: str = Field(sa_column=columns.text(primary_key=True))
    kind: str = Field(sa_column=columns.text(primary_key=True))
    events: int = Field(sa_column=columns.big())
    first_at: int = Field(sa_column=columns.big())
    last_at: int = Field(sa_column=columns.big())
    event_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """The newest of them."""


FEED = table_of(FeedRow)
PRODUCER = table_of(ProducerRow)
WARNING = table_of(WarningRow)
WARNING_KIND = table_of(WarningKindRow)

_FEED = ("namespace", "evidence", "producer", "events", "first_at", "last_at", "event_id")
_WARNING = ("producer", "path", "message", "kind", "events", "first_at", "last_at", "event_id")
_WARNING_KIND = ("producer", "kind", "events", "first_at", "last_at", "event_id")
_PRODUCER = (
    "producer", "events", "warnings", "breaches", "first_at", "last_at", "first_received_at",
    "last_received_at",
)  # fmt: skip

_OUTSIDE = Oddity("", "not covered by the key that it came with", WarningKind.SCOPE)
_INDEX = re.compile(r"\[\d+\]")

REMEMBERED = 50_000
SPOKEN = 16
"""How many sets of namespaces are remembered with templates that differ only in names."""

Key = tuple[str, ...]
Counts = list[Any]
Spoken = tuple[tuple[Key, tuple[tuple[int, Callable[[Body], bool]], ...]], ...]
"""Namespace, kind of evidence and producer, and the facets one of which has to say something."""


class Tally:
    """Counts events, batch by batch; remembers what is stored while nobody else writes."""

    def __init__(self) -> None:
        self._known: dict[str, Recent[Key, Counts]] = {
            table.name: Recent(REMEMBERED) for table in (FEED, WARNING, WARNING_KIND, PRODUCER)
        }

    def forget(self) -> None:
        """Drop what is remembered."""
        for known in self._known.values():
            known.clear()

    def add(self, connection: Connection, new: Sequence[Stored]) -> None:
        """Add a batch to the stored counts."""
        batch = _Batch()
        for stored in new:
            batch.take(stored)
        self._write(connection, FEED, _FEED, batch.feeds, _add)
        self._write(connection, WARNING, _WARNING, batch.warnings, _add)
        self._write(connection, WARNING_KIND, _WARNING_KIND, batch.kinds, _add)
        self._write(connection, PRODUCER, _PRODUCER, batch.producers, _add_sent)

    def _write(
        self,
        connection: Connection,
        table: Table,
        names: tuple[str, ...],
        counts: dict[Key, Counts],
        add: Callable[[Counts, Counts], Counts],
    ) -> None:
        known, keys = self._known[table.name], len(table.primary_key)
        missing = {key[0] for key in counts if key not in known}
        for row in rows_where(connection, table, names, names[0], missing):
            known.put(tuple(row[:keys]), list(row[keys:]))
        rows = []
        for key, more in counts.items():
            before = known.get(key)
            total = more if before is None else add(more, before)
            known.put(key, total)
            rows.append((*key, *total))
        upsert_rows(connection, table, names[:keys], names, rows)


class _Batch:
    """Counts of one batch."""

    def __init__(self) -> None:
        self.feeds: dict[Key, Counts] = {}
        self.warnings: dict[Key, Counts] = {}
        self.kinds: dict[Key, Counts] = {}
        self.producers: dict[Key, Counts] = {}

    def take(self, stored: Stored) -> None:
        """Count one new event."""
        event = stored.event
        at, event_id, producer = event.time, event.event_id, event.producer
        oddities = (*event.oddities, _OUTSIDE) if event.is_out_of_scope else event.oddities
        odd = breach = 0
        if oddities:
            odd, breach = 1, self._warn(event, oddities)
        sent = self.producers.get((producer,))
        if sent is None:
            received = stored.received_at
            self.producers[producer,] = [1, odd, breach, at, at, received, received]
        else:
            sent[0] += 1
            sent[1] += odd
            sent[2] += breach
            sent[3], sent[4] = min(sent[3], at), max(sent[4], at)
            sent[6] = max(sent[6], stored.received_at)
        for key in delivered(event):
            _count(self.feeds, key, at, event_id)

    def _warn(self, event: Event, oddities: Sequence[Oddity]) -> int:
        """Count what is odd about an event; 1 if any of it breaks a schema."""
        at, event_id, producer = event.time, event.event_id, event.producer
        kinds = {oddity.kind for oddity in oddities}
        for oddity in oddities:
            path = _INDEX.sub("[]", oddity.path)
            sort = (producer, path, oddity.message, oddity.kind.value)
            _count(self.warnings, sort, at, event_id)
        for kind in kinds:
            _count(self.kinds, (producer, kind.value), at, event_id)
        return int(any(kind.is_breach for kind in kinds))


def delivered(event: Event) -> list[Key]:
    """Namespace, kind and producer of all evidence that an event delivers."""
    return [
        key
        for key, asked in event.template.once(_spoken)
        if not asked or any(_says(event, hole, says) for hole, says in asked)
    ]


def _count(counts: dict[Key, Counts], key: Key, at: int, event_id: bytes) -> None:
    known = counts.get(key)
    if known is None:
        counts[key] = [1, at, at, event_id]
        return
    known[0] += 1
    if at > known[2] or (at == known[2] and event_id > known[3]):
        known[2], known[3] = at, event_id
    elif at < known[1]:
        known[1] = at


def _add(new: Counts, old: Counts) -> Counts:
    last = max((new[2], new[3]), (old[2], old[3]))
    return [new[0] + old[0], min(new[1], old[1]), *last]


def _add_sent(new: Counts, old: Counts) -> Counts:
    return [
        new[0] + old[0],
        new[1] + old[1],
        new[2] + old[2],
        *(f(a, b) for f, a, b in zip((min, max, min, max), new[3:], old[3:], strict=True)),
    ]


def _says(event: Event, hole: int, says: Callable[[Body], bool]) -> bool:
    facet = event.facet(hole)
    return facet is not None and facet.meaning(says)


def _spoken(template: Template) -> Spoken:
    """Which evidence events of a template deliver, for which namespaces of datasets."""
    known = template.alike(_no_spoken)
    namespaces = tuple(place.namespace for place in template.places())
    spoken = known.get(namespaces)
    if spoken is None:
        spoken = _find_spoken(template)
        known.put(namespaces, spoken)
    return spoken


def _no_spoken(_: Template) -> Recent[Key, Spoken]:
    return Recent(SPOKEN)


def _find_spoken(template: Template) -> Spoken:
    found: dict[Key, list[tuple[str, int | None]]] = {}
    for namespace, kind, name, hole in _say(template):
        found.setdefault((namespace, kind, template.producer), []).append((name, hole))
    return tuple(
        (key, tuple((hole, _SAYS[name]) for name, hole in asked if hole is not None))
        if all(hole is not None for _, hole in asked)
        else (key, ())
        for key, asked in found.items()
    )


def _say(template: Template) -> Iterator[tuple[str, FeedKind, str, int | None]]:
    for place in template.places():
        yield from _spoken_of(place, is_run=template.kind is EventKind.RUN)
    for namespace in {place.namespace for place in template.outputs}:
        if "ownership" in template.job_facets:
            yield namespace, FeedKind.OWNERS, "", None
        if "sourceCodeLocation" in template.job_facets:
            yield namespace, FeedKind.CODE_LOCATION, "", None
        for name in PRECEDENCE:
            if name in template.run_facets:
                yield namespace, FeedKind.PRINCIPALS, name, template.run_facets[name]


def _spoken_of(place: Place, *, is_run: bool) -> Iterator[tuple[str, FeedKind, str, int | None]]:
    if is_run:
        yield place.namespace, FeedKind.RUNS, "", None
    for facets in (place.facets, place.io_facets):
        for name in facets.keys() & FACETS:
            yield place.namespace, FeedKind.DATA_TESTS, name, facets[name]
    if "ownership" in place.facets:
        yield place.namespace, FeedKind.OWNERS, "", None
    if "outputStatistics" in place.io_facets:
        yield place.namespace, FeedKind.STATISTICS, "", None


def _tells_tests(name: str) -> Callable[[Body], bool]:
    return lambda facet: any(r.success is not None for r in results_in(name, facet))


def _tells_principal(name: str) -> Callable[[Body], bool]:
    return lambda facet: principals_in(name, facet) is not None


_SAYS = {name: _tells_tests(name) for name in FACETS} | {
    name: _tells_principal(name) for name in PRECEDENCE
}
