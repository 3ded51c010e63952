"""Names: what people see of them, and what they say about platform, kind and noise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lineage.naming import (
    dataset_noise,
    display_names,
    job_noise,
    kind_by_platform,
    platform_of,
)

NAMES = st.sets(
    st.one_of(
        st.lists(st.sampled_from(["a", "b", ".", "/", "..", "orders", ".csv", "gz"]), min_size=1)
        .map("".join),
        st.text(min_size=1),
    ),
    max_size=8,
)  # fmt: skip


@given(NAMES)
@example({"a..b", "c..b"})
@example({"a.b", "a/b", "b", ".b", "b."})
@example({"x.csv", "y/x.csv", "y.x.csv", "csv"})
def test_a_displayed_name_is_an_ending_that_no_other_displays(names: set[str]) -> None:
    shown = display_names(names)

    assert set(shown) == names
    assert all(name.endswith(short) and short for name, short in shown.items())
    assert [n for n, times in Counter(shown.values()).items() if times > 1] == []


@given(NAMES)
def test_the_order_of_names_never_matters(names: set[str]) -> None:
    listed = sorted(names)
    assert display_names(listed) == display_names(listed[::-1] + listed)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["wh.main.orders"], ["orders"]),
        (["wh.main.orders", "wh.test.orders"], ["main.orders", "test.orders"]),
        (["orders", "main.orders"], ["orders", "main.orders"]),
        (["s3/raw/2026/orders.csv"], ["orders.csv"]),
        (["raw/a/orders.csv", "raw/b/orders.csv"], ["a/orders.csv", "b/orders.csv"]),
        (["db..orders"], ["orders"]),
        (["raw/orders/"], ["orders/"]),
        ([], []),
    ],
)
def test_the_shortest_ending_is_shown(names: list[str], shown: list[str]) -> None:
    assert [display_names(names)[name] for name in names] == shown


@pytest.mark.parametrize(
    ("namespace", "platform", "kind"),
    [
        ("postgres://h:5432", "postgres", "table"),
        ("postgresql://h:5432", "postgres", "table"),
        ("POSTGRES://h", "postgres", "table"),
        ("bigquery", "bigquery", "table"),
        ("s3a://bucket", "s3", "file"),
        ("gs://bucket", "gs", "file"),
        ("file", "file", "file"),
        ("file://host", "file", "file"),
        ("kafka://h:9092", "kafka", "topic"),
        ("arn:aws:glue:eu-west-1:123", "glue", "table"),
        ("abfss://c@a.dfs.core.windows.net", "abfss", "file"),
        ("awsathena://athena.eu-west-1.amazonaws.com", "athena", "table"),
        ("duckdb:///x/y.duckdb", "duckdb", "table"),
        ("inmemory://", "inmemory", None),
        ("my namespace", "unknown", None),
        ("", "unknown", None),
    ],
)
def test_a_namespace_names_its_platform(namespace: str, platform: str, kind: str | None) -> None:
    assert platform_of(namespace) == platform
    assert kind_by_platform(platform) == kind


@pytest.mark.parametrize(
    ("namespace", "name", "dataset_type", "subtype", "is_noise"),
    [
        ("duckdb:///x", "wh.main.orders", None, None, False),
        ("duckdb:///x", "wh.main.orders", "TABLE", "EXTERNAL", False),
        ("duckdb:///x", "wh.main.orders", "JOB_OUTPUT", None, True),
        ("duckdb:///x", "wh.main.orders", "TABLE", "temporary", True),
        ("duckdb:///x", "wh.main_dbt_test__audit.not_null", None, None, True),
        ("duckdb:///x", "__dbt__cte__int_orders", None, None, True),
        ("duckdb:///x", "wh.main.orders__dbt_tmp", None, None, True),
        ("sqlserver://h", "db.dbo.#orders", None, None, True),
        ("inmemory://", "x", None, None, True),
        ("memory://pandas", "x.csv", None, None, True),
        ("file", "/lake/orders/_temporary/0/part-1", None, None, True),
        ("s3://lake", "orders/.hive-staging_hive_2026-01-01", None, None, True),
        ("s3://lake", "orders/_delta_log/00.json", None, None, True),
        ("hive://h:9083", "default.values__tmp__table__3", None, None, True),
        ("hive://h:9083", "_dummy_database._dummy_table", None, None, True),
        ("postgres://h", "db.pg_temp_3.orders", None, None, True),
        ("postgres://h", "db.information_schema.tables", None, None, True),
        ("snowflake://o-a", "DB.INFORMATION_SCHEMA.TABLES", None, None, True),
        ("snowflake://o-a", "DB.PUBLIC.SNOWPARK_TEMP_TABLE_X1", None, None, True),
        ("postgres://h", "db.public.gx_temp_1a2b", None, None, True),
        ("bigquery", f"p._{'0f' * 20}.anon1", None, None, True),
        ("postgres://h", "generate_series", None, None, True),
        ("postgres://h", "db.public.generate_series", None, None, False),
        ("duckdb:///x", "db.main.orders__dbt_backup", None, None, True),
        ("file", "/files/temp/data.txt", None, None, False),
        ("postgres://h", "db.public.temporary_staff", None, None, False),
        ("postgres://h", "db.template.values", None, None, False),
        ("s3://lake", "db/_temporary_staff", None, None, False),
        ("postgres://h", "db.public.individual", None, None, False),
    ],
)
def test_noise_is_told_from_data(
    namespace: str, name: str, dataset_type: str | None, subtype: str | None, is_noise: bool
) -> None:
    assert (dataset_noise(namespace, name, dataset_type, subtype) is not None) == is_noise


@pytest.mark.parametrize(
    ("name", "job_type", "why"),
    [
        ("model.x.sql.1", None, "one statement of a job"),
        ("load.sql", None, None),
        ("load", "SQL", "one statement of a job"),
        ("20261120_060000_00012_ab1cd", None, "a name made for one run"),
        ("0192a0b8-0000-7000-8000-000000000001", "QUERY", "a name made for one run"),
        ("load.0192a0b8-0000-7000-8000-000000000001", None, None),
        ("wh.main.shop.orders.build.test", "TEST", "a data test"),
        ("createtable_as_select.shop.orders", "QUERY", None),
        ("app.execute_insert_into_hive_table.orders", "SQL_JOB", None),
    ],
)
def test_jobs_that_are_no_subject_are_told_why(
    name: str, job_type: str | None, why: str | None
) -> None:
    assert job_noise(name, job_type) == why


@given(st.text(), st.sampled_from([None, "SQL", "TEST", "TASK"]))
@example("model.x.sql.1", "TEST")
def test_a_job_that_writes_data_is_never_noise(name: str, job_type: str | None) -> None:
    assert job_noise(name, job_type, writes_data=True) is None


def test_real_events_hold_no_other_noise(bodies: Sequence[bytes]) -> None:
    seen = {
        (dataset["namespace"], dataset["name"])
        for event in map(json.loads, bodies)
        for dataset in (*(event.get("inputs") or ()), *(event.get("outputs") or ()))
    }

    noise = {name: why for place, name in seen if (why := dataset_noise(place, name, None, None))}

    assert len(noise) > 10
    assert set(noise.values()) == {"failures of a data test"}
    assert all("dbt_test__audit" in name for name in noise)
