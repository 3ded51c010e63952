"""Of which instant the explorer speaks: the control, and a line that nobody can miss."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from catalog.errors import UserError
from dashboard import instants, load
from dashboard.explorer.asked import instant
from dashboard.instants import Known
from lineage.graph.changes import Change, changes, state_of


class Span(StrEnum):
    """Which time the viewer looks at."""

    NOW = "Now"
    THEN = "At a time"
    BETWEEN = "What changed"


@dataclass(frozen=True, slots=True)
class Times:
    """What the viewer asked for; ``None``: now."""

    span: Span
    at: datetime | None = None
    """Of when, or until when."""
    since: datetime | None = None
    """For what changed: from when on."""
    as_known_then: bool = False
    """Whether late events are left out."""
    missing: str = ""
    """What is still to be chosen, in one sentence."""

    @property
    def known_at(self) -> datetime | None:
        return self.at if self.as_known_then else None


def control(beside: DeltaGenerator) -> Times:
    """Now, a past instant, or two of them; in the address like everything else.

    Args:
        beside: Where the choice between them stands; what it needs to know stands below.
    """
    chosen = beside.segmented_control(
        "Time",
        list(Span),
        default=Span.NOW,
        required=True,
        key="lineage_time",
        bind="query-params",
        label_visibility="collapsed",
    )
    span = Span(chosen or Span.NOW)
    if span is Span.NOW:
        return Times(span)
    with st.container(horizontal=True, vertical_alignment="bottom", key="lineage_times"):
        since = _picked("Changed since (UTC)", "lineage_since") if span is Span.BETWEEN else None
        at = _picked(
            "Until (UTC), else now" if span is Span.BETWEEN else "As of (UTC)", "lineage_at"
        )
        known_then = st.toggle(
            "Without what arrived later",
            key="lineage_known",
            bind="query-params",
            help="As it was known then: late events do not count, even if they tell of that time.",
            disabled=at is None,
        )
    return _checked(span, at, since, as_known_then=bool(known_then) and at is not None)


def _picked(label: str, key: str) -> datetime | None:
    return instant(
        st.datetime_input(
            label,
            value=None,
            key=key,
            bind="query-params",
            format="YYYY-MM-DD",
            step=60 * 15,
            width=230,
        )
    )


def _checked(
    span: Span, at: datetime | None, since: datetime | None, *, as_known_then: bool
) -> Times:
    now = load.now()
    missing = ""
    if any(t is not None and t > now for t in (at, since)):
        missing = "That time is yet to come. Choose one that has passed."
        at, since = (None if t and t > now else t for t in (at, since))
    elif span is Span.THEN and at is None:
        missing = "Choose a date and a time; until then this is the present."
    elif span is Span.BETWEEN and since is None:
        missing = "Choose since when; until then this is the present, and nothing is compared."
    elif since is not None and since >= (at or now):
        missing = "The first of the two times must come before the second."
        since = None
    return Times(span, at, since, as_known_then and at is not None, missing)


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of the instant that is asked for, and of the earlier one of two."""

    times: Times
    now: Known
    """Of the instant that the page speaks of, which may lie in the past."""
    before: Known | None


def look(times: Times, revision: int) -> Sight | None:
    """What is known then; ``None``, and a word about it, if that is not known any more."""
    try:
        shown = _known(revision, times.at, times.known_at)
        before = _known(revision, times.since, None) if times.since else None
    except UserError as error:
        st.error(str(error), icon=":material/history_off:")
        return None
    return Sight(times, shown, before)


def _known(revision: int, at: datetime | None, known_at: datetime | None) -> Known:
    if at is None:
        return instants.known(revision)
    with st.spinner(f"Reading what was known as of {said(at)} …"):
        found = instants.known(revision, at, known_at)
        found.graph  # noqa: B018  while the viewer is told why it takes a while
        return found


def line(sight: Sight) -> None:
    """Of which instant everything below speaks."""
    times = sight.times
    if times.missing:
        st.warning(times.missing, icon=":material/schedule:")
    if times.since is not None:
        until = said(times.at) if times.at else "now"
        st.warning(
            f"**What changed from {said(times.since)} to {until}.** "
            "Green came, red went; everything else stands as it does at the later time.",
            icon=":material/compare_arrows:",
        )
    elif times.at is not None:
        late = (
            "and only with what had arrived by then"
            if times.as_known_then
            else "with everything that is known of that time today"
        )
        st.warning(
            f"**The past: as of {said(times.at)}**, {late}. "
            "Nothing that happened later counts here.",
            icon=":material/history:",
        )


def said(at: datetime) -> str:
    """An instant at full length: there is no guessing which day is meant."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y %H:%M} UTC"


def changed(sight: Sight) -> tuple[Change, ...]:
    """What became different between the two instants; nothing if only one is looked at."""
    if sight.before is None:
        return ()
    with st.spinner("Holding the two against each other …"):
        return _changed(sight.before, sight.now, f"{sight.before.name} {sight.now.name}")


@st.cache_resource(show_spinner=False, max_entries=4)
def _changed(_before: Known, _after: Known, names: str) -> tuple[Change, ...]:
    del names  # they are what the result is kept by
    return changes(*(state_of(k.standpoint.observed, k.estate, k.graph) for k in (_before, _after)))
