"""Lineage: what stands around an asset, or the whole estate in groups, now and at any time."""

from __future__ import annotations

import streamlit as st

from catalog.model import AssetKey
from dashboard import frame, load, parts, words
from dashboard.explorer import around_view, asked, estate_view, head, instant
from dashboard.explorer.instant import Sight
from dashboard.explorer.moves import put_in_the_middle
from dashboard.lineage_graph.cards import find
from lineage.graph.asking import nearest


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision = frame.revision()
    estate = load.estate(revision)
    st.title("Lineage", anchor=False)
    if not estate.datasets and not estate.jobs:
        parts.context("What data comes from where, and what stands on it")
        frame.nothing_yet("lineage")
        return
    named = asked.focus_in(st.query_params)
    top = st.container(horizontal=True, vertical_alignment="center", key="lineage_top")
    finder = top.container(width=340)
    sight = instant.look(instant.control(top), revision)
    if sight is None:
        return
    head.search(finder, sight.now, put_in_the_middle)
    instant.line(sight)
    focus = sight.now.estate.identities.key(named) if named else None
    if named is None or focus is None:
        estate_view.show(sight)
    elif _is_known(sight, focus):
        around_view.show(sight, named)
    else:
        _unknown(sight, focus)
    frame.banner(estate)


def _is_known(sight: Sight, focus: AssetKey) -> bool:
    estates = [known.estate for known in (sight.now, sight.before) if known]
    return any(find(estate, focus) is not None for estate in estates)


def _unknown(sight: Sight, focus: AssetKey) -> None:
    """What the address names is not there then; perhaps it is meant otherwise."""
    name = f"{words.code(focus.namespace)} {words.code(focus.name)}"
    st.warning(f"No {focus.kind} {name} was known as of {instant.said(sight.now.as_of)}.")
    near = nearest(sight.now.estate, focus)
    if near:
        st.caption("Names like it:")
        for number, key in enumerate(near):
            st.button(
                words.plain(words.short(parts.asset_of(sight.now.estate, key))),
                key=f"lineage_near_{number}",
                help=f"{words.code(key.namespace)} {words.code(key.name)}",
                on_click=put_in_the_middle,
                args=(key,),
            )


if __name__ == "__main__":
    page()
