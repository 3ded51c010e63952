"""One facet's body: hashed once, decoded when asked, its meaning worked out once and remembered.

Most facets of an event were sent before, byte for byte. So a facet is looked up by the bytes that
arrived, and only a new one is decoded, checked for secrets and made canonical.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec
import orjson

from lineage.conformance import facet_warnings
from lineage.facet_schemas import FacetPlace, schemas
from lineage.hashes import Hashes
from lineage.oddities import WarningKind
from lineage.redact import redact
from lineage.values import UUID

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

Body = dict[str, Any]

Kind = tuple[str, str]
"""What a facet is about (run, job, dataset, input, output), and its name."""
Flaw = tuple[str, str, WarningKind]
"""Path inside a facet, what is odd there, and what sort of thing that is."""

LASTING = {"job", "dataset"}
"""What facets are about that last until something else is said."""
REMEMBERED_BYTES = 32_000_000
"""How much of facets is remembered while reading, roughly, bytes."""
OUTLINES = 20_000
"""How many outlines are."""
FLAWLESS = 1 << 21
"""How many facets may be known to hold no secret and to break no rule, by a hash alone."""
MOST_TOKENS = 16
MOST_OUTLINED = 4000
"""Bytes of a facet; larger ones are not looked through for tokens."""
MOST_SORTED = 1200
"""The same while reading: what differs from run to run is small."""

_UUID = UUID.encode()
_TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
_NUMBER = rb"(?:0|-?[1-9]\d{0,17})"
# What stands before a token is matched and not only looked at: it is found twice as fast.
# A text is a token only as a value: keys are sorted, so one in their place could move others.
_TOKEN = re.compile(
    rb'["\[:,](?:(?<=")(?:(' + _UUID + b")|(" + _TIME + rb'))"(?=[,}\]])'
    rb"|(?<=[\[:,]) ?(" + _NUMBER + rb")(?=[,}\]]))"
)
_MINUS = ord("-")
_TOKENS = {
    kind: re.compile(pattern)
    for kind, pattern in (
        ("I", _UUID),
        ("T", _TIME),
        ("N", rb"-[1-9]\d{0,17}"),
        ("P", rb"0|[1-9]\d{0,17}"),
    )
}
"""How a token of each kind is spelled."""

SECRET = "held a secret; it was replaced before storing"
OVERSIZED = 1_000_000
"""Bytes of a facet that no specification knows from which on it is kept, but not looked into."""


def hash_of(body: bytes) -> bytes:
    """Half of a SHA-256: enough to tell any two bodies apart, and to order them."""
    return hashlib.sha256(body).digest()[:16]


def canonical(value: Any) -> bytes:
    """Canonical JSON: keys sorted, no blanks, UTF-8."""
    # A copy: what orjson returns keeps the whole buffer that it wrote into.
    return bytes(memoryview(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))


def fill(segments: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    """What stands around holes, with the holes filled."""
    parts = [b""] * (2 * len(values) + 1)
    parts[::2] = segments
    parts[1::2] = values
    return b"".join(parts)


class Outline(msgspec.Struct, frozen=True, eq=False, weakref=False):
    """What facets of one sort have in common: a facet with holes for ids, times and numbers."""

    body: bytes
    """Canonical JSON with a NUL for each token."""
    hash: bytes
    segments: tuple[bytes, ...]
    """The body between its holes."""
    kinds: str
    """Of each token: I an id, T a time, N a number below zero, P any other number."""


Outlined = tuple[Outline, tuple[bytes, ...]]
"""An outline, and the tokens that fill it."""


class Sort(msgspec.Struct, frozen=True, eq=False, weakref=False):
    """How facets of one outline are sent."""

    segments: tuple[bytes, ...]
    """What stands around the tokens."""
    outline: Outline
    flaws: dict[Kind, tuple[Flaw, ...]]
    """Where none of them breaks a rule, since the one that was looked at does not: shared."""

    def read(self, raw: bytes) -> Facet | None:
        """A facet of this sort; ``None`` if it is none."""
        segments = self.segments
        if not raw.startswith(segments[0]) or len(raw) > MOST_SORTED:
            return None
        at, tokens = len(segments[0]), []
        for kind, segment in zip(self.outline.kinds, segments[1:], strict=True):
            found = _TOKENS[kind].match(raw, at)
            if found is None or not raw.startswith(segment, found.end()):
                return None
            tokens.append(found[0])
            at = found.end() + len(segment)
        return self.filled(tuple(tokens)) if at == len(raw) else None

    def filled(self, tokens: tuple[bytes, ...]) -> Facet:
        """The facet with some tokens: nothing but these is new."""
        body = fill(self.outline.segments, tokens)
        return Facet(body, body, (), (self.outline, tokens), self.flaws)


Lately = list[Sort | Kind | None]
"""Of which sort each of some facets was the last time; or of which kind: those of jobs and
datasets, which stay as they are and are not looked through for tokens."""


class Facet:
    """A facet as it is stored: redacted canonical JSON."""

    __slots__ = ("_meanings", "_outlined", "body", "flaws", "hash", "received", "secrets")

    def __init__(
        self,
        received: bytes,
        body: bytes,
        secrets: tuple[str, ...] = (),
        outlined: Outlined | None = None,
        flaws: dict[Kind, tuple[Flaw, ...]] | None = None,
    ) -> None:
        self.received = received
        """Canonical JSON before secrets were taken out; the event's id covers it."""
        self.body = body
        self.hash = hash_of(body)
        self.secrets = secrets
        """Paths inside the facet of values that were replaced."""
        self.flaws = {} if flaws is None else flaws
        """What was found odd about it so far; see ``flaws_at``."""
        self._outlined: Outlined | bool | None = outlined or False
        self._meanings: dict[object, Any] = {}

    @property
    def value(self) -> Body:
        """The facet, decoded anew at each call."""
        decoded: Body = orjson.loads(self.body)
        return decoded

    @property
    def outlined(self) -> Outlined | None:
        """Its outline and tokens; ``None``: it has no token, or too many, or is large."""
        if isinstance(self._outlined, bool):  # not asked yet
            taken = _apart(self.body)
            self._outlined = None if taken is None else (_outline(*taken), taken[1])
        return self._outlined

    def meaning(self, read: Callable[[Body], T]) -> T:
        """What a pure function reads in this facet, worked out once."""
        try:
            known: T = self._meanings[read]
        except KeyError:
            known = self._meanings[read] = read(self.value)
        return known

    def flaws_at(self, kind: Kind) -> tuple[Flaw, ...]:
        """What is odd about it where it stands: what breaks its schema, and what was secret."""
        found = self.flaws.get(kind)
        if found is None:
            found = _flaws(self, kind)
            if found:  # a message may quote what is this facet's own
                self.flaws = {**self.flaws, kind: found}
            else:
                self.flaws[kind] = found
        return found


def _outline(body: bytes, _: object, kinds: str) -> Outline:
    return Outline(body, hash_of(body), tuple(body.split(b"\0")), kinds)


def _apart(body: bytes) -> tuple[bytes, tuple[bytes, ...], str] | None:
    """A body with a NUL for each token, the tokens, and their kinds."""
    if len(body) > MOST_OUTLINED or b"\0" in body:
        return None
    pieces, tokens, kinds, after = [], [], "", 0
    for found in _TOKEN.finditer(body):
        group = found.lastindex or 0
        start, end = found.span(group)
        pieces.append(body[after:start])
        tokens.append(body[start:end])
        kinds += "N" if body[start] == _MINUS else " ITP"[group]
        after = end
    if not 1 <= len(tokens) <= MOST_TOKENS:
        return None
    return b"\0".join([*pieces, body[after:]]), tuple(tokens), kinds


class FacetReader:
    """Facets from the bytes that arrive; remembers those that it has met, and their sorts."""

    def __init__(self) -> None:
        self._known: Recent[bytes, Facet] = Recent(REMEMBERED_BYTES)
        """By the bytes that arrived."""
        self._sorts: Recent[tuple[bytes, str], Sort] = Recent(OUTLINES)
        self._flawless = Hashes(FLAWLESS)
        """Of facets with their kinds."""

    def read(self, raws: Sequence[msgspec.Raw], lately: Lately) -> list[Facet] | None:
        """Facets that came together; ``None`` if one of them is no object.

        Args:
            raws: As they arrived.
            lately: Of what sort the one in the same place was the last time; brought up to date.

        Raises:
            orjson.JSONDecodeError: One is not JSON.
        """
        facets, known = [], self._known
        for place, raw in enumerate(raws):
            body, sort = bytes(raw), lately[place]
            facet = sort.read(body) if isinstance(sort, Sort) else None
            if facet is None:
                facet = known.get(body) or self._read(body, lately, place)
                if facet is None:
                    return None
            facets.append(facet)
        return facets

    def _read(self, raw: bytes, lately: Lately, place: int) -> Facet | None:
        """A facet that is not known."""
        kind = lately[place]
        is_lasting = isinstance(kind, tuple)
        taken = None if is_lasting or len(raw) > MOST_SORTED else _apart(raw)
        if taken is not None:
            sort = self._sorts.get((taken[0], taken[2]))
            if sort is not None:
                lately[place] = sort
                return sort.filled(taken[1])
        value = orjson.loads(raw)
        if not isinstance(value, dict):
            return None
        facet = self._lasting(value, kind) if isinstance(kind, tuple) else facet_from(value)
        if taken is not None:
            self._learn(*taken, facet)
        self._known.put(raw, facet, 2 * len(raw) + 1000)
        return facet

    def _lasting(self, value: Body, kind: Kind) -> Facet:
        """A facet that stays as it is: looked through once, however much came in between."""
        received = canonical(value)
        facet = Facet(received, received, flaws={kind: ()})
        key = hash_of(b"%b %b %b" % (facet.hash, kind[0].encode(), kind[1].encode()))
        if key in self._flawless:
            return facet
        clean, secrets = redact(value, received)
        if secrets:
            return Facet(received, canonical(clean), tuple(secrets))
        flaws = facet.flaws[kind] = tuple(_find_flaws(facet, value, *kind))
        if not flaws:
            self._flawless.add(key)
        return facet

    def _learn(self, sent: bytes, tokens: tuple[bytes, ...], kinds: str, facet: Facet) -> None:
        """Remember what becomes of facets of this sort, if that is the same for all tokens.

        It is if they stay as they are and in their order, which shows only if no two are the same.
        """
        if facet.outlined is None or facet.secrets or len(set(tokens)) < len(tokens):
            return
        outline, same = facet.outlined
        if same == tokens and outline.kinds == kinds:
            self._sorts.put((sent, kinds), Sort(tuple(sent.split(b"\0")), outline, {}))


def _flaws(facet: Facet, kind: Kind) -> tuple[Flaw, ...]:
    is_lasting = kind[0] in LASTING or len(facet.body) > MOST_SORTED
    if is_lasting or facet.outlined is None or facet.secrets:
        return tuple(_find_flaws(facet, facet.value, *kind))
    # Another id, time or number in the same place breaks no other rule.
    outline, _ = facet.outlined
    key = (outline.hash, outline.kinds, *kind)
    found = _FLAWLESS.get(key)
    if found is None:
        found = tuple(_find_flaws(facet, facet.value, *kind))
        if not found:  # a message may quote the token
            _FLAWLESS.put(key, found)
    return found


def _find_flaws(facet: Facet, value: Body, about: str, name: str) -> Iterator[Flaw]:
    place, size = FacetPlace(about), len(facet.body)
    if size > OVERSIZED and name not in schemas().standard[place]:
        message = f"{size / 1e6:,.1f} MB; set aside: it is kept, but not looked into"
        yield "", message, WarningKind.OVERSIZED
    else:
        for warning in facet_warnings(place, name, value):
            yield warning.path, warning.message, warning.kind
    for path in facet.secrets:
        yield path, SECRET, WarningKind.SECRET


def facet_from(value: Body) -> Facet:
    """A facet as an event has it; what is secret in it is replaced."""
    received = canonical(value)
    clean, secrets = redact(value, received)
    body = canonical(clean) if secrets else received
    return Facet(received, body, tuple(secrets))


def stored_facet(body: bytes) -> Facet:
    """A facet as the log has it."""
    return Facet(body, body)


class Recent(dict[K, V]):
    """What was used lately, up to a weight; the older half is forgotten when it is full.

    A dictionary, so that looking up what is remembered costs no more than that.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._weight = 0

    def put(self, key: K, value: V, weight: int = 1, was: int = 1) -> None:
        """Remember a value under a key.

        ``weight`` is what it counts towards the limit, ``was`` what a value counted that it
        replaces.
        """
        if self._weight >= self._limit:
            for old in list(islice(self, len(self) // 2 + 1)):
                del self[old]
            self._weight //= 2
        if key in self:
            self._weight -= was
        self[key] = value
        self._weight += weight

    def drop(self, key: K, was: int = 1) -> None:
        """Forget a value, which counted ``was``."""
        if key in self:
            del self[key]
            self._weight -= was

    def among(self, wanted: Iterable[K]) -> tuple[dict[K, V], list[K]]:
        """What is remembered of some keys, and the other keys, each once and in their order."""
        found: dict[K, V] = {}
        missing: dict[K, None] = {}
        for key in wanted:
            if key not in found and key not in missing:
                value = self.get(key)
                if value is None:
                    missing[key] = None
                else:
                    found[key] = value
        return found, list(missing)

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._weight = 0


_FLAWLESS: Recent[tuple[bytes, str, str, str], tuple[Flaw, ...]] = Recent(20_000)
"""Outlines that were found to break no rule."""
