"""What events of one sort have in common: their canonical JSON with holes where they differ.

The holes are the event's time, its run's id and the body of every facet. So the events of one job
share a template, and one event is a template and the values that fill its holes, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from itertools import chain
from typing import Any, TypeVar

import orjson
from msgspec import Struct, field

from lineage.conformance import envelope_warnings
from lineage.facets import SECRET, Facet, hash_of
from lineage.holes import SEPARATOR
from lineage.oddities import Oddity, WarningKind
from lineage.redact import redact

NAME_LIMIT = 4096
EVENT_TYPES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")

T = TypeVar("T")

# What fills the holes while a skeleton is held against the schema.
_SOME_TIME, _SOME_ID = "2026-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000"
_SKIPPED = "the entry was skipped"

Value = bytes | Facet
"""What fills a hole: a facet, or the JSON of a time or run id."""


class EventKind(IntEnum):
    """The three kinds of OpenLineage events."""

    RUN = 1
    JOB = 2
    DATASET = 3


class RefusedError(Exception):
    """An event that cannot be used.

    Args:
        status: The HTTP status that says so: 400 unreadable, 422 without identity or time.
        detail: What was found.
        path: Where, such as ``inputs[0].name``; empty for the whole body.
        expected: What was expected there.
    """

    def __init__(self, status: int, detail: str, path: str = "", expected: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.path = path
        self.expected = expected


class FacetHole(Struct, frozen=True, gc=False):
    """Where a facet stands."""

    about: str
    """run, job, dataset, input or output."""
    path: str
    """Such as ``inputs[0].facets.schema``."""
    name: str
    hole: int
    kind: tuple[str, str]
    """What it is about, and its name."""


class Place(Struct, frozen=True):
    """A dataset as events of one template name it."""

    namespace: str
    name: str
    path: str
    """Where in the event: ``inputs[0]``, ``outputs[2]``, ``dataset``."""
    facets: Mapping[str, int]
    """The hole of each facet, by its name."""
    io_facets: Mapping[str, int]
    """The same for ``inputFacets`` or ``outputFacets``: about this run only."""


class Template(Struct, frozen=True, eq=False):
    """What events of one sort have in common."""

    body: bytes
    """Redacted canonical JSON, with a NUL for each hole."""
    hash: bytes
    segments: tuple[bytes, ...]
    """The body between its holes."""
    kind: EventKind
    type: str | None
    producer: str
    job: tuple[str, str] | None
    run_facets: Mapping[str, int]
    job_facets: Mapping[str, int]
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    dataset: Place | None
    time_hole: int
    run_hole: int | None
    oddities: tuple[Oddity, ...]
    secrets: tuple[str, ...]
    facets: tuple[FacetHole, ...]
    """Every facet that it has."""
    facet_names: frozenset[str]

    meanings: dict[object, Any] = field(default_factory=dict)
    alike_meanings: dict[object, Any] = field(default_factory=dict)
    """The same for all templates that differ from it only in names: shared."""

    def once(self, read: Callable[[Template], T]) -> T:
        """What a pure function reads in this template, worked out once."""
        try:
            known: T = self.meanings[read]
        except KeyError:
            known = self.meanings[read] = read(self)
        return known

    def alike(self, read: Callable[[Template], T]) -> T:
        """The same, once for all templates that differ from it only in names: it reads none."""
        try:
            known: T = self.alike_meanings[read]
        except KeyError:
            known = self.alike_meanings[read] = read(self)
        return known

    def places(self) -> chain[Place]:
        """Every dataset that it names."""
        return chain(self.inputs, self.outputs, (self.dataset,) if self.dataset else ())


def read_template(body: bytes) -> Template:
    """A stored template."""
    return template_of(orjson.loads(body.replace(SEPARATOR, b"{}")), body, ())


def make_template(skeleton: dict[str, Any]) -> tuple[Template, tuple[bytes, ...]]:
    """The template of a punched event, redacted, and the segments as they were received.

    Raises:
        RefusedError: It lacks a usable identity.
    """
    received = orjson.dumps(skeleton, option=orjson.OPT_SORT_KEYS)
    clean, secrets = redact(skeleton, received)
    body = orjson.dumps(clean, option=orjson.OPT_SORT_KEYS) if secrets else received
    plain = orjson.loads(body.replace(SEPARATOR, b"{}"))
    template = template_of(plain, body, tuple(secrets))
    return template, tuple(received.split(SEPARATOR)) if secrets else template.segments


def template_of(event: dict[str, Any], body: bytes, secrets: tuple[str, ...]) -> Template:
    """Read the skeleton of an event, in which ``{}`` stands for every hole.

    Raises:
        RefusedError: It lacks a usable identity.
    """
    oddities = [Oddity(path, SECRET, WarningKind.SECRET) for path in secrets]
    producer = event.get("producer")
    if not isinstance(producer, str) or not producer:
        producer = "unknown"
    kind = _kind(event)
    if "eventTime" not in event:
        raise RefusedError(
            422, "eventTime is missing", "eventTime", "a date and time with offset, in ISO 8601"
        )
    reader = _Reader(oddities)
    # In the order of canonical JSON, in which the holes are numbered.
    dataset = reader.dataset(event.get("dataset"), kind is EventKind.DATASET)
    time_hole = reader.next_hole()
    has_job = kind is not EventKind.DATASET
    inputs = reader.datasets(event, "inputs", "inputFacets", has_job)
    job_facets = reader.facets(event.get("job"), "facets", "job", has_job)
    outputs = reader.datasets(event, "outputs", "outputFacets", has_job)
    is_run = kind is EventKind.RUN
    run_facets = reader.facets(event.get("run"), "facets", "run", is_run)
    if is_run and not (isinstance(event["run"], dict) and "runId" in event["run"]):
        raise RefusedError(422, "run.runId is missing", "run.runId", "a UUID")
    facets = tuple(_facet_holes(run_facets, job_facets, inputs, outputs, dataset))
    return Template(
        body=body,
        hash=hash_of(body),
        segments=tuple(body.split(SEPARATOR)),
        kind=kind,
        type=_type(event) if is_run else None,
        producer=producer,
        job=_identity(event.get("job"), "job") if has_job else None,
        run_facets=run_facets,
        job_facets=job_facets,
        inputs=inputs,
        outputs=outputs,
        dataset=dataset,
        time_hole=time_hole,
        run_hole=reader.next_hole() if is_run else None,
        oddities=_told(_breaches(event), oddities),
        secrets=secrets,
        facets=facets,
        facet_names=frozenset(facet.name for facet in facets),
    )


def unread(template: Template) -> tuple[int, ...]:
    """Holes of facets that nobody reads, but that belong to what was sent.

    Such as those of entries that were skipped: an input without a name.
    """
    read = {facet.hole for facet in template.facets} | {template.time_hole, template.run_hole}
    return tuple(i for i in range(len(template.segments) - 1) if i not in read)


def _facet_holes(
    run_facets: Mapping[str, int],
    job_facets: Mapping[str, int],
    inputs: tuple[Place, ...],
    outputs: tuple[Place, ...],
    dataset: Place | None,
) -> Iterator[FacetHole]:
    groups = [("run", "run.facets", run_facets), ("job", "job.facets", job_facets)]
    for side, places in (("input", inputs), ("output", outputs)):
        for place in places:
            groups.append(("dataset", f"{place.path}.facets", place.facets))
            groups.append((side, f"{place.path}.{side}Facets", place.io_facets))
    if dataset:
        groups.append(("dataset", "dataset.facets", dataset.facets))
    for about, path, holes in groups:
        for name, hole in holes.items():
            yield FacetHole(about, f"{path}.{name}", name, hole, (about, name))


class _Reader:
    """Numbers the holes of a skeleton while reading what stands around them."""

    def __init__(self, oddities: list[Oddity]) -> None:
        self._oddities = oddities
        self._holes = 0

    def next_hole(self) -> int:
        self._holes += 1
        return self._holes - 1

    def facets(self, holder: Any, key: str, path: str, is_read: bool) -> dict[str, int]:
        facets = holder.get(key) if isinstance(holder, dict) else None
        if facets is None:
            return {}
        if not isinstance(facets, dict):
            if is_read:
                said = Oddity(f"{path}.{key}", "not an object; skipped", WarningKind.TYPE)
                self._oddities.append(said)
            return {}
        holes = {}
        for name in sorted(facets):
            facet = facets[name]
            if isinstance(facet, dict):
                holes[name] = self.next_hole()
            elif is_read:
                what = "null" if facet is None else "not an object"
                said = Oddity(f"{path}.{key}.{name}", f"{what}; skipped", WarningKind.TYPE)
                self._oddities.append(said)
        return holes

    def dataset(self, value: Any, is_read: bool) -> Place | None:
        if not is_read:
            self.facets(value, "facets", "", is_read=False)
            return None
        return self._place(value, "dataset", "")

    def datasets(
        self, event: dict[str, Any], key: str, io_key: str, is_read: bool
    ) -> tuple[Place, ...]:
        entries = event.get(key)
        if entries is None:
            return ()
        if not isinstance(entries, list):
            if is_read:
                self._oddities.append(Oddity(key, "not an array; skipped", WarningKind.TYPE))
            return ()
        places = []
        for index, entry in enumerate(entries):
            path = f"{key}[{index}]"
            try:
                _identity(entry, path)
            except RefusedError as refused:
                self.facets(entry, "facets", path, is_read=False)
                self.facets(entry, io_key, path, is_read=False)
                if is_read:
                    why = f"{refused.detail}; {_SKIPPED}"
                    self._oddities.append(Oddity(refused.path, why, WarningKind.MISSING))
                continue
            if is_read:
                places.append(self._place(entry, path, io_key))
            else:
                self.facets(entry, "facets", path, is_read=False)
                self.facets(entry, io_key, path, is_read=False)
        return tuple(places)

    def _place(self, value: Any, path: str, io_key: str) -> Place:
        namespace, name = _identity(value, path)
        facets = self.facets(value, "facets", path, is_read=True)
        io_facets = self.facets(value, io_key, path, is_read=True) if io_key else {}
        return Place(namespace, name, path, facets, io_facets)


def _kind(event: dict[str, Any]) -> EventKind:
    """By shape and not by schemaURL: producers send the wrong one, or none."""
    for key, kind in (
        ("run", EventKind.RUN),
        ("dataset", EventKind.DATASET),
        ("job", EventKind.JOB),
    ):
        if event.get(key) is not None:
            return kind
    raise RefusedError(
        422, "the event has no run, job or dataset", "", "a RunEvent, JobEvent or DatasetEvent"
    )


def _identity(value: Any, path: str) -> tuple[str, str]:
    if not isinstance(value, dict):
        raise RefusedError(422, f"{path} is missing", path, "an object with namespace and name")
    return _name(value, "namespace", path), _name(value, "name", path)


def _name(value: dict[str, Any], key: str, path: str) -> str:
    name = value.get(key)
    where = f"{path}.{key}"
    wanted = f"a text of 1 to {NAME_LIMIT} characters without NUL"
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT or "\0" in name:
        raise RefusedError(422, no_name(name, where), where, wanted)
    return name


def no_name(value: Any, where: str) -> str:
    """What is wrong with a value that is no name."""
    if not isinstance(value, str):
        return f"{where} is {'missing' if value is None else 'not a text'}"
    return f"{where} is empty, too long or holds NUL or a lone surrogate"


def _type(event: dict[str, Any]) -> str | None:
    value = event.get("eventType")
    if value is None:
        return None
    return value.upper() if isinstance(value, str) and value.upper() in EVENT_TYPES else "OTHER"


def _breaches(event: dict[str, Any]) -> list[Oddity]:
    """What breaks the schema of the event around its facets."""
    plain = event | {"eventTime": _SOME_TIME}
    if isinstance(plain.get("run"), dict) and "runId" in plain["run"]:
        plain["run"] = plain["run"] | {"runId": _SOME_ID}
    return [Oddity(w.path, w.message, w.kind) for w in envelope_warnings(plain)]


def _told(breaches: list[Oddity], others: list[Oddity]) -> tuple[Oddity, ...]:
    """All of them, but nothing twice."""
    paths = {oddity.path for oddity in breaches}
    skipped = {path.partition(".")[0] for path in paths if path.partition("[")[1]}
    return (
        *breaches,
        *(
            oddity
            for oddity in others
            if oddity.path not in paths
            and not (_SKIPPED in oddity.message and oddity.path.partition(".")[0] in skipped)
        ),
    )
