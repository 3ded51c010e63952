"""The lineage graph on a page: what the viewer opened, kept between runs, and where clicks lead."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from catalog.model import AssetKey
from dashboard import frame, words
from dashboard.lineage_graph.cards import Mark, key_of, node_id
from dashboard.lineage_graph.component import lineage_graph
from dashboard.lineage_graph.neighbourhood import picture
from lineage.estate import Dataset, Estate, Job
from policies.model import Finding, WriteSubject


def by_id(estate: Estate, number: str) -> Dataset | Job | None:
    """The asset with this surrogate id, under any of its names."""
    assets: tuple[Dataset | Job, ...] = (*estate.datasets.values(), *estate.jobs.values())
    return next((a for a in assets if number in map(str, (a.id, *a.ids))), None)


def marks(live: Sequence[Finding]) -> dict[AssetKey, Mark]:
    """How many open findings each asset has, and the worst severity."""
    found: dict[AssetKey, list[Finding]] = {}
    for finding in live:
        if finding.subject.asset is not None:
            found.setdefault(finding.subject.asset, []).append(finding)
    return {key: Mark(len(of), max(f.severity for f in of).word) for key, of in found.items()}


@st.fragment
def graph(asset: Dataset | Job, estate: Estate, live: Sequence[Finding]) -> None:
    """Draw an asset's neighbours; rims and columns that the viewer opens stay open."""
    focus = node_id(asset.key)
    # Ids and not objects: a reload would make our objects strangers to their own classes.
    expanded: list[tuple[str, str]] = st.session_state.setdefault(f"around_expanded_{focus}", [])
    opened: list[str] = st.session_state.setdefault(f"around_opened_{focus}", [])
    key = f"around_{focus}"

    def expand() -> None:
        asked = st.session_state[key].expand
        expanded.append((asked["id"], asked["dir"]))

    def columns() -> None:
        node = st.session_state[key].columns
        if node in opened:
            opened[:] = [other for other in opened if other != node]
        else:
            opened.append(node)

    def more() -> None:
        opened.append(st.session_state[key].more)

    writes = (f.subject for f in live if isinstance(f.subject, WriteSubject))
    drawn = picture(
        estate,
        asset.key,
        expanded=expanded,
        opened=opened,
        marks=marks(live),
        broken=[(w.job, w.dataset) for w in writes],
    )
    st.page_link(
        frame.LINEAGE,
        label="Open in lineage",
        icon=":material/account_tree:",
        query_params=frame.looked_at(asset.key),
        help="Farther around it, at any time, with columns and filters.",
    )
    asked = lineage_graph(
        drawn, focus=focus, key=key, on_expand=expand, on_columns=columns, on_more=more
    )
    if drawn.hidden:
        st.caption(f"{words.count(drawn.hidden, 'more asset')} would not fit.")
    if asked.open:
        chosen = key_of(asked.open)
        st.switch_page(frame.page_of(chosen), query_params=frame.asked(chosen))
