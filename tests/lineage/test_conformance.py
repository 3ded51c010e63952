from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.conformance import (
    OTHER_KINDS,
    Seen,
    conformance,
    envelope_warnings,
    facet_warnings,
)
from lineage.facet_schemas import FacetPlace
from lineage.oddities import WarningKind
from lineage.value_checks import (
    DATE_TIME,
    DEEPEST,
    MOST,
    URI,
    UUID,
    is_date_time,
    is_uri,
    is_uuid,
)
from tests.lineage.schemas import facet, said

TYPES = "one of START, RUNNING, COMPLETE, ABORT, FAIL, OTHER"
BRACKETS = "put it in square brackets, even if it is the only one"

# Examples: what a person reads -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "warnings"),
    [
        ({"fields": [{"name": "id"}]}, []),
        ({"fields": None}, [("fields", "null; expected an array; leave it out if there is none")]),
        (
            {"fields": [{"name": 3}]},
            [("fields[0].name", "the number 3; expected a text; put it in quotation marks")],
        ),
        ({"fields": [{"type": "int"}]}, [("fields[0].name", "missing; expected a text")]),
        (
            {"fields": [{"name": "a", "fields": [{"name": "b", "ordinal_position": "1"}]}]},
            [
                (
                    "fields[0].fields[0].ordinal_position",
                    'the text "1"; expected a whole number; leave out the quotation marks',
                )
            ],
        ),
        (
            {"fields": {"name": "id"}},
            [
                (
                    "fields",
                    f"an object; expected an array; {BRACKETS}",
                )
            ],
        ),
    ],
)
def test_message_says_what_was_found_expected_and_what_to_do(
    sent: dict[str, Any], warnings: list[tuple[str, str]]
) -> None:
    assert said(FacetPlace.DATASET, "schema", facet("SchemaDatasetFacet", **sent)) == warnings


def test_unknown_facet_needs_a_producer_and_a_schema_alone() -> None:
    assert said(FacetPlace.RUN, "mine", facet(anything=[None])) == []
    assert said(FacetPlace.RUN, "mine", {"_producer": "", "_schemaURL": "mine.json"}) == [
        ("_producer", f"an empty text; expected {URI.words}"),
        ("_schemaURL", f'the text "mine.json"; expected {URI.words}'),
    ]


@pytest.mark.parametrize("sent", [None, [], "x", 3])
def test_facet_that_is_no_object_is_told(sent: object) -> None:
    (warning,) = facet_warnings(FacetPlace.JOB, "sql", sent)

    assert warning.kind is WarningKind.TYPE
    assert warning.message.endswith("; expected an object; skipped")


def test_key_that_a_closed_part_of_a_facet_does_not_know_is_told() -> None:
    sent = facet("ExecutionParametersRunFacet", parameters=[{"key": "retries", "default": "3"}])

    assert said(FacetPlace.RUN, "executionParameters", sent) == [
        (
            "parameters[0].default",
            "not known here; expected only key, name, description, value",
        )
    ]


@pytest.mark.parametrize(
    ("place", "name", "expected"),
    [(FacetPlace.JOB, "sql", []), (FacetPlace.DATASET, "ownership", [])],
)
def test_deleted_facet_needs_none_of_its_fields(
    place: FacetPlace, name: str, expected: list[tuple[str, str]]
) -> None:
    assert said(place, name, facet(_deleted=True)) == expected
    assert said(place, name, {"_deleted": True})[0][0] == "_producer"


def test_facet_of_a_run_cannot_be_deleted() -> None:
    sent = facet("NominalTimeRunFacet", _deleted=True)

    assert said(FacetPlace.RUN, "nominalTime", sent) == [
        (
            "nominalStartTime",
            f"missing; expected {DATE_TIME.words}",
        ),
        ("_deleted", "means nothing here; only facets of jobs and datasets can be deleted"),
    ]


def test_facet_at_the_wrong_place_is_told_where_it_belongs() -> None:
    sent = facet("OutputStatisticsOutputDatasetFacet", rowCount=3)

    assert said(FacetPlace.DATASET, "outputStatistics", sent) == [
        ("", "means nothing in a dataset's facets; expected in outputs[].outputFacets")
    ]
    assert said(FacetPlace.OUTPUT, "outputStatistics", sent) == []


def test_data_tests_may_stand_where_producers_put_them() -> None:
    sent = facet("DataQualityAssertionsDatasetFacet", assertions=[])

    assert said(FacetPlace.DATASET, "dataQualityAssertions", sent) == []
    assert said(FacetPlace.INPUT, "dataQualityAssertions", sent) == []


@pytest.mark.parametrize(
    ("name", "title", "version", "message"),
    [
        ("sql", "SQLJobFacet", "1-9-9", None),
        ("sql", "JobFacet", "1-0-0", None),
        (
            "sql",
            "SourceCodeJobFacet",
            "1-0-0",
            "speaks of SourceCodeJobFacet; expected SQLJobFacet",
        ),
        (
            "sql",
            "SQLJobFacet",
            "1.1.0",
            'the version "1.1.0"; expected three numbers, such as 1-0-0',
        ),
        (
            "sql",
            "SQLJobFacet",
            "7-0-0",
            "version 7-0-0 is not known; the facet was checked as 1-1-0",
        ),
        (
            "query",
            "SQLJobFacet",
            "1-1-0",
            "speaks of SQLJobFacet, which is expected as sql",
        ),
    ],
)
def test_address_of_another_schema_is_told(
    name: str, title: str, version: str, message: str | None
) -> None:
    found = said(FacetPlace.JOB, name, facet(title, version, query="select 1"))

    assert found == ([("_schemaURL", message)] if message else [])


def test_warnings_are_bounded_and_the_rest_is_counted() -> None:
    sent = facet("SchemaDatasetFacet", fields=[{} for _ in range(1500)])

    found = facet_warnings(FacetPlace.DATASET, "schema", sent)

    assert len(found) == MOST + 1
    assert found[MOST].message == "and 1,480 more like these"


def test_nesting_without_end_is_told_and_not_followed() -> None:
    field: dict[str, Any] = {"name": "a"}
    for _ in range(900):
        field = {"name": "a", "fields": [field]}

    (warning,) = facet_warnings(
        FacetPlace.DATASET, "schema", facet("SchemaDatasetFacet", fields=[field])
    )

    assert warning.kind is WarningKind.DEPTH
    assert warning.path.count("fields") == DEEPEST + 1


def test_value_of_any_length_is_quoted_in_short() -> None:
    (warning,) = facet_warnings(FacetPlace.RUN, "mine", facet() | {"_producer": "x y" * 100_000})

    assert len(warning.message) < 200


def test_redacted_address_is_not_held_against_its_sender() -> None:
    sent = facet("DatasourceDatasetFacet", uri="https://host/path?token=[redacted]&a=b")

    assert said(FacetPlace.DATASET, "dataSource", sent) == []


def test_long_text_that_is_no_address_is_refused_quickly() -> None:
    assert not is_uri("a:" + "a" * 200_000 + " ")
    assert not is_uri("a://" + "a@" * 100_000)


def test_moments_and_ids_follow_their_standards() -> None:
    assert is_date_time("2016-12-31T23:59:60Z")
    assert not is_date_time("2016-12-31T23:58:60Z")
    assert is_date_time("9999-12-31T23:59:59-05:00")
    assert not is_date_time("2026-11-20T06:00Z")
    assert not is_uuid("{019c0000-0000-7000-8000-000000000001}")


# Envelopes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "path", "message"),
    [
        ({"producer": None}, "producer", f"missing; expected {URI.words}"),
        (
            {"schemaURL": "x"},
            "schemaURL",
            f'the text "x"; expected {URI.words}',
        ),
        (
            {"eventType": "PAUSED"},
            "eventType",
            f'the text "PAUSED"; expected {TYPES}; read as OTHER',
        ),
        (
            {"eventType": "complete"},
            "eventType",
            f'the text "complete"; expected {TYPES}; write it in capitals',
        ),
        (
            {"eventTime": "2026-11-20T06:00:00"},
            "eventTime",
            f'the text "2026-11-20T06:00:00"; expected {DATE_TIME.words}; read as UTC',
        ),
        (
            {"run": {"runId": "run 1"}},
            "run.runId",
            f'the text "run 1"; expected {UUID.words}; it is kept as it was sent',
        ),
        (
            {"run": {"runId": "019C0000000070008000000000000001"}},
            "run.runId",
            f'the text "019C0000000070008000000000000001"; expected {UUID.words}',
        ),
        (
            {"inputs": {"namespace": "n", "name": "x"}},
            "inputs",
            f"an object; expected an array; {BRACKETS}; skipped",
        ),
        (
            {"outputs": [{"name": "x"}]},
            "outputs[0].namespace",
            "missing; expected a text; the entry was skipped",
        ),
        ({"outputs": [3]}, "outputs[0]", "the number 3; expected an object; the entry was skipped"),
        (
            {"event_type": "START"},
            "event_type",
            "not known in an event; eventType was perhaps meant",
        ),
        ({"extra": 1}, "extra", "not known in an event"),
        (
            {"schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"},
            "schemaURL",
            "speaks of a JobEvent; expected RunEvent, which is what the event is",
        ),
    ],
)
def test_envelope_message_says_what_was_found_expected_and_done(
    make_event: Any, parts: dict[str, Any], path: str, message: str
) -> None:
    found = envelope_warnings(make_event(**parts))

    assert [(w.path, w.message) for w in found] == [(path, message)]


def test_dataset_and_job_in_one_event_are_told(make_event: Any) -> None:
    url = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent"
    event = make_event(run=None, eventType=None, schemaURL=url)
    event["dataset"] = {"namespace": "n", "name": "x"}

    (warning,) = envelope_warnings(event)

    assert (warning.path, warning.kind) == ("job", WarningKind.PLACE)


def test_run_that_is_null_is_told(make_event: Any) -> None:
    url = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"

    (warning,) = envelope_warnings({**make_event(schemaURL=url), "run": None})

    assert (warning.path, warning.kind) == ("run", WarningKind.TYPE)


def test_what_holds_facets_must_be_an_object(make_event: Any) -> None:
    event = make_event(inputs=[{"namespace": "n", "name": "x", "facets": [], "inputFacets": {}}])

    (warning,) = envelope_warnings(event)

    assert warning.path == "inputs[0].facets"
    assert warning.message == "an array; expected an object; skipped"


# Score -------------------------------------------------------------------------------------------


def test_nothing_seen_is_unknown() -> None:
    assert conformance(Seen(0, 0, {})).share is None


@given(st.integers(1, 10_000), st.integers(0, 10_000))
def test_share_lies_between_nothing_and_all_and_another_warning_never_helps(
    events: int, odd: int
) -> None:
    some = Seen(events, min(odd, events), {})
    more = replace(some, with_warnings=min(some.with_warnings + 1, events))

    share, lower = conformance(some).share, conformance(more).share

    assert share is not None
    assert lower is not None
    assert 0 <= lower <= share <= 1


@pytest.mark.parametrize("kind", WarningKind)
def test_every_sort_is_in_words_once_a_breach_or_not(kind: WarningKind) -> None:
    explained = conformance(Seen(2, 1, {kind: 1})).explanation

    assert (kind in OTHER_KINDS) is not kind.is_breach
    assert explained.endswith("(1).") is (kind.is_breach and kind is not WarningKind.MORE)


def test_share_is_explained_by_what_is_wrong_most_often() -> None:
    seen = Seen(1200, 60, {WarningKind.MISSING: 10, WarningKind.FORMAT: 55})

    assert conformance(seen).explanation == (
        "1,140 of 1,200 events keep to the OpenLineage schemas. In the others: a text that is no "
        "URI, UUID or date and time with offset (55); something required is missing (10)."
    )
    assert (
        conformance(Seen(3, 0, {})).explanation == "All 3 events keep to the OpenLineage schemas."
    )
    assert conformance(Seen(1, 0, {})).explanation.startswith("Its only event keeps to")
