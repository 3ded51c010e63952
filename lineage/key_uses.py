"""What came with each producer key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from catalog.model import AssetKey, Claim, Environment
from catalog.moments import moment
from lineage.estate import Estate
from lineage.keys import Key, is_elsewhere
from lineage.log import EVENT, OUT_OF_SCOPE, REJECTION


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The use of one key, counted."""

    events: int = 0
    out_of_scope: int = 0
    """How many of them were kept although the key does not cover them."""
    last_at: datetime | None = None
    """When the newest of them was received."""
    refused: int = 0
    """Bodies that were refused, for whatever reason."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A dataset that a key's events write, and that lives elsewhere than the key is for."""

    dataset: AssetKey
    environment: Claim[Environment]


def strays(estate: Estate, keys: Iterable[Key]) -> Mapping[int, tuple[Stray, ...]]:
    """What came with keys of another environment within 30 days, by the key's id.

    Where a dataset lives is declared or guessed and may change, so this is told when it is read and
    nothing was refused for it.
    """
    by_id = {key.id: key for key in keys}
    found: defaultdict[int, dict[AssetKey, Stray]] = defaultdict(dict)
    for write in estate.writes:
        claim = estate.datasets[write.dataset].environment
        for key_id in write.keys & by_id.keys() if claim else ():
            if claim and is_elsewhere(by_id[key_id], claim.value):
                found[key_id][write.dataset] = Stray(write.dataset, claim)
    return {key_id: tuple(told[key] for key in sorted(told)) for key_id, told in found.items()}


def key_uses(engine: Engine) -> Mapping[int, KeyUse]:
    """Uses by the key's id; a key that brought nothing is left out."""
    is_outside = EVENT.c.flags.bitwise_and(OUT_OF_SCOPE) > 0
    brought = (
        select(
            EVENT.c.key_id,
            func.count().label("events"),
            func.count().filter(is_outside).label("outside"),
            func.max(EVENT.c.received_at).label("at"),
        )
        .where(EVENT.c.key_id.is_not(None))
        .group_by(EVENT.c.key_id)
    )
    turned_away = (
        select(REJECTION.c.key_id, func.count().label("refused"))
        .where(REJECTION.c.key_id.is_not(None))
        .group_by(REJECTION.c.key_id)
    )
    with engine.connect() as connection:
        refused = {row.key_id: row.refused for row in connection.execute(turned_away)}
        used = {
            row.key_id: KeyUse(row.events, row.outside, moment(row.at), refused.pop(row.key_id, 0))
            for row in connection.execute(brought)
        }
    return used | {key: KeyUse(refused=number) for key, number in refused.items()}
