"""What standard facets say of a dataset, a job or a run itself, as small plain values.

Pure functions of decoded facets: whatever a producer put there, they answer and never raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.model import AssetKey, Kind
from lineage.events import text_of
from lineage.redact import redact_text
from lineage.values import count_of, object_of, objects_in, told

DEEPEST = 64
"""Levels of columns within columns that are read; real ones nest up to ten deep."""


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One column; one inside another carries its path."""

    name: str
    """Dotted: ``address.city``."""
    type: str | None = None
    description: str | None = None
    ordinal: int | None = None
    """Its place among its neighbours, from 1, where the producer says so."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What a run did to a dataset as a whole."""

    operation: str
    """Such as ``OVERWRITE`` or ``DROP``, upper case."""
    previous: AssetKey | None = None
    """What it was called before it was renamed."""


@dataclass(frozen=True, slots=True)
class Emission:
    """How a job's events are to be read together."""

    trigger: str | None
    """``EVENT_BASED`` or ``PERIODIC``, upper case."""
    content: str | None
    """``ACCUMULATIVE`` or ``COMPLETE_SNAPSHOT``, upper case."""
    window_s: int | None
    """Of a periodic event, in seconds."""

    @property
    def is_snapshot(self) -> bool:
        """Whether each event stands for itself: its counts are of its window and add up."""
        return self.content == "COMPLETE_SNAPSHOT"


@dataclass(frozen=True, slots=True)
class JobType:
    """What sort of job it is, in the producer's words, upper case; ``None``: not said."""

    processing: str | None = None
    """``BATCH``, ``STREAMING`` or ``SERVICE``; some integrations say ``NONE``."""
    integration: str | None = None
    """Such as ``DBT``."""
    type: str | None = None
    """The integration's own word: ``DAG``, ``MODEL``, ``TEST``."""
    emission: Emission | None = None

    @property
    def is_endless(self) -> bool:
        """Whether its runs end only by accident, so that what a running one says counts."""
        return self.processing in ("STREAMING", "SERVICE")


@dataclass(frozen=True, slots=True)
class Engine:
    """What ran a job; ``None``: not said."""

    name: str | None
    version: str | None
    adapter_version: str | None
    """Of the integration that reported it."""


@dataclass(frozen=True, slots=True)
class CodePlace:
    """Where a job's code lives, without credentials; ``None``: not said."""

    system: str | None
    """Such as ``git``."""
    url: str | None
    repository: str | None
    path: str | None
    version: str | None
    """What identifies the code exactly: a commit, a revision."""
    branch: str | None
    tag: str | None
    pull_request: str | None


def schema_fields(facet: Mapping[str, Any]) -> tuple[SchemaField, ...]:
    """Columns that ``schema`` lists, in its order, each followed by those inside it."""
    found: list[SchemaField] = []
    waiting = [("", 1, entry) for entry in reversed([*objects_in(facet.get("fields"))])]
    while waiting:
        prefix, depth, entry = waiting.pop()
        name = text_of(entry.get("name"))
        if name is None:
            continue
        path = f"{prefix}{name}"
        said = text_of(entry.get("type")), text_of(entry.get("description"))
        found.append(SchemaField(path, *said, count_of(entry.get("ordinal_position")) or None))
        if depth < DEEPEST:
            inner = [*objects_in(entry.get("fields"))]
            waiting += [(f"{path}.", depth + 1, field) for field in reversed(inner)]
    return tuple(found)


def lifecycle_in(facet: Mapping[str, Any]) -> Lifecycle | None:
    """Read ``lifecycleStateChange``; ``None``: it names no operation."""
    operation = _word(facet.get("lifecycleStateChange"))
    before = object_of(facet.get("previousIdentifier"))
    namespace, name = text_of(before.get("namespace")), text_of(before.get("name"))
    previous = AssetKey(Kind.DATASET, namespace, name) if namespace and name else None
    return Lifecycle(operation, previous) if operation else None


def job_type_in(facet: Mapping[str, Any]) -> JobType:
    """Read ``jobType``."""
    pattern = facet.get("emissionPattern")
    emission = None
    if isinstance(pattern, dict):
        emission = Emission(
            _word(pattern.get("eventTrigger")),
            _word(pattern.get("eventContentMode")),
            count_of(pattern.get("windowDuration")),
        )
    return JobType(
        _word(facet.get("processingType")),
        _word(facet.get("integration")),
        _word(facet.get("jobType")),
        emission,
    )


def sends_windows(facet: Mapping[str, Any]) -> bool:
    """Whether a jobType facet says that each event of a run is the figures of one window."""
    emission = job_type_in(facet).emission
    return emission is not None and emission.is_snapshot


def engine_in(facet: Mapping[str, Any]) -> Engine | None:
    """Read ``processing_engine``; ``None``: it says nothing."""
    said = [told(facet.get(key)) for key in ("name", "version", "openlineageAdapterVersion")]
    return Engine(*said) if any(said) else None


def dataset_version_in(facet: Mapping[str, Any]) -> str | None:
    """Read ``version`` of a dataset: the snapshot that was read or written."""
    return told(facet.get("datasetVersion"))


def code_place_in(facet: Mapping[str, Any]) -> CodePlace | None:
    """Read ``sourceCodeLocation``; ``None``: it says nothing."""
    url, repository = (_address(facet.get(key)) for key in ("url", "repoUrl"))
    place = CodePlace(
        system=text_of(facet.get("type")),
        url=url,
        repository=repository or url,
        path=text_of(facet.get("path")),
        version=told(facet.get("version")),
        branch=text_of(facet.get("branch")),
        tag=text_of(facet.get("tag")),
        pull_request=told(facet.get("pullRequestNumber")),
    )
    says = (place.url, place.repository, place.path, place.version, place.branch, place.tag)
    return place if any(says) else None


def _address(value: Any) -> str | None:
    address = text_of(value)
    return redact_text(address) if address else None


def _word(value: Any) -> str | None:
    word = text_of(value)
    return text_of(word.strip().upper()) if word else None
