"""Rows as CSV and as text. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | int | None
Row = Sequence[Cell]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula."""


def csv_text(head: Sequence[str], rows: Iterable[Row]) -> str:
    """Rows as CSV; a text that a spreadsheet would run is made one that it shows."""
    return "\n".join([_csv_line(head), *(_csv_line(map(_safe, row)) for row in rows)])


def _csv_line(cells: Iterable[Cell]) -> str:
    # What a line ends with is what the writer quotes in a cell: with both, neither is left bare.
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n")


def table(head: Sequence[str], rows: Iterable[Row]) -> str:
    """Rows in columns, for people."""
    cells = [[*head], *(["-" if cell is None else plain(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def plain(cell: Cell) -> str:
    """On one line: names may hold anything."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(cell))
