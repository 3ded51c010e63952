from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from dashboard.lineage_graph.cards import Mark, find, key_of, node_id
from dashboard.lineage_graph.neighbourhood import picture
from dashboard.lineage_graph.picture import Picture
from lineage.estate import Estate
from lineage.reading import load_estate

NOW = datetime.now(UTC)
WAREHOUSE = "postgres://wh-prod:5432"
RAW, ORDERS, REVENUE = "shop.raw.orders", "shop.mart.orders", "shop.mart.revenue"


def dataset(name: str) -> AssetKey:
    return AssetKey(Kind.DATASET, WAREHOUSE, name)


def shown(estate: Estate, drawn: Picture) -> set[str]:
    ids = {node_id(k): k.name for k in (*estate.datasets, *estate.jobs)}
    return {ids[str(node["id"])] for node in drawn.nodes}


def test_one_hop_each_way_is_drawn_first(filled: Engine) -> None:
    estate = load_estate(filled, NOW)

    drawn = picture(estate, dataset(ORDERS))

    assert shown(estate, drawn) == {RAW, ORDERS, REVENUE}
    assert len(drawn.edges) == 2
    assert [node["root"] for node in drawn.nodes].count(True) == 1


def test_rims_tell_how_many_more_there_are_and_open(filled: Engine) -> None:
    estate = load_estate(filled, NOW)
    orders = find(estate, dataset(ORDERS))
    assert orders is not None

    before = picture(estate, dataset(REVENUE))
    after = picture(estate, dataset(REVENUE), expanded=[(node_id(orders.key), "up")])

    assert shown(estate, before) == {ORDERS, REVENUE}
    assert {str(n["id"]): n["more_up"] for n in before.nodes}[node_id(orders.key)] == 1
    assert shown(estate, after) == {RAW, ORDERS, REVENUE}
    assert all(n["more_up"] == 0 for n in after.nodes)


def test_a_job_stands_between_what_it_reads_and_writes(filled: Engine) -> None:
    estate = load_estate(filled, NOW)

    drawn = picture(estate, AssetKey(Kind.JOB, "dbt-prod", "shop.orders"))

    assert shown(estate, drawn) == {RAW, "shop.orders", ORDERS}
    assert len(drawn.edges) == 2


def test_a_write_that_breaks_a_policy_is_drawn_with_its_job(filled: Engine) -> None:
    estate = load_estate(filled, NOW)
    job = AssetKey(Kind.JOB, "notebooks", "fix_*revenue*")

    drawn = picture(estate, dataset(REVENUE), broken=[(job, dataset(REVENUE))])

    assert "fix_*revenue*" in shown(estate, drawn)
    assert sum(edge["broken"] is True for edge in drawn.edges) == 1


def test_columns_make_a_card_taller_and_findings_mark_it(filled: Engine) -> None:
    estate = load_estate(filled, NOW)
    key = dataset(ORDERS)
    orders = find(estate, key)
    assert orders is not None

    drawn = picture(estate, key, opened=[node_id(orders.key)], marks={key: Mark(2, "high")})

    card = next(n for n in drawn.nodes if n["id"] == node_id(orders.key))
    assert [c["name"] for c in card["columns"]] == ["order_id", "amount"]  # type: ignore[attr-defined]
    assert card["h"] == 46 + 2 * 22
    assert (card["findings"], card["severity"]) == (2, "high")


@given(
    st.builds(AssetKey, kind=st.sampled_from(Kind), namespace=st.text(), name=st.text()),
)
def test_a_node_stands_for_exactly_one_asset(key: AssetKey) -> None:
    assert key_of(node_id(key)) == key
