"""Assets: every dataset and job that was ever named, to search and to open."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

from catalog.model import Claim, Kind
from dashboard import frame, load, look, parts, words
from lineage.estate import Dataset, Job
from policies.model import Severity

LISTED = 25

T = TypeVar("T")


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision = frame.revision()
    estate, live = load.estate(revision), load.live_findings(revision)
    datasets = [d for d in estate.datasets.values() if not d.noise]
    jobs = [j for j in estate.jobs.values() if not j.noise]
    st.title("Assets", anchor=False)
    if not datasets and not jobs:
        parts.context("Every dataset and job that was ever named")
        frame.nothing_yet("assets")
        return
    parts.context(f"{words.count(len(datasets), 'dataset')} · {words.count(len(jobs), 'job')}")
    frame.banner(estate)
    with st.container(horizontal=True, vertical_alignment="bottom", key="assets_filters"):
        query = st.text_input(
            "Find",
            type="search",
            placeholder="Part of a name, platform or team",
            key="assets_find",
            bind="query-params",
            live=True,
            width=340,
            label_visibility="collapsed",
        )
        kind = st.segmented_control(
            "Kind",
            ["all", *Kind],
            default="all",
            required=True,
            format_func=lambda k: {"all": "All"}.get(k, f"{str(k).capitalize()}s"),
            key="assets_kind",
            bind="query-params",
            label_visibility="collapsed",
        )
    assets: list[Dataset | Job] = [*datasets, *jobs]
    found = [
        a
        for a in sorted(assets, key=lambda a: (a.display_name.lower(), a.key))
        if kind in ("all", a.key.kind) and _matches(a, query or "")
    ]
    troubled = {f.subject.asset: f.severity for f in reversed(live) if f.subject.asset}
    with st.container(border=True, key="assets_list"):
        if not found:
            st.caption("No asset matches.")
            return
        pages = -(-len(found) // LISTED)
        number = min(int(st.session_state.get("assets_page") or 1), pages)
        for asset in found[(number - 1) * LISTED : number * LISTED]:
            _row(asset, troubled.get(asset.key))
        if pages > 1:
            st.pagination(pages, key="assets_page")


def _matches(asset: Dataset | Job, query: str) -> bool:
    platform = asset.platform if isinstance(asset, Dataset) else asset.integration or ""
    text = f"{asset.key.namespace} {asset.key.name} {platform} {asset.team or ''}".lower()
    return all(word in text for word in query.lower().split())


def _row(asset: Dataset | Job, severity: Severity | None) -> None:
    owner = next(iter(asset.owners), None)
    team = f"{asset.team}{_mark(owner)}" if asset.team else "no owner"
    notes = [asset.key.kind.value, *_places(asset), team]
    trouble = ""
    if severity is not None:
        colour, icon = look.SEVERITIES[severity.word]
        trouble = f" :{colour}[{icon}]"
    left, right = st.columns([1.1, 1.4], gap="small", vertical_alignment="center")
    with left:
        parts.asset_link(asset)
    right.markdown(f":gray[:small[{words.plain(' · '.join(notes))}]]{trouble}")


def _places(asset: Dataset | Job) -> list[str]:
    environment = asset.environment
    found = [f"{environment.value}{_mark(environment)}"] if environment else []
    if isinstance(asset, Dataset):
        zone = [f"{asset.zone.value}{_mark(asset.zone)}"] if asset.zone else []
        found = [asset.platform, *found, *zone]
    elif asset.integration:
        found = [asset.integration.lower(), *found]
    return found


def _mark(claim: Claim[T] | None) -> str:
    return " (guess)" if claim is not None and claim.is_guess else ""


if __name__ == "__main__":
    page()
