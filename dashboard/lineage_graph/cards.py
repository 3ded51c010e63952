"""How each card of a lineage graph reads: from an asset to plain data."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from catalog.model import AssetKey, Kind
from dashboard import words
from lineage.estate import Dataset, Estate, Field, Job

CARD_WIDTH = 236
CARD_HEIGHT = 46.0
COLUMN_HEIGHT = 22.0
COLUMNS_MOST = 30
"""Columns that an opened card shows at first, and by how many more each time."""

Plain = dict[str, object]


@dataclass(frozen=True, slots=True)
class Mark:
    """What is wrong with an asset."""

    findings: int
    severity: str
    """The worst among them."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns that a card shows."""

    shown: tuple[Field, ...] = ()
    more: int = 0
    """How many it has beyond."""
    lit: frozenset[str] = frozenset()
    """Those on the path that the viewer traces."""


def find(estate: Estate, key: AssetKey) -> Dataset | Job | None:
    """The asset with this key."""
    return estate.datasets.get(key) or estate.jobs.get(key)


def node_id(key: AssetKey) -> str:
    """An asset's name in the picture: its identity as text, which no rebuild renumbers."""
    return json.dumps([key.kind, key.namespace, key.name], ensure_ascii=False)


def key_of(node: str) -> AssetKey:
    """The asset that a node of the picture stands for."""
    kind, namespace, name = json.loads(node)
    return AssetKey(Kind(kind), namespace, name)


def columns_of(asset: Dataset | Job, pages: int, lit: Collection[str] = ()) -> Columns:
    """What an asset's card shows of its columns: the first ones, and those on a traced path.

    Args:
        asset: A job has none.
        pages: How many times ``COLUMNS_MOST`` are wanted; 0: only those on the path.
        lit: Columns on the path, known to the schema or not.
    """
    fields = asset.fields if isinstance(asset, Dataset) else ()
    told = frozenset(sorted(lit)[:COLUMNS_MOST])
    wanted = {f.name for f in fields[: pages * COLUMNS_MOST]} | told
    known = {f.name for f in fields}
    shown = [f for f in fields if f.name in wanted]
    # Producers name columns that no schema has: they are shown all the same.
    strangers = [Field(name, None) for name in sorted(told - known)]
    more = len(fields) - len(shown) if pages else len(lit) - len(told)
    return Columns((*shown, *strangers), more, told)


def columns_in(card: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """The columns that a card lists."""
    columns = card["columns"]
    return columns if isinstance(columns, list) else ()


def card(asset: Dataset | Job, mark: Mark | None, columns: Columns | None = None) -> Plain:
    """The card of an asset."""
    if isinstance(asset, Dataset):
        kind, zone = asset.kind or "dataset", str(asset.zone.value) if asset.zone else ""
        what = zone or asset.platform
    else:
        kind, zone = "job", ""
        what = (asset.integration or "job").lower()
    owner = asset.team or "no owner"
    findings = mark.findings if mark else 0
    shown = columns or Columns()
    return {
        "id": node_id(asset.key),
        "w": CARD_WIDTH,
        "label": asset.display_name,
        "full": f"{asset.key.namespace} {asset.key.name}",
        "note": f"{owner} · {what}",
        "kind": kind,
        "zone": zone,
        "columns": [
            {"name": f.name, "type": f.type or "", "lit": f.name in shown.lit} for f in shown.shown
        ],
        "more_columns": shown.more,
        "findings": findings,
        "severity": mark.severity if mark else "",
        "aria": f"{asset.display_name}, {kind}, {owner}, {words.count(findings, 'open finding')}",
    }


def group_card(name: str, label: str, note: str, *, kind: str = "group") -> Plain:
    """The card of assets that are drawn as one."""
    return {
        "id": name,
        "w": CARD_WIDTH,
        "label": label,
        "full": f"{label}: {note}",
        "note": note,
        "kind": kind,
        "zone": "",
        "columns": [],
        "more_columns": 0,
        "findings": 0,
        "severity": "",
        "aria": f"{label}, {note}",
        "root": False,
        "more_up": 0,
        "more_down": 0,
    }


def height(card: Mapping[str, object]) -> float:
    """How tall a card is, in pixels."""
    return CARD_HEIGHT + COLUMN_HEIGHT * (len(columns_in(card)) + bool(card["more_columns"]))
