"""Which edges are drawn: a golden case for each rule of the explicit facet and below it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from lineage.graph.loading import estate_graph
from lineage.graph.questions import Question, ask
from lineage.history import stand
from tests.lineage.conftest import MakeEvent
from tests.lineage.worlds import WH, at, dataset, job, take

SPEC = Path(__file__).parents[4] / "shared" / "openlineage" / "spec" / "tests" / "LineageFacet"
WAREHOUSE, AIRFLOW = "postgresql://warehouse:5432", "airflow://production"

Draw = Callable[..., set[str]]


@pytest.fixture
def draw(store: Engine, make_event: MakeEvent) -> Draw:
    """Ingests events, and answers with all edges: ``a>b column``, or with jobs ``a>(j)``."""

    def build(*events: dict[str, Any], through_jobs: bool = False) -> set[str]:
        filled = [
            {**make_event(run={"runId": f"run {number}"}, eventTime=at(number)), **event}
            for number, event in enumerate(events)
        ]
        filled = [{k: v for k, v in event.items() if v is not None} for event in filled]
        take(store, [[json.dumps(event).encode() for event in filled]])
        seen = stand(store)
        graph = estate_graph(seen)
        answers = [ask(graph, Question(key, through_jobs=through_jobs)) for key in graph]
        return {
            f"{shown(link.source)}>{shown(link.target)}"
            + ("" if through_jobs else f" {link.basis}")
            for answer in answers
            for link in answer.links
            if through_jobs or link.source.kind is link.target.kind
        }

    return build


def shown(key: AssetKey) -> str:
    return f"({key.name})" if key.kind is Kind.JOB else key.name


def entry(target: str, *sources: str) -> dict[str, Any]:
    inputs = [{"type": "DATASET", "namespace": WH, "name": name} for name in sources]
    return {"type": "DATASET", "namespace": WH, "name": target, "inputs": inputs}


def explicit(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"lineage": {"entries": list(entries)}}


def columns(**sources: str) -> dict[str, Any]:
    fields = {
        column: {"inputFields": [{"namespace": WH, "name": name, "field": "x"}]}
        for column, name in sources.items()
    }
    return {"columnLineage": {"fields": fields}}


def run(read: str, written: str, facets: dict[str, Any] | None = None, **parts: Any) -> Any:
    event = {
        "job": job("j", **(facets or {})),
        "inputs": [dataset(name) for name in read.split()],
        "outputs": [dataset(name) for name in written.split()],
    }
    return {**event, **parts}


# 1. The explicit facet is the complete set -------------------------------------------------------


def test_an_explicit_facet_is_all_there_is_and_no_product_is_made(draw: Draw) -> None:
    found = draw(run("x.a x.b", "x.c x.d", explicit(entry("x.c", "x.a"), entry("x.d", "x.b"))))

    assert found == {"x.a>x.c explicit", "x.b>x.d explicit"}


def test_an_explicit_facet_goes_before_column_lineage(draw: Draw) -> None:
    by_column = [dataset("x.c", **columns(i="x.b"))]

    found = draw(run("x.a x.b", "", explicit(entry("x.c", "x.a")), outputs=by_column))

    assert found == {"x.a>x.c explicit"}


def test_no_inputs_mean_that_nothing_tracked_feeds_it(draw: Draw) -> None:
    assert draw(run("x.a", "x.c", explicit(entry("x.c")))) == set()


def test_what_several_events_of_one_run_describe_adds_up(draw: Draw) -> None:
    same = {"run": {"runId": "one"}}

    found = draw(
        run("x.a", "x.c", explicit(entry("x.c", "x.a")), eventType="START", **same),
        run("x.b", "x.d", explicit(entry("x.d", "x.b")), **same),
    )

    assert found == {"x.a>x.c explicit", "x.b>x.d explicit"}


def test_what_a_job_declares_is_replaced_by_what_it_declares_next(draw: Draw) -> None:
    declared = {"run": None, "eventType": None}

    found = draw(
        run("x.a", "x.c", explicit(entry("x.c", "x.a")), **declared),
        run("x.b", "x.c", explicit(entry("x.c", "x.b")), **declared),
    )

    assert found == {"x.b>x.c declared"}


def test_what_a_dataset_declares_is_replaced_by_what_it_declares_next(draw: Draw) -> None:
    def derives(source: str) -> dict[str, Any]:
        inputs = entry("", source)["inputs"]
        event = {"run": None, "eventType": None, "job": None}
        return {**event, "dataset": dataset("x.c", lineage={"inputs": inputs})}

    assert draw(derives("x.a"), derives("x.b")) == {"x.b>x.c declared"}


def test_a_dataset_facet_in_an_event_of_a_run_says_nothing(draw: Draw) -> None:
    carried = [dataset("x.c", lineage={"inputs": entry("", "x.b")["inputs"]})]

    assert draw(run("x.a", "", outputs=carried)) == {"x.a>x.c product"}


# 2. The boundary of the job stays ----------------------------------------------------------------


def test_inputs_that_no_entry_names_are_read_by_the_job_and_outputs_are_made_by_it(
    draw: Draw,
) -> None:
    event = run("x.a x.unused", "x.c x.made", explicit(entry("x.c", "x.a")))

    assert draw(event) == {"x.a>x.c explicit"}
    assert draw(event, through_jobs=True) == {
        "x.a>(j)", "x.unused>(j)", "(j)>x.c", "(j)>x.made",
    }  # fmt: skip


# 3. Below it column lineage, and below that the product -------------------------------------------


def test_column_lineage_counts_for_each_output_and_only_outputs_without_it_get_the_product(
    draw: Draw,
) -> None:
    outputs = [dataset("x.c", **columns(i="x.a", k="x.seed")), dataset("x.d")]

    found = draw(run("x.a x.b", "", outputs=outputs))

    assert found == {
        "x.a>x.c column", "x.seed>x.c column", "x.a>x.d product", "x.b>x.d product",
    }  # fmt: skip


# 4. Entries may be jobs ---------------------------------------------------------------------------


def test_an_entry_without_a_name_is_the_own_job_which_reads(draw: Draw) -> None:
    own = {"type": "JOB", "inputs": entry("", "x.a")["inputs"]}
    event = run("x.a", "x.c", explicit(own))

    assert draw(event) == set()
    assert draw(event, through_jobs=True) == {"x.a>(j)", "(j)>x.c"}


def test_neither_parents_nor_dependencies_are_edges(draw: Draw) -> None:
    above = {"run": {"runId": "p"}, "job": {"namespace": "jobs", "name": "dag"}}
    other = {"job": {"namespace": "jobs", "name": "before"}}
    facets = {"parent": above, "jobDependencies": {"upstream": [other]}}

    event = run("x.a", "x.c", run={"runId": "r", "facets": facets})

    assert draw(event, through_jobs=True) == {"x.a>(j)", "(j)>x.c"}


# The specification's own examples -----------------------------------------------------------------

EXAMPLES = {
    "dataset-to-job": set[str](),
    "generator": set[str](),
    "implicit-job": set[str](),
    "job-to-dataset": set[str](),
    "job-to-job": set[str](),
    "mixed-sources": {"public.orders>public.enriched_orders explicit"},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_specification_give_no_edge_too_many(name: str, draw: Draw) -> None:
    facet = example(name)
    named = [
        {"namespace": one["namespace"], "name": one["name"]}
        for one in (*facet["entries"], *(i for e in facet["entries"] for i in e["inputs"]))
        if one["type"] == "DATASET"
    ]
    beside = [dataset("public.beside", WAREHOUSE)]

    found = draw(run("", "", {"lineage": facet}, inputs=[*named, *beside], outputs=named))

    assert found == EXAMPLES[name]


def test_the_example_of_a_dataset_gives_one_edge(draw: Draw) -> None:
    facet = example("dataset-to-dataset")
    declared = dataset("public.view", WAREHOUSE, lineage=facet)

    found = draw({"run": None, "eventType": None, "job": None, "dataset": declared})

    assert found == {"public.customers>public.view declared"}


def example(name: str) -> dict[str, Any]:
    path = SPEC / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no examples of the specification at {SPEC}")
    facet: dict[str, Any] = json.loads(path.read_text("utf-8"))["lineage"]
    return facet
