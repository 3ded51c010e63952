"""Who ran it, as far as the facets of a run say so themselves."""

from __future__ import annotations

from typing import Any

PRECEDENCE = ("tags", "hive_session", "spark_applicationDetails", "airflow", "airflowDagRun")
"""Facets that can name a principal, the most telling first."""

_NOBODY = {"", "airflow", "anonymous", "root", "admin", "unknown", "dag_test", "none", "spark"}
_KINDS = ("person:", "service:", "team:")


def principals_in(facet_name: str, facet: dict[str, Any]) -> str | None:
    """The principal that one run facet names, such as ``person:ana``; placeholders are nobody."""
    if facet_name == "tags":
        return _tagged(facet)
    if facet_name == "hive_session":
        return _person(facet.get("username"))
    if facet_name == "spark_applicationDetails":
        return _person(facet.get("userName"))
    if facet_name in ("airflow", "airflowDagRun"):
        dag_run = facet.get("dagRun")
        # Only a run by hand was the user's own doing; a scheduled one is the scheduler's.
        if isinstance(dag_run, dict) and dag_run.get("run_type") == "manual":
            return _person(dag_run.get("triggering_user_name"))
    return None


def principal_of(principals: dict[str, str]) -> tuple[str, str] | None:
    """The principal that counts among those that facets named, and the facet that says so."""
    for facet_name in PRECEDENCE:
        if facet_name in principals:
            return principals[facet_name], facet_name
    return None


def is_placeholder(name: str) -> bool:
    """Whether a name stands for nobody, as the default owner of a tool does."""
    return name.strip().lower() in _NOBODY


def _tagged(facet: dict[str, Any]) -> str | None:
    tags = facet.get("tags")
    for tag in tags if isinstance(tags, list) else []:
        if isinstance(tag, dict) and tag.get("key") == "principal":
            value = tag.get("value")
            if isinstance(value, str) and value.startswith(_KINDS):
                return value
    return None


def _person(name: Any) -> str | None:
    if not isinstance(name, str) or is_placeholder(name):
        return None
    return f"person:{name}"
