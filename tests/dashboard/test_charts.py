from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from dashboard.charts import Lasted, ScoreBar, durations, rows, score_bars, score_trend
from dashboard.look import INKS

Matrix = npt.NDArray[np.float64]

# Machado, Oliveira and Fernandes 2009, full severity, on linear RGB.
EYES: dict[str, Matrix] = {
    "usual": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ: Matrix = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
WHITE: Matrix = np.array([0.9505, 1.0, 1.089])
TOLD_APART = 11.0
"""Distance in CIELAB from which on two lines are told apart side by side."""


def linear(colour: str) -> Matrix:
    shares = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def lab(rgb: Matrix) -> Matrix:
    t = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(a: str, b: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(c)) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", INKS)
@pytest.mark.parametrize("eyes", EYES)
def test_all_eyes_tell_the_series_apart(ground: str, eyes: str) -> None:
    seen = [lab(EYES[eyes] @ linear(colour)) for colour in INKS[ground].series]

    distances = [float(np.linalg.norm(a - b)) for i, a in enumerate(seen) for b in seen[i + 1 :]]

    assert min(distances) >= TOLD_APART


@pytest.mark.parametrize("ground", INKS)
def test_everything_drawn_stands_out_from_its_ground(ground: str) -> None:
    ink = INKS[ground]

    assert all(contrast(colour, ink.ground) >= 3 for colour in (*ink.series, ink.accent))
    assert all(contrast(colour, ink.ground) >= 4.5 for colour in (ink.text, ink.muted))


def bar(floor: float, ceiling: float, level: int | None = 2, label: str = "Finance") -> ScoreBar:
    return ScoreBar(label, floor, ceiling, "54 to 71", "L2 Managed", level)


def test_a_score_is_solid_to_the_floor_hatched_to_the_ceiling_and_empty_beyond() -> None:
    solid, hatched, empty = score_bars([bar(0.54, 0.71)], INKS["light"]).data

    assert solid.x[0] == pytest.approx(54)
    assert hatched.x[0] == pytest.approx(17)
    assert empty.x[0] == pytest.approx(29)
    assert hatched.marker.pattern.shape == "/"
    assert solid.marker.pattern.shape is None


def test_a_score_that_is_not_assessed_keeps_its_hatch() -> None:
    _, hatched, _ = score_bars([bar(0.0, 1.0, None)], INKS["light"]).data

    assert hatched.x[0] == pytest.approx(100)


def test_names_from_outside_are_no_markup() -> None:
    figure = score_bars([bar(0.1, 0.2, label="<b>x</b>")], INKS["dark"])

    assert "&lt;b&gt;x" in figure.layout.annotations[0].text


def test_a_trend_draws_six_lines_at_most_and_labels_each_at_its_end() -> None:
    days = [date(2026, 1, 1) + timedelta(days=i) for i in range(3)]
    series = {f"team {n}": [(day, 0.5) for day in days] for n in range(8)}

    figure = score_trend(series, INKS["light"], target=0.7)

    assert len(figure.data) == 6
    heights = sorted(a.y for a in figure.layout.annotations)
    assert len(heights) == 6
    assert all(b - a >= 7 for a, b in pairwise(heights))


def test_a_trend_without_days_is_empty() -> None:
    assert not score_trend({"team": []}, INKS["light"]).data


@pytest.mark.parametrize(
    ("seconds", "unit"), [(9.0, "seconds"), (900.0, "minutes"), (20000.0, "hours")]
)
def test_durations_are_drawn_in_a_unit_that_fits(seconds: float, unit: str) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    runs = [
        Lasted(at + timedelta(hours=i), seconds, state, "x")
        for i, state in enumerate(("complete", "fail", "complete"))
    ]

    figure = durations(runs, INKS["dark"])

    assert figure.layout.yaxis.title.text == unit
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == [
        "complete",
        "fail",
    ]
    assert len({trace.marker.symbol for trace in figure.data if trace.mode == "markers"}) == 2


def test_rows_are_drawn_for_each_series_that_somebody_counted() -> None:
    dots = tuple((datetime(2026, 11, day, tzinfo=UTC), day * 10) for day in (1, 2, 3))

    figure = rows({"in it": dots, "written by a run": ()}, INKS["light"])

    (line,) = figure.data
    assert (line.name, list(line.y)) == ("in it", [10, 20, 30])
    assert line.line.dash == "solid"
