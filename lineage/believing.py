"""How far to believe what events say of others: by whose keys came with it, and with the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from catalog.database import chunks
from catalog.lookups import rows_where
from lineage import observed as o
from lineage.assets import ASSET
from lineage.keyring import keys_in
from lineage.keys import Above, Key, Parentage, is_spoken_for, parentage, speaking
from lineage.log import EVENT, OUT_OF_SCOPE, event_ids
from lineage.projection import SYMLINK
from lineage.runs import RUN
from lineage.spelling import Spelling
from lineage.vouching import BY_KEY, COUNTS, ONE, OTHER, OWN, PARENT, ROOT

Pair = frozenset[int]
"""Two datasets that are said to be one."""
Link = tuple[bytes, int]
"""A run that is named as parent or root: its id, and its job."""

CLOCKS_US = 300_000_000
"""How far the clocks of two producers may be apart, and a last word may be late, microseconds."""

_NEVER = (inf, -inf)
_PARENT, _ROOT = ASSET.alias("parent"), ASSET.alias("root")
_LINKS: Select[Any] = (
    select(
        RUN.c.id, RUN.c.started_at, RUN.c.vouched, RUN.c.parent_run, RUN.c.root_run,
        RUN.c.parent_job_id, RUN.c.root_job_id, _PARENT.c.namespace.label("parent"),
        _ROOT.c.namespace.label("root"),
    )
    .outerjoin(_PARENT, _PARENT.c.id == RUN.c.parent_job_id)
    .outerjoin(_ROOT, _ROOT.c.id == RUN.c.root_job_id)
)  # fmt: skip


class Spoken:
    """Which namespaces the keys speak for that are good at an instant, microseconds UTC."""

    def __init__(self, keys: Iterable[Key], at: int) -> None:
        self._living = speaking(keys, at)
        self._known: dict[str, bool] = {}

    def __contains__(self, namespace: str) -> bool:
        known = self._known.get(namespace)
        if known is None:
            known = self._known[namespace] = is_spoken_for(self._living, namespace)
        return known


def above_runs(connection: Connection, runs: Iterable[int], at: int) -> dict[int, Above]:
    """How far to believe what runs name above themselves, by their rows; nothing without keys.

    A parent's own run that came by a key of its namespace, and that went on when the other began,
    proves that there was one which may have started it. Who knows its id then can still name it.

    Args:
        connection: Of the store.
        runs: Rows of runs.
        at: The instant whose good keys count, microseconds UTC.
    """
    keys = keys_in(connection)
    if not keys:
        return {}
    spoken = Spoken(keys.values(), at)
    rows = [
        row
        for part in chunks(set(runs))
        for row in connection.execute(_LINKS.where(RUN.c.id.in_(part)))
    ]
    keyed = _keyed(connection, {link for row in rows for link in _links(row) if link})
    return {row.id: _above(row, spoken, keyed) for row in rows}


def _links(row: Row[Any]) -> tuple[Link | None, Link | None]:
    """The runs that one names as its parent and root, where it names both a run and its job."""
    parent, root = row.parent_run, row.root_run or row.parent_run
    return (
        (parent, row.parent_job_id) if parent and row.parent_job_id is not None else None,
        (root, row.root_job_id) if root and row.root_job_id is not None else None,
    )


def _keyed(connection: Connection, links: set[Link]) -> dict[Link, tuple[float, float]]:
    """When those of some runs went on of which an event came by a key that covers it."""
    columns = ("run_id", "job_id", "vouched", "has_start", "started_at", "terminals", "at")
    rows = rows_where(connection, RUN, columns, "run_id", {run_id for run_id, _ in links})
    return {
        (run_id, job_id): (
            started_at - CLOCKS_US if has_start else -inf,
            at + CLOCKS_US if terminals else inf,
        )
        for run_id, job_id, vouched, has_start, started_at, terminals, at in rows
        if vouched & OWN and (run_id, job_id) in links
    }


def _above(row: Row[Any], spoken: Spoken, keyed: Mapping[Link, tuple[float, float]]) -> Above:
    def believed(bit: int, link: Link | None, namespace: str | None) -> Parentage:
        since, until = keyed.get(link, _NEVER) if link else _NEVER
        return parentage(
            is_vouched=bool(row.vouched & bit) or since <= row.started_at <= until,
            is_by_key=bool(row.vouched & BY_KEY),
            is_spoken_for=namespace is not None and namespace in spoken,
        )

    parent, root = _links(row)
    said = believed(PARENT, parent, row.parent)
    # What is above a mere claim is one too.
    is_claim = said is Parentage.CLAIMED
    return Above(said, said if is_claim else believed(ROOT, root, row.root))


def keys_of_events(connection: Connection, event_ids: Iterable[str]) -> dict[str, int]:
    """The keys that cover the events that came with them, by the event's id."""
    found = {}
    for part in chunks({bytes.fromhex(event_id) for event_id in event_ids}):
        query = select(EVENT.c.event_id, EVENT.c.key_id).where(
            EVENT.c.event_id.in_(part),
            EVENT.c.key_id.is_not(None),
            EVENT.c.flags.bitwise_and(OUT_OF_SCOPE) == 0,
        )
        found.update({row.event_id.hex(): row.key_id for row in connection.execute(query)})
    return found


# Symlinks ---------------------------------------------------------------------------------------


def read_symlinks(
    connection: Connection,
    datasets: Mapping[int, o.Asset],
    keys: Mapping[int, Key],
    at: int,
    spelling: Spelling,
) -> tuple[o.Symlink, ...]:
    """Every statement that two names are one, and whether it is only a claim.

    Two names are one if events say so whose keys cover each of the two that any good key speaks
    for. An event outside the scope of its key says nothing of it.

    Args:
        connection: Of the store.
        datasets: By id.
        keys: Every key that was ever made.
        at: The instant whose good keys count, microseconds UTC.
        spelling: Under which namespace each is declared.
    """
    rows = connection.execute(select(SYMLINK)).all()
    spoken = Spoken(keys.values(), at)
    vouched = _vouched(rows)

    def is_open(dataset_id: int) -> bool:
        asset = datasets[dataset_id]
        declared, _ = spelling.of((asset.namespace, asset.name))
        return asset.namespace not in spoken and declared not in spoken

    def is_claim(one: int, other: int) -> bool:
        ends = vouched[frozenset((one, other))]
        if not ends:
            return True
        return not all(i in ends or is_open(i) for i in (one, other))

    ids = event_ids(connection, (row.seq for row in rows))
    return tuple(
        o.Symlink(
            r.asset_id, r.other_id, r.type, ids[r.seq], is_claim=is_claim(r.asset_id, r.other_id)
        )
        for r in rows
    )


def _vouched(rows: Sequence[Row[Any]]) -> dict[Pair, frozenset[int]]:
    """Of each two names those that keys stand for which came with it; none: it does not count."""
    found: dict[Pair, frozenset[int]] = {}
    for row in rows:
        pair = frozenset((row.asset_id, row.other_id))
        found[pair] = found.get(pair, frozenset()) | frozenset(_ends(row))
    return found


def _ends(row: Row[Any]) -> Iterator[int]:
    for bit, end in ((COUNTS, 0), (ONE, row.asset_id), (OTHER, row.other_id)):
        if row.vouched & bit:
            yield end
