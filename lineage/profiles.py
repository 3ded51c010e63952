"""Which events measured a dataset: references, since what they say is in the log already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import Column, Connection, Integer
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.database import insert_rows, table_of
from lineage.assets import DATASET, Named
from lineage.events import Event
from lineage.facets import Body, Facet
from lineage.fold import TYPE_RANK
from lineage.log import Stored
from lineage.statistics import profile_in, tells
from lineage.templates import Template

FACET = "dataQualityMetrics"


class Extent(IntEnum):
    """What was measured."""

    WHOLE = 0
    READ = 1
    """What one run read of it: all, or a part."""


class ProfileRow(SQLModel, table=True):
    """A facet that measured a dataset."""

    __tablename__ = "lineage_profile"
    __table_args__ = {"sqlite_with_rowid": False}

    dataset_id: int = Field(sa_column=columns.big(primary_key=True))
    at: int = Field(sa_column=columns.big(primary_key=True))
    seq: int = Field(sa_column=columns.big(primary_key=True))
    """The event that carried it."""
    extent: int = Field(sa_column=Column(Integer, primary_key=True))
    """See ``Extent``."""
    rank: int = Field(sa_column=Column(Integer, nullable=False))
    """Of the event's type, among those of one instant."""
    run_pk: int = Field(sa_column=columns.big())
    """0: no run."""


PROFILE = table_of(ProfileRow)

_PROFILE = ("dataset_id", "at", "seq", "extent", "rank", "run_pk")


class Measured(NamedTuple):
    """A facet of an event that measured a dataset."""

    stored: Stored
    dataset: Named
    extent: Extent


def measured(new: Sequence[Stored]) -> list[Measured]:
    """Every facet of a batch that measured something; empty ones are left out."""
    return [
        Measured(stored, dataset, extent)
        for stored in new
        if FACET in stored.event.template.facet_names
        for (dataset, extent), hole in stored.event.template.once(_places)
        if (facet := stored.event.facet(hole)) is not None and facet.meaning(_tells)
    ]


def write(
    connection: Connection,
    found: Sequence[Measured],
    assets: Mapping[Named, int],
    runs: Mapping[int, int],
) -> None:
    """Keep references to facets that measured something.

    Args:
        connection: Of the transaction.
        found: What did.
        assets: The number of every dataset that was measured.
        runs: The row of the run of each event that has one, by the event's number.
    """
    rows = [
        (
            assets[one.dataset],
            one.stored.event.time,
            one.stored.seq,
            int(one.extent),
            TYPE_RANK[one.stored.event.type],
            runs.get(one.stored.seq, 0),
        )
        for one in found
    ]
    insert_rows(connection, PROFILE, _PROFILE, rows)


def profile_of(event: Event, dataset: Named, extent: Extent) -> Facet | None:
    """The facet by which an event measured a dataset."""
    return event.facet(dict(event.template.once(_places)).get((dataset, extent)))


def _places(template: Template) -> tuple[tuple[tuple[Named, Extent], int], ...]:
    """Where events of a template measure datasets; of one dataset in several places once."""
    return tuple(dict(_find_places(template)).items())


def _find_places(template: Template) -> Iterator[tuple[tuple[Named, Extent], int]]:
    for place in template.places():
        dataset = (DATASET, place.namespace, place.name)
        for facets, extent in ((place.facets, Extent.WHOLE), (place.io_facets, Extent.READ)):
            if FACET in facets:
                yield (dataset, extent), facets[FACET]


def _tells(facet: Body) -> bool:
    return tells(profile_in(facet))
