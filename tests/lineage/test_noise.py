"""Datasets that are no subjects, and how data goes on through them."""

from __future__ import annotations

from datetime import UTC, datetime

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import observed as o
from lineage.noise import MENTIONED, drawn_through, is_no_dataset, noise_in

NUMBERS = st.integers(0, 9)
AT = datetime(2026, 11, 20, tzinfo=UTC)


@given(st.sets(st.tuples(NUMBERS, NUMBERS), max_size=30), st.sets(NUMBERS))
def test_real_datasets_meet_where_nothing_but_noise_is_between(
    edges: set[tuple[int, int]], noise: set[int]
) -> None:
    graph = nx.DiGraph(edges)
    expected = {(a, b) for a, b in edges if not {a, b} & noise}
    for a in set(graph) - noise:
        for b in set(graph) - noise - {a}:
            between = graph.subgraph({a, b, *noise})
            if nx.has_path(between, a, b):
                expected.add((a, b))

    assert drawn_through(edges, noise.__contains__) == expected


def asset(number: int, name: str, *, seen: bool = True, **facets: dict[str, str]) -> o.Asset:
    said = {name: o.Facet(body, "e", "outputs[0].facets") for name, body in facets.items()}
    return o.Asset(number, "postgres://wh", name, seen, AT, AT, "e", said, ids=(number,))


def test_temporary_data_is_noise_by_type_and_by_name() -> None:
    seen = o.Observed(
        datasets={
            1: asset(1, "db.s.orders"),
            2: asset(2, "db.s.made", datasetType={"datasetType": "JOB_OUTPUT"}),
            3: asset(3, "db.s.orders__dbt_tmp"),
        }
    )

    assert noise_in(seen) == {2: "temporary", 3: "temporary"}


def test_what_is_only_mentioned_is_noise_unless_its_name_is_as_deep_as_what_it_feeds() -> None:
    datasets = {
        1: asset(1, "db.s.orders"),
        2: asset(2, "cte", seen=False),
        3: asset(3, "db.s.source", seen=False),
        4: asset(4, "db.s.nowhere", seen=False),
    }
    shape = o.Shape(edges=((2, 1), (3, 1)))

    seen = o.Observed(datasets=datasets, current={9: (shape,)})

    assert noise_in(seen) == {2: MENTIONED, 4: MENTIONED}


@pytest.mark.parametrize(
    ("name", "below", "expected"),
    [("a.b", None, True), ("a.b", 1, False), ("a.b", 2, True), ("a", 0, False)],
)
def test_depth_of_a_name_tells(name: str, below: int | None, expected: bool) -> None:
    assert is_no_dataset(name, below) is expected
