from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import AssetKey, Evidence, Kind
from dashboard import evidence
from lineage.estate import FeedKind
from policies.facts.index import FEED_FACETS

EVENT = {
    "eventType": "COMPLETE",
    "run": {"runId": "r1", "facets": {"parent": {"job": {"name": "p"}}}},
    "job": {"namespace": "notebooks", "name": "fix"},
    "inputs": [{"name": "a", "facets": {"schema": {"fields": [1, 2, 3]}}}],
    "outputs": [{"name": "<i>b</i>", "facets": {"ownership": {"owners": [{"name": "ana"}]}}}],
}


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "i", "o", "facets"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def shown(event: object, *paths: str | None) -> tuple[evidence.Line, ...]:
    return evidence.lines(event, [evidence.steps(path) for path in paths if path])


def text(path: str | None, *, marked: bool) -> str:
    return "\n".join(line.text for line in shown(EVENT, path) if line.is_marked is marked)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("eventType", "COMPLETE"),
        ("run.runId", "r1"),
        ("outputs[0].facets.ownership", "ana"),
        ("outputs[0].facets.ownership.owners[0].name", "ana"),
    ],
)
def test_exactly_what_the_path_names_is_marked(path: str, found: str) -> None:
    assert found in text(path, marked=True)
    assert found not in text(path, marked=False)


def test_what_is_beside_the_path_is_shortened() -> None:
    around = text("outputs[0].name", marked=False)

    assert '"inputs": [ … 1 ]' in around
    assert '"parent": { … }' in around or '"facets": { … }' in around
    assert '"name": "fix"' in around


@pytest.mark.parametrize("path", [None, "", "outputs[7].name", "run.nothing", "eventType.deeper"])
def test_a_path_that_leads_nowhere_marks_nothing(path: str | None) -> None:
    assert not text(path, marked=True)
    assert '"runId": "r1"' in text(path, marked=False)


def test_everything_in_the_event_is_escaped() -> None:
    found = evidence.html(shown(EVENT, "outputs[0].name"))

    assert "<i>" not in found
    assert '">      "name": "&lt;i&gt;b&lt;/i&gt;"' in found.replace("&quot;", '"')


def test_a_long_marked_value_is_cut_and_says_so() -> None:
    found = shown({"inputs": list(range(100)), "run": {}}, "inputs")

    assert sum(line.is_marked for line in found) == evidence.MARKED_MOST + 1
    assert any("more lines" in line.text for line in found)


def test_long_texts_off_the_path_are_cut() -> None:
    found = shown({"producer": "x" * 500, "run": {}}, "run")

    assert all(len(line.text) < 250 for line in found)


def test_facets_inside_a_marked_dataset_are_only_named() -> None:
    event = {
        "outputs": [{"namespace": "n", "name": "orders", "facets": {"schema": {"fields": []}}}]
    }

    found = [line.text.strip() for line in shown(event, "outputs")]

    assert '"name": "orders",' in found
    assert '"facets": { … }' in found


def test_a_facet_that_proves_is_shown_whole() -> None:
    event = {"outputs": [{"facets": {"ownership": {"owners": [{"name": "team:sales"}]}}}]}

    found = [line.text.strip() for line in shown(event, "outputs[0].facets.ownership")]

    assert '"name": "team:sales"' in found


NAMESPACE = "duckdb://wh"
CHECKS = {"assertions": [{"assertion": "unique", "success": True}]}
LOAD = {
    "run": {"facets": {"parent": {"job": {"namespace": "airflow", "name": "daily"}}}},
    "job": {
        "namespace": "dbt",
        "name": "load",
        "facets": {"sourceCodeLocation": {"url": "git"}, "ownership": {"owners": []}},
    },
    "inputs": [
        {"namespace": "other", "name": "orders"},
        {"namespace": NAMESPACE, "name": "raw", "inputFacets": {"dataQualityAssertions": CHECKS}},
        {"namespace": NAMESPACE, "name": "orders", "facets": {"dataQualityAssertions": CHECKS}},
    ],
    "outputs": [
        {
            "namespace": NAMESPACE,
            "name": "mart",
            "facets": {
                "schema": {"fields": []},
                "columnLineage": {
                    "fields": {"a.b": {"inputFields": [{"namespace": NAMESPACE, "name": "deep"}]}},
                    "dataset": [{"namespace": NAMESPACE, "name": "filter"}],
                },
            },
        }
    ],
}


def dataset(name: str, namespace: str = NAMESPACE) -> AssetKey:
    return AssetKey(Kind.DATASET, namespace, name)


def job(name: str) -> AssetKey:
    return AssetKey(Kind.JOB, "dbt", name)


@pytest.mark.parametrize(
    ("path", "about", "stands"),
    [
        (None, dataset("mart"), "outputs[0]"),
        (None, dataset("orders"), "inputs[2]"),
        (None, dataset("orders", "other"), "inputs[0]"),
        ("outputs", dataset("mart"), "outputs[0]"),
        ("inputs", None, "inputs"),
        (None, dataset("filter"), "outputs[0].facets.columnLineage.dataset[0]"),
        (None, job("load"), "job"),
        (None, AssetKey(Kind.JOB, "airflow", "daily"), "run.facets.parent.job"),
        (None, NAMESPACE, "outputs[0]"),
        ("job.facets.ownership", dataset("mart"), "job.facets.ownership"),
        ("dataQualityAssertions", dataset("orders"), "inputs[2].facets.dataQualityAssertions"),
        ("dataQualityAssertions", dataset("raw"), "inputs[1].inputFacets.dataQualityAssertions"),
        ("dataQualityAssertions", dataset("mart"), "inputs[1].inputFacets.dataQualityAssertions"),
        ("dataQualityAssertions", NAMESPACE, "inputs[1].inputFacets.dataQualityAssertions"),
        ("run.facets", dataset("elsewhere", "elsewhere"), "run.facets"),
        ("sourceCodeLocation", NAMESPACE, "job.facets.sourceCodeLocation"),
        ("outputStatistics", dataset("mart"), "outputs[0]"),
    ],
)
def test_evidence_without_a_full_path_is_found_in_the_event(
    path: str | None, about: evidence.About | None, stands: str
) -> None:
    found = evidence.place(LOAD, path, about)

    assert found is not None
    assert evidence.spelled(found) == stands


def test_every_feed_speaks_at_a_place_that_can_be_marked() -> None:
    assert FEED_FACETS.keys() == set(FeedKind)


def test_a_column_with_dots_in_its_name_is_found() -> None:
    found = evidence.place(LOAD, None, dataset("deep"))

    assert found is not None
    assert found[-3:] == ("a.b", "inputFields", 0)
    assert any("deep" in line.text for line in evidence.lines(LOAD, [found]) if line.is_marked)


@pytest.mark.parametrize("about", [dataset("mart", "no"), job("mart"), "no", None])
def test_what_an_event_does_not_name_has_no_place_in_it(about: evidence.About | None) -> None:
    assert evidence.place(LOAD, None, about) is None


def test_a_found_dataset_is_marked_by_its_name_and_its_facets_stay_folded() -> None:
    found = [line for line in shown(LOAD, "outputs[0]") if line.is_marked]

    assert any('"name": "mart"' in line.text for line in found)
    assert any('"facets": { … }' in line.text for line in found)
    assert len(found) == 5


def test_several_places_of_one_event_are_marked_together() -> None:
    marked = [line.text for line in shown(LOAD, "outputs[0]", "inputs[0]") if line.is_marked]

    assert any("other" in line for line in marked)
    assert any("mart" in line for line in marked)
    assert not any("raw" in line for line in marked)


def test_an_event_that_proves_twice_is_one_group() -> None:
    pieces = [
        Evidence("a", event_id="e1"),
        Evidence("b", event_id="e2", facet="outputs"),
        Evidence("c", event_id="e1"),
        Evidence("declared"),
    ]

    groups = evidence.by_event(pieces)

    assert [[piece.value for piece in group] for group in groups] == [["b"], ["a", "c"]]


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["inputs", "outputs", "dataset", "facets", "namespace", "name", "job"]),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON, st.none() | st.sampled_from(["inputs", "outputs", "ownership", "job.name"]), st.text())
def test_no_event_is_so_odd_that_it_cannot_be_looked_into(
    event: object, path: str | None, name: str
) -> None:
    for about in (dataset(name, name), job(name), name, None):
        found = evidence.place(event, path, about)

        evidence.lines(event, [found] if found else [])


@pytest.mark.parametrize(
    ("about", "places"),
    [
        ("", []),
        ("eventType", ["eventType"]),
        ("ownership", ["outputs[0].facets.ownership"]),
        ("inputs[].facets.schema", ["inputs[0].facets.schema"]),
        (
            "inputs[].facets.schema.fields[].name",
            [f"inputs[0].facets.schema.fields[{i}]" for i in range(3)],
        ),
        ("inputs[].facets.nowhere", ["inputs[0].facets"]),
        ("schemaURL.x", []),
    ],
)  # fmt: skip
def test_a_path_without_numbers_leads_to_every_place_that_it_means(
    about: str, places: list[str]
) -> None:
    assert [evidence.spelled(path) for path in evidence.matching(EVENT, about)] == places


@given(st.text(alphabet="a.[]io", max_size=12), values)
def test_whatever_is_asked_leads_somewhere_or_nowhere(about: str, event: object) -> None:
    for path in evidence.matching(event, about):
        assert evidence.lines(event, [path])


def test_an_event_leads_to_its_run_if_it_has_one() -> None:
    assert evidence.run_of(EVENT) == {"run": "r1", "namespace": "notebooks", "name": "fix"}
    assert evidence.run_of({"dataset": {"namespace": "n", "name": "d"}}) is None
    assert evidence.run_of(None) is None
