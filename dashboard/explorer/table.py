"""The list beside the picture: the same assets, line by line, and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from urllib.parse import urlencode

import streamlit as st

from catalog.model import AssetKey
from dashboard import frame, load, look, words
from dashboard.explorer import asked, listing, sides
from dashboard.explorer.answer import Answer
from dashboard.explorer.listing import Row
from dashboard.instants import Known
from dashboard.lineage_graph.cards import find
from lineage.graph.changes import Change, ChangeKind, EdgeState, Thing
from lineage.graph.model import Side, Standing

LISTED = 25
HEAD = ["Asset", "Where", "Kind", "Owner", "Team", "Tier", "Last run", "Failing data tests"]
WHERE = 1
"""Of these, what only an asset in the middle gives a meaning."""
CHANGES = {
    ChangeKind.ADDED: ("new", "good"),
    ChangeKind.REMOVED: ("gone", "bad"),
    ChangeKind.CHANGED: ("changed", "odd"),
}
_LINK = "color:inherit;font-weight:500;text-underline-offset:3px"
_LINE = "border-bottom:1px solid rgba(128,128,128,.22)"
_CELL = f"padding:7px 14px 7px 0;text-align:left;vertical-align:top;{_LINE}"


def assets(
    found: Answer, listed: Sequence[AssetKey], known: Known, name: str, *, grouped: int = 0
) -> None:
    """The assets around one, as in its picture.

    Args:
        found: The answer that they are of.
        listed: Every one, in order.
        known: What is known of the instant.
        name: Of the file.
        grouped: How many of them are drawn as a group.
    """
    note = words.count(len(listed), "asset") + ", as in the picture"
    if grouped:
        note += f"; {words.count(grouped, 'of them is', 'of them are')} drawn as a group"
    _list(found, listed, known, name, note, is_around=True)


def members(keys: Sequence[AssetKey], known: Known, name: str) -> None:
    """The datasets of a group."""
    standings = {key: Standing(key, 0, Side.ROOT) for key in keys}
    found = Answer(standings, {}, truncated=False)
    note = words.count(len(keys), "dataset") + " of the group"
    _list(found, listing.in_order(found, keys), known, name, note, is_around=False)


def _list(
    found: Answer,
    listed: Sequence[AssetKey],
    known: Known,
    name: str,
    note: str,
    *,
    is_around: bool,
) -> None:
    with st.container(border=True, key="lineage_list"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.markdown(f"**The list**  \n:gray[:small[{note}]]", width="content")
            st.download_button(
                "CSV",
                data=lambda: _csv(found, listed, known, is_around=is_around),
                file_name=f"{name}.csv",
                mime="text/csv",
                icon=":material/download:",
                key="lineage_csv",
                on_click="ignore",
            )
        pages = max(1, -(-len(listed) // LISTED))
        page = min(int(st.session_state.get("lineage_list_page") or 1), pages)
        shown = listing.rows(found, listed[(page - 1) * LISTED : page * LISTED], known.estate)
        now = load.now()
        lines = [HEAD, *(_line(row, known, now) for row in shown)]
        if not is_around:
            lines = [[cell for i, cell in enumerate(one) if i != WHERE] for one in lines]
        st.html(_table(lines[0], lines[1:]))
        if pages > 1:
            st.pagination(pages, key="lineage_list_page")


def _csv(found: Answer, listed: Sequence[AssetKey], known: Known, *, is_around: bool) -> bytes:
    rows = listing.rows(found, listed, known.estate)
    return listing.as_csv(rows, is_around=is_around).encode("utf-8-sig")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself where it is too wide; its cells are HTML already."""
    titles = "".join(
        f'<th style="{_CELL};font-weight:600;opacity:.7;white-space:nowrap">{escape(title)}</th>'
        for title in head
    )
    cells = ("".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in cells)
    return (
        '<div style="overflow-x:auto"><table style="width:100%;border-collapse:collapse;'
        f'font-size:13px"><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _line(row: Row, known: Known, now: datetime) -> list[str]:
    run = row.last_run
    ran = f"{run.state.value}, {words.clock(run.at, now)}" if run else ""
    return [
        _name(row, known),
        escape(sides.where(row)),
        escape(row.kind),
        escape(words.principal(row.owner)) or _faint("nobody"),
        escape(row.team) or _faint("none"),
        "" if row.tier is None else str(row.tier),
        escape(ran) or _faint("none seen"),
        _told(words.listed(row.failing, most=2), "bad") if row.failing else _faint("none"),
    ]


def _faint(text: str) -> str:
    return f'<span style="opacity:.6">{escape(text)}</span>'


def _told(text: str, how: str) -> str:
    return f'<span style="color:{look.TOLD[frame.theme()][how]}">{escape(text)}</span>'


def _name(row: Row, known: Known) -> str:
    label, full = escape(words.short(row.label, 48)), escape(f"{row.key.namespace} {row.key.name}")
    if find(known.estate, row.key) is None:
        return f'<span title="{full}">{label}</span>'
    # Time and filters stay; what was opened around another asset does not.
    gone = (*asked.PARTS, "namespace", "name", "kind")
    stays = {what: value for what, value in st.query_params.items() if what not in gone}
    address = f"lineage?{urlencode({**frame.looked_at(row.key), **stays})}"
    return f'<a href="{escape(address)}" target="_self" title="{full}" style="{_LINK}">{label}</a>'


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
        st.html(_table(["", "What", "Of what", "When"], rows))
        if pages > 1:
            st.pagination(pages, key="lineage_changes_page")


def _change(one: Change, now: datetime, known: Known) -> list[str]:
    subject = one.subject

    def label(key: AssetKey) -> str:
        asset = find(known.estate, key)
        return words.short(asset.display_name if asset else key.name, 48)

    of = label(subject.asset)
    if subject.source is not None:
        of = f"{label(subject.source)} → {of}"
    elif subject.detail:
        of = f"{words.short(words.principal(subject.detail), 40)} of {of}"
    what = subject.what.value + _values(one)
    at = words.clock(one.at, now) if one.at else "in between"
    return [_told(*CHANGES[one.change]), escape(what), escape(of), escape(at)]


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
    return f", {one.old or 'not said'} to {one.new or 'not said'}"
