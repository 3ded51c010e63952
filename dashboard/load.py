"""The only reads of the screen. Results are frozen, shared by all viewers and kept by revision."""

from __future__ import annotations

from datetime import datetime

import streamlit as st
from sqlalchemy import Engine

from catalog import database
from catalog.model import AssetKey
from catalog.settings import Settings
from lineage import history, reading, stories
from lineage import intake as arrivals
from lineage.estate import Estate, Provenance
from lineage.intake import Intake
from lineage.reducers import read_reducers
from policies import store
from policies.library import load_library
from policies.maturity.model import Practice, load_model
from policies.model import Finding, Policy, ScoreBoard, Verdict
from policies.store import ScorePoint

KEPT = 4
"""Revisions kept; more than one, since viewers turn the page at different moments."""


def now() -> datetime:
    """The instant of this run, aware UTC: a page is a door, so it may ask."""
    return history.present(engine())


def engine() -> Engine:
    """The store that the settings name."""
    return _engine(Settings().database_url)


def revision() -> int:
    """The counter that moves with everything worth showing; costs one row."""
    return database.revision(engine())


def estate(revision: int) -> Estate:
    """Everything known; ages and windows move on at least every hour."""
    return _estate(Settings().database_url, revision, f"{now():%Y-%m-%dT%H}")


def findings(revision: int) -> tuple[Finding, ...]:
    """All findings in every status, the worst and newest first."""
    return _findings(Settings().database_url, revision)


def live_findings(revision: int) -> tuple[Finding, ...]:
    """Findings that somebody still has to do something about, the worst and newest first."""
    return tuple(f for f in findings(revision) if f.status.is_live)


def verdicts(revision: int, key: AssetKey) -> tuple[Verdict, ...]:
    """What every policy that applies to an asset or to writes to it answered."""
    return _verdicts(Settings().database_url, revision, key)


def scores(revision: int) -> ScoreBoard | None:
    """The newest scores; ``None`` before the first assessment."""
    return _scores(Settings().database_url, revision)


def score_history(revision: int) -> dict[str | None, tuple[ScorePoint, ...]]:
    """Daily scores by team id, oldest first; ``None`` is the whole organisation."""
    return _score_history(Settings().database_url, revision)


def intake(revision: int) -> Intake:
    """What arrived, from whom, and what was refused."""
    return _intake(Settings().database_url, revision)


def provenance(shown: Estate, key: AssetKey) -> Provenance | None:
    """How the newest version of a dataset came to be."""
    return stories.provenance(engine(), shown, key)


def event(event_id: str) -> dict[str, object] | None:
    """A stored event as it is kept, after redaction."""
    return reading.event_json(engine(), event_id)


@st.cache_resource(show_spinner=False)
def policies() -> dict[str, Policy]:
    """The library by policy id."""
    return {policy.id: policy for policy in load_library()}


@st.cache_resource(show_spinner=False)
def practices() -> dict[str, Practice]:
    """The practices of the maturity model by id."""
    return {p.id: p for dimension in load_model().dimensions for p in dimension.practices}


@st.cache_resource(show_spinner=False)
def _engine(url: str) -> Engine:
    return database.connect(url)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _estate(url: str, revision: int, hour: str) -> Estate:
    del revision, hour  # they are what the result is kept by
    return reading.load_estate(_engine(url), now(), read_reducers(Settings().name_reducers))


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _findings(url: str, revision: int) -> tuple[Finding, ...]:
    del revision
    return store.findings(_engine(url), status=None)


@st.cache_resource(show_spinner=False, max_entries=64)
def _verdicts(url: str, revision: int, key: AssetKey) -> tuple[Verdict, ...]:
    del revision
    return store.verdicts_of(_engine(url), key)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _scores(url: str, revision: int) -> ScoreBoard | None:
    del revision
    return store.scores(_engine(url))


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _score_history(url: str, revision: int) -> dict[str | None, tuple[ScorePoint, ...]]:
    board = _scores(url, revision)
    teams = [score.team for score in board.teams] if board else []
    return {team: store.score_history(_engine(url), team) for team in (None, *teams)}


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _intake(url: str, revision: int) -> Intake:
    del revision
    return arrivals.intake(_engine(url))
