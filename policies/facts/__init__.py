"""Facts: typed values about one subject at one instant, read from the frozen estate.

Their schema is assembled here, so that a policy is checked against exactly what exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from policies.cel import FactType
from policies.facts import dataset, feed, job, write
from policies.facts.index import EstateIndex
from policies.facts.registry import FactSpec, Registry
from policies.facts.values import Absent, Fact
from policies.model import AssetSubject, FeedSubject, Subject, SubjectKind, WriteSubject

NOW = "now"
REGISTRIES: Mapping[SubjectKind, Registry[Any]] = {
    SubjectKind.DATASET: dataset.FACTS,
    SubjectKind.WRITE: write.FACTS,
    SubjectKind.JOB: job.FACTS,
    SubjectKind.FEED: feed.FACTS,
}


def specs(kind: SubjectKind) -> Mapping[str, FactSpec[Any]]:
    """The facts about one kind of subject, by full name."""
    return REGISTRIES[kind].specs


def schema(kind: SubjectKind) -> dict[str, FactType]:
    """Names and types that a policy about this kind of subject may use, parameters left out."""
    return {NOW: FactType.TIMESTAMP, **{s.name: s.type for s in specs(kind).values()}}


def reader(index: EstateIndex, subject: Subject) -> Callable[[str], Fact]:
    """Reads facts about a subject by name, each once."""
    found = specs(subject.kind)
    target = _target(index, subject)
    namespace = subject.namespace if isinstance(subject, FeedSubject) else subject.asset.namespace
    memory: dict[str, Fact] = {}

    def read(name: str) -> Fact:
        if name not in memory:
            spec = found[name]
            memory[name] = spec.read(index, target) or _missing(index, namespace, spec)
        return memory[name]

    return read


def _target(index: EstateIndex, subject: Subject) -> object:
    if isinstance(subject, WriteSubject):
        return index.writes[subject]
    if isinstance(subject, AssetSubject):
        return index.asset(subject)
    return subject


def _missing(index: EstateIndex, namespace: str, spec: FactSpec[Any]) -> Absent:
    if spec.carrier.feed is None:
        return Absent(None, f"{spec.name} is not known")
    return index.silence(namespace, spec.carrier.feed)
