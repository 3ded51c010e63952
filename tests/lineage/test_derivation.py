"""What derives from what: every rule of precedence, and never an edge too many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Kind
from lineage.derivation import (
    OWN_DATASET,
    OWN_JOB,
    Column,
    EdgeBasis,
    ExplicitLineage,
    Source,
    column_lineage,
    edges,
    explicit_lineage,
    named_sources,
)
from tests.lineage.wild import facets, real_facets, same_however_written

SPEC = Path(__file__).parents[3] / "shared" / "openlineage" / "spec" / "tests"
WORDS = [
    "fields", "dataset", "inputs", "inputFields", "entries", "namespace", "name", "field", "type",
    "transformations", "subtype", "masking", "transformationType", "a",
]  # fmt: skip
WAREHOUSE, AIRFLOW = "postgresql://warehouse:5432", "airflow://production"

wild = facets(WORDS, ["DATASET", "JOB", "DIRECT", "INDIRECT", "MASKED", "IDENTITY"])
ids = st.integers(0, 5)
sets = st.frozensets(ids, max_size=4)


def dataset(name: str, namespace: str = WAREHOUSE) -> AssetKey:
    return AssetKey(Kind.DATASET, namespace, name)


def job(name: str, namespace: str = AIRFLOW) -> AssetKey:
    return AssetKey(Kind.JOB, namespace, name)


def spec_example(name: str) -> dict[str, Any]:
    path = SPEC / name
    if not path.exists():
        pytest.skip(f"no examples of the specification at {SPEC}")
    (facet,) = json.loads(path.read_text("utf-8")).values()
    assert isinstance(facet, dict)
    return facet


def explicit(facet: dict[str, Any], **own: tuple[str, str]) -> ExplicitLineage:
    found = explicit_lineage(facet, **own)
    assert found is not None
    return found


# Laws


@given(wild)
def test_a_column_lineage_facet_is_read_whatever_it_holds(facet: dict[str, Any]) -> None:
    same_however_written(column_lineage, facet)


@given(wild)
def test_a_lineage_facet_is_read_whatever_it_holds(facet: dict[str, Any]) -> None:
    same_however_written(explicit_lineage, facet)
    same_however_written(lambda f: explicit_lineage(f, ("n", "j"), ("n", "d")), facet)


@given(wild)
def test_what_is_named_is_named_in_full_and_once(facet: dict[str, Any]) -> None:
    found = column_lineage(facet)

    every = [*found.dataset, *(s for column in found.fields for s in column.sources)]
    assert set(found.sources) == {(s.asset.namespace, s.asset.name) for s in every}
    assert all(namespace and name for namespace, name in found.sources)
    assert list(found.sources) == sorted(set(found.sources))
    assert named_sources(facet) == found.sources


@given(wild)
def test_an_own_job_that_is_filled_in_early_or_late_is_the_same(facet: dict[str, Any]) -> None:
    own = AssetKey(Kind.JOB, "n", "j")
    late, early = explicit_lineage(facet), explicit_lineage(facet, ("n", "j"))

    assert (late is None) is (early is None)
    if late is not None and early is not None:
        filled = {tuple(own if a == OWN_JOB else a for a in flow) for flow in late.flows}
        assert filled == set(early.flows)


@given(sets, sets, st.none() | st.frozensets(st.tuples(ids, ids)), st.dictionaries(ids, sets))
def test_edges_follow_the_strongest_evidence_and_nothing_else(
    inputs: frozenset[int],
    outputs: frozenset[int],
    said: frozenset[tuple[int, int]] | None,
    by_column: dict[int, frozenset[int]],
) -> None:
    found = edges(inputs, outputs, said, by_column)

    pairs = [(source, target) for source, target, _ in found]
    assert pairs == sorted(set(pairs))
    if said is not None:
        assert set(pairs) == said
        assert all(edge.basis is EdgeBasis.EXPLICIT for edge in found)
        return
    for source, target, basis in found:
        assert source != target
        assert target in outputs
        named = by_column.get(target, frozenset())
        assert (basis is EdgeBasis.COLUMN) is bool(named)
        assert source in (named or inputs)
    assert all((i, o) in pairs for o in outputs if not by_column.get(o) for i in inputs - {o})


@given(st.lists(ids), st.lists(ids), st.data())
def test_edges_do_not_depend_on_order_or_repetition(
    inputs: list[int], outputs: list[int], data: st.DataObject
) -> None:
    turned = edges(data.draw(st.permutations(inputs)), [*outputs, *outputs], None, {})

    assert turned == edges(inputs, outputs)


# Precedence, rule by rule


def test_a_run_derives_what_it_writes_from_all_that_it_reads_if_nothing_tells_more() -> None:
    assert edges(["a", "b"], ["x", "y"]) == (
        ("a", "x", "product"), ("a", "y", "product"), ("b", "x", "product"), ("b", "y", "product"),
    )  # fmt: skip


def test_column_lineage_counts_for_its_own_output_only() -> None:
    assert edges(["a", "b"], ["x", "y"], by_column={"x": ["a"], "y": []}) == (
        ("a", "x", "column"), ("a", "y", "product"), ("b", "y", "product"),
    )  # fmt: skip


def test_column_lineage_may_name_what_is_not_among_the_inputs() -> None:
    assert edges(["a"], ["x"], by_column={"x": ["c"]}) == (("c", "x", "column"),)


def test_column_lineage_of_what_is_not_written_draws_nothing() -> None:
    assert edges(["a"], [], by_column={"x": ["a"]}) == ()


def test_a_lineage_facet_is_complete_and_goes_before_column_lineage() -> None:
    assert edges(["a", "b"], ["x", "y"], [("a", "x")], {"x": ["b"], "y": ["b"]}) == (
        ("a", "x", "explicit"),
    )  # fmt: skip


def test_a_lineage_facet_without_any_edge_leaves_none() -> None:
    assert edges(["a"], ["x"], [], {"x": ["a"]}) == ()


def test_a_dataset_that_is_read_and_written_derives_from_itself_only_if_that_is_said() -> None:
    assert edges(["a"], ["a"]) == ()
    assert edges(["a"], ["a"], by_column={"a": ["a"]}) == ()
    assert edges(["a"], ["a"], [("a", "a")]) == (("a", "a", "explicit"),)


def test_assets_are_nodes_as_well_as_ids() -> None:
    (edge,) = edges([dataset("a")], [dataset("b")])

    assert (edge.source.name, edge.target.name, edge.basis) == ("a", "b", EdgeBasis.PRODUCT)


# Every example of the specification, and which edges between datasets it makes


@pytest.mark.parametrize(
    ("example", "flows"),
    [
        ("dataset-to-dataset", [(dataset("public.customers"), OWN_DATASET)]),
        ("dataset-to-job", [(dataset("public.staging_orders"), job("daily.load"))]),
        ("generator", [(OWN_JOB, dataset("public.extracted_data"))]),
        (
            "implicit-job",
            [(dataset("public.transactions", "postgresql://production:5432"), OWN_JOB)],
        ),
        ("job-to-dataset", [(job("daily.extract"), dataset("public.daily_summary"))]),
        ("job-to-job", [(job("daily.transform"), job("daily.load"))]),
        (
            "mixed-sources",
            [
                (dataset("public.orders"), dataset("public.enriched_orders")),
                (job("daily.enrichment"), dataset("public.enriched_orders")),
            ],
        ),
    ],
)
def test_an_example_of_the_specification_says_exactly_this(
    example: str, flows: list[tuple[AssetKey, AssetKey]]
) -> None:
    found = explicit(spec_example(f"LineageFacet/{example}.json"))

    assert list(found.flows) == flows
    between = [f for f in flows if f[0].kind is f[1].kind is Kind.DATASET]
    assert list(found.dataset_flows) == between
    # A run that reads and writes other things as well gets no edge from those.
    drawn = edges([dataset("other")], [dataset("public.daily_summary")], found.dataset_flows)
    assert [(source, target) for source, target, _ in drawn] == between


def test_a_generator_has_no_source_though_its_column_comes_from_the_job() -> None:
    found = explicit(spec_example("LineageFacet/generator.json"), own_job=("n", "extract"))

    (entry,) = found.described
    assert entry.sources == ()
    own = AssetKey(Kind.JOB, "n", "extract")
    assert entry.fields == (Column("total", (Source(own, "", "DIRECT", "AGGREGATION"),)),)
    assert found.dataset_flows == ()


def test_fields_of_a_lineage_facet_say_how_they_come_about() -> None:
    found = explicit(
        spec_example("LineageFacet/dataset-to-dataset.json"), own_dataset=("n", "view")
    )

    (entry,) = found.described
    assert entry.target == dataset("view", "n")
    customers = dataset("public.customers")
    assert entry.fields == (
        Column("customer_id", (Source(customers, "id", "DIRECT", "IDENTITY"),)),
    )


def test_column_lineage_of_the_specification_keeps_each_way_of_feeding() -> None:
    found = column_lineage(spec_example("ColumnLineageDatasetFacet/1.json"))

    assert found.sources == (
        ("SnowflakeOpenLineage", "CUSTOMERS"),
        ("SnowflakeOpenLineage", "DISCOUNTS"),
    )
    assert [column.name for column in found.fields] == [
        "AMOUNT_OFF",
        "ENDS_AT",
        "NAME",
        "STARTS_AT",
    ]
    customers = dataset("CUSTOMERS", "SnowflakeOpenLineage")
    discounts = dataset("DISCOUNTS", "SnowflakeOpenLineage")
    assert found.fields[2].sources == (
        Source(customers, "ID", "INDIRECT", "JOIN"),
        Source(customers, "NAME", "DIRECT", "IDENTITY"),
        Source(discounts, "CUSTOMERS_ID", "INDIRECT", "JOIN"),
    )


def test_column_lineage_of_the_specification_keeps_what_the_whole_depends_on() -> None:
    found = column_lineage(spec_example("ColumnLineageDatasetFacet/2.json"))

    assert [(s.field, s.type, s.subtype) for s in found.dataset] == [
        ("age", "INDIRECT", "FILTER"),
        ("first_name", "INDIRECT", "SORT"),
        ("last_name", "INDIRECT", "SORT"),
    ]
    assert found.sources == (("s3://test-bucket", "/iceberg_warehouse/some-database/people"),)


def test_every_real_column_lineage_names_its_sources() -> None:
    found = [column_lineage(facet) for facet in real_facets("columnLineage")]

    assert len(found) == 20
    assert all(lineage.sources for lineage in found if lineage.fields)
    ways = {(s.type, s.subtype, s.masking) for f in found for c in f.fields for s in c.sources}
    assert {("INDIRECT", "FILTER", False), ("DIRECT", "IDENTITY", False)} <= ways
    assert any(masking for _, _, masking in ways)


# Single shapes


def said(**entry: Any) -> dict[str, Any]:
    return {"namespace": "n", "name": "s", "field": "f", **entry}


@pytest.mark.parametrize(
    ("older", "read"),
    [
        ("IDENTITY", ("DIRECT", "IDENTITY", False)),
        ("MASKED", ("DIRECT", "", True)),
        ("masked", ("DIRECT", "", True)),
        ("ELSE", ("", "", False)),
        (None, ("", "", False)),
    ],
)
def test_a_column_wide_transformation_is_read_as_its_modern_form(
    older: str | None, read: tuple[str, str, bool]
) -> None:
    facet = {"fields": {"a": {"inputFields": [said()], "transformationType": older}}}

    ((source,),) = [column.sources for column in column_lineage(facet).fields]

    assert (source.type, source.subtype, source.masking) == read


def test_what_an_input_says_itself_beats_what_was_said_of_the_column() -> None:
    own = [{"type": "indirect", "subtype": "join"}]
    facet = {
        "fields": {
            "a": {"inputFields": [said(transformations=own)], "transformationType": "MASKED"}
        }
    }

    ((source,),) = [column.sources for column in column_lineage(facet).fields]

    assert (source.type, source.subtype, source.masking) == ("INDIRECT", "JOIN", False)


@pytest.mark.parametrize("masking", ["true", 1, None, False])
def test_masking_needs_a_clear_yes(masking: Any) -> None:
    ways = [{"type": "DIRECT", "masking": masking}]

    (source,) = column_lineage({"dataset": [said(transformations=ways)]}).dataset

    assert source.masking is False


@pytest.mark.parametrize(
    "facet",
    [
        {},
        {"_deleted": True},
        {"entries": None},
        {"entries": {"x": 1}},
        {"entries": [None, {"type": "DATASET", "name": "half"}]},
        {"entries": [{"type": "JOB", "name": "half"}, {"type": "MODEL", **said()}]},
        {"inputs": "x"},
        {"fields": {}},
    ],
)
def test_a_facet_that_says_nothing_usable_is_as_good_as_none(facet: dict[str, Any]) -> None:
    assert explicit_lineage(facet) is None


@pytest.mark.parametrize("facet", [{"entries": []}, {"inputs": []}])
def test_an_empty_statement_is_a_statement(facet: dict[str, Any]) -> None:
    assert explicit(facet).flows == ()


def test_one_broken_entry_does_not_spoil_the_others() -> None:
    facet = {"entries": [3, {"namespace": "n", "name": "t", "inputs": [None, said(), {"type": 1}]}]}

    assert explicit(facet).flows == ((dataset("s", "n"), dataset("t", "n")),)


def test_a_target_in_two_entries_has_the_sources_of_both() -> None:
    target = {"namespace": "n", "name": "t", "type": "DATASET"}
    column = {"c": {"inputs": [said(name="u", type="DATASET")]}}
    facet = {
        "entries": [
            {**target, "inputs": [said(type="DATASET")]},
            {**target, "fields": column},
            {**target, "fields": {"c": {"inputs": [said(name="v", type="DATASET")]}}},
        ]
    }

    (entry,) = explicit(facet).described

    assert [source.asset.name for source in entry.sources] == ["s"]
    assert [[s.asset.name for s in c.sources] for c in entry.fields] == [["u", "v"]]
    assert len(explicit(facet).dataset_flows) == 3
