"""What names say by themselves: platform, noise, and the shortest unambiguous ending."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_BARE = {"bigquery", "file", "pubsub", "sqlite", "hive", "snowflake", "databricks"}
_ALIASES = {
    "postgresql": "postgres",
    "s3a": "s3",
    "s3n": "s3",
    "gcs": "gs",
    "abfs": "abfss",
    "wasb": "wasbs",
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
    ``warehouse.test.orders`` is there too.
    """
    parts = {name: [p for p in _SEPARATOR.split(name) if p] or [name] for name in set(names)}
    shown: dict[str, str] = {}
    waiting = list(parts)
    depth = 1
    while waiting:
        endings: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name in waiting:
            endings[tuple(parts[name][-depth:])].append(name)
        waiting = []
        for group in endings.values():
            for name in group:
                if len(group) == 1:
                    shown[name] = _ending(name, depth)
                elif depth >= len(parts[name]):
                    shown[name] = name
                else:
                    waiting.append(name)
        depth += 1
    return shown


def _ending(name: str, depth: int) -> str:
    """The last ``depth`` parts of a name with its own separators between them."""
    at = len(name.rstrip("./"))
    for _ in range(depth):
        cut = max(name.rfind(".", 0, at), name.rfind("/", 0, at))
        if cut < 0:
            return name
        at = cut
    return name[at + 1 :]
