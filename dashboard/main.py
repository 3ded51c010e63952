"""The dashboard's script: Streamlit runs it from top to bottom for every visit and every change."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import frame

STATIC = Path(__file__).with_name("static")

st.set_page_config(page_title="Andon", page_icon=str(STATIC / "icon.svg"), layout="wide")
st.logo(
    str(STATIC / ("logo-dark.svg" if frame.theme() == "dark" else "logo.svg")),
    size="large",
    icon_image=str(STATIC / "icon.svg"),
)
chosen = st.navigation(
    [
        st.Page(
            frame.BOARD,
            title="Board",
            icon=":material/dashboard:",
            help="How mature each team is, what needs attention and what arrived.",
            default=True,
        ),
        st.Page(
            frame.ASSETS,
            title="Assets",
            icon=":material/database:",
            url_path="assets",
            help="Every dataset and job that was ever named, to search and to open.",
        ),
        st.Page(
            frame.LINEAGE,
            title="Lineage",
            icon=":material/account_tree:",
            url_path="lineage",
            help="What data comes from where and what stands on it, now and at any time.",
        ),
        st.Page(
            frame.ASSET,
            title="Asset",
            icon=":material/database:",
            url_path="asset",
            visibility="hidden",
            help="One dataset or job: lineage, owners, data tests and how it came to be.",
        ),
        st.Page(
            frame.PROVENANCE,
            title="Provenance",
            icon=":material/history_edu:",
            url_path="provenance",
            visibility="hidden",
            help="How one version of a dataset came to be, and what was built on it.",
        ),
        st.Page(
            frame.JOB,
            title="Job",
            icon=":material/settings:",
            url_path="job",
            visibility="hidden",
            help="One job: its runs, what it reads and writes, who ran it and how long it took.",
        ),
        st.Page(
            frame.RUN,
            title="Run",
            icon=":material/play_circle:",
            url_path="run",
            visibility="hidden",
            help="One run of a job: how it ended, what it touched and every event that says so.",
        ),
        st.Page(
            frame.FINDINGS,
            title="Findings",
            icon=":material/rule:",
            url_path="findings",
            help="What ought to hold and does not, each with the evidence that proves it.",
        ),
        st.Page(
            frame.INTAKE,
            title="Intake",
            icon=":material/move_to_inbox:",
            url_path="intake",
            help="Whether lineage arrives, who sends it, what was odd and what was refused.",
        ),
        st.Page(
            frame.KEYS,
            title="Keys",
            icon=":material/key:",
            url_path="keys",
            help="Which keys producers send events with, what each may speak for and brought.",
        ),
    ]
)
frame.begin()
try:
    chosen.run()
finally:
    frame.end()  # also after an error: the next event may mend the page
