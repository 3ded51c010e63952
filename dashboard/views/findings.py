"""Findings: what is broken, as sentences, each with the evidence that proves it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import frame, load, look, parts, words
from policies.model import Finding

PAGE_SIZE = 20
LIVE, ALL = "live", "all"
STATUSES = {LIVE: "Open", "waived": "Waived", "resolved": "Resolved", ALL: "All"}
NO_TEAM = "no team"


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision, now = frame.revision(), load.now()
    estate, findings = load.estate(revision), load.findings(revision)
    st.title("Findings", anchor=False)
    if not estate.datasets and not estate.jobs:
        parts.context("What ought to hold and does not, with the evidence")
        frame.nothing_yet("findings")
        return
    live = sum(f.status.is_live for f in findings)
    judging = words.count(len(load.policies()), "policy", "policies")
    parts.context(f"{words.count(live, 'open finding')} · {judging} judge what arrives")
    frame.banner(estate)
    if not findings:
        with st.container(border=True, key="findings_none"):
            st.markdown(
                "**No finding was made.** What cannot be told for want of evidence is not here: "
                "it counts as unknown in the scores."
            )
        return
    shown = _filtered(findings)
    with st.container(border=True, key="findings_list"):
        if not shown:
            st.caption("No finding matches. Choose fewer filters.")
            return
        pages = -(-len(shown) // PAGE_SIZE)
        number = min(int(st.session_state.get("findings_page") or 1), pages)
        first = (number - 1) * PAGE_SIZE
        for found in shown[first : first + PAGE_SIZE]:
            parts.finding(found, estate, now, "findings", is_brief=False)
        if pages > 1:
            st.pagination(pages, key="findings_page", bind="query-params")


def _filtered(findings: Sequence[Finding]) -> list[Finding]:
    with st.container(horizontal=True, vertical_alignment="bottom", key="findings_filters"):
        status = st.segmented_control(
            "Status",
            list(STATUSES),
            default=LIVE,
            required=True,
            format_func=STATUSES.__getitem__,
            key="findings_status",
            bind="query-params",
        )
        severities = st.pills(
            "Severity",
            list(look.SEVERITIES),
            selection_mode="multi",
            format_func=str.capitalize,
            key="findings_severity",
            bind="query-params",
        )
        team = st.selectbox(
            "Team",
            sorted({f.team or NO_TEAM for f in findings}),
            index=None,
            placeholder="All teams",
            key="findings_team",
            bind="query-params",
            width=190,
        )
        titles = {f.policy: f.title for f in findings}
        policy = st.selectbox(
            "Policy",
            sorted(titles),
            index=None,
            placeholder="All policies",
            format_func=lambda p: f"{p} {titles.get(p, '')}",
            key="findings_policy",
            bind="query-params",
            width=290,
        )
    return [
        f
        for f in findings
        if (status == ALL or (f.status.is_live if status == LIVE else f.status.value == status))
        and (not severities or f.severity.word in severities)
        and (team is None or (f.team or NO_TEAM) == team)
        and (policy is None or f.policy == policy)
    ]


if __name__ == "__main__":
    page()
