"""What fills an event's holes, packed: facets by the number of their body, the rest in few bytes.

A facet that differs from run to run only by ids, times and numbers is taken apart once more: its
form is stored once, like a body, and only these tokens are packed.
"""

from __future__ import annotations

import uuid
from binascii import unhexlify
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from catalog.moments import written
from lineage.facets import LASTING, Facet, Outline, fill, stored_facet
from lineage.templates import Template, Value, unread
from lineage.values import is_uuid

WHOLE = {
    "dagster_asset_check", "dataQualityAssertions", "greatExpectations_assertions", "test",
}  # fmt: skip
"""Facets that tables refer to by their body."""


Token = int | str | bytes
"""A number, the 16 bytes of a UUID, or a text as it stands."""
Packed = list[int | str | bytes | list[int | str | bytes] | None]

Event = tuple[Template, Sequence[Value]]
"""A template, and what fills its holes."""

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder().decode


def bodies_of(events: Iterable[Event]) -> dict[bytes, Facet | Outline]:
    """By its hash, all whose body has to be stored before the values of events can be packed."""
    found: dict[bytes, Facet | Outline] = {}
    for template, values in events:
        lasting, passing = template.alike(_holes)
        for hole in lasting:
            facet: Any = values[hole]
            found[facet.hash] = facet
        for hole in passing:
            facet = values[hole]
            outlined = facet.outlined
            part = outlined[0] if outlined else facet
            found[part.hash] = part
    return found


def _holes(template: Template) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where facets stand that are stored as they are, and where those that may be by outline.

    Facets of jobs and datasets last, and tables refer to them by their body.
    """
    lasting: list[int] = []
    passing = [*unread(template)]
    for facet in template.facets:
        is_lasting = facet.about in LASTING or facet.name in WHOLE
        (lasting if is_lasting else passing).append(facet.hole)
    return tuple(lasting), tuple(passing)


def pack(event: Event, time: int, numbers: Mapping[bytes, int]) -> bytes:
    """The values of an event, packed; ``numbers`` has every hash that ``bodies_of`` told."""
    template, values = event
    packed: list[Any] = [None] * len(values)
    lasting, passing = template.alike(_holes)
    for hole in lasting:
        facet: Any = values[hole]
        packed[hole] = numbers[facet.hash]
    for hole in passing:
        facet = values[hole]
        outlined = facet.outlined
        if outlined:
            outline, tokens = outlined
            told = [_PACK[kind](t) for kind, t in zip(outline.kinds, tokens, strict=True)]
            packed[hole] = (numbers[outline.hash], *told)
        else:
            packed[hole] = numbers[facet.hash]
    at: Any = values[template.time_hole]
    sent = at.decode()
    if not (sent.endswith('Z"') and sent == _plain_time(time)):
        packed[template.time_hole] = sent
    if template.run_hole is not None:
        run_id: Any = values[template.run_hole]
        packed[template.run_hole] = _run_id(run_id)
    return _ENCODE(packed)


def decode(packed: bytes) -> Packed:
    """The values as they were packed, bodies still by number."""
    values: Packed = _DECODE(packed)
    return values


def numbers_in(packed: Packed) -> Iterator[int]:
    """Numbers of the bodies and forms that packed values need."""
    for item in packed:
        if isinstance(item, int):
            yield item
        elif isinstance(item, list):
            yield int(item[0])


def unpack(packed: Packed, time: int, facets: Mapping[int, Facet]) -> list[Value]:
    """The values of an event as ``pack`` took them."""
    values: list[Value] = []
    for item in packed:
        if isinstance(item, int):
            values.append(facets[item])
        elif isinstance(item, list):
            number, *tokens = item
            form = facets[int(number)].body.split(b"\0")
            values.append(stored_facet(fill(tuple(form), [_plain(t) for t in tokens])))
        elif item is None:
            values.append(_plain_time(time).encode())
        elif isinstance(item, bytes):
            values.append(b'"%b"' % _plain(item))
        else:
            values.append(item.encode())
    return values


def _id(token: bytes) -> bytes:
    return unhexlify(token.replace(b"-", b""))


_PACK: dict[str, Callable[[bytes], Token]] = {"I": _id, "T": bytes.decode, "N": int, "P": int}
"""The shortest thing that gives a token of each kind back."""


def _run_id(sent: bytes) -> Token:
    """The same for a run id, in its quotes."""
    bare = sent.strip(b'"')
    return _id(bare) if is_uuid(bare.decode()) else sent.decode()


def _plain(token: Token) -> bytes:
    if isinstance(token, bytes):
        return str(uuid.UUID(bytes=token)).encode()
    return str(token).encode()


def _plain_time(time: int) -> str:
    """The JSON of a time as most clients write it, which then takes no room."""
    return f'"{written(time)}"'
