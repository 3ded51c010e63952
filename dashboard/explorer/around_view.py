"""The picture around one asset, the card beside it and the list below."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import streamlit as st

from catalog.model import AssetKey
from dashboard import around, frame, load, parts, words
from dashboard import opened as events
from dashboard.explorer import asked, head, instant, listing, sides, table
from dashboard.explorer.answer import Answer, Filters, answer, kept, ties, together
from dashboard.explorer.asked import Opened, code, code_of
from dashboard.explorer.columns import column_ties
from dashboard.explorer.draw import Drawn, Scene, draw, look_of, split
from dashboard.explorer.head import Reach
from dashboard.explorer.instant import Sight
from dashboard.explorer.moves import follow, leave, put_in_the_middle
from dashboard.explorer.traced import trace
from dashboard.instants import Known
from dashboard.lineage_graph.cards import find, key_of, node_id
from dashboard.lineage_graph.component import Asked, lineage_graph
from lineage.estate import Dataset
from lineage.graph.questions import NODES_MOST, Question
from policies.model import WriteSubject

PICTURE = "lineage_picture"
LOWEST_PX = 420
GROUP_TOLD = 12
KEPT_ANSWERS = 8
"""A click seldom asks another question: what is chosen and traced is in the same answer."""


@dataclass(frozen=True, slots=True)
class Looked:
    """All that one look at an asset needs."""

    sight: Sight
    named: AssetKey
    """The asset in the middle as the address names it."""
    focus: AssetKey
    """The key that stands for it."""
    reach: Reach
    filters: Filters


def show(sight: Sight, named: AssetKey) -> None:
    """Controls, and below them what they ask for."""
    known = sight.now
    focus = known.estate.identities.key(named)
    with st.container(horizontal=True, vertical_alignment="center", key="lineage_head"):
        st.button(
            "Whole estate",
            icon=":material/arrow_back:",
            key="lineage_estate",
            type="tertiary",
            on_click=leave,
        )
        reach = head.reach()
        filters = head.filters(known)
        _open_page(known, focus)
    _picture(Looked(sight, named, focus, reach, filters))


def _open_page(known: Known, focus: AssetKey) -> None:
    st.page_link(
        frame.page_of(focus),
        label=f"Open {words.plain(words.short(parts.asset_of(known.estate, focus), 40))}",
        icon=":material/open_in_new:",
        query_params=frame.asked(focus),
    )


@st.fragment
def _picture(looked: Looked) -> None:
    """What a click redraws: the picture, the card beside it and the list."""
    follow(looked.named)
    known, before = looked.sight.now, looked.sight.before
    opened = asked.read(st.query_params)
    found = _answer(known, looked, opened)
    if before is not None:
        found = together(found, _answer(before, looked, opened))
    wanted = kept(found, known.estate, looked.filters, looked.focus)
    scene, drawn = _drawn(looked, opened, found, wanted)
    st.caption(_context(looked, found, wanted, drawn))
    left, right = st.columns([3.1, 1], gap="small")
    with left:
        _graph(looked, scene, drawn)
    with right, st.container(border=True, key="lineage_side"):
        _side(looked, scene, drawn)
    if before is not None:
        _changes(looked.sight, set(wanted))
    name = f"lineage-{words.short(looked.focus.name, 40)}"
    rest = len(wanted) - len(drawn.cards)
    table.assets(found, listing.in_order(found, wanted), known, name, grouped=rest)
    events.drawer("lineage")


def _answer(known: Known, looked: Looked, opened: Opened) -> Answer:
    return _answered(known, known.name, looked.reach.question(looked.focus), opened.expanded)


@st.cache_resource(show_spinner=False, max_entries=KEPT_ANSWERS)
def _answered(
    _known: Known, name: str, question: Question, expanded: tuple[tuple[str, bool], ...]
) -> Answer:
    del name  # it is what the result is kept by
    hidden = _known.hidden_jobs if question.through_jobs else frozenset()
    return answer(_known.graph, question, expanded, hidden)


def _drawn(
    looked: Looked, opened: Opened, found: Answer, wanted: tuple[AssetKey, ...]
) -> tuple[Scene, Drawn]:
    known, before = looked.sight.now, looked.sight.before
    # Findings are those of today: they are marked on no picture of the past.
    live = () if known.is_past else load.live_findings(frame.revision())
    writes = (f.subject for f in live if isinstance(f.subject, WriteSubject))
    scene = Scene(
        known.estate,
        known.graph,
        found,
        wanted,
        opened,
        marks=around.marks(live),
        broken={(w.job, w.dataset) for w in writes},
        before=before.graph if before else None,
        earlier=before.estate if before else None,
    )
    if opened.columns or opened.field or len(opened.picked) > 1:
        shown = [key for key in split(scene)[0] if key in known.graph]
        columns = column_ties(known, shown)
        start = _column(opened, shown)
        scene = replace(scene, columns=columns, traced=trace(columns, start) if start else None)
    return scene, draw(scene)


def _column(opened: Opened, shown: Iterable[AssetKey]) -> tuple[AssetKey, str] | None:
    """The column that is traced, if its card is there."""
    if opened.field is None:
        return None
    card, name = opened.field
    return next(((key, name) for key in shown if code_of(key) == card), None)


def _context(looked: Looked, found: Answer, wanted: Collection[AssetKey], drawn: Drawn) -> str:
    name = words.plain(words.short(parts.asset_of(looked.sight.now.estate, looked.focus)))
    pieces = [f"Around **{name}**", words.count(len(wanted), "asset")]
    rest = len(wanted) - len(drawn.cards)
    if rest:
        pieces.append(f"{len(drawn.cards)} drawn, {rest:,} in groups")
    left_out = len(found.standings) - len(wanted)
    if left_out:
        pieces.append(f"only {head.told(looked.filters)}: {left_out:,} left out")
    if found.truncated:
        pieces.append(f"cut off at {NODES_MOST:,} assets")
    return " · ".join(pieces)


def _graph(looked: Looked, scene: Scene, drawn: Drawn) -> None:
    nodes = {code(str(card["id"])): str(card["id"]) for card in drawn.picture.nodes}
    picked = [nodes[card] for card in scene.opened.picked if card in nodes]

    def write(change: Callable[[Opened, Asked], Opened]) -> Callable[[], None]:
        def changed() -> None:
            told = change(asked.read(st.query_params), st.session_state[PICTURE])
            for part in asked.PARTS:
                st.query_params.pop(part, None)
            st.query_params.update(asked.written(told))

        return changed

    wanted = lineage_graph(
        drawn.picture,
        focus=node_id(looked.focus),
        key=PICTURE,
        on_expand=write(_expand),
        on_columns=write(lambda was, ask: was.toggle(code(ask.columns or ""))),
        on_more=write(lambda was, ask: was.more(code(ask.more or ""))),
        on_pick=write(_pick),
        on_field=write(_trace),
        picked=picked if len(picked) > 1 else picked[0] if picked else None,
        is_traced=scene.traced is not None,
        lowest_px=LOWEST_PX,
    )
    if wanted.open:
        chosen = key_of(wanted.open)
        st.switch_page(frame.page_of(chosen), query_params=frame.asked(chosen))


def _expand(was: Opened, ask: Asked) -> Opened:
    told = ask.expand or {}
    return was.expand(code(told.get("id", "")), up=told.get("dir") == "up")


def _pick(was: Opened, ask: Asked) -> Opened:
    what = (ask.pick or {}).get("what")
    return was.pick(*map(code, [what] if isinstance(what, str) else what or ()))


def _trace(was: Opened, ask: Asked) -> Opened:
    told = ask.field or {}
    return was.trace(code(told.get("id", "")), told.get("name", ""))


def _side(looked: Looked, scene: Scene, drawn: Drawn) -> None:
    """What is known of the card or the arrow that is chosen, else of the asset in the middle."""
    known, now = looked.sight.now, load.now()
    codes = {code_of(key): key for key in drawn.cards}
    groups = {code(name): keys for name, keys in drawn.grouped.items()}
    picked = scene.opened.picked
    ends = [codes[card] for card in picked if card in codes]
    if scene.traced is not None:
        sides.path(scene.traced, known, _stop_tracing)
    elif len(ends) == 2:
        _arrow(scene, ends[0], ends[1], known, now)
    elif len(picked) == 1 and picked[0] in groups:
        keys = groups[picked[0]]
        st.markdown(f"**{words.count(len(keys), 'more asset')}**")
        st.caption("The picture holds 150 cards. These are in the list and in the CSV.")
        for key in keys[:GROUP_TOLD]:
            parts.key_link(key, known.estate)
    else:
        key = ends[0] if ends else looked.focus
        row = listing.row(scene.found, key, known.estate)
        sides.asset(row, known, now, put_in_the_middle)
        asset = find(known.estate, key)
        if isinstance(asset, Dataset):
            sides.find_column(asset, partial(_trace_of, key))


def _arrow(scene: Scene, source: AssetKey, target: AssetKey, known: Known, now: datetime) -> None:
    tie = next(
        (t for t in ties(scene.found, scene.wanted) if (t.source, t.target) == (source, target)),
        None,
    )
    if tie is None:
        st.caption("This arrow is not in the picture any more.")
        return
    columns = [t for t in scene.columns if (t.source, t.target) == (source, target)]
    became = {"added": ":green-badge[new since]", "gone": ":red-badge[gone since]"}
    if look_of(scene, tie) in became:
        st.markdown(became[look_of(scene, tie)])
    sides.edge(source=source, target=target, link=tie.link, columns=columns, known=known, now=now)


def _trace_of(key: AssetKey, name: str) -> None:
    told = asked.read(st.query_params)
    card = code_of(key)
    st.query_params.update(asked.written(replace(told, field=(card, name))))


def _stop_tracing() -> None:
    st.query_params.pop("field", None)


def _changes(sight: Sight, wanted: Set[AssetKey]) -> None:
    found = instant.changed(sight)
    here = [c for c in found if wanted & ({c.subject.asset, c.subject.source} - {None})]
    table.changed(here, len(found) - len(here), load.now(), sight.now)
