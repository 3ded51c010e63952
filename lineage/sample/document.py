"""The scenario file as it is written: its shape, and where each thing in it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from catalog.errors import UserError
from catalog.model import Environment, Place


class ScenarioError(UserError):
    """The scenario says something that cannot be; the message begins with file and line."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TeamPart(_Part):
    """A team and who is in it."""

    name: str
    people: tuple[str, ...]


class PlatformPart(_Part):
    """How datasets of one platform are named and what they are."""

    namespace: str
    name: str
    type: str


Tooled = Literal["airflow", "dbt", "spark", "flink", "looker", "scan", "notebook", "script"]


class FamilyPart(_Part):
    """Jobs that belong together and run together."""

    kind: Tooled
    team: str
    repository: str
    schedule: dict[Environment, str]
    steps: dict[str, str] = Field(default_factory=dict)
    models: dict[str, str] = Field(default_factory=dict)
    covers: tuple[str, ...] = ()
    reads: dict[Environment, Environment] = Field(default_factory=dict)
    only: dict[Environment, tuple[str, ...]] = Field(default_factory=dict)
    says_principal: bool = True


class RunPart(_Part):
    """A job beside the families."""

    job: str
    kind: Tooled
    when: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    principal: str | None = None
    owner: str | None = None
    operation: Literal["DROP", "RENAME"] | None = None
    previously: str | None = None


class PlantPart(_Part):
    """One thing that is arranged so that a trouble, or what looks like one, arises."""

    run: RunPart | None = None
    without_tests: str | None = None
    stop_tests: str | None = None
    skip_tests: str | None = None
    begins: str | None = None
    ends: str | None = None
    days_ago: int | None = None
    owner_of: str | None = None
    is_: str | None = Field(default=None, alias="is")


class SubjectPart(_Part):
    """What a line of the answer key is about."""

    write: tuple[str, str, str] | None = None
    principal: str | None = None
    dataset: str | None = None
    feed: str | None = None


class TroublePart(_Part):
    """A planted trouble, or something that only looks like one, with its line of the key."""

    id: str
    plant: tuple[PlantPart, ...]
    policy: str
    subject: SubjectPart
    expect: Literal["fail", "no_fail"]
    because: str


class PersonalPart(_Part):
    """What is tagged as personal data, and the answer key: which marts show it and which do not."""

    tagged: dict[str, dict[str, str]]
    held: dict[str, tuple[str, ...]]
    masked: dict[str, tuple[str, ...]]


class Document(_Part):
    """The whole file."""

    version: Literal[1]
    company: str
    seed: int
    teams: dict[str, TeamPart]
    types: dict[str, str]
    platforms: dict[str, PlatformPart]
    datasets: dict[str, dict[str, str]]
    families: dict[str, FamilyPart]
    tests: dict[str, tuple[str, ...]]
    personal: PersonalPart
    troubles: tuple[TroublePart, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the parts of a file stand."""

    file: str
    tree: Any

    def at(self, *path: str | int) -> Place:
        """The line of the innermost part of a path that the file really has."""
        node, line = self.tree, 1
        for step in path:
            if isinstance(node, CommentedMap) and step in node:
                line = node.lc.key(step)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                line = node.lc.item(step)[0] + 1
            else:
                break
            node = node[step]
        return Place(self.file, line)


def read_document(path: Path) -> tuple[Document, Lines]:
    """A scenario file, checked for its shape.

    Raises:
        ScenarioError: It is no YAML, or a part has the wrong shape.
    """
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(Place(str(path), line), f"not YAML: {error.problem}.") from error
    lines = Lines(str(path), tree)
    try:
        return Document.model_validate(tree), lines
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ScenarioError(lines.at(*_known(first["loc"])), f"{where}: {first['msg']}.") from error


def _known(location: tuple[str | int, ...]) -> Iterator[str | int]:
    # Pydantic adds "[key]" behind a key that is itself wrong.
    return (part for part in location if part != "[key]")
