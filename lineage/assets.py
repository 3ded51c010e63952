"""Assets and their facets in the tables: one identity per name, one winner per facet."""

from __future__ import annotations

from collections.abc import Iterable

import zstandard
from sqlalchemy import Connection, and_, bindparam, case, or_, select, update

from catalog.database import next_id, table_of, upsert
from lineage.fold import FacetClaim, Won
from lineage.tables import AssetRow, BlobRow, FacetRow

DATASET, JOB = 1, 2

ASSET = table_of(AssetRow)
FACET = table_of(FacetRow)
BLOB = table_of(BlobRow)

_TOUCH = (
    update(ASSET)
    .where(ASSET.c.id == bindparam("asset"))
    .values(
        first_seen=case(
            (and_(ASSET.c.seen, ASSET.c.first_seen <= bindparam("first")), ASSET.c.first_seen),
            else_=bindparam("first"),
        ),
        last_seen=case(
            (and_(ASSET.c.seen, ASSET.c.last_seen >= bindparam("last")), ASSET.c.last_seen),
            else_=bindparam("last"),
        ),
        event_id=case(
            (
                and_(
                    ASSET.c.seen,
                    or_(
                        ASSET.c.last_seen > bindparam("last"),
                        and_(
                            ASSET.c.last_seen == bindparam("last"),
                            ASSET.c.event_id >= bindparam("event"),
                        ),
                    ),
                ),
                ASSET.c.event_id,
            ),
            else_=bindparam("event"),
        ),
        seen=True,
    )
)


class Assets:
    """Identities of assets, remembered between batches; ids are never reused within an epoch."""

    def __init__(self) -> None:
        self._ids: dict[tuple[int, str, str], int] = {}

    def batch(self, connection: Connection) -> AssetBatch:
        """Begin a batch within a transaction."""
        return AssetBatch(connection, self._ids)

    def forget(self) -> None:
        """Drop what is remembered: a transaction was rolled back, or the tables were made anew."""
        self._ids.clear()


class AssetBatch:
    """What one batch of events says about assets, written at its end."""

    def __init__(self, connection: Connection, ids: dict[tuple[int, str, str], int]) -> None:
        self._connection = connection
        self._ids = ids
        self._next: int | None = None
        self._new: list[dict[str, object]] = []
        self._touched: dict[int, tuple[int, int, bytes]] = {}
        self._claims: dict[tuple[int, str], tuple[FacetClaim, bytes]] = {}

    def resolve(self, kind: int, namespace: str, name: str, at: int, event_id: bytes) -> int:
        """The id of an asset, made if it was never named before."""
        key = (kind, namespace, name)
        known = self._ids.get(key)
        if known is not None:
            return known
        found = self._connection.execute(
            select(ASSET.c.id).where(
                ASSET.c.kind == kind, ASSET.c.namespace == namespace, ASSET.c.name == name
            )
        ).scalar()
        if found is None:
            if self._next is None:
                self._next = next_id(self._connection, ASSET)
            found, self._next = self._next, self._next + 1
            self._new.append(
                {
                    "id": found,
                    "kind": kind,
                    "namespace": namespace,
                    "name": name,
                    "seen": False,
                    "first_seen": at,
                    "last_seen": at,
                    "event_id": event_id,
                }
            )
        self._ids[key] = found
        return found

    def touch(self, asset_id: int, at: int, event_id: bytes) -> None:
        """An event named this asset as its job, input, output or dataset."""
        known = self._touched.get(asset_id)
        if known is None:
            self._touched[asset_id] = (at, at, event_id)
        else:
            last, newest = max((known[1], known[2]), (at, event_id))
            self._touched[asset_id] = (min(known[0], at), last, newest)

    def claim(self, asset_id: int, claims: Iterable[FacetClaim], event_id: bytes) -> None:
        """Facets of this asset, each a candidate to win its name."""
        for claim in claims:
            key = (asset_id, claim.name)
            known = self._claims.get(key)
            if known is None or _place(claim, event_id) > _place(*known):
                self._claims[key] = (claim, event_id)

    def write(self) -> None:
        """Insert new assets, bring touched ones up to date, and let the greatest facets win."""
        if self._new:
            self._connection.execute(ASSET.insert(), self._new)
        if self._touched:
            self._connection.execute(
                _TOUCH,
                [
                    {"asset": asset, "first": first, "last": last, "event": event}
                    for asset, (first, last, event) in self._touched.items()
                ],
            )
        self._write_facets()

    def _write_facets(self) -> None:
        assets = {asset_id for asset_id, _ in self._claims}
        if not assets:
            return
        known = {
            (row.asset_id, row.name): (
                Won(row.at, row.rank, row.hash).order,
                row.event_id,
                row.path,
            )
            for row in self._connection.execute(select(FACET).where(FACET.c.asset_id.in_(assets)))
        }
        rows, bodies = [], {}
        for (asset_id, name), (claim, event_id) in self._claims.items():
            before = known.get((asset_id, name))
            if before is not None and before >= _place(claim, event_id):
                continue
            won = claim.won
            if before is None or before[0] != won.order:
                bodies[won.hash] = claim.body
            rows.append(
                {
                    "asset_id": asset_id,
                    "name": name,
                    "rank": won.rank,
                    "at": won.at,
                    "hash": won.hash,
                    "event_id": event_id,
                    "path": claim.path,
                }
            )
        upsert(
            self._connection,
            BLOB,
            ["hash"],
            [{"hash": h, "body": compress(b)} for h, b in bodies.items()],
        )
        upsert(self._connection, FACET, ["asset_id", "name"], rows)


def _place(claim: FacetClaim, event_id: bytes) -> tuple[tuple[int, int, int, bytes], bytes, str]:
    """What decides: events that say the same at one instant give one evidence, in any order."""
    return claim.won.order, event_id, claim.path


def compress(body: bytes) -> bytes:
    """Bytes of a facet or event as they are stored."""
    return zstandard.compress(body, 3)


def expand(body: bytes) -> bytes:
    """The stored bytes of a facet or event, uncompressed."""
    return zstandard.decompress(body)
