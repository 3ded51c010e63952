"""Uses of data outside dbt, and the node that a job is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Kind
from lineage.exposures import (
    Exposure,
    ExposureKind,
    dbt_unique_id,
    exposures_in,
    exposures_of,
)
from tests.lineage.wild import facets, real_facets, same_however_written

WORDS = [
    "exposures", "unique_id", "name", "type", "url", "owner", "email", "depends_on", "nodes",
    "dbt_node",
]  # fmt: skip
ORDERS, MONEY = (AssetKey(Kind.DATASET, "duckdb://wh", name) for name in ("orders", "money"))

wild = facets(WORDS, ["dashboard", "ml", "exposure.shop.revenue", "model.shop.orders"])
carried = st.lists(
    st.tuples(
        st.sampled_from([ORDERS, MONEY]),
        wild.map(lambda f: exposures_in({"exposures": [f, {"name": "a"}, {"name": "b"}]})),
    ),
    max_size=4,
)


# Laws


@given(wild)
def test_a_facet_is_read_whatever_it_holds(facet: dict[str, Any]) -> None:
    same_however_written(exposures_in, facet)
    same_however_written(dbt_unique_id, facet)


@given(carried, st.data())
def test_gathering_minds_neither_order_nor_repetition(
    found: list[tuple[AssetKey, tuple[Exposure, ...]]], data: st.DataObject
) -> None:
    again = data.draw(st.permutations([*found, *found]))

    assert exposures_of(again) == exposures_of(found)
    ids = [exposure.unique_id for exposure in exposures_of(found)]
    assert ids == sorted(set(ids))


@given(carried)
def test_every_dataset_that_names_an_exposure_feeds_it(
    found: list[tuple[AssetKey, tuple[Exposure, ...]]],
) -> None:
    fed = {(e.unique_id, d) for e in exposures_of(found) for d in e.datasets}

    assert fed == {(e.unique_id, dataset) for dataset, named in found for e in named}


# What dbt sends


def test_the_real_exposure_is_a_report_with_an_address() -> None:
    (facet,) = real_facets("dbt_exposures")

    (exposure,) = exposures_of([(ORDERS, exposures_in(facet))])

    assert exposure == Exposure(
        unique_id="exposure.openlineage_compatibility_test.revenue_dashboard",
        name="revenue_dashboard",
        kind=ExposureKind.REPORT,
        url="https://bi.example.com/dashboards/1",
        datasets=(ORDERS,),
    )
    assert exposure.key == AssetKey(Kind.DATASET, "dbt", exposure.unique_id)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("dashboard", "report"), ("analysis", "report"), ("notebook", "notebook"), ("ml", "ml"),
        ("Application", "application"), ("else", None), (None, None), (3, None),
    ],
)  # fmt: skip
def test_dbt_types_have_kinds(told: Any, kind: str | None) -> None:
    (exposure,) = exposures_in({"exposures": [{"name": "x", "type": told}]})

    assert exposure.kind == kind


def test_what_a_fuller_facet_says_is_kept_and_secrets_are_not() -> None:
    entry = {
        "unique_id": "exposure.shop.revenue",
        "url": "https://ana:pw@bi.example.com/1?token=abc",
        "owner": {"name": "Ana", "email": "ana@example.com"},
        "depends_on": {"nodes": ["model.shop.b", "model.shop.a", 3]},
    }

    (exposure,) = exposures_in({"exposures": [entry]})

    assert (exposure.name, exposure.owner) == ("revenue", "ana@example.com")
    assert exposure.nodes == ("model.shop.a", "model.shop.b")
    assert exposure.url is not None
    assert not {"pw", "abc"} & set(exposure.url.replace("@", "=").split("="))


def test_one_exposure_of_two_datasets_is_one() -> None:
    named = exposures_in({"exposures": [{"unique_id": "e", "name": "e", "type": "ml"}]})

    (exposure,) = exposures_of([(ORDERS, named), (MONEY, named)])

    assert exposure.datasets == (MONEY, ORDERS)


def test_every_real_node_has_an_id() -> None:
    ids = [dbt_unique_id({"dbt_node": facet}) for facet in real_facets("dbt_node")]

    assert len(ids) > 20
    assert all(unique_id and "." in unique_id for unique_id in ids)


@pytest.mark.parametrize("node", [None, {}, {"unique_id": ""}, {"unique_id": " "}, "x"])
def test_a_job_without_a_node_has_no_id(node: Any) -> None:
    assert dbt_unique_id({"dbt_node": node}) is None
    assert dbt_unique_id({}) is None
