"""The condition language, behind one small door: text and types in, a three-valued answer out.

Conditions are CEL over dotted, typed variables, so that a typo or a wrong type is refused when the
text is compiled and a missing fact makes the answer unknown, with the usual three-valued ``&&`` and
``||``. The one addition is ``known('fact')``, which asks whether a fact is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cel_expr_python import cel

from catalog.errors import did_you_mean

Scalar = bool | int | float | str | datetime | timedelta
Plain = Scalar | Sequence[str]
"""What a fact may hold."""


class FactType(StrEnum):
    """The type of a fact, named as its reference page names it."""

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    STRINGS = "list<string>"


_CEL_TYPES = {
    FactType.BOOL: cel.Type.BOOL,
    FactType.INT: cel.Type.INT,
    FactType.DOUBLE: cel.Type.DOUBLE,
    FactType.STRING: cel.Type.STRING,
    FactType.TIMESTAMP: cel.Type.TIMESTAMP,
    FactType.DURATION: cel.Type.DURATION,
    FactType.STRINGS: cel.Type.List(cel.Type.STRING),
}

# A string, so that what is quoted is never taken for a name; or known('...'); or a dotted name.
_TOKENS = re.compile(
    r"""known\(\s*(?P<quote>['"])(?P<asked>[^'"]*)(?P=quote)\s*\)"""
    r"""|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
    r"""|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"""
)
_KNOWN = "known."
_PLACE = re.compile(r"<input>:(\d+):(\d+): ([^\n]*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)' \(in container ''\)")
_MISSING = "UNKNOWN: "


class ConditionError(ValueError):
    """A condition does not compile.

    Args:
        message: What is wrong, one line, without its place.
        line: Line inside the condition, from 1.
        column: Column inside that line, from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class EvaluationError(RuntimeError):
    """A compiled condition could not be evaluated, such as a division by zero."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled condition."""

    text: str
    names: tuple[str, ...]
    """Variables that it reads, in order of appearance."""
    asked: tuple[str, ...]
    """Facts whose presence it asks for with ``known``."""
    expression: Any = field(compare=False, repr=False)

    def evaluate(
        self, values: Mapping[str, Plain], known: Mapping[str, bool] | None = None
    ) -> bool | None:
        """True, false, or ``None`` where what is missing decides.

        Args:
            values: The facts that are there.
            known: Answers to ``known``; one that is left out makes that question unanswerable.

        Raises:
            EvaluationError: The condition failed for another reason than a missing value.
        """
        data: dict[str, Plain] = {n: values[n] for n in self.names if n in values}
        for name in self.asked:
            if known is not None and name in known:
                data[_KNOWN + name] = known[name]
        try:
            result = self.expression.eval(data=data)
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise EvaluationError(str(error)) from error
        value = result.value()
        if isinstance(value, bool):
            return value
        text = str(value)
        if text.startswith(_MISSING):
            return None
        raise EvaluationError(text)


def compile_condition(text: str, schema: Mapping[str, FactType]) -> Program:
    """Compile a condition over the variables of a schema.

    Raises:
        ConditionError: It does not parse, names something unknown or compares unlike types.
    """
    names, asked, source = _read(text, schema)
    variables = {name: _CEL_TYPES[kind] for name, kind in schema.items()}
    variables.update({_KNOWN + name: cel.Type.BOOL for name in asked})
    try:
        expression = cel.NewEnv(variables=variables).compile(source)
    except RuntimeError as error:
        raise _explained(str(error), source, schema) from error
    if expression.return_type() != cel.Type.BOOL:
        found = expression.return_type().name().lower()
        raise ConditionError(f"is {found}, expected bool: a statement that holds or not.", 1, 1)
    return Program(text, names, asked, expression)


def _read(
    text: str, schema: Mapping[str, FactType]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    names: dict[str, None] = {}
    asked: dict[str, None] = {}
    parts: list[str] = []
    end = 0
    for match in _TOKENS.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        token = match.group()
        if (fact := match.group("asked")) is not None:
            if fact not in schema:
                line, column = _position(text, match.start("asked"))
                raise ConditionError(
                    f'known: "{fact}" is not a fact.{did_you_mean(fact, schema)}', line, column
                )
            asked[fact] = None
            # Blanks keep every later column where the author sees it.
            token = (_KNOWN + fact).ljust(len(token))
        elif (name := match.group("name")) is not None and name in schema:
            names[name] = None
        elif name is not None and (near := _longest(name, schema)) is not None:
            names[near] = None
        parts.append(token)
    parts.append(text[end:])
    return tuple(names), tuple(asked), "".join(parts)


def _longest(name: str, schema: Mapping[str, FactType]) -> str | None:
    """The fact that a method call such as ``ds.name.startsWith`` begins with."""
    while "." in name:
        name = name.rpartition(".")[0]
        if name in schema:
            return name
    return None


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _explained(message: str, source: str, schema: Mapping[str, FactType]) -> ConditionError:
    match = _PLACE.search(message)
    if match is None:
        return ConditionError(message.splitlines()[0], 1, 1)
    line, column, text = int(match.group(1)), int(match.group(2)), match.group(3)
    undeclared = _UNDECLARED.search(text)
    if undeclared is not None:
        name = undeclared.group(1)
        # The library points at the last dot or the parenthesis; people look for the beginning.
        column = source.split("\n")[line - 1].rfind(name, 0, column + len(name)) + 1 or column
        text = f'"{name}" is not a fact or function.{did_you_mean(name, schema)}'
    else:
        text = text.removesuffix(" [INVALID_ARGUMENT]")
    return ConditionError(text, line, column)
