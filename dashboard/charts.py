"""Figures: pure functions from plain data to Plotly, the same for every page and report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from itertools import pairwise

import plotly.graph_objects as go

from dashboard.look import RUN_MARKS, Ink

FONT = "Inter, system-ui, sans-serif"
CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False}
ROW_PX = 64
SERIES_MOST = 6
"""More lines than this cannot be told apart."""
LABEL_GAP = 7.5
"""Points between labels at the ends of lines, so that none covers another."""


@dataclass(frozen=True, slots=True)
class ScoreBar:
    """One line of a score chart; shares are 0 to 1."""

    label: str
    floor: float
    ceiling: float
    points: str
    """The score in words, such as ``54 to 71``."""
    standing: str
    """The level in words, with what is not known of it."""
    level: int | None
    """Demonstrated level; ``None``: not assessed."""


def score_bars(bars: Sequence[ScoreBar], ink: Ink) -> go.Figure:
    """Scores as bars out of 100: solid to the floor, hatched to the ceiling, the rest empty."""
    rows = list(range(len(bars)))
    shown = [(100 * b.floor, 100 * max(0.0, b.ceiling - b.floor)) for b in bars]
    figure = go.Figure()
    common = {"y": rows, "orientation": "h", "width": 0.17, "hoverinfo": "skip"}
    figure.add_bar(
        x=[low for low, _ in shown], marker={"color": ink.accent, "line": {"width": 0}}, **common
    )
    figure.add_bar(
        x=[width for _, width in shown],
        marker={
            "color": ink.ground,
            "line": {"width": 0},
            "pattern": {
                "shape": "/",
                "size": 5,
                "solidity": 0.32,
                "fgcolor": ink.accent,
                "bgcolor": ink.empty,
            },
        },
        **common,
    )
    figure.add_bar(
        x=[100 - low - width for low, width in shown],
        marker={"color": ink.empty, "line": {"width": 0}},
        **common,
    )
    for row, bar in enumerate(bars):
        colour = ink.muted if bar.level is None else ink.levels[bar.level]
        texts = (
            (0, "left", 17, f"<b>{escape(bar.label)}</b>", ink.text, 13),
            (100, "right", 17, f"<b>{escape(bar.points)}</b>", ink.text, 13),
            (
                0,
                "left",
                -17,
                f"<span style='color:{colour}'>●</span> {escape(bar.standing)}",
                ink.muted,
                12,
            ),
        )
        for x, anchor, shift, text, ink_of, size in texts:
            figure.add_annotation(
                x=x,
                y=row,
                yshift=shift,
                text=text,
                xanchor=anchor,
                showarrow=False,
                borderpad=0,
                borderwidth=0,
                font={"color": ink_of, "size": size},
            )
    _dress(figure, ink, height=ROW_PX * len(bars) + 8)
    figure.update_layout(barmode="stack", showlegend=False, margin={"l": 1, "r": 2, "t": 4, "b": 4})
    figure.update_xaxes(range=[0, 100], visible=False, fixedrange=True)
    figure.update_yaxes(range=[len(bars) - 0.5, -0.5], visible=False, fixedrange=True)
    return figure


def score_trend(
    series: Mapping[str, Sequence[tuple[date, float]]], ink: Ink, target: float | None = None
) -> go.Figure:
    """Floors by day, out of 100, each line labelled at its end.

    Args:
        series: Name to days and shares of 0 to 1, oldest first; the first six are drawn.
        ink: Colours.
        target: A share to aim for, drawn dashed.
    """
    figure = go.Figure()
    ends: list[tuple[float, str, str, date]] = []
    for (name, dots), colour in zip(list(series.items())[:SERIES_MOST], ink.series, strict=False):
        if not dots:
            continue
        figure.add_scatter(
            x=[day for day, _ in dots],
            y=[100 * share for _, share in dots],
            name=escape(name),
            mode="lines",
            line={"width": 2.2, "color": colour},
            hovertemplate="%{y:.0f}",
        )
        ends.append((100 * dots[-1][1], name, colour, dots[-1][0]))
    ends.sort()
    places = _apart([end[0] for end in ends], LABEL_GAP)
    for (_, name, colour, day), y in zip(ends, places, strict=True):
        figure.add_annotation(
            x=day,
            y=y,
            text=escape(name),
            xanchor="left",
            xshift=8,
            showarrow=False,
            font={"size": 12, "color": colour},
        )
    if target is not None:
        figure.add_hline(y=100 * target, line={"dash": "dash", "width": 1.2, "color": ink.muted})
    _dress(figure, ink, height=260)
    longest = max((len(name) for _, name, _, _ in ends), default=0)
    figure.update_layout(showlegend=False, margin={"l": 8, "r": 24 + 7 * min(longest, 16), "t": 8})
    figure.update_yaxes(range=[0, 100], tickvals=[0, 25, 50, 75, 100], fixedrange=True)
    days = sorted({day for dots in series.values() for day, _ in dots})
    figure.update_xaxes(
        fixedrange=True, tickformat="%-d %b", nticks=min(len(days), 6), ticklabelstandoff=6
    )
    if days:
        figure.update_xaxes(range=[days[0], days[-1]])
        if len(days) <= SERIES_MOST:
            figure.update_xaxes(tickvals=days)
    return figure


@dataclass(frozen=True, slots=True)
class Lasted:
    """One run in a figure of durations."""

    started_at: datetime
    seconds: float
    state: str
    lasted: str
    """The duration in words."""


def durations(runs: Sequence[Lasted], ink: Ink) -> go.Figure:
    """How long runs took, by their start; each state with a colour and a shape of its own."""
    longest = max((run.seconds for run in runs), default=0.0)
    unit, size = next(((u, s) for u, s in _UNITS if longest >= 2 * s), _UNITS[-1])
    ordered = sorted(runs, key=lambda run: run.started_at)
    colours = {"complete": ink.levels[5], "fail": ink.series[3], "abort": ink.levels[2]}
    figure = go.Figure()
    figure.add_scatter(
        x=[run.started_at for run in ordered],
        y=[run.seconds / size for run in ordered],
        mode="lines",
        line={"width": 1.2, "color": ink.line},
        hoverinfo="skip",
        showlegend=False,
    )
    for state in dict.fromkeys(run.state for run in ordered):
        those = [run for run in ordered if run.state == state]
        figure.add_scatter(
            x=[run.started_at for run in those],
            y=[run.seconds / size for run in those],
            name=state,
            mode="markers",
            marker={
                "size": 8,
                "color": colours.get(state, ink.muted),
                "symbol": RUN_MARKS.get(state, "circle-open"),
            },
            customdata=[run.lasted for run in those],
            hovertemplate="%{customdata}",
        )
    _dress(figure, ink, height=220)
    figure.update_layout(
        hovermode="closest",
        showlegend=True,
        legend={"orientation": "h", "y": 1.12, "x": 0, "font": {"color": ink.muted}},
        margin={"l": 8, "r": 12, "t": 28, "b": 8},
    )
    figure.update_yaxes(rangemode="tozero", title={"text": unit, "font": {"size": 11}})
    figure.update_xaxes(nticks=5)
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    return figure


Counted = tuple[tuple[datetime, int], ...]
"""Numbers of rows by instant, oldest first."""


def rows(series: Mapping[str, Counted], ink: Ink) -> go.Figure:
    """Numbers of rows over time: lines with a dot for each time that somebody counted."""
    figure = go.Figure()
    shown = {name: dots for name, dots in series.items() if dots}
    for (name, dots), colour, dash in zip(
        shown.items(), ink.series, ("solid", "dot"), strict=False
    ):
        figure.add_scatter(
            x=[at for at, _ in dots],
            y=[rows for _, rows in dots],
            name=escape(name),
            mode="lines+markers",
            line={"width": 2.2, "color": colour, "dash": dash},
            marker={"size": 5, "color": colour},
            hovertemplate="%{y:,.0f}",
        )
    _dress(figure, ink, height=220)
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": 1.12, "x": 0, "font": {"color": ink.muted}},
        margin={"l": 8, "r": 12, "t": 28, "b": 8},
    )
    figure.update_yaxes(
        rangemode="tozero", fixedrange=True, title={"text": "rows", "font": {"size": 11}}
    )
    figure.update_xaxes(nticks=5, fixedrange=True)
    return figure


_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


def _apart(values: Sequence[float], gap: float) -> list[float]:
    """Values from low to high, moved up where they stand closer than the gap."""
    places = list(values)
    for i, (low, _) in enumerate(pairwise(values), start=1):
        places[i] = max(places[i], places[i - 1] + gap if places[i - 1] > low else low + gap)
    return places


def _dress(figure: go.Figure, ink: Ink, height: int) -> None:
    """What all figures share: transparent, our font, a horizontal grid and nothing else."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": ink.muted},
        hovermode="x unified",
        hoverlabel={
            "bgcolor": ink.ground,
            "bordercolor": ink.line,
            "font": {"family": FONT, "color": ink.text, "size": 12},
        },
    )
    figure.update_xaxes(
        showgrid=False, zeroline=False, linecolor=ink.line, ticks="", automargin=True
    )
    figure.update_yaxes(gridcolor=ink.grid, zeroline=False, ticks="", automargin=True)
