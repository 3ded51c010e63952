"""Datasets and jobs in the tables, each name by itself, with what was last said of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, select

from catalog.moments import moment
from lineage import observed as o
from lineage.assets import ASSET, words_by_id
from lineage.contents import Contents
from lineage.log import event_ids
from lineage.mentions import (
    Mention,
    believed,
    facet_names,
    first_named,
    mention_of,
    role_of,
    whole,
)

USED_FACETS = frozenset(
    {
        "dataQualityMetrics", "datasetType", "dbt_exposures", "dbt_node", "documentation",
        "jobType", "lineage", "ownership", "schema", "sourceCodeLocation", "tags",
    }
)  # fmt: skip
"""Facets that the estate is built from; all others are read only where one asset is looked at."""


class _Undecoded(Mapping[str, Any]):
    """The body of a schema: decoded it takes ten times as much memory, and it is read only once."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __getitem__(self, key: str) -> Any:
        # Most facets are asked for what only few have.
        if f'"{key}":'.encode() not in self._body:
            raise KeyError(key)
        return self._decoded()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    def _decoded(self) -> dict[str, Any]:
        decoded: dict[str, Any] = orjson.loads(self._body)
        return decoded


def read_assets(connection: Connection, until: int) -> dict[int, tuple[int, o.Asset]]:
    """Every dataset and job under its own name, with its kind and with the facets that win.

    What is dated after an instant wins only where nothing else was ever said.
    """
    words = words_by_id(connection)
    mentions: dict[int, list[tuple[Mention, int, list[str]]]] = defaultdict(list)
    for row in connection.execute(believed(until)):
        names = facet_names(words, row)
        mentions[row.asset_id].append((mention_of(row), row.is_writer, names))
    numbers = {
        whole(body, mention)[0]: name
        for said in mentions.values()
        for mention, _, names in said
        for name, body in zip(names, mention.bodies, strict=True)
        if name in USED_FACETS
    }
    facets = Contents().facets(connection, numbers)
    decoded: dict[int, Mapping[str, Any]] = {
        number: _Undecoded(facet.body) if numbers[number] == "schema" else facet.value
        for number, facet in facets.items()
    }
    seqs = {mention.seq for said in mentions.values() for mention, _, _ in said}
    seqs |= {
        body[1]
        for said in mentions.values()
        for mention, _, _ in said
        for body in mention.bodies
        if isinstance(body, tuple)
    }
    ids = event_ids(connection, seqs)
    first = first_named(connection)
    found = {}
    for row in connection.execute(select(ASSET)):
        said = mentions.get(row.id, [])
        said = [one for one in said if one[0].at <= until] or said
        won: dict[str, o.Facet] = {}
        for mention, is_writer, names in said:
            for name, body in zip(names, mention.bodies, strict=True):
                if name not in USED_FACETS:
                    continue
                number, seq, path = whole(body, mention)
                order = (role_of(name, is_writer), mention.at, mention.rank, facets[number].hash)
                facet = o.Facet(decoded[number], ids[seq], f"{words[path]}.{name}", order)
                if name not in won or facet.newness > won[name].newness:
                    won[name] = facet
        newest = max((m for m, _, _ in said), key=lambda m: (m.at, ids[m.seq]), default=None)
        found[row.id] = (
            row.kind,
            o.Asset(
                row.id,
                row.namespace,
                row.name,
                newest is not None,
                moment(first[row.id] if newest else 0),
                moment(newest.at if newest else 0),
                ids[newest.seq] if newest else "",
                won,
            ),
        )
    return found
