"""What names say by themselves: platform, noise, and the shortest unambiguous ending."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from lineage.values import UUID

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
_IN_MEMORY = {"inmemory", "memory"}
_FUNCTIONS = (
    "dual", r"sys\.dual", r"sysibm\.sysdummy1", "generate_series", "generate_subscripts", "unnest",
    "jsonb?_each", "jsonb?_array_elements", "jsonb?_to_recordset", "regexp_split_to_table",
)  # fmt: skip
_DATASET_NOISE = tuple(
    (re.compile(shape, re.IGNORECASE), why)
    for shape, why in (
        ("dbt_test__audit", "failures of a data test"),
        ("__dbt__cte__", "a common table expression"),
        # Local tables, and what Hive, Great Expectations, Snowpark, Spark and dbt make in passing.
        (r"(?:^|[./])(?:#|values__tmp__table__|g[ex]_temp_|snowpark_temp_)[^./]*$", "temporary"),
        (r"(?:^|/)(?:_temporary/|\.hive-staging_|\.spark-staging-)", "temporary"),
        (r"__dbt_(?:tmp|backup|new_data)[^./]*$", "temporary"),
        (r"(?:^|\.)(?:pg_temp(?:_\d+)?|tempdb|_dummy_database)\.", "temporary"),
        (r"^[^.]+\._[0-9a-f]{40}\.", "temporary"),  # where BigQuery keeps answers for a day
        (r"(?:^|/)(?:_delta_log|_spark_metadata)(?:/|$)", "files that an engine keeps for itself"),
        (r"(?:^|\.)(?:information_schema|pg_catalog)\.", "the database's own catalog"),
        (rf"^(?:{'|'.join(_FUNCTIONS)})$", "rows that a statement makes"),
    )
)
_STATEMENT = re.compile(r"\.sql\.\d+$")
# A UUID, or the id that Trino gives to a query.
_OF_ONE_RUN = re.compile(UUID + r"|\d{8}_\d{6}_\d{5}_[a-z0-9]{5}")
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
    if platform_of(namespace) in _IN_MEMORY:
        return "in memory"
    if dataset_type == "JOB_OUTPUT" or (subtype or "").upper() == "TEMPORARY":
        return "temporary"
    return next((why for shape, why in _DATASET_NOISE if shape.search(name)), None)


def job_noise(name: str, job_type: str | None = None, *, writes_data: bool = False) -> str | None:
    """Why a job is no subject, or ``None``.

    Args:
        name: The job's name.
        job_type: What the ``jobType`` facet calls it, such as TASK, MODEL, TEST or SQL.
        writes_data: Whether it writes a real dataset. Such a job is never noise, or a direct write
            could hide behind a name.
    """
    if writes_data:
        return None
    if _STATEMENT.search(name) or job_type == "SQL":
        return "one statement of a job"
    if _OF_ONE_RUN.fullmatch(name):
        return "a name made for one run"
    return "a data test" if job_type == "TEST" else None


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
