"""Intake: who sends events, what was odd about them, what was refused, and how to send more."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard import frame, load, parts, words
from lineage.intake import Intake, Rejection, WarningCount


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision, now = frame.revision(), load.now()
    intake = load.intake(revision)
    st.title("Intake", anchor=False)
    if not intake.producers and not intake.rejections:
        parts.context("Who sends events, and what became of them")
        frame.nothing_yet("intake")
        return
    parts.context(
        f"{words.count(intake.events, 'event')} from "
        f"{words.count(len(intake.producers), 'producer')} kept · nothing is dropped silently"
    )
    frame.banner(load.estate(revision))
    tiles = [
        ("Events kept", intake.events, "each of them once"),
        ("Sent again", intake.repeats, "known already"),
        ("With warnings", sum(p.warnings for p in intake.producers), "kept, but odd"),
        ("Refused", intake.rejected, "not an event that can be read"),
    ]
    with st.grid(4, min_column_width=190, gap="small"):
        for label, number, note in tiles:
            st.metric(
                label,
                f"{number:,}",
                note,
                delta_color="off",
                delta_arrow="off",
                border=True,
                height="stretch",
            )
    parts.producers(intake, now, "intake")
    left, right = st.columns([1, 1], gap="small")
    with left:
        _rejections(intake, now)
    with right:
        _warnings(intake)
    with st.expander("Connect another producer", icon=":material/add_link:"):
        frame.nothing_yet("intake_more")


def _rejections(intake: Intake, now: datetime) -> None:
    note = "What was sent and could not be taken, the newest first"
    with parts.card("intake_rejections", "Refused", note):
        for refused in intake.rejections:
            _rejection(refused, now)
        if not intake.rejections:
            st.markdown(":green[:material/check_circle:] Nothing was refused.")


def _rejection(refused: Rejection, now: datetime) -> None:
    expected = (
        f"  \n:gray[:small[expected {words.plain(refused.expected)}]]" if refused.expected else ""
    )
    where = f" at {words.code(refused.path)}" if refused.path else ""
    st.markdown(
        f":red[:material/block:] **{words.plain(refused.detail)}**{where}{expected}  \n"
        f":gray[:small[{refused.status} · {words.plain(refused.source)} · "
        f"{words.clock(refused.received_at, now)}]]"
    )
    if refused.excerpt:
        st.code(refused.excerpt, language=None, wrap_lines=True)


def _warnings(intake: Intake) -> None:
    note = "Kept as far as they can be read; each kind once, the most frequent first"
    with parts.card("intake_warnings", "Warnings", note):
        for warned in intake.warnings:
            st.markdown(_warning(warned))
        if not intake.warnings:
            st.markdown(":green[:material/check_circle:] Nothing odd was noticed.")


def _warning(warned: WarningCount) -> str:
    return (
        f":orange[:material/warning:] {words.plain(warned.message)}  \n"
        f":gray[:small[{words.count(warned.events, 'event')} · {words.code(warned.path)}]]"
    )


if __name__ == "__main__":
    page()
