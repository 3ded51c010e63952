"""What a fact is: a name, a type, the feed that carries it, and a pure function of the estate."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from lineage.estate import FeedKind
from policies.cel import FactType
from policies.facts.index import EstateIndex
from policies.facts.values import Absent, Known

S = TypeVar("S")


class Carrier(StrEnum):
    """What would bring a fact: a feed of its namespace, or nothing that could fall silent."""

    RUNS = FeedKind.RUNS.value
    DATA_TESTS = FeedKind.DATA_TESTS.value
    OWNERS = FeedKind.OWNERS.value
    PRINCIPALS = FeedKind.PRINCIPALS.value
    STATISTICS = FeedKind.STATISTICS.value
    NONE = "none"

    @property
    def feed(self) -> FeedKind | None:
        return None if self is Carrier.NONE else FeedKind(self.value)


@dataclass(frozen=True, slots=True)
class FactSpec(Generic[S]):
    """A fact that policies may name."""

    name: str
    type: FactType
    carrier: Carrier
    read: Callable[[EstateIndex, S], Known | Absent | None]
    """``None``: no value; whether that means nothing or not known is its carrier's to say."""

    @property
    def meaning(self) -> str:
        """First paragraph of its docstring."""
        return _paragraphs(self.read)[0]

    @property
    def notes(self) -> dict[str, str]:
        """The named lines of its docstring: unit, absent, source."""
        found: dict[str, str] = {}
        label = ""
        for line in "\n".join(_paragraphs(self.read)[1:]).split("\n"):
            before, colon, after = line.partition(": ")
            if colon and before.isalpha():
                label, found[before] = before, after
            elif label and line:
                found[label] += f" {line}"
        return found


class Registry(Generic[S]):
    """The facts about one kind of subject."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.specs: dict[str, FactSpec[S]] = {}

    def fact(
        self, name: str, kind: FactType, carrier: Carrier = Carrier.NONE
    ) -> Callable[
        [Callable[[EstateIndex, S], Known | Absent | None]],
        Callable[[EstateIndex, S], Known | Absent | None],
    ]:
        """Makes a function the fact of a name."""

        def register(
            read: Callable[[EstateIndex, S], Known | Absent | None],
        ) -> Callable[[EstateIndex, S], Known | Absent | None]:
            full = f"{self.prefix}.{name}"
            self.specs[full] = FactSpec(full, kind, carrier, read)
            return read

        return register


def _paragraphs(read: Callable[..., object]) -> list[str]:
    text = inspect.getdoc(read) or ""
    first, *rest = text.split("\n\n")
    return [" ".join(first.split()), *rest]
