"""Sentences about verdicts: templates filled with facts, and values as people say them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from catalog.errors import did_you_mean
from catalog.wording import counted, minute, span
from policies.cel import FactType, Plain

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_STRONG = re.compile(r"\*\*(.+?)\*\*")


def fill(template: str, values: Mapping[str, Plain], now: datetime) -> str:
    """A template with its ``{fact}`` and ``{fact|filter}`` placeholders filled.

    Filters: ``age`` and ``ago`` for instants, ``times`` and ``count:noun`` for numbers, ``short``
    for digests, ``or:text`` for what is absent or empty (else ``not known``).
    """

    def one(match: re.Match[str]) -> str:
        name, *filters = match.group(1).split("|")
        otherwise = next((f[3:] for f in filters if f.startswith("or:")), "not known")
        if name not in values or values[name] == []:
            return otherwise
        value: Plain = values[name]
        for each in filters:
            word, _, argument = each.partition(":")
            if word != "or":
                value = _FILTERS[word](value, argument, now)
        return said(value)

    return _PLACEHOLDER.sub(one, template)


def said(value: Plain) -> str:
    """A fact's value as people write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return minute(value)
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, Sequence):
        return ", ".join(value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def template_names(template: str) -> tuple[str, ...]:
    """The facts that a template names, in order."""
    names = (match.group(1).partition("|")[0] for match in _PLACEHOLDER.finditer(template))
    return tuple(dict.fromkeys(names))


def check_template(template: str, schema: Mapping[str, FactType]) -> None:
    """Check what a template asks for.

    Raises:
        ValueError: It names an unknown fact or filter.
    """
    for match in _PLACEHOLDER.finditer(template):
        name, *filters = match.group(1).split("|")
        if name not in schema:
            raise ValueError(f'"{name}" is not a fact.{did_you_mean(name, schema)}')
        for each in filters:
            word = each.partition(":")[0]
            known = {*_FILTERS, "or"}
            if word not in known:
                raise ValueError(f'"{word}" is not a filter.{did_you_mean(word, known)}')
            needed = _NEEDS.get(word)
            if needed is not None and schema[name] is not needed:
                raise ValueError(f'filter "{word}" needs {needed}, and {name} is {schema[name]}.')


def pieces(message: str) -> Iterator[tuple[str, bool]]:
    """A message in pieces, each with whether it stands out (it stood between ``**``)."""
    end = 0
    for match in _STRONG.finditer(message):
        if match.start() > end:
            yield message[end : match.start()], False
        yield match.group(1), True
        end = match.end()
    if end < len(message):
        yield message[end:], False


def plain(message: str) -> str:
    """A message without its marks."""
    return "".join(text for text, _ in pieces(message))


def _instant(value: Plain) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is not an instant")
    return value


def _number(value: Plain) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _times(value: Plain, _argument: str, _now: datetime) -> Plain:
    number = _number(value)
    return "once" if number == 1 else f"{number:,} times"


_FILTERS: Mapping[str, Callable[[Plain, str, datetime], Plain]] = {
    "age": lambda value, _, now: span(now - _instant(value)),
    "ago": lambda value, _, now: f"{span(now - _instant(value))} ago",
    "count": lambda value, noun, _: counted(_number(value), noun),
    "short": lambda value, _, __: said(value)[:8],
    "times": _times,
}
_NEEDS = {
    "age": FactType.TIMESTAMP,
    "ago": FactType.TIMESTAMP,
    "count": FactType.INT,
    "times": FactType.INT,
}
