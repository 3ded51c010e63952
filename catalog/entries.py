"""Entries of declared files that name places and assets exactly: keys and aliases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from catalog.model import Alias, Apart, Classification, Place
from catalog.wording import parse_duration

NotBlank = Annotated[str, Field(pattern=r"\S")]


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("span", "expected a duration such as 26h or 7d")
    try:
        span = parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("span", "{why}", {"why": str(error).rstrip(".")}) from error
    if not span:
        raise PydanticCustomError("span", "expected a duration of more than nothing, such as 26h")
    return int(span.total_seconds())


Seconds = Annotated[
    int, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "examples": ["26h", "7d"]})
]
"""A duration as people write it, in seconds."""


class Strict(BaseModel):
    """A part of a declared file; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyFile(Strict):
    """The exact namespace and name of one asset."""

    namespace: str
    name: str


class ClassificationFile(Strict):
    """What kind of data a dataset holds."""

    pii: bool | None = None
    columns: dict[NotBlank, NotBlank] = Field(default_factory=dict)

    @property
    def told(self) -> Classification:
        """The same as a value."""
        return Classification(self.pii, tuple(sorted(self.columns.items())))


class TargetFile(Strict):
    """What an alias is."""

    namespace: NotBlank
    name: NotBlank


class AliasFile(Strict):
    """A namespace or a dataset is another, or a name stands apart from all others."""

    namespace: NotBlank
    name: NotBlank | None = None
    is_: Annotated[NotBlank | TargetFile | None, Field(alias="is")] = None
    apart: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.apart == (self.is_ is not None):
            raise PydanticCustomError(
                "alias", "an alias needs either is, what it is, or apart: true, and only one"
            )
        if self.name is None and (self.apart or isinstance(self.is_, TargetFile)):
            raise PydanticCustomError(
                "alias", "only one name of a namespace can be that; give its name too"
            )
        return self


def alias_of(entry: AliasFile, place: Place) -> Alias | Apart:
    """What an entry declares."""
    if entry.is_ is None:
        return Apart(entry.namespace, entry.name or "", place)
    if isinstance(entry.is_, TargetFile):
        return Alias(entry.namespace, entry.name, entry.is_.namespace, entry.is_.name, place)
    return Alias(entry.namespace, entry.name, entry.is_, entry.name, place)


def check_aliases(aliases: Sequence[Alias]) -> Iterator[str]:
    """What makes one name two things, or leads back to itself."""
    known: dict[tuple[str, str | None], Alias] = {}
    for alias in aliases:
        source = (alias.namespace, alias.name)
        first = known.setdefault(source, alias)
        if first is not alias:
            yield (
                f"{alias.place}: what {_shown(*source)} is, is declared at {first.place} already; "
                "remove one"
            )
        elif _comes_back(alias, known):
            yield (
                f"{alias.place}: {_shown(*source)} comes back to itself by way of "
                f"{_shown(alias.is_namespace, alias.is_name)}; remove one line of the ring"
            )


def _comes_back(alias: Alias, known: dict[tuple[str, str | None], Alias]) -> bool:
    # What came before holds no ring, or was told already: a walk that long went around one.
    step: Alias | None = alias
    for _ in range(len(known)):
        if step is None:
            return False
        if (step.is_namespace, step.is_name) == (alias.namespace, alias.name):
            return True
        step = known.get((step.is_namespace, step.is_name))
    return False


def _shown(namespace: str, name: str | None) -> str:
    return f'"{namespace}"' if name is None else f'"{name}" in "{namespace}"'
