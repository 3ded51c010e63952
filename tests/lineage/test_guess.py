"""What names and orchestrators suggest: no guess without evidence, and every guess has a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import Basis, Claim, Environment, Zone
from lineage import guess

PROD, DEV, TEST, STAGING = (
    Environment.PROD, Environment.DEV, Environment.TEST, Environment.STAGING,
)  # fmt: skip


@pytest.mark.parametrize(
    ("namespace", "name", "environment"),
    [
        ("postgres://wh-prod:5432", "db.raw.orders", PROD),
        ("postgres://WH-PRD:5432", "db.raw.orders", PROD),
        ("postgres://live.example.com", "db.raw.orders", PROD),
        ("postgres://wh-dev:5432", "prod.raw.orders", DEV),
        ("postgres://wh:5432", "prod.raw.orders", PROD),
        ("postgres://wh:5432", "db.dev_ana.orders", DEV),
        ("postgres://wh:5432", "db.qa.orders", TEST),
        ("snowflake://org-uat", "db.s.t", STAGING),
        ("postgres://wh:5432", "db.staging.orders", None),
        ("postgres://wh:5432", "db.raw.prod", None),
        ("postgres://wh:5432", "db.production_orders_x.y", PROD),
        ("postgres://delivery:5432", "db.developers.orders", None),
        ("duckdb:///srv/dev/shop.duckdb", "shop.raw.orders", None),
        ("duckdb:///x/shop_prod.duckdb", "shop.raw.orders", PROD),
        ("file", "data/orders.csv", None),
        ("", "", None),
    ],
)
def test_an_environment_is_read_from_whole_words_of_places(
    namespace: str, name: str, environment: Environment | None
) -> None:
    claim = guess.environment_by_name(namespace, name)

    assert (claim.value if claim else None) == environment
    assert claim is None or (claim.is_guess and claim.why)


@pytest.mark.parametrize(
    ("namespaces", "environment"),
    [
        ([], None),
        (["airflow-prod"], PROD),
        (["airflow-prod", "dbt-prod", "ml"], PROD),
        (["airflow-prod", "dbt-dev"], None),
        (["default"], None),
    ],
)
def test_writers_that_agree_give_their_environment(
    namespaces: list[str], environment: Environment | None
) -> None:
    claim = guess.environment_by_job(namespaces)

    assert (claim.value if claim else None) == environment


@pytest.mark.parametrize(
    ("name", "is_written", "is_read", "zone"),
    [
        ("wh.raw.orders", True, True, Zone.RAW),
        ("lake/bronze/orders.parquet", True, True, Zone.RAW),
        ("wh.main.stg_orders", True, True, Zone.STAGING),
        ("wh.main.fct_orders", True, True, Zone.MART),
        ("wh.marts.orders", True, False, Zone.MART),
        ("wh.main.orders", True, True, None),
        ("wh.main.orders", False, True, Zone.SOURCE),
        ("wh.main.orders", False, False, None),
        ("raw", True, True, None),
        ("wh.main.test", True, True, None),
        ("", True, True, None),
        ("...", True, True, None),
    ],
)
def test_a_zone_is_read_from_folder_schema_prefix_or_flow(
    name: str, is_written: bool, is_read: bool, zone: Zone | None
) -> None:
    claim = guess.zone_by_name(name, "postgres", is_written, is_read)

    assert (claim.value if claim else None) == zone
    assert claim is None or claim.basis is Basis.GUESSED


def test_a_job_belongs_to_the_pipeline_of_its_root_else_of_its_tool() -> None:
    by_root = guess.pipeline_of("dbt-prod", "DBT", ("airflow-prod", "AIRFLOW"))
    by_tool = guess.pipeline_of("dbt-prod", "DBT", None)
    by_spark_root = guess.pipeline_of("x", None, ("spark", "SPARK"))

    assert by_root is not None
    assert by_root.value == "airflow:airflow-prod"
    assert by_tool is not None
    assert by_tool.value == "dbt:dbt-prod"
    assert by_spark_root is None
    assert guess.pipeline_of("x", "SPARK", None) is None
    assert guess.pipeline_of("x", None, None) is None


MEMBER = Claim("dbt:x", Basis.GUESSED, "dbt reports it")


@pytest.mark.parametrize(
    ("pipeline", "integration", "has_code", "known", "answer"),
    [
        (None, None, False, [], None),
        (MEMBER, "DBT", True, [], None),
        (MEMBER, "DBT", False, ["dbt:x"], True),
        (None, None, False, ["dbt:x"], False),
        (None, "CUSTOM", False, ["dbt:x"], False),
        (None, "SPARK", False, ["dbt:x"], None),
        (None, None, True, ["dbt:x"], None),
    ],
)
def test_a_job_is_held_against_pipelines_only_where_some_are_known(
    pipeline: Claim[str] | None,
    integration: str | None,
    has_code: bool,
    known: list[str],
    answer: bool | None,
) -> None:
    claim = guess.is_job_sanctioned(pipeline, integration, has_code, known)

    assert (claim.value if claim else None) == answer
    assert claim is None or claim.is_guess


@given(st.text(alphabet="xyz0189-_./:@ é"), st.text(alphabet="xyz0189-_./:@ é"))
def test_names_that_say_nothing_give_no_guess(namespace: str, name: str) -> None:
    assert guess.environment_by_name(namespace, name) is None
    assert guess.environment_by_job([namespace, name]) is None
    assert guess.zone_by_name(name, "unknown", False, True) is None


@given(st.text(), st.text(), st.booleans(), st.booleans())
def test_any_names_are_guessed_without_failing(
    namespace: str, name: str, is_written: bool, is_read: bool
) -> None:
    for claim in (
        guess.environment_by_name(namespace, name),
        guess.zone_by_name(name, "s3", is_written, is_read),
        guess.environment_by_pipeline(namespace),
    ):
        assert claim is None or (claim.is_guess and claim.why)
