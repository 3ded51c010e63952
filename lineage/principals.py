"""Who ran it, as far as the facets of a run say so themselves.

Pure functions of decoded facets: whatever a producer put there, they answer and never raise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.model import Trust
from lineage.events import text_of
from lineage.values import object_of

FACET = "andon_principal"
"""Our own run facet, for whoever can say it outright: ``lineage.principal_facet`` has its class."""

_LONGEST = 256
"""Characters of a name; what is longer names nobody."""
_KIND = re.compile(r"(person|service|team):\s*")
_NOBODY = {"", "***", "[redacted]", "anonymous", "n/a", "none", "null", "unknown"}
_TOOLS = {"admin", "administrator", "airflow", "dag_test", "root", "spark"}
_ACCOUNTS = {
    "databricks", "dbt", "default", "ec2-user", "hadoop", "hdfs", "hive", "jovyan", "livy",
    "nobody", "presto", "runner", "system", "trino", "ubuntu", "vscode", "yarn",
}  # fmt: skip
"""Accounts that machines and images come with: everybody's, so nobody's."""
_SERVICE = re.compile(
    r".+@[\w.-]+\.gserviceaccount\.com"  # a service account of Google Cloud
    r"|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"  # a service principal of Databricks or Azure
    r"|.+\[bot\]",  # an app at GitHub
    re.IGNORECASE,
)
_BY_HAND = ("manual", "backfill")
_VARIABLES = (
    "ANDON_PRINCIPAL",
    "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOREMAIL", "BUILD_USER_ID",
    "USER", "LOGNAME", "USERNAME",
)  # fmt: skip
"""Of our own, of CI systems, of a shell: the most telling first."""
_ON_SCHEDULE = {("GITHUB_EVENT_NAME", "schedule"), ("CI_PIPELINE_SOURCE", "schedule")}
"""CI names somebody for a scheduled run too: who last touched the schedule."""

Found = tuple[str, str, str | None]
"""A principal, the path inside the facet that names it, how the run came about."""


@dataclass(frozen=True, slots=True)
class Said:
    """Who ran something, in the words of one facet."""

    principal: str
    """Such as ``person:ana``."""
    trust: Trust
    """E1: the producer says so. E0: it says only who is responsible, which is a hint."""
    place: str
    """Path inside the event, such as ``run.facets.hive_session.username``."""
    how: str | None = None
    """How the run came about in the producer's own word, such as ``manual``."""
    on_behalf_of: str | None = None
    """The principal for whom it acted, where it says so."""


def said_in(facet_name: str, facet: Mapping[str, Any]) -> Said | None:
    """Whom one run facet names: who ran it, else who answers for it; placeholders are nobody."""
    reader = _READERS.get(facet_name)
    found = reader(facet) if reader else None
    if found is not None:
        principal, path, how = found
        for_whom = _principal(facet.get("on_behalf_of")) if facet_name == FACET else None
        return Said(principal, Trust.E1, f"run.facets.{facet_name}.{path}", how, for_whom)
    return _owner(facet_name, facet) if facet_name in _AIRFLOW else None


def principals_in(facet_name: str, facet: Mapping[str, Any]) -> str | None:
    """The principal that ran it as one run facet says, such as ``person:ana``; no hints."""
    said = said_in(facet_name, facet)
    return said.principal if said is not None and said.trust > Trust.E0 else None


def principal_of(principals: Mapping[str, str]) -> tuple[str, str] | None:
    """The principal that counts among those that facets named, and the facet that says so."""
    for facet_name in PRECEDENCE:
        if facet_name in principals:
            return principals[facet_name], facet_name
    return None


def is_placeholder(name: str) -> bool:
    """Whether a name stands for nobody, as the default owner of a tool does."""
    return name.strip().lower() in _NOBODY | _TOOLS


def _own(facet: Mapping[str, Any]) -> Found | None:
    principal = _principal(facet.get("principal"))
    return (principal, "principal", text_of(facet.get("how"))) if principal else None


def _tag(facet: Mapping[str, Any]) -> Found | None:
    tags = facet.get("tags")
    for index, tag in enumerate(tags if isinstance(tags, list) else []):
        if not isinstance(tag, dict) or (text_of(tag.get("key")) or "").lower() != "principal":
            continue
        value, source = text_of(tag.get("value")) or "", text_of(tag.get("source")) or ""
        # dbt sends what is written beside a model as tags of its run: that is not who ran it.
        if source.upper().startswith("DBT"):
            continue
        # The Java client splits "principal:person:ana" into key, value and source.
        if _KIND.fullmatch(f"{value}:"):
            value = f"{value}:{source}"
        principal = _principal(value) if _KIND.match(value) else None
        if principal:
            return principal, f"tags[{index}].value", None
    return None


def _hive(facet: Mapping[str, Any]) -> Found | None:
    return _at(facet, "username")


def _spark(facet: Mapping[str, Any]) -> Found | None:
    return _at(facet, "userName")


def _spark_environment(facet: Mapping[str, Any]) -> Found | None:
    """What Spark's surroundings say: on Databricks who ran it; elsewhere what one had collected."""
    properties = object_of(facet.get("environment-properties"))
    how = text_of(properties.get("spark.databricks.job.type"))
    for key in ("ANDON_PRINCIPAL", "user"):
        found = _at(properties, key)
        if found:
            return found[0], f"environment-properties.{key}", how
    return None


def _airflow(facet: Mapping[str, Any]) -> Found | None:
    """Only a run by hand was the user's own doing; others are the schedule's or another run's."""
    run = object_of(facet.get("dagRun"))
    if run.get("run_type") not in _BY_HAND:
        return None
    found = _at(run, "triggering_user_name")
    return (found[0], "dagRun.triggering_user_name", run["run_type"]) if found else None


def _google(facet: Mapping[str, Any]) -> Found | None:
    """None of these facets names an account by itself; all of them may carry more keys."""
    return _at(facet, "serviceAccount") or _at(facet, "serviceAccountEmail")


def _environment(facet: Mapping[str, Any]) -> Found | None:
    variables = dict(_variables(facet))
    on_schedule = any((n, variables[n][0]) in _ON_SCHEDULE for n in variables)
    for name in _VARIABLES:
        if name not in variables or (on_schedule and name != "ANDON_PRINCIPAL"):
            continue
        value, index = variables[name]
        principal = _principal(value)
        if principal:
            return principal, f"environmentVariables[{index}].value", None
    return None


def _variables(facet: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, int]]]:
    variables = facet.get("environmentVariables")
    for index, entry in enumerate(variables if isinstance(variables, list) else []):
        if isinstance(entry, dict):
            name, value = text_of(entry.get("name")), text_of(entry.get("value"))
            if name and value:
                yield name, (value, index)


def _owner(facet_name: str, facet: Mapping[str, Any]) -> Said | None:
    """Who answers for an Airflow task or DAG: no proof of who ran it."""
    how = text_of(object_of(facet.get("dagRun")).get("run_type"))
    for part in ("task", "dag"):
        owner = text_of(object_of(facet.get(part)).get("owner"))
        first = (owner or "").partition(",")[0]
        principal = _principal(first, kind="person" if "@" in first else "team")
        if principal:
            return Said(principal, Trust.E0, f"run.facets.{facet_name}.{part}.owner", how)
    return None


def _at(holder: Mapping[str, Any], key: str) -> Found | None:
    principal = _principal(holder.get(key))
    return (principal, key, None) if principal else None


def _principal(name: Any, kind: str | None = None) -> str | None:
    """A principal from what a producer gives as a name; ``None`` for nobody in particular.

    Args:
        name: Whatever the producer put there.
        kind: What it is if it does not say so itself; ``None``: as it looks.
    """
    if not isinstance(name, str) or len(name) > _LONGEST:
        return None
    name = name.strip()
    said = _KIND.match(name)
    rest = name[said.end() :] if said else name
    kind = said[1] if said else kind or ("service" if _SERVICE.fullmatch(rest) else "person")
    # A service may well be called what no person is.
    nobody = _NOBODY if said and kind == "service" else _NOBODY | _TOOLS | _ACCOUNTS
    return None if rest.lower() in nobody else f"{kind}:{'-'.join(rest.split())}"


_AIRFLOW = ("airflow", "airflowDagRun")
_READERS: dict[str, Callable[[Mapping[str, Any]], Found | None]] = {
    FACET: _own,
    "airflow": _airflow,
    "airflowDagRun": _airflow,
    "tags": _tag,
    "hive_session": _hive,
    "environment-properties": _spark_environment,
    "spark_applicationDetails": _spark,
    "gcp_dataproc": _google,
    "gcp_dataproc_spark": _google,
    "gcp_composer_run": _google,
    "environmentVariables": _environment,
}
PRECEDENCE = tuple(_READERS)
"""Facets that can name a principal, the most telling first.

First what was said outright, then who pressed the button of this very run, then a tag, which one
sets once for many runs, then who signed in to the engine, often a shared account, and at last whose
machine or CI job it was.
"""
