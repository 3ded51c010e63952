"""Asset: one dataset, what it is, how it came to be and what stands around it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from catalog.model import Kind
from dashboard import (
    around,
    frame,
    instants,
    load,
    look,
    measured,
    opened,
    parts,
    standing,
    trusting,
    words,
)
from dashboard.provenance.asked import newest
from lineage.estate import Dataset, DataTest, DataTestStatus, Estate, Job
from lineage.provenance.model import Built
from policies.model import Finding, Verdict

FIELDS_MOST = 40


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision, now = frame.revision(), load.now()
    estate = load.estate(revision)
    if not st.query_params:
        st.switch_page(frame.ASSETS)
    asset = _asked(estate)
    if isinstance(asset, Job):  # an address from before jobs had a page of their own
        st.switch_page(frame.JOB, query_params=frame.asked(asset.key))
    st.page_link(frame.ASSETS, label="All assets", icon=":material/arrow_back:")
    if isinstance(asset, str):
        st.title("Asset", anchor=False)
        st.warning(asset)
        return
    verdicts = standing.verdicts_of(asset, estate, revision)
    live = standing.live_of(asset.key, revision)
    st.title(
        words.plain(words.short(asset.display_name)), icon=parts.asset_icon(asset), anchor=False
    )
    st.markdown(f":gray[:small[{words.code(asset.key.namespace)} {words.code(asset.key.name)}]]")
    standing.badges(asset, "asset")
    trusting.head(asset, revision, "asset")
    st.markdown(_health(asset, live, verdicts, now))
    _provenance(asset, estate, revision, now)
    if asset.description:
        st.markdown(words.plain(asset.description))
    with parts.card("asset_around", "What stands around it", "One hop each way"):
        around.graph(asset, estate, load.live_findings(revision))
    left, right = st.columns([1, 1], gap="small")
    with left:
        _tests(asset, now)
        measured.card(asset, revision, now, "asset")
        _fields(asset)
    with right:
        standing.findings(live, verdicts, estate, now, "asset")
        standing.owners(asset, "asset")
        standing.other_names(asset, "asset")
        standing.may_be_same(asset, load.suggested(revision), estate, "asset")
        _jobs(asset, estate)
    frame.banner(estate)
    opened.drawer("asset")


def _asked(estate: Estate) -> Dataset | Job | str:
    """The asset that the address names, by surrogate id or by namespace and name; else why not."""
    asked = st.query_params
    if "namespace" in asked and "name" in asked:
        kind = Kind.JOB if asked.get("kind") == Kind.JOB else Kind.DATASET
        named = asked["namespace"], asked["name"]
        found = estate.find_job(*named) if kind is Kind.JOB else estate.find(*named)
        return found or "No asset with this namespace and name has arrived."
    numbered = around.by_id(estate, asked.get("asset", ""))
    return numbered or "No asset has this number. It may have been renumbered by a rebuild."


def _health(
    dataset: Dataset, live: Sequence[Finding], verdicts: Sequence[Verdict], now: datetime
) -> str:
    pieces = [standing.in_short(live, verdicts)]
    pieces.append(
        f"last written {words.clock(dataset.last_write_at, now)}"
        if dataset.last_write_at
        else "no write seen"
    )
    tested = [t for t in dataset.tests if t.status in (DataTestStatus.PASS, DataTestStatus.FAIL)]
    failed = sum(t.status is DataTestStatus.FAIL for t in tested)
    if tested:
        pieces.append(
            f"{words.count(failed, 'data test')} fail" + ("s" if failed == 1 else "")
            if failed
            else f"{words.count(len(tested), 'data test')} pass"
            + ("es" if len(tested) == 1 else "")
        )
    else:
        pieces.append("no data test was run")
    pieces.append(f"{words.count(dataset.consumers, 'production dataset')} downstream")
    return " · ".join(pieces)


def _provenance(dataset: Dataset, estate: Estate, revision: int, now: datetime) -> None:
    built = newest(instants.known(revision), dataset.key)
    if built is None:
        st.markdown(":gray[No run that wrote it was seen.]")
        return
    st.markdown(_built(built, dataset, estate, now))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="asset_by"):
        st.page_link(
            frame.PROVENANCE,
            label="The whole story",
            icon=":material/history_edu:",
            query_params=frame.asked(dataset.key),
        )
        parts.run_link(built.run.job, built.run.run_id, "That run", built.state.value)
        job = estate.jobs.get(built.run.job)
        if job is not None:
            parts.asset_link(job)
        opened.button(built.event_id, "asset", "proof")


def _built(built: Built, dataset: Dataset, estate: Estate, now: datetime) -> str:
    """How its newest version came to be, in one sentence."""
    verb = "Built" if built.state.value == "complete" else f"Last touched ({built.state.value})"
    job = words.plain(parts.asset_of(estate, built.run.job))
    at = built.ended_at or built.started_at
    pieces = [f"{verb} at {words.clock(at, now)} by **{job}**"]
    if built.who:
        pieces.append(f"run by {words.code(words.principal(built.who.principal))}")
    if built.code and built.code.place.version:
        pieces.append(f"at commit {words.code(built.code.place.version[:10])}")
    else:
        pieces.append("at an unknown commit")
    made_of = [read.dataset for read in built.inputs if read.feeds]
    if made_of:
        names = (f"**{words.plain(parts.asset_of(estate, key))}**" for key in made_of)
        pieces.append(f"from {words.listed(names)}")
    return f"{' '.join(pieces)}; {_tested(built, dataset)}."


def _tested(built: Built, dataset: Dataset) -> str:
    """What data tests said of this version; those that did not run on it say nothing of it."""
    passed = sum(test.status is DataTestStatus.PASS for test in built.tests)
    failed = sum(test.status is DataTestStatus.FAIL for test in built.tests)
    unknown = max(len(dataset.tests), len(built.tests)) - passed - failed
    counted = [(passed, "passed"), (failed, "failed"), (unknown, "unknown")]
    told = [f"{number} {what}" for number, what in counted if number]
    if not told:
        return "no data test known"
    number, what = next((number, what) for number, what in counted if number)
    return ", ".join([f"{words.count(number, 'data test')} {what}", *told[1:]])


def _tests(dataset: Dataset, now: datetime) -> None:
    order = list(look.TEST_STATUSES)
    tests = sorted(
        dataset.tests, key=lambda t: (order.index(t.status.value), t.column or "", t.name)
    )
    counted = {s: sum(t.status.value == s and not t.is_doubtful for t in tests) for s in order}
    counted["not told"] = sum(t.is_doubtful for t in tests)
    note = ", ".join(f"{number} {status}" for status, number in counted.items() if number)
    with parts.card("asset_tests", "Data tests", note):
        for test in tests:
            st.markdown(_test(test, now))
        if not tests:
            st.caption("No data test was ever reported for it.")


def _test(test: DataTest, now: datetime) -> str:
    colour, icon = look.TEST_STATUSES[test.status.value]
    on = f" on {words.code(test.column)}" if test.column else ""
    notes = [parts.test_status(test.status.value, is_doubtful=test.is_doubtful)]
    notes.append(words.clock(test.at, now))
    if test.expected or test.actual:
        notes.append(
            f"expected {words.plain(test.expected or '?')}, was {words.plain(test.actual or '?')}"
        )
    if test.blocking:
        notes.append("stops the line")
    return (
        f":{colour}[{icon}] **{words.plain(test.name)}**{on}  \n:gray[:small[{' · '.join(notes)}]]"
    )


def _fields(dataset: Dataset) -> None:
    with parts.card("asset_fields", "Schema", words.count(len(dataset.fields), "column")):
        if not dataset.fields:
            st.caption("No schema was reported.")
            return
        lines = [
            f"{words.code(f.name)} :gray[{words.plain(f.type or '')}]"
            + (f"  \n:gray[:small[{words.plain(f.description)}]]" if f.description else "")
            for f in dataset.fields
        ]
        st.markdown("\n\n".join(lines[:FIELDS_MOST]))
        if len(lines) > FIELDS_MOST:
            with st.expander(f"{len(lines) - FIELDS_MOST} more"):
                st.markdown("\n\n".join(lines[FIELDS_MOST:]))


def _jobs(dataset: Dataset, estate: Estate) -> None:
    with parts.card("asset_jobs", "Jobs", "Who writes and who reads it"):
        for verb, keys in (("written by", dataset.writers), ("read by", dataset.readers)):
            for key in keys:
                job = estate.jobs.get(key)
                if job is not None:
                    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                        st.markdown(f":gray[{verb}]", width="content")
                        parts.asset_link(job)
        if not dataset.writers and not dataset.readers:
            st.caption("No job that touches it was seen.")


if __name__ == "__main__":
    page()
