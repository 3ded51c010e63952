from __future__ import annotations

import pytest

from dashboard import evidence

EVENT = {
    "eventType": "COMPLETE",
    "run": {"runId": "r1", "facets": {"parent": {"job": {"name": "p"}}}},
    "job": {"namespace": "notebooks", "name": "fix"},
    "inputs": [{"name": "a", "facets": {"schema": {"fields": [1, 2, 3]}}}],
    "outputs": [{"name": "<i>b</i>", "facets": {"ownership": {"owners": [{"name": "ana"}]}}}],
}


def text(path: str | None, *, marked: bool) -> str:
    return "\n".join(line.text for line in evidence.lines(EVENT, path) if line.is_marked is marked)


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
    shown = evidence.html(evidence.lines(EVENT, "outputs[0].name"))

    assert "<i>" not in shown
    assert '">      "name": "&lt;i&gt;b&lt;/i&gt;"' in shown.replace("&quot;", '"')


def test_a_long_marked_value_is_cut_and_says_so() -> None:
    shown = evidence.lines({"inputs": list(range(100)), "run": {}}, "inputs")

    assert sum(line.is_marked for line in shown) == evidence.MARKED_MOST + 1
    assert any("more lines" in line.text for line in shown)


def test_long_texts_off_the_path_are_cut() -> None:
    shown = evidence.lines({"producer": "x" * 500, "run": {}}, "run")

    assert all(len(line.text) < 250 for line in shown)


def test_facets_inside_a_marked_dataset_are_only_named() -> None:
    event = {
        "outputs": [{"namespace": "n", "name": "orders", "facets": {"schema": {"fields": []}}}]
    }

    shown = [line.text.strip() for line in evidence.lines(event, "outputs")]

    assert '"name": "orders",' in shown
    assert '"facets": { … }' in shown


def test_a_facet_that_proves_is_shown_whole() -> None:
    event = {"outputs": [{"facets": {"ownership": {"owners": [{"name": "team:sales"}]}}}]}

    shown = [line.text.strip() for line in evidence.lines(event, "outputs[0].facets.ownership")]

    assert '"name": "team:sales"' in shown
