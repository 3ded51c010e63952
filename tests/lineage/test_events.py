"""Bytes to events: what is accepted, what is refused, and that nothing else ever happens."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.events import EventReader, parse_event, stored_event
from lineage.facets import canonical, stored_facet
from lineage.oddities import Oddity, WarningKind
from lineage.templates import (
    EVENT_TYPES,
    NAME_LIMIT,
    EventKind,
    RefusedError,
    read_template,
)
from tests.lineage.worlds import CorpusFile, encode

MakeEvent = Callable[..., dict[str, Any]]


def refusal(body: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        parse_event(body)
    return caught.value


# Real events


def test_every_real_event_gets_the_verdict_of_its_index(corpus: Sequence[CorpusFile]) -> None:
    wrong = []

    for file in corpus:
        found: Counter[str] = Counter()
        for body in file.bodies:
            try:
                parse_event(body)
            except RefusedError:
                found["reject"] += 1
            else:
                found["use"] += 1
        refused = file.verdicts.get("reject", 0)
        expected = Counter(reject=refused, use=sum(file.verdicts.values()) - refused)
        if found != expected:
            wrong.append((file.name, dict(found), dict(expected)))

    assert wrong == []


def test_a_real_event_without_fault_gets_no_warning(corpus: Sequence[CorpusFile]) -> None:
    clean = [f for f in corpus if set(f.verdicts) == {"accept"}]

    odd = {
        (file.name, oddity.path)
        for file in clean
        for body in file.bodies
        for oddity in parse_event(body).oddities
        if "secret" not in oddity.message
    }

    assert odd == set()


def test_real_refusals_name_path_and_expectation(corpus: Sequence[CorpusFile]) -> None:
    refused = [refusal(body) for f in corpus if set(f.verdicts) == {"reject"} for body in f.bodies]

    assert refused
    assert all(r.status == 422 and r.path and r.expected and r.detail for r in refused)


# Identity


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"run": {}}, "run.runId"),
        ({"run": "x"}, "run.runId"),
        ({"run": {"runId": ""}}, "run.runId"),
        ({"run": {"runId": 7}}, "run.runId"),
        ({"job": None}, "job"),
        ({"job": []}, "job"),
        ({"job": {"namespace": "n"}}, "job.name"),
        ({"job": {"namespace": "", "name": "n"}}, "job.namespace"),
        ({"job": {"namespace": "n", "name": "x" * (NAME_LIMIT + 1)}}, "job.name"),
        ({"job": {"namespace": "n", "name": "a\0b"}}, "job.name"),
        ({"run": None, "dataset": {"namespace": "n"}}, "dataset.name"),
        ({"run": None, "dataset": 3}, "dataset"),
        ({"eventTime": None}, "eventTime"),
        ({"eventTime": True}, "eventTime"),
        ({"eventTime": []}, "eventTime"),
        ({"eventTime": "yesterday"}, "eventTime"),
        ({"eventTime": "2026-11-20"}, "eventTime"),
        ({"eventTime": 1e20}, "eventTime"),
        ({"eventTime": -1e20}, "eventTime"),
        ({"eventTime": 1e300}, "eventTime"),
        ({"eventTime": "9999-12-31T24:00:00Z"}, "eventTime"),
    ],
)
def test_a_refusal_names_what_is_missing_and_what_was_expected(
    make_event: MakeEvent, parts: dict[str, Any], path: str
) -> None:
    refused = refusal(encode(make_event(**parts)))

    assert (refused.status, refused.path) == (422, path)
    assert refused.expected
    assert refused.detail


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xc3\x28"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"x":"\\ud800","y":NaN}',
    ],
)
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    assert refusal(body).status == 400


@pytest.mark.parametrize("depth", [260, 500, 1000])
def test_what_can_be_read_but_not_written_again_is_too_deep(
    make_event: MakeEvent, depth: int
) -> None:
    event = encode(make_event())[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}"

    refused = refusal(event)

    assert refused.status == 400
    assert "deep" in refused.detail


@pytest.mark.parametrize("body", [b"[]", b"3", b"null", b'"x"', b"true", b"{}"])
def test_json_that_is_no_event_is_refused(body: bytes) -> None:
    refused = refusal(body)

    assert refused.status == 422
    assert refused.expected


def test_the_shape_decides_the_kind_and_null_is_no_run(make_event: MakeEvent) -> None:
    dataset = {"namespace": "d", "name": "t"}

    kinds = [
        parse_event(encode(event)).kind
        for event in (
            make_event(),
            make_event(dataset=dataset),
            {**make_event(), "run": None},
            make_event(run=None, dataset=dataset),
            make_event(run=None, job=None, dataset=dataset),
        )
    ]

    run, job, data = EventKind.RUN, EventKind.JOB, EventKind.DATASET
    assert kinds == [run, run, job, data, data]


def test_a_name_with_a_lone_surrogate_is_refused(make_event: MakeEvent) -> None:
    refused = refusal(encode(make_event(job={"namespace": "n", "name": "a\ud800"})))

    assert (refused.status, refused.path) == (422, "job.name")


def test_a_lone_surrogate_or_nul_elsewhere_is_replaced_and_told(make_event: MakeEvent) -> None:
    facets = {"documentation": {"description": "a\ud800b\0c \\u0000 \\\0 \U0001f600"}}

    event = parse_event(encode(make_event(job={"namespace": "n", "name": "j", "facets": facets})))

    assert event.job_facets["documentation"]["description"] == (
        "a\ufffdb\ufffdc \\u0000 \\\ufffd \U0001f600"
    )
    assert [o for o in event.oddities if not o.path.endswith(("_producer", "_schemaURL"))] == [
        Oddity(
            "",
            "held NUL characters or lone surrogates; they were replaced",
            WarningKind.REPLACED,
        )
    ]
    assert b"\\u0000" not in event.body.replace(b"\\\\u0000", b"")


@given(st.uuids())
def test_every_spelling_of_a_run_id_is_one_run(make_event: MakeEvent, run_id: uuid.UUID) -> None:
    spellings = [
        str(run_id), str(run_id).upper(), run_id.hex, f"{{{run_id}}}", f"urn:uuid:{run_id}",
        run_id.urn.upper().replace("URN:UUID:", "urn:uuid:"),
    ]  # fmt: skip

    read = {parse_event(encode(make_event(run={"runId": s}))).run_id for s in spellings}

    assert read == {str(run_id)}


def test_a_run_id_that_is_no_uuid_is_kept_with_a_warning(make_event: MakeEvent) -> None:
    event = parse_event(encode(make_event(run={"runId": "manual__2026-11-20"})))

    assert event.run_id == "manual__2026-11-20"
    assert [o.path for o in event.oddities] == ["run.runId"]


# Leniency


@pytest.mark.parametrize(
    ("parts", "paths"),
    [
        ({"producer": None}, ["producer"]),
        ({"producer": 3}, ["producer"]),
        ({"schemaURL": None}, ["schemaURL"]),
        ({"eventType": "DONE"}, ["eventType"]),
        ({"eventType": 4}, ["eventType"]),
        ({"inputs": {}}, ["inputs"]),
        ({"inputs": [None]}, ["inputs[0]"]),
        ({"outputs": [{"name": "t"}]}, ["outputs[0].namespace"]),
        ({"outputs": [{"namespace": "d", "name": "a\0"}]}, ["outputs[0].name"]),
        (
            {"outputs": [{"namespace": "d", "name": "t", "facets": {"schema": None, "x": 1}}]},
            ["outputs[0].facets.schema", "outputs[0].facets.x"],
        ),
        (
            {"inputs": [{"namespace": "d", "name": "t", "facets": [], "inputFacets": "x"}]},
            ["inputs[0].inputFacets", "inputs[0].facets"],
        ),
        ({"job": {"namespace": "n", "name": "j", "facets": 1}}, ["job.facets"]),
    ],
)
def test_what_breaks_a_schema_is_a_warning_at_its_place(
    make_event: MakeEvent, parts: dict[str, Any], paths: list[str]
) -> None:
    event = parse_event(encode(make_event(**parts)))

    assert sorted(o.path for o in event.oddities) == sorted(paths)


def test_null_facets_are_no_facets(make_event: MakeEvent) -> None:
    run = {"runId": "019c0000-0000-7000-8000-000000000001", "facets": None}

    event = parse_event(encode({**make_event(run=run), "inputs": None, "eventType": None}))

    assert (event.run_facets, event.inputs, event.type) == ({}, (), None)
    assert sorted(o.path for o in event.oddities) == ["eventType", "inputs", "run.facets"]


@given(st.sampled_from(EVENT_TYPES), st.booleans())
def test_an_event_type_counts_in_any_case(
    make_event: MakeEvent, event_type: str, is_lower: bool
) -> None:
    sent = event_type.lower() if is_lower else event_type

    assert parse_event(encode(make_event(eventType=sent))).type == event_type


def test_one_bad_entry_loses_no_other(make_event: MakeEvent) -> None:
    good = {"namespace": "d", "name": "t"}

    event = parse_event(encode(make_event(inputs=[{}, good, 4], outputs=[None, good])))

    assert [(p.name, p.path) for p in event.inputs] == [("t", "inputs[1]")]
    assert [(p.name, p.path) for p in event.outputs] == [("t", "outputs[1]")]
    assert sorted(o.path for o in event.oddities) == [
        "inputs[0].name", "inputs[0].namespace", "inputs[2]", "outputs[0]",
    ]  # fmt: skip


# Laws

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.text(alphabet=st.characters(categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["run", "runId", "job", "dataset", "namespace", "name", "eventTime", "facets",
                 "inputs", "outputs", "eventType", "producer", "password"]
            ) | st.text(max_size=3),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)  # fmt: skip


def status_of(body: bytes) -> int:
    """What a sender is answered; anything but an event or a refusal fails the test."""
    try:
        parse_event(body)
    except RefusedError as refused:
        return refused.status
    return 201


@given(JSON)
def test_any_json_is_an_event_or_refused(value: Any) -> None:
    assert status_of(encode(value)) in (201, 400, 422)


@given(st.binary())
def test_any_bytes_are_an_event_or_refused(body: bytes) -> None:
    assert status_of(body) in (201, 400, 422)


def test_the_id_is_the_hash_of_what_was_received_in_canonical_form(make_event: MakeEvent) -> None:
    sent = make_event(job={"namespace": "n", "name": "é"}, x={"password": "hunter2"})
    told = json.dumps(sent, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    ids = {
        parse_event(body).event_id
        for body in (encode(sent), json.dumps(sent, indent=2).encode(), orjson.dumps(sent))
    }

    assert ids == {hashlib.sha256(told.encode()).digest()}


def test_a_stored_event_reads_as_it_was_first_read(bodies: list[bytes]) -> None:
    for body in bodies:
        first = parse_event(body)
        template = read_template(first.template.body)
        values = [v if isinstance(v, bytes) else stored_facet(v.body) for v in first.values]
        again = stored_event(template, values, first.event_id, first.secrets, first.is_mended)

        assert again.body == first.body
        assert again.oddities == first.oddities
        assert (again.time, again.run_id, again.kind) == (first.time, first.run_id, first.kind)
        assert (again.inputs, again.outputs, again.dataset) == (
            first.inputs, first.outputs, first.dataset,
        )  # fmt: skip
        assert canonical(orjson.loads(first.body)) == first.body


def test_a_reader_that_knows_an_event_already_reads_it_as_one_that_does_not(
    bodies: list[bytes],
) -> None:
    knowing = EventReader()
    for body in bodies:
        knowing.read(body)

    for body in bodies:
        again, plain = knowing.read(body), parse_event(body)

        assert again.event_id == plain.event_id
        assert again.event_id == hashlib.sha256(canonical(orjson.loads(body))).digest()
        assert again.body == plain.body
        assert again.oddities == plain.oddities
