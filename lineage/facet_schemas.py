"""What every standard facet and event has to hold, derived from the OpenLineage client's classes.

The client is generated from the schemas: a newer client brings newer rules. What its classes
cannot say stands in two small tables here.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from types import UnionType
from typing import Any, Literal, Union

from lineage.value_checks import (
    ANYTHING,
    DATE_TIME,
    NUMBER,
    OBJECT,
    TEXT,
    TRUTH,
    URI,
    UUID,
    Found,
    Rule,
    array_of,
    mapping_of,
    object_of,
    one_kind_of,
    one_of,
    whole,
)


class FacetPlace(StrEnum):
    """Where in an event a facet stands."""

    RUN = "run"
    JOB = "job"
    DATASET = "dataset"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class FacetSchema:
    """What a facet has to hold at one place."""

    title: str
    """As in the schema: ``SchemaDatasetFacet``; the place's base for facets of no standard."""
    version: tuple[int, ...]
    """The version that is checked."""
    rule: Rule


@dataclass(frozen=True, slots=True)
class Schemas:
    """Everything that the installed client knows."""

    base: Mapping[FacetPlace, FacetSchema]
    """For facets that are no part of the standard, and for deleted ones."""
    standard: Mapping[FacetPlace, Mapping[str, FacetSchema]]
    names: Mapping[str, str]
    """The name in an event for each title."""
    events: Mapping[str, Rule]
    """``RunEvent``, ``JobEvent`` and ``DatasetEvent``, facets left out."""
    keys: frozenset[str]
    """Everything that an event may say at its top."""


_NAMES = {
    "DatasetVersion": "version",
    "Datasource": "dataSource",
    "InputSubset": "subset",
    "OutputSubset": "subset",
    "ProcessingEngine": "processing_engine",
    "SQL": "sql",
}
"""Facets whose name in an event is not their title with a small first letter."""

# Two limits of the schemas that the client's classes leave out.
_SMALLEST = {("EmissionPattern", "windowDuration"): 1}
_CLOSED = {"ExecutionParameter"}

_BASES = {
    FacetPlace.RUN: "RunFacet",
    FacetPlace.JOB: "JobFacet",
    FacetPlace.DATASET: "DatasetFacet",
    FacetPlace.INPUT: "InputDatasetFacet",
    FacetPlace.OUTPUT: "OutputDatasetFacet",
}
_TITLE = re.compile(r"(\w+?)(?:InputDataset|OutputDataset|Dataset|Job|Run)Facet")


@cache
def schemas() -> Schemas:
    """What the client's classes say; read once, which takes half a second."""
    base = importlib.import_module("openlineage.client.generated.base")
    bases: dict[FacetPlace, type] = {place: getattr(base, name) for place, name in _BASES.items()}
    rules = _Rules(base.BaseFacet)
    standard: dict[FacetPlace, dict[str, FacetSchema]] = {place: {} for place in FacetPlace}
    names: dict[str, str] = {}
    for cls in _facet_classes(base):
        name = _facet_name(cls.__name__)
        names[cls.__name__] = name
        for place in _places(cls, bases):
            rule = rules.facet(cls, bases[place])
            standard[place][name] = FacetSchema(cls.__name__, _version(cls), rule)
    envelopes = _Rules(base.BaseFacet, is_envelope=True)
    events = [base.RunEvent, base.JobEvent, base.DatasetEvent]
    return Schemas(
        base={p: FacetSchema(_BASES[p], _version(c), rules.facet(c, c)) for p, c in bases.items()},
        standard=standard,
        names=names,
        events={cls.__name__: envelopes.of(cls) for cls in events},
        keys=frozenset(field.name for cls in events for field in _fields(cls)),
    )


def _facet_classes(base: Any) -> Iterator[type]:
    package = importlib.import_module("openlineage.client.generated")
    for module_info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module_info.name == base.__name__:
            continue
        module = importlib.import_module(module_info.name)
        for cls in vars(module).values():
            is_own = isinstance(cls, type) and cls.__module__ == module.__name__
            if is_own and issubclass(cls, base.BaseFacet):
                yield cls


def _facet_name(title: str) -> str:
    match = _TITLE.fullmatch(title)
    stem = match.group(1) if match else title
    return _NAMES.get(stem) or stem[0].lower() + stem[1:]


def _places(cls: type, bases: Mapping[FacetPlace, type]) -> Iterator[FacetPlace]:
    for place, base in bases.items():
        if issubclass(cls, base):
            yield place
            # Data tests are input facets by the schema; its title and its producers say dataset.
            if not cls.__name__.endswith(base.__name__):
                yield FacetPlace.DATASET


def _version(cls: Any) -> tuple[int, ...]:
    match = re.search(r"/(\d+)-(\d+)-(\d+)/", cls._get_schema())
    return tuple(int(part) for part in match.groups()) if match else ()


class _Rules:
    """Makes a rule of each class, once; a class may hold itself."""

    def __init__(self, base_facet: type, *, is_envelope: bool = False) -> None:
        self._base_facet = base_facet
        self._is_envelope = is_envelope
        self._made: dict[type, Rule] = {}

    def facet(self, cls: type, base: type) -> Rule:
        """A facet's rule at a place, with what every facet there has to hold."""
        return self._object(cls, base, cls)

    def of(self, cls: type) -> Rule:
        """A class's rule."""
        if cls not in self._made:
            # A class that holds itself finds this while its own rule is being made.
            def check(value: object, found: Found, depth: int) -> None:
                self._made[cls].check(value, found, depth)

            self._made[cls] = Rule("an object", check)
            self._made[cls] = self._object(cls, cls)
        return self._made[cls]

    def _object(self, *classes: type) -> Rule:
        fields: dict[str, Rule] = {}
        required: list[str] = []
        together: list[tuple[str, str]] = []
        for cls in dict.fromkeys(classes):
            hints = typing.get_type_hints(cls)
            for field in _fields(cls):
                hint = hints[field.name]
                fields[field.name] = self._field(cls, field, hint)
                if not _is_optional(hint) and field.name not in required:
                    required.append(field.name)
                together += [(field.name, other) for other in _asks_for(field.validator)]
        is_closed = any(cls.__name__ in _CLOSED for cls in classes)
        return object_of(fields, required, together, is_closed)

    def _field(self, cls: type, field: Any, hint: Any) -> Rule:
        smallest = _SMALLEST.get((cls.__name__, field.name))
        if smallest is not None:
            return whole(smallest)
        if field.validator is not None and str in {hint, *typing.get_args(hint)}:
            return _format(field.validator) or TEXT
        if hint is str and isinstance(field.default, str):
            return one_of((field.default,))  # says which of several classes it is
        return self._rule(hint)

    def _rule(self, hint: Any) -> Rule:
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin in {Union, UnionType}:
            kinds = [arg for arg in args if arg is not type(None)]
            return self._rule(kinds[0]) if len(kinds) == 1 else self._one_kind(kinds)
        if origin is list:
            return array_of(self._rule(args[0]))
        if origin is dict:
            return mapping_of(self._rule(args[1]))
        if origin is Literal:
            return one_of(args)
        if isinstance(hint, type):
            return self._of_type(hint)
        return ANYTHING

    def _of_type(self, hint: type) -> Rule:
        if issubclass(hint, Enum):
            return one_of([str(member.value) for member in hint])
        if self._is_envelope and issubclass(hint, self._base_facet):
            return ANYTHING
        return self.of(hint) if _fields(hint) else _PLAIN.get(hint, ANYTHING)

    def _one_kind(self, classes: list[Any]) -> Rule:
        kinds: dict[str, Rule] = {}
        for cls in classes:
            kind = next((field for field in _fields(cls) if field.name == "type"), None)
            if kind is None:
                return ANYTHING
            hint, default = typing.get_type_hints(cls)["type"], kind.default
            names = typing.get_args(hint) if typing.get_origin(hint) is Literal else (default,)
            kinds |= {str(name): self.of(cls) for name in names}
        return one_kind_of("type", kinds)


_PLAIN: dict[type, Rule] = {str: TEXT, bool: TRUTH, int: whole(), float: NUMBER, dict: OBJECT}


def _fields(cls: Any) -> tuple[Any, ...]:
    return getattr(cls, "__attrs_attrs__", ())


def _is_optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


# Validators say nothing about themselves, so they are asked: a broken address, a UUID, a time.
_SAMPLES = ("http://[", "019c0000-0000-7000-8000-000000000001", "2026-11-20T06:00:00Z")
_ANSWERS = {(False, True, True): URI, (False, True, False): UUID, (False, False, True): DATE_TIME}


def _format(validator: Callable[..., object]) -> Rule | None:
    broken, uuid, moment = (_accepts(validator, None, sample) for sample in _SAMPLES)
    return _ANSWERS.get((broken, uuid, moment))


def _accepts(validator: Callable[..., object], instance: object, value: str) -> bool:
    try:
        validator(instance, None, value)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


class _Asked:
    """Stands for an instance, and remembers what a validator wanted to see of it."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getattr__(self, name: str) -> None:
        self.names.append(name)


def _asks_for(validator: Callable[..., object] | None) -> list[str]:
    """Other fields that must be there when this one is."""
    if validator is None:
        return []
    asked = _Asked()
    is_content = _accepts(validator, asked, _SAMPLES[2])
    return [] if is_content else asked.names
