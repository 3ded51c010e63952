"""Bytes to a RunEvent, JobEvent or DatasetEvent, by shape; or a refusal that names the field."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from catalog.moments import microseconds, moment
from lineage.envelope import Envelope, decode_envelope
from lineage.facets import (
    SECRET,
    Body,
    Facet,
    FacetReader,
    Lately,
    Recent,
    canonical,
    facet_from,
    fill,
)
from lineage.frames import Frame, frame_of
from lineage.holes import punch
from lineage.mending import clean, decode, has_rare_escape
from lineage.oddities import Oddity, WarningKind
from lineage.redact import redact_text
from lineage.templates import (
    NAME_LIMIT,
    EventKind,
    Place,
    RefusedError,
    Template,
    Value,
    make_template,
    no_name,
)
from lineage.times import AHEAD, read_time
from lineage.values import UUID

Facets = dict[str, Body]

TEMPLATE_BYTES = 40_000_000
"""How much of templates is remembered while reading, roughly, bytes."""
FRAMES = 2000
"""How many frames of templates are."""

_PLAIN_TIME = re.compile(rb'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)"')
_PLAIN_UUID = re.compile(f'"{UUID}"'.encode())
_MENDED = Oddity(
    "", "held NUL characters or lone surrogates; they were replaced", WarningKind.REPLACED
)
_TIME_WANTED = "a date and time with offset, such as 2026-11-20T06:00:00Z"


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """A dataset as one event names it."""

    namespace: str
    name: str
    path: str
    """Where in the event: ``inputs[0]``, ``outputs[2]``, ``dataset``."""
    facets: Facets
    io_facets: Facets
    """``inputFacets`` or ``outputFacets``: about this run only."""


class Event(msgspec.Struct, frozen=True, weakref=False):
    """One event, checked for identity and time, redacted."""

    event_id: bytes
    template: Template
    values: tuple[Value, ...]
    """What fills the holes of its template."""
    time: int
    """Event time, microseconds UTC."""
    run_id: str | None
    oddities: tuple[Oddity, ...]
    secrets: tuple[str, ...]
    """Paths of values that were replaced before storing."""
    is_mended: bool = False
    """Whether NUL or lone surrogates were replaced."""
    key_id: int | None = None
    """The producer key that it came with."""
    is_out_of_scope: bool = False
    """Whether that key does not cover it."""

    @property
    def kind(self) -> EventKind:
        return self.template.kind

    @property
    def type(self) -> str | None:
        return self.template.type

    @property
    def producer(self) -> str:
        return self.template.producer

    @property
    def job(self) -> tuple[str, str] | None:
        return self.template.job

    @property
    def body(self) -> bytes:
        """What is stored: redacted canonical JSON."""
        return fill(self.template.segments, [_stored(v) for v in self.values])

    @property
    def run_facets(self) -> Facets:
        return self._decoded(self.template.run_facets)

    @property
    def job_facets(self) -> Facets:
        return self._decoded(self.template.job_facets)

    @property
    def inputs(self) -> tuple[DatasetPart, ...]:
        return tuple(self._part(p) for p in self.template.inputs)

    @property
    def outputs(self) -> tuple[DatasetPart, ...]:
        return tuple(self._part(p) for p in self.template.outputs)

    @property
    def dataset(self) -> DatasetPart | None:
        return self._part(self.template.dataset) if self.template.dataset else None

    def facet(self, hole: int | None) -> Facet | None:
        """The facet in a hole; ``None`` for no hole."""
        value = None if hole is None else self.values[hole]
        return value if isinstance(value, Facet) else None

    def _part(self, place: Place) -> DatasetPart:
        return DatasetPart(
            place.namespace,
            place.name,
            place.path,
            self._decoded(place.facets),
            self._decoded(place.io_facets),
        )

    def _decoded(self, holes: Mapping[str, int]) -> Facets:
        return {n: facet.value for n, i in holes.items() if (facet := self.facet(i)) is not None}


@dataclass(frozen=True, slots=True)
class _Form:
    """How bodies of one signature become values of one template."""

    template: Template
    received: tuple[bytes, ...]
    """Segments before secrets were taken out."""
    order: tuple[int, ...] | None
    """Which facet of the envelope fills each hole for one; ``None``: in the order they come."""
    lately: Lately


class EventReader:
    """Reads events; remembers templates and facets that it has met."""

    def __init__(self) -> None:
        self._facets = FacetReader()
        self._forms: Recent[tuple[object, ...], _Form] = Recent(TEMPLATE_BYTES)
        self._frames: Recent[tuple[object, ...], Frame] = Recent(FRAMES)
        self._templates: Recent[bytes, Template] = Recent(TEMPLATE_BYTES)

    def read(self, body: bytes) -> Event:
        """Read one event.

        Raises:
            RefusedError: It is not JSON, or lacks a usable identity or time.
        """
        if not has_rare_escape(body):
            try:
                event = self._read_usual(body)
            except (
                msgspec.DecodeError, orjson.JSONDecodeError, TypeError, UnicodeDecodeError,
                RecursionError,
            ):  # fmt: skip
                event = None  # the slow way tells what is wrong
            if event is not None:
                return event
        return self._read_any(body)

    def _read_usual(self, body: bytes) -> Event | None:
        """An event in the usual form; ``None`` if it is not."""
        envelope = decode_envelope(body)
        time, run_id = bytes(envelope.eventTime), bytes(envelope.run.runId)
        if b"\\" in time or b"\\" in run_id or not (time[0] == run_id[0] == 0x22):
            return None
        signature, raws = envelope.signature(), envelope.facets()
        form = self._forms.get(signature)
        frame = None if form else self._frames.get(envelope.structure())
        known = form or frame
        lately = known.lately if known else envelope.unread()
        facets = self._facets.read(raws, lately)
        if facets is None:
            return None
        if form is None:
            form = self._form(envelope, frame, lately)
            self._forms.put(signature, form, 4 * len(form.template.body) + 12_000)
        if form.order is not None:
            facets = [facets[i] for i in form.order]
        received = [facet.received for facet in facets]
        received.insert(form.template.time_hole, time)
        received.append(run_id)
        event_id = hashlib.sha256(fill(form.received, received)).digest()
        values: list[Value] = [*facets]
        values.insert(form.template.time_hole, time)
        values.append(run_id)
        return _event(form.template, values, event_id, ())

    def _form(self, envelope: Envelope, frame: Frame | None, lately: Lately) -> _Form:
        named = frame.named(envelope.names()) if frame else None
        if frame and named:
            return _Form(self._shared(named), named.segments, frame.order, lately)
        skeleton, found = punch(envelope.outline())
        made, received = make_template(skeleton)
        places = tuple(value[""] for value in found if isinstance(value, dict))
        order = None if places == tuple(range(len(places))) else places
        frame = frame_of(made, skeleton, order, lately)
        if frame:
            self._frames.put(envelope.structure(), frame)
        return _Form(self._shared(made), received, order, lately)

    def _shared(self, template: Template) -> Template:
        """The one object for all templates that are equal and were met lately."""
        known = self._templates.get(template.hash)
        if known is None:
            self._templates.put(template.hash, template, 4 * len(template.body) + 12_000)
            return template
        return known

    def _read_any(self, body: bytes) -> Event:
        decoded, is_mended = decode(body)
        if not isinstance(decoded, dict):
            found = _KINDS.get(type(decoded), "a number")
            raise RefusedError(422, f"the body is {found}", "", "one event, a JSON object")
        try:
            whole = canonical(decoded)
        except orjson.JSONEncodeError as error:  # what can be read may still be too deep to write
            raise RefusedError(
                400, f"the body is nested too deep: {error}", "", "one event as its client makes it"
            ) from error
        event_id = hashlib.sha256(whole).digest()
        if b"\\u0000" in whole:
            decoded, is_changed = clean(decoded)
            is_mended = is_mended or is_changed
        skeleton, found_values = punch(decoded)
        template, _ = make_template(skeleton)
        plain = (template.time_hole, template.run_hole)
        values: list[Value] = [
            canonical(v) if i in plain else facet_from(v) for i, v in enumerate(found_values)
        ]
        return _event(self._shared(template), values, event_id, [_MENDED] if is_mended else [])


def parse_event(body: bytes) -> Event:
    """Read one event, as a reader that remembers nothing.

    Raises:
        RefusedError: It is not JSON, or lacks a usable identity or time.
    """
    return EventReader().read(body)


def stored_event(
    template: Template,
    values: Sequence[Value],
    event_id: bytes,
    secrets: tuple[str, ...],
    is_mended: bool,
) -> Event:
    """An event as the log has it; what was replaced in it is known from there."""
    event = _event(template, list(values), event_id, [_MENDED] if is_mended else [])
    if secrets:
        held = (Oddity(path, SECRET, WarningKind.SECRET) for path in secrets)
        said = (*event.oddities, *held)
        event = msgspec.structs.replace(event, secrets=secrets, oddities=said)
    return event


def dated(event: Event, received_at: int) -> Event:
    """The event with a warning if its time lies more than a day after its arrival."""
    if event.time <= received_at or moment(event.time) <= moment(received_at) + AHEAD:
        return event
    message = "more than a day ahead of its arrival; ages do not follow it"
    ahead = Oddity("eventTime", message, WarningKind.AHEAD)
    return msgspec.structs.replace(event, oddities=(*event.oddities, ahead))


def text_of(value: Any) -> str | None:
    """A text that says something; ``None`` for whatever else a producer put there."""
    return value if isinstance(value, str) and value else None


_KINDS = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}


def _event(
    template: Template, values: list[Value], event_id: bytes, before: Sequence[Oddity]
) -> Event:
    oddities, secrets = [*before, *template.oddities], [*template.secrets]
    for path, hole, kind in template.alike(_looked_at):
        facet: Any = values[hole]
        if facet.flaws.get(kind) == ():  # by far the most, so asked without a call
            continue
        for inner, message, sort in facet.flaws_at(kind):
            where = f"{path}.{inner}" if inner else path
            oddities.append(Oddity(where, message, sort))
            if sort is WarningKind.SECRET:
                secrets.append(where)
    time = _time(values[template.time_hole], oddities)
    run_id = None
    if template.run_hole is not None:
        run_id, values[template.run_hole] = _run_id(values[template.run_hole], oddities)
    return Event(
        event_id,
        template,
        tuple(values),
        time,
        run_id,
        tuple(oddities),
        tuple(secrets),
        is_mended=_MENDED in before,
    )


def _looked_at(template: Template) -> tuple[tuple[str, int, tuple[str, str]], ...]:
    return tuple((facet.path, facet.hole, facet.kind) for facet in template.facets)


def _stored(value: Value) -> bytes:
    return value if isinstance(value, bytes) else value.body


def _run_id(value: Value, oddities: list[Oddity]) -> tuple[str, bytes]:
    """A run's id, and how its hole is filled: as it was sent, but for secrets."""
    if isinstance(value, bytes) and _PLAIN_UUID.fullmatch(value):
        return value[1:-1].decode(), value
    sent = orjson.loads(_stored(value))
    if not isinstance(sent, str) or not 1 <= len(sent) <= NAME_LIMIT or "\0" in sent:
        raise RefusedError(422, no_name(sent, "run.runId"), "run.runId", "a UUID")
    try:
        return str(uuid.UUID(sent)), canonical(sent)
    except ValueError:
        message = "not a UUID; it is kept as it was sent"
        oddities.append(Oddity("run.runId", message, WarningKind.FORMAT))
        safe = redact_text(sent)
        return safe, canonical(safe)


def _time(value: Value, oddities: list[Oddity]) -> int:
    if isinstance(value, bytes) and _PLAIN_TIME.fullmatch(value):
        with suppress(ValueError, OverflowError):  # such as a 13th month, worded below
            return microseconds(datetime.fromisoformat(value[1:-1].decode()).astimezone(UTC))
    sent = orjson.loads(_stored(value))
    if sent is None:
        raise RefusedError(422, "eventTime is missing", "eventTime", _TIME_WANTED)
    try:
        read, is_odd = read_time(sent)
    except ValueError as error:
        raise RefusedError(
            422, f"eventTime cannot be read: {error}", "eventTime", _TIME_WANTED
        ) from error
    if is_odd:
        message = "has no offset or an unusual form; read as UTC"
        oddities.append(Oddity("eventTime", message, WarningKind.FORMAT))
    return microseconds(read)
