"""The trust sentence at the head of a page, with what proves each clause."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from catalog.model import AssetKey
from dashboard import instants, look, opened, parts, words
from dashboard.instants import Known
from lineage.estate import Dataset, Estate
from lineage.graph.causing import causes_of
from lineage.graph.impact import Cause
from lineage.provenance.descents import descends_from_edit
from lineage.provenance.model import Descent
from lineage.trust.model import Clause, Link, Standing, TrustSentence
from lineage.trust.sentence import trust_of

LINKS_MOST = 3
CAUSES_MOST = 8


def head(dataset: Dataset, revision: int, page: str) -> None:
    """Whether to rely on a dataset, in one sentence; each clause opens down to its evidence."""
    known = instants.known(revision)
    found = _sentence(known, dataset.key, known.name)
    colour, icon, word = look.TRUST[found.standing.value]
    with st.container(border=True, key=f"{page}_trust"):
        st.markdown(f":{colour}-badge[{icon} {word}] {words.plain(found.text)}")
        with st.expander("Why, clause by clause", type="compact", key=f"{page}_trust_why"):
            for number, clause in enumerate(found.clauses):
                _clause(clause, known.estate, page, number)
        if found.standing not in (Standing.GOOD, Standing.UNKNOWN):
            _causes(known, dataset.key, page)


def _causes(known: Known, key: AssetKey, page: str) -> None:
    """What changed at it or above it, what changed last first."""
    box = st.expander(
        "What changed lately, here and upstream",
        type="compact",
        key=f"{page}_causes",
        on_change="rerun",
    )
    if not box.open:  # it takes a walk through all that it stands on
        return
    with box:
        found = _changed(known, key, known.name)
        for number, cause in enumerate(found[:CAUSES_MOST]):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f":gray-badge[{cause.station.value}]", width="content")
                parts.key_link(cause.asset, known.estate)
                told = (
                    f"{words.plain(cause.said)} :gray[:small[{words.clock(cause.at, known.as_of)}]]"
                )
                st.markdown(told, width="content")
                event_id = next((e.event_id for e in cause.evidence if e.event_id), None)
                if event_id:
                    opened.button(event_id, page, f"cause_{number}")
        if len(found) > CAUSES_MOST:
            st.caption(f"and {len(found) - CAUSES_MOST} more; `andon causes` lists them all.")
        if not found:
            st.caption("Nothing is known to have changed.")


def _clause(clause: Clause, estate: Estate, page: str, number: int) -> None:
    colour, icon, _ = look.TRUST[clause.standing.value]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":{colour}[{icon}] {words.plain(clause.text)}", width="content")
        for place, link in enumerate(clause.links[:LINKS_MOST]):
            _link(link, estate, page, f"trust_{number}_{place}")


def _link(link: Link, estate: Estate, page: str, key: str) -> None:
    if link.asset is not None and link.run_id is not None:
        parts.run_link(link.asset, link.run_id, "Run")
    elif link.asset is not None:
        parts.key_link(link.asset, estate)
    if link.evidence is not None and link.evidence.event_id:
        opened.button(link.evidence.event_id, page, key, about=link.evidence.facet or "")
    elif link.evidence is not None and link.evidence.place is not None:
        st.markdown(f":gray[:small[{words.code(str(link.evidence.place))}]]", width="content")


@st.cache_resource(show_spinner=False, max_entries=64)
def _sentence(_known: Known, key: AssetKey, name: str) -> TrustSentence:
    descents = _descents(_known, name)
    return trust_of(_known.standpoint, _known.estate.datasets[key], descents)


@st.cache_resource(show_spinner=False, max_entries=16)
def _changed(_known: Known, key: AssetKey, name: str) -> tuple[Cause, ...]:
    del name  # it is what the result is kept by
    return causes_of(_known.standpoint, _known.graph, key)


@st.cache_resource(show_spinner=False, max_entries=4)
def _descents(_known: Known, name: str) -> Mapping[AssetKey, Descent]:
    del name  # it is what the result is kept by
    return descends_from_edit(_known.standpoint)
