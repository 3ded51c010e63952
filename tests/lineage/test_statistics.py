"""Counts and profiles: what was measured, and nothing that was not."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.statistics import ColumnProfile, Counts, Profile, counts_in, profile_in
from lineage.values import count_of, number_of, object_of, objects_in, told
from tests.lineage.wild import facets, real_facets, same_however_written

WORDS = [
    "rowCount", "size", "bytes", "fileCount", "columnMetrics", "nullCount", "distinctCount", "sum",
    "count", "min", "max", "quantiles", "lastUpdated", "captureDate", "0.5", "1", "nan",
]  # fmt: skip

wild = facets(WORDS)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


# Laws


@given(wild)
def test_a_facet_is_read_whatever_it_holds(facet: dict[str, Any]) -> None:
    same_however_written(counts_in, facet)
    same_however_written(profile_in, facet)


@given(wild)
def test_what_is_counted_fits_a_database_and_what_is_measured_is_a_number(
    facet: dict[str, Any],
) -> None:
    profile = profile_in({**facet, "columnMetrics": {"a": facet, "b": facet.get("columnMetrics")}})

    for counts in (profile.counts, counts_in(facet)):
        numbers = (counts.rows, counts.size_bytes, counts.files)
        assert all(number is None or 0 <= number < 2**63 for number in numbers)
    for column in profile.columns:
        measured = [column.values, column.sum, column.min, column.max]
        measured += [number for pair in column.quantiles for number in pair]
        assert all(number is None or math.isfinite(number) for number in measured)
        assert list(column.quantiles) == sorted(dict(column.quantiles).items())


@given(anything)
def test_values_are_taken_out_of_anything(value: Any) -> None:
    assert isinstance(object_of(value), dict)
    assert all(isinstance(entry, dict) for entry in objects_in(value))
    assert (count := count_of(value)) is None or 0 <= count < 2**63
    assert (number := number_of(value)) is None or math.isfinite(number)
    assert told(value) != ""


# Examples


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (5.0, 5), (2**63 - 1, 2**63 - 1), (2**63, None), (-1, None), (0.5, None),
     (True, None), ("5", None), (math.nan, None), (math.inf, None), (1e300, None)],
)  # fmt: skip
def test_a_count_is_a_whole_number_from_nothing_up(value: Any, count: int | None) -> None:
    assert count_of(value) == count


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (-0.5, -0.5), (10**400, None), (math.nan, None), (True, None), ("1", None)],
)
def test_a_number_is_one_that_can_be_drawn(value: Any, number: float | None) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), ("", None), (3, "3"), (2.5, "2.5"), (True, "true"), (None, None), ([], None)],
)
def test_a_text_may_have_been_sent_as_a_number(value: Any, text: str | None) -> None:
    assert told(value) == text


@pytest.mark.parametrize(
    ("facet", "counts"),
    [
        ({"rowCount": 60, "size": 120, "fileCount": 1}, Counts(60, 120, 1)),
        ({"rowCount": -1}, Counts()),
        ({}, Counts()),
    ],
)
def test_what_a_database_does_not_tell_is_not_known(facet: dict[str, Any], counts: Counts) -> None:
    assert counts_in(facet) == counts


def test_a_profile_keeps_everything_that_was_measured() -> None:
    facet = {
        "rowCount": 10,
        "bytes": 20,
        "fileCount": 1,
        "lastUpdated": "2026-11-20T06:00:00Z",
        "captureDate": "2026-11-20T07:00:00Z",
        "columnMetrics": {
            "b": {"nullCount": 1, "distinctCount": 9, "count": 9.0, "sum": 4, "min": -1, "max": 3},
            "a": {"quantiles": {"1": 3, "0.5": 2, "1.0": 4, "x": 1, "7": 1, "0.1": "y"}},
            "": {"nullCount": 1},
        },
    }

    assert profile_in(facet) == Profile(
        Counts(10, 20, 1),
        (
            ColumnProfile("a", quantiles=((0.5, 2.0), (1.0, 4.0))),
            ColumnProfile("b", nulls=1, distinct=9, values=9.0, sum=4.0, min=-1.0, max=3.0),
        ),
        "2026-11-20T06:00:00Z",
        "2026-11-20T07:00:00Z",
    )


def test_real_statistics_are_counted() -> None:
    assert {counts_in(facet).rows for facet in real_facets("outputStatistics")} >= {0, 1, 2, 100}
    assert {profile_in(facet).counts.rows for facet in real_facets("dataQualityMetrics")} == {
        1000,
        None,
    }
