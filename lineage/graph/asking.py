"""What commands about assets share: how they are named, as of when, and what is said if unknown."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, time
from functools import partial
from typing import TypeVar

import click
from sqlalchemy import Engine

from catalog.cli import Instant, show_steps
from catalog.errors import UserError
from catalog.model import AssetKey, Kind
from catalog.settings import Settings
from lineage.estate import Estate
from lineage.history import Standpoint, present, stand
from lineage.reducers import read_reducers

R = TypeVar("R")

NEAR = 3
"""How many names are suggested, at most."""
COMPARED = 300
"""How many names are held letter by letter against one that is not known."""

AS_OF = click.option("--as-of", type=Instant(), help="As of then, late events included.")
KNOWN_AT = click.option("--known-at", type=Instant(), help="Only what had been received by then.")
KIND = click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    default=Kind.DATASET.value,
    show_default=True,
    help="What the name names.",
)


def asset_arguments(command: Callable[..., R]) -> Callable[..., R]:
    """Gives a command the arguments ``namespace`` and ``name`` and the option ``--kind``."""
    for given in (KIND, click.argument("name"), click.argument("namespace")):
        command = given(command)
    return command


def look(engine: Engine, as_of: datetime | None, known_at: datetime | None = None) -> Standpoint:
    """What is known as of an instant. Today's last instant is now.

    Raises:
        UserError: It is yet to come, or events that tell of it were removed.
    """
    now = present(engine)
    reducers = read_reducers(Settings().name_reducers)
    past, known = _past("--as-of", as_of, now), _past("--known-at", known_at, now)
    return stand(engine, past, known, reducers, partial(show_steps, label="Reading the past"))


def until_now(option: str, at: datetime, now: datetime) -> datetime:
    """An instant that was given, unless it is yet to come; of today's last one, now."""
    if at <= now:
        return at
    if at == datetime.combine(now.date(), time.max, now.tzinfo):
        return now
    raise UserError(
        f"{option} {at:%Y-%m-%dT%H:%M:%SZ} is yet to come; expected {now:%Y-%m-%dT%H:%M:%SZ} or "
        "earlier."
    )


def _past(option: str, at: datetime | None, now: datetime) -> datetime | None:
    return None if at is None else until_now(option, at, now)


def find_asset(seen: Standpoint, key: AssetKey) -> AssetKey:
    """The key that stands for an asset, whichever of its names is given.

    Raises:
        UserError: It is not known; the nearest names are suggested.
    """
    found = known_as(seen.estate, key)
    if found is not None:
        return found
    raise UserError(
        f'{key.kind} "{key.name}" in namespace "{key.namespace}" is not known as of '
        f"{seen.as_of:%Y-%m-%dT%H:%M:%SZ}. {_remedy(seen.estate, key)}"
    )


def _remedy(estate: Estate, key: AssetKey) -> str:
    """What could have been meant."""
    other = Kind.JOB if key.kind is Kind.DATASET else Kind.DATASET
    if known_as(estate, AssetKey(other, key.namespace, key.name)) is not None:
        return f"There is a {other} of that name: add --kind {other}."
    near = nearest(estate, key)
    if near:
        return "Nearest: " + "; ".join(f'"{k.namespace}" "{k.name}"' for k in near) + "."
    if _assets(estate, key.kind):
        return f"No {key.kind} has a name like it; expected NAMESPACE NAME of one that is known."
    return f"No {key.kind} is known then."


def known_as(estate: Estate, key: AssetKey) -> AssetKey | None:
    """The key that stands for an asset, whichever of its names is given; ``None``: unknown."""
    found = estate.identities.key(key)
    return found if found in _assets(estate, key.kind) else None


def nearest(estate: Estate, key: AssetKey) -> tuple[AssetKey, ...]:
    """Known assets of that kind whose names are like one that is not known, the likest first."""
    wanted = (_parts(key.namespace), _parts(key.name))

    def likeness(known: AssetKey) -> tuple[bool, int, bool]:
        shared = _parts(known.name) & wanted[1]
        return (known.name == key.name, len(shared), known.namespace == key.namespace)

    # Cheaply first: comparing letter by letter takes a second for a hundred thousand names.
    pool = heapq.nlargest(COMPARED, sorted(_assets(estate, key.kind)), key=likeness)
    ratio = difflib.SequenceMatcher(b=f"{key.namespace} {key.name}")

    def closeness(known: AssetKey) -> float:
        ratio.set_seq1(f"{known.namespace} {known.name}")
        return ratio.ratio()

    close = sorted(((closeness(known), known) for known in pool), key=lambda c: (-c[0], c[1]))
    return tuple(known for near, known in close if near >= 0.6)[:NEAR]


def _assets(estate: Estate, kind: Kind) -> Collection[AssetKey]:
    assets: Mapping[AssetKey, object] = estate.datasets if kind is Kind.DATASET else estate.jobs
    return assets.keys()


def _parts(name: str) -> frozenset[str]:
    """Three letters each."""
    small = name.lower()
    return frozenset(small[i : i + 3] for i in range(max(1, len(small) - 2)))
