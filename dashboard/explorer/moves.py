"""Where a click leads within the explorer: the address says it, so that a link shows the same."""

from __future__ import annotations

import streamlit as st

from catalog.model import AssetKey
from dashboard import frame
from dashboard.explorer import asked


def leave() -> None:
    """Look at the whole estate; time and filters stay."""
    for part in (*asked.PARTS, "namespace", "name", "kind"):
        st.query_params.pop(part, None)


def put_in_the_middle(key: AssetKey) -> None:
    """Look around an asset; time, reach and filters stay."""
    leave()
    st.query_params.update(frame.looked_at(key))
    st.session_state["lineage_find"] = ""


def follow(named: AssetKey | None) -> None:
    """Draw the whole page again if a click within a part of it led to another asset."""
    if asked.focus_in(st.query_params) != named:
        st.rerun()
