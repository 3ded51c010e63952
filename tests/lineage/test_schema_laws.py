"""Our verdict about facets and events is the published schemas' verdict; what differs is listed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.conformance import envelope_warnings, facet_warnings
from lineage.facet_schemas import FacetPlace, schemas
from lineage.oddities import WarningKind
from tests.lineage.schemas import (
    CORE,
    EXTRA,
    SPEC,
    VALUES,
    Published,
    facet,
    facets_of,
    read_published,
    said,
)
from tests.lineage.worlds import CorpusFile

NOT_BY_SCHEMA = {WarningKind.PLACE, WarningKind.SCHEMA_URL, WarningKind.MORE}
"""What we tell although the schemas allow it, and the line that only counts."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
STANDARD = [(place, name) for place, facets in schemas().standard.items() for name in facets]


def breaks_schema(place: FacetPlace, name: str, sent: object) -> bool:
    return any(w.kind not in NOT_BY_SCHEMA for w in facet_warnings(place, name, sent))


@cache
def published() -> Published:
    if not SPEC.exists():
        message = f"no published schemas at {SPEC}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return read_published()


@cache
def is_valid(place: FacetPlace, name: str, sent: bytes) -> bool:
    return published().facet_validator(place, name).is_valid(orjson.loads(sent))


# Laws: the same verdict as the published schemas ------------------------------------------------


@pytest.mark.parametrize(("place", "name"), STANDARD)
@settings(max_examples=40)
@given(data=st.data())
def test_facet_breaks_our_rules_exactly_when_it_breaks_the_published_schema(
    place: FacetPlace, name: str, data: st.DataObject
) -> None:
    validator = _validator(place, name)
    sent = data.draw(published().near(published().facets[schemas().standard[place][name].title]))
    if isinstance(sent, dict):
        sent.pop("_deleted", None)  # deleted facets are looked at less: see below
        sent.pop("captureDate", None)  # newer in the client than in the published files

    assert breaks_schema(place, name, sent) != validator.is_valid(sent)


@cache
def _validator(place: FacetPlace, name: str) -> Any:
    return published().facet_validator(place, name)


@pytest.mark.parametrize("title", ["RunEvent", "JobEvent", "DatasetEvent"])
@given(data=st.data())
def test_envelope_breaks_our_rules_exactly_when_it_breaks_the_published_schema(
    title: str, data: st.DataObject
) -> None:
    event = data.draw(published().near(f"{CORE}#/$defs/{title}"))
    if not isinstance(event, dict) or all(event.get(k) is None for k in ("run", "job", "dataset")):
        return  # refused before anybody looks at it
    event.pop(EXTRA, None)  # told, though the schemas allow it
    for holder in _holders(event):
        for key in ("facets", "inputFacets", "outputFacets"):
            if isinstance(holder.get(key), dict):
                holder[key] = {}

    ours = [w for w in envelope_warnings(event) if w.kind is not WarningKind.SCHEMA_URL]

    assert bool(ours) != _event_validator().is_valid(event)


@cache
def _event_validator() -> Any:
    return published().validator(CORE)


def _holders(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    lists = [event.get(key) for key in ("inputs", "outputs")]
    datasets = [entry for entries in lists if isinstance(entries, list) for entry in entries]
    for holder in (event.get("run"), event.get("job"), event.get("dataset"), *datasets):
        if isinstance(holder, dict):
            yield holder


@given(JSON, st.sampled_from(STANDARD))
def test_nothing_that_a_producer_sends_raises(sent: Any, where: tuple[FacetPlace, str]) -> None:
    facet_warnings(*where, sent)
    facet_warnings(*where, {"fields": sent, "entries": [sent], "inputCondition": sent})
    envelope_warnings({"run": sent, "job": sent, "inputs": [sent], "eventTime": sent})


@given(st.sampled_from(STANDARD), VALUES)
def test_same_facet_gets_the_same_warnings(where: tuple[FacetPlace, str], value: Any) -> None:
    sent = facet(fields=value, tags=value)

    assert facet_warnings(*where, sent) == facet_warnings(*where, sent)


# Golden cases: real facets, and every class of the client ----------------------------------------


def test_every_real_facet_gets_the_verdict_of_the_published_schema(
    corpus: Sequence[CorpusFile],
) -> None:
    bodies = [body for file in corpus for body in file.bodies]
    facets = {(p, n, orjson.dumps(f)) for b in bodies for p, n, f, _ in facets_of(orjson.loads(b))}

    different = [
        (place, name, said(place, name, orjson.loads(sent)))
        for place, name, sent in sorted(facets)
        if breaks_schema(place, name, orjson.loads(sent)) == is_valid(place, name, sent)
    ]

    assert different == []


def test_no_published_example_breaks_our_rules() -> None:
    published()
    found = {}
    for path in sorted((SPEC / "tests").glob("*/*.json")):
        for name, sent in json.loads(path.read_text("utf-8")).items():
            places = [place for place, known in STANDARD if known == name]
            if all(breaks_schema(place, name, sent) for place in places):
                found[path.parent.name, path.name] = said(places[0], name, sent)

    assert found == {}


def test_every_facet_of_the_client_has_the_name_of_its_published_schema() -> None:
    ours = {title: name for title, name in schemas().names.items() if title in published().facets}

    assert len(ours) == 40
    assert {t: n for t, n in ours.items() if t not in published().names[n]} == {}


def test_client_knows_every_published_facet() -> None:
    standard = {
        title for facets in schemas().standard.values() for title in map(_title, facets.values())
    }

    # The schema of subsets only chooses between the two that follow it.
    assert set(published().facets) - standard == {"BaseSubsetDatasetFacet"}


def _title(schema: Any) -> str:
    return str(schema.title)
