"""The whole estate in groups: how many datasets each has, and what goes between them."""

from __future__ import annotations

import streamlit as st

from dashboard import load, parts, words
from dashboard.explorer import asked, head, instant, table
from dashboard.explorer.answer import Filters
from dashboard.explorer.asked import Opened, code
from dashboard.explorer.groups import (
    ARROWS_MOST,
    By,
    Group,
    Groups,
    card_id,
    datasets_of,
    grouped,
    picture,
)
from dashboard.explorer.instant import Sight
from dashboard.explorer.moves import follow, put_in_the_middle
from dashboard.instants import Known
from dashboard.lineage_graph.component import lineage_graph
from dashboard.lineage_graph.picture import Picture

PICTURE = "lineage_groups"
LOWEST_PX = 420
NEAREST = 0.5
"""Groups are few and have short names."""
MEMBERS_TOLD = 10


def show(sight: Sight) -> None:
    """Controls, and below them what they ask for."""
    with st.container(horizontal=True, vertical_alignment="center", key="lineage_head"):
        chosen = head.by()
        filters = head.filters(sight.now)
    _picture(sight, chosen, filters)


@st.fragment
def _picture(sight: Sight, chosen: By, filters: Filters) -> None:
    """What a click redraws: the picture, the card beside it and the list."""
    follow(None)
    known = sight.now
    found, drawn = _grouped(known, f"{known.name} {chosen} {filters}", chosen, filters)
    opened = asked.read(st.query_params)
    nodes = {code(str(card["id"])): str(card["id"]) for card in drawn.nodes}
    picked = [nodes[card] for card in opened.picked if card in nodes]
    st.caption(_context(found, drawn, filters))
    left, right = st.columns([3.1, 1], gap="small")

    def pick() -> None:
        what = (st.session_state[PICTURE].pick or {}).get("what")
        cards = [what] if isinstance(what, str) else what or ()
        st.query_params.pop("picked", None)
        st.query_params.update(asked.written(Opened(picked=tuple(map(code, cards)))))

    with left:
        lineage_graph(
            drawn,
            focus=picked[0] if picked else "",
            key=PICTURE,
            on_expand=_nothing,
            on_columns=_nothing,
            on_more=_nothing,
            on_pick=pick,
            picked=picked if len(picked) > 1 else picked[0] if picked else None,
            lowest_px=LOWEST_PX,
            nearest=NEAREST,
        )
    with right, st.container(border=True, key="lineage_side"):
        _side(found, picked, known)
    if sight.before is not None:
        table.changed(instant.changed(sight), 0, load.now(), known)
    if len(picked) == 1:
        name = f"lineage-{chosen}-{words.short(picked[0], 40)}"
        table.members(datasets_of(found, picked), known, name)


def _nothing() -> None:
    """A group has no columns and nothing to expand."""


@st.cache_resource(show_spinner="Grouping the estate …", max_entries=6)
def _grouped(_known: Known, name: str, chosen: By, _filters: Filters) -> tuple[Groups, Picture]:
    del name  # it is what the result is kept by
    found = grouped(_known.estate, _known.graph, chosen, _filters)
    return found, picture(found)


def _context(found: Groups, drawn: Picture, filters: Filters) -> str:
    told = head.told(filters)
    shown = sum(len(group.members) for group in found.groups)
    edges = sum(found.between.values())
    pieces = [
        f"The whole estate by {found.by}",
        f"{words.count(shown, 'dataset')} in {words.count(len(found.groups), 'group')}",
        f"{words.count(edges, 'edge')} between them",
    ]
    if len(drawn.edges) == ARROWS_MOST:
        pieces.append(f"the {ARROWS_MOST} strongest arrows drawn")
    return " · ".join([*pieces, *([f"only {told}"] if told else [])])


def _side(found: Groups, picked: list[str], known: Known) -> None:
    groups = {card_id(group.id): group for group in found.groups}
    if len(picked) == 2 and all(card in groups for card in picked):
        source, target = (groups[card] for card in picked)
        many = found.between.get((source.id, target.id), 0)
        st.markdown(f"**{words.plain(source.label)}** → **{words.plain(target.label)}**")
        st.markdown(f"{words.count(many, 'current edge')} between datasets of the two.")
        return
    group = groups.get(picked[0]) if picked else None
    if group is None:
        st.markdown("**The estate**")
        st.caption("Choose a group to see its datasets, or find an asset to look around it.")
        for other in found.groups[:MEMBERS_TOLD]:
            failing = f" :red[{other.failing:,} failing]" if other.failing else ""
            label = words.plain(words.short(other.label, 40))
            st.markdown(f"{label} :gray[:small[{len(other.members):,}]]{failing}")
        return
    _group(group, known)


def _group(group: Group, known: Known) -> None:
    st.markdown(f"**{words.plain(words.short(group.label))}**")
    if group.full != group.label:
        st.markdown(f":gray[:small[{words.code(group.full)}]]")
    told = [
        f":gray[Datasets] {len(group.members):,}",
        f":gray[Failing] {group.failing:,}",
        f":gray[Edges inside] {group.inside:,}",
        f":gray[Edges from others] {group.into:,}",
        f":gray[Edges to others] {group.out:,}",
    ]
    st.markdown("  \n".join(told))
    st.caption("Its datasets are listed below. Look around one of them:")
    for number, key in enumerate(group.members[:MEMBERS_TOLD]):
        st.button(
            words.plain(words.short(parts.asset_of(known.estate, key), 40)),
            key=f"lineage_member_{number}",
            type="tertiary",
            icon=":material/center_focus_strong:",
            help=f"{words.code(key.namespace)} {words.code(key.name)}",
            on_click=put_in_the_middle,
            args=(key,),
        )
