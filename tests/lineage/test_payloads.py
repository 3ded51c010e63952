"""An event is a template and values: byte for byte, whichever way it was read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import payloads
from lineage.events import Event, EventReader, parse_event, stored_event
from lineage.facets import Recent, canonical, facet_from, fill, stored_facet
from lineage.templates import RefusedError, read_template
from tests.lineage.worlds import encode

MakeEvent = Callable[..., dict[str, Any]]

TOKENS = (
    st.uuids().map(str)
    | st.datetimes().map(lambda t: f"{t.isoformat()}Z")
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from(
        ["", "a,1]", '":5,', "0", "-0", "2026-11-20T06:00:00Z", "\0", "\x01", "\\u0000"]
    )
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
    | st.text(max_size=8)
)
VALUES = st.recursive(
    TOKENS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(st.text(max_size=6), VALUES, max_size=6)
KEYS = st.sampled_from(["parent", "nominalTime", "outputStatistics", "schema", "x", "é", "a.b"])
FACETS = st.dictionaries(KEYS, BODIES, max_size=3)


def round_trip(event: Event) -> Event:
    """The event as the log gives it back."""
    template = read_template(event.template.body)
    parts = (event.template, event.values)
    bodies = payloads.bodies_of([parts])
    numbers = {key: number for number, key in enumerate(bodies, 1)}
    facets = {number: stored_facet(bodies[key].body) for key, number in numbers.items()}
    packed = payloads.decode(payloads.pack(parts, event.time, numbers))
    assert set(payloads.numbers_in(packed)) == set(facets)
    values = payloads.unpack(packed, event.time, facets)
    return stored_event(template, values, event.event_id, event.secrets, event.is_mended)


@given(BODIES)
def test_an_outline_filled_with_its_tokens_is_the_facet(body: dict[str, Any]) -> None:
    facet = facet_from(body)

    if facet.outlined is not None:
        outline, tokens = facet.outlined
        assert fill(outline.segments, tokens) == facet.body


@given(FACETS, FACETS, FACETS, FACETS, st.sampled_from(["r", "9", '"', "a" * 36, "r" * 15]))
def test_what_is_packed_is_unpacked_byte_for_byte(
    make_event: MakeEvent,
    run: dict[str, Any],
    job: dict[str, Any],
    dataset: dict[str, Any],
    output: dict[str, Any],
    run_id: str,
) -> None:
    event = parse_event(encode(make_event(
        run={"runId": run_id, "facets": run},
        job={"namespace": "n", "name": "j", "facets": job},
        inputs=[{"namespace": "d", "name": "t", "facets": dataset}],
        outputs=[{"namespace": "d", "name": "u", "facets": dataset, "outputFacets": output}],
    )))  # fmt: skip

    again = round_trip(event)

    assert again.body == event.body
    assert canonical(orjson.loads(again.body)) == again.body
    assert (again.time, again.run_id, again.secrets) == (event.time, event.run_id, event.secrets)


@given(
    FACETS, FACETS, FACETS, st.sampled_from(["run", "job", "dataset"]), st.booleans(), st.booleans()
)
def test_what_nobody_reads_is_unpacked_byte_for_byte_too(
    make_event: MakeEvent,
    skipped: dict[str, Any],
    other: dict[str, Any],
    kept: dict[str, Any],
    kind: str,
    is_named: bool,
    has_both: bool,
) -> None:
    dataset = {"namespace": "d", "name": "t", "facets": other}
    entry = {"name": "t", "facets": skipped, "inputFacets": other, "outputFacets": kept}
    parts: dict[str, Any] = {
        "inputs": [entry | ({"namespace": "d"} if is_named else {})],
        "outputs": [7, entry, {"namespace": "d", "name": "u", "facets": kept}],
        "job": {"namespace": "n", "name": "j", "facets": kept},
        "dataset": dataset if kind == "dataset" or has_both else None,
    }
    event = parse_event(encode(make_event(**parts | ({} if kind == "run" else {"run": None}))))

    assert round_trip(event).body == event.body


def test_every_real_event_is_packed_and_unpacked_byte_for_byte(bodies: list[bytes]) -> None:
    for body in bodies:
        event = parse_event(body)

        assert round_trip(event).body == event.body


@given(FACETS, FACETS, st.booleans(), st.integers(0, 3))
def test_the_usual_way_and_the_slow_way_read_the_same(
    make_event: MakeEvent,
    run: dict[str, Any],
    dataset: dict[str, Any],
    is_sorted: bool,
    odd: int,
) -> None:
    made = make_event(
        run={"facets": run, "runId": "019c0000-0000-7000-8000-000000000001"},
        outputs=[{"facets": dataset, "name": "t", "namespace": "d"}],
    )
    oddities: list[dict[str, Any]] = [
        {}, {"unheard_of": {"facets": {"a": {}}}}, {"inputs": None}, {"eventType": "DONE"},
    ]  # fmt: skip
    made |= oddities[odd]
    sent = json.dumps(made, sort_keys=is_sorted).encode()
    plain = canonical(made)

    reader = EventReader()
    usual, again = reader.read(sent), reader.read(sent)
    slow = reader.read(json.dumps(made | {"zzz": 1}).encode())  # an unknown key takes the slow way

    assert usual.event_id == again.event_id == parse_event(plain).event_id
    assert usual.body == again.body
    assert usual.oddities == again.oddities
    assert json.loads(slow.body) == json.loads(usual.body) | {"zzz": 1}
    told = {(o.path, o.message) for o in slow.oddities if o.path != "zzz"}
    assert told == {(o.path, o.message) for o in usual.oddities}


SORTS = st.sampled_from(
    [
        '{"b": @, "a": @}', '{"a": [@, {"z": @, "y": "@"}], "c": "x,@,y"}', '{"@": 1, "0": @}',
        '{"a": {"@": @}, "b": @}', '{"a": @, "a": @}', '{"password": @, "x": [@,@]}',
        '{"run": {"runId": @}, "root": {"run": {"runId": @}}, "\\u00e9": "\\"@\\""}',
    ]
)  # fmt: skip
PLAIN = st.sampled_from(
    ["5", "-5", "0", "-0", "7", "1e5", "1.5", '"0193d8a0-0000-7000-8000-000000000001"',
     '"0193d8a0-0000-7000-8000-000000000002"', '"2026-11-20T06:00:00Z"',
     '"2026-11-21T06:00:00+00:00"', '"x"', "null", "true"]
)  # fmt: skip


@given(SORTS, st.lists(st.lists(PLAIN, min_size=4, max_size=4), min_size=2, max_size=4))
def test_facets_of_one_outline_are_read_as_if_each_were_the_first(
    make_event: MakeEvent, sort: str, tokens: list[list[str]]
) -> None:
    reader = EventReader()
    for row in tokens:
        facet = sort
        for token in row:
            in_text = facet[facet.find("@") - 1 : facet.find("@")] in ('"', ",")
            is_quoted = token.startswith('"') and '"@"' in facet and in_text
            facet = facet.replace("@", token.strip('"') if is_quoted else token, 1)
        body = encode(make_event(run={"runId": "r", "facets": {"x": "@@"}}))
        sent = body.replace(b'"@@"', facet.encode())
        try:
            plain = parse_event(sent)
        except RefusedError:
            with pytest.raises(RefusedError):
                reader.read(sent)
            continue

        read = reader.read(sent)

        assert read.event_id == plain.event_id
        assert read.body == plain.body
        assert (read.secrets, read.oddities) == (plain.secrets, plain.oddities)
        assert round_trip(read).body == plain.body


@pytest.mark.parametrize("damage", [b"\xff", b"NaN", b'"', b"01", b"{]", b"\x00", b"tru"])
def test_a_facet_that_is_no_json_is_refused_although_nobody_looks_into_facets(
    make_event: MakeEvent, damage: bytes
) -> None:
    facets = {"x": {"_producer": "https://a", "_schemaURL": "https://b", "value": "@"}}
    whole = encode(make_event(run={"runId": "r", "facets": facets}))
    reader = EventReader()
    reader.read(whole)

    with pytest.raises(RefusedError) as refused:
        reader.read(whole.replace(b'"@"', damage))

    assert refused.value.status == 400


def test_what_is_remembered_stays_within_its_limit() -> None:
    recent: Recent[int, int] = Recent(100)

    for i in range(1000):
        recent.put(i, i, 3)

    assert len(recent) <= 34
    assert recent.get(999) == 999
    assert recent.get(0) is None


def test_what_is_remembered_anew_counts_once() -> None:
    recent: Recent[int, int] = Recent(100)

    for i in range(1000):
        recent.put(i % 30, i, 3, was=3)

    assert len(recent) == 30
