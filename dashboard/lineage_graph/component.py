"""The Streamlit component that draws a lineage graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import streamlit as st

from dashboard.lineage_graph.neighbourhood import Picture

LOWEST_PX, HIGHEST_PX = 300, 620


class Asked(Protocol):
    """What the viewer asked of the graph in this run; each ``None`` unless it just happened."""

    expand: dict[str, str] | None
    """Node id and direction whose neighbours are wanted."""
    columns: str | None
    """Node whose columns are to be shown or hidden."""
    open: str | None
    """Node whose page is wanted."""


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


_draw = st.components.v2.component(
    "andon_lineage",
    html=_asset("graph.html"),
    css=_asset("graph.css"),
    js=_asset("graph.js"),
)


def lineage_graph(
    picture: Picture,
    *,
    focus: str,
    key: str,
    on_expand: Callable[[], None],
    on_columns: Callable[[], None],
) -> Asked:
    """Draw a picture; the callbacks run before the next run and find the ask under ``key``.

    Args:
        picture: What to draw.
        focus: Id of the node in the middle.
        key: Where session state keeps what the viewer asked for.
        on_expand: A rim was clicked.
        on_columns: A card's columns were toggled.
    """
    height = round(min(HIGHEST_PX, max(LOWEST_PX, picture.height + 130)))
    asked = _draw(
        key=key,
        data={
            "nodes": picture.nodes,
            "edges": picture.edges,
            "focus": focus,
            "height": height,
        },
        height=height,
        on_expand_change=on_expand,
        on_columns_change=on_columns,
        on_open_change=lambda: None,
    )
    return cast(Asked, asked)
