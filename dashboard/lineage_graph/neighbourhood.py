"""Which assets a lineage graph shows, and how each card reads: from the estate to plain data."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from catalog.model import AssetKey, Kind
from dashboard import words
from dashboard.lineage_graph.layout import layered
from lineage.estate import Dataset, Estate, Job

CARD_WIDTH = 236
CARD_HEIGHT = 46.0
COLUMN_HEIGHT = 22.0
NODES_MOST = 150
COLUMNS_MOST = 30

Plain = dict[str, object]


@dataclass(frozen=True, slots=True)
class Mark:
    """What is wrong with an asset."""

    findings: int
    severity: str
    """The worst among them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the component draws."""

    nodes: tuple[Plain, ...]
    edges: tuple[Plain, ...]
    height: float
    hidden: int
    """Neighbours that were asked for beyond the most that can be drawn."""


def find(estate: Estate, key: AssetKey) -> Dataset | Job | None:
    """The asset with this key."""
    return estate.datasets.get(key) or estate.jobs.get(key)


def beside(estate: Estate, key: AssetKey, *, up: bool) -> tuple[AssetKey, ...]:
    """Assets one hop away: datasets of a dataset or a job; sorted, without what is noise."""
    if key.kind is Kind.JOB:
        touching = (
            d.key for d in estate.datasets.values() if key in (d.readers if up else d.writers)
        )
        return tuple(sorted(k for k in touching if not estate.datasets[k].noise))
    dataset = estate.datasets.get(key)
    if dataset is None:
        return ()
    found = dataset.upstream if up else dataset.downstream
    return tuple(sorted(k for k in found if k in estate.datasets and not estate.datasets[k].noise))


def node_id(key: AssetKey) -> str:
    """An asset's name in the picture: its identity as text, which no rebuild renumbers."""
    return json.dumps([key.kind, key.namespace, key.name], ensure_ascii=False)


def key_of(node: str) -> AssetKey:
    """The asset that a node of the picture stands for."""
    kind, namespace, name = json.loads(node)
    return AssetKey(Kind(kind), namespace, name)


def picture(
    estate: Estate,
    focus: AssetKey,
    *,
    expanded: Collection[tuple[str, str]] = (),
    opened: Collection[str] = (),
    marks: Mapping[AssetKey, Mark] | None = None,
    broken: Collection[tuple[AssetKey, AssetKey]] = (),
) -> Picture:
    """One hop each way around an asset, and what the viewer asked for beyond.

    Args:
        estate: Everything known.
        focus: The asset in the middle.
        expanded: Nodes whose neighbours are wanted too, each with ``up`` or ``down``, in the
            order in which they were asked for.
        opened: Nodes whose columns are shown.
        marks: Assets with open findings.
        broken: Job and dataset of writes that break a policy; those jobs are drawn too.
    """
    marks = marks or {}
    wanted = [focus, *beside(estate, focus, up=True), *beside(estate, focus, up=False)]
    names = {node_id(k): k for k in wanted if find(estate, k)}
    for name, direction in expanded:
        if name in names:
            more = beside(estate, names[name], up=direction == "up")
            wanted += more
            names |= {node_id(k): k for k in more if find(estate, k)}
    known = {k: a for k in wanted if (a := find(estate, k))}
    shown = dict(list(known.items())[:NODES_MOST])
    hidden = len(known) - len(shown)
    culprits = sorted({(job, to) for job, to in broken if to in shown and job in estate.jobs})
    shown |= {job: estate.jobs[job] for job, _ in culprits}
    links = _links(estate, shown, culprits)
    cards: dict[AssetKey, Plain] = {}
    for key, asset in shown.items():
        up, down = (beside(estate, key, up=up) for up in (True, False))
        cards[key] = {
            **_card(asset, marks.get(key), has_columns=node_id(asset.key) in opened),
            "root": key == focus,
            "more_up": sum(k not in shown for k in up),
            "more_down": sum(k not in shown for k in down),
        }
    ids = {key: str(card["id"]) for key, card in cards.items()}
    layout = layered(
        {ids[key]: _height(card) for key, card in cards.items()},
        [(ids[a], ids[b]) for a, b in links],
    )
    for card in cards.values():
        card["x"], card["y"] = layout.nodes[str(card["id"])]
        card["h"] = _height(card)
    edges: list[Plain] = [
        {
            "source": ids[a],
            "target": ids[b],
            "bends": layout.bends.get((ids[a], ids[b]), ()),
            "broken": (a, b) in culprits,
        }
        for a, b in links
    ]
    return Picture(tuple(cards.values()), tuple(edges), layout.height, hidden)


def _links(
    estate: Estate,
    shown: Collection[AssetKey],
    culprits: Collection[tuple[AssetKey, AssetKey]],
) -> list[tuple[AssetKey, AssetKey]]:
    links: list[tuple[AssetKey, AssetKey]] = []
    for key in shown:
        links += ((a, key) for a in beside(estate, key, up=True) if a in shown)
        if key.kind is Kind.JOB:
            links += ((key, b) for b in beside(estate, key, up=False) if b in shown)
    # What a drawn job alone explains is drawn through it, and not a second time beside it.
    explained = {
        (source, target)
        for job in shown
        if job.kind is Kind.JOB
        for target in beside(estate, job, up=False)
        if estate.datasets[target].writers == (job,)
        for source in beside(estate, job, up=True)
    }
    links = [link for link in links if link not in explained]
    return list(dict.fromkeys([*links, *culprits]))


def _card(asset: Dataset | Job, mark: Mark | None, *, has_columns: bool) -> Plain:
    if isinstance(asset, Dataset):
        kind, zone = asset.kind or "dataset", str(asset.zone.value) if asset.zone else ""
        fields, what = asset.fields, zone or asset.platform
    else:
        kind, zone, fields = "job", "", ()
        what = (asset.integration or "job").lower()
    columns: list[Plain] = []
    if has_columns:
        columns = [{"name": f.name, "type": f.type} for f in fields[:COLUMNS_MOST]]
        if len(fields) > COLUMNS_MOST:
            columns.append({"name": f"and {len(fields) - COLUMNS_MOST} more", "type": ""})
    owner = asset.team or "no owner"
    findings = mark.findings if mark else 0
    return {
        "id": node_id(asset.key),
        "w": CARD_WIDTH,
        "label": asset.display_name,
        "full": f"{asset.key.namespace} {asset.key.name}",
        "note": f"{owner} · {what}",
        "kind": kind,
        "zone": zone,
        "columns": columns,
        "findings": findings,
        "severity": mark.severity if mark else "",
        "aria": f"{asset.display_name}, {kind}, {owner}, {words.count(findings, 'open finding')}",
    }


def _height(card: Plain) -> float:
    columns = card["columns"]
    return CARD_HEIGHT + COLUMN_HEIGHT * len(columns) if isinstance(columns, list) else CARD_HEIGHT
