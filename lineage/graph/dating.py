"""When columns, owners and edges became what they are, as runs and their events tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, select

from catalog.model import AssetKey, Evidence, Kind
from catalog.moments import microseconds, moment
from lineage.facets import Facet
from lineage.graph.changes import Change, ChangeKind, EdgeState, Thing, in_order
from lineage.graph.evidence import Supports
from lineage.graph.impact import SchemaChange
from lineage.graph.model import Link
from lineage.history import Standpoint
from lineage.log import EventLog, Stored
from lineage.runs import RUN, decode_events
from lineage.shapes import SHAPE, SHAPE_DATASET
from lineage.traits import schema_fields

RUNS_READ = 200
"""Of how many of its newest runs the events are read to see what an asset was like before."""
ASSETS_READ = 500
"""Of how many of the nearest datasets."""

Columns = Mapping[str, str | None]
"""Their types, by name."""


@dataclass(frozen=True, slots=True)
class Said:
    """A facet as one event had it."""

    at: datetime
    event_id: str
    path: str
    facet: Facet


class Dating:
    """Reads what runs said of assets, the oldest first."""

    def __init__(self, connection: Connection, seen: Standpoint) -> None:
        self._connection = connection
        self._seen = seen
        self._log = EventLog()
        self._supports = Supports(connection, seen)
        self._known: dict[tuple[AssetKey, str], Sequence[Said]] = {}

    def dated(self, found: Iterable[Change], since: datetime) -> tuple[Change, ...]:
        """Changes after an instant with the time of each, as far as runs tell."""
        return in_order(self._dated(change, since) for change in found)

    def schema_changes(
        self, keys: Iterable[AssetKey], since: datetime
    ) -> dict[AssetKey, SchemaChange]:
        """The last time after an instant that the columns of each dataset became others."""
        found = {}
        for key in keys:
            said = self._said(key, "schema", since)
            before: Columns | None = None
            for one in said:
                columns = _columns(one.facet)
                if before is not None and columns != before:
                    told = difference(before, columns)
                    evidence = Evidence(told, event_id=one.event_id, facet=one.path)
                    found[key] = SchemaChange(one.at, told, evidence)
                before = columns
        return found

    def _dated(self, change: Change, since: datetime) -> Change:
        at = self._at(change, since)
        is_between = at is not None and since < at <= self._seen.as_of
        return replace(change, at=at) if is_between else change

    def _at(self, change: Change, since: datetime) -> datetime | None:
        subject = change.subject
        if subject.what is Thing.EDGE:
            return self._edge_at(change, since)
        if subject.what is Thing.COLUMN:
            said = self._said_after(subject.asset, "schema", since)
            name = subject.detail

            def is_so(said: Said) -> bool:
                columns = _columns(said.facet)
                if change.change is ChangeKind.REMOVED:
                    return name not in columns
                return name in columns and columns[name] == change.new

            return _since(said, is_so)
        if subject.what is Thing.OWNER:
            said = self._said_after(subject.asset, "ownership", since)
            return _since(said, lambda s: s.facet.hash == said[-1].facet.hash)
        return None

    def _edge_at(self, change: Change, since: datetime) -> datetime | None:
        state = change.old if change.change is ChangeKind.REMOVED else change.new
        source = change.subject.source
        if source is None or not isinstance(state, EdgeState) or change.at is not None:
            return None
        jobs = state.jobs
        if isinstance(change.old, EdgeState) and change.change is ChangeKind.CHANGED:
            jobs = tuple(job for job in jobs if job not in change.old.jobs)
        link = Link(
            source, change.subject.asset, jobs, state.basis, state.observed, state.declared,
            current=True, provisional=state.provisional, first_seen=None, last_seen=None,
        )  # fmt: skip
        if change.change is ChangeKind.REMOVED:
            return self._supports.first_without(link)
        return self._supports.first_after(link, since)

    def _said(self, key: AssetKey, name: str, since: datetime) -> Sequence[Said]:
        """A facet as the newest runs after an instant had it, the oldest first."""
        ids = self._supports.ids(key)
        if key.kind is Kind.DATASET:
            shapes = select(SHAPE_DATASET.c.shape_id).where(
                SHAPE_DATASET.c.dataset_id.in_(ids), SHAPE_DATASET.c.is_output
            )
        else:
            shapes = select(SHAPE.c.id).where(SHAPE.c.job_id.in_(ids))
        query = select(RUN.c.events).where(
            RUN.c.shape_id.in_(shapes),
            RUN.c.at.between(microseconds(since) + 1, microseconds(self._seen.as_of)),
        )
        runs = self._connection.execute(query.order_by(RUN.c.at.desc()).limit(RUNS_READ))
        numbers = {seq for (events,) in runs for seq in decode_events(events)}
        names = {(k.namespace, k.name) for k in self._supports.keys(key)}
        events = self._log.numbered(self._connection, numbers).values()
        said = (one for stored in events for one in _facets(stored, key.kind, names, name))
        return sorted(said, key=lambda s: (s.at, s.event_id))

    def _said_after(self, key: AssetKey, name: str, since: datetime) -> Sequence[Said]:
        """The same, once for all changes of an asset."""
        found = self._known.get((key, name))
        if found is None:
            found = [said for said in self._said(key, name, since) if said.at > since]
            self._known[key, name] = found
        return found


def difference(before: Columns, after: Columns) -> str:
    """What became of columns: ``+discount, -price, total: int to text``."""
    told = [f"+{name}" for name in after if name not in before]
    told += [f"-{name}" for name in before if name not in after]
    told += [
        f"{name}: {before[name] or 'not said'} to {kind or 'not said'}"
        for name, kind in after.items()
        if name in before and before[name] != kind
    ]
    return ", ".join(told)


def _facets(stored: Stored, kind: Kind, names: set[tuple[str, str]], name: str) -> Iterator[Said]:
    """A facet of one asset in one event; a schema only where the asset is written."""
    event = stored.event
    template = event.template
    places = [
        (place.path, place.facets)
        for place in template.outputs
        if (place.namespace, place.name) in names
    ]
    if kind is Kind.JOB:
        places = [("job", template.job_facets)]
    for path, holes in places:
        facet = event.facet(holes.get(name))
        if facet is not None:
            where = f"{path}.facets.{name}"
            yield Said(moment(event.time), event.event_id.hex(), where, facet)


def _since(said: Sequence[Said], is_so: Callable[[Said], bool]) -> datetime | None:
    """From when on something was said without a break; ``None``: it was not said last."""
    found = None
    for one in reversed(said):
        if not is_so(one):
            break
        found = one.at
    return found


def _columns(facet: Facet) -> Columns:
    return {field.name: field.type for field in schema_fields(facet.value)}
