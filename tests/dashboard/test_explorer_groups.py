"""Groups of the estate, paths of columns, and names that are looked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Kind
from dashboard.explorer.answer import Filters, is_wanted
from dashboard.explorer.columns import straight
from dashboard.explorer.groups import By, datasets_of, grouped
from dashboard.explorer.groups import picture as group_picture
from dashboard.explorer.traced import ColumnTie, trace
from dashboard.lineage_graph.picture import NODES_MOST
from dashboard.seeking import names, suggestions
from lineage.graph.estate_graph import EstateGraph
from tests.dashboard.estates import estate_of
from tests.dashboard.test_explorer import filters, roots
from tests.lineage.graph.graphs import ds, graph_of, graphs


@given(graphs, st.sampled_from(By), filters)
def test_groups_hold_every_wanted_dataset_once_and_count_every_edge(
    graph: EstateGraph, by: By, wanted: Filters
) -> None:
    estate = estate_of(graph)

    found = grouped(estate, graph, by, wanted)

    members = [key for group in found.groups for key in group.members]
    expected = {
        key for key, d in estate.datasets.items() if not d.noise and is_wanted(d, estate, wanted)
    }
    assert len(members) == len(set(members))
    assert set(members) == expected
    edges = [
        (graph.key(a), graph.key(b))
        for a, b in graph.flow.edges()
        if {graph.key(a), graph.key(b)} <= expected
    ]
    assert sum(found.between.values()) + sum(g.inside for g in found.groups) == len(edges)
    assert sum(g.into for g in found.groups) == sum(g.out for g in found.groups)


columns_ = st.tuples(roots, st.sampled_from(["", "x", "y"]))


@given(
    st.lists(st.tuples(columns_, columns_, st.booleans()), max_size=12),
    st.tuples(roots, st.sampled_from("xy")),
)
def test_a_traced_path_is_connected_and_complete(
    pairs: list[tuple[tuple[AssetKey, str], tuple[AssetKey, str], bool]],
    start: tuple[AssetKey, str],
) -> None:
    told = [ColumnTie(*a, *b, is_indirect=False, is_masked=m) for a, b, m in pairs if a[1]]

    traced = trace(told, start)

    feeding, fed = {start}, {start}
    for _ in told:
        feeding |= {(t.source, t.source_field) for t in told
                    if (t.target, t.target_field) in feeding
                    or (not t.target_field and any(t.target == a for a, _ in feeding))}  # fmt: skip
        fed |= {(t.target, t.target_field) for t in told
                if (t.source, t.source_field) in fed and t.target_field}  # fmt: skip
    assert {(key, name) for key, names in traced.fields.items() for name in names} == feeding | fed
    assert traced.ties <= set(told)


def test_a_masked_hop_through_temporary_data_stays_masked() -> None:
    told = [
        ColumnTie(ds("a"), "mail", ds("tmp1"), "mail", is_indirect=False, is_masked=True),
        ColumnTie(ds("tmp1"), "mail", ds("b"), "mail", is_indirect=False, is_masked=False),
    ]

    (tie,) = straight(told, {ds("tmp1")}, {ds("a"), ds("b")})

    assert (tie.source, tie.target, tie.is_masked) == (ds("a"), ds("b"), True)


def test_groups_beyond_150_become_one_card() -> None:
    does = [(f"s{i}.a", f"j{i}", f"s{i}.b") for i in range(200)]
    graph = graph_of([*does, ("s0.b", "k", "s199.b")])
    found = grouped(estate_of(graph), graph, By.SCHEMA, Filters())

    drawn = group_picture(found)

    assert len(drawn.nodes) == NODES_MOST
    assert drawn.nodes[-1]["label"] == "51 more groups"
    members = [datasets_of(found, [str(card["id"])]) for card in drawn.nodes]
    assert sum(map(len, members)) == 400


def test_what_is_looked_for_is_found_best_first() -> None:
    graph = graph_of([("orders", "orders", "mart.orders"), ("old.orders_x", "j", "orders_raw")])
    known = names(estate_of(graph))

    found = suggestions(known, "orders")

    assert [a.key.name for a in found] == [
        "orders", "orders", "mart.orders", "orders_raw", "old.orders_x",
    ]  # fmt: skip
    assert {found[0].key.kind, found[1].key.kind} == set(Kind)
    assert suggestions(known, "mart ord") == (found[2],)
    assert suggestions(known, "  ") == ()
