"""The trust sentence at the head of a page, with what proves each clause."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from catalog.model import AssetKey
from dashboard import instants, look, opened, parts, words
from dashboard.instants import Known
from lineage.estate import Dataset, Estate
from lineage.provenance.descents import descends_from_edit
from lineage.provenance.model import Descent
from lineage.trust.model import Clause, Link, TrustSentence
from lineage.trust.sentence import trust_of

LINKS_MOST = 3


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


@st.cache_resource(show_spinner=False, max_entries=4)
def _descents(_known: Known, name: str) -> Mapping[AssetKey, Descent]:
    del name  # it is what the result is kept by
    return descends_from_edit(_known.standpoint)
