"""What the receiver counts about itself, in Prometheus' text."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lineage.ingest import Receipt

LE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the buckets of commit times, seconds."""


@dataclass(slots=True)
class Histogram:
    """How often something took how long."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LE_S) + 1))
    total_s: float = 0.0

    def observe(self, taken_s: float) -> None:
        """Count one that took so long, seconds."""
        self.counts[bisect_left(LE_S, taken_s)] += 1
        self.total_s += taken_s


@dataclass(slots=True)
class Meter:
    """Counters since the process began. Written by one thread, read by any."""

    events: Counter[str] = field(default_factory=Counter)
    """Events by what became of them."""
    warned: int = 0
    """Events that were answered with a warning."""
    unkept: int = 0
    """Refused bodies that could not be kept as rejections."""
    turned_away: int = 0
    """Requests answered 503."""
    unadmitted: int = 0
    """Requests answered 401."""
    commit_s: Histogram = field(default_factory=Histogram)

    def count(self, receipts: Sequence[Receipt]) -> None:
        """Note what became of events."""
        for receipt in receipts:
            self.events[receipt.status.value] += 1
            if receipt.oddities:
                self.warned += 1

    def text(self, now: Mapping[str, int]) -> str:
        """All of it, with gauges of the moment by their names."""
        return "\n".join([*self._lines(now), ""])

    def _lines(self, now: Mapping[str, int]) -> Iterator[str]:
        yield from _head("andon_events_total", "counter", "Events answered, by what became of them")
        for status in ("stored", "duplicate", "rejected"):
            yield f'andon_events_total{{status="{status}"}} {self.events[status]}'
        for name, told, value in (
            ("andon_events_warned_total", "Events answered with a warning", self.warned),
            ("andon_requests_unavailable_total", "Requests answered 503", self.turned_away),
            ("andon_requests_unadmitted_total", "Requests answered 401", self.unadmitted),
            ("andon_rejections_lost_total", "Refusals that could not be kept", self.unkept),
        ):
            yield from _head(name, "counter", told)
            yield f"{name} {value}"
        yield from _head("andon_commit_seconds", "histogram", "Time of one shared commit")
        below = 0
        for bound, count in zip((*LE_S, "+Inf"), self.commit_s.counts, strict=True):
            below += count
            yield f'andon_commit_seconds_bucket{{le="{bound}"}} {below}'
        yield f"andon_commit_seconds_sum {self.commit_s.total_s:.6f}"
        yield f"andon_commit_seconds_count {below}"
        for name, amount in now.items():
            yield from _head(name, "gauge", GAUGES[name])
            yield f"{name} {amount}"


def _head(name: str, kind: str, told: str) -> tuple[str, str]:
    return f"# HELP {name} {told}.", f"# TYPE {name} {kind}"


GAUGES = {
    "andon_queue_events": "Events that wait or are being committed",
    "andon_database_bytes": "Size of the database",
    "andon_removed_events": "Events of which only the entry in the log is kept",
    "andon_removed_until_seconds": "Every instant from then on is known as it was, Unix time",
    "andon_revision": "The counter that moves with everything that people can see",
}
"""What can be told of the moment, and its meaning."""
