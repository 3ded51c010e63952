"""Rows as CSV: whatever a name holds, it comes back."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from lineage.graph.tabular import csv_text

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.tuples(cells, st.integers(), cells)))
def test_what_is_written_is_read_again(rows: list[tuple[str, int, str]]) -> None:
    text = csv_text(["a", "b", "c"], rows)

    head, *found = csv.reader(io.StringIO(text, newline=""))
    assert head == ["a", "b", "c"]
    assert [[cell.removeprefix("'") for cell in row] for row in found] == [
        [str(cell).removeprefix("'") for cell in row] for row in rows
    ]


@given(st.sampled_from("=+-@\t\r"), cells)
def test_no_cell_can_act_as_a_formula(first: str, rest: str) -> None:
    _, (cell,) = csv.reader(io.StringIO(csv_text(["a"], [(first + rest,)]), newline=""))

    assert cell == f"'{first}{rest}"
