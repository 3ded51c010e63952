"""What in an event breaks the OpenLineage schemas, as warnings for whoever can fix the producer.

Pure, and never loses anything: whatever a producer put there is looked at, and nothing is raised.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from lineage.facet_schemas import FacetPlace, schemas
from lineage.oddities import WarningKind
from lineage.value_checks import Found, SchemaWarning, short, shown

_HOLDERS = {
    FacetPlace.RUN: "run.facets",
    FacetPlace.JOB: "job.facets",
    FacetPlace.DATASET: "a dataset's facets",
    FacetPlace.INPUT: "inputs[].inputFacets",
    FacetPlace.OUTPUT: "outputs[].outputFacets",
}
_DELETABLE = {FacetPlace.JOB, FacetPlace.DATASET}


def facet_warnings(place: FacetPlace, name: str, facet: object) -> tuple[SchemaWarning, ...]:
    """What breaks the facet's schema, as far as the installed OpenLineage client knows it.

    Args:
        place: Where it stands; ``DATASET`` for the ``facets`` of inputs and outputs too.
        name: Its key there.
        facet: Whatever was sent under that key.

    Returns:
        Warnings with paths inside the facet, 20 at most and a line that counts the others.
    """
    found = Found()
    if not isinstance(facet, dict):
        found.add(WarningKind.TYPE, f"{shown(facet)}; expected an object; skipped")
        return found.all()
    known = schemas()
    schema = known.standard[place].get(name, known.base[place])
    is_deleted = facet.get("_deleted") is True
    if is_deleted and place in _DELETABLE:
        known.base[place].rule.check(facet, found, 0)
    else:
        schema.rule.check(facet, found, 0)
    if is_deleted and place not in _DELETABLE:
        message = "means nothing here; only facets of jobs and datasets can be deleted"
        found.add(WarningKind.PLACE, message, "_deleted")
    if schema is known.base[place]:
        _tell_place(place, name, found)
    address = facet.get("_schemaURL")
    if isinstance(address, str) and len(address) + len(name) <= _LONGEST_ADDRESS:
        complaint = _address_message(address, name, schema.title, schema.version)
        if complaint is not None:
            found.add(WarningKind.SCHEMA_URL, complaint, "_schemaURL")
    return found.all()


def _tell_place(place: FacetPlace, name: str, found: Found) -> None:
    """A facet of the standard that stands where nobody looks for it."""
    places = [_HOLDERS[p] for p, facets in schemas().standard.items() if name in facets]
    if places:
        message = f"means nothing in {_HOLDERS[place]}; expected in {' or '.join(places)}"
        found.add(WarningKind.PLACE, message)


_LONGEST_ADDRESS = 256
"""Characters of an address with the facet's name: beyond, it is neither looked at nor kept."""
_VERSION = re.compile(r"https?://openlineage\.io/spec/facets/([^/]*)/")
_NUMBERS = re.compile(r"([1-9]\d{0,5})-\d{1,6}-\d{1,6}")


def _title(address: object) -> str:
    """What the address of a schema speaks of: its last part."""
    if not isinstance(address, str) or len(address) > _LONGEST_ADDRESS:
        return ""
    return re.split("[/#]", address)[-1].removesuffix(".json")


@lru_cache(4096)
def _address_message(address: str, name: str, title: str, version: tuple[int, ...]) -> str | None:
    """What is wrong with a facet's schema address: another facet, or a version that cannot be.

    Args:
        address: What was sent.
        name: The facet's key in the event.
        title: The facet's own schema.
        version: The newest that is known of it.
    """
    names, spoken = schemas().names, _title(address)
    if spoken in names and spoken != title:
        if title in names:
            return f"speaks of {spoken}; expected {title}"
        # Else it is the right facet at a wrong place, which is told already.
        is_other = names[spoken] != name
        return f"speaks of {spoken}, which is expected as {names[spoken]}" if is_other else None
    match = _VERSION.match(address)
    if match is None:
        return None
    numbers = _NUMBERS.fullmatch(match[1])
    if numbers is None:
        return f'the version "{short(match[1])}"; expected three numbers, such as 1-0-0'
    if spoken == title and int(numbers[1]) > version[0]:
        newest = "-".join(str(number) for number in version)
        return f"version {match[1]} is not known; the facet was checked as {newest}"
    return None


_SHAPES = (("run", "RunEvent"), ("dataset", "DatasetEvent"), ("job", "JobEvent"))


def envelope_warnings(event: Mapping[str, object]) -> tuple[SchemaWarning, ...]:
    """What breaks the schema of a run, job or dataset event, facets left out.

    Args:
        event: The decoded event. Facets may be in it or not; they are not looked at, only that
            what holds them is an object.

    Returns:
        Warnings with paths inside the event, 20 at most and a line that counts the others.
    """
    shape = next((title for key, title in _SHAPES if event.get(key) is not None), "RunEvent")
    inner = Found()
    schemas().events[shape].check(event, inner, 0)
    found = Found()
    for warning in inner.kept:
        message = warning.message + _what_became_of_it(event, warning)
        found.add(warning.kind, message, warning.path)
    found.more = inner.more
    if shape == "JobEvent" and "run" in event:
        message = "null; expected a run, or nothing at all; leave it out if there is none"
        found.add(WarningKind.TYPE, message, "run")
    if shape == "DatasetEvent" and event.get("job") is not None:
        message = "ignored beside a dataset; expected a dataset or a job; send two events"
        found.add(WarningKind.PLACE, message, "job")
    title = _title(event.get("schemaURL"))
    if title in schemas().events and title != shape:
        message = f"speaks of a {title}; expected {shape}, which is what the event is"
        found.add(WarningKind.SCHEMA_URL, message, "schemaURL")
    for key in event:
        if key not in schemas().keys:
            found.add(WarningKind.UNKNOWN, f"not known in an event{_meant(key)}", short(key))
    return found.all()


_ENTRY = re.compile(r"(inputs|outputs)(\[\d+\](\.(namespace|name))?)?")
_HOLDER = re.compile(r"(?:.*\.)?(facets|inputFacets|outputFacets)")


def _what_became_of_it(event: Mapping[str, object], warning: SchemaWarning) -> str:
    """What Andon did about it, where it did something."""
    value = event.get(warning.path)
    if warning.message.startswith("null; ") and "[" not in warning.path:
        return ""
    if warning.path == "eventType":
        is_known = isinstance(value, str) and "in capitals" in warning.message
        return "" if is_known else "; read as OTHER"
    if warning.path == "eventTime":
        return _READ_AS_UTC if isinstance(value, str) and not _OFFSET.search(value) else ""
    if warning.path == "run.runId":
        run = event.get("run")
        return "" if isinstance(run, Mapping) and _reads_as_uuid(run.get("runId")) else _KEPT
    entry = _ENTRY.fullmatch(warning.path)
    if entry:
        return "; the entry was skipped" if entry[2] else "; skipped"
    return "; skipped" if _HOLDER.fullmatch(warning.path) else ""


_OFFSET = re.compile(r"(?:z|[+-]\d\d(?::?\d\d)?)(?:\[[^\]]*\])?\s*$", re.IGNORECASE)
_READ_AS_UTC = "; read as UTC"
_KEPT = "; it is kept as it was sent"


def _reads_as_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(uuid.UUID(value).int >= 0)
    except ValueError:
        return False


def _meant(key: str) -> str:
    """The key that was meant by one in other letters, if it is plain."""
    letters = re.sub(r"[\W_]", "", key).lower()
    meant = next((known for known in sorted(schemas().keys) if known.lower() == letters), None)
    return f"; {meant} was perhaps meant" if meant else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one producer."""

    events: int
    """Stored events, each counted once however often it came."""
    with_warnings: int
    """How many of them break a schema somewhere."""
    by_kind: Mapping[WarningKind, int]
    """How many of them have a warning of that kind; one event may have several."""


@dataclass(frozen=True, slots=True)
class Conformance:
    """How well a producer keeps to the schemas."""

    share: float | None
    """0 to 1; ``None`` when nothing was seen, so nothing is known."""
    explanation: str


_KINDS = {
    WarningKind.MISSING: "something required is missing",
    WarningKind.TYPE: "a value of another type",
    WarningKind.VALUE: "a value that is not allowed",
    WarningKind.FORMAT: "a text that is no URI, UUID or date and time with offset",
    WarningKind.PLACE: "something where it means nothing",
    WarningKind.SCHEMA_URL: "the address of another schema",
    WarningKind.UNKNOWN: "an unknown key",
    WarningKind.DEPTH: "nested too deep to be looked at",
}
OTHER_KINDS = {
    WarningKind.AHEAD: "a time more than a day ahead of its arrival",
    WarningKind.REPLACED: "characters that were replaced",
    WarningKind.SCOPE: "not covered by the key that it came with",
    WarningKind.SECRET: "a secret that was taken out",
    WarningKind.OVERSIZED: "a facet too large to be looked into",
}
"""What is odd and breaks no schema, in words."""


def conformance(seen: Seen) -> Conformance:
    """The share of a producer's events that break no schema, and why it is not all of them."""
    if seen.events <= 0:
        return Conformance(None, "No event was seen, so nothing is known.")
    broken = min(max(seen.with_warnings, 0), seen.events)
    clean = seen.events - broken
    share = clean / seen.events
    if not broken and seen.events == 1:
        return Conformance(share, "Its only event keeps to the OpenLineage schemas.")
    if not broken:
        return Conformance(share, f"All {seen.events:,} events keep to the OpenLineage schemas.")
    kinds = sorted(
        ((count, _KINDS[kind]) for kind, count in seen.by_kind.items() if kind in _KINDS and count),
        key=lambda counted: (-counted[0], counted[1]),
    )
    reasons = "; ".join(f"{words} ({count:,})" for count, words in kinds)
    text = f"{clean:,} of {seen.events:,} events keep to the OpenLineage schemas"
    return Conformance(share, f"{text}. In the others: {reasons}." if reasons else f"{text}.")
