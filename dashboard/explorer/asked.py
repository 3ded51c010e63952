"""What the viewer asks of the explorer, and how an address says it: every picture has a link."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from catalog.model import AssetKey, Kind
from dashboard.lineage_graph.cards import node_id

T = TypeVar("T")

UPWARDS, DOWNWARDS = "u", "d"
OPENED_MOST = 200
"""Expansions and opened cards that an address may name: it has to stay an address."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the viewer opened in a picture; cards are named by their codes."""

    expanded: tuple[tuple[str, bool], ...] = ()
    """Cards whose neighbours are wanted, and whether those above; in the order of asking."""
    columns: tuple[str, ...] = ()
    """Cards that show columns; named several times, so many times more of them."""
    field: tuple[str, str] | None = None
    """Card and name of the column that is traced."""
    picked: tuple[str, ...] = ()
    """A card, or an arrow as source and target; empty: nothing is chosen."""

    def expand(self, card: str, *, up: bool) -> Opened:
        """The same, with neighbours of one more card."""
        return replace(self, expanded=_last((*self.expanded, (card, up))))

    def toggle(self, card: str) -> Opened:
        """The same, with the columns of a card shown, or hidden if they were."""
        if card in self.columns:
            kept = tuple(c for c in self.columns if c != card)
            gone = self.field is not None and self.field[0] == card
            return replace(self, columns=kept, field=None if gone else self.field)
        return self.more(card)

    def more(self, card: str) -> Opened:
        """The same, with more columns of a card."""
        return replace(self, columns=_last((*self.columns, card)))

    def trace(self, card: str, name: str) -> Opened:
        """The same, with a column traced, or not if it was."""
        asked = (card, name)
        return replace(self, field=None if self.field == asked else asked)

    def pick(self, *cards: str) -> Opened:
        """The same, with a card or an arrow chosen."""
        return replace(self, picked=cards)


def code(node: str) -> str:
    """A short name of a card, the same in every process and after every rebuild."""
    return hashlib.blake2b(node.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


def code_of(key: AssetKey) -> str:
    """The short name of an asset's card."""
    return code(node_id(key))


def read(params: Mapping[str, str]) -> Opened:
    """What an address says was opened; what cannot be read is left out."""
    expanded = [
        (one[1:], one[0] == UPWARDS)
        for one in _pieces(params.get("expanded", ""))
        if one[0] in (UPWARDS, DOWNWARDS)
    ]
    card, dot, name = params.get("field", "").partition(".")
    return Opened(
        _last(expanded),
        _last(_pieces(params.get("columns", ""))),
        (card, name) if card and dot and name else None,
        tuple(_pieces(params.get("picked", "")))[:2],
    )


def written(opened: Opened) -> dict[str, str]:
    """The same as parts of an address; what is empty is not mentioned."""
    told = {
        "expanded": ".".join(
            f"{UPWARDS if up else DOWNWARDS}{card}" for card, up in opened.expanded
        ),
        "columns": ".".join(opened.columns),
        "field": ".".join(opened.field or ()),
        "picked": ".".join(opened.picked),
    }
    return {name: value for name, value in told.items() if value}


PARTS = ("expanded", "columns", "field", "picked")
"""Of an address, what ``written`` may mention."""


def focus_in(params: Mapping[str, str]) -> AssetKey | None:
    """The asset that an address names."""
    if not params.get("namespace") or not params.get("name"):
        return None
    kind = Kind.JOB if params.get("kind") == Kind.JOB else Kind.DATASET
    return AssetKey(kind, params["namespace"], params["name"])


def instant(picked: datetime | None) -> datetime | None:
    """What the viewer picked, which is without a zone, as UTC."""
    return None if picked is None else picked.replace(tzinfo=UTC)


def _pieces(text: str) -> list[str]:
    return [piece for piece in text.split(".") if piece]


def _last(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(items)[-OPENED_MOST:]
