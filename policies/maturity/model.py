"""The maturity model as data: dimensions, practices, weights and what a level takes."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import UserError, did_you_mean
from policies import facts
from policies.cel import FactType, Plain, Program
from policies.documents import Section
from policies.library import compiled, load_library, read_params, type_of
from policies.model import Effort, Policy, SubjectKind

MODEL = Path(__file__).with_name("model.yaml")
_KEYS = ("version", "thresholds", "least_coverage", "capped_at", "leading", "dimensions")
_DIMENSION_KEYS = ("id", "name", "pillar", "weight", "practices")
_PRACTICE_KEYS = (
    *("id", "title", "level", "levels", "weight", "gate", "policy", "subject", "when", "holds"),
    *("waits_for", "params", "effort", "how", "limits"),
)
_LEVELS = (2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Practice:
    """One measurable habit, at one level."""

    id: str
    """Such as ``TS3``, or ``TS4@5`` for one of several thresholds."""
    title: str
    level: int
    weight: float
    subject: SubjectKind
    effort: Effort
    how: str
    """What to do to keep it."""
    is_gate: bool = False
    """Its level and those above need it kept by everything of tier 1."""
    policy: str | None = None
    """The policy whose verdicts count."""
    when: Program | None = None
    holds: Program | None = None
    """True where it is kept."""
    waits_for: str = ""
    """Evidence that nothing can send yet."""
    params: Mapping[str, Plain] | None = None
    limits: str = ""
    """How far the measure can be believed."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A side of maturity."""

    id: str
    name: str
    pillar: str
    weight: float
    practices: tuple[Practice, ...]


@dataclass(frozen=True, slots=True)
class MaturityModel:
    """All dimensions, and the rules of levels."""

    version: int
    digest: str
    """SHA-256 over its file, stored with every score."""
    thresholds: Mapping[int, float]
    """Share of a level's practices that the level takes."""
    least_coverage: float
    """Below it a dimension is not assessed."""
    capped_at: int
    """Highest level with an open critical finding on tier 1."""
    leading: tuple[str, ...]
    """Dimensions whose lowest level bounds the overall level."""
    dimensions: tuple[Dimension, ...]


@functools.cache
def load_model() -> MaturityModel:
    """The model that ships."""
    return read_model(MODEL.read_text("utf-8"), MODEL.name, load_library())


def read_model(text: str, file: str, policies: Sequence[Policy]) -> MaturityModel:
    """The model from the text of its file.

    Raises:
        UserError: Something in it is wrong, with file, line and column.
    """
    section = Section.of_text(text, file)
    section.allow(_KEYS)
    library = {policy.id: policy for policy in policies}
    thresholds = section.section("thresholds")
    if thresholds is None:
        raise UserError(f'{section.place}: the key "thresholds" is missing.')
    return MaturityModel(
        version=int(section.number("version")),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        thresholds={int(level): float(thresholds.raw(level)) for level in thresholds},
        least_coverage=section.number("least_coverage"),
        capped_at=int(section.number("capped_at")),
        leading=section.texts("leading"),
        dimensions=tuple(_dimension(d, library) for d in section.sections("dimensions")),
    )


def _dimension(section: Section, library: Mapping[str, Policy]) -> Dimension:
    section.allow(_DIMENSION_KEYS)
    return Dimension(
        id=section.text("id"),
        name=section.text("name"),
        pillar=section.text("pillar"),
        weight=section.number("weight"),
        practices=tuple(
            practice for p in section.sections("practices") for practice in _practice(p, library)
        ),
    )


def _practice(section: Section, library: Mapping[str, Policy]) -> tuple[Practice, ...]:
    section.allow(_PRACTICE_KEYS)
    ways = [key for key in ("policy", "holds", "levels", "waits_for") if key in section]
    if len(ways) != 1:
        raise section.error(
            "id", "expected exactly one of policy, holds, levels and waits_for beside it."
        )
    policy = _policy(section, library) if ways == ["policy"] else None
    kinds = {k.value: k for k in SubjectKind}
    kind = policy.subject if policy else section.choice("subject", kinds)
    params = read_params(section.section("params"))
    types = {**facts.schema(kind), **{name: type_of(value) for name, value in params.items()}}
    requirements = _requirements(section, types)
    return tuple(
        Practice(
            id=section.text("id") + (f"@{level}" if len(requirements) > 1 else ""),
            title=section.text("title"),
            level=level,
            weight=section.number("weight") / len(requirements),
            subject=kind,
            effort=section.choice("effort", {e.value: e for e in Effort}),
            how=section.text("how"),
            is_gate=bool(section.raw("gate")),
            policy=policy.id if policy else None,
            when=compiled(section, "when", types),
            holds=holds,
            waits_for=section.text("waits_for", ""),
            params=params,
            limits=section.text("limits", ""),
        )
        for level, holds in requirements
    )


def _policy(section: Section, library: Mapping[str, Policy]) -> Policy:
    wanted = section.text("policy")
    if wanted not in library:
        hint = did_you_mean(wanted, library)
        raise section.error("policy", f'"{wanted}" is not in the library.{hint}')
    return library[wanted]


def _requirements(
    section: Section, types: Mapping[str, FactType]
) -> tuple[tuple[int, Program | None], ...]:
    levels = section.section("levels")
    if levels is None:
        return ((_level(section, section.number("level")), compiled(section, "holds", types)),)
    return tuple((_level(section, level), compiled(levels, level, types)) for level in levels)


def _level(section: Section, value: object) -> int:
    if value not in _LEVELS:
        raise section.error("id", f"found level {value}, expected one of 2, 3, 4, 5.")
    return int(str(value).partition(".")[0])
