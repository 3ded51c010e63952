"""Bytes to a RunEvent, JobEvent or DatasetEvent, by shape; or a refusal that names the field."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, NoReturn

import orjson

from lineage.redact import redact

NAME_LIMIT = 4096
AHEAD = timedelta(days=1)
"""How far a producer's clock may run ahead of ours and still be believed."""

EVENT_TYPES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_SURROGATE = re.compile("[\ud800-\udfff]")

Facets = dict[str, dict[str, Any]]


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


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something that breaks a schema but loses nothing that matters."""

    path: str
    message: str


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


@dataclass(frozen=True, slots=True)
class Event:
    """One event, checked for identity and time, redacted; facets as they were sent."""

    event_id: bytes
    body: bytes
    """What is stored: redacted canonical JSON."""
    kind: EventKind
    time: int
    """Event time, microseconds UTC."""
    type: str | None
    producer: str
    run_id: str | None = None
    run_facets: Facets = field(default_factory=dict)
    job: tuple[str, str] | None = None
    job_facets: Facets = field(default_factory=dict)
    inputs: tuple[DatasetPart, ...] = ()
    outputs: tuple[DatasetPart, ...] = ()
    dataset: DatasetPart | None = None
    oddities: tuple[Oddity, ...] = ()
    secrets: tuple[str, ...] = ()
    """Paths of values that were replaced before storing."""


def dated(event: Event, received_at: int) -> Event:
    """The event with a warning if its time lies more than a day after its arrival."""
    if moment(event.time) <= moment(received_at) + AHEAD:
        return event
    ahead = Oddity("eventTime", "more than a day ahead of its arrival; ages do not follow it")
    return replace(event, oddities=(*event.oddities, ahead))


def text_of(value: Any) -> str | None:
    """A text that says something; ``None`` for whatever else a producer put there."""
    return value if isinstance(value, str) and value else None


def canonical(value: Any) -> bytes:
    """Canonical JSON: keys sorted, no blanks, UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def parse_event(body: bytes) -> Event:
    """Read one event.

    Raises:
        RefusedError: It is not JSON, or lacks a usable identity or time.
    """
    decoded, oddities = _decode(body)
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
        decoded = orjson.loads(_NUL.sub(rb"\1\\ufffd", whole))
        oddities.append(Oddity("", "held a NUL character; it was replaced"))
    event, secrets = redact(decoded, whole)
    return _read(event, event_id, oddities, tuple(secrets))


def reread_event(body: bytes, event_id: bytes, secrets: tuple[str, ...]) -> Event:
    """Read a stored body again; its id and the secrets it once held are known from the log."""
    return _read(orjson.loads(body), event_id, [], secrets)


_KINDS = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}


def _decode(body: bytes) -> tuple[Any, list[Oddity]]:
    try:
        return orjson.loads(body), []
    except orjson.JSONDecodeError as error:
        if b"\\ud" in body.lower():  # perhaps only lone surrogates, which some producers send
            try:
                text = json.loads(body, parse_constant=_no_constant)
                clean = _SURROGATE.sub("\ufffd", json.dumps(text, ensure_ascii=False))
                return orjson.loads(clean), [Oddity("", "held a lone surrogate; it was replaced")]
            except (ValueError, RecursionError):
                pass
        raise RefusedError(
            400, f"the body is not JSON: {error}", "", "one OpenLineage event as UTF-8 JSON"
        ) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read(
    event: dict[str, Any], event_id: bytes, oddities: list[Oddity], secrets: tuple[str, ...]
) -> Event:
    oddities += [Oddity(path, "held a secret; it was replaced before storing") for path in secrets]
    producer = event.get("producer")
    if not isinstance(producer, str) or not producer:
        oddities.append(Oddity("producer", "missing; expected a URI that names the producer"))
        producer = "unknown"
    if not isinstance(event.get("schemaURL"), str):
        oddities.append(Oddity("schemaURL", "missing; expected the URL of the event's schema"))
    kind = _kind(event)
    time = _time(event, oddities)
    is_run, has_job = kind is EventKind.RUN, kind is not EventKind.DATASET
    return Event(
        event_id=event_id,
        body=canonical(event),
        kind=kind,
        time=time,
        type=_type(event, oddities) if is_run else None,
        producer=producer,
        run_id=_run_id(event["run"], oddities) if is_run else None,
        run_facets=_facets(event["run"], "facets", "run", oddities) if is_run else {},
        job=_identity(event.get("job"), "job") if has_job else None,
        job_facets=_facets(event["job"], "facets", "job", oddities) if has_job else {},
        inputs=_datasets(event, "inputs", "inputFacets", oddities) if has_job else (),
        outputs=_datasets(event, "outputs", "outputFacets", oddities) if has_job else (),
        dataset=None if has_job else _dataset(event["dataset"], "dataset", "", oddities),
        oddities=tuple(oddities),
        secrets=secrets,
    )


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
    if not isinstance(name, str):
        raise RefusedError(422, f"{where} is missing", where, wanted)
    if not 1 <= len(name) <= NAME_LIMIT or "\0" in name or "\ufffd" in name:
        raise RefusedError(
            422, f"{where} is empty, too long or holds NUL or a lone surrogate", where, wanted
        )
    return name


def _run_id(run: Any, oddities: list[Oddity]) -> str:
    value = run.get("runId") if isinstance(run, dict) else None
    if not isinstance(value, str) or not 1 <= len(value) <= NAME_LIMIT or "\0" in value:
        raise RefusedError(422, "run.runId is missing", "run.runId", "a UUID")
    try:
        return str(uuid.UUID(value))
    except ValueError:
        oddities.append(Oddity("run.runId", "not a UUID; it is kept as it was sent"))
        return value


def _type(event: dict[str, Any], oddities: list[Oddity]) -> str | None:
    value = event.get("eventType")
    if value is None:
        return None
    if isinstance(value, str) and value.upper() in EVENT_TYPES:
        return value.upper()
    oddities.append(
        Oddity(
            "eventType", f"unknown value; expected one of {', '.join(EVENT_TYPES)}; read as OTHER"
        )
    )
    return "OTHER"


def _facets(holder: dict[str, Any], key: str, path: str, oddities: list[Oddity]) -> Facets:
    facets = holder.get(key)
    if facets is None:
        return {}
    if not isinstance(facets, dict):
        oddities.append(Oddity(f"{path}.{key}", "not an object; skipped"))
        return {}
    kept: Facets = {}
    for name, facet in facets.items():
        if not isinstance(facet, dict):
            what = "null" if facet is None else "not an object"
            oddities.append(Oddity(f"{path}.{key}.{name}", f"{what}; skipped"))
            continue
        kept[name] = facet
    return kept


def _dataset(value: Any, path: str, io_key: str, oddities: list[Oddity]) -> DatasetPart:
    namespace, name = _identity(value, path)
    io_facets = _facets(value, io_key, path, oddities) if io_key else {}
    return DatasetPart(namespace, name, path, _facets(value, "facets", path, oddities), io_facets)


def _datasets(
    event: dict[str, Any], key: str, io_key: str, oddities: list[Oddity]
) -> tuple[DatasetPart, ...]:
    entries = event.get(key)
    if entries is None:
        return ()
    if not isinstance(entries, list):
        oddities.append(Oddity(key, "not an array; skipped"))
        return ()
    parts = []
    for index, entry in enumerate(entries):
        try:
            parts.append(_dataset(entry, f"{key}[{index}]", io_key, oddities))
        except RefusedError as refused:
            oddities.append(Oddity(refused.path, f"{refused.detail}; the entry was skipped"))
    return tuple(parts)


_ZONE_ID = re.compile(r"\[[^\]]*\]$")
_MIDNIGHT = re.compile(r"([T ])24:?00(:?00)?([.,]0+)?")
_LEAP = re.compile(r"(:\d\d):60")


def _time(event: dict[str, Any], oddities: list[Oddity]) -> int:
    value = event.get("eventTime")
    wanted = "a date and time with offset, such as 2026-11-20T06:00:00Z"
    if value is None:
        raise RefusedError(422, "eventTime is missing", "eventTime", wanted)
    try:
        moment, is_odd = read_time(value)
    except (ValueError, OverflowError) as error:
        raise RefusedError(
            422, f"eventTime cannot be read: {error}", "eventTime", wanted
        ) from error
    if is_odd:
        oddities.append(Oddity("eventTime", "has no offset or an unusual form; read as UTC"))
    return microseconds(moment)


def read_time(value: Any) -> tuple[datetime, bool]:
    """A moment from what producers really send, and whether it broke the date-time format.

    Takes RFC 3339 and ISO 8601, a missing offset (UTC), a trailing zone id, nanoseconds, 24:00, a
    leap second, and seconds since 1970 as a number.

    Raises:
        ValueError: Nothing in it can be read as a moment.
        OverflowError: It is before the year 1 or after 9999.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _EPOCH + timedelta(seconds=value if value < 1e11 else value / 1000), True
    if not isinstance(value, str):
        raise ValueError("it is neither text nor a number")  # noqa: TRY004  # callers catch one kind
    text = _ZONE_ID.sub("", value.strip().upper())
    is_odd = text != value.upper()
    text, midnights = _MIDNIGHT.subn(r"\g<1>00:00:00", text)
    text, leaps = _LEAP.subn(r"\1:59", text)
    shift = timedelta(days=1 if midnights else 0, seconds=1 if leaps else 0)
    moment = datetime.fromisoformat(text) + shift
    if "T" not in text and len(text) <= 10:
        raise ValueError("it has a date but no time")
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC), True
    return moment.astimezone(UTC), is_odd


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(time: int) -> datetime:
    """The aware UTC moment of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=time)
