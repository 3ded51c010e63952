"""How much there is and what it looks like, as producers count and measure it.

Pure functions of decoded facets: whatever a producer put there, they answer and never raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lineage.events import text_of
from lineage.values import count_of, number_of, object_of


@dataclass(frozen=True, slots=True)
class Counts:
    """How much one run wrote to a dataset or read from it; ``None``: not said.

    What was written is not what is there: an incremental job counts its increment.
    """

    rows: int | None = None
    size_bytes: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What was measured of one column; ``None``: not said."""

    name: str
    nulls: int | None = None
    distinct: int | None = None
    values: float | None = None
    """How many values there are, as some producers share it out: not always whole."""
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    quantiles: tuple[tuple[float, float], ...] = ()
    """(quantile from 0 to 1, value), by quantile."""

    @property
    def is_told(self) -> bool:
        """Whether anything was measured of it."""
        return self != ColumnProfile(self.name)


@dataclass(frozen=True, slots=True)
class Profile:
    """What was measured of a whole dataset, or of the part of it that a run read."""

    counts: Counts = Counts()
    columns: tuple[ColumnProfile, ...] = ()
    """By name."""
    changed_at: str | None = None
    """When the dataset last changed, as it was sent."""
    captured_at: str | None = None
    """When it was measured, as it was sent."""


def tells(profile: Profile) -> bool:
    """Whether anything was measured: an empty facet tells nothing."""
    return profile.counts != Counts() or any(column.is_told for column in profile.columns)


def counts_in(facet: Mapping[str, Any]) -> Counts:
    """Read ``outputStatistics`` of an output or ``inputStatistics`` of an input.

    Some producers send it empty, or with -1 for what their database does not tell.
    """
    return _counts(facet, "size")


def profile_in(facet: Mapping[str, Any]) -> Profile:
    """Read ``dataQualityMetrics``, of a dataset or of an input."""
    columns = (
        _column(name, object_of(entry))
        for name, entry in object_of(facet.get("columnMetrics")).items()
        if name
    )
    return Profile(
        counts=_counts(facet, "bytes"),
        columns=tuple(sorted(columns, key=lambda column: column.name)),
        changed_at=text_of(facet.get("lastUpdated")),
        captured_at=text_of(facet.get("captureDate")),
    )


def _counts(facet: Mapping[str, Any], size: str) -> Counts:
    return Counts(
        count_of(facet.get("rowCount")), count_of(facet.get(size)), count_of(facet.get("fileCount"))
    )


def _column(name: str, entry: Mapping[str, Any]) -> ColumnProfile:
    quantiles = {
        quantile: value
        for key, told in sorted(object_of(entry.get("quantiles")).items())
        if (quantile := _quantile(key)) is not None and (value := number_of(told)) is not None
    }
    return ColumnProfile(
        name=name,
        nulls=count_of(entry.get("nullCount")),
        distinct=count_of(entry.get("distinctCount")),
        values=number_of(entry.get("count")),
        sum=number_of(entry.get("sum")),
        min=number_of(entry.get("min")),
        max=number_of(entry.get("max")),
        quantiles=tuple(sorted(quantiles.items())),
    )


def _quantile(key: str) -> float | None:
    try:
        quantile = float(key)
    except ValueError:
        return None
    return quantile if 0 <= quantile <= 1 else None
