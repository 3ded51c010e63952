"""Who sends what: feeds of evidence, producers and warnings, counted as events come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, insert, select

from catalog.database import table_of, upsert
from lineage.estate import FeedKind
from lineage.events import Event, EventKind
from lineage.fold import reports_tests
from lineage.principals import principals_in
from lineage.tables import FeedRow, ProducerRow, WarningRow

FEED = table_of(FeedRow)
PRODUCER = table_of(ProducerRow)
WARNING = table_of(WarningRow)

_FEED_KEY = ("namespace", "evidence", "producer")


class Tally:
    """Counts one batch of events, then adds it to what is stored."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._producers: dict[str, dict[str, Any]] = {}
        self._warnings: list[dict[str, Any]] = []

    def take(self, seq: int, received_at: int, event: Event) -> None:
        """Count one new event."""
        for oddity in event.oddities:
            self._warnings.append({"seq": seq, "path": oddity.path, "message": oddity.message})
        sent = {
            "events": 1,
            "warnings": 1 if event.oddities else 0,
            "first_at": event.time,
            "last_at": event.time,
            "first_received_at": received_at,
            "last_received_at": received_at,
        }
        _add(self._producers, event.producer, sent)
        for namespace, kind in set(_spoken(event)):
            _add(
                self._feeds,
                (namespace, kind.value, event.producer),
                {
                    "events": 1,
                    "first_at": event.time,
                    "last_at": event.time,
                    "event_id": event.event_id,
                },
            )

    def write(self, connection: Connection) -> None:
        """Add the batch to the stored counts."""
        if self._warnings:
            connection.execute(insert(WARNING), self._warnings)
        namespaces = {namespace for namespace, _, _ in self._feeds}
        for row in connection.execute(select(FEED).where(FEED.c.namespace.in_(namespaces))):
            key = (row.namespace, row.evidence, row.producer)
            if key in self._feeds:
                _add(self._feeds, key, row._asdict())
        for row in connection.execute(
            select(PRODUCER).where(PRODUCER.c.producer.in_(self._producers))
        ):
            _add(self._producers, row.producer, row._asdict())
        upsert(
            connection,
            FEED,
            _FEED_KEY,
            [
                {**dict(zip(_FEED_KEY, key, strict=True)), **counts}
                for key, counts in self._feeds.items()
            ],
        )
        upsert(
            connection,
            PRODUCER,
            ["producer"],
            [{"producer": producer, **counts} for producer, counts in self._producers.items()],
        )


def _add(known: dict[Any, dict[str, Any]], key: Any, more: dict[str, Any]) -> None:
    """Merge counts: sums for numbers of events, least for firsts, greatest for lasts."""
    before = known.get(key)
    if before is None:
        known[key] = more
        return
    for name, value in before.items():
        other = more[name]
        if name.startswith("first_"):
            before[name] = min(value, other)
        elif name == "event_id":
            continue
        elif name == "last_at" and "event_id" in before:
            newest = max((value, before["event_id"]), (other, more["event_id"]))
            before["last_at"], before["event_id"] = newest
        elif name.startswith("last_"):
            before[name] = max(value, other)
        else:
            before[name] = value + other


def _spoken(event: Event) -> Iterator[tuple[str, FeedKind]]:
    """Which kinds of evidence an event delivers, for which namespaces of datasets."""
    for part in (*event.inputs, *event.outputs, *((event.dataset,) if event.dataset else ())):
        if event.kind is EventKind.RUN:
            yield part.namespace, FeedKind.RUNS
        if reports_tests(part):
            yield part.namespace, FeedKind.DATA_TESTS
        if "ownership" in part.facets:
            yield part.namespace, FeedKind.OWNERS
        if "outputStatistics" in part.io_facets:
            yield part.namespace, FeedKind.STATISTICS
    has_principal = any(principals_in(n, f) for n, f in event.run_facets.items())
    for part in event.outputs:
        if "ownership" in event.job_facets:
            yield part.namespace, FeedKind.OWNERS
        if "sourceCodeLocation" in event.job_facets:
            yield part.namespace, FeedKind.CODE_LOCATION
        if has_principal:
            yield part.namespace, FeedKind.PRINCIPALS
