"""The assets of an answer as a list: what stands in the graph, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from catalog.model import AssetKey, Kind
from dashboard.explorer.answer import Answer, failing_tests, run_of
from dashboard.lineage_graph.cards import find
from lineage.estate import Dataset, Estate
from lineage.graph.model import LastRun, Side
from lineage.graph.tabular import csv_text


@dataclass(frozen=True, slots=True)
class Row:
    """One asset."""

    key: AssetKey
    label: str
    distance: int
    side: Side
    kind: str
    owner: str
    """Principal; empty: nobody is known to answer for it."""
    team: str
    tier: int | None
    last_run: LastRun | None
    failing: tuple[str, ...]
    """Data tests whose newest result is no pass."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is written down."""

    kind: str
    namespace: str
    name: str
    type: str
    distance: int
    side: str
    owner: str
    team: str
    tier: str
    last_run_state: str
    last_run_at: str
    last_run_id: str
    failing_data_tests: int
    failing: str


def in_order(found: Answer, wanted: Iterable[AssetKey]) -> tuple[AssetKey, ...]:
    """The wanted assets of an answer as they are listed, nearest first."""
    place = found.standings
    return tuple(sorted(wanted, key=lambda key: (place[key].distance, key.namespace, key.name)))


def rows(found: Answer, listed: Iterable[AssetKey], estate: Estate) -> tuple[Row, ...]:
    """The lines of some assets of an answer."""
    return tuple(row(found, key, estate) for key in listed)


def row(found: Answer, key: AssetKey, estate: Estate) -> Row:
    """The line of one asset."""
    standing, asset = found.standings[key], find(estate, key)
    if asset is None:
        kind = str(key.kind)
        return Row(key, key.name, standing.distance, standing.side, kind, "", "", None, None, ())
    return Row(
        key,
        asset.display_name,
        standing.distance,
        standing.side,
        (asset.kind or "dataset") if isinstance(asset, Dataset) else str(Kind.JOB),
        asset.owners[0].value if asset.owners else "",
        asset.team or "",
        asset.tier.value if isinstance(asset, Dataset) else None,
        run_of(asset, estate),
        tuple(f"{t.name}({t.column})" if t.column else t.name for t in failing_tests(asset)),
    )


def line(row: Row) -> Line:
    """How a row is written down."""
    run = row.last_run
    return Line(
        kind=str(row.key.kind),
        namespace=row.key.namespace,
        name=row.key.name,
        type=row.kind,
        distance=row.distance,
        side=str(row.side),
        owner=row.owner,
        team=row.team,
        tier="" if row.tier is None else str(row.tier),
        last_run_state=run.state.value if run else "",
        last_run_at=_written(run.at) if run else "",
        last_run_id=run.run_id if run else "",
        failing_data_tests=len(row.failing),
        failing=" ".join(row.failing),
    )


def as_csv(listed: Iterable[Row], *, is_around: bool = True) -> str:
    """The list as CSV, a line for each row, in its order; no cell can act as a formula.

    Args:
        listed: The rows.
        is_around: Whether they stand around an asset: else nothing is so many hops away.
    """
    names = [f.name for f in fields(Line) if is_around or f.name not in ("distance", "side")]
    return csv_text(names, ([getattr(line(row), name) for name in names] for row in listed))


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
