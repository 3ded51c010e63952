"""Datasets and flows that facets declare without any run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.model import AssetKey, Basis, Environment, Kind, Zone
from lineage.estate import Estate
from tests.lineage.worlds import WH, at, dataset, get, job

World = Callable[..., Estate]

REVENUE = AssetKey(Kind.DATASET, "dbt", "exposure.shop.revenue")


def exposed(**more: Any) -> dict[str, Any]:
    entry = {"unique_id": REVENUE.name, "name": "revenue", "type": "dashboard", **more}
    return {"exposures": [entry]}


def declaration(target: str, *sources: str, minute: int = 1) -> dict[str, Any]:
    """A DatasetEvent whose dataset says what it derives from."""
    inputs = [{"namespace": WH, "name": name, "type": "DATASET"} for name in sources]
    return {
        "run": None, "job": None, "eventType": None, "eventTime": at(minute),
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": dataset(target, lineage={"inputs": inputs}),
    }  # fmt: skip


# Exposures


def test_an_exposure_is_a_dataset_that_stands_on_those_that_name_it(world: World) -> None:
    prod = "postgres://wh-prod"
    estate = world(
        {"job": job("dbt"), "outputs": [dataset("a.b", prod, dbt_exposures=exposed())]},
        {"job": job("dbt2"), "outputs": [
            dataset("a.c", prod, dbt_exposures=exposed(owner={"email": "ana@example.com"}))]},
    )  # fmt: skip

    found = estate.datasets[REVENUE]
    assert (found.kind, found.platform, found.display_name) == ("report", "dbt", "revenue")
    assert found.is_exposure
    assert [k.name for k in found.upstream] == ["a.b", "a.c"]
    assert found.zone is not None
    assert (found.zone.value, found.zone.basis) == (Zone.CONSUMER, Basis.ASSERTED)
    assert found.environment is not None
    assert (found.environment.value, found.environment.is_guess) == (Environment.PROD, True)
    (owner,) = found.owners
    assert (owner.value, owner.basis) == ("person:ana@example.com", Basis.ASSERTED)
    assert owner.evidence[0].facet == "outputs[0].facets.dbt_exposures"
    assert get(estate, "a.b", prod).downstream == (REVENUE,)
    assert get(estate, "a.b", prod).consumers == 1
    assert {f.namespace for f in estate.feeds} == {prod}


def test_an_exposure_is_in_no_environment_that_is_not_that_of_all_its_sources(
    world: World,
) -> None:
    estate = world(
        {"outputs": [dataset("a.b", "postgres://wh-prod", dbt_exposures=exposed())]},
        {"outputs": [dataset("a.b", "postgres://wh-dev", dbt_exposures=exposed())]},
    )

    assert estate.datasets[REVENUE].environment is None


def test_an_exposure_that_no_dataset_names_any_more_is_gone(world: World) -> None:
    estate = world(
        {"eventTime": at(1), "outputs": [dataset("a.b", dbt_exposures=exposed())]},
        {"eventTime": at(2), "outputs": [dataset("a.b", dbt_exposures={"exposures": []})]},
    )

    assert REVENUE not in estate.datasets


# Declared derivations


def test_what_a_dataset_says_it_derives_from_is_an_edge_without_any_run(world: World) -> None:
    estate = world(declaration("a.view", "a.table", "a.other"))

    assert [k.name for k in get(estate, "a.view").upstream] == ["a.other", "a.table"]
    assert [k.name for k in get(estate, "a.table").downstream] == ["a.view"]
    assert get(estate, "a.view").writers == ()


def test_a_newer_declaration_replaces_the_older(world: World) -> None:
    estate = world(
        {"outputs": [dataset("a.old")]},
        declaration("a.view", "a.old", minute=2),
        declaration("a.view", "a.new", minute=3),
    )

    assert [k.name for k in get(estate, "a.view").upstream] == ["a.new"]
    assert get(estate, "a.old").downstream == ()
