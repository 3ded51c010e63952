"""What became different between two instants: assets, edges, columns, owners. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from catalog.model import AssetKey, Basis, Claim
from catalog.moments import moment
from lineage.estate import Dataset, Estate
from lineage.graph.drawn import current_links
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import LinkBasis
from lineage.observed import Asset, Observed

_LATEST = datetime.max.replace(tzinfo=UTC)


class ChangeKind(StrEnum):
    """How something became different."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Thing(StrEnum):
    """What can become different."""

    ASSET = "asset"
    EDGE = "edge"
    COLUMN = "column"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class EdgeState:
    """What is said of a current edge; when it was seen is left out, as every run moves that."""

    jobs: tuple[AssetKey, ...]
    basis: LinkBasis
    observed: bool
    declared: bool
    provisional: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What a change is about."""

    what: Thing
    asset: AssetKey
    """Of an edge its target."""
    source: AssetKey | None = None
    """Of an edge."""
    detail: str = ""
    """Of a column its name, of an owner the principal."""

    @property
    def order(self) -> tuple[object, ...]:
        """Assets before their edges, edges before columns, columns before owners."""
        place = list(Thing).index(self.what)
        return self.asset, place, self.detail, (self.source,) if self.source else ()


Value = EdgeState | str | None
"""What is said of the subject: of a column its type (``None``: not said), of an owner on whose word
it is one, of an asset nothing more than that it is there."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that can become different, as it is at one instant."""

    value: Value
    since: datetime | None
    """When it came to be so, as far as is known."""


@dataclass(frozen=True, slots=True)
class State:
    """All that can become different, as it is at one instant."""

    as_of: datetime
    facts: Mapping[Subject, Fact]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that became different."""

    change: ChangeKind
    subject: Subject
    old: Value
    new: Value
    at: datetime | None
    """When, as far as is known; ``None``: at some time between the two instants."""


def state_of(seen: Observed, estate: Estate, graph: EstateGraph) -> State:
    """What is so at the instant of an estate: of real assets and current edges."""
    facts = dict(_assets(seen, estate))
    for link in current_links(graph):
        subject = Subject(Thing.EDGE, link.target, link.source)
        said = EdgeState(link.jobs, link.basis, link.observed, link.declared, link.provisional)
        facts[subject] = Fact(said, link.first_seen)
    return State(estate.as_of, facts)


def changes(before: State, after: State) -> tuple[Change, ...]:
    """What to do to the earlier state to get the later one, in order of time and subject."""
    found = []
    for subject in before.facts.keys() | after.facts.keys():
        old, new = before.facts.get(subject), after.facts.get(subject)
        if old is None and new is not None:
            at = _since(before, after, new.since)
            found.append(Change(ChangeKind.ADDED, subject, None, new.value, at))
        elif new is None and old is not None:
            found.append(Change(ChangeKind.REMOVED, subject, old.value, None, None))
        elif old is not None and new is not None and old.value != new.value:
            at = _since(before, after, new.since)
            found.append(Change(ChangeKind.CHANGED, subject, old.value, new.value, at))
    return in_order(found)


def in_order(found: Iterable[Change]) -> tuple[Change, ...]:
    """By time, those without one last, then by subject."""
    return tuple(sorted(found, key=lambda c: (c.at or _LATEST, c.subject.order)))


def applied(values: Mapping[Subject, Value], found: Iterable[Change]) -> dict[Subject, Value]:
    """What was so, with changes made to it."""
    result = dict(values)
    for change in found:
        if change.change is ChangeKind.REMOVED:
            del result[change.subject]
        else:
            result[change.subject] = change.new
    return result


def about(found: Iterable[Change], key: AssetKey) -> tuple[Change, ...]:
    """Changes of one asset, and of the edges that touch it."""
    return tuple(c for c in found if key in (c.subject.asset, c.subject.source))


def _since(before: State, after: State, since: datetime | None) -> datetime | None:
    """A time that can be when it became different; what was so before came back at another."""
    return since if since is not None and before.as_of < since <= after.as_of else None


def _assets(seen: Observed, estate: Estate) -> Iterator[tuple[Subject, Fact]]:
    for dataset in estate.datasets.values():
        if dataset.noise is None:
            yield Subject(Thing.ASSET, dataset.key), Fact(None, dataset.first_seen)
            asset = seen.datasets.get(dataset.id)
            yield from _columns(dataset, asset)
            yield from _owners(estate, dataset.key, dataset.owners, asset)
    for job in estate.jobs.values():
        if job.noise is None:
            yield Subject(Thing.ASSET, job.key), Fact(None, job.first_seen)
            yield from _owners(estate, job.key, job.owners, seen.jobs.get(job.id))


def _columns(dataset: Dataset, asset: Asset | None) -> Iterator[tuple[Subject, Fact]]:
    since = _said_at(asset, "schema")
    for field in dataset.fields:
        yield Subject(Thing.COLUMN, dataset.key, detail=field.name), Fact(field.type, since)


def _owners(
    estate: Estate, key: AssetKey, owners: Iterable[Claim[str]], asset: Asset | None
) -> Iterator[tuple[Subject, Fact]]:
    told = [owner for owner in owners if not owner.is_guess]
    for owner in reversed(told):  # of one named twice the first counts
        is_declared = owner.basis is Basis.DECLARED
        since = estate.catalog.applied_at if is_declared else _said_at(asset, "ownership")
        yield Subject(Thing.OWNER, key, detail=owner.value), Fact(owner.basis.value, since)


def _said_at(asset: Asset | None, name: str) -> datetime | None:
    """When a facet was last said: at the latest then it was so."""
    facet = asset.facets.get(name) if asset else None
    return moment(facet.order[1]) if facet else None
