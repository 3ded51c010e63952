"""The guesses as a declared catalog: files for people to confirm or correct."""

from __future__ import annotations

import io
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from catalog.errors import UserError
from catalog.model import AssetKey, Basis, Claim
from lineage.estate import Dataset, Estate

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@-]*(?::[A-Za-z0-9_./@-]+)*")

HEADER = "Guessed by Andon from what arrived. Correct what is wrong, then run: andon apply {folder}"


def write_proposal(estate: Estate, folder: Path) -> list[Path]:
    """Write what is guessed as files of the declared catalog.

    Returns:
        The files written; none if nothing has arrived yet.

    Raises:
        UserError: The folder holds declared files already.
    """
    if folder.exists() and any(folder.rglob("*.y*ml")):
        raise UserError(
            f'"{folder}" holds declared files already; give the name of a new or empty folder'
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, sections in proposal(estate).items():
        if not any(sections.values()):
            continue
        path = folder / f"{name}.yml"
        path.write_text(_text(sections, folder.name), "utf-8")
        written.append(path)
    return written


def proposal(estate: Estate) -> dict[str, dict[str, list[CommentedMap]]]:
    """What is guessed, by file name and section, in the format of the declared catalog."""
    real = [d for d in estate.datasets.values() if d.noise is None]
    owners = _owned(real)
    return {
        "places": {
            "environments": _rules(real, "environment", lambda d: d.environment),
            "zones": _rules(real, "zone", lambda d: d.zone),
        },
        "teams": {"teams": [_entry(None, id=t) for t in _teams(owners)]},
        "pipelines": {"pipelines": _pipelines(estate)},
        "assets": {
            "assets": [
                _entry(
                    claim.why,
                    dataset=_flow(namespace=d.key.namespace, name=d.key.name),
                    owner=claim.value,
                )
                for d, claim in owners
            ]
        },
    }


def _rules(
    datasets: Iterable[Dataset], key: str, claim_of: Callable[[Dataset], Claim[Any] | None]
) -> list[CommentedMap]:
    by_namespace: dict[str, list[tuple[str, Claim[Any] | None]]] = defaultdict(list)
    for dataset in datasets:
        by_namespace[dataset.key.namespace].append((dataset.key.name, claim_of(dataset)))
    return _narrowed(key, by_namespace)


def _narrowed(
    key: str, groups: Mapping[str, list[tuple[str, Claim[Any] | None]]]
) -> list[CommentedMap]:
    """One rule for each namespace that agrees; else one a schema or folder; else one a name."""
    rules = []
    for namespace, named in sorted(groups.items()):
        if len({c.value if c else None for _, c in named}) == 1:
            claim = named[0][1]
            if claim is not None and claim.is_guess:
                rules.append(_rule(key, claim, namespace=_literal(namespace)))
            continue
        parents: dict[str, list[tuple[str, Claim[Any] | None]]] = defaultdict(list)
        for name, claim in named:
            parents[name[: max(name.rfind("."), name.rfind("/")) + 1]].append((name, claim))
        for parent, inside in sorted(parents.items(), key=lambda p: (-len(p[0]), p[0])):
            if parent and len({c.value if c else None for _, c in inside}) == 1:
                globs = [(f"{_literal(parent)}*", inside[0][1])]
            else:
                globs = [(_literal(name), claim) for name, claim in inside]
            rules += [
                _rule(key, claim, namespace=_literal(namespace), name=glob)
                for glob, claim in globs
                if claim is not None and claim.is_guess
            ]
    return rules


def _rule(key: str, claim: Claim[Any], **globs: str) -> CommentedMap:
    return _entry(claim.why, **{key: claim.value.value}, **globs)


def _pipelines(estate: Estate) -> list[CommentedMap]:
    jobs: dict[tuple[str, str], set[AssetKey]] = defaultdict(set)
    why: dict[str, str] = {}
    for write in estate.writes:
        job, dataset = estate.jobs.get(write.job), estate.datasets.get(write.dataset)
        if job is None or dataset is None or dataset.environment is None:
            continue
        if job.pipeline is not None and job.pipeline.is_guess:
            jobs[job.pipeline.value, dataset.environment.value.value].add(job.key)
            why[job.pipeline.value] = job.pipeline.why
    outsiders = {
        j.key.namespace for j in estate.jobs.values() if j.noise is None and j.pipeline is None
    }
    entries: list[CommentedMap] = []
    for (pipeline, environment), keys in sorted(jobs.items()):
        globs = CommentedSeq()
        for namespace in sorted({k.namespace for k in keys}):
            if namespace in outsiders:
                globs += [
                    _flow(namespace=_literal(namespace), name=_literal(k.name))
                    for k in sorted(keys)
                    if k.namespace == namespace
                ]
            else:
                globs.append(_flow(namespace=_literal(namespace)))
        slug = pipeline.replace(":", "-").replace(" ", "-").replace("/", "-")
        named = f"{slug}-{environment}"
        free = (f"{named}-{n}" if n > 1 else named for n in itertools.count(1))
        entries.append(
            _entry(
                why[pipeline],
                id=next(i for i in free if i not in {e["id"] for e in entries}),
                environment=environment,
                jobs=globs,
                writes=f"env:{environment}",
            )
        )
    return entries


def _owned(real: Iterable[Dataset]) -> list[tuple[Dataset, Claim[str]]]:
    return [(d, d.owners[0]) for d in real if d.owners and d.owners[0].basis is not Basis.DECLARED]


def _teams(owners: Iterable[tuple[Dataset, Claim[str]]]) -> list[str]:
    kinds = (claim.value.partition(":") for _, claim in owners)
    return sorted({name for kind, _, name in kinds if kind == "team"})


def _literal(text: str) -> str:
    """A glob that matches just this text."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _entry(why: str | None, **values: Any) -> CommentedMap:
    entry = CommentedMap({key: _quoted(value) for key, value in values.items()})
    if why:
        # Line ends of any sort would end the comment, and control characters the whole file.
        plain = "".join(c if c.isprintable() else " " for c in why)
        entry.yaml_set_start_comment(f"because {plain}")
    return entry


def _flow(**values: str) -> CommentedMap:
    entry = CommentedMap({key: _quoted(value) for key, value in values.items()})
    entry.fa.set_flow_style()
    return entry


def _quoted(value: Any) -> Any:
    """Quotes for texts that YAML could misread; within them every character has an escape."""
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return DoubleQuotedScalarString(value)
    return value


def _text(sections: Mapping[str, list[CommentedMap]], folder: str) -> str:
    """YAML with the reason above each entry."""
    document = CommentedMap({"version": 1})
    for section, entries in sections.items():
        if not entries:
            continue
        listed = CommentedSeq()
        for index, entry in enumerate(entries):
            why = (
                entry.ca.comment[1][0].value.removeprefix("# ").strip() if entry.ca.comment else ""
            )
            bare = CommentedMap(entry)
            if "jobs" not in bare:
                bare.fa.set_flow_style()
            listed.append(bare)
            if why:
                listed.yaml_set_comment_before_after_key(index, before=why, indent=2)
        document[section] = listed
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return f"# {HEADER.format(folder=folder)}\n{stream.getvalue()}"
