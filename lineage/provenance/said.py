"""Versions as producers name them: in facets of what a run reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain

import orjson
from sqlalchemy import Connection, select

from catalog.database import chunks
from catalog.lookups import rows_where
from catalog.model import AssetKey, Kind
from lineage.assets import WORD
from lineage.contents import Contents
from lineage.events import Event, text_of
from lineage.facets import Body, Facet
from lineage.fold import TYPE_RANK, Numbered
from lineage.identity import Identities
from lineage.log import EventLog
from lineage.mentions import MENTION, believed, mention_of, whole
from lineage.provenance.versions import Ran
from lineage.runs import RUN, decode_events
from lineage.templates import Place
from lineage.traits import dataset_version_in
from lineage.values import object_of

FACET = "version"
DBT_MODEL = "dbt_model"
_ADDING = ("incremental", "snapshot")
"""Materialisations of dbt that add to what is there."""
AT_A_TIME = 500
"""Runs whose events are held at once."""

Called = Mapping[AssetKey, str]
"""What versions of datasets are called."""
Candidate = tuple[tuple[int, int, bytes], Facet, Event]
"""Facets of one name that compete: the greatest wins."""


class Said:
    """What runs call the versions that they read and wrote; each run is read once."""

    def __init__(self, connection: Connection, identities: Identities, until: int) -> None:
        self._connection = connection
        self._until = until
        self._identities = identities
        self._log = EventLog()
        self._known: dict[int, tuple[Called, Called]] = {}

    @cached_property
    def versioned(self) -> frozenset[int]:
        """Names of datasets, by number, of which any event ever named a version."""
        found: set[int] = set()
        for part in chunks(self._listing(FACET)):
            query = select(MENTION.c.asset_id).where(MENTION.c.names_id.in_(part)).distinct()
            found.update(self._connection.execute(query).scalars())
        return frozenset(found)

    @cached_property
    def adding(self) -> frozenset[int]:
        """Names of datasets, by number, to which dbt says that it adds: its newest word counts."""
        told: dict[int, tuple[tuple[int, int], int]] = {}
        listing = self._listing(DBT_MODEL)
        for part in chunks(listing):
            query = believed(self._until).where(MENTION.c.names_id.in_(part))
            for row in self._connection.execute(query.where(MENTION.c.is_writer == 1)):
                mention = mention_of(row)
                place = listing[row.names_id].index(DBT_MODEL)
                newest = (mention.at, mention.rank), whole(mention.bodies[place], mention)[0]
                told[row.asset_id] = max(told.get(row.asset_id, newest), newest)
        facets = Contents().facets(self._connection, {number for _, number in told.values()})
        return frozenset(i for i, (_, number) in told.items() if facets[number].meaning(_adds))

    def _listing(self, facet: str) -> dict[int, list[str]]:
        """Lists of names of facets with one among them, by their number as a word."""
        query = select(WORD.c.id, WORD.c.word).where(WORD.c.word.like(f'%"{facet}"%'))
        lists = {row.id: _names(row.word) for row in self._connection.execute(query)}
        return {number: names for number, names in lists.items() if facet in names}

    def read(self, runs: Iterable[Ran]) -> Mapping[int, Called]:
        """What each run, by its row, calls what it read."""
        return {pk: said[0] for pk, said in self._of(runs).items()}

    def written(self, runs: Iterable[Ran]) -> Mapping[int, Called]:
        """What each run, by its row, calls what it wrote."""
        return {pk: said[1] for pk, said in self._of(runs).items()}

    def _of(self, runs: Iterable[Ran]) -> Mapping[int, tuple[Called, Called]]:
        wanted = [run.pk for run in runs]
        missing = [pk for pk in wanted if pk not in self._known]
        for part in chunks(missing, AT_A_TIME):
            for pk, events in events_of(self._connection, self._log, part).items():
                sides = ("inputs", "outputs")
                self._known[pk] = tuple(self._called(events, side) for side in sides)  # type: ignore[assignment]  # of two
        return {pk: self._known[pk] for pk in wanted}

    def _called(self, events: Sequence[Numbered], side: str) -> Called:
        won: dict[AssetKey, Candidate] = {}
        for _, event in events:
            for place in getattr(event.template, side):
                facet = event.facet(place.facets.get(FACET))
                if facet is not None:
                    key = self._key(place)
                    one = candidate(event, facet)
                    won[key] = max(won.get(key, one), one, key=lambda c: c[0])
        return {
            key: text for key, (_, f, _) in won.items() if (text := f.meaning(dataset_version_in))
        }

    def _key(self, place: Place) -> AssetKey:
        return self._identities.key(AssetKey(Kind.DATASET, place.namespace, place.name))


def events_of(
    connection: Connection, log: EventLog, runs: Sequence[int]
) -> dict[int, list[Numbered]]:
    """The events from which each of some runs is folded, by the run's row."""
    rows = rows_where(connection, RUN, ("id", "events"), "id", runs)
    numbers = {pk: decode_events(events) for pk, events in rows}
    stored = log.numbered(connection, set(chain.from_iterable(numbers.values())))
    return {
        pk: [Numbered(seq, stored[seq].event) for seq in seqs if seq in stored]
        for pk, seqs in numbers.items()
    }


def candidate(event: Event, facet: Facet) -> Candidate:
    """A facet with what it wins by against others of its name."""
    return (event.time, TYPE_RANK[event.type], facet.hash), facet, event


def _names(word: str) -> list[str]:
    """The names in a word that is a list of them; none in any other."""
    try:
        names = orjson.loads(word)
    except orjson.JSONDecodeError:
        return []
    return names if isinstance(names, list) else []


def _adds(facet: Body) -> bool:
    """Whether a dbt model is built by adding to what is there."""
    materialized = text_of(object_of(facet.get("config")).get("materialized")) or ""
    return materialized.lower() in _ADDING
