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
from lineage.events import Event
from lineage.facets import Facet
from lineage.fold import TYPE_RANK, Numbered
from lineage.identity import Identities
from lineage.log import EventLog
from lineage.mentions import MENTION
from lineage.provenance.versions import Ran
from lineage.runs import RUN, decode_events
from lineage.templates import Place
from lineage.traits import dataset_version_in

FACET = "version"
AT_A_TIME = 500
"""Runs whose events are held at once."""

Called = Mapping[AssetKey, str]
"""What versions of datasets are called."""
Candidate = tuple[tuple[int, int, bytes], Facet, Event]
"""Facets of one name that compete: the greatest wins."""


class Said:
    """What runs call the versions that they read and wrote; each run is read once."""

    def __init__(self, connection: Connection, identities: Identities) -> None:
        self._connection = connection
        self._identities = identities
        self._log = EventLog()
        self._known: dict[int, tuple[Called, Called]] = {}

    @cached_property
    def versioned(self) -> frozenset[int]:
        """Names of datasets, by number, of which any event ever named a version."""
        rows = self._connection.execute(select(WORD.c.id, WORD.c.word).where(_IS_LISTED))
        names = [row.id for row in rows if _lists(row.word)]
        found: set[int] = set()
        for part in chunks(names):
            query = select(MENTION.c.asset_id).where(MENTION.c.names_id.in_(part)).distinct()
            found.update(self._connection.execute(query).scalars())
        return frozenset(found)

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


_IS_LISTED = WORD.c.word.like(f'%"{FACET}"%')


def _lists(word: str) -> bool:
    """Whether a word is a list of names of facets with this one among them."""
    try:
        names = orjson.loads(word)
    except orjson.JSONDecodeError:
        return False
    return isinstance(names, list) and FACET in names
