"""Stories of versions as ``--json`` and the API have them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from catalog.shapes import asset_json, instant, run_json
from lineage.provenance.model import (
    Affected,
    Aftermath,
    Built,
    Code,
    Derived,
    Descendant,
    Edit,
    Read,
    RunRef,
    Spell,
    Story,
    TestedOn,
    Version,
    Who,
)


def story_json(story: Story) -> dict[str, Any]:
    """Where a version came from."""
    return {
        "root": asset_json(story.root),
        "as_of": instant(story.as_of),
        "version": version_json(story.version),
        "built": [_built(built) for built in story.built],
        "sources": [asset_json(key) for key in story.sources],
        "truncated": story.truncated,
    }


def aftermath_json(aftermath: Aftermath) -> dict[str, Any]:
    """What was built on a version."""
    return {
        "root": asset_json(aftermath.root),
        "as_of": instant(aftermath.as_of),
        "origins": [version_json(one) for one in aftermath.origins],
        "datasets": [_affected(one) for one in aftermath.datasets],
        "versions": [_descendant(one) for one in aftermath.versions],
        "truncated": aftermath.truncated,
    }


def version_json(version: Version) -> dict[str, Any]:
    """One version; ``id`` is what one asks for it by."""
    return {
        "dataset": asset_json(version.dataset),
        "id": version.id,
        "at": _instant(version.at),
        "said": version.said,
        "run": _run(version.run),
    }


def edit_json(edit: Edit) -> dict[str, Any]:
    """A manual edit."""
    return {
        "version": version_json(edit.version),
        "principal": edit.principal,
        "trust": None if edit.trust is None else edit.trust.name,
        "why": edit.why,
        "guess": edit.is_guess,
        "event_id": edit.event_id,
    }


def _built(built: Built) -> dict[str, Any]:
    return {
        "version": version_json(built.version),
        "distance": built.distance,
        "run": _run(built.run),
        "state": built.state,
        "started_at": instant(built.started_at),
        "has_start": built.has_start,
        "ended_at": _instant(built.ended_at),
        "operation": built.operation,
        "producer": built.producer,
        "code": _code(built.code),
        "sql": built.sql and {"query": built.sql.query, "dialect": built.sql.dialect},
        "engine": built.engine and {"name": built.engine.name, "version": built.engine.version},
        "principal": _who(built.who),
        "parent": _run(built.parent),
        "inputs": [_read(read) for read in built.inputs],
        "derived": [_derived(one) for one in built.derived],
        "older": {
            "keeping": built.keeping,
            "version": None if built.older is None else version_json(built.older),
        },
        "tests": [_tested(test) for test in built.tests],
        "gone": {
            "at": _instant(built.gone_at),
            "run": _run(built.gone_by),
            "operation": built.gone_how,
        },
        "edit": None if built.edit is None else edit_json(built.edit),
        "event_id": built.event_id,
    }


def _code(code: Code | None) -> dict[str, Any] | None:
    if code is None:
        return None
    place = code.place
    return {
        "version": place.version,
        "url": place.url,
        "repository": place.repository,
        "path": place.path,
        "branch": place.branch,
        "tag": place.tag,
        "pull_request": place.pull_request,
        "of_run": code.is_of_run,
        "event_id": code.event_id,
    }


def _who(who: Who | None) -> dict[str, Any] | None:
    if who is None:
        return None
    told = {"principal": who.principal, "trust": who.trust.name, "how": who.how}
    return {**told, "on_behalf_of": who.on_behalf_of}


def _read(read: Read) -> dict[str, Any]:
    return {
        "dataset": asset_json(read.dataset),
        "basis": read.basis,
        "versions": [version_json(one) for one in read.versions],
        "feeds": read.feeds,
        "note": read.note,
    }


def _derived(one: Derived) -> dict[str, Any]:
    return {
        "source": asset_json(one.source),
        "transformations": list(one.transformations),
        "masking": one.is_masked,
    }


def _tested(test: TestedOn) -> dict[str, Any]:
    return {
        "name": test.name,
        "column": test.column,
        "status": test.status,
        "blocking": test.blocking,
        "at": instant(test.at),
        "run": _run(test.run),
        "expected": test.expected,
        "actual": test.actual,
        "doubtful": test.is_doubtful,
        "event_id": test.event_id,
    }


def _affected(one: Affected) -> dict[str, Any]:
    return {
        "dataset": asset_json(one.dataset),
        "type": one.kind,
        "distance": one.distance,
        "versions": one.versions,
        "current": one.is_current,
        "spells": [_spell(spell) for spell in one.spells],
    }


def _spell(spell: Spell) -> dict[str, Any]:
    return {
        "since": instant(spell.since),
        "until": _instant(spell.until),
        "ended_by": _run(spell.ended_by),
        "operation": spell.ended_how,
        "cured": spell.is_cured,
        "certain": spell.is_certain,
    }


def _descendant(one: Descendant) -> dict[str, Any]:
    return {
        "version": version_json(one.version),
        "distance": one.distance,
        "certain": one.is_certain,
        "until": _instant(one.until),
        "steps": [
            {
                "source": version_json(step.source),
                "kept": step.is_kept,
                "certain": step.is_certain,
            }
            for step in one.steps
        ],
    }


def _run(run: RunRef | None) -> dict[str, object] | None:
    return None if run is None else run_json(run.job, run.run_id)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)
