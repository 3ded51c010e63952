"""The Streamlit component that draws a lineage graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import streamlit as st

from dashboard.lineage_graph.picture import Picture

LOWEST_PX, HIGHEST_PX = 300, 620
NEAREST = 0.75
"""Below this zoom names are hard to read."""


class Asked(Protocol):
    """What the viewer asked of the graph in this run; each ``None`` unless it just happened."""

    expand: dict[str, str] | None
    """Node id and direction whose neighbours are wanted."""
    columns: str | None
    """Node whose columns are to be shown or hidden."""
    more: str | None
    """Node of which more columns are wanted."""
    open: str | None
    """Node whose page is wanted."""
    pick: dict[str, str | list[str] | None] | None
    """``what`` was chosen: a node, an edge as source and target, or nothing."""
    field: dict[str, str] | None
    """Node id and name of the column that is to be traced."""


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


_draw = st.components.v2.component(
    "andon_lineage",
    html=_asset("graph.html"),
    css=_asset("graph.css"),
    js=_asset("graph.js"),
)


def _ignore() -> None:
    """What is asked is read from the result, or of no interest."""


def lineage_graph(
    picture: Picture,
    *,
    focus: str,
    key: str,
    on_expand: Callable[[], None],
    on_columns: Callable[[], None],
    on_more: Callable[[], None],
    on_pick: Callable[[], None] | None = None,
    on_field: Callable[[], None] | None = None,
    picked: str | list[str] | None = None,
    is_traced: bool = False,
    lowest_px: int = LOWEST_PX,
    nearest: float = NEAREST,
) -> Asked:
    """Draw a picture; the callbacks run before the next run and find the ask under ``key``.

    Args:
        picture: What to draw.
        focus: Id of the node in the middle.
        key: Where session state keeps what the viewer asked for.
        on_expand: A rim was clicked.
        on_columns: A card's columns were toggled.
        on_more: More of a card's columns are wanted.
        on_pick: A card or an arrow was chosen; ``None``: choosing stays in the browser.
        on_field: A column is to be traced.
        picked: What is chosen.
        is_traced: Whether a column's path is highlighted, and the rest dimmed.
        lowest_px: How tall the drawing is at least.
        nearest: The smallest zoom at which everything is shown at first; where that is not enough,
            the node in the middle is.
    """
    height = round(min(HIGHEST_PX, max(lowest_px, picture.height + 130)))
    asked = _draw(
        key=key,
        data={
            "nodes": picture.nodes,
            "edges": picture.edges,
            "columns": picture.columns,
            "focus": focus,
            "height": height,
            "picks": on_pick is not None,
            "picked": picked,
            "traced": is_traced,
            "nearest": nearest,
        },
        height=height,
        on_expand_change=on_expand,
        on_columns_change=on_columns,
        on_more_change=on_more,
        on_open_change=_ignore,
        on_pick_change=on_pick or _ignore,
        on_field_change=on_field or _ignore,
    )
    return cast(Asked, asked)
