"""What is known as of an instant, for pages that look at the past as well: estate and graph.

The present is kept by revision like everything else. A past instant costs folding the log again, so
it is kept until something arrives that tells of it.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

import streamlit as st
from sqlalchemy import Engine, func, select

from catalog.model import AssetKey
from catalog.moments import microseconds
from catalog.settings import Settings
from catalog.store import load_catalog
from dashboard import load
from dashboard.seeking import Names, names
from lineage import history
from lineage.estate import Estate
from lineage.graph.advance import held
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.loading import estate_graph
from lineage.history import Standpoint
from lineage.log import EVENT
from lineage.reducers import read_reducers

KEPT_PASTS = 3
"""Past instants kept; two are held against each other."""
KEPT_PRESENTS = 1
"""Pages draw again with every revision, so nobody asks for the one before."""


class Known:
    """What is known from one standpoint: what the explorer asks, and nothing that it does not."""

    def __init__(
        self,
        engine: Engine,
        revision: int,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> None:
        self.is_past = as_of is not None or known_at is not None
        self.name = f"{engine.url} {as_of} {known_at} {revision}"
        """What results about it are kept by: no two that differ have the same."""
        self._engine = engine
        self._revision = revision
        self._as_of, self._known_at = as_of, known_at
        self._seq = _newest(engine)
        self._past = _stand(engine, as_of, known_at) if self.is_past else None

    @property
    def standpoint(self) -> Standpoint:
        """From where all of it is known."""
        # The present one is not held: all pages share it, and it goes when the next one is loaded.
        return self._past or load.standpoint(self._revision)

    @property
    def as_of(self) -> datetime:
        """Of when."""
        return self.standpoint.as_of

    @property
    def estate(self) -> Estate:
        """Everything known."""
        return self.standpoint.estate

    @cached_property
    def graph(self) -> EstateGraph:
        """The same as a graph; the present one is held by the process and brought forward."""
        if self.is_past:
            return estate_graph(self.standpoint)
        return held(self._engine, read_reducers(Settings().name_reducers))

    @cached_property
    def hidden_jobs(self) -> frozenset[AssetKey]:
        """Jobs that are no subjects, such as single statements of a script."""
        return frozenset(key for key, job in self.estate.jobs.items() if job.noise)

    @cached_property
    def teams(self) -> tuple[str, ...]:
        """Whoever owns a dataset."""
        return tuple(sorted({d.team for d in self.estate.datasets.values() if d.team}))

    @cached_property
    def names(self) -> Names:
        """What assets are found by."""
        return names(self.estate)

    def is_overtaken(self) -> bool:
        """Whether something has arrived since that tells of this instant."""
        told = [EVENT.c.seq > self._seq]
        if self._as_of is not None:
            told.append(EVENT.c.event_time <= microseconds(self._as_of))
        if self._known_at is not None:
            told.append(EVENT.c.received_at <= microseconds(self._known_at))
        newest = _newest(self._engine)
        with self._engine.connect() as connection:
            if connection.execute(select(EVENT.c.seq).where(*told).limit(1)).first() is not None:
                return True
        # What did not tell of it needs no second look.
        self._seq = newest
        catalog = load_catalog(self._engine, self.as_of, self._known_at)
        return catalog != self.standpoint.catalog


def known(revision: int, as_of: datetime | None = None, known_at: datetime | None = None) -> Known:
    """What is known as of an instant; ``None``: now.

    Raises:
        UserError: Events that tell of that instant were removed.
    """
    url = Settings().database_url
    if as_of is None and known_at is None:
        return _present(url, revision, f"{load.now():%Y-%m-%dT%H}")
    found = _past(url, as_of, known_at, revision)
    if found.is_overtaken():
        _past.clear(url, as_of, known_at, revision)
        found = _past(url, as_of, known_at, revision)
    return found


def _newest(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.max(EVENT.c.seq))).scalar() or 0)


def _stand(engine: Engine, as_of: datetime | None, known_at: datetime | None) -> Standpoint:
    return history.stand(engine, as_of, known_at, read_reducers(Settings().name_reducers))


@st.cache_resource(show_spinner=False, max_entries=KEPT_PRESENTS)
def _present(url: str, revision: int, hour: str) -> Known:
    del url, hour
    return Known(load.engine(), revision)


@st.cache_resource(show_spinner=False, max_entries=KEPT_PASTS)
def _past(url: str, as_of: datetime | None, known_at: datetime | None, _revision: int) -> Known:
    del url
    return Known(load.engine(), _revision, as_of, known_at)
