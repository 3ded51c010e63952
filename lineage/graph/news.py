"""What came into the log since a graph was read: whom it speaks of, not what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from catalog import driver
from catalog.model import AssetKey, Kind
from lineage import payloads
from lineage.contents import Contents
from lineage.templates import Template
from lineage.times import YEAR

Name = tuple[str, str]
"""Namespace and name."""

ELSEWHERE = "lineage elsewhere"
"""A lineage facet of a dataset in an event that is not about that dataset alone."""

_OF_DATASETS = ("datasetType", "lineage", "dbt_exposures")


class Remark(NamedTuple):
    """A facet that may change more than what one job does."""

    what: str
    subject: Name
    """The job or dataset that it is about."""
    body: int
    """The number of its body."""


class _Interest(NamedTuple):
    """Where events of one template have such a facet."""

    what: str
    subject: Name
    hole: int


@dataclass(frozen=True, slots=True)
class _About:
    """Whom events of one template speak of."""

    keys: frozenset[AssetKey]
    datasets: tuple[Name, ...]
    named_again: tuple[Name, ...]
    interests: tuple[_Interest, ...]
    has_node: bool


@dataclass(slots=True)
class News:
    """Whom some events speak of."""

    last: int
    """The number of the newest."""
    times: list[int] = field(default_factory=list)
    """When they happened, microseconds UTC."""
    jobs: set[Name] = field(default_factory=set)
    nodes: set[Name] = field(default_factory=set)
    """Those of these jobs of which they name the node of dbt."""
    datasets: set[Name] = field(default_factory=set)
    named_again: set[Name] = field(default_factory=set)
    """Those of these datasets of which they tell other names."""
    remarks: set[Remark] = field(default_factory=set)
    told: set[AssetKey] = field(default_factory=set)
    """Every job and dataset that an event speaks of which is not ahead of its time."""
    ahead: set[AssetKey] = field(default_factory=set)
    """Those of which one speaks that is: of these not all that is said counts yet."""


def read_news(
    connection: Connection, contents: Contents, after: int, most: int, until: int
) -> News | None:
    """Whom the events after one speak of; ``None`` if they are too many, or too old, to tell.

    Args:
        connection: Of the store.
        contents: Templates, remembered.
        after: The number of an event.
        most: How many events are not too many.
        until: After which instant events are ahead of their time, microseconds UTC.
    """
    rows = driver.rows(
        connection,
        "SELECT e.seq, e.event_time, p.template_id, p.body FROM lineage_event e "  # noqa: S608
        "LEFT JOIN lineage_payload p ON p.seq = e.seq "
        f"WHERE e.seq > {after} ORDER BY e.seq LIMIT {most + 1}",  # our own numbers
    )
    if len(rows) > most or any(row[2] is None for row in rows):
        return None
    templates = contents.templates(connection, {row[2] for row in rows})
    news = News(rows[-1][0] if rows else after)
    for _, time, number, body in rows:
        news.times.append(time)
        template = templates[number]
        about = template.once(_about)
        if template.job is not None:
            news.jobs.add(template.job)
            if about.has_node:
                news.nodes.add(template.job)
        news.datasets.update(about.datasets)
        (news.ahead if time > until else news.told).update(about.keys)
        news.named_again.update(about.named_again)
        if about.interests:
            if time > until and time // YEAR == until // YEAR:
                return None  # it takes the place of what was said before in that year
            packed = payloads.decode(body)
            for what, subject, hole in about.interests:
                facet = packed[hole]
                if not isinstance(facet, int):
                    return None
                news.remarks.add(Remark(what, subject, facet))
    return news


def _about(template: Template) -> _About:
    places = tuple(template.places())
    keys = {AssetKey(Kind.DATASET, place.namespace, place.name) for place in places}
    if template.job is not None:
        keys.add(AssetKey(Kind.JOB, *template.job))
    return _About(
        frozenset(keys),
        tuple({(place.namespace, place.name) for place in places}),
        tuple((p.namespace, p.name) for p in places if "symlinks" in p.facets),
        tuple(_interests(template)),
        "dbt_node" in template.job_facets,
    )


def _interests(template: Template) -> Iterator[_Interest]:
    if template.job is not None and "jobType" in template.job_facets:
        yield _Interest("jobType", template.job, template.job_facets["jobType"])
    for place in template.places():
        for name in _OF_DATASETS:
            if name in place.facets:
                is_elsewhere = name == "lineage" and place is not template.dataset
                what = ELSEWHERE if is_elsewhere else name
                yield _Interest(what, (place.namespace, place.name), place.facets[name])
