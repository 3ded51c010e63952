"""What was built on a version: each dataset, since when, and until which run cured it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import streamlit as st

from dashboard import parts, words
from lineage.estate import Estate
from lineage.provenance.model import Affected, Aftermath, Spell

LISTED = 100


def show(found: Aftermath, estate: Estate, now: datetime) -> None:
    """The datasets, nearest first."""
    below = [one for one in found.datasets if one.distance]
    standing = sum(one.is_current for one in below)
    reports = sum(one.kind == "report" for one in below)
    if not below:
        st.success("Nothing is known to have been built on it.", icon=":material/check_circle:")
        return
    st.markdown(
        f"**{words.count(len(below), 'dataset')}** built on it, "
        f"{words.count(reports, 'report')} among them; "
        f"**{standing:,}** hold its data to this day."
    )
    note = "Since when each held its data, and until which run replaced that"
    with parts.card("provenance_on", "Built on it", note):
        for one in below[:LISTED]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                parts.key_link(one.dataset, estate)
                st.markdown(f"{_standing(one)} :gray[:small[{_distance(one.distance)}]]",
                            width="content")  # fmt: skip
            st.markdown("  \n".join(_spells(one.spells, estate, now)))
        if len(below) > LISTED:
            st.caption(f"and {words.count(len(below) - LISTED, 'more dataset')}; the JSON has all.")
    if found.truncated:
        st.caption("There is more: only the nearest are told here.")


def _standing(one: Affected) -> str:
    if one.is_current:
        return ":orange-badge[:material/warning: holds it now]"
    if all(spell.is_cured for spell in one.spells):
        return ":green-badge[:material/check: rebuilt]"
    return ":gray-badge[replaced]"


def _distance(distance: int) -> str:
    return f"{distance} step{'' if distance == 1 else 's'} on"


def _spells(spells: Sequence[Spell], estate: Estate, now: datetime) -> Iterator[str]:
    for spell in spells[-3:]:
        perhaps = "" if spell.is_certain else "perhaps "
        until = "to this day"
        if spell.until is not None and spell.ended_by is not None:
            by = words.plain(parts.asset_of(estate, spell.ended_by.job))
            how = "rebuilt it" if spell.is_cured else "replaced it, which may not have cured it"
            until = f"until {words.clock(spell.until, now)}, when {by} {how}"
        yield f":gray[:small[{perhaps}since {words.clock(spell.since, now)}, {until}]]"
    if len(spells) > 3:
        yield f":gray[:small[and {words.count(len(spells) - 3, 'spell')} before]]"
