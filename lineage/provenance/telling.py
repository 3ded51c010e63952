"""The story of a version, and of what was built on it, as sentences that one can read aloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from catalog.model import AssetKey, Kind, Trust
from catalog.wording import counted, listed, minute
from lineage.estate import DataTestStatus, Estate, RunState
from lineage.provenance.model import (
    Affected,
    Aftermath,
    Built,
    Code,
    Edit,
    Keeping,
    Read,
    ReadBasis,
    Spell,
    Story,
    TestedOn,
    Version,
)

Names = Callable[[AssetKey], str]
"""What assets are called."""

NAMED_MOST = 12
"""Datasets that one sentence lists."""
_DIGITS = 10
"""Of a commit: as many as people read out."""
_STATUSES = {
    DataTestStatus.FAIL: "failed",
    DataTestStatus.PASS: "passed",
    DataTestStatus.BROKEN: "broke",
    DataTestStatus.SKIPPED: "skipped",
}


def called(estate: Estate, key: AssetKey) -> str:
    """What people call an asset; by its name what no estate has."""
    if key.kind is Kind.DATASET:
        dataset = estate.datasets.get(key)
        return dataset.display_name if dataset else key.name
    job = estate.jobs.get(key)
    return job.display_name if job else key.name


def told(story: Story, names: Names) -> str:
    """Where a version came from: a paragraph for each version, the one asked for first."""
    paragraphs = [told_of(built, names) for built in story.built]
    ends = [names(key) for key in story.sources]
    if ends:
        paragraphs.append(
            f"There the story ends: nobody is seen writing {listed(ends, NAMED_MOST)}."
        )
    if story.truncated:
        many = counted(len(story.built), "version")
        paragraphs.append(f"It goes on: only the nearest {many} are told here.")
    return "\n\n".join(paragraphs)


def told_of(built: Built, names: Names) -> str:
    """How one version came to be."""
    return " ".join(_built(built, names))


def told_on(aftermath: Aftermath, names: Names) -> str:
    """What was built on a version: a line for each dataset, the nearest first."""
    start = listed((version(one, names) for one in aftermath.origins), NAMED_MOST)
    below = [one for one in aftermath.datasets if one.distance]
    if not below:
        lines = [f"Nothing is known to have been built on {start}."]
    else:
        reports = sum(one.kind == "report" for one in below)
        among = f", {counted(reports, 'report')} among them" if reports else ""
        built = f"{counted(len(below), 'dataset')} {_was(len(below))} built"
        lines = [f"On {start}, {built}{among}."]
    lines += [line for one in aftermath.datasets for line in _affected(one, names)]
    if aftermath.truncated:
        lines.append("There is more: only the nearest are told here.")
    return "\n".join(lines)


def version(one: Version, names: Names) -> str:
    """``mart.revenue, version of 2026-11-20 06:12 UTC``, or as its producer calls it."""
    if one.said is not None and one.at is None:
        return f'{names(one.dataset)}, version "{one.said}"'
    return f"{names(one.dataset)}, version {_of(one)}"


def _of(one: Version) -> str:
    called = f' ("{one.said}")' if one.said else ""
    return f"of {minute(one.at)}{called}" if one.at else f'"{one.said}"'


# Backwards --------------------------------------------------------------------------------------


def _built(built: Built, names: Names) -> Iterator[str]:
    verb = "was built by" if built.state is RunState.COMPLETE else f"({built.state}) comes from"
    by = f"{names(built.run.job)} (run {built.run.run_id})"
    pieces = [f"{version(built.version, names)}, {verb} {by}"]
    if built.who is not None:
        pieces.append(f"run by {built.who.principal}{_trust(built.who.trust)}")
    else:
        pieces.append("run by whom nobody says")
    pieces.append(_code(built.code))
    made_of = [read for read in built.inputs if read.feeds]
    if made_of:
        pieces.append(f"from {listed((_read(read, names) for read in made_of), NAMED_MOST)}")
    else:
        pieces.append("from nothing that is known")
    yield ", ".join(pieces) + "."
    if built.edit is not None:
        yield _edit(built.edit)
    yield from (f"{_doubt(read, names)}." for read in made_of if _is_doubtful(read))
    yield from _older(built)
    yield _tests(built.tests)
    if built.gone_at is not None and built.gone_by is not None:
        by = names(built.gone_by.job)
        how = "It was dropped" if built.gone_how == "DROP" else "The next version came"
        yield f"{how} at {minute(built.gone_at)}, by {by}."


def _trust(trust: Trust) -> str:
    return " (proven by a producer key)" if trust is Trust.E2 else " (by its own word)"


def _code(code: Code | None) -> str:
    if code is None:
        return "with code that nobody names"
    where = code.place.repository or code.place.path
    of = f" of {where}" if where else ""
    if code.place.version is None:
        return f"at an unknown commit{of}"
    return f"at commit {code.place.version[:_DIGITS]}{of}"


def _read(read: Read, names: Names) -> str:
    name = names(read.dataset)
    if read.basis is ReadBasis.UNKNOWN:
        return f"{name} as it was then"
    versions = [_of(one) for one in read.versions]
    if read.basis is ReadBasis.AMBIGUOUS:
        return f"{name} {' or '.join(versions)}"
    return f"{name} {listed(versions)}"


def _is_doubtful(read: Read) -> bool:
    return read.basis is ReadBasis.AMBIGUOUS or read.note is not None


def _doubt(read: Read, names: Names) -> str:
    name = names(read.dataset)
    if read.basis is ReadBasis.AMBIGUOUS:
        return f"Which version of {name} it read cannot be told: one came while it ran"
    return f"Of {name}: {read.note}"


def _edit(edit: Edit) -> str:
    seems = "It seems to be" if edit.is_guess else "It is"
    return f"{seems} a manual edit: {edit.why}."


def _older(built: Built) -> Iterator[str]:
    if built.older is not None:
        holds = "still holds" if built.keeping is Keeping.KEPT else "may still hold"
        yield f"It {holds} data of the version {_of(built.older)}: nothing says that it is gone."


def _tests(tests: Sequence[TestedOn]) -> str:
    if not tests:
        return "No data test ran on it."
    found = {status: sum(t.status is status for t in tests) for status in _STATUSES}
    parts = [f"{number:,} {_STATUSES[status]}" for status, number in found.items() if number]
    failed = [_test(t) for t in tests if t.status is DataTestStatus.FAIL]
    what = f": {listed(failed)}" if failed else ""
    return f"Data tests on it: {', '.join(parts)}{what}."


def _test(test: TestedOn) -> str:
    return f"{test.name} of {test.column}" if test.column else test.name


# Forwards ---------------------------------------------------------------------------------------


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _affected(one: Affected, names: Names) -> Iterator[str]:
    what = (
        names(one.dataset) if one.kind in (None, "table") else f"{names(one.dataset)} ({one.kind})"
    )
    for spell in one.spells:
        perhaps = "" if spell.is_certain else "perhaps "
        yield f"  {what}: {perhaps}since {minute(spell.since)}, {_end(spell, names)}."


def _end(spell: Spell, names: Names) -> str:
    if spell.until is None or spell.ended_by is None:
        return "to this day"
    by, until = names(spell.ended_by.job), f"until {minute(spell.until)}"
    if spell.ended_how == "DROP":
        return f"{until}, when {by} dropped it"
    if spell.is_cured:
        return f"{until}, when {by} rebuilt it"
    return f"{until}, when {by} replaced it, which is not known as one of a pipeline's own runs"
