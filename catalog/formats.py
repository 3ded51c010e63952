"""The declared catalog as people write it: YAML files in a folder, read into one ``Catalog``."""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError

from catalog.entries import (
    AliasFile,
    ClassificationFile,
    KeyFile,
    Seconds,
    Strict,
    TargetFile,
    alias_of,
    check_aliases,
)
from catalog.errors import UserError, did_you_mean
from catalog.model import (
    Alias,
    Apart,
    AssetEntry,
    AssetKey,
    Catalog,
    Environment,
    EnvironmentRule,
    JobGlob,
    Kind,
    Member,
    Pipeline,
    Place,
    Team,
    Zone,
    ZoneRule,
)
from catalog.selection import SelectionError, parse_selection

PRINCIPAL = r"^(team|person|service):\S+$"

# On a tag that does not fit its value the parser raises whatever it stumbles over.
_UNREADABLE = (
    YAMLError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError,
)  # fmt: skip


class FormatError(UserError):
    """One or more places in declared files that cannot be used, one line each."""


def _member(value: Any) -> Any:
    return {"person": value} if isinstance(value, str) else value


class EnvironmentRuleFile(Strict):
    """Assets whose namespace and name match live in this environment."""

    environment: Environment
    namespace: str = "*"
    name: str = "*"


class ZoneRuleFile(Strict):
    """Datasets whose namespace and name match stand in this zone."""

    zone: Zone
    namespace: str = "*"
    name: str = "*"


class MemberFile(Strict):
    """A person in a team."""

    person: str
    role: str | None = None


class TeamFile(Strict):
    """Who can answer for assets."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    name: str | None = None
    domain: str | None = None
    contact: str | None = None
    oncall: str | None = None
    runbook: str | None = None
    members: tuple[Annotated[MemberFile, BeforeValidator(_member)], ...] = ()


class JobGlobFile(Strict):
    """A pattern over jobs."""

    namespace: str
    name: str = "*"


class PipelineFile(Strict):
    """Who may write where."""

    id: str
    environment: Environment | None = None
    team: str | None = None
    jobs: tuple[JobGlobFile, ...]
    principals: tuple[Annotated[str, Field(pattern=PRINCIPAL)], ...] = ()
    writes: str | None = None
    release_branches: tuple[str, ...] = ()
    schedule: str | None = None


class AssetFile(Strict):
    """What is declared about the assets that a selection or an exact key names."""

    select: str | None = None
    dataset: KeyFile | None = None
    job: KeyFile | None = None
    owner: Annotated[str, Field(pattern=PRINCIPAL)] | None = None
    tier: Annotated[int, Field(ge=1, le=4)] | None = None
    freshness: Seconds | None = None
    classification: ClassificationFile | None = None

    @model_validator(mode="after")
    def _has_one_subject(self) -> Self:
        if [self.select, self.dataset, self.job].count(None) != 2:
            raise PydanticCustomError(
                "subject", "an asset entry needs either select, dataset or job, and only one"
            )
        return self


class CatalogFile(Strict):
    """One file of the declared catalog; every section is optional."""

    version: Literal[1] = 1
    environments: tuple[EnvironmentRuleFile, ...] = ()
    zones: tuple[ZoneRuleFile, ...] = ()
    aliases: tuple[AliasFile, ...] = ()
    teams: tuple[TeamFile, ...] = ()
    pipelines: tuple[PipelineFile, ...] = ()
    assets: tuple[AssetFile, ...] = ()


def read_catalog(folder: Path) -> Catalog:
    """Read every ``*.yml`` and ``*.yaml`` of a folder into one catalog. An empty folder is valid.

    Raises:
        FormatError: Anything in them cannot be used; every problem is named with its place.
    """
    if not folder.is_dir():
        raise FormatError(f'"{folder}" is not a folder; expected one with *.yml files')
    problems: list[str] = []
    parts = []
    for path in sorted((*folder.rglob("*.yml"), *folder.rglob("*.yaml"))):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        tree = _load(path, name, problems)
        if tree is not None:
            parts.append(_Part(name, tree, problems))
    if not problems:  # a file that cannot be used would make the others' names look undeclared
        catalog = _merge(parts)
        problems += _check(catalog)
    if problems:
        raise FormatError("\n".join(problems))
    return catalog


class _Part:
    """One file: its validated content, and where each entry stands."""

    def __init__(self, name: str, tree: CommentedMap, problems: list[str]) -> None:
        self.name = name
        self.tree = tree
        try:
            self.file = CatalogFile.model_validate(tree)
        except ValidationError as error:
            self.file = CatalogFile()
            for problem in error.errors():
                line, column = _position(tree, problem["loc"])
                told = _explain(problem).replace("\n", "\\n")
                problems.append(f"{name}:{line}:{column}: {told}")

    def place(self, section: str, index: int, key: str | None = None) -> Place:
        path = (section, index) if key is None else (section, index, key)
        return Place(self.name, _position(self.tree, path)[0])


def _load(path: Path, name: str, problems: list[str]) -> CommentedMap | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML 1.2 allows it
            tree = YAML(typ="rt").load(path.read_text("utf-8"))
    except _UNREADABLE as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        problems.append(f"{where}: not readable as YAML: {what}")
        return None
    if tree is None:
        return None
    if not isinstance(tree, CommentedMap):
        problems.append(f"{name}:1:1: expected sections such as environments, teams and assets")
        return None
    return tree


def _merge(parts: Sequence[_Part]) -> Catalog:
    def each(section: str) -> Iterator[tuple[_Part, int, Any]]:
        for part in parts:
            for index, entry in enumerate(getattr(part.file, section)):
                yield part, index, entry

    named = [alias_of(e, p.place("aliases", i)) for p, i, e in each("aliases")]
    return Catalog(
        aliases=tuple(a for a in named if isinstance(a, Alias)),
        apart=tuple(a for a in named if isinstance(a, Apart)),
        environments=tuple(
            EnvironmentRule(e.environment, e.namespace, e.name, p.place("environments", i))
            for p, i, e in each("environments")
        ),
        zones=tuple(
            ZoneRule(e.zone, e.namespace, e.name, p.place("zones", i)) for p, i, e in each("zones")
        ),
        teams=tuple(
            Team(
                id=e.id,
                name=e.name or e.id,
                place=p.place("teams", i),
                domain=e.domain,
                contact=e.contact,
                oncall=e.oncall,
                runbook=e.runbook,
                members=tuple(Member(m.person, m.role) for m in e.members),
            )
            for p, i, e in each("teams")
        ),
        pipelines=tuple(
            Pipeline(
                id=e.id,
                place=p.place("pipelines", i),
                environment=e.environment,
                team=e.team,
                jobs=tuple(JobGlob(j.namespace, j.name) for j in e.jobs),
                principals=e.principals,
                writes=e.writes,
                release_branches=e.release_branches,
                schedule=e.schedule,
            )
            for p, i, e in each("pipelines")
        ),
        assets=tuple(_asset(p, i, e) for p, i, e in each("assets")),
        files=tuple(p.name for p in parts),
    )


def _asset(part: _Part, index: int, entry: AssetFile) -> AssetEntry:
    key = None
    for kind, named in ((Kind.DATASET, entry.dataset), (Kind.JOB, entry.job)):
        if named is not None:
            key = AssetKey(kind, named.namespace, named.name)
    return AssetEntry(
        place=part.place("assets", index),
        select=entry.select,
        key=key,
        owner=entry.owner,
        tier=entry.tier,
        owner_place=part.place("assets", index, "owner"),
        tier_place=part.place("assets", index, "tier"),
        freshness_s=entry.freshness,
        freshness_s_place=part.place("assets", index, "freshness"),
        classification=entry.classification.told if entry.classification else None,
        classification_place=part.place("assets", index, "classification"),
    )


def _check(catalog: Catalog) -> Iterator[str]:
    """What no single entry can know: names that must exist, be unique, or be reachable."""
    teams = {t.id for t in catalog.teams}
    yield from _repeats("team", [(t.id, t.place) for t in catalog.teams])
    yield from _repeats("pipeline", [(p.id, p.place) for p in catalog.pipelines])
    yield from _unreachable("environment", catalog.environments)
    yield from _unreachable("zone", catalog.zones)
    yield from check_aliases(catalog.aliases)
    for pipeline in catalog.pipelines:
        if pipeline.team is not None and pipeline.team not in teams:
            yield _undeclared(pipeline.place, "team", pipeline.team, teams)
        yield from _selection(pipeline.place, "writes", pipeline.writes)
    for entry in catalog.assets:
        yield from _selection(entry.place, "select", entry.select)
        if entry.owner is not None and entry.owner.startswith("team:"):
            known = {f"team:{t}" for t in teams}
            if entry.owner not in known:
                yield _undeclared(entry.owner_place or entry.place, "owner", entry.owner, known)


def _repeats(what: str, named: Sequence[tuple[str, Place]]) -> Iterator[str]:
    first: dict[str, Place] = {}
    for name, place in named:
        if name in first:
            yield f'{place}: {what} "{name}" is declared at {first[name]} already; remove one'
        first.setdefault(name, place)


def _unreachable(what: str, rules: Sequence[EnvironmentRule | ZoneRule]) -> Iterator[str]:
    """The first match wins, so what comes after a rule that takes all of it never matches."""
    for index, rule in enumerate(rules):
        for before in rules[:index]:
            if _covers(before.namespace, rule.namespace) and _covers(before.name, rule.name):
                yield (
                    f"{rule.place}: this {what} rule can never match, because {before.place} "
                    "takes everything that it names; put the narrower rule first"
                )
                break


def _covers(glob: str, other: str) -> bool:
    """Whether a glob surely matches everything that another does; never a wrong yes."""
    if glob == other:
        return True
    return not set(glob) & set("?[") and "[" not in other and fnmatch.fnmatchcase(other, glob)


def _undeclared(place: Place, what: str, name: str, known: set[str]) -> str:
    return f'{place}: {what} "{name}" is not declared.{did_you_mean(name, known)}'


def _selection(place: Place, key: str, text: str | None) -> Iterator[str]:
    if text is not None:
        try:
            parse_selection(text)
        except SelectionError as error:
            yield f"{place}: {key}: {error}"


def _position(tree: Any, path: Sequence[str | int]) -> tuple[int, int]:
    """Line and column, from 1, of the deepest node on a path that the file really has."""
    line, column = tree.lc.line, tree.lc.col
    node = tree
    for step in path:
        # What came in by an anchor or under a tag has no place of its own.
        if not isinstance(node, CommentedMap | CommentedSeq) or step not in (node.lc.data or ()):
            break
        line, column = node.lc.data[step][:2]
        node = node[step]
    return line + 1, column + 1


def _explain(problem: Any) -> str:
    path = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        known = _keys_beside(problem["loc"])
        return f'unknown key "{key}".{did_you_mean(key, known)} Known here: {", ".join(known)}'
    message = problem["msg"]
    given = problem.get("input")
    if isinstance(given, str | int):
        options = [e.value for e in (*Environment, *Zone)]
        hint = did_you_mean(str(given), options) if problem["type"] == "enum" else ""
        return f'{path}: {message}, not "{given}".{hint}'
    return f"{path}: {message}"


def _keys_beside(path: Sequence[str | int]) -> list[str]:
    model: type[BaseModel] = CatalogFile
    for step in path[:-1]:
        if isinstance(step, str) and step in _SECTIONS:
            model = _SECTIONS[step]
    return [field.alias or name for name, field in model.model_fields.items()]


_SECTIONS: dict[str, type[BaseModel]] = {
    "environments": EnvironmentRuleFile,
    "zones": ZoneRuleFile,
    "aliases": AliasFile,
    "is": TargetFile,
    "teams": TeamFile,
    "members": MemberFile,
    "pipelines": PipelineFile,
    "jobs": JobGlobFile,
    "assets": AssetFile,
    "dataset": KeyFile,
    "job": KeyFile,
    "classification": ClassificationFile,
}

json_schema: Callable[[], dict[str, Any]] = CatalogFile.model_json_schema
"""The JSON Schema of one file of the declared catalog."""
