"""YAML files that people write, read with the place of everything, for messages that help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from catalog.errors import UserError, did_you_mean
from catalog.model import Place

T = TypeVar("T")
_QUOTED = ("'", '"')
_BLOCK = (">", "|")


class Section:
    """A mapping in a file: its keys are read by name, and what nobody may write is refused."""

    def __init__(self, file: str, lines: list[str], mapping: CommentedMap) -> None:
        self.file = file
        self._lines = lines
        self._mapping = mapping

    @classmethod
    def of_text(cls, text: str, file: str) -> Section:
        """A whole document.

        Raises:
            UserError: It is not YAML, or not a mapping.
        """
        try:
            found = YAML(typ="rt", pure=True).load(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark
            place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
            raise UserError(f"{place}: {error.problem}. Expected YAML.") from error
        if not isinstance(found, CommentedMap):
            raise UserError(f"{file}:1:1: found no keys. Expected a mapping such as id: ...")
        return cls(file, text.splitlines(), found)

    # Places -------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.file, int(self._mapping.lc.line) + 1)

    def place_of(self, key: str) -> Place:
        """The line of a key."""
        return Place(self.file, int(self._mapping.lc.key(key)[0]) + 1)

    def error(self, key: str, message: str, column: int = 1) -> UserError:
        """An error about a key's value, or about a column inside that text (from 1)."""
        row, start = self._mapping.lc.value(key)
        row, start = self._walk(int(row), int(start), column - 1)
        return UserError(f"{self.file}:{row + 1}:{start + 1}: {key}: {message}")

    def _walk(self, row: int, column: int, steps: int) -> tuple[int, int]:
        """The place so many characters into a text, whose line breaks count as one blank each."""
        if row < len(self._lines) and self._lines[row][column : column + 1] in _BLOCK:
            row, column = row + 1, 0
            column = _indent(self._lines[row])
        elif steps and self._lines[row][column] in _QUOTED:
            column += 1
        for _ in range(steps):
            if column < len(self._lines[row].rstrip()):
                column += 1
            elif row + 1 < len(self._lines):
                row += 1
                column = _indent(self._lines[row])
        return row, column

    # Values -------------------------------------------------------------------------------------

    def allow(self, keys: Iterable[str]) -> None:
        """Refuse every key but these.

        Raises:
            UserError: There is another one.
        """
        known = tuple(keys)
        for key in self._mapping:
            if key not in known:
                line, column = self._mapping.lc.key(key)
                raise UserError(
                    f'{self.file}:{line + 1}:{column + 1}: "{key}" is not a key here.'
                    f"{did_you_mean(str(key), known)} Expected one of: {', '.join(known)}."
                )

    def __contains__(self, key: str) -> bool:
        return key in self._mapping

    def __iter__(self) -> Iterator[str]:
        return iter(self._mapping)

    def raw(self, key: str) -> Any:
        """A value as YAML has it; ``None`` if the key is missing."""
        return self._mapping.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; line breaks become blanks.

        Raises:
            UserError: It is missing without a default, or no text.
        """
        value = self.raw(key)
        if value is None:
            if default is None:
                place = f"{self.place}:{int(self._mapping.lc.col) + 1}"
                raise UserError(f'{place}: the key "{key}" is missing.')
            return default
        if not isinstance(value, str):
            raise self.error(key, f"found {value!r}, expected a text.")
        return " ".join(value.split("\n")).strip()

    def number(self, key: str, default: float | None = None) -> float:
        """A number.

        Raises:
            UserError: It is missing without a default, or no number.
        """
        value = self.raw(key)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            if value is None:
                self.text(key)
            raise self.error(key, f"found {value!r}, expected a number.")
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty if the key is missing.

        Raises:
            UserError: It is something else.
        """
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, CommentedSeq) or not all(isinstance(v, str) for v in value):
            raise self.error(key, "expected a list of texts.")
        return tuple(str(v) for v in value)

    def choice(self, key: str, known: Mapping[str, T], default: T | None = None) -> T:
        """One of a closed set of words.

        Raises:
            UserError: It is missing without a default, or another word.
        """
        if key not in self and default is not None:
            return default
        word = self.text(key)
        if word not in known:
            hint = did_you_mean(word, known)
            raise self.error(
                key, f'"{word}" is not known.{hint} Expected one of: {", ".join(known)}.'
            )
        return known[word]

    def section(self, key: str) -> Section | None:
        """A mapping inside; ``None`` if the key is missing.

        Raises:
            UserError: It is something else.
        """
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, CommentedMap):
            raise self.error(key, "expected a mapping.")
        return Section(self.file, self._lines, value)

    def sections(self, key: str) -> tuple[Section, ...]:
        """A list of mappings; empty if the key is missing.

        Raises:
            UserError: It is something else.
        """
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, CommentedSeq) or not all(
            isinstance(v, CommentedMap) for v in value
        ):
            raise self.error(key, "expected a list of mappings.")
        return tuple(Section(self.file, self._lines, v) for v in value)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
