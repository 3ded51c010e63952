"""What was measured of a dataset: its columns as they were last told, and how its rows went."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, load, look, opened, parts, words
from lineage.estate import Dataset
from lineage.measuring import Measurement, Measurements
from lineage.profiles import Extent
from lineage.statistics import ColumnProfile

COLUMNS_MOST = 20
GROUPS_MOST = 4


def card(dataset: Dataset, revision: int, now: datetime, page: str) -> None:
    """Everything that was measured; nothing if nothing was."""
    found = load.measurements(revision, dataset)
    if not found.columns and not found.rows and found.newest is None:
        return
    with parts.card(f"{page}_measured", "Measured", _note(found, now)):
        _rows(found)
        for number, one in enumerate(found.columns[:GROUPS_MOST]):
            _group(one, now, page, number)
        left = sum(len(one.profile.columns) for one in found.columns[GROUPS_MOST:])
        if left:
            st.caption(f"and {words.count(left, 'more column')} that nobody measured since")


def _note(found: Measurements, now: datetime) -> str:
    """How much of it there is, as the newest that counted the whole has it."""
    newest = found.newest
    if newest is None:
        return "How much is in it altogether is not told"
    counts = newest.profile.counts
    told = []
    if counts.rows is not None:
        told.append(words.count(counts.rows, "row"))
    if counts.size_bytes is not None:
        told.append(words.size(counts.size_bytes))
    if counts.files is not None:
        told.append(words.count(counts.files, "file"))
    return f"{', '.join(told)}, measured {words.clock(newest.at, now)}"


def _rows(found: Measurements) -> None:
    there = tuple((c.at, c.rows) for c in found.rows if not c.is_written)
    written = tuple((c.at, c.rows) for c in found.rows if c.is_written)
    if max(len(there), len(written)) < 2:
        if not there and written:
            at_once = words.count(written[-1][1], "row")
            st.markdown(f":gray[:small[The newest run that counted wrote {at_once}.]]")
        return
    theme = st.context.theme.type or "light"
    st.plotly_chart(
        _figure(there, written, theme),
        config=charts.CONFIG,
        theme=None,
        key="measured_rows",
        alt=f"Rows over time, {len(there)} times measured and {len(written)} times written",
    )


@st.cache_resource(show_spinner=False, max_entries=64)
def _figure(there: charts.Counted, written: charts.Counted, theme: str) -> go.Figure:
    return charts.rows({"in it": there, "written by a run": written}, look.INKS[theme])


def _group(one: Measurement, now: datetime, page: str, number: int) -> None:
    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f":gray[:small[{_when(one, now)}]]", width="content")
            if one.run is not None:
                name = words.plain(words.short(one.run.job.name, 40))
                parts.run_link(one.run.job, one.run.run_id, name, one.run.state.value)
            opened.button(one.event_id, page, f"measured_{number}", about="dataQualityMetrics")
        lines = [_column(column) for column in one.profile.columns]
        st.markdown("\n\n".join(lines[:COLUMNS_MOST]))
        if len(lines) > COLUMNS_MOST:
            with st.expander(f"{len(lines) - COLUMNS_MOST} more"):
                st.markdown("\n\n".join(lines[COLUMNS_MOST:]))


def _when(one: Measurement, now: datetime) -> str:
    what = "Columns" if one.extent is Extent.WHOLE else "Columns of what a run read,"
    captured = one.profile.captured_at
    at = f", captured {words.plain(captured)}" if captured else ""
    by = " by" if one.run is not None else " by no run"
    return f"{what} measured {words.clock(one.at, now)}{at}{by}"


def _column(column: ColumnProfile) -> str:
    return f"{words.code(column.name)}  \n:gray[:small[{' · '.join(_told(column))}]]"


def _told(column: ColumnProfile) -> Iterator[str]:
    if column.nulls is not None:
        yield words.count(column.nulls, "null")
    if column.distinct is not None:
        yield f"{column.distinct:,} distinct"
    if column.values is not None:
        yield f"{words.number(column.values)} values"
    if column.min is not None or column.max is not None:
        low, high = ("?" if end is None else words.number(end) for end in (column.min, column.max))
        yield f"{low} to {high}"
    if column.sum is not None:
        yield f"sum {words.number(column.sum)}"
    for quantile, value in column.quantiles:
        yield f"{words.percent(quantile)} up to {words.number(value)}"
