"""What a value has to be, as fast checks that say in plain words where it is something else.

A check costs next to nothing while all is well: paths and messages are made only for what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from lineage import values
from lineage.oddities import WarningKind
from lineage.redact import REDACTED

DEEPEST = 64
"""Levels of nesting that are looked at: real columns nest up to ten deep."""
MOST = 20
"""Warnings about one facet or envelope; the rest are counted."""
_LONGEST = 60
"""Characters of a value or key that are repeated in a message."""


@dataclass(frozen=True, slots=True)
class SchemaWarning:
    """Something in an event that breaks an OpenLineage schema; nothing is lost by it."""

    path: str
    """Where, such as ``fields[3].type``; empty for the whole."""
    message: str
    """What was found; what was expected; what to do."""
    kind: WarningKind


class Found:
    """What was found so far; no more than ``MOST`` are kept, the others are counted."""

    __slots__ = ("kept", "more")

    def __init__(self) -> None:
        self.kept: list[SchemaWarning] = []
        self.more = 0

    def add(self, kind: WarningKind, message: str, path: str = "") -> None:
        """Note one."""
        if len(self.kept) < MOST:
            self.kept.append(SchemaWarning(path, message, kind))
        else:
            self.more += 1

    def place(self, since: int, step: str) -> None:
        """Put everything noted since then under ``step`` (a key, or ``[3]``)."""
        for index in range(since, len(self.kept)):
            warning = self.kept[index]
            path = joined(step, warning.path)
            self.kept[index] = SchemaWarning(path, warning.message, warning.kind)

    def all(self) -> tuple[SchemaWarning, ...]:
        """Everything, with a last line that counts what was left out."""
        if not self.more:
            return tuple(self.kept)
        more = SchemaWarning("", f"and {self.more:,} more like these", WarningKind.MORE)
        return (*self.kept, more)


Check = Callable[[object, Found, int], None]
"""Looks at a value at a depth, and notes what is wrong."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value has to be."""

    words: str
    """After "expected": ``a text``, ``one of READ, WRITE``."""
    check: Check
    plain: type | None = None
    """A value of exactly this type keeps the rule, without a look at it."""


def joined(step: str, path: str) -> str:
    """Two pieces of a path."""
    return step + path if not path or path.startswith("[") else f"{step}.{path}"


def short(text: str) -> str:
    """A text that may be of any length, for a message."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def shown(value: object) -> str:
    """What stands there, in a few words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{short(value)}"' if value else "an empty text"
    if isinstance(value, int):
        return f"the number {value}" if value.bit_length() <= 64 else "a very large number"
    if isinstance(value, float):
        return f"the number {value}"
    return "an array" if isinstance(value, list) else "an object"


_NUMBER = re.compile(r"-?\d{1,30}(\.\d+)?")


def _note_type(value: object, found: Found, words: str) -> None:
    remedy = ""
    if words.startswith("an array"):
        remedy = "; put it in square brackets, even if it is the only one"
    elif words == "a text" and isinstance(value, bool | int | float):
        remedy = "; put it in quotation marks"
    elif isinstance(value, str) and _bare(words, value):
        remedy = "; leave out the quotation marks"
    found.add(WarningKind.TYPE, f"{shown(value)}; expected {words}{remedy}")


def _bare(words: str, value: str) -> bool:
    if "number" in words:
        return _NUMBER.fullmatch(value) is not None
    return words == "true or false" and value.lower() in {"true", "false"}


def of_type(plain: type, words: str) -> Rule:
    """Exactly that type: no ``True`` where a number is expected."""

    def check(value: object, found: Found, _depth: int) -> None:
        if type(value) is not plain:
            _note_type(value, found, words)

    return Rule(words, check, plain)


def _anything(_value: object, _found: Found, _depth: int) -> None:
    pass


ANYTHING = Rule("a value", _anything)
TEXT = of_type(str, "a text")
TRUTH = of_type(bool, "true or false")
OBJECT = of_type(dict, "an object")


def whole(smallest: int | None = None) -> Rule:
    """A whole number; ``3.0`` is one."""
    words = "a whole number" if smallest is None else f"a whole number of at least {smallest}"

    def check(value: object, found: Found, _depth: int) -> None:
        if type(value) is not int and not (type(value) is float and value.is_integer()):
            _note_type(value, found, words)
        elif smallest is not None and value < smallest:
            found.add(WarningKind.VALUE, f"{shown(value)}; expected {words}")

    return Rule(words, check, int if smallest is None else None)


def _number(value: object, found: Found, _depth: int) -> None:
    if type(value) is not int and type(value) is not float:
        _note_type(value, found, "a number")


NUMBER = Rule("a number", _number, float)


def one_of(allowed: Sequence[str]) -> Rule:
    """One of a few texts, exactly."""
    words = f"one of {', '.join(allowed)}" if len(allowed) > 1 else allowed[0]
    known = frozenset(allowed)

    def check(value: object, found: Found, _depth: int) -> None:
        if not isinstance(value, str):
            _note_type(value, found, words)
        elif value not in known:
            capitals = "; write it in capitals" if value.upper() in known else ""
            found.add(WarningKind.VALUE, f"{shown(value)}; expected {words}{capitals}")

    return Rule(words, check)


def text_like(words: str, is_one: Callable[[str], bool]) -> Rule:
    """A text in a certain form."""

    def check(value: object, found: Found, _depth: int) -> None:
        if not isinstance(value, str):
            _note_type(value, found, words)
        elif not is_one(value):
            found.add(WarningKind.FORMAT, f"{shown(value)}; expected {words}")

    return Rule(words, check)


# RFC 3986: a scheme, perhaps an authority, a path, perhaps a query and a fragment. Possessive, so
# that no text takes long to be refused.
_PCHARS = r"(?:[\w.~!$&'()*+,;=:@-]++|%[0-9a-f]{2})"
_NAME = r"(?:[\w.~!$&'()*+,;=-]++|%[0-9a-f]{2})*+"
_USER = r"(?:[\w.~!$&'()*+,;=:-]++|%[0-9a-f]{2})*+@"
_URI = re.compile(
    rf"[a-z][a-z0-9+.-]*+:"
    rf"(?://(?:{_USER})?(?:\[[0-9a-f:.]++\]|{_NAME})(?::\d*+)?(?:/{_PCHARS}*+)*+"
    rf"|/?(?:{_PCHARS}++(?:/{_PCHARS}*+)*+)?)"
    rf"(?:\?(?:{_PCHARS}|[/?])*+)?(?:\#(?:{_PCHARS}|[/?])*+)?",
    re.IGNORECASE | re.ASCII,
)
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:)([0-5]\d|60)(?:\.\d+)?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_UUID = re.compile(values.UUID, re.IGNORECASE)


def is_uri(text: str) -> bool:
    """Whether it is an absolute URI. What was redacted in one does not break it."""
    return _is_known_uri(text) if len(text) <= _OFTEN else _is_uri(text)


def _is_uri(text: str) -> bool:
    return _URI.fullmatch(text.replace(REDACTED, "")) is not None


_OFTEN = 256
"""Characters up to which an address is remembered: producers repeat a few of them for ever."""
_is_known_uri = lru_cache(4096)(_is_uri)


def is_date_time(text: str) -> bool:
    """Whether it is a date and time with offset as in RFC 3339."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return False
    before, second, offset = match.groups()
    try:
        minute = datetime.fromisoformat(f"{before.upper()}00{offset.upper()}").astimezone(UTC)
    except ValueError:
        return False
    except OverflowError:  # within a day of the year 1 or 9999
        return second != "60"
    # A leap second is the last one of a day in UTC.
    return second != "60" or (minute.hour, minute.minute) == (23, 59)


def is_uuid(text: str) -> bool:
    """Whether it is a UUID with its four hyphens."""
    return _UUID.fullmatch(text) is not None


URI = text_like("a URI such as https://example.com/etl", is_uri)
DATE_TIME = text_like("a date and time with offset, such as 2026-11-20T06:00:00Z", is_date_time)
UUID = text_like("a UUID such as 019c0000-0000-7000-8000-000000000001", is_uuid)


def array_of(item: Rule) -> Rule:
    """An array whose every entry keeps the rule."""
    check_item, plain = item.check, item.plain

    def check(value: object, found: Found, depth: int) -> None:
        if not isinstance(value, list):
            _note_type(value, found, "an array")
            return
        for index, entry in enumerate(value):
            if type(entry) is plain:
                continue
            before = len(found.kept)
            check_item(entry, found, depth)
            if len(found.kept) > before:
                found.place(before, f"[{index}]")

    return Rule("an array", check, list if item is ANYTHING else None)


def mapping_of(item: Rule) -> Rule:
    """An object with keys of the producer's choice, whose every value keeps the rule."""
    check_item, plain = item.check, item.plain

    def check(value: object, found: Found, depth: int) -> None:
        if not isinstance(value, dict):
            _note_type(value, found, "an object")
            return
        for key, entry in value.items():
            if type(entry) is plain:
                continue
            before = len(found.kept)
            check_item(entry, found, depth)
            if len(found.kept) > before:
                found.place(before, short(key))

    return OBJECT if item is ANYTHING else Rule("an object", check)


def object_of(
    fields: Mapping[str, Rule],
    required: Sequence[str],
    together: Sequence[tuple[str, str]] = (),
    is_closed: bool = False,
) -> Rule:
    """An object with known keys.

    Args:
        fields: A rule for each known key.
        required: Those that must be there.
        together: Pairs: who sends the first must send the second.
        is_closed: No other keys may be there.
    """
    wanted = frozenset(required)
    rules = {key: (rule.plain, rule.check, rule.words) for key, rule in fields.items()}

    def check(value: object, found: Found, depth: int) -> None:
        if not isinstance(value, dict):
            _note_type(value, found, "an object")
            return
        if depth > DEEPEST:
            found.add(WarningKind.DEPTH, f"nested more than {DEEPEST} deep; not looked at")
            return
        if together or not wanted <= value.keys():
            _note_missing(value, found, fields, required, together)
        if is_closed and not value.keys() <= fields.keys():
            _note_unknown(value, found, fields)
        for key, item in value.items():
            rule = rules.get(key)
            if rule is None:
                continue
            plain, look, words = rule
            if type(item) is plain:
                continue
            if item is None and look is not _anything:
                instead = "" if key in wanted else "; leave it out if there is none"
                found.add(WarningKind.TYPE, f"null; expected {words}{instead}", key)
                continue
            before = len(found.kept)
            look(item, found, depth + 1)
            if len(found.kept) > before:
                found.place(before, key)

    return Rule("an object", check)


def _note_missing(
    value: Mapping[str, object],
    found: Found,
    fields: Mapping[str, Rule],
    required: Sequence[str],
    together: Sequence[tuple[str, str]],
) -> None:
    for key in required:
        if key not in value:
            found.add(WarningKind.MISSING, f"missing; expected {fields[key].words}", key)
    for first, second in together:
        if first in value and second not in value:
            message = f"missing; expected {fields[second].words} beside {first}"
            found.add(WarningKind.MISSING, message, second)


def _note_unknown(value: Mapping[str, object], found: Found, fields: Mapping[str, Rule]) -> None:
    for key in value:
        if key not in fields:
            message = f"not known here; expected only {', '.join(fields)}"
            found.add(WarningKind.UNKNOWN, message, short(key))


def one_kind_of(key: str, kinds: Mapping[str, Rule]) -> Rule:
    """An object whose ``key`` says which of several rules it follows."""
    kind = one_of(tuple(kinds))

    def check(value: object, found: Found, depth: int) -> None:
        if not isinstance(value, dict):
            _note_type(value, found, "an object")
        elif key not in value:
            found.add(WarningKind.MISSING, f"missing; expected {kind.words}", key)
        elif isinstance(value[key], str) and value[key] in kinds:
            kinds[value[key]].check(value, found, depth)
        else:
            before = len(found.kept)
            kind.check(value[key], found, depth)
            found.place(before, key)

    return Rule(f"an object with {key} {kind.words}", check)
