"""The published OpenLineage schemas and a validator that knows nothing of ours, to compare with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
from hypothesis import strategies as st

from lineage.conformance import facet_warnings
from lineage.facet_schemas import FacetPlace, schemas

SPEC = Path(__file__).parents[3] / "shared" / "openlineage" / "spec"
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
BASES = {
    FacetPlace.RUN: "RunFacet",
    FacetPlace.JOB: "JobFacet",
    FacetPlace.DATASET: "DatasetFacet",
    FacetPlace.INPUT: "InputDatasetFacet",
    FacetPlace.OUTPUT: "OutputDatasetFacet",
}

VALUES = st.sampled_from(
    [
        None, True, False, 0, 1, -3, 2.0, 2.5, "", "x", "12", "true", [], {}, [1], {"a": 1},
        "https://example.com/a#b", "bigquery", "a b:c", "http://[::1]/x", "s3://bucket/%zz",
        "2026-11-20T06:00:00Z", "2026-11-20T06:00:00.123456789+05:30", "2026-11-20T06:00:00",
        "2026-11-20", "2026-02-30T06:00:00Z", "2016-12-31T23:59:60Z", "2026-11-20T24:00:00Z",
        "019c0000-0000-7000-8000-000000000001", "019C0000000070008000000000000001",
        "DATASET", "JOB", "binary", "location", "field", "CREATE", "START",
    ]
)  # fmt: skip
"""Values of every type and format, right somewhere and wrong elsewhere."""


@dataclass(frozen=True, slots=True)
class Published:
    """The schemas beside the checkout."""

    documents: Mapping[str, Any]
    """By their own address."""
    facets: Mapping[str, str]
    """The address of a facet's schema by its title: ``SchemaDatasetFacet``."""
    names: Mapping[str, set[str]]
    """The titles that one name in an event stands for."""

    def validator(self, *addresses: str) -> jsonschema_rs.Draft202012Validator:
        """Holds when each of these schemas does."""
        registry = jsonschema_rs.Registry(list(self.documents.items()))
        return jsonschema_rs.Draft202012Validator(
            {"allOf": [{"$ref": address} for address in addresses]},
            registry=registry,
            validate_formats=True,
        )

    def facet_validator(self, place: FacetPlace, name: str) -> jsonschema_rs.Draft202012Validator:
        """What a facet has to hold at a place, by the published schemas alone."""
        addresses = [f"{CORE}#/$defs/{BASES[place]}"]
        known = schemas().standard[place].get(name)
        if known is not None and known.title in self.facets:
            addresses.append(self.facets[known.title])
        return self.validator(*addresses)

    def near(self, address: str) -> st.SearchStrategy[Any]:
        """Values that follow a schema, or do but for one or two places, anywhere."""
        return st.tuples(self._near({"$ref": address}, "", 0), st.lists(_SLIPS, max_size=2)).map(
            _slipped
        )

    def _near(self, schema: Mapping[str, Any], base: str, depth: int) -> st.SearchStrategy[Any]:
        if "$ref" in schema:
            address, _, pointer = schema["$ref"].partition("#")
            base = address or base
            found: Any = self.documents[base]
            for step in pointer.strip("/").split("/"):
                found = found[step]
            return self._near(found, base, depth)
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices and "additionalProperties" not in choices[0]:
            return st.one_of(*(self._near(choice, base, depth) for choice in choices))
        if "allOf" in schema:
            parts = [self._near(part, base, depth) for part in schema["allOf"]]
            return st.tuples(*parts).map(lambda parts: {k: v for p in parts for k, v in p.items()})
        if "const" in schema or "enum" in schema:
            return st.sampled_from(schema.get("enum") or [schema["const"]])
        kind = schema.get("type", "object" if "properties" in schema else None)
        if kind == "object" and depth < 5:
            return self._object(schema, base, depth)
        if kind == "array" and depth < 5:
            return st.lists(
                st.deferred(lambda: self._near(schema["items"], base, depth + 1)), max_size=2
            )
        return _RIGHT.get(schema.get("format") or kind or "", VALUES)

    def _object(self, schema: Mapping[str, Any], base: str, depth: int) -> st.SearchStrategy[Any]:
        fields = {
            key: st.deferred(lambda s=inner: self._near(s, base, depth + 1))  # type: ignore[misc]
            for key, inner in schema.get("properties", {}).items()
        }
        choice = (schema.get("anyOf") or [{}])[0]
        inner = schema.get("additionalProperties") or choice.get("additionalProperties")
        if isinstance(inner, dict):
            item = st.deferred(lambda: self._near(inner, base, depth + 1))
            return st.dictionaries(st.sampled_from(["a", "b", "amount"]), item, max_size=2)
        required = [key for key in fields if key in schema.get("required", ())]
        usual = {key: fields[key] for key in required}
        others = {key: item for key, item in fields.items() if key not in usual}
        return st.fixed_dictionaries(usual, optional=others)


_RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(["x", "", "a.b"]),
    "boolean": st.booleans(),
    "integer": st.sampled_from([0, 1, 300, 4.0]),
    "number": st.sampled_from([0, 1.5, -2]),
    "uri": st.sampled_from(["https://example.com/etl", "postgres://host:5432/db", "urn:x"]),
    "date-time": st.sampled_from(["2026-11-20T06:00:00Z", "2026-11-20t06:00:00.5-03:00"]),
    "uuid": st.just("019c0000-0000-7000-8000-000000000001"),
    "object": st.just({}),
    "array": st.just([]),
}


def facets_of(event: dict[str, Any]) -> Iterator[tuple[FacetPlace, str, Any, str]]:
    """Every facet of an event: its place, its name, what was sent, and where in the event."""
    holders = [(event.get("run"), "run", "facets", FacetPlace.RUN)]
    holders.append((event.get("job"), "job", "facets", FacetPlace.JOB))
    holders.append((event.get("dataset"), "dataset", "facets", FacetPlace.DATASET))
    for key, io_key, place in (
        ("inputs", "inputFacets", FacetPlace.INPUT),
        ("outputs", "outputFacets", FacetPlace.OUTPUT),
    ):
        entries = event.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            holders.append((entry, f"{key}[{index}]", "facets", FacetPlace.DATASET))
            holders.append((entry, f"{key}[{index}]", io_key, place))
    for holder, path, key, place in holders:
        facets = holder.get(key) if isinstance(holder, dict) else None
        for name, facet in (facets if isinstance(facets, dict) else {}).items():
            yield place, name, facet, f"{path}.{key}.{name}"


EXTRA = "extra"
"""A key that nobody knows."""
_GONE = "gone"
_SLIPS = st.tuples(st.integers(0, 400), VALUES | st.sampled_from([_GONE, EXTRA]))
"""Which part of a value, counted through, becomes what."""


def _slipped(drawn: tuple[Any, list[tuple[int, Any]]]) -> Any:
    value, slips = drawn
    for which, instead in slips:
        value = json.loads(json.dumps(value))
        parts = list(_parts(value))
        if parts:
            holder, key = parts[which % len(parts)]
            if instead is _GONE:
                del holder[key]
            elif instead is EXTRA and isinstance(holder, dict):
                holder[EXTRA] = 1
            else:
                holder[key] = instead
    return value


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(inside):
        yield value, key
        if isinstance(item, dict | list):
            yield from _parts(item)


def read_published() -> Published:
    """Read them all; nothing else may be read by the tests that compare."""
    documents: dict[str, Any] = {}
    facets: dict[str, str] = {}
    names: dict[str, set[str]] = {}
    for path in (SPEC / "OpenLineage.json", *sorted((SPEC / "facets").glob("*.json"))):
        document = json.loads(path.read_text("utf-8"))
        address = document["$id"]
        documents[address] = document
        titles = [title for title in document["$defs"] if title.endswith("Facet")]
        if address != CORE:
            facets |= {title: f"{address}#/$defs/{title}" for title in titles}
            for name in document.get("properties", {}):
                names.setdefault(name, set()).update(titles)
    return Published(documents, facets, names)


PRODUCER = "https://example.com/producer"


def facet(title: str = "MyRunFacet", version: str = "1-0-0", **fields: Any) -> dict[str, Any]:
    """A facet in a few words."""
    url = f"https://openlineage.io/spec/facets/{version}/{title}.json#/$defs/{title}"
    return {"_producer": PRODUCER, "_schemaURL": url, **fields}


def said(place: FacetPlace, name: str, sent: object) -> list[tuple[str, str]]:
    """Path and message of each warning."""
    return [(w.path, w.message) for w in facet_warnings(place, name, sent)]
