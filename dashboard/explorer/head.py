"""What the viewer chooses above the picture: whom to look at, how far, and what to leave out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from catalog.model import AssetKey, Environment, Zone
from dashboard import parts, words
from dashboard.explorer.answer import Filters
from dashboard.explorer.groups import By
from dashboard.instants import Known
from dashboard.seeking import suggestions
from lineage.estate import Dataset
from lineage.graph.model import Direction
from lineage.graph.questions import DEPTH_MOST, Question

DEPTHS = {"1 hop": 1, "2 hops": 2, "3 hops": 3, "5 hops": 5, "10 hops": 10, "All": DEPTH_MOST}
DIRECTIONS = {
    "Both ways": Direction.BOTH,
    "Upstream": Direction.UP,
    "Downstream": Direction.DOWN,
}
NOBODY = "no owner"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far and through what one looks."""

    direction: Direction
    depth: int
    through_jobs: bool
    with_faded: bool

    def question(self, root: AssetKey) -> Question:
        """The question about an asset."""
        return Question(
            root, self.direction, self.depth, self.through_jobs, with_faded=self.with_faded
        )


def search(place: DeltaGenerator, known: Known, on_focus: Callable[[AssetKey], None]) -> None:
    """A box to find an asset by, and below it what may be meant."""
    text = place.text_input(
        "Find an asset",
        type="search",
        placeholder="Find an asset to look around",
        key="lineage_find",
        live=True,
        label_visibility="collapsed",
    )
    if not (text or "").strip():
        return
    found = suggestions(known.names, text or "")
    if not found:
        st.caption("No asset has that in its name.")
        return
    with st.container(horizontal=True, gap="small", key="lineage_suggestions"):
        for number, asset in enumerate(found):
            note = asset.platform if isinstance(asset, Dataset) else "job"
            st.button(
                words.plain(words.short(asset.display_name, 40)),
                key=f"lineage_suggestion_{number}",
                icon=parts.asset_icon(asset),
                help=f"{note} {words.code(asset.key.namespace)} {words.code(asset.key.name)}",
                on_click=on_focus,
                args=(asset.key,),
            )


def reach() -> Reach:
    """Direction and depth of the picture around an asset."""
    direction = st.segmented_control(
        "Direction",
        list(DIRECTIONS),
        default="Both ways",
        required=True,
        key="lineage_direction",
        bind="query-params",
        label_visibility="collapsed",
    )
    depth = st.selectbox(
        "Depth",
        list(DEPTHS),
        key="lineage_depth",
        bind="query-params",
        width=110,
        label_visibility="collapsed",
    )
    with st.popover("Draw", icon=":material/tune:"):
        jobs = st.toggle(
            "Jobs between datasets", key="lineage_jobs", bind="query-params",
            help="Each arrow then leads through the job that carries the data.",
        )  # fmt: skip
        faded = st.toggle(
            "What is not current any more", key="lineage_faded", bind="query-params",
            help="Edges that once were, with the day on which they were last seen.",
        )  # fmt: skip
    return Reach(
        DIRECTIONS[direction or "Both ways"], DEPTHS[depth or "1 hop"], bool(jobs), bool(faded)
    )


def by() -> By:
    """What the estate is grouped by."""
    chosen = st.segmented_control(
        "Group by",
        list(By),
        default=By.TEAM,
        required=True,
        format_func=lambda b: f"By {b}",
        key="lineage_by",
        bind="query-params",
        label_visibility="collapsed",
    )
    return By(chosen or By.TEAM)


def filters(known: Known) -> Filters:
    """Which assets are wanted."""
    with st.popover("Filter", icon=":material/filter_list:"):
        environment = _one("Environment", [str(e) for e in Environment], "lineage_env")
        zone = _one("Zone", [str(z) for z in Zone], "lineage_zone")
        team = _one("Team", [*known.teams, NOBODY], "lineage_team")
        failing = st.toggle(
            "Only failing",
            key="lineage_failing",
            bind="query-params",
            help="Whose last run or a data test of which ended badly.",
        )
    return Filters(
        Environment(environment) if environment else None,
        Zone(zone) if zone else None,
        ("" if team == NOBODY else team) if team else None,
        bool(failing),
    )


def _one(label: str, options: list[str], key: str) -> str | None:
    return st.selectbox(label, options, index=None, key=key, bind="query-params", placeholder="Any")


def told(wanted: Filters) -> str:
    """What is left out, in words; empty if nothing is."""
    pieces = [
        f"environment {wanted.environment}" if wanted.environment else "",
        f"zone {wanted.zone}" if wanted.zone else "",
        "" if wanted.team is None else f"team {wanted.team or NOBODY}",
        "failing" if wanted.failing else "",
    ]
    return words.listed(piece for piece in pieces if piece)
