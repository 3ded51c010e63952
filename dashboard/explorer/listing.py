"""The assets of an answer as a list: what stands in the graph, line by line. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from catalog.model import AssetKey, Kind
from dashboard.explorer.answer import Answer, failing_tests, run_of
from dashboard.lineage_graph.cards import find
from lineage.estate import Dataset, Estate
from lineage.graph.model import LastRun, Side

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a cell begins with it."""


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
    shown_as: str
    """``card``, or ``group`` where it is drawn together with others."""


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


def rows(
    found: Answer, wanted: Iterable[AssetKey], cards: Sequence[AssetKey], estate: Estate
) -> tuple[Row, ...]:
    """The wanted assets of an answer, nearest first."""
    drawn = set(cards)
    listed = [_row(found, key, estate, "card" if key in drawn else "group") for key in wanted]
    return tuple(sorted(listed, key=lambda r: (r.distance, r.key.namespace, r.key.name)))


def _row(found: Answer, key: AssetKey, estate: Estate, shown_as: str) -> Row:
    standing, asset = found.standings[key], find(estate, key)
    if asset is None:
        kind = str(key.kind)
        return Row(
            key, key.name, standing.distance, standing.side, kind, "", "", None, None, (), shown_as
        )
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
        shown_as,
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


def as_csv(listed: Iterable[Row]) -> str:
    """The list as CSV, a line for each row, in its order; no cell can act as a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    names = [field.name for field in fields(Line)]
    writer.writerow(names)
    for row in listed:
        told = line(row)
        writer.writerow([guarded(getattr(told, name)) for name in names])
    return text.getvalue()


def guarded(value: object) -> str:
    """A cell that a spreadsheet shows and does not compute."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
