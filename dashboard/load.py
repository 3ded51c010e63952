"""The only reads of the screen. Results are frozen, shared by all viewers and kept by revision."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import streamlit as st
from sqlalchemy import Engine

from catalog import database
from catalog.heap import give_back
from catalog.model import AssetKey
from catalog.settings import Settings
from lineage import history, measuring, reading, run_story, suggestions
from lineage import intake as arrivals
from lineage import job_runs as runs_of_jobs
from lineage import key_uses as uses
from lineage.estate import Dataset, Estate, Job
from lineage.history import Standpoint
from lineage.ingest import Ingestor
from lineage.intake import Intake
from lineage.job_runs import Ran, RunPage, Touched
from lineage.key_uses import KeyUse
from lineage.keyring import Keyring
from lineage.keys import Key
from lineage.measuring import Measurements
from lineage.reducers import read_reducers
from lineage.run_story import RunStory, Spoke
from lineage.suggestions import Suggested
from policies import store
from policies.library import load_library
from policies.maturity.model import Practice, load_model
from policies.model import Finding, Policy, ScoreBoard, Verdict
from policies.store import ScorePoint

KEPT = 2
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
    """Everything known, at that revision or a later one; ages move on at least every hour."""
    return standpoint(revision).estate


def standpoint(revision: int) -> Standpoint:
    """The present, at that revision or a later one, with what is known of it."""
    return _newest(Settings().database_url).standpoint(revision)


def suggested(revision: int) -> Suggested:
    """Which names may be names of one dataset, and are not joined."""
    return _suggested(Settings().database_url, revision, f"{now():%Y-%m-%dT%H}")


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


def keep_days() -> int:
    """For how many days what is superseded is kept; 0: for ever."""
    return Settings().keep_superseded_days


def intake(revision: int) -> Intake:
    """What arrived, from whom, and what was refused."""
    return _intake(Settings().database_url, revision)


def measurements(revision: int, dataset: Dataset) -> Measurements:
    """What was measured of a dataset."""
    ids = dataset.ids or (dataset.id,)
    return _measurements(Settings().database_url, revision, ids, f"{now():%Y-%m-%dT%H}")


def job_runs(revision: int, job: Job, before: str) -> RunPage:
    """A page of a job's runs, newest first."""
    return _job_runs(Settings().database_url, revision, ids(job), before, f"{now():%Y-%m-%dT%H}")


def who_ran(revision: int, job: Job) -> tuple[Ran, ...]:
    """Who ran a job, whoever did so last first."""
    return _who_ran(Settings().database_url, revision, ids(job))


def touched(revision: int, job: Job) -> tuple[Touched, ...]:
    """Every dataset that a job ever read or wrote."""
    return _touched(Settings().database_url, revision, ids(job))


def run(revision: int, job: AssetKey, run_id: str) -> RunStory | None:
    """One run with all that its events say."""
    return _run(Settings().database_url, revision, job, run_id)


def jobs_of_run(run_id: str) -> tuple[AssetKey, ...]:
    """The jobs whose runs have this id."""
    return run_story.jobs_of_run(engine(), run_id)


def run_events(pk: int, before: int | None) -> tuple[Spoke, ...]:
    """Some events of a run, the last to arrive first."""
    return run_story.run_events(engine(), pk, before)


def producer_keys() -> tuple[Key, ...]:
    """All producer keys, the newest first; their last use moves no revision."""
    return tuple(reversed(Keyring(engine()).all_keys()))


def key_uses(revision: int) -> Mapping[int, KeyUse]:
    """What came with each key, by its id."""
    return _key_uses(Settings().database_url, revision)


def ids(job: Job) -> tuple[int, ...]:
    """Surrogates of all names of a job."""
    return job.ids or (job.id,)


@contextmanager
def sharing(ingestor: Ingestor) -> Iterator[None]:
    """Let pages send what was refused through the receiver of this process again."""
    _RECEIVER.append(ingestor)
    try:
        yield
    finally:
        _RECEIVER.remove(ingestor)


def receiver() -> Ingestor | None:
    """The receiver of this process; ``None``: it has none."""
    return _RECEIVER[-1] if _RECEIVER else None


_RECEIVER: list[Ingestor] = []


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


class _Newest:
    """The newest estate and no other: it is larger than all else by far.

    It is let go before the next one is loaded, so that there are never two. Who turns the page
    meanwhile waits for the next one, and nobody loads one of their own. What it is built of is kept
    with it where a page asked for that last time.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._standpoint: Standpoint | None = None

    def standpoint(self, revision: int) -> Standpoint:
        """At that revision or a later one, with ages of this hour."""
        engine = _engine(self._url)
        with self._lock:
            at, found = now(), self._standpoint
            if (
                found is None
                or not revision <= found.revision <= database.revision(engine)
                or found.as_of.replace(minute=0, second=0, microsecond=0)
                != at.replace(minute=0, second=0, microsecond=0)
            ):
                is_lean = found is None or not found.was_observed
                self._standpoint = found = None
                found = history.stand(engine, reducers=read_reducers(Settings().name_reducers))
                found.is_lean = is_lean
                found.estate  # noqa: B018  # read while nobody else reads one of their own
                self._standpoint = found
                give_back()
            return found


@st.cache_resource(show_spinner=False)
def _newest(url: str) -> _Newest:
    return _Newest(url)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _suggested(url: str, revision: int, hour: str) -> Suggested:
    del url, hour  # they are what the result is kept by
    return suggestions.suggestions_in(estate(revision))


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


@st.cache_resource(show_spinner=False, max_entries=64)
def _measurements(url: str, revision: int, ids: tuple[int, ...], hour: str) -> Measurements:
    del revision, hour
    return measuring.measurements(_engine(url), ids, now())


@st.cache_resource(show_spinner=False, max_entries=64)
def _job_runs(url: str, revision: int, ids: tuple[int, ...], before: str, hour: str) -> RunPage:
    del revision, hour
    return runs_of_jobs.job_runs(_engine(url), ids, now(), before)


@st.cache_resource(show_spinner=False, max_entries=64)
def _who_ran(url: str, revision: int, ids: tuple[int, ...]) -> tuple[Ran, ...]:
    del revision
    return runs_of_jobs.who_ran(_engine(url), ids)


@st.cache_resource(show_spinner=False, max_entries=64)
def _touched(url: str, revision: int, ids: tuple[int, ...]) -> tuple[Touched, ...]:
    del revision
    return runs_of_jobs.touched(_engine(url), ids)


@st.cache_resource(show_spinner=False, max_entries=64)
def _run(url: str, revision: int, job: AssetKey, run_id: str) -> RunStory | None:
    del revision
    return run_story.run_story(_engine(url), job, run_id)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _key_uses(url: str, revision: int) -> Mapping[int, KeyUse]:
    del revision
    return uses.key_uses(_engine(url))
