"""What the explorer answers: the picture, its list and the CSV are one and the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Environment, Zone
from dashboard.explorer import asked, listing
from dashboard.explorer.answer import Answer, Filters, answer, is_wanted, kept, ties, together
from dashboard.explorer.asked import Opened, code_of
from dashboard.explorer.draw import Drawn, Scene, draw
from dashboard.lineage_graph import component
from dashboard.lineage_graph.cards import COLUMNS_MOST, columns_of, find, key_of, node_id
from dashboard.lineage_graph.component import NEAREST
from dashboard.lineage_graph.picture import NODES_MOST
from lineage.estate import Estate, RunState
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import Direction, Side
from lineage.graph.questions import DEPTH_MOST, Question
from tests.dashboard.estates import dataset, estate_of
from tests.lineage.graph.graphs import NAMES, ds, graph_of, graphs, jb

REAL = [name for name in NAMES if not name.startswith("tmp")]
roots = st.sampled_from(REAL).map(ds)
codes = st.text("0123456789abcdef", min_size=10, max_size=10)
filters = st.builds(
    Filters,
    environment=st.sampled_from([None, Environment.PROD, Environment.DEV]),
    zone=st.sampled_from([None, Zone.RAW, Zone.MART]),
    team=st.sampled_from([None, "red", ""]),
    failing=st.booleans(),
)
expansions = st.lists(st.tuples(roots.map(code_of), st.booleans()), max_size=4)


def scene_of(
    graph: EstateGraph,
    root: AssetKey,
    wanted: Filters | None = None,
    depth: int = 1,
    expanded: Collection[tuple[str, bool]] = (),
) -> Scene:
    estate = estate_of(graph)
    found = answer(graph, Question(root, depth=depth), tuple(expanded))
    shown = kept(found, estate, wanted or Filters(), root)
    return Scene(estate, graph, found, shown, Opened(expanded=tuple(expanded)))


def drawn_assets(drawn: Drawn) -> set[AssetKey]:
    own = {key_of(str(card["id"])) for card in drawn.picture.nodes if card["kind"] != "group"}
    return own | {key for keys in drawn.grouped.values() for key in keys}


def ends(drawn: Drawn) -> set[tuple[str, str]]:
    return {
        (key_of(str(e["source"])).name, key_of(str(e["target"])).name) for e in drawn.picture.edges
    }


def fan(many: int) -> EstateGraph:
    return graph_of([("hub", f"j{i}", f"t{i:03}") for i in range(many)])


# Laws -------------------------------------------------------------------------------------------


@given(graphs, roots, filters, st.integers(1, 4), expansions)
def test_the_picture_the_list_and_the_csv_hold_the_same_assets(
    graph: EstateGraph,
    root: AssetKey,
    wanted: Filters,
    depth: int,
    expanded: list[tuple[str, bool]],
) -> None:
    scene = scene_of(graph, root, wanted, depth, expanded)

    drawn = draw(scene)
    order = listing.in_order(scene.found, scene.wanted)
    listed = listing.rows(scene.found, order, scene.estate)
    lines = list(csv.DictReader(io.StringIO(listing.as_csv(listed))))

    assert drawn_assets(drawn) == {row.key for row in listed} == set(scene.wanted)
    told = [(r.key.namespace, r.key.name, str(r.distance), str(r.side)) for r in listed]
    columns = ("namespace", "name", "distance", "side")
    assert told == [tuple(line[column] for column in columns) for line in lines]


@given(graphs, roots, filters, st.integers(1, 4))
def test_filters_leave_out_what_they_say_and_never_the_middle(
    graph: EstateGraph, root: AssetKey, wanted: Filters, depth: int
) -> None:
    scene = scene_of(graph, root, wanted, depth)

    for key in scene.found.standings:
        asset = find(scene.estate, key)
        assert (key in scene.wanted) == (key == root or is_wanted(asset, scene.estate, wanted))


@given(graphs, roots, filters, st.integers(1, 4))
def test_who_feeds_whom_stays_true_however_much_is_filtered_out(
    graph: EstateGraph, root: AssetKey, wanted: Filters, depth: int
) -> None:
    scene = scene_of(graph, root, wanted, depth)
    whole = reach(scene.found.links.keys())

    shown = {(tie.source, tie.target) for tie in ties(scene.found, scene.wanted)}

    assert reach(shown) == {(a, b) for a, b in whole if {a, b} <= set(scene.wanted) and a != b} | {
        (a, b) for a, b in reach(shown) if a == b
    }


def reach(edges: Collection[tuple[AssetKey, AssetKey]]) -> set[tuple[AssetKey, AssetKey]]:
    """Everything that leads to something, at any distance."""
    found = set(edges)
    while True:
        more = {(a, d) for a, b in found for c, d in edges if b == c} - found
        if not more:
            return found
        found |= more


@given(graphs, roots)
def test_rims_tell_the_true_number_of_what_they_add(graph: EstateGraph, root: AssetKey) -> None:
    scene = scene_of(graph, root)
    before = draw(scene)

    for card in before.picture.nodes:
        key = key_of(str(card["id"]))
        for side, up in (("more_up", True), ("more_down", False)):
            after = scene_of(graph, root, expanded=[(code_of(key), up)])
            new = set(after.found.standings) - set(scene.found.standings)
            assert card[side] == len(new)


@given(st.lists(st.tuples(codes, st.booleans()), max_size=5), st.lists(codes, max_size=5),
       st.none() | st.tuples(codes, st.text(min_size=1)), st.lists(codes, max_size=2))  # fmt: skip
def test_an_address_says_all_that_was_opened(
    expanded: list[tuple[str, bool]],
    columns: list[str],
    field: tuple[str, str] | None,
    picked: list[str],
) -> None:
    opened = Opened(tuple(expanded), tuple(columns), field, tuple(picked))

    assert asked.read(asked.written(opened)) == opened


@given(st.dictionaries(st.sampled_from([*asked.PARTS, "x"]), st.text()))
def test_whatever_an_address_says_it_is_read(params: dict[str, str]) -> None:
    opened = asked.read(params)

    assert asked.read(asked.written(opened)) == opened


@given(st.text("=+-@ab\t", min_size=1, max_size=4))
def test_no_cell_of_the_csv_is_a_formula(name: str) -> None:
    graph = graph_of([(name, "j", "b")])
    scene = scene_of(graph, ds(name))

    text = listing.as_csv(listing.rows(scene.found, scene.wanted, scene.estate))

    for row in csv.reader(io.StringIO(text)):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


# Examples ---------------------------------------------------------------------------------------


def test_one_hop_each_way_comes_first_and_what_is_noise_is_drawn_through() -> None:
    graph = graph_of([("a", "j1", "tmp1"), ("tmp1", "j2", "b"), ("b", "j3", "c"), ("c", "j4", "d")])

    drawn = draw(scene_of(graph, ds("b")))

    assert {key.name for key in drawn.cards} == {"a", "b", "c"}
    assert ends(drawn) == {("a", "b"), ("b", "c")}
    assert {c["label"]: c["more_down"] for c in drawn.picture.nodes} == {"a": 0, "b": 0, "c": 1}


def test_what_is_too_much_is_grouped_with_its_count() -> None:
    drawn = draw(scene_of(fan(400), ds("hub")))

    assert len(drawn.picture.nodes) <= NODES_MOST
    (group,) = (card for card in drawn.picture.nodes if card["kind"] == "group")
    assert group["label"] == "253 more assets"
    assert len(drawn.cards) + 253 == 401
    assert drawn.picture.hidden == 253
    (arrow,) = (e for e in drawn.picture.edges if e["target"] == group["id"])
    assert arrow["label"] == "253"


def test_a_crowd_on_one_side_hides_nothing_of_the_other() -> None:
    graph = graph_of([*[("hub", f"j{i}", f"t{i:03}") for i in range(400)], ("z", "k", "hub")])

    drawn = draw(scene_of(graph, ds("hub")))

    assert ds("z") in drawn.cards


def test_what_the_viewer_expands_comes_before_what_is_merely_near() -> None:
    far = [("t399", "k", f"z{i}") for i in range(3)]
    graph = graph_of([*[("hub", f"j{i}", f"t{i:03}") for i in range(400)], *far])
    expanded = [(code_of(ds("t399")), False)]

    drawn = draw(scene_of(graph, ds("hub"), expanded=expanded))

    assert {"t399", "z0", "z1", "z2"} <= {key.name for key in drawn.cards}


def test_loops_rounds_and_one_sided_jobs_are_drawn() -> None:
    graph = graph_of([("a", "j1", "a"), ("a", "j2", "b"), ("b", "j3", "a"), ("", "j4", "b"),
                      ("b", "j5", "")])  # fmt: skip

    drawn = draw(scene_of(graph, ds("a"), depth=3))

    assert ends(drawn) == {("a", "a"), ("a", "b"), ("b", "a")}
    through = answer(graph, Question(ds("b"), depth=1, through_jobs=True))
    assert {jb("j4"), jb("j5")} <= through.standings.keys()


def test_a_job_without_inputs_can_stand_in_the_middle() -> None:
    graph = graph_of([("", "j1", "a")])

    drawn = draw(scene_of(graph, jb("j1")))

    assert {key.name for key in drawn.cards} == {"j1", "a"}
    assert ends(drawn) == {("j1", "a")}


def test_a_filtered_asset_leaves_a_way_through_it() -> None:
    graph = graph_of([("a", "j1", "b"), ("b", "j2", "c"), ("c", "j3", "d")])
    found = answer(graph, Question(ds("a"), depth=3))

    drawn = ties(found, [ds("a"), ds("d")])

    (tie,) = drawn
    assert (tie.source, tie.target, tie.link, tie.through) == (ds("a"), ds("d"), None, 2)


def test_what_is_not_current_is_drawn_on_demand_with_its_day() -> None:
    graph = graph_of([("a", "old1", "b"), ("b", "j1", "c")])
    now = answer(graph, Question(ds("b")))
    ever = answer(graph, Question(ds("b"), with_faded=True))
    estate = estate_of(graph)

    drawn = draw(Scene(estate, graph, ever, tuple(ever.standings)))

    assert ds("a") not in now.standings
    (faded,) = (e for e in drawn.picture.edges if e["look"] == "faded")
    assert faded["label"] == "until 20 Nov"


def test_two_instants_are_told_apart_by_what_came_and_went() -> None:
    before = graph_of([("a", "j1", "b"), ("x", "j2", "b")], ["a", "b", "x"])
    after = graph_of([("a", "j1", "b"), ("y", "j3", "b")], ["a", "b", "y"])
    found = together(*(answer(graph, Question(ds("b"))) for graph in (after, before)))
    wanted = tuple(found.standings)

    drawn = draw(
        Scene(estate_of(after), after, found, wanted, before=before, earlier=estate_of(before))
    )

    looks = {key_of(str(e["source"])).name: e["look"] for e in drawn.picture.edges}
    assert looks == {"a": "", "x": "gone", "y": "added"}
    assert {c["label"]: c["change"] for c in drawn.picture.nodes} == {
        "a": "", "b": "", "x": "gone", "y": "added",
    }  # fmt: skip


def test_an_asset_that_is_known_by_name_only_is_drawn_as_that() -> None:
    graph = graph_of([("a", "j1", "b")])
    scene = scene_of(graph, ds("a"))

    drawn = draw(Scene(Estate(scene.estate.as_of, 1, scene.estate.catalog), graph, scene.found,
                       scene.wanted))  # fmt: skip

    assert {card["kind"] for card in drawn.picture.nodes} == {"unknown"}


def test_a_table_of_1500_columns_shows_some_and_counts_the_rest() -> None:
    wide = dataset(ds("wide"), columns=1500)

    shown = columns_of(wide, 1)
    traced = columns_of(wide, 0, {"c1400", "not in the schema"})

    assert (len(shown.shown), shown.more) == (COLUMNS_MOST, 1500 - COLUMNS_MOST)
    assert [f.name for f in traced.shown] == ["c1400", "not in the schema"]
    assert len(columns_of(wide, 0, {f"c{i}" for i in range(1500)}).shown) == COLUMNS_MOST


def test_only_failing_keeps_what_was_last_written_by_a_run_that_failed() -> None:
    graph = graph_of([("a", "j1", "b"), ("a", "j2", "c")])
    estate = estate_of(graph, {jb("j1"): RunState.FAIL, jb("j2"): RunState.COMPLETE})
    found = answer(graph, Question(ds("a")))

    assert kept(found, estate, Filters(failing=True), ds("a")) == (ds("a"), ds("b"))


@pytest.mark.parametrize("direction", Direction)
def test_a_question_reaches_only_where_it_is_asked_to(direction: Direction) -> None:
    graph = graph_of([("a", "j1", "b"), ("b", "j2", "c")])

    found = answer(graph, Question(ds("b"), direction, DEPTH_MOST))

    sides = {node.side for node in found.standings.values()} - {Side.ROOT}
    assert sides == {
        Direction.UP: {Side.UP}, Direction.DOWN: {Side.DOWN}, Direction.BOTH: {Side.UP, Side.DOWN},
    }[direction]  # fmt: skip


def test_the_picture_of_an_asset_that_is_not_in_the_graph_is_that_asset() -> None:
    found = answer(graph_of([("a", "j1", "b")]), Question(ds("nowhere")))

    assert found == Answer(found.standings, {}, truncated=False)
    assert list(found.standings) == [ds("nowhere")]


def test_names_are_readable_at_the_smallest_zoom_that_is_chosen_for_the_viewer() -> None:
    assert NEAREST >= 0.75


def test_the_script_of_the_picture_stays_small() -> None:
    # It is sent with every run.
    assert len(Path(component.__file__).with_name("graph.js").read_bytes()) < 40_000


def test_no_two_cards_share_a_code() -> None:
    keys = [ds(f"t{i}") for i in range(5000)]

    assert len({asked.code(node_id(key)) for key in keys}) == len(keys)
