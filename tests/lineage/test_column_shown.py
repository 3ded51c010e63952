"""Columns between the datasets of an answer."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Kind
from lineage.column_index import Edge
from lineage.column_links import ColumnKey, How
from lineage.column_shown import drawn

SHOWN = frozenset(AssetKey(Kind.DATASET, "wh", name) for name in "abc")
NOISE = frozenset(AssetKey(Kind.DATASET, "wh", name) for name in ("tmp1", "tmp2"))

hows = st.builds(
    How,
    st.sampled_from(["DIRECT", "INDIRECT", None]),
    st.sampled_from(["IDENTITY", "FILTER", None]),
    st.booleans(),
)
columns = st.builds(
    ColumnKey, st.sampled_from(sorted(SHOWN | NOISE)), st.sampled_from(["x", "y", ""])
)
edges = st.lists(st.builds(Edge, columns, columns, hows), max_size=12)


def column(name: str, field: str = "x") -> ColumnKey:
    return ColumnKey(AssetKey(Kind.DATASET, "wh", name), field)


@given(edges)
def test_columns_are_joined_wherever_noise_joins_them(given_edges: list[Edge]) -> None:
    ways: nx.DiGraph[ColumnKey] = nx.DiGraph()
    ways.add_edges_from((edge.source, edge.target) for edge in given_edges)

    found = drawn(given_edges, SHOWN, NOISE)

    assert {end.asset for edge in found for end in edge[:2]} <= SHOWN
    noise: nx.DiGraph[ColumnKey] = ways.subgraph([c for c in ways if c.asset in NOISE])
    shown = [c for c in ways if c.asset in SHOWN]
    assert {(edge.source, edge.target) for edge in found} == {
        (a, b)
        for a in shown
        for b in shown
        if ways.has_edge(a, b)
        or (
            a.asset != b.asset
            and any(
                nx.has_path(noise, first, last)
                for first in noise.nodes & set(ways.successors(a))
                for last in noise.nodes & set(ways.predecessors(b))
            )
        )
    }


@given(st.lists(hows, min_size=1, max_size=4))
def test_masked_once_is_masked_and_what_only_decides_no_longer_carries(ways: list[How]) -> None:
    stops = [column("a"), *(column("tmp1", f"f{i}") for i in range(len(ways) - 1)), column("b")]
    chain = [Edge(a, b, how) for a, b, how in zip(stops, stops[1:], ways, strict=False)]

    (edge,) = drawn(chain, SHOWN, NOISE)

    assert edge.how.masking == any(how.masking for how in ways)
    assert (edge.how.type == "INDIRECT") == any(how.type == "INDIRECT" for how in ways)
    assert (edge.how.type == "DIRECT") == all(how.type == "DIRECT" for how in ways)


def test_what_changes_a_value_is_told_rather_than_that_it_was_handed_on() -> None:
    chain = [
        Edge(column("a"), column("tmp1"), How("DIRECT", "IDENTITY")),
        Edge(column("tmp1"), column("b"), How("DIRECT", "AGGREGATION")),
    ]

    (edge,) = drawn(chain, SHOWN, NOISE)

    assert edge == Edge(column("a"), column("b"), How("DIRECT", "AGGREGATION"))
