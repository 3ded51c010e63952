"""How events name assets: what they said of each last, with which facets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import orjson
from sqlalchemy import Connection, Row, Select, func, select

from catalog.database import table_of, upsert_rows
from catalog.lookups import rows_where
from lineage.assets import DATASET, JOB, Named
from lineage.contents import Contents
from lineage.facets import Recent
from lineage.fold import TYPE_RANK
from lineage.log import Stored, event_ids
from lineage.tables import MentionRow
from lineage.templates import Template
from lineage.times import YEAR

MENTION = table_of(MentionRow)

REMEMBERED = 400_000

_COLUMNS = (
    "asset_id", "is_writer", "names_id", "year", "first_at", "at", "rank", "seq", "path_id",
    "bodies",
)  # fmt: skip
_KEYS = _COLUMNS[:4]
_ENCODE = msgspec.msgpack.Encoder().encode

Body = int | tuple[int, int, int]
"""The number of a facet's body, with its event and path where these are not the mention's own."""
Bodies = tuple[Body, ...]
decode_bodies = msgspec.msgpack.Decoder(Bodies).decode

SpotKey = tuple[int, int, int]
"""Asset, whether it writes, and which names of facets."""
Key = tuple[int, int, int, int]
"""The same, and the year: whoever believes no time ahead of ours still finds what was said last."""


Said = tuple[int, int, int, Stored, "Numbered"]
"""Instant and rank, the first instant of all, the event and where it says so."""


Unnamed = tuple[int, str, str, tuple[int, ...]]
"""Where events of one template name some asset: whether it writes; where in the event the facets
of the asset are, ``outputs[0].facets``; their names, a JSON array; and they, in the same order."""


class Numbered(NamedTuple):
    """A spot, which is where events of one template name an asset, with its numbers."""

    key: SpotKey
    path_id: int
    holes: tuple[int, ...]


class Mention(NamedTuple):
    """The newest time within a year that an asset was named with one set of facets."""

    first_at: int
    at: int
    rank: int
    seq: int
    path_id: int
    bodies: Bodies


@dataclass(slots=True)
class Mentions:
    """The newest mentions, remembered between batches."""

    known: Recent[Key, Mention]

    @classmethod
    def none(cls) -> Mentions:
        """Nothing is remembered yet."""
        return cls(Recent(REMEMBERED))

    def write(
        self,
        connection: Connection,
        contents: Contents,
        said: Mapping[Key, Sequence[Said]],
        numbers: Mapping[bytes, int],
    ) -> None:
        """Let what a batch says win over what was said before, where it is newer.

        Args:
            connection: Of the transaction.
            contents: Where bodies of facets are.
            said: For each key what is newest in the batch, several at one instant, and the first
                instant of all.
            numbers: The number of every facet's body in the batch, by its hash.
        """
        before = self._before(connection, said)
        rows = []
        for key, newest in said.items():
            old = before.get(key)
            new = _mention(newest[0], numbers, old.first_at if old else None)
            if len(newest) > 1 or (old is not None and new[1:3] <= old[1:3]):
                said_now = (_mention(one, numbers) for one in newest)
                new, *others = said_now if old is None else [old, *said_now]
                for other in others:
                    new = _later(connection, contents, new, other)
            if new != old:
                self.known.put(key, new)
                rows.append((*key, *new[:5], _ENCODE(new.bodies)))
        upsert_rows(connection, MENTION, _KEYS, _COLUMNS, rows)

    def _before(self, connection: Connection, keys: Iterable[Key]) -> dict[Key, Mention]:
        found: dict[Key, Mention] = {}
        wanted: set[Key] = set()
        for key in keys:
            known = self.known.get(key)
            if known is None:
                wanted.add(key)
            else:
                found[key] = known
        columns = (*_KEYS, *Mention._fields)
        for row in rows_where(connection, MENTION, columns, "asset_id", {key[0] for key in wanted}):
            asset_id, is_writer, names_id, year, *said, bodies = row
            key = (asset_id, is_writer, names_id, year)
            if key in wanted:
                found[key] = Mention._make((*said, decode_bodies(bodies)))
        return found


def believed(until: int) -> Select[Any]:
    """The newest mentions of their kind up to an instant, and those that are dated after it."""
    newer = MENTION.alias("newer")
    is_outdone = (
        select(newer.c.asset_id)
        .where(
            newer.c.asset_id == MENTION.c.asset_id,
            newer.c.is_writer == MENTION.c.is_writer,
            newer.c.names_id == MENTION.c.names_id,
            newer.c.year > MENTION.c.year,
            newer.c.at <= until,
        )
        .correlate(MENTION)
        .exists()
    )
    return select(MENTION).where(~is_outdone)


def first_named(connection: Connection) -> dict[int, int]:
    """When events first named each asset."""
    first = func.min(MENTION.c.first_at).label("first")
    rows = connection.execute(select(MENTION.c.asset_id, first).group_by(MENTION.c.asset_id))
    return {row.asset_id: row.first for row in rows}


def mention_of(row: Row[Any]) -> Mention:
    """A mention from its row."""
    return Mention(row.first_at, row.at, row.rank, row.seq, row.path_id, decode_bodies(row.bodies))


def facet_names(words: Mapping[int, str], row: Row[Any]) -> list[str]:
    """Names of the facets of a mention, in the order of its bodies."""
    names: list[str] = orjson.loads(words[row.names_id])
    return names


def role_of(name: str, is_writer: int) -> int:
    """What ranks before time: a reader often names only some of a schema's columns."""
    return 1 if name == "schema" and is_writer else 0


def assets_in(template: Template) -> Iterator[Named]:
    """Every asset that events of a template name, in the order of its spots."""
    if template.job is not None:
        yield (JOB, *template.job)
    for place in template.places():
        yield (DATASET, place.namespace, place.name)


def words_in(template: Template) -> tuple[str, ...]:
    """Every word that its spots need."""
    return tuple(word for _, path, names, _ in template.alike(_unnamed) for word in (path, names))


def numbered(
    template: Template, assets: Mapping[Named, int], words: Mapping[str, int]
) -> tuple[Numbered, ...]:
    """The spots of a template with their numbers."""
    spots = zip(assets_in(template), template.alike(_unnamed), strict=True)
    return tuple(
        Numbered((assets[asset], is_writer, words[names]), words[path], holes)
        for asset, (is_writer, path, names, holes) in spots
    )


def newest_said(
    new: Sequence[Stored], plans: Mapping[bytes, tuple[Numbered, ...]]
) -> dict[Key, list[Said]]:
    """What a batch says last of every asset that it names."""
    found: dict[Key, list[Said]] = {}
    for stored in new:
        event = stored.event
        at, rank = event.time, TYPE_RANK[event.type]
        year = at // YEAR
        for spot in plans[event.template.hash]:
            key = (*spot.key, year)
            known = found.get(key)
            if known is None:
                found[key] = [(at, rank, at, stored, spot)]
            elif (at, rank) > known[0][:2]:
                found[key] = [(at, rank, min(at, known[0][2]), stored, spot)]
            else:
                if (at, rank) == known[0][:2]:
                    known.append((at, rank, at, stored, spot))
                if at < known[0][2]:
                    known[0] = (*known[0][:2], at, *known[0][3:])
    return found


def _mention(said: Said, numbers: Mapping[bytes, int], before: int | None = None) -> Mention:
    """What was said, and when the same was said first if that was ``before``."""
    at, rank, first_at, stored, spot = said
    if before is not None and before < first_at:
        first_at = before
    values = stored.event.values
    bodies = [numbers[values[hole].hash] for hole in spot.holes]  # type: ignore[union-attr]  # these holes hold facets
    return Mention(first_at, at, rank, stored.seq, spot.path_id, tuple(bodies))


def _unnamed(template: Template) -> tuple[Unnamed, ...]:
    return tuple(_find_unnamed(template))


def _find_unnamed(template: Template) -> Iterator[Unnamed]:
    if template.job is not None:
        yield _spot(1, "job", template.job_facets)
    for place in template.places():
        is_read = place.path.startswith("inputs")
        yield _spot(0 if is_read else 1, place.path, place.facets)


def _spot(is_writer: int, path: str, facets: Mapping[str, int]) -> Unnamed:
    names = sorted(facets)
    holes = tuple(facets[name] for name in names)
    return is_writer, f"{path}.facets", orjson.dumps(names).decode(), holes


def _later(connection: Connection, contents: Contents, one: Mention, two: Mention) -> Mention:
    """The later of two mentions; at one instant, facet by facet, the one with the greater hash."""
    first_at = min(one.first_at, two.first_at)
    if one[1:3] != two[1:3]:
        newest = two if two[1:3] > one[1:3] else one
        return newest if newest.first_at == first_at else newest._replace(first_at=first_at)
    # What is evidence must not depend on which came first either.
    ids = event_ids(connection, {one.seq, two.seq, *_events(one), *_events(two)})
    newest = max(one, two, key=lambda m: ids[m.seq])
    numbers = {whole(body, m)[0] for m in (one, two) for body in m.bodies}
    hashes = {number: facet.hash for number, facet in contents.facets(connection, numbers).items()}
    bodies: list[Body] = []
    for a, b in zip(one.bodies, two.bodies, strict=True):
        won = max((whole(a, one), whole(b, two)), key=lambda w: (hashes[w[0]], ids[w[1]]))
        bodies.append(won[0] if won[1] == newest.seq else won)
    return newest._replace(first_at=first_at, bodies=tuple(bodies))


def whole(body: Body, mention: Mention) -> tuple[int, int, int]:
    """The number of a facet's body, of its event, and of its path."""
    return body if isinstance(body, tuple) else (body, mention.seq, mention.path_id)


def _events(mention: Mention) -> Iterator[int]:
    return (body[1] for body in mention.bodies if isinstance(body, tuple))
