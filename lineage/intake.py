"""What arrived, from whom, and what was odd or refused about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from catalog.moments import moment
from lineage import removals, run_days
from lineage.assets import ASSET, DATASET
from lineage.conformance import Conformance, Seen, conformance
from lineage.counters import FEED, PRODUCER, WARNING, WARNING_KIND
from lineage.diagnosis import Counts, Sender
from lineage.estate import FeedKind
from lineage.log import EVENT, PAYLOAD, REJECTION, EventLog
from lineage.oddities import WarningKind
from lineage.removals import Removed
from lineage.runs import RUN
from lineage.shapes import SHAPE_DATASET, SHAPE_EDGE
from lineage.templates import EventKind


@dataclass(frozen=True, slots=True)
class Spoken:
    """A kind of evidence that a producer delivers for one namespace of datasets."""

    namespace: str
    evidence: FeedKind
    events: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Producer:
    """One producer, counted over all of its events."""

    name: str
    events: int
    warnings: int
    """How many of them were odd."""
    breaches: int
    """How many of them break a schema."""
    first_at: datetime
    last_at: datetime
    """Event times."""
    last_received_at: datetime
    conformance: Conformance
    others: Mapping[WarningKind, int]
    """How many of them are odd in a way that breaks no schema, most frequent first."""
    spoken: tuple[Spoken, ...]
    """By namespace, then kind."""

    @property
    def heard_at(self) -> datetime:
        """When it was last heard: whatever an event says, it did not happen after it arrived."""
        return min(self.last_at, self.last_received_at)


@dataclass(frozen=True, slots=True)
class WarningCount:
    """One sort of oddity."""

    path: str
    message: str
    kind: WarningKind
    events: int
    event_id: str
    """One that has it."""
    producer: str
    """One that sends it."""
    producers: int
    """How many do."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that could not be used."""

    id: int
    received_at: datetime
    source: str
    status: int
    detail: str
    path: str
    expected: str
    excerpt: str
    is_whole: bool
    """Whether all of it is kept, so that it can be replayed."""
    replayed_at: datetime | None
    replayed_event: str | None
    """The event that it became then; ``None``: none yet."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One event in the log that is kept whole, newest first."""

    event_id: str
    received_at: datetime
    event_time: datetime
    kind: EventKind
    producer: str
    received_count: int


@dataclass(frozen=True, slots=True)
class Intake:
    """Everything about arrival, for the intake page."""

    events: int
    repeats: int
    """Arrivals whose content was known already."""
    rejected: int
    """Without those that were replayed."""
    producers: tuple[Producer, ...]
    """The one that was last heard first."""
    warnings: tuple[WarningCount, ...]
    """What breaks a schema, most frequent first."""
    others: tuple[WarningCount, ...]
    """What is odd and breaks none, most frequent first."""
    rejections: tuple[Rejection, ...]
    """Newest first, replayed ones too."""
    newest: tuple[Arrived, ...]
    counts: Counts
    """What a diagnosis rests on."""
    removed: Removed | None
    """What was removed by age; ``None``: nothing."""


def intake(engine: Engine, limit: int = 50) -> Intake:
    """What arrived so far; lists hold ``limit`` entries at most, counts cover everything."""
    with engine.connect() as connection:
        producers = tuple(
            sorted(_producers(connection), key=lambda p: (p.heard_at, p.name), reverse=True)
        )
        rejected = _open(connection)
        repeats = connection.execute(
            select(func.sum(EVENT.c.received_count - 1)).where(EVENT.c.received_count > 1)
        ).scalar()
        return Intake(
            events=sum(p.events for p in producers),
            repeats=int(repeats or 0),
            rejected=rejected,
            producers=producers,
            warnings=tuple(_warnings(connection, limit, WARNING.c.kind.not_in(_OTHERS))),
            others=tuple(_warnings(connection, limit, WARNING.c.kind.in_(_OTHERS))),
            rejections=tuple(_rejections(connection, limit)),
            newest=tuple(_arrived(connection, limit)),
            counts=_counts(connection, producers, rejected),
            removed=removals.removed(connection),
        )


def _producers(connection: Connection) -> Iterator[Producer]:
    spoken: dict[str, list[Spoken]] = defaultdict(list)
    feeds = select(FEED).order_by(FEED.c.namespace, FEED.c.evidence)
    for row in connection.execute(feeds):
        said = Spoken(
            row.namespace,
            FeedKind(row.evidence),
            row.events,
            moment(row.first_at),
            moment(row.last_at),
        )
        spoken[row.producer].append(said)
    kinds: dict[str, dict[WarningKind, int]] = defaultdict(dict)
    for row in connection.execute(select(WARNING_KIND).order_by(WARNING_KIND.c.events.desc())):
        kinds[row.producer][WarningKind(row.kind)] = row.events
    for row in connection.execute(select(PRODUCER)):
        counted = kinds[row.producer]
        yield Producer(
            row.producer,
            row.events,
            row.warnings,
            row.breaches,
            moment(row.first_at),
            moment(row.last_at),
            moment(row.last_received_at),
            conformance(Seen(row.events, row.breaches, counted)),
            {kind: number for kind, number in counted.items() if not kind.is_breach},
            tuple(spoken[row.producer]),
        )


_OTHERS = [kind.value for kind in WarningKind if not kind.is_breach]


def _warnings(
    connection: Connection, limit: int, which: ColumnElement[bool]
) -> Iterator[WarningCount]:
    kind = (WARNING.c.path, WARNING.c.message, WARNING.c.kind)
    newest = (WARNING.c.last_at.desc(), WARNING.c.event_id.desc())
    counts = select(
        *kind,
        WARNING.c.event_id,
        WARNING.c.producer,
        func.sum(WARNING.c.events).over(partition_by=kind).label("events"),
        func.count().over(partition_by=kind).label("producers"),
        func.row_number().over(partition_by=kind, order_by=newest).label("place"),
    )
    counted = counts.where(which).subquery()
    query = (
        select(counted)
        .where(counted.c.place == 1)
        .order_by(counted.c.events.desc(), counted.c.path, counted.c.message, counted.c.kind)
        .limit(limit)
    )
    for row in connection.execute(query):
        yield WarningCount(
            row.path,
            row.message,
            WarningKind(row.kind),
            int(row.events),
            row.event_id.hex(),
            row.producer,
            row.producers,
        )


def _open(connection: Connection) -> int:
    query = select(func.count()).select_from(REJECTION).where(REJECTION.c.replayed_at.is_(None))
    return int(connection.execute(query).scalar() or 0)


def _rejections(connection: Connection, limit: int) -> Iterator[Rejection]:
    columns = (c for c in REJECTION.c if c is not REJECTION.c.body)  # it may be large
    is_whole = REJECTION.c.body.is_not(None).label("is_whole")
    query = select(*columns, is_whole).order_by(REJECTION.c.id.desc()).limit(limit)
    for row in connection.execute(query):
        yield _rejection(row)


def _rejection(row: Any) -> Rejection:
    return Rejection(
        row.id,
        moment(row.received_at),
        row.source,
        row.status,
        row.detail,
        row.path,
        row.expected,
        row.excerpt,
        bool(row.is_whole),
        None if row.replayed_at is None else moment(row.replayed_at),
        None if row.replayed_event is None else row.replayed_event.hex(),
    )


def _counts(connection: Connection, producers: tuple[Producer, ...], rejected: int) -> Counts:
    runs = connection.execute(
        select(
            func.count().label("all"),
            func.count().filter(RUN.c.terminals > 0).label("ended"),
            func.max(RUN.c.started_at).label("last"),
        )
    ).one()
    summed = run_days.summed(connection).runs
    number = SHAPE_DATASET.c.dataset_id
    used = connection.execute(
        select(
            func.count(number.distinct()).label("all"),
            func.count(number.distinct()).filter(~SHAPE_DATASET.c.is_output).label("read"),
            func.count(number.distinct()).filter(SHAPE_DATASET.c.is_output).label("written"),
        )
    ).one()
    pairs = select(SHAPE_EDGE.c.source_id, SHAPE_EDGE.c.target_id).distinct().subquery()
    edges = connection.execute(select(func.count()).select_from(pairs)).scalar() or 0
    datasets = connection.execute(
        select(func.count()).select_from(ASSET).where(ASSET.c.kind == DATASET)
    ).scalar()
    return Counts(
        events=sum(p.events for p in producers),
        refused=rejected,
        refused_mostly=_mostly(connection) if rejected else "",
        runs=runs.all + summed,
        ended_runs=runs.ended + summed,
        last_started_at=None if runs.last is None else moment(runs.last),
        datasets=datasets or 0,
        read=used.read,
        written=used.written,
        used=used.all,
        edges=edges,
        senders=tuple(Sender(p.name, p.events, p.heard_at) for p in producers),
    )


def _mostly(connection: Connection) -> str:
    """Why most of what is open was refused."""
    query = (
        select(REJECTION.c.detail)
        .where(REJECTION.c.replayed_at.is_(None))
        .group_by(REJECTION.c.detail)
        .order_by(func.count().desc(), REJECTION.c.detail)
        .limit(1)
    )
    return str(connection.execute(query).scalar() or "")


def _arrived(connection: Connection, limit: int) -> Iterator[Arrived]:
    whole = select(EVENT).join(PAYLOAD, PAYLOAD.c.seq == EVENT.c.seq)
    rows = connection.execute(whole.order_by(EVENT.c.seq.desc()).limit(limit)).all()
    stored = EventLog().numbered(connection, [row.seq for row in rows])
    for row in rows:
        yield Arrived(
            row.event_id.hex(),
            moment(row.received_at),
            moment(row.event_time),
            EventKind(row.kind),
            stored[row.seq].event.producer,
            row.received_count,
        )
