"""Board: how mature, what needs attention, what arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, frame, load, look, parts, words
from dashboard.charts import ScoreBar
from lineage.estate import Dataset, Estate, FeedKind, Job
from policies.model import (
    UNOWNED,
    DimensionScore,
    Finding,
    PracticeScore,
    Score,
    ScoreBoard,
    Severity,
)

TESTED_WITHIN = timedelta(days=7)
ATTENTION_MOST = 6
RUNS_MOST = 8
TREND_DAYS = 2  # with fewer a line says nothing
ALL = "All"
WHOLE = "Organisation"


def page() -> None:
    """Read once, draw from top to bottom, decide nothing."""
    revision, now = frame.revision(), load.now()
    estate, scores = load.estate(revision), load.scores(revision)
    st.title("Board", anchor=False)
    if not estate.datasets and not estate.jobs:
        parts.context("Every pipeline and dataset, judged by evidence")
        frame.nothing_yet("board")
        return
    datasets = [d for d in estate.datasets.values() if not d.noise]
    jobs = [j for j in estate.jobs.values() if not j.noise]
    live = load.live_findings(revision)
    parts.context(_context(datasets, jobs, now))
    frame.banner(estate)
    _tiles(datasets, live, scores, estate, now)
    left, right = st.columns([1, 1], gap="small")
    with left:
        _teams(scores, estate)
        _trend(estate, revision)
    with right:
        _attention(live, scores, estate, now)
    _arrived(jobs, estate, revision, now)


def _context(datasets: Sequence[Dataset], jobs: Sequence[Job], now: datetime) -> str:
    seen = [d.last_seen for d in datasets] + [j.last_seen for j in jobs if j.last_seen]
    teams = ({d.team for d in datasets} | {j.team for j in jobs}) - {None}
    pieces = [
        words.count(len(teams), "team") if teams else "no team known yet",
        words.count(len(datasets), "dataset"),
        words.count(len(jobs), "job"),
    ]
    if seen:
        newest = max(seen)
        pieces.append(f"newest event {words.clock(newest, now)}, {words.age(newest, now)}")
    return " · ".join(pieces)


def _tiles(
    datasets: Sequence[Dataset],
    live: Sequence[Finding],
    scores: ScoreBoard | None,
    estate: Estate,
    now: datetime,
) -> None:
    worst = Counter(f.severity for f in live)
    by_severity = [f"{worst[s]} {s.word}" for s in reversed(Severity) if worst[s]]
    tiles = [
        ("Maturity score", *_score_tile(scores)),
        ("Datasets with an owner", *_owned_tile(datasets, estate)),
        ("Tested in the last 7 days", *_tested_tile(datasets, estate, now)),
        ("Open findings", f"{len(live):,}", ", ".join(by_severity) or "none"),
    ]
    with st.grid(4, min_column_width=190, gap="small"):
        for label, value, note in tiles:
            st.metric(
                label,
                value,
                note,
                delta_color="off",
                delta_arrow="off",
                border=True,
                height="stretch",
            )


def _owned_tile(datasets: Sequence[Dataset], estate: Estate) -> tuple[str, str]:
    spoken = {f.namespace for f in estate.feeds if f.evidence is FeedKind.OWNERS and f.last_at}
    owned = [d for d in datasets if d.owners]
    told = [
        d for d in datasets if d.owners or estate.catalog.is_applied or d.key.namespace in spoken
    ]
    if not told:
        return "Not known", "no owner ever arrived"
    guessed = sum(d.owners[0].is_guess for d in owned)
    share, note = _share(len(owned), len(told), len(datasets))
    return share, note + (f", {guessed} by guess" if guessed else "")


def _tested_tile(datasets: Sequence[Dataset], estate: Estate, now: datetime) -> tuple[str, str]:
    feeds = [f for f in estate.feeds if f.evidence is FeedKind.DATA_TESTS]
    alive = {f.namespace for f in feeds if f.is_alive(now)}
    told = [d for d in datasets if d.key.namespace in alive]
    if not told:
        spoken = any(f.last_at for f in feeds)
        return "Not known", f"no data test {'in 7 days' if spoken else 'ever arrived'}"
    since = now - TESTED_WITHIN
    tested = [d for d in told if d.tests_last_run_at and d.tests_last_run_at >= since]
    return _share(len(tested), len(told), len(datasets))


def _share(found: int, told: int, all_: int) -> tuple[str, str]:
    """A share of the datasets that can be told, and how many cannot."""
    rest = f", {all_ - told} not known" if all_ > told else ""
    return words.percent(found / told), f"{found} of {words.count(told, 'dataset')}{rest}"


def _score_tile(scores: ScoreBoard | None) -> tuple[str, str]:
    if scores is None:
        return "–", "not judged yet"
    whole = scores.organisation
    if whole.level_floor is None:
        return "Not assessed", f"{words.percent(1 - whole.coverage)} of the evidence is missing"
    level = words.level(whole.level_floor)
    ceiling = whole.level_ceiling
    up_to = f", up to L{ceiling}" if ceiling is not None and ceiling > whole.level_floor else ""
    return words.points(whole.floor, whole.ceiling), f"{level}{up_to}"


def _teams(scores: ScoreBoard | None, estate: Estate) -> None:
    note = "Out of 100: solid is demonstrated, hatched is not known, empty is missed"
    with parts.card("board_teams", "Maturity by team", note):
        if scores is None:
            st.caption("The first assessment has not run yet.")
            return
        dimensions = {d.id: d.name for d in scores.organisation.dimensions}
        chosen = st.segmented_control(
            "Dimension",
            [ALL, *dimensions],
            default=ALL,
            required=True,
            format_func=lambda d: dimensions.get(d, "All dimensions"),
            key="board_dimension",
            bind="query-params",
            label_visibility="collapsed",
        )
        names = _names(estate)
        scopes = [(WHOLE, scores.organisation)]
        scopes += [(names.get(t.team, t.team), t.score) for t in scores.teams]
        bars = [bar for label, score in scopes if (bar := _bar(label, score, chosen or ALL))]
        st.plotly_chart(
            _figure(tuple(bars), frame.theme()),
            config=charts.CONFIG,
            theme=None,
            key="board_scores",
            alt="; ".join(f"{b.label}: {b.points}, {b.standing}" for b in bars),
        )
        _practices(scores.organisation, chosen or ALL)


def _names(estate: Estate) -> dict[str, str]:
    return {team.id: team.name for team in estate.catalog.teams} | {UNOWNED: "Unowned"}


def _trend(estate: Estate, revision: int) -> None:
    history, names = load.score_history(revision), _names(estate)
    series = {
        WHOLE if team is None else names.get(team, team): tuple(
            (point.day.date(), point.floor) for point in points
        )
        for team, points in history.items()
    }
    days = {day for points in series.values() for day, _ in points}
    if len(days) < TREND_DAYS:
        return
    # The days that were scored may lie weeks apart.
    span = words.count((max(days) - min(days)).days, "day")
    note = f"What is demonstrated, out of 100, over {span}"
    with parts.card("board_trend", "Score by day", note):
        st.plotly_chart(
            _trend_figure(tuple(series.items()), frame.theme()),
            config=charts.CONFIG,
            theme=None,
            key="board_trend_figure",
            alt="; ".join(
                f"{name}: {words.points(points[-1][1], points[-1][1])}"
                for name, points in series.items()
                if points
            ),
        )


@st.cache_resource(show_spinner=False, max_entries=32)
def _trend_figure(
    series: tuple[tuple[str, tuple[tuple[date, float], ...]], ...], theme: str
) -> go.Figure:
    return charts.score_trend(dict(series), look.INKS[theme])


def _bar(label: str, score: Score, chosen: str) -> ScoreBar | None:
    part: Score | DimensionScore | None = score
    if chosen != ALL:
        part = next((d for d in score.dimensions if d.id == chosen), None)
    if part is None:
        return None
    return ScoreBar(
        label,
        part.floor,
        part.ceiling,
        words.points(part.floor, part.ceiling),
        words.standing(part.level_floor, part.level_ceiling, part.coverage),
        part.level_floor,
    )


@st.cache_resource(show_spinner=False, max_entries=32)
def _figure(bars: tuple[ScoreBar, ...], theme: str) -> go.Figure:
    return charts.score_bars(bars, look.INKS[theme])


def _practices(organisation: Score, chosen: str) -> None:
    shown = [d for d in organisation.dimensions if chosen in (ALL, d.id)]
    titles = load.practices()
    with st.expander("What is counted", type="compact"):
        for dimension in shown:
            st.markdown(f"**{words.plain(dimension.name)}** :gray[{dimension.id}]")
            for practice in dimension.practices:
                known = titles.get(practice.id)
                st.markdown(
                    f"{words.plain(known.title if known else practice.id)}  \n"
                    f":small[:gray[{practice.id}, level {practice.level}:] {_counted(practice)}]"
                )
            if dimension.capped:
                st.caption(words.plain(dimension.capped))


def _counted(practice: PracticeScore) -> str:
    why = words.listed(
        f"{number} {words.REASONS.get(reason, reason)}"
        for reason, number in practice.reasons.items()
    )
    pieces = [
        f":green[{practice.passed} pass]" if practice.passed else "",
        f":red[{practice.failed} fail]" if practice.failed else "",
        f":gray[{practice.unknown} unknown ({why})]" if practice.unknown else "",
        f":gray[{practice.not_applicable} not applicable]" if practice.not_applicable else "",
    ]
    return ", ".join(filter(None, pieces)) or ":gray[nothing to count]"


def _attention(
    live: Sequence[Finding], scores: ScoreBoard | None, estate: Estate, now: datetime
) -> None:
    shown = live[:ATTENTION_MOST]
    note = f"{len(shown)} of {words.count(len(live), 'open finding')}, the worst first"
    with parts.card("board_attention", "Needs attention", note if live else "", stretch=True):
        if not live:
            st.markdown(_calm(scores))
            return
        for found in shown:
            parts.finding(found, estate, now, "board", is_brief=True)
        st.page_link(frame.FINDINGS, label="All findings", icon=":material/arrow_forward:")


def _calm(scores: ScoreBoard | None) -> str:
    """That there is no finding, and how much evidence that rests on."""
    if scores is None:
        return ":gray[Nothing was judged yet.]"
    missing = 1 - scores.organisation.coverage
    if missing > 0:
        return f":gray[No open finding, but {words.percent(missing)} of the evidence is missing.]"
    return ":green[:material/check_circle:] No open finding."


def _arrived(jobs: Sequence[Job], estate: Estate, revision: int, now: datetime) -> None:
    recent = sorted(
        (j for j in jobs if j.last_run_at), key=lambda j: (j.last_run_at, j.key), reverse=True
    )
    left, right = st.columns([1, 1], gap="small")
    with left, parts.card("board_runs", "Latest runs", "The newest run of each job", stretch=True):
        for job in recent[:RUNS_MOST]:
            _run(job, estate, now)
        if not recent:
            st.caption("No run was reported yet.")
    with right:
        parts.producers(load.intake(revision), now, "board")


def _run(job: Job, estate: Estate, now: datetime) -> None:
    colour, icon = look.RUN_STATES[job.last_state.value if job.last_state else "unknown"]
    keys = {w.dataset for w in estate.writes if w.job == job.key}
    written = sorted(parts.asset_of(estate, key) for key in keys)
    at = words.clock(job.last_run_at, now) if job.last_run_at else ""
    # Of the last 30 days and not of this run alone, which may have failed.
    what = f" writes {words.listed(map(words.plain, written), 3)}" if written else ""
    state = job.last_state.value if job.last_state else "unknown"
    st.markdown(
        f":{colour}[{icon}] **{words.plain(words.short(job.display_name))}**{what}  \n"
        f":gray[:small[{state} · {at}]]"
    )


if __name__ == "__main__":
    page()
