"""What fills an event's holes, packed: facets by the number of their body, the rest in few bytes.

A facet that differs from run to run only by ids, times and numbers is taken apart once more: its
form is stored once, like a body, and only these tokens are packed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec

from catalog.moments import written
from lineage.facets import Facet, fill, outline_of, stored_facet
from lineage.templates import Template, Value

WHOLE = {"dataQualityAssertions", "greatExpectations_assertions", "test"}
"""Facets that tables refer to by their body."""

_IS_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_IS_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}")

Token = int | str | bytes
"""A number, the 16 bytes of a UUID, or a text as it stands."""
Packed = list[int | str | bytes | list[int | str | bytes] | None]

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder().decode


_LASTING = {"job", "dataset"}


@dataclass(frozen=True, slots=True)
class Form:
    """What facets that differ only by a few tokens have in common."""

    body: bytes
    """Canonical JSON with a NUL for each token."""
    hash: bytes
    tokens: tuple[Token, ...]


Planned = list[Value | Form]
"""The values of an event as they are to be packed."""


def plan(template: Template, values: Sequence[Value]) -> Planned:
    """Which values of an event are stored as they are, and which by their form."""
    planned: Planned = list(values)
    for about, _, name, hole, _ in template.facets:
        # Facets of jobs and datasets last, and tables refer to them by their body.
        if about not in _LASTING and name not in WHOLE:
            facet = values[hole]
            if isinstance(facet, Facet):
                planned[hole] = facet.once(_form) or facet
    return planned


def bodies_of(planned: Planned) -> Iterator[tuple[bytes, bytes]]:
    """Hash and body of all that has to be stored before an event's values can be packed."""
    return ((v.hash, v.body) for v in planned if not isinstance(v, bytes))


def pack(template: Template, planned: Planned, time: int, numbers: Mapping[bytes, int]) -> bytes:
    """The values of an event, packed; ``numbers`` has every hash that ``bodies_of`` told."""
    packed: list[object] = [
        _text(v)
        if isinstance(v, bytes)
        else numbers[v.hash]
        if isinstance(v, Facet)
        else (numbers[v.hash], *v.tokens)
        for v in planned
    ]
    if planned[template.time_hole] == _plain_time(time):
        packed[template.time_hole] = None
    if template.run_hole is not None:
        packed[template.run_hole] = _token(_text(planned[template.run_hole]))
    return _ENCODE(packed)


def decode(packed: bytes) -> Packed:
    """The values as they were packed, bodies still by number."""
    return cast(Packed, _DECODE(packed))


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
            values.append(_plain_time(time))
        elif isinstance(item, bytes):
            values.append(b'"%b"' % _plain(item))
        else:
            values.append(item.encode())
    return values


def _form(facet: Facet) -> Form | None:
    outline = facet.once(outline_of)
    if outline is None:
        return None
    return Form(
        outline.body, outline.hash, tuple(_token(token.decode()) for token in outline.tokens)
    )


def _token(text: str) -> Token:
    """The shortest thing that gives the same text back; a run id comes in its quotes."""
    bare = text.strip('"')
    if len(bare) == 36 and _IS_UUID.fullmatch(bare):
        return bytes.fromhex(bare.replace("-", ""))
    return int(text) if text[-1:].isdigit() and _IS_NUMBER.fullmatch(text) else text


def _plain(token: Token) -> bytes:
    if isinstance(token, bytes):
        return str(uuid.UUID(bytes=token)).encode()
    return str(token).encode()


def _text(value: Value | Form) -> str:
    return (value if isinstance(value, bytes) else value.body).decode()


def _plain_time(time: int) -> bytes:
    """The JSON of a time as most clients write it, which then takes no room."""
    return b'"%b"' % written(time).encode()
