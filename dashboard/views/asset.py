"""Asset: one dataset or job, what it is, how it came to be and what stands around it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import streamlit as st

from catalog.model import AssetKey, Claim, Kind
from dashboard import around, frame, load, look, parts, words
from dashboard.lineage_graph.neighbourhood import find
from lineage.estate import Dataset, DataTest, DataTestStatus, Estate, Job, Provenance
from policies.model import Finding, Outcome, Verdict, WriteSubject

FIELDS_MOST = 40

T = TypeVar("T")


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision, now = frame.revision(), load.now()
    estate = load.estate(revision)
    if not st.query_params:
        st.switch_page(frame.ASSETS)
    asset = _asked(estate)
    if isinstance(asset, str):
        st.page_link(frame.ASSETS, label="All assets", icon=":material/arrow_back:")
        st.title("Asset", anchor=False)
        st.warning(asset)
        return
    verdicts = _verdicts(asset, estate, revision)
    live = [f for f in load.live_findings(revision) if _concerns(f, asset.key)]
    st.page_link(frame.ASSETS, label="All assets", icon=":material/arrow_back:")
    st.title(
        words.plain(words.short(asset.display_name)), icon=parts.asset_icon(asset), anchor=False
    )
    st.markdown(f":gray[:small[{words.code(asset.key.namespace)} {words.code(asset.key.name)}]]")
    _badges(asset)
    st.markdown(_health(asset, live, verdicts, now))
    if isinstance(asset, Dataset):
        proof = load.provenance(estate, asset.key)
        st.markdown(
            _built(proof, estate, now) if proof else ":gray[No run that wrote it was seen.]"
        )
        if asset.description:
            st.markdown(words.plain(asset.description))
    with parts.card("asset_around", "What stands around it", "One hop each way"):
        around.graph(asset, estate, load.live_findings(revision))
    left, right = st.columns([1, 1], gap="small")
    with left:
        if isinstance(asset, Dataset):
            _tests(asset, now)
            _fields(asset)
        else:
            _writes(asset, estate, now)
    with right:
        _findings(live, verdicts, estate, now)
        _owners(asset)
        if isinstance(asset, Dataset):
            _jobs(asset, estate)
        else:
            _code(asset)
    frame.banner(estate)


def _asked(estate: Estate) -> Dataset | Job | str:
    """The asset that the address names, by surrogate id or by namespace and name; else why not."""
    asked = st.query_params
    if "namespace" in asked and "name" in asked:
        kind = Kind.JOB if asked.get("kind") == Kind.JOB else Kind.DATASET
        key = AssetKey(kind, asked["namespace"], asked["name"])
        return find(estate, key) or "No asset with this namespace and name has arrived."
    found = around.by_id(estate, asked.get("asset", ""))
    return found or "No asset has this number. It may have been renumbered by a rebuild."


def _badges(asset: Dataset | Job) -> None:
    with st.container(horizontal=True, gap="xsmall", key="asset_badges"):
        if isinstance(asset, Dataset):
            st.badge(asset.kind or "dataset", color="gray")
            st.badge(asset.platform, color="gray")
        else:
            st.badge((asset.integration or "job").lower(), color="gray")
        _claim("environment", asset.environment)
        if isinstance(asset, Dataset):
            _claim("zone", asset.zone)
            _claim("tier", asset.tier, "tier ")
        if asset.team:
            st.badge(asset.team, icon=":material/group:", color="blue")


def _claim(what: str, claim: Claim[T] | None, prefix: str = "") -> None:
    if claim is None:
        st.badge(f"{what} not known", color="gray", icon=":material/help:")
        return
    guess = " (guess)" if claim.is_guess else ""
    st.badge(
        f"{prefix}{claim.value}{guess}",
        color="gray" if claim.is_guess else "blue",
        help=f"Because {claim.why}" if claim.why else None,
    )


def _concerns(found: Finding, key: AssetKey) -> bool:
    return key in (found.subject.asset, getattr(found.subject, "job", None))


def _verdicts(asset: Dataset | Job, estate: Estate, revision: int) -> list[Verdict]:
    """The verdicts about an asset, and about the writes to a dataset or by a job."""
    if isinstance(asset, Dataset):
        return list(load.verdicts(revision, asset.key))
    written = sorted({w.dataset for w in estate.writes if w.job == asset.key})
    found = [v for key in written for v in load.verdicts(revision, key)]
    return [v for v in found if isinstance(v.subject, WriteSubject) and v.subject.job == asset.key]


def _no_finding(verdicts: Sequence[Verdict]) -> str:
    """That nothing is open, and whether that is because it was judged and passed."""
    unknown = {v.policy for v in verdicts if v.outcome in (Outcome.UNKNOWN, Outcome.ERROR)}
    if unknown:
        cannot = words.count(len(unknown), "policy", "policies")
        return f":gray[:material/help: **No open finding**, but {cannot} cannot tell]"
    if not verdicts:
        return ":gray[**No open finding**, as no policy applies]"
    return ":green[:material/check_circle: **No open finding**]"


def _health(
    asset: Dataset | Job, live: Sequence[Finding], verdicts: Sequence[Verdict], now: datetime
) -> str:
    if live:
        worst = max(f.severity for f in live)
        colour, icon = look.SEVERITIES[worst.word]
        number = words.count(len(live), "open finding")
        pieces = [f":{colour}[{icon} **{number}**], the worst {worst.word}"]
    else:
        pieces = [_no_finding(verdicts)]
    if isinstance(asset, Job):
        state = asset.last_state.value if asset.last_state else "unknown"
        at = f" {words.clock(asset.last_run_at, now)}" if asset.last_run_at else ""
        pieces += [
            f"last run {state}{at}",
            f"{words.count(asset.runs_30d, 'run')} in 30 days",
        ]
        return " · ".join(pieces)
    pieces.append(
        f"last written {words.clock(asset.last_write_at, now)}"
        if asset.last_write_at
        else "no write seen"
    )
    tested = [t for t in asset.tests if t.status in (DataTestStatus.PASS, DataTestStatus.FAIL)]
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
    pieces.append(f"{words.count(asset.consumers, 'production dataset')} downstream")
    return " · ".join(pieces)


def _built(proof: Provenance, estate: Estate, now: datetime) -> str:
    """How its newest version came to be, in one sentence."""
    verb = "Built" if proof.state.value == "complete" else f"Last touched ({proof.state.value})"
    job = words.plain(parts.asset_of(estate, proof.job))
    pieces = [f"{verb} at {words.clock(proof.at, now)} by **{job}**"]
    if proof.principal:
        pieces.append(f"run by {words.code(words.principal(proof.principal))}")
    if proof.code and proof.code.version:
        pieces.append(f"at commit {words.code(proof.code.version[:10])}")
    else:
        pieces.append("at an unknown commit")
    if proof.inputs:
        names = (f"**{words.plain(parts.asset_of(estate, key))}**" for key in proof.inputs)
        pieces.append(f"from {words.listed(names)}")
    counted = [
        (proof.tests_passed, "passed"),
        (proof.tests_failed, "failed"),
        (proof.tests_unknown, "unknown"),
    ]
    told = [f"{number} {what}" for number, what in counted if number]
    if told:
        noun = "data test" if counted[0][0] == 1 else "data tests"
        first, *rest = told
        number, what = first.split(" ", 1)
        tests = ", ".join([f"{number} {noun} {what}", *rest])
    else:
        tests = "no data test known"
    return f"{' '.join(pieces)}; {tests}."


def _tests(dataset: Dataset, now: datetime) -> None:
    order = list(look.TEST_STATUSES)
    tests = sorted(
        dataset.tests, key=lambda t: (order.index(t.status.value), t.column or "", t.name)
    )
    counted = {s: sum(t.status.value == s for t in tests) for s in order}
    note = ", ".join(f"{number} {status}" for status, number in counted.items() if number)
    with parts.card("asset_tests", "Data tests", note):
        for test in tests:
            st.markdown(_test(test, now))
        if not tests:
            st.caption("No data test was ever reported for it.")


def _test(test: DataTest, now: datetime) -> str:
    colour, icon = look.TEST_STATUSES[test.status.value]
    on = f" on {words.code(test.column)}" if test.column else ""
    notes = [test.status.value, words.clock(test.at, now)]
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


def _findings(
    live: Sequence[Finding], verdicts: Sequence[Verdict], estate: Estate, now: datetime
) -> None:
    with parts.card("asset_findings", "Findings", "Open ones"):
        for found in live:
            parts.finding(found, estate, now, "asset", is_brief=False)
        if not live:
            st.markdown(f"{_no_finding(verdicts)}.")


def _owners(asset: Dataset | Job) -> None:
    with parts.card("asset_owners", "Owners", "The first counts; on whose word, and why"):
        for claim in asset.owners:
            place = next((e.place for e in claim.evidence if e.place), None)
            why = words.plain(claim.why)
            if place is not None and str(place) not in claim.why:
                why += f", {words.code(str(place))}"
            st.markdown(
                f":material/group: **{words.plain(words.principal(claim.value))}** "
                f"{parts.basis_badge(claim.basis.value)}  \n:gray[:small[because {why}]]"
            )
        if not asset.owners:
            st.caption("Nobody is known to answer for it.")


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


def _writes(job: Job, estate: Estate, now: datetime) -> None:
    with parts.card("asset_writes", "Writes", "Within 30 days"):
        found = [w for w in estate.writes if w.job == job.key]
        for write in found:
            by = f" by {words.code(words.principal(write.principal))}" if write.principal else ""
            name = words.plain(parts.asset_of(estate, write.dataset))
            at = words.clock(write.last_at, now)
            st.markdown(
                f"**{name}**{by}  \n:gray[:small[{words.count(write.runs, 'run')}, last {at}]]"
            )
        if not found:
            st.caption("It wrote nothing that was reported.")


def _code(job: Job) -> None:
    with parts.card("asset_code", "Code", "As its producer says"):
        code = job.code
        if code is None:
            st.caption("Where its code lives was not reported.")
            return
        told = {
            "Repository": code.repository or code.url,
            "Version": code.version,
            "Branch": code.branch,
            "Tag": code.tag,
            "Pull request": code.pull_request,
        }
        for what, value in told.items():
            if value:
                st.markdown(f":gray[{what}] {words.code(value)}")


if __name__ == "__main__":
    page()
