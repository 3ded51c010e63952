"""The list beside the picture: the same assets, line by line, and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

import streamlit as st

from catalog.model import AssetKey, Kind
from dashboard import frame, words
from dashboard.explorer import listing, sides
from dashboard.explorer.listing import Row
from dashboard.instants import Known
from dashboard.lineage_graph.cards import find
from lineage.graph.changes import Change, ChangeKind, EdgeState, Thing

LISTED = 25
CHANGES = {
    ChangeKind.ADDED: ":green[:material/add_circle: new]",
    ChangeKind.REMOVED: ":red[:material/remove_circle: gone]",
    ChangeKind.CHANGED: ":orange[:material/change_circle: changed]",
}


def assets(listed: Sequence[Row], known: Known, now: datetime, name: str) -> None:
    """Rows by the page, and all of them to download.

    Args:
        listed: Every row, in order.
        known: What is known of the instant.
        now: For how long ago something was.
        name: Of the file.
    """
    grouped = sum(row.shown_as == "group" for row in listed)
    note = words.count(len(listed), "asset") + ", as in the picture"
    if grouped:
        note += f"; {words.count(grouped, 'of them is', 'of them are')} drawn as a group"
    with st.container(border=True, key="lineage_list"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.markdown(f"**The list**  \n:gray[:small[{note}]]", width="content")
            st.download_button(
                "CSV",
                data=lambda: listing.as_csv(listed).encode("utf-8-sig"),
                file_name=f"{name}.csv",
                mime="text/csv",
                icon=":material/download:",
                key="lineage_csv",
                on_click="ignore",
            )
        pages = max(1, -(-len(listed) // LISTED))
        page = min(int(st.session_state.get("lineage_list_page") or 1), pages)
        head = ["Asset", "Where", "Kind", "Owner", "Team", "Tier", "Last run", "Failing data tests"]
        rows = [_line(row, known, now) for row in listed[(page - 1) * LISTED : page * LISTED]]
        st.markdown(_table(head, rows))
        if pages > 1:
            st.pagination(pages, key="lineage_list_page")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _line(row: Row, known: Known, now: datetime) -> list[str]:
    run = row.last_run
    failing = words.listed(map(words.plain, row.failing), most=2)
    told = [
        sides.where(row),
        words.plain(row.kind),
        words.plain(words.principal(row.owner)) or ":gray[nobody]",
        words.plain(row.team) or ":gray[none]",
        "" if row.tier is None else str(row.tier),
        f"{run.state.value}, {words.clock(run.at, now)}" if run else ":gray[none seen]",
        f":red[{failing}]" if failing else ":gray[none]",
    ]
    return [_name(row, known), *(f":small[{piece}]" if piece else "" for piece in told)]


def _name(row: Row, known: Known) -> str:
    label = words.plain(words.short(row.label, 48))
    if find(known.estate, row.key) is None:
        return label
    page = "job" if row.key.kind is Kind.JOB else "asset"
    return f"[{label}](./{page}?{urlencode(frame.asked(row.key))})"


def changed(found: Sequence[Change], elsewhere: int, now: datetime, known: Known) -> None:
    """What became different, by the page."""
    note = words.count(len(found), "change") + (
        f" here, {elsewhere:,} elsewhere" if elsewhere else ""
    )
    with st.container(border=True, key="lineage_changes"):
        st.markdown(f"**What changed**  \n:gray[:small[{note}]]")
        if not found:
            st.caption("Nothing became different between the two.")
            return
        pages = max(1, -(-len(found) // LISTED))
        page = min(int(st.session_state.get("lineage_changes_page") or 1), pages)
        rows = [_change(one, now, known) for one in found[(page - 1) * LISTED : page * LISTED]]
        st.markdown(_table(["", "What", "Of what", "When"], rows))
        if pages > 1:
            st.pagination(pages, key="lineage_changes_page")


def _change(one: Change, now: datetime, known: Known) -> list[str]:
    subject = one.subject

    def label(key: AssetKey) -> str:
        asset = find(known.estate, key)
        return words.plain(words.short(asset.display_name if asset else key.name, 48))

    of = label(subject.asset)
    if subject.source is not None:
        of = f"{label(subject.source)} → {of}"
    elif subject.detail:
        of = f"{words.plain(words.short(words.principal(subject.detail), 40))} of {of}"
    what = subject.what.value + _values(one)
    return [CHANGES[one.change], what, of, words.clock(one.at, now) if one.at else "in between"]


def _values(one: Change) -> str:
    if one.change is not ChangeKind.CHANGED:
        return ""
    if one.subject.what is Thing.EDGE:
        old, new = one.old, one.new
        if isinstance(old, EdgeState) and isinstance(new, EdgeState):
            if old.jobs != new.jobs:
                return ", by other jobs"
            if old.basis != new.basis:
                return f", {old.basis.value} to {new.basis.value}"
        return ", on other word"
    return (
        f", {words.plain(str(one.old or 'not said'))} to {words.plain(str(one.new or 'not said'))}"
    )
