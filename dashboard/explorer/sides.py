"""The card beside the picture: what is known of what the viewer chose there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import streamlit as st

from catalog.model import AssetKey
from dashboard import look, opened, parts, words
from dashboard.explorer.answer import failing_tests, run_of
from dashboard.explorer.listing import Row
from dashboard.explorer.traced import ColumnTie, Traced
from dashboard.instants import Known
from dashboard.lineage_graph.cards import COLUMNS_MOST, find
from lineage.estate import Dataset, Job
from lineage.graph.model import LastRun, Link, LinkBasis, Side
from lineage.run_story import RunStory, run_story

JOBS_MOST = 4
COLUMNS_TOLD = 8
SQL = "job.facets.sql"

BASES = {
    LinkBasis.EXPLICIT: "a run says so outright",
    LinkBasis.COLUMN: "its columns are said to come from there",
    LinkBasis.PRODUCT: "a run read the one and wrote the other",
    LinkBasis.DECLARED: "only a declaration says so, no run",
}
_SIDES = {
    Side.UP: "up",
    Side.DOWN: "down",
    Side.BOTH: "up and down",
}


def where(row: Row) -> str:
    """Where an asset stands, seen from the one in the middle."""
    if row.side is Side.ROOT:
        return "in the middle"
    return f"{words.count(row.distance, 'hop')} {_SIDES[row.side]}"


def asset(row: Row, known: Known, now: datetime, on_focus: Callable[[AssetKey], None]) -> None:
    """A card of the picture: who answers for it, how it stands, and where to go on."""
    found = find(known.estate, row.key)
    if found is None:
        st.markdown(f"**{words.plain(words.short(row.label))}**")
        st.caption("It is known by name only: nothing was said about it.")
        return
    parts.asset_link(found)
    st.markdown(f":gray[:small[{words.code(row.key.namespace)} {words.code(row.key.name)}]]")
    st.markdown("  \n".join(_told(found, row, now)))
    run = run_of(found, known.estate)
    if run is not None:
        _run(run, now)
    for test in failing_tests(found)[:COLUMNS_TOLD]:
        colour, icon = look.TEST_STATUSES[test.status.value]
        on = f" on {words.code(test.column)}" if test.column else ""
        st.markdown(f":{colour}[{icon}] {words.plain(test.name)}{on}")
    if row.side is not Side.ROOT:
        st.button(
            "Put in the middle",
            icon=":material/center_focus_strong:",
            key="lineage_focus",
            on_click=on_focus,
            args=(row.key,),
        )


def _run(run: LastRun, now: datetime) -> None:
    label = f"{run.state.value.capitalize()}, {words.clock(run.at, now)}"
    st.markdown(":gray[Last run]")
    parts.run_link(run.job, run.run_id, label, run.state.value)


def _told(found: Dataset | Job, row: Row, now: datetime) -> list[str]:
    owner = f"**{words.plain(row.team)}**" if row.team else "nobody known"
    told = [f":gray[Owner] {owner}", f":gray[Stands] {where(row)}"]
    if isinstance(found, Dataset):
        tier = " (guess)" if found.tier.is_guess else ""
        zone = f", {found.zone.value}" if found.zone else ""
        told.append(f":gray[Kind] {words.plain(row.kind)} on {words.plain(found.platform)}{zone}")
        told.append(f":gray[Tier] {found.tier.value}{tier}")
        written = words.clock(found.last_write_at, now) if found.last_write_at else "never seen"
        told.append(f":gray[Last written] {written}")
        told.append(f":gray[Columns] {len(found.fields):,}")
    else:
        told.append(f":gray[Kind] {words.plain((found.integration or 'job').lower())}")
        told.append(f":gray[Runs in 30 days] {found.runs_30d:,}")
    if not row.last_run:
        told.append(":gray[Last run] none seen")
    return told


def find_column(found: Dataset, on_trace: Callable[[str], None]) -> None:
    """A way to a column of a table that has too many to look through."""
    if len(found.fields) <= COLUMNS_MOST:
        return
    text = st.text_input(
        "Find a column",
        key="lineage_column",
        placeholder=f"One of {len(found.fields):,} columns",
        type="search",
        live=True,
        label_visibility="collapsed",
    )
    wanted = (text or "").lower()
    matching = [f.name for f in found.fields if wanted and wanted in f.name.lower()]
    for name in matching[:COLUMNS_TOLD]:
        st.button(
            words.plain(name),
            key=f"lineage_column_{name}",
            type="tertiary",
            icon=":material/route:",
            on_click=on_trace,
            args=(name,),
        )
    if wanted and not matching:
        st.caption("No column has that in its name.")
    elif len(matching) > COLUMNS_TOLD:
        st.caption(f"and {len(matching) - COLUMNS_TOLD:,} more")


def edge(
    *,
    source: AssetKey,
    target: AssetKey,
    link: Link | None,
    columns: Sequence[ColumnTie],
    known: Known,
    now: datetime,
) -> None:
    """An arrow of the picture: why it is drawn, who carries it, and the event that proves it."""
    parts.key_link(source, known.estate)
    st.markdown(":gray[:material/arrow_downward: goes into]")
    parts.key_link(target, known.estate)
    if link is None:
        st.markdown(
            "It goes there through assets that the filters leave out. "
            "Take a filter away to see them."
        )
        return
    st.markdown("  \n".join(_why(link, now)))
    if not link.jobs:
        st.caption("No job carries it: the dataset itself says where it comes from.")
    for key in link.jobs[:JOBS_MOST]:
        _carrier(key, known, now)
    if len(link.jobs) > JOBS_MOST:
        st.caption(f"and {words.count(len(link.jobs) - JOBS_MOST, 'more job')}")
    if columns:
        st.markdown(f"**{words.count(len(columns), 'column')} told**")
        st.markdown("  \n".join(_column(tie) for tie in columns[:COLUMNS_TOLD]))
        if len(columns) > COLUMNS_TOLD:
            st.caption(f"and {len(columns) - COLUMNS_TOLD:,} more")


def _why(link: Link, now: datetime) -> list[str]:
    said = [
        word for word, holds in (("observed", link.observed), ("declared", link.declared)) if holds
    ]
    if link.current:
        state = ":orange[provisional: no run of its jobs ever completed]" if link.provisional else (
            ":green[:material/check_circle: current]"
        )  # fmt: skip
    else:
        seen = words.clock(link.last_seen, now) if link.last_seen else "never in a run"
        state = f":orange[:material/history: not current any more, last seen {seen}]"
    told = [
        state,
        f":gray[Basis] **{link.basis.value}**: {BASES[link.basis]}",
        f":gray[Is] {words.listed(said) or 'not known'}",
    ]
    if link.first_seen:
        told.append(f":gray[First seen] {words.clock(link.first_seen, now)}")
    if link.last_seen:
        told.append(f":gray[Last seen] {words.clock(link.last_seen, now)}")
    return told


def _carrier(key: AssetKey, known: Known, now: datetime) -> None:
    job = known.estate.jobs.get(key)
    st.markdown("**Carried by**")
    parts.key_link(key, known.estate)
    run = run_of(job, known.estate) if job else None
    if run is None:
        st.caption("No run of it is known.")
        return
    _run(run, now)
    story = _story(known, run.job, run.run_id)
    if story is None:
        return
    said = next((f for f in story.facets if f.path == SQL), None)
    query = said.body.get("query") if said else None
    if isinstance(query, str) and query.strip():
        with st.expander("SQL", type="compact"):
            st.code(query.strip(), language="sql", wrap_lines=True)
    opened.button(story.event_id, "lineage", f"edge_{story.pk}", label="Evidence")


def _story(known: Known, job: AssetKey, run_id: str) -> RunStory | None:
    """The run as the instant knows it, under whichever of the job's names it ran."""
    found = known.estate.jobs.get(job)
    for key in (job, *(found.names if found else ())):
        story = run_story(known.standpoint.engine, key, run_id)
        if story is not None:
            return story
    return None


def _column(tie: ColumnTie) -> str:
    target = words.code(words.short(tie.target_field, 32)) if tie.target_field else "all of it"
    how = [tie.how.lower()] if tie.how else []
    how += ["only decides which rows"] if tie.is_indirect and not tie.how else []
    note = f" :gray[:small[{words.plain(', '.join(how))}]]" if how else ""
    mask = " :violet-badge[:material/visibility_off: masked]" if tie.is_masked else ""
    return f"{words.code(words.short(tie.source_field or 'all of it', 32))} → {target}{mask}{note}"


def path(traced: Traced, known: Known, on_stop: Callable[[], None]) -> None:
    """What a column comes from and becomes, as far as the picture shows."""
    key, name = traced.start
    st.markdown(
        f":material/route: **Path of** {words.code(words.short(name, 40))}  \n"
        f":gray[:small[{words.plain(parts.asset_of(known.estate, key))}]]"
    )
    if not traced.ties:
        st.caption("No producer told where it comes from or what it becomes, among what is shown.")
    for title, ties in (
        ("Comes from", _ordered(t for t in traced.ties if t.target == key)),
        ("Becomes", _ordered(t for t in traced.ties if t.source == key)),
    ):
        if ties:
            st.markdown(f":gray[{title}]  \n" + "  \n".join(_hop(t, key, known) for t in ties))
    masked = sum(tie.is_masked for tie in traced.ties)
    if masked:
        st.markdown(f":violet[:material/visibility_off:] {words.count(masked, 'masked hop')}")
    st.button("Stop tracing", icon=":material/close:", key="lineage_untrace", on_click=on_stop)


def _ordered(ties: Iterable[ColumnTie]) -> list[ColumnTie]:
    return sorted(ties, key=lambda t: (t.source, t.source_field, t.target, t.target_field))[
        :COLUMNS_TOLD
    ]


def _hop(tie: ColumnTie, key: AssetKey, known: Known) -> str:
    is_target = tie.target == key
    other, name = (tie.source, tie.source_field) if is_target else (tie.target, tie.target_field)
    mask = " :violet-badge[masked]" if tie.is_masked else ""
    column = words.code(words.short(name, 32)) if name else "all of it"
    return f"{words.plain(parts.asset_of(known.estate, other))} {column}{mask}"
