"""The library of policies: one YAML file each, checked whole when it is read."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from catalog.errors import UserError, did_you_mean
from catalog.model import Trust
from catalog.wording import parse_duration
from lineage.estate import FeedKind
from policies import facts
from policies.cel import ConditionError, FactType, Plain, Program, compile_condition
from policies.documents import Section
from policies.model import (
    Effort,
    Example,
    Mode,
    Outcome,
    Policy,
    Severity,
    SeverityRule,
    SubjectKind,
    digest_of,
)
from policies.wording import check_template

LIBRARY = Path(__file__).with_name("library")
"""Where the built-in policies are."""
_KEYS = [
    "id",
    "version",
    "title",
    "subject",
    "severity",
    "mode",
    "when",
    "condition",
    "params",
    "trust",
    "discriminator",
    "message",
    "message_if_guess",
    "why",
    "fix",
    "effort",
    "seed",
    "practices",
    "controls",
    "examples",
]
_OUTCOMES = {o.value: o for o in (Outcome.FAIL, Outcome.PASS, Outcome.UNKNOWN)}
_SEVERITIES = {s.word: s for s in reversed(Severity)}
_FEEDS = "feeds"
_SILENT = {"silent", "never"}
_AGO = " ago"


@functools.cache
def load_library() -> tuple[Policy, ...]:
    """The built-in policies, by id."""
    return read_library(LIBRARY)


def read_library(folder: Path) -> tuple[Policy, ...]:
    """All policies of a folder, by id.

    Raises:
        UserError: One is wrong, with file, line and column; or two have one id.
    """
    if not folder.is_dir():
        raise UserError(f'"{folder}" is not a folder. Expected one that holds policies as *.yaml.')
    found: dict[str, Policy] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        policy = read_policy(path.read_text("utf-8"), path.name)
        if policy.id in found:
            earlier = found[policy.id].place
            raise UserError(f'{policy.place}: id "{policy.id}" is taken already at {earlier}.')
        found[policy.id] = policy
    return tuple(found[i] for i in sorted(found))


def library_digest(policies: Sequence[Policy]) -> str:
    """One digest over all policies, stored with every assessment."""
    return digest_of(sorted((p.id, p.digest) for p in policies))


def read_policy(text: str, file: str) -> Policy:
    """One policy from the text of its file.

    Raises:
        UserError: Something in it is wrong, with file, line and column.
    """
    section = Section.of_text(text, file)
    section.allow(_KEYS)
    kind = section.choice("subject", {k.value: k for k in SubjectKind})
    params = read_params(section.section("params"))
    types = {**facts.schema(kind), **{name: type_of(value) for name, value in params.items()}}
    condition = compiled(section, "condition", types)
    if condition is None:
        raise UserError(f'{section.place}: the key "condition" is missing.')
    severity, rules = _severity(section, types)
    policy = Policy(
        id=section.text("id"),
        version=int(section.number("version", 1)),
        title=section.text("title"),
        subject=kind,
        severity=severity,
        severities=rules,
        mode=section.choice("mode", {m.value: m for m in Mode}, Mode.GATE),
        when=compiled(section, "when", types),
        condition=condition,
        params=params,
        trust=section.choice("trust", {t.name: t for t in Trust}, Trust.E1),
        discriminator=_fact_names(section, "discriminator", types),
        message=_template(section, "message", types),
        message_if_guess=_template(section, "message_if_guess", types, ""),
        why=section.text("why"),
        fix=section.text("fix"),
        effort=section.choice("effort", {e.value: e for e in Effort}, Effort.MEDIUM),
        seed=section.text("seed", ""),
        practices=section.texts("practices"),
        controls=section.texts("controls"),
        place=section.place_of("id"),
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )
    return replace(policy, examples=_examples(section, types))


def compiled(section: Section, key: str, types: Mapping[str, FactType]) -> Program | None:
    """The condition under a key; ``None`` if the key is missing.

    Raises:
        UserError: It does not compile.
    """
    if key not in section:
        return None
    text = section.text(key)
    try:
        return compile_condition(text, types)
    except ConditionError as error:
        raise section.error(key, str(error), error.column) from error


def read_params(section: Section | None) -> dict[str, Plain]:
    """Parameters by full name, ``p.`` before the key; spans such as ``168h`` become durations.

    Raises:
        UserError: A value is neither number, text, nor yes or no.
    """
    found: dict[str, Plain] = {}
    if section is None:
        return found
    for key in section:
        value = section.raw(key)
        if isinstance(value, str):
            try:
                found[f"p.{key}"] = parse_duration(value)
            except ValueError:
                found[f"p.{key}"] = str(value)
        elif isinstance(value, bool | int | float):
            found[f"p.{key}"] = value
        else:
            raise section.error(key, "expected a number, a text, or a duration such as 168h.")
    return found


def type_of(value: Plain) -> FactType:
    """The type of a parameter, as conditions see it."""
    kinds: tuple[tuple[type, FactType], ...] = (
        (bool, FactType.BOOL),
        (int, FactType.INT),
        (float, FactType.DOUBLE),
        (timedelta, FactType.DURATION),
    )
    return next((t for kind, t in kinds if isinstance(value, kind)), FactType.STRING)


def _severity(
    section: Section, types: Mapping[str, FactType]
) -> tuple[Severity, tuple[SeverityRule, ...]]:
    nested = None if isinstance(section.raw("severity"), str) else section.section("severity")
    if nested is None:
        return section.choice("severity", _SEVERITIES), ()
    nested.allow(("default", "when"))
    rules = []
    for rule in nested.sections("when"):
        rule.allow(("if", "is"))
        condition = compiled(rule, "if", types)
        if condition is None:
            raise UserError(f'{rule.place}: the key "if" is missing.')
        rules.append(SeverityRule(condition, rule.choice("is", _SEVERITIES)))
    return nested.choice("default", _SEVERITIES), tuple(rules)


def _template(
    section: Section, key: str, types: Mapping[str, FactType], default: str | None = None
) -> str:
    template = section.text(key, default)
    try:
        check_template(template, types)
    except ValueError as error:
        raise section.error(key, str(error)) from error
    return template


def _fact_names(section: Section, key: str, types: Mapping[str, FactType]) -> tuple[str, ...]:
    names = section.texts(key)
    for name in names:
        if name not in types:
            raise section.error(key, f'"{name}" is not a fact.{did_you_mean(name, types)}')
    return names


# Examples ---------------------------------------------------------------------------------------


def _examples(section: Section, types: Mapping[str, FactType]) -> tuple[Example, ...]:
    nested = section.section("examples")
    if nested is None:
        return ()
    nested.allow(_OUTCOMES)
    return tuple(
        _example(each, outcome, types)
        for word, outcome in _OUTCOMES.items()
        for each in nested.sections(word)
    )


def _example(section: Section, expected: Outcome, types: Mapping[str, FactType]) -> Example:
    section.allow((*(t for t in types if t != facts.NOW and not t.startswith("p.")), _FEEDS))
    values = {name: _value(section, name, types[name]) for name in section if name != _FEEDS}
    silent: set[str] = set()
    if (feeds := section.section(_FEEDS)) is not None:
        feeds.allow(k.value for k in FeedKind)
        for kind in feeds:
            if feeds.choice(kind, {w: w for w in (*_SILENT, "alive")}) in _SILENT:
                silent.add(kind)
    return Example(expected, values, frozenset(silent), section.place)


def _value(section: Section, key: str, kind: FactType) -> Plain:
    value = section.raw(key)
    try:
        return _coerced(value, kind)
    except (TypeError, ValueError) as error:
        raise section.error(key, f"found {value!r}, expected {kind}.") from error


def _coerced(value: object, kind: FactType) -> Plain:
    if kind is FactType.STRINGS and isinstance(value, list):
        return [str(v) for v in value]
    if kind is FactType.TIMESTAMP:
        if isinstance(value, str) and value.endswith(_AGO):
            return parse_duration(value.removesuffix(_AGO))
        found = datetime.fromisoformat(str(value))
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    if kind is FactType.DURATION and isinstance(value, str):
        return parse_duration(value)
    if kind is FactType.DOUBLE and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is FactType.INT and isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if kind is FactType.BOOL and isinstance(value, bool):
        return value
    if kind is FactType.STRING and isinstance(value, str):
        return str(value)
    raise TypeError(kind)
