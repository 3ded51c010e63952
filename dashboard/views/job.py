"""Job: its runs, what it reads and writes, who ran it, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import plotly.graph_objects as go
import streamlit as st

from dashboard import around, charts, frame, load, look, opened, parts, standing, words
from lineage.estate import Estate, Job
from lineage.job_runs import Ran, RunLine, RunPage, Touched, usual_pause_s
from lineage.keys import Parentage
from lineage.run_days import RunDay
from lineage.run_story import RunStory, is_endless, schedule

FADED_MOST = 10
UNSCROLLED_MOST = 12
LIST_PX = 480
"""A long list scrolls in place, so that what follows is not pages away."""
POINTS_LEAST = 2  # one run makes no figure


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision, now = frame.revision(), load.now()
    estate = load.estate(revision)
    asked = st.query_params
    if "namespace" not in asked or "name" not in asked:
        st.switch_page(frame.ASSETS)
    st.page_link(frame.ASSETS, label="All assets", icon=":material/arrow_back:")
    job = estate.find_job(asked["namespace"], asked["name"])
    if job is None:
        st.title("Job", anchor=False)
        st.warning("No job with this namespace and name has arrived.")
        return
    runs = load.job_runs(revision, job, asked.get("before", ""))
    newest = next(iter(runs.runs), None)
    story = load.run(revision, newest.job, newest.run_id) if newest else None
    verdicts = standing.verdicts_of(job, estate, revision)
    live = standing.live_of(job.key, revision)
    st.title(words.plain(words.short(job.display_name)), icon=look.JOB_ICON, anchor=False)
    st.markdown(f":gray[:small[{words.code(job.key.namespace)} {words.code(job.key.name)}]]")
    standing.badges(job, "job")
    st.markdown(_context(job, standing.in_short(live, verdicts), now))
    with parts.card("job_around", "What stands around it", "One hop each way"):
        around.graph(job, estate, load.live_findings(revision))
    _runs(runs, job, is_endless=bool(story and is_endless(story)), now=now)
    left, right = st.columns([1, 1], gap="small")
    with left:
        _datasets(load.touched(revision, job), job, estate, now)
        standing.findings(live, verdicts, estate, now, "job")
    with right:
        _about(job, estate, runs, story)
        _people(load.who_ran(revision, job), runs.summed, now)
        standing.owners(job, "job")
        standing.other_names(job, "job")
        _writes(job, estate, now)
    frame.banner(estate)
    opened.drawer("job")


def _context(job: Job, findings: str, now: datetime) -> str:
    state = job.last_state.value if job.last_state else "unknown"
    at = f" {words.clock(job.last_run_at, now)}" if job.last_run_at else ""
    pieces = [findings, f"last run {state}{at}"]
    outcome = job.outcome
    if outcome is not None and outcome.value is not job.last_state:
        colour, icon = look.RUN_STATES[outcome.value.value]
        why = f" because {words.plain(outcome.why)}" if outcome.why else ""
        pieces.append(f":{colour}[{icon} turned out {outcome.value.value}]{why}")
    return " · ".join([*pieces, f"{words.count(job.runs_30d, 'run')} in 30 days"])


def _runs(shown: RunPage, job: Job, *, is_endless: bool, now: datetime) -> None:
    is_first = "before" not in st.query_params
    which = "newest" if is_first else "older"
    note = f"{words.count(len(shown.runs), which + ' run', which + ' runs')}, the last one first"
    with parts.card("job_runs", "Runs", note):
        if not shown.runs and not shown.days:
            st.caption("No run of it was seen." if is_first else "There are no older runs.")
        is_long = len(shown.runs) + len(shown.days) > UNSCROLLED_MOST
        with st.container(height=LIST_PX if is_long else "content", border=False, gap="xxsmall"):
            for one in _newest_first(shown):
                if isinstance(one, RunDay):
                    _day(one)
                    continue
                state = shown.state(one, now, is_endless=is_endless)
                if one.run_id == job.last_run_id and job.last_state:
                    state = job.last_state  # others may have said how it ended
                _run(one, state.value, now)
        parts.pager("job", has_newer=not is_first, older=shown.older)
    _durations(shown)


def _newest_first(shown: RunPage) -> list[RunLine | RunDay]:
    """Runs, and days in the place of those that were summed up."""
    found: list[RunLine | RunDay] = [*shown.runs, *shown.days]
    return sorted(found, key=lambda x: x.day if isinstance(x, RunDay) else x.at, reverse=True)


def _day(day: RunDay) -> None:
    figures = day.figures
    notes = [f"{words.count(figures.runs, 'run')} summed up", f"{figures.failed:,} failed"]
    if figures.timed:
        mean = figures.took_us / figures.timed / 1e6
        longest = words.lasted(figures.longest_us / 1e6)
        notes.append(f"took {words.lasted(mean)} on average, {longest} at most")
    if figures.rows is not None:
        notes.append(words.count(figures.rows, "row"))
    if figures.tests_passed or figures.tests_failed:
        notes.append(
            f"data tests: {figures.tests_passed:,} passed, {figures.tests_failed:,} failed"
        )
    left, right = st.columns([1, 2.6], gap="small", vertical_alignment="center")
    left.markdown(f":gray[:material/functions: {day.day:%Y-%m-%d} UTC]")
    right.markdown(f":gray[:small[{' · '.join(notes)}]]")


def _run(run: RunLine, state: str, now: datetime) -> None:
    colour, _ = look.RUN_STATES[state]
    notes = [f":{colour}[{state}]"]
    if len(run.terminals) > 1:
        said = words.listed(s.value for s in run.terminals)
        notes.append(f":orange[:material/call_split: said to be {said}]")
    if run.duration_s is not None:
        notes.append(f"took {words.lasted(run.duration_s)}")
    elif run.has_ended:
        notes.append("nobody said when it began")
    if run.rows is not None:
        notes.append(words.count(run.rows, "row"))
    if run.principal:
        notes.append(f"by {words.code(words.principal(run.principal))}")
    if run.version:
        notes.append(f"at {words.code(run.version[:10])}")
    left, right = st.columns([1, 2.6], gap="small", vertical_alignment="center")
    with left:
        parts.run_link(run.job, run.run_id, words.clock(run.started_at, now), state)
    right.markdown(f":gray[:small[{' · '.join(notes)}]]")


def _durations(shown: RunPage) -> None:
    took = tuple(
        charts.Lasted(r.started_at, r.duration_s, r.state.value, words.lasted(r.duration_s))
        for r in shown.runs
        if r.duration_s is not None
    )
    if len(took) < POINTS_LEAST:
        return
    note = "Of the runs above, by their start"
    if shown.days:
        note += "; runs that are summed up by day are not in it"
    with parts.card("job_durations", "How long runs took", note):
        st.plotly_chart(
            _figure(took, frame.theme()),
            config=charts.CONFIG,
            theme=None,
            key="job_durations_figure",
            alt="; ".join(f"{t.started_at:%Y-%m-%d %H:%M}: {t.lasted}, {t.state}" for t in took),
        )


@st.cache_resource(show_spinner=False, max_entries=32)
def _figure(took: tuple[charts.Lasted, ...], theme: str) -> go.Figure:
    return charts.durations(took, look.INKS[theme])


def _datasets(touched: Sequence[Touched], job: Job, estate: Estate, now: datetime) -> None:
    with parts.card("job_datasets", "Reads and writes", "Now; faded: what it once did"):
        for verb, is_output in (("reads", False), ("writes", True)):
            _side(verb, [t for t in touched if t.is_output is is_output], job, estate, now)
        if not touched:
            st.caption("No run of it named a dataset.")


def _side(verb: str, touched: Sequence[Touched], job: Job, estate: Estate, now: datetime) -> None:
    faded: list[str] = []
    shown = set()
    for one in touched:
        dataset = estate.find(one.key.namespace, one.key.name)
        key = dataset.key if dataset else one.key
        if key in shown:
            continue
        shown.add(key)
        if dataset and job.key in (dataset.writers if one.is_output else dataset.readers):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                st.markdown(f":gray[{verb}]", width="content")
                parts.asset_link(dataset)
        else:
            name = words.plain(words.short(dataset.display_name if dataset else key.name))
            since = f"last {words.clock(one.last_at, now)}" if one.last_at else "only declared"
            faded.append(f":gray[:small[once {verb} {name} · {since}]]")
    if faded:
        more = [f":gray[:small[and {len(faded) - FADED_MOST} more]]"]
        st.markdown("  \n".join(faded[:FADED_MOST] + (more if len(faded) > FADED_MOST else [])))


def _about(job: Job, estate: Estate, runs: RunPage, story: RunStory | None) -> None:
    with parts.card("job_about", "How it runs", "As its producer says"):
        lines = _told(job, runs, story)
        st.markdown("  \n".join(f":gray[{what}] {told}" for what, told in lines))
        if not job.code:
            st.caption("Where its code lives was not reported.")
        for what, key, said in (
            ("part of", job.parent, job.above.parent),
            ("started by", job.root, job.above.root),
        ):
            if key is not None and (what == "part of" or key != job.parent):
                is_claim = said is Parentage.CLAIMED
                claimed = "claims as its parent" if what == "part of" else "claims as its root"
                with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                    st.markdown(f":gray[{claimed if is_claim else what}]", width="content")
                    parts.key_link(key, estate)
        if Parentage.CLAIMED in (job.above.parent, job.above.root) and (job.parent or job.root):
            parts.parentage(Parentage.CLAIMED)


def _told(job: Job, runs: RunPage, story: RunStory | None) -> list[tuple[str, str]]:
    found = []
    planned = schedule(story) if story else None
    if planned:
        found.append(("Schedule", words.code(planned)))
    pause = usual_pause_s([run.started_at for run in runs.runs if run.has_start])
    if pause:
        found.append(("Usually starts every", words.lasted(round(pause / 60) * 60 or pause)))
    if job.pipeline:
        found.append(("Pipeline", words.code(job.pipeline.value)))
    return found + parts.code_lines(job.code)


def _people(ran: Sequence[Ran], summed: int, now: datetime) -> None:
    with parts.card("job_people", "Who ran it", "Whoever did so last first"):
        for one in ran:
            who = words.code(one.principal) if one.principal else "nobody was named"
            last = words.clock(one.last_at, now)
            st.markdown(f"{who} :gray[:small[{words.count(one.runs, 'run')}, last {last}]]")
        if not ran:
            st.caption("No run of it was seen.")
        if summed:
            more = words.count(summed, "older run", "older runs")
            st.caption(f"Without {more} summed up by day: who ran these is not kept.")


def _writes(job: Job, estate: Estate, now: datetime) -> None:
    with parts.card("job_writes", "Writes", "Within 30 days"):
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


if __name__ == "__main__":
    page()
