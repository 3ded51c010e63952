"""What names, orchestrators and ownership facets suggest where nothing is declared.

Every answer is a claim marked as a guess, with the reason that a person can check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from catalog.model import Basis, Claim, Environment, Zone
from lineage.naming import platform_of

T = TypeVar("T")

ORCHESTRATORS = frozenset(
    {
        "AIRFLOW",
        "DBT",
        "DAGSTER",
        "PREFECT",
        "SQLMESH",
        "KESTRA",
        "MAGE",
        "ARGO",
        "AZURE_DATA_FACTORY",
    }
)
"""Integrations whose jobs run from a pipeline's code, not from somebody's hands."""

ENGINES = frozenset({"SPARK", "FLINK", "TRINO", "HIVE", "PRESTO", "BEAM", "DEBEZIUM"})
"""Integrations that run pipelines and people's own work alike."""

_WORDS = {
    "prod": Environment.PROD,
    "prd": Environment.PROD,
    "production": Environment.PROD,
    "live": Environment.PROD,
    "dev": Environment.DEV,
    "development": Environment.DEV,
    "sandbox": Environment.DEV,
    "test": Environment.TEST,
    "testing": Environment.TEST,
    "qa": Environment.TEST,
    "stg": Environment.STAGING,
    "staging": Environment.STAGING,
    "preprod": Environment.STAGING,
    "uat": Environment.STAGING,
}
_ZONES = {
    "src": Zone.SOURCE,
    "source": Zone.SOURCE,
    "sources": Zone.SOURCE,
    "landing": Zone.LANDING,
    "lnd": Zone.LANDING,
    "inbox": Zone.LANDING,
    "raw": Zone.RAW,
    "bronze": Zone.RAW,
    "stg": Zone.STAGING,
    "staging": Zone.STAGING,
    "silver": Zone.STAGING,
    "int": Zone.INTERMEDIATE,
    "intermediate": Zone.INTERMEDIATE,
    "mart": Zone.MART,
    "marts": Zone.MART,
    "gold": Zone.MART,
    "fct": Zone.MART,
    "dim": Zone.MART,
    "export": Zone.EXPORT,
    "exports": Zone.EXPORT,
    "report": Zone.CONSUMER,
    "reports": Zone.CONSUMER,
    "dashboard": Zone.CONSUMER,
    "adhoc": Zone.ADHOC,
    "scratch": Zone.ADHOC,
    "sandbox": Zone.ADHOC,
    "tmp": Zone.ADHOC,
    "test": Zone.TEST,
}
_SPLIT = re.compile(r"[^a-z0-9]+")
_LOCAL = {"duckdb", "file", "sqlite"}


def is_environment_word(word: str) -> bool:
    """Whether a lower-case word names an environment."""
    return word in _WORDS


def environment_by_name(namespace: str, name: str) -> Claim[Environment] | None:
    """The environment that a namespace, or a database or schema in a name, speaks of."""
    for word in _words(_place(namespace)):
        if word in _WORDS:
            return _guess(_WORDS[word], f'its namespace says "{word}"')
    # A schema called staging is a zone of a warehouse, not an environment.
    for part in re.split(r"[./]", name.lower())[:-1]:
        for word in _words(part):
            found = _WORDS.get(word)
            if found is not None and found is not Environment.STAGING:
                return _guess(found, f'its name says "{word}"')
    return None


def environment_of_sources(environment: Environment) -> Claim[Environment]:
    """The environment of what something stands on."""
    return _guess(environment, "everything that it stands on is there")


def environment_by_job(job_namespaces: Iterable[str]) -> Claim[Environment] | None:
    """The environment that the namespaces of all its writers agree on."""
    found = {
        _WORDS[word]: (word, namespace)
        for namespace in job_namespaces
        for word in _words(namespace.lower())
        if word in _WORDS
    }
    if len(found) != 1:
        return None
    environment, (word, namespace) = next(iter(found.items()))
    return _guess(environment, f'its writer\'s namespace "{namespace}" says "{word}"')


def environment_by_pipeline(pipeline: str) -> Claim[Environment]:
    """What a pipeline writes is production unless some name says otherwise."""
    return _guess(Environment.PROD, f"{_named(pipeline)} writes there and no name says otherwise")


def zone_by_name(name: str, platform: str, is_written: bool, is_read: bool) -> Claim[Zone] | None:
    """The zone that a name's folders, schema or prefix speak of, else its place in the flow."""
    parts = [p for p in re.split(r"[./]", name.lower()) if p]
    for part in parts[:-1]:
        for word in _words(part):
            if word in _ZONES:
                return _guess(_ZONES[word], f'its name says "{word}"')
    prefix = _words(parts[-1])[:1] if parts else []
    if prefix and prefix[0] in _ZONES and len(_words(parts[-1])) > 1:
        return _guess(_ZONES[prefix[0]], f'its name begins with "{prefix[0]}"')
    if not is_written and is_read and platform != "unknown":
        return _guess(Zone.SOURCE, "it is read, and nothing reports writing it")
    return None


def pipeline_of(
    namespace: str, integration: str | None, root: tuple[str, str | None] | None
) -> Claim[str] | None:
    """The pipeline that a job seems to belong to.

    Args:
        namespace: The job's namespace.
        integration: The job's own integration.
        root: Namespace and integration of the job at the root of its newest run, if it has one.
    """
    if root is not None and root[1] in ORCHESTRATORS:
        return _guess(f"{root[1].lower()}:{root[0]}", f"its runs are started by {_tool(root[1])}")
    if integration in ORCHESTRATORS:
        return _guess(f"{integration.lower()}:{namespace}", f"{_tool(integration)} reports it")
    return None


def is_job_sanctioned(
    own: Claim[str] | None, integration: str | None, has_code: bool, known: Iterable[str]
) -> Claim[bool] | None:
    """Whether a job seems to be part of a pipeline where none is declared.

    Args:
        own: The pipeline that it seems to belong to.
        integration: Its integration; an engine alone does not tell pipelines from people.
        has_code: Whether it says where its code lives.
        known: Pipelines that seem to write in this environment; with none nothing can be said.
    """
    pipelines = sorted(set(known))
    if not pipelines:
        return None
    if own is not None:
        return _guess(True, own.why)
    if integration in ENGINES or has_code:
        return None
    named = [_named(pipeline) for pipeline in pipelines[:3]]
    verb = "seems" if len(named) == 1 else "seem"
    return _guess(False, f"only {' and '.join(named)} {verb} to write there")


def _named(pipeline: str) -> str:
    integration, _, namespace = pipeline.partition(":")
    return f"{_tool(integration)} (from {namespace})"


def _tool(integration: str) -> str:
    return "dbt" if integration.lower() == "dbt" else integration.capitalize()


def _guess(value: T, why: str) -> Claim[T]:
    return Claim(value, Basis.GUESSED, why)


def _place(namespace: str) -> str:
    """The part of a namespace that names a place; folders of a local file say nothing."""
    if platform_of(namespace) in _LOCAL:
        return namespace.lower().rstrip("/").rpartition("/")[2]
    return namespace.lower().partition("://")[2] or namespace.lower()


def _words(text: str) -> list[str]:
    return [word for word in _SPLIT.split(text) if word]
