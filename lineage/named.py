"""Datasets and jobs in the tables, each name by itself, with what was last said of it."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, select

from catalog.moments import moment
from lineage import observed as o
from lineage.assets import ASSET, words_by_id
from lineage.contents import Contents
from lineage.log import event_ids
from lineage.mentions import MENTION, Mention, facet_names, mention_of, role_of, whole

USED_FACETS = frozenset(
    {
        "dataQualityMetrics", "datasetType", "dbt_exposures", "dbt_node", "documentation",
        "jobType", "lineage", "ownership", "schema", "sourceCodeLocation", "tags",
    }
)  # fmt: skip
"""Facets that the estate is built from; all others are read only where one asset is looked at."""


def read_assets(connection: Connection) -> dict[int, tuple[int, o.Asset]]:
    """Every dataset and job under its own name, with its kind and with the facets that win."""
    words = words_by_id(connection)
    mentions: dict[int, list[tuple[Mention, int, list[str]]]] = defaultdict(list)
    for row in connection.execute(select(MENTION)):
        names = facet_names(words, row)
        mentions[row.asset_id].append((mention_of(row), row.is_writer, names))
    numbers = {
        whole(body, mention)[0]
        for said in mentions.values()
        for mention, _, names in said
        for name, body in zip(names, mention.bodies, strict=True)
        if name in USED_FACETS
    }
    facets = Contents().facets(connection, numbers)
    decoded = {number: facet.value for number, facet in facets.items()}
    seqs = {mention.seq for said in mentions.values() for mention, _, _ in said}
    seqs |= {
        body[1]
        for said in mentions.values()
        for mention, _, _ in said
        for body in mention.bodies
        if isinstance(body, tuple)
    }
    ids = event_ids(connection, seqs)
    found = {}
    for row in connection.execute(select(ASSET)):
        said = mentions.get(row.id, [])
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
                moment(min((m.first_at for m, _, _ in said), default=0)),
                moment(newest.at if newest else 0),
                ids[newest.seq] if newest else "",
                won,
            ),
        )
    return found
