"""What fills an event's holes, packed: facets by the number of their body, the rest in few bytes.

A facet that differs from run to run only by ids, times and numbers is taken apart once more: its
form is stored once, like a body, and only these tokens are packed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec

from catalog.moments import written
from lineage.facets import Facet, fill, outline_of, stored_facet
from lineage.templates import Template, Value

WHOLE = {
    "dagster_asset_check", "dataQualityAssertions", "greatExpectations_assertions", "test",
}  # fmt: skip
"""Facets that tables refer to by their body."""

_IS_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

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
    for hole in template.once(_passing):
        facet = values[hole]
        if isinstance(facet, Facet):
            planned[hole] = facet.once(_form) or facet
    return planned


def _passing(template: Template) -> tuple[int, ...]:
    """Where facets stand that may be stored by their form.

    Those of jobs and datasets last, and tables refer to them by their body.
    """
    return tuple(
        facet.hole
        for facet in template.facets
        if facet.about not in _LASTING and facet.name not in WHOLE
    )


def bodies_of(plans: Iterable[Planned]) -> dict[bytes, bytes]:
    """By its hash, every body that has to be stored before values can be packed."""
    return {v.hash: v.body for planned in plans for v in planned if not isinstance(v, bytes)}


def pack(template: Template, planned: Planned, time: int, numbers: Mapping[bytes, int]) -> bytes:
    """The values of an event, packed; ``numbers`` has every hash that ``bodies_of`` told."""
    packed: list[object] = [
        numbers[v.hash]
        if isinstance(v, Facet)
        else v.decode()
        if isinstance(v, bytes)
        else (numbers[v.hash], *v.tokens)
        for v in planned
    ]
    sent = _text(planned[template.time_hole])
    if sent.endswith('Z"') and sent == _plain_time(time):
        packed[template.time_hole] = None
    if template.run_hole is not None:
        packed[template.run_hole] = _run_id(_text(planned[template.run_hole]))
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
            values.append(_plain_time(time).encode())
        elif isinstance(item, bytes):
            values.append(b'"%b"' % _plain(item))
        else:
            values.append(item.encode())
    return values


def _form(facet: Facet) -> Form | None:
    outline = facet.once(outline_of)
    if outline is None:
        return None
    packed = (_PACK[kind](token) for kind, token in zip(outline.kinds, outline.tokens, strict=True))
    return Form(outline.body, outline.hash, tuple(packed))


def _id(token: bytes) -> bytes:
    return bytes.fromhex(token.decode().replace("-", ""))


_PACK: dict[str, Callable[[bytes], Token]] = {"I": _id, "T": bytes.decode, "N": int, "P": int}
"""The shortest thing that gives a token of each kind back."""


def _run_id(sent: str) -> Token:
    """The same for a run id, in its quotes."""
    bare = sent.strip('"')
    return _id(bare.encode()) if len(bare) == 36 and _IS_UUID.fullmatch(bare) else sent


def _plain(token: Token) -> bytes:
    if isinstance(token, bytes):
        return str(uuid.UUID(bytes=token)).encode()
    return str(token).encode()


def _text(value: Value | Form) -> str:
    return (value if isinstance(value, bytes) else value.body).decode()


def _plain_time(time: int) -> str:
    """The JSON of a time as most clients write it, which then takes no room."""
    return f'"{written(time)}"'
