"""What was measured of a dataset: its columns last, and how its number of rows went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from catalog.model import AssetKey, Kind
from catalog.moments import microseconds, moment
from lineage.assets import ASSET
from lineage.estate import RunState
from lineage.fold import RANKED_STATES, STATE_RANK
from lineage.log import PAYLOAD, EventLog
from lineage.profiles import PROFILE, Extent, profile_of
from lineage.runs import RUN, STATISTIC, id_text
from lineage.shapes import SHAPE_DATASET
from lineage.statistics import Profile, profile_in

REFERENCES_MOST = 400
"""References that are looked through: several events of one run say the same."""
MEASUREMENTS_MOST = 60
SHAPES_MOST = 50
ROWS_MOST = 60


@dataclass(frozen=True, slots=True)
class RunName:
    """A run, by its job and its id."""

    job: AssetKey
    run_id: str
    state: RunState


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured at one time."""

    at: datetime
    run: RunName | None
    """Which run tells; ``None``: an event without one does."""
    extent: Extent
    profile: Profile
    event_id: str


@dataclass(frozen=True, slots=True)
class RowCount:
    """How many rows there were, or how many one run wrote."""

    at: datetime
    rows: int
    run: RunName | None
    is_written: bool
    """Whether a run wrote as many; else as many were there."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """Everything that was measured of one dataset."""

    columns: tuple[Measurement, ...] = ()
    """Newest first, each with those of its columns that no newer one has."""
    newest: Measurement | None = None
    """The newest that counts the rows, the bytes or the files of the whole."""
    rows: tuple[RowCount, ...] = ()
    """Oldest first."""


def measurements(engine: Engine, ids: Sequence[int], until: datetime) -> Measurements:
    """What was measured of a dataset, up to an instant.

    Args:
        engine: The store.
        ids: Of all names of the dataset.
        until: Now.
    """
    with engine.connect() as connection:
        found = _measurements(connection, ids, microseconds(until))
        written = tuple(_written(connection, ids, microseconds(until)))
    counted = [m for m in found if m.extent is Extent.WHOLE]
    there = (
        RowCount(m.at, m.profile.counts.rows, m.run, is_written=False)
        for m in counted
        if m.profile.counts.rows is not None
    )
    return Measurements(
        columns=tuple(_columns(found)),
        newest=next((m for m in counted if m.profile.counts != Profile().counts), None),
        rows=tuple(sorted((*there, *written), key=lambda c: (c.at, c.is_written, c.rows))),
    )


def _columns(found: Iterable[Measurement]) -> Iterator[Measurement]:
    known: set[str] = set()
    for one in found:
        columns = tuple(c for c in one.profile.columns if c.is_told and c.name not in known)
        if columns:
            known.update(column.name for column in columns)
            yield replace(one, profile=replace(one.profile, columns=columns))


def _measurements(connection: Connection, ids: Sequence[int], until: int) -> list[Measurement]:
    """Each run's last word on each extent, the newest first."""
    query = (
        select(PROFILE)
        .join(PAYLOAD, PAYLOAD.c.seq == PROFILE.c.seq)  # what was removed by age tells no more
        .where(PROFILE.c.dataset_id.in_(ids), PROFILE.c.at <= until)
        .order_by(PROFILE.c.at.desc(), PROFILE.c.rank.desc())
        .limit(REFERENCES_MOST)
    )
    rows = _last(connection.execute(query))
    stored = EventLog().numbered(connection, {row.seq for row in rows})
    runs = _runs(connection, {row.run_pk for row in rows})
    names = {
        row.id: (row.kind, row.namespace, row.name)
        for row in connection.execute(select(ASSET).where(ASSET.c.id.in_(ids)))
    }
    found: dict[_Key, tuple[_Order, Measurement]] = {}
    for row in rows:
        event, extent = stored[row.seq].event, Extent(row.extent)
        facet = profile_of(event, names[row.dataset_id], extent)
        if facet is not None:
            event_id = event.event_id.hex()
            order = (row.at, row.rank, facet.hash, event_id, row.extent)
            profile = facet.meaning(profile_in)
            told = Measurement(moment(row.at), runs.get(row.run_pk), extent, profile, event_id)
            known = found.get(_key(row))
            if known is None or order > known[0]:
                found[_key(row)] = order, told
    return [told for _, told in sorted(found.values(), key=itemgetter(0), reverse=True)]


_Key = tuple[int, int, int]
_Order = tuple[int, int, bytes, str, int]


def _key(row: Row[Any]) -> _Key:
    """Of one run, or else of one event, the last word on each extent counts."""
    return row.run_pk, 0 if row.run_pk else row.seq, row.extent


def _last(rows: Iterable[Row[Any]]) -> list[Row[Any]]:
    """Of rows, the newest first, the last of each key; several if they are of one instant."""
    found: dict[_Key, list[Row[Any]]] = {}
    for row in rows:
        same = found.setdefault(_key(row), [])
        if not same or (row.at, row.rank) == (same[0].at, same[0].rank):
            same.append(row)
    return [row for same in list(found.values())[:MEASUREMENTS_MOST] for row in same]


def _runs(connection: Connection, numbers: Iterable[int]) -> dict[int, RunName]:
    query = (
        select(RUN.c.id, RUN.c.run_id, RUN.c.state, ASSET.c.namespace, ASSET.c.name)
        .join(ASSET, ASSET.c.id == RUN.c.job_id)
        .where(RUN.c.id.in_(numbers))
    )
    return {
        row.id: RunName(
            AssetKey(Kind.JOB, row.namespace, row.name),
            id_text(row.run_id),
            RANKED_STATES[row.state],
        )
        for row in connection.execute(query)
    }


def _written(connection: Connection, ids: Sequence[int], until: int) -> Iterator[RowCount]:
    """What successful runs say that they wrote, of the newest such runs."""
    shapes = (
        select(SHAPE_DATASET.c.shape_id)
        .where(SHAPE_DATASET.c.dataset_id.in_(ids), SHAPE_DATASET.c.is_output)
        .distinct()
        .order_by(SHAPE_DATASET.c.shape_id.desc())
        .limit(SHAPES_MOST)
    )
    found: list[Row[Any]] = []
    for shape_id in connection.execute(shapes).scalars().all():
        query = (
            select(RUN.c.id, RUN.c.at, STATISTIC.c.rows)
            .join(STATISTIC, STATISTIC.c.run_pk == RUN.c.id)
            .where(
                RUN.c.shape_id == shape_id,
                RUN.c.state == STATE_RANK[RunState.COMPLETE],
                RUN.c.at <= until,
                STATISTIC.c.dataset_id.in_(ids),
                STATISTIC.c.is_output,
                STATISTIC.c.window_at == 0,
                STATISTIC.c.rows.is_not(None),
            )
            .order_by(RUN.c.at.desc())
            .limit(ROWS_MOST)
        )
        found.extend(connection.execute(query))
    found.sort(key=lambda row: row.at, reverse=True)
    newest = found[:ROWS_MOST]
    runs = _runs(connection, {row.id for row in newest})
    for row in newest:
        yield RowCount(moment(row.at), row.rows, runs[row.id], is_written=True)
