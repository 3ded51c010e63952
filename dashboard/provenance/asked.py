"""What the provenance page is asked and answered, kept by what is known."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from catalog.model import AssetKey
from dashboard.instants import Known
from lineage.provenance.backwards import backwards, newest_versions
from lineage.provenance.forwards import forwards
from lineage.provenance.model import Aftermath, Built, Story, Version

DEPTH = 12
"""Hops back that a page tells; a command tells more."""
MOST = 60
"""Versions that a page tells of, the nearest."""
VERSIONS_MOST = 40


class Way(StrEnum):
    """Which way the story is told."""

    BACK = "Where it came from"
    ON = "What was built on it"


def versions(known: Known, key: AssetKey) -> tuple[Version, ...]:
    """The newest versions of a dataset."""
    return _versions(known, key, known.name)


def story(known: Known, key: AssetKey, version: str | None) -> Story | None:
    """Where a version came from; ``None``: there is no such version."""
    return _story(known, key, version, known.name)


def newest(known: Known, key: AssetKey) -> Built | None:
    """How what is there now came to be, one step back; ``None``: nobody is seen writing it."""
    found = _newest(known, key, known.name)
    return found.built[0] if found else None


def aftermath(known: Known, key: AssetKey, version: str | None) -> Aftermath | None:
    """What was built on a version; ``None``: there is no such version."""
    return _aftermath(known, key, version, known.name)


@st.cache_resource(show_spinner=False, max_entries=32)
def _versions(_known: Known, key: AssetKey, name: str) -> tuple[Version, ...]:
    del name  # it is what the result is kept by
    return newest_versions(_known.standpoint, key, VERSIONS_MOST)


@st.cache_resource(show_spinner=False, max_entries=32)
def _story(_known: Known, key: AssetKey, version: str | None, name: str) -> Story | None:
    del name
    return backwards(_known.standpoint, key, version, DEPTH, MOST)


@st.cache_resource(show_spinner=False, max_entries=32)
def _newest(_known: Known, key: AssetKey, name: str) -> Story | None:
    del name
    return backwards(_known.standpoint, key, depth=0)


@st.cache_resource(show_spinner=False, max_entries=32)
def _aftermath(_known: Known, key: AssetKey, version: str | None, name: str) -> Aftermath | None:
    del name
    return forwards(_known.standpoint, key, version)
