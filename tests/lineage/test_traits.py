"""What facets say of a dataset, a job or a run itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Kind
from lineage.traits import (
    DEEPEST,
    CodePlace,
    Emission,
    Engine,
    JobType,
    Lifecycle,
    SchemaField,
    code_place_in,
    dataset_version_in,
    engine_in,
    job_type_in,
    lifecycle_in,
    schema_fields,
)
from tests.lineage.wild import facets, real_facets, same_however_written

READERS: list[Callable[[dict[str, Any]], object]] = [
    code_place_in, dataset_version_in, engine_in, job_type_in, lifecycle_in, schema_fields,
]  # fmt: skip
WORDS = [
    "fields", "name", "type", "description", "ordinal_position", "lifecycleStateChange",
    "previousIdentifier", "namespace", "emissionPattern", "eventTrigger", "eventContentMode",
    "windowDuration", "processingType", "integration", "jobType", "version", "datasetVersion",
    "openlineageAdapterVersion", "url", "repoUrl", "path", "branch", "tag", "pullRequestNumber",
]  # fmt: skip

wild = facets(WORDS, ["DROP", "STREAMING", "COMPLETE_SNAPSHOT"])


# Laws


@given(st.sampled_from(READERS), wild)
def test_a_facet_is_read_whatever_it_holds(
    read: Callable[[dict[str, Any]], object], facet: dict[str, Any]
) -> None:
    same_however_written(read, facet)


@given(st.sampled_from(["https", "http", "ssh", "git+https", "svn"]), st.text("abc123", min_size=1))
def test_no_password_is_in_any_address(scheme: str, secret: str) -> None:
    address = f"{scheme}://ana:pass{secret}@git.example.com/shop.git"

    place = code_place_in({"type": "git", "url": address, "repoUrl": address})

    assert place is not None
    for told in (place.url, place.repository):
        assert told is not None
        assert f"pass{secret}" not in told
        assert told.endswith("git.example.com/shop.git")


@given(st.integers(0, 3 * DEEPEST))
def test_columns_within_columns_are_read_down_to_a_depth(depth: int) -> None:
    entry: dict[str, Any] = {"name": "x"}
    for _ in range(depth):
        entry = {"name": "x", "fields": [entry]}

    found = schema_fields({"fields": [entry]})

    assert len(found) == min(depth + 1, DEEPEST)
    assert found[-1].name.count(".") == len(found) - 1


# Schemas


def test_columns_come_in_their_order_each_before_those_inside_it() -> None:
    facet = {
        "fields": [
            {"name": "b", "type": "struct", "ordinal_position": 2,
             "fields": [{"name": "y", "type": "int"}, {"name": "x", "description": "d"}]},
            None,
            {"type": "nameless", "fields": [{"name": "lost"}]},
            {"name": "a", "ordinal_position": 1},
            {"name": "c", "ordinal_position": 0},
        ]
    }  # fmt: skip

    assert schema_fields(facet) == (
        SchemaField("b", "struct", None, 2),
        SchemaField("b.y", "int"),
        SchemaField("b.x", None, "d"),
        SchemaField("a", None, None, 1),
        SchemaField("c"),
    )


def test_every_real_schema_has_its_columns() -> None:
    found = [(facet, schema_fields(facet)) for facet in real_facets("schema")]

    assert len(found) > 20
    assert all(len(fields) >= len(facet.get("fields") or []) for facet, fields in found)


# The others


@pytest.mark.parametrize(
    ("facet", "lifecycle"),
    [
        ({"lifecycleStateChange": "drop"}, Lifecycle("DROP")),
        (
            {"lifecycleStateChange": "RENAME",
             "previousIdentifier": {"namespace": "n", "name": "old"}},
            Lifecycle("RENAME", AssetKey(Kind.DATASET, "n", "old")),
        ),
        ({"lifecycleStateChange": "RENAME", "previousIdentifier": {"name": "old"}},
         Lifecycle("RENAME")),
        ({"lifecycleStateChange": " "}, None),
        ({"lifecycleStateChange": 3}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_lifecycle_names_an_operation(facet: dict[str, Any], lifecycle: Lifecycle | None) -> None:
    assert lifecycle_in(facet) == lifecycle


@pytest.mark.parametrize(
    ("facet", "job_type", "endless"),
    [
        ({"processingType": "BATCH", "integration": "dbt", "jobType": "MODEL"},
         JobType("BATCH", "DBT", "MODEL"), False),
        ({"processingType": "streaming", "integration": "FLINK"},
         JobType("STREAMING", "FLINK"), True),
        ({"processingType": "SERVICE"}, JobType("SERVICE"), True),
        ({}, JobType(), False),
    ],
)  # fmt: skip
def test_a_job_is_of_a_type(facet: dict[str, Any], job_type: JobType, endless: bool) -> None:
    assert job_type_in(facet) == job_type
    assert job_type_in(facet).is_endless is endless


def test_events_may_stand_for_themselves() -> None:
    pattern = {
        "eventTrigger": "PERIODIC", "eventContentMode": "COMPLETE_SNAPSHOT", "windowDuration": 300,
    }  # fmt: skip

    emission = job_type_in({"emissionPattern": pattern}).emission

    assert emission == Emission("PERIODIC", "COMPLETE_SNAPSHOT", 300)
    assert emission.is_snapshot
    assert not Emission("EVENT_BASED", "ACCUMULATIVE", None).is_snapshot


def test_real_job_types_are_read() -> None:
    found = [job_type_in(facet) for facet in real_facets("jobType")]

    assert {found_type.integration for found_type in found} >= {"AIRFLOW", "DBT", "SPARK"}
    assert {found_type.processing for found_type in found} >= {"BATCH", "NONE"}


def test_an_engine_is_what_it_says() -> None:
    facet = {"name": "spark", "version": 4.1, "openlineageAdapterVersion": "1.54.0"}

    assert engine_in(facet) == Engine("spark", "4.1", "1.54.0")
    assert engine_in({"name": ""}) is None
    assert all(engine_in(facet) for facet in real_facets("processing_engine"))


@pytest.mark.parametrize(("told", "version"), [("v7", "v7"), (7, "7"), ("", None), ([], None)])
def test_a_dataset_version_is_a_text(told: Any, version: str | None) -> None:
    assert dataset_version_in({"datasetVersion": told}) == version


def test_a_place_of_code_is_told_in_full() -> None:
    facet = {
        "type": "git", "url": "https://token@git.example.com/shop/blob/abc/dags/load.py",
        "repoUrl": "git@git.example.com:shop.git", "path": "dags/load.py", "version": "abc",
        "branch": "main", "tag": "v1", "pullRequestNumber": 42,
    }  # fmt: skip

    assert code_place_in(facet) == CodePlace(
        "git", "https://git.example.com/shop/blob/abc/dags/load.py", "git@git.example.com:shop.git",
        "dags/load.py", "abc", "main", "v1", "42",
    )  # fmt: skip


def test_an_address_stands_for_its_repository_if_none_is_told() -> None:
    place = code_place_in({"url": "https://git.example.com/shop"})

    assert place is not None
    assert place.repository == "https://git.example.com/shop"
    assert code_place_in({"type": "git"}) is None
