"""A job that is not remembered is read as any other: by a template alike, and facets by a hash."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lineage import events, facets
from lineage.events import EventReader, parse_event
from lineage.facets import canonical
from lineage.hashes import WIDTH, Hashes
from lineage.mentions import words_in
from lineage.plans import interests
from lineage.templates import NAME_LIMIT, RefusedError, Template

MakeEvent = Callable[..., dict[str, Any]]

NAMES = st.text(max_size=6) | st.sampled_from(
    [
        "t", "a.b", "é", '"', "\\", "\0", "\x01", "\ud800", "", "x" * NAME_LIMIT,
        "x" * (NAME_LIMIT + 1), "postgres://u:p@h/d", "token=abc", "my_token", "password", "inputs",
    ]
)  # fmt: skip
PAIRS = st.tuples(NAMES, NAMES)
FACETS = st.dictionaries(
    st.sampled_from(["schema", "columnLineage", "dataQualityAssertions", "x", "token"]),
    st.sampled_from(
        [{}, {"fields": []}, {"fields": 3}, {"_deleted": True}, {"password": "x"}, {"a": "b"}]
    ),
    max_size=3,
)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> EventReader:
    """A reader that remembers neither templates nor bodies of facets."""
    monkeypatch.setattr(events, "TEMPLATE_BYTES", 0)
    monkeypatch.setattr(facets, "REMEMBERED_BYTES", 0)
    return EventReader()


def told(template: Template) -> dict[str, Any]:
    """All of a template but what was worked out of it, and some of that."""
    fields = set(template.__struct_fields__) - {"meanings", "alike_meanings"}
    known: dict[str, Any] = {name: getattr(template, name) for name in fields}
    return known | {"words": template.alike(words_in), "interests": template.alike(interests)}


def check(reader: EventReader, sent: bytes) -> None:
    try:
        plain = parse_event(sent)
    except RefusedError:
        with pytest.raises(RefusedError):
            reader.read(sent)
        return
    read = reader.read(sent)
    assert (read.event_id, read.body, read.time) == (plain.event_id, plain.body, plain.time)
    assert (read.oddities, read.secrets) == (plain.oddities, plain.secrets)
    assert told(read.template) == told(plain.template)


@given(
    st.lists(st.tuples(PAIRS, PAIRS, PAIRS, PAIRS), min_size=2, max_size=4),
    st.tuples(FACETS, FACETS, FACETS, FACETS),
    st.sampled_from(["START", "DONE", None]),
    st.sampled_from(["https://example.com/etl", "no uri", "https://u:p@h/token"]),
    st.booleans(),
)
@example(
    [(("n", "j"), ("d", "a"), ("d", "b"), ("d", "c")), (("n", "k"),) + (("d", "a"),) * 3],
    ({"schema": {"fields": []}}, {}, {"x": {"password": "x"}}, {}),
    "START", "https://example.com/etl", False,
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_events_that_differ_in_names_are_read_as_if_each_were_the_first(
    make_event: MakeEvent,
    names: list[tuple[tuple[str, str], ...]],
    said: tuple[dict[str, Any], ...],
    kind: str | None,
    producer: str,
    is_sorted: bool,
) -> None:
    reader = EventReader()

    for job, *datasets in names:
        (first, second, third) = ({"name": n, "namespace": s} for s, n in datasets)
        made = make_event(
            eventType=kind,
            producer=producer,
            job={"name": job[1], "facets": said[0], "namespace": job[0]},
            inputs=[first | {"inputFacets": said[1]}, second | {"facets": said[2]}],
            outputs=[third | {"facets": said[3]}],
        )
        check(reader, json.dumps(made, sort_keys=is_sorted).encode())


def test_a_reader_that_forgets_nearly_all_reads_what_comes_again_as_one_that_does_not(
    forgetful: EventReader, bodies: list[bytes]
) -> None:
    for body in bodies:
        forgetful.read(body)

    for body in bodies:
        check(forgetful, body)


def test_a_facet_that_is_known_to_be_clean_is_not_so_where_it_means_nothing(
    forgetful: EventReader, make_event: MakeEvent
) -> None:
    facet = {"_producer": "https://a", "_schemaURL": "https://b", "query": "SELECT 1"}
    proper = make_event(job={"namespace": "n", "name": "j", "facets": {"sql": facet}})
    dataset = {"namespace": "d", "name": "t", "facets": {"sql": facet}}
    misplaced = make_event(outputs=[dataset])

    before = forgetful.read(canonical(proper))
    after = forgetful.read(canonical(misplaced))

    assert "outputs[0].facets.sql" not in {o.path for o in before.oddities}
    assert "outputs[0].facets.sql" in {o.path for o in after.oddities}


HASHES = st.sets(st.binary(min_size=WIDTH, max_size=WIDTH).filter(any), max_size=40)


@given(HASHES, HASHES)
def test_only_hashes_that_were_added_are_known(added: set[bytes], others: set[bytes]) -> None:
    known = Hashes(32)

    for key in added:
        known.add(key)
        assert key in known

    assert not any(key in known for key in others - added)


def test_most_hashes_are_known_while_there_is_room() -> None:
    known, keys = Hashes(1 << 20), [facets.hash_of(str(i).encode()) for i in range(20_000)]

    for key in keys:
        known.add(key)

    assert sum(key in known for key in keys) > 0.7 * len(keys)
