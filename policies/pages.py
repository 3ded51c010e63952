"""Reference pages written from what they describe, so that they cannot say anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from catalog.wording import span
from policies import facts
from policies.cel import Plain
from policies.library import load_library
from policies.maturity.model import Dimension, MaturityModel, Practice, load_model
from policies.model import Example, Outcome, Policy, SubjectKind
from policies.wording import said

_GENERATED = "<!-- Written by `andon policies pages docs/`; change what it is written from. -->"
_ANSWERS = {
    Outcome.FAIL: "It fails with",
    Outcome.PASS: "It passes with",
    Outcome.UNKNOWN: "It cannot tell with",
}
_CARRIED = {
    "none": "nothing that could fall silent",
    "runs": "runs",
    "data_tests": "data tests",
    "owners": "owners, or the declared catalog",
    "principals": "principals",
    "statistics": "statistics",
}


def texts() -> dict[str, str]:
    """All pages by their path inside the documentation."""
    policies = load_library()
    found = {f"policies/{policy.id}.md": policy_page(policy) for policy in policies}
    found["policies/README.md"] = _lines(_overview(policies))
    found["facts.md"] = _lines(_facts())
    found["maturity.md"] = _lines(_maturity(load_model()))
    return found


def write(folder: Path) -> tuple[Path, ...]:
    """Write all pages; answers with those that changed."""
    changed = []
    for name, text in texts().items():
        path = folder / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            changed.append(path)
    return tuple(changed)


def policy_page(policy: Policy) -> str:
    """The page of one policy."""
    return _lines(_policy(policy))


def _policy(policy: Policy) -> Iterator[str]:
    yield from (_GENERATED, "", f"# {policy.id}: {policy.title}", "", policy.why, "")
    yield from ("## Law", "", f"About every {policy.subject}.")
    if policy.when is not None:
        yield from ("", "It applies where", "", "```cel", policy.when.text, "```")
    yield from ("", "It is violated where", "", "```cel", policy.condition.text, "```", "")
    for name, value in policy.params.items():
        yield f"- `{name}` is {said(value)}"
    yield from ("", f"Severity {policy.severity.word}; resting on a guess, at most medium.")
    yield f"Mode {policy.mode}. Effort of the remedy {policy.effort}."
    if policy.practices:
        yield f"It counts for the practices {', '.join(policy.practices)}."
    if policy.seed:
        yield f"After {policy.seed}."
    yield from ("", "## Remedy", "", policy.fix, "", "## Facts", "")
    for name in _named(policy):
        if name in facts.specs(policy.subject):
            yield f"- [`{name}`](../facts.md): {facts.specs(policy.subject)[name].meaning}"
    yield from ("", "## Examples", "")
    for outcome, label in _ANSWERS.items():
        for example in policy.examples:
            if example.expected is outcome:
                yield f"- {label} {_example(example)}"


def _named(policy: Policy) -> tuple[str, ...]:
    programs = [p for p in (policy.when, policy.condition) if p is not None]
    return tuple(dict.fromkeys(n for p in programs for n in (*p.names, *p.asked)))


def _example(example: Example) -> str:
    given = [f"`{name}` {_given(value)}" for name, value in example.facts.items()]
    silent = [f"no {feed.replace('_', ' ')} arriving" for feed in sorted(example.silent)]
    return ", ".join([*given, *silent]) or "nothing known"


def _given(value: Plain) -> str:
    return f"{span(value)} ago" if isinstance(value, timedelta) else said(value)


def _overview(policies: Iterable[Policy]) -> Iterator[str]:
    yield from (_GENERATED, "", "# Policies", "")
    yield from ("| Policy | About | Severity | Title |", "| --- | --- | --- | --- |")
    for p in policies:
        yield f"| [{p.id}]({p.id}.md) | {p.subject} | {p.severity.word} | {p.title} |"


def _facts() -> Iterator[str]:
    yield from (_GENERATED, "", "# Facts", "")
    yield "A fact is a typed value about one subject at one instant, with the evidence it rests on."
    yield "What is not known is absent; what was looked for and not found is empty, `false` or 0."
    yield "`now` is the instant of the assessment, and `p.*` are the parameters of the policy."
    for kind in SubjectKind:
        yield from ("", f"## About a {kind}")
        for spec in sorted(facts.specs(kind).values(), key=lambda s: s.name):
            yield from ("", f"### `{spec.name}`", "", f"{spec.meaning}", "")
            yield f"- Type: `{spec.type}`"
            yield f"- Carried by: {_CARRIED[spec.carrier]}"
            yield from (f"- {label}: {text}" for label, text in spec.notes.items())


def _maturity(model: MaturityModel) -> Iterator[str]:
    yield from (_GENERATED, "", "# The maturity model", "", f"Version {model.version}.", "")
    yield "A practice passes, fails or is unknown for each subject, weighted by how much depends"
    yield "on the subject. The floor is what passed, the ceiling what would have passed if every"
    yield "unknown had. A level is reached where this share of its practices, and of all levels"
    yield "below, is kept:"
    yield ""
    yield from (f"- level {level}: {_percent(t)}" for level, t in model.thresholds.items())
    yield ""
    yield f"A dimension with less than {_percent(model.least_coverage)} of its evidence is not"
    yield "assessed, which is not level 0. An open critical finding on an asset of tier 1 holds its"
    yield f"dimension at level {model.capped_at}. A gate must be kept by everything of tier 1."
    for dimension in model.dimensions:
        yield from _dimension(dimension)


def _dimension(dimension: Dimension) -> Iterator[str]:
    title = f"## {dimension.id}: {dimension.name}"
    yield from ("", title, "", f"Pillar: {dimension.pillar}. Weight {dimension.weight:g}.")
    for practice in dimension.practices:
        gate = ", a gate" if practice.is_gate else ""
        yield from ("", f"### {practice.id}: {practice.title}", "")
        yield f"Level {practice.level}, weight {practice.weight:g}, effort {practice.effort}{gate}."
        yield from ("", *_measure(practice), f"- How: {practice.how}")
        if practice.limits:
            yield f"- Limits: {practice.limits}"


def _measure(practice: Practice) -> Iterator[str]:
    if practice.policy is not None:
        yield f"- Counts the verdicts of [{practice.policy}](policies/{practice.policy}.md)."
        return
    yield f"- About every {practice.subject}" + (
        f" where `{practice.when.text}`" if practice.when else ""
    )
    if practice.holds is not None:
        yield f"- Kept where `{practice.holds.text}`"
    else:
        yield f"- Unknown until Andon can read {practice.waits_for}."
    params = practice.params or {}
    yield from (f"- `{name}` is {said(value)}" for name, value in params.items())


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"
