"""What names say by themselves: platform, noise, and the shortest unambiguous ending."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_BARE = {"bigquery", "file", "pubsub", "sqlite", "hive", "snowflake", "databricks"}
SPELLINGS = {
    "postgresql": "postgres",
    "s3a": "s3",
    "s3n": "s3",
    "gcs": "gs",
    "abfs": "abfss",
    "wasb": "wasbs",
}
"""Schemes of namespaces that mean another one, as the naming convention spells it."""
_ALIASES = {
    **SPELLINGS,
    "awsathena": "athena",
    "unitycatalog": "databricks",
}
_FILES = {"s3", "gs", "file", "hdfs", "dbfs", "abfss", "wasbs", "box", "filenet", "mssharepoint"}
_STREAMS = {"kafka", "pubsub", "kinesis", "pulsar"}
_WAREHOUSES = {
    "athena", "bigquery", "cassandra", "clickhouse", "cosmos", "crate", "databricks", "db2",
    "duckdb", "fabric-warehouse", "glue", "hive", "milvus", "mssql", "mysql", "oceanbase",
    "oracle", "postgres", "redshift", "snowflake", "spanner", "sqlite", "sqlserver", "teradata",
    "trino", "vertica",
}  # fmt: skip
_STATEMENT = re.compile(r"\.sql\.\d+$")
_SEPARATOR = re.compile(r"[./]")
_EXTENSION = re.compile(
    r"(?:\.(?:avro|csv|db|duckdb|gz|html|ipynb|jar|jsonl?|ndjson|orc|parquet|pdf|py|r|scala|sh|sql|tsv"
    r"|txt|xlsx?|xml|ya?ml|zip))+$",
    re.IGNORECASE,
)


def platform_of(namespace: str) -> str:
    """The platform that a dataset namespace names, such as ``duckdb``; ``unknown`` if none."""
    if namespace.startswith("arn:aws:glue:"):
        return "glue"
    if ".dfs.core.windows.net" in namespace:
        return "abfss"
    scheme, found, _ = namespace.partition("://")
    scheme = scheme.lower()
    if found or scheme in _BARE:
        return _ALIASES.get(scheme, scheme)
    return "unknown"


def kind_by_platform(platform: str) -> str | None:
    """The kind of dataset that a platform holds when no producer says: table, file or topic."""
    if platform in _FILES:
        return "file"
    if platform in _STREAMS:
        return "topic"
    return "table" if platform in _WAREHOUSES else None


def dataset_noise(
    namespace: str, name: str, dataset_type: str | None, subtype: str | None
) -> str | None:
    """Why a dataset is no subject of policies, or ``None`` for a real one."""
    platform = platform_of(namespace)
    if platform in {"inmemory", "memory"}:
        return "in memory"
    if "dbt_test__audit" in name:
        return "failures of a data test"
    if "__dbt__cte__" in name:
        return "a common table expression"
    if dataset_type == "JOB_OUTPUT" or (subtype or "").upper() == "TEMPORARY":
        return "temporary"
    last = _SEPARATOR.split(name)[-1]
    if last.startswith("#") or "__dbt_tmp" in last:
        return "temporary"
    return None


def job_noise(name: str) -> str | None:
    """Why a job is no subject by its name alone, or ``None``."""
    return "one statement of a job" if _STATEMENT.search(name) else None


def display_names(names: Iterable[str]) -> dict[str, str]:
    """The shortest ending of each name that no other name shares.

    Endings are cut at dots and slashes, so ``warehouse.main.orders`` becomes ``orders`` unless
    ``warehouse.test.orders`` is there too; a file keeps its extension.
    """
    cuts = {name: _cuts(name) for name in set(names)}
    shown: dict[str, str] = {}
    waiting = list(cuts)
    depth = 1
    while waiting:
        endings: dict[str, list[str]] = defaultdict(list)
        for name in waiting:
            endings[name[cuts[name][depth - 1] :]].append(name)
        waiting = []
        for ending, group in endings.items():
            for name in group:
                if len(group) == 1 or depth == len(cuts[name]):
                    shown[name] = ending
                else:
                    waiting.append(name)
        depth += 1
    return shown


def display_titles(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A title for each (namespace, name): its display name, and its place where that is not enough.

    Two namespaces may hold the same name; then the shortest ending of the namespace that tells them
    apart is added: ``orders at wh-dev:5432``.
    """
    known = set(keys)
    endings = display_names(name for _, name in known)
    places: dict[str, set[str]] = defaultdict(set)
    for namespace, name in known:
        places[name].add(namespace)
    titles = {}
    for name, namespaces in places.items():
        told = display_names(namespaces) if len(namespaces) > 1 else {}
        for namespace in namespaces:
            place = f" at {told[namespace]}" if told else ""
            titles[namespace, name] = f"{endings[name]}{place}"
    return titles


def _cuts(name: str) -> list[int]:
    """Where the endings of a name may begin, the shortest ending first, the whole name last."""
    end = len(name.rstrip("./"))
    extension = _EXTENSION.search(name[:end])
    last = extension.start() if extension else end
    starts = [m.end() for m in _SEPARATOR.finditer(name, 0, last)]
    return [*reversed([s for s in starts if s < end]), 0]
