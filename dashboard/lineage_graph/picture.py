"""Cards and edges, laid out: what the component draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.lineage_graph.cards import Plain, height
from dashboard.lineage_graph.layout import layered

NODES_MOST = 150


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between two cards, by their ids."""

    source: str
    target: str
    look: str = ""
    """``faded``, ``added``, ``gone`` or ``declared``; empty: current and observed."""
    label: str = ""
    """What is written on it."""
    is_broken: bool = False
    """Whether it breaks a policy."""
    through: int = 0
    """How many assets that are filtered out it passes."""
    width: float = 0.0
    """0: as thin as any."""


@dataclass(frozen=True, slots=True)
class ColumnEdge:
    """An arrow between columns of two cards."""

    source: str
    source_field: str
    target: str
    target_field: str
    """Empty: all of the target depends on it, so it ends at the card's head."""
    is_indirect: bool = False
    is_masked: bool = False
    is_lit: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """What the component draws."""

    nodes: tuple[Plain, ...]
    edges: tuple[Plain, ...]
    height: float
    hidden: int = 0
    """Neighbours that were asked for beyond the most that can be drawn."""
    columns: tuple[Plain, ...] = ()
    """Arrows between columns."""


def compose(
    cards: Sequence[Plain],
    edges: Sequence[Edge],
    columns: Sequence[ColumnEdge] = (),
    *,
    hidden: int = 0,
) -> Picture:
    """Lay cards out, with every arrow between two of them; others are left out."""
    heights = {str(card["id"]): height(card) for card in cards}
    layout = layered(heights, [(edge.source, edge.target) for edge in edges])
    nodes = []
    for card in cards:
        name = str(card["id"])
        x, y = layout.nodes[name]
        nodes.append({**card, "x": x, "y": y, "h": heights[name]})
    drawn: list[Plain] = [
        {
            "source": edge.source,
            "target": edge.target,
            "bends": layout.bends.get((edge.source, edge.target), ()),
            "look": edge.look,
            "label": edge.label,
            "broken": edge.is_broken,
            "through": edge.through,
            "width": edge.width,
        }
        for edge in edges
        if edge.source in heights and edge.target in heights
    ]
    arrows: list[Plain] = [
        {
            "source": edge.source,
            "source_field": edge.source_field,
            "target": edge.target,
            "target_field": edge.target_field,
            "indirect": edge.is_indirect,
            "masked": edge.is_masked,
            "lit": edge.is_lit,
        }
        for edge in columns
        if edge.source in heights and edge.target in heights
    ]
    return Picture(tuple(nodes), tuple(drawn), layout.height, hidden, tuple(arrows))
