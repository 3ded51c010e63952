"""Which columns feed which: every rule of precedence and of what is current, one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog.model import AssetKey, Kind
from lineage.column_links import ColumnKey, ColumnLink, How
from lineage.columns import column_graph, column_links
from lineage.graph.model import LinkBasis
from lineage.history import Standpoint
from tests.lineage.conftest import MakeEvent
from tests.lineage.worlds import DAY, WH, at, dataset, job

SPEC = Path(__file__).parents[3] / "shared" / "openlineage" / "spec" / "tests" / "LineageFacet"

Look = Callable[..., Standpoint]


def key(name: str, namespace: str = WH) -> AssetKey:
    return AssetKey(Kind.DATASET, namespace, name)


def column(name: str) -> ColumnKey:
    """``wh.a/x`` is column x of wh.a."""
    asset, _, field = name.partition("/")
    return ColumnKey(key(asset), field)


def source(name: str, *ways: dict[str, Any], **more: Any) -> dict[str, Any]:
    asset, _, field = name.partition("/")
    said = {"namespace": WH, "name": asset} | ({"field": field} if field else {}) | more
    return said | ({"transformations": list(ways)} if ways else {})


def from_columns(**fields: Any) -> dict[str, Any]:
    """A column lineage facet; ``_dataset`` is what the whole depends on."""
    whole = fields.pop("_dataset", [])
    read = {name: {"inputFields": inputs} for name, inputs in fields.items()}
    return {"fields": read, "dataset": whole}


def schema(*names: str) -> dict[str, Any]:
    return {"fields": [{"name": name, "type": "int"} for name in names]}


def explicit(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"lineage": {"entries": list(entries)}}


def entry(name: str, *inputs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "namespace": WH,
        "name": name,
        "type": "DATASET",
        "inputs": list(inputs),
    }
    return told | {"fields": {field: {"inputs": said} for field, said in fields.items()}}


IDENTITY = {"type": "DIRECT", "subtype": "IDENTITY", "masking": False}
HASHED = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}
FILTER = {"type": "INDIRECT", "subtype": "FILTER"}


def shown(links: tuple[ColumnLink, ...]) -> list[str]:
    """``a/x > b/y`` with what is special about it."""
    return [
        f"{name(link.source)} > {name(link.target)}"
        + "".join(f" {word}" for word in (link.type, link.subtype) if word)
        + (" masked" if link.masking else "")
        + ("" if link.current else " faded")
        for link in links
    ]


def name(column: ColumnKey) -> str:
    return f"{column.asset.name.removeprefix('wh.')}/{column.field}"


def writes(name: str, lineage: dict[str, Any] | None = None, **facets: Any) -> list[dict[str, Any]]:
    told: dict[str, Any] = {"columnLineage": lineage} if lineage else {}
    return [dataset(f"wh.{name}", **told, **facets)]


# What is said


def test_a_link_has_its_way_its_job_and_the_event_that_says_it(look: Look) -> None:
    lineage = from_columns(y=[source("wh.a/x", IDENTITY, FILTER)])
    seen = look({"outputs": writes("b", lineage), "eventTime": at(5)})

    first, second = column_links(seen)

    assert first.ends == second.ends == (column("wh.a/x"), column("wh.b/y"))
    assert [first.how, second.how] == [How("DIRECT", "IDENTITY"), How("INDIRECT", "FILTER")]
    assert (first.basis, first.job) == (LinkBasis.COLUMN, AssetKey(Kind.JOB, "jobs", "load"))
    assert first.current
    assert first.last_seen == DAY + timedelta(minutes=5)
    assert len(first.event_id) == 64
    assert not any((first.declared, first.provisional, first.is_guess))


def test_masking_is_kept_and_an_unknown_type_says_nothing(look: Look) -> None:
    lineage = from_columns(y=[source("wh.a/x", HASHED)], z=[source("wh.a/x", {"type": "MAGIC"})])

    found = column_links(look({"outputs": writes("b", lineage)}))

    assert shown(found) == ["a/x > b/y DIRECT TRANSFORMATION masked", "a/x > b/z"]


def test_the_deprecated_words_for_a_whole_column_are_understood(look: Look) -> None:
    lineage = from_columns(y=[source("wh.a/x")], z=[source("wh.a/x")])
    lineage["fields"]["y"] |= {"transformationType": "MASKED", "transformationDescription": "h"}
    lineage["fields"]["z"]["transformationType"] = "IDENTITY"

    found = column_links(look({"outputs": writes("b", lineage)}))

    assert shown(found) == ["a/x > b/y DIRECT masked", "a/x > b/z DIRECT IDENTITY"]


def test_what_a_whole_dataset_depends_on_leads_to_the_whole_of_it(look: Look) -> None:
    lineage = from_columns(y=[source("wh.a/x")], _dataset=[source("wh.c/day", FILTER)])

    found = column_links(look({"outputs": writes("b", lineage)}))

    assert shown(found) == ["a/x > b/y", "c/day > b/ INDIRECT FILTER"]


# Precedence


def test_an_explicit_facet_goes_before_all_column_lineage(look: Look) -> None:
    lineage = from_columns(y=[source("wh.a/x")])
    told = entry("wh.b", source("wh.c"), y=[source("wh.c/k", IDENTITY, type="DATASET")])
    seen = look(
        {
            "job": job("load", **explicit(told)),
            "inputs": [dataset("wh.a"), dataset("wh.c")],
            "outputs": [*writes("b", lineage), *writes("d", lineage)],
        }
    )

    found = column_links(seen)

    assert shown(found) == ["c/ > b/", "c/k > b/y DIRECT IDENTITY"]
    assert {link.basis for link in found} == {LinkBasis.EXPLICIT}


def test_an_explicit_facet_without_entries_leaves_no_link(look: Look) -> None:
    lineage = from_columns(y=[source("wh.a/x")])

    seen = look({"job": job("load", **explicit()), "outputs": writes("b", lineage)})

    assert column_links(seen) == ()


def test_an_explicit_facet_that_cannot_be_used_counts_as_none(look: Look) -> None:
    lineage = from_columns(y=[source("wh.a/x")])
    broken = job("load", lineage={"entries": "?"})

    seen = look({"job": broken, "outputs": writes("b", lineage)})

    assert shown(column_links(seen)) == ["a/x > b/y"]


def test_explicit_entries_of_one_run_add_up(look: Look, make_event: MakeEvent) -> None:
    run = {"runId": "019c0000-0000-7000-8000-000000000009"}
    entries = [entry("wh.b", y=[source("wh.a/x")]), entry("wh.b", z=[source("wh.a/x")])]
    events = [
        {"run": run, "job": job("load", **explicit(told)), "eventType": kind, "eventTime": at(i)}
        for i, (told, kind) in enumerate(zip(entries, ["START", "COMPLETE"], strict=True))
    ]

    assert shown(column_links(look(*events))) == ["a/x > b/y", "a/x > b/z"]


@pytest.mark.parametrize(
    ("example", "links"),
    [
        ("generator", []),
        ("dataset-to-job", []),
        ("implicit-job", []),
        ("job-to-dataset", []),
        ("job-to-job", []),
        ("mixed-sources", ["orders/ > enriched_orders/",
                           "orders/customer_id > enriched_orders/customer_segment"]),
    ],
)  # fmt: skip
def test_examples_of_the_specification_give_no_link_too_many(
    look: Look, example: str, links: list[str]
) -> None:
    path = SPEC / f"{example}.json"
    if not path.exists():
        pytest.skip(f"no examples of the specification at {SPEC}")
    facet = json.loads(path.read_text("utf-8"))

    found = column_links(look({"job": job("load", **facet)}))

    assert [link.replace("public.", "") for link in shown(found)] == links


def test_a_dataset_event_declares_where_its_columns_come_from(look: Look) -> None:
    facet = {"inputs": [], "fields": {"y": {"inputs": [source("wh.a/x", IDENTITY)]}}}
    told = {"dataset": dataset("wh.b", lineage=facet)}

    (link,) = column_links(look(told), [key("wh.b")])

    assert shown((link,)) == ["a/x > b/y DIRECT IDENTITY"]
    assert (link.job, link.declared, link.last_seen) == (None, True, None)


def test_the_newest_column_lineage_of_a_run_wins(look: Look) -> None:
    run = {"runId": "019c0000-0000-7000-8000-000000000009"}
    events = [
        {"run": run, "eventType": kind, "eventTime": at(i), "outputs": writes("b", lineage)}
        for i, (kind, lineage) in enumerate(
            [("START", from_columns(y=[source("wh.a/x")])), ("COMPLETE", from_columns())]
        )
    ]

    assert column_links(look(*events)) == ()


def test_what_a_dataset_makes_of_itself_is_no_link_unless_it_is_said_explicitly(
    look: Look,
) -> None:
    again = from_columns(n=[source("wh.b/n")])
    seen = look({"outputs": writes("b", again)})
    assert column_links(seen) == ()

    told = job("count", **explicit(entry("wh.c", n=[source("wh.c/n")])))

    assert shown(column_links(look({"job": told}))) == ["c/n > c/n"]


# What is current


def run_of(minute: int, *fields: str, kind: str = "COMPLETE", **more: Any) -> dict[str, Any]:
    lineage = from_columns(**{field: [source("wh.a/x")] for field in fields})
    return {
        "eventType": kind, "eventTime": at(minute), "outputs": writes("b", lineage), **more,
    }  # fmt: skip


def test_the_newest_successful_run_tells_what_is_current(look: Look) -> None:
    seen = look(run_of(1, "y", "z"), run_of(2, "z"), run_of(3, "q", kind="FAIL"))

    every = column_links(seen, ever=True)
    assert shown(every) == ["a/x > b/q faded", "a/x > b/y faded", "a/x > b/z"]
    assert shown(column_links(seen)) == ["a/x > b/z"]


def test_what_left_and_came_back_within_ten_runs_is_current(look: Look) -> None:
    seen = look(run_of(1, "y", "z"), run_of(2, "z"), run_of(3, "y", "z"), run_of(4, "z"))

    found = {name(link.target): link for link in column_links(seen)}

    assert found["b/y"].current
    assert found["b/y"].last_seen == DAY + timedelta(minutes=3)


def test_a_claim_is_current_and_provisional_until_a_run_completes(look: Look) -> None:
    seen = look(run_of(1, "y", kind="FAIL"))
    (claimed,) = column_links(seen)
    assert claimed.current
    assert claimed.provisional

    found = column_links(look(run_of(2, "z")), ever=True)

    assert shown(found) == ["a/x > b/y faded", "a/x > b/z"]
    assert not any(link.provisional for link in found)


def test_of_an_endless_job_the_running_run_counts(look: Look) -> None:
    endless = job("load")
    endless["facets"] = {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}}
    seen = look(run_of(1, "y", job=endless), run_of(2, "z", job=endless, kind="RUNNING"))

    assert shown(column_links(seen)) == ["a/x > b/z"]


def test_a_declaration_is_current_whatever_runs_say(look: Look) -> None:
    static = {
        "outputs": writes("b", from_columns(w=[source("wh.a/x")])),
        "run": None,
    }

    found = column_links(look(run_of(2, "y"), static))

    assert shown(found) == ["a/x > b/w", "a/x > b/y"]
    assert [link.declared for link in found] == [True, False]
    assert found[0].last_seen is None


def test_what_was_ever_seen_is_there_when_it_is_asked_for(look: Look) -> None:
    seen = look(*(run_of(i, f"c{i}") for i in range(1, 15)), run_of(20, "c1"))

    assert len(column_links(seen, ever=True)) == 14
    faded = [link for link in column_links(seen, ever=True) if not link.current]
    assert {link.last_seen for link in faded} == {DAY + timedelta(minutes=i) for i in range(2, 15)}


# Names


def test_a_column_is_found_by_any_name_of_its_dataset(look: Look) -> None:
    also: dict[str, Any] = {
        "symlinks": {"identifiers": [{"namespace": "s3://lake", "name": "a", "type": "TABLE"}]}
    }
    lineage = from_columns(y=[{"namespace": "s3://lake", "name": "a", "field": "x"}])
    seen = look({"inputs": [dataset("wh.a", **also)], "outputs": writes("b", lineage)})

    (link,) = column_links(seen, [key("wh.a")])

    assert link.source.asset == seen.estate.identities.key(key("wh.a"))
    assert column_links(seen, [key("a", "s3://lake")]) == (link,)
    assert column_links(seen, [key("wh.none")]) == ()


def test_columns_that_no_schema_has_are_allowed_and_marked(look: Look) -> None:
    lineage = from_columns(new=[source("wh.a/x")], y=[source("wh.a/x")])
    graph = column_graph(look({"outputs": writes("b", lineage, schema=schema("y"))}))

    marks = {name(s.column): s.is_known for s in graph.around(column("wh.a/x")).columns}

    assert marks == {"a/x": None, "b/new": False, "b/y": True}


def test_a_common_table_expression_is_seen_through_where_only_one_input_fits(look: Look) -> None:
    lineage = from_columns(y=[source("raw/id")], z=[source("raw/both")], q=[source("raw/none")])
    inputs = [
        dataset("wh.m.a", schema=schema("id", "both")),
        dataset("wh.m.c", schema=schema("both")),
    ]
    seen = look({"inputs": inputs, "outputs": [dataset("wh.m.b", columnLineage=lineage)]})

    found = {link.target.field: link for link in column_links(seen)}

    assert found["y"].source == column("wh.m.a/id")
    assert found["y"].said == (WH, "raw")
    assert found["y"].is_guess
    assert [found[field].source.asset.name for field in "zq"] == ["raw", "raw"]
    assert not found["z"].is_guess
    graph = column_graph(seen)
    (marked,) = (
        s for s in graph.around(column("wh.m.b/z")).columns if s.column.asset.name == "raw"
    )
    assert marked.noise == "only mentioned"
