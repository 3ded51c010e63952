"""Facts about a feed: one kind of evidence, for one namespace of datasets."""

from __future__ import annotations

from catalog.model import Basis, Evidence
from lineage.estate import Dataset
from policies.cel import FactType
from policies.facts.index import FEED_FACETS, EstateIndex, is_prod, observed, seen_in
from policies.facts.registry import Registry
from policies.facts.values import Absent, Known
from policies.model import FeedSubject, UnknownReason

FACTS: Registry[FeedSubject] = Registry("feed")


@FACTS.fact("namespace", FactType.STRING)
def namespace(_: EstateIndex, feed: FeedSubject) -> Known:
    """The namespace of the datasets that the feed is about.

    Absent: never.
    Source: events that name datasets of it.
    """
    return observed(feed.namespace)


@FACTS.fact("evidence", FactType.STRING)
def evidence(_: EstateIndex, feed: FeedSubject) -> Known:
    """The kind of evidence that the feed carries.

    Values: runs, data_tests, owners, code_location, principals, statistics.
    Absent: never.
    Source: what arrived.
    """
    return observed(str(feed.evidence))


@FACTS.fact("producers", FactType.STRINGS)
def producers(_: EstateIndex, feed: FeedSubject) -> Known:
    """Who delivers the feed; for one that never spoke, who writes that namespace.

    Absent: never; empty if nobody is known.
    Source: ``producer`` of the events.
    """
    return Known(list(feed.producers), Basis.ASSERTED)


@FACTS.fact("spoken", FactType.BOOL)
def has_spoken(index: EstateIndex, feed: FeedSubject) -> Known:
    """Whether any such evidence ever arrived.

    Absent: never.
    Source: all events about the namespace.
    """
    known = index.feed(feed.namespace, feed.evidence)
    if known.first_at is not None:
        facet = FEED_FACETS[feed.evidence]
        return observed(True, seen_in(known.event_id, f"newest {feed.evidence}", facet))
    return observed(False, _newest(list(index.namespaces.get(feed.namespace, ()))))


@FACTS.fact("prod_datasets", FactType.INT)
def prod_datasets(index: EstateIndex, feed: FeedSubject) -> Known | Absent:
    """How many production datasets the namespace holds.

    Unit: datasets.
    Absent: none is known to be in production, and the environment of some is not known.
    Source: declared environments, else guesses.
    """
    datasets = index.namespaces.get(feed.namespace, ())
    found = [d for d in datasets if is_prod(d.environment)]
    if not found and any(d.environment is None for d in datasets):
        return Absent(UnknownReason.NO_FEED, f"the environment of {feed.namespace} is not known")
    claims = [d.environment for d in found if d.environment is not None]
    guessed = [claim for claim in claims if claim.is_guess]
    # One dataset that is surely in production is enough for the answer to be no guess.
    is_guess = bool(guessed) and len(guessed) == len(claims)
    basis = Basis.GUESSED if is_guess else Basis.DECLARED
    return Known(len(found), basis, _newest(found), guessed[0].why if is_guess else "")


def _newest(datasets: list[Dataset]) -> tuple[Evidence, ...]:
    recent = sorted(datasets, key=lambda d: (d.last_seen, d.key), reverse=True)
    return tuple(
        e for d in recent[:3] for e in seen_in(d.event_id, f"newest event about {d.display_name}")
    )
