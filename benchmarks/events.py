"""A steady stream of events like those of a company that runs the same jobs day after day.

Run: python benchmarks/events.py [events]   prints how large they are

What describes a job (schema, column lineage, SQL, owners, code location) is the same in each of its
runs until somebody deploys; run id, times, row counts and the odd failing data test differ.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

PRODUCER = "https://github.com/apache/airflow/tree/providers-openlineage/2.20.0"
SPEC = "https://openlineage.io/spec"
WAREHOUSE = "snowflake://acme-eu1"
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
TYPES = ("BIGINT", "VARCHAR(255)", "TIMESTAMP_NTZ", "NUMERIC(18,2)", "BOOLEAN", "DATE")
DEPLOYED_EVERY = 40
"""Runs of a job between two deployments, which change its SQL and its commit."""
FAILING = 0.03
"""Share of runs in which one data test fails."""
TRACED = 0.84
"""Share of columns whose lineage the job knows."""


def events(n: int, jobs: int = 1000, seed: int = 1) -> Iterator[bytes]:
    """``n`` distinct events, 9 KB on average, as openlineage-python writes them.

    START and COMPLETE of one run follow each other; the jobs take turns. The same arguments give
    the same events.
    """
    random = Random(seed)  # noqa: S311  # nothing secret
    templates: dict[int, tuple[int, str, str]] = {}
    for number in range((n + 1) // 2):
        turn, job = divmod(number, jobs)
        deployment = (turn + job % DEPLOYED_EVERY) // DEPLOYED_EVERY
        if templates.get(job, (-1,))[0] != deployment:
            templates[job] = (deployment, *_templates(job, jobs, deployment, seed))
        _, start, complete = templates[job]
        begun = FIRST + timedelta(minutes=number // 10, milliseconds=number % 10 * 6000)
        ended = begun + timedelta(seconds=random.randint(2, 900), milliseconds=random.randint(0, 9))
        values = {
            "@run@": str(uuid.UUID(int=random.getrandbits(128), version=4)),
            "@parent@": str(uuid.UUID(int=random.getrandbits(128), version=4)),
            "@nominal@": f"{begun:%Y-%m-%dT%H:00:00}+00:00",
            '"@rows@"': str(random.randint(1, 5_000_000)),
            '"@bytes@"': str(random.randint(1_000, 5_000_000_000)),
            '"@ok@"': "false" if random.random() < FAILING else "true",
        }
        yield _filled(start, values | {"@time@": begun.isoformat()})
        if number * 2 + 1 < n:
            yield _filled(complete, values | {"@time@": ended.isoformat()})


def _filled(template: str, values: dict[str, str]) -> bytes:
    for hole, value in values.items():
        template = template.replace(hole, value)
    return template.encode()


def _templates(job: int, jobs: int, deployment: int, seed: int) -> tuple[str, str]:
    random = Random(f"{seed} {job}")  # noqa: S311  # nothing secret
    columns = [f"{random.choice(_WORDS)}_{i}" for i in range(_width(job))]
    sources = sorted({random.randrange(max(1, job)) for _ in range(random.randint(1, 3))})
    inputs = [_input(source, jobs) for source in sources if source != job]
    both = {
        "inputs": inputs,
        "job": {
            "facets": _job_facets(job, deployment, columns, inputs),
            "name": f"warehouse_{job % 40}.load_{_table(job)}",
            "namespace": "airflow-prod",
        },
        "outputs": [_output(job, columns, inputs, random)],
        "producer": PRODUCER,
        "run": {"facets": _run_facets(job), "runId": "@run@"},
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "eventTime": "@time@",
    }
    start = json.dumps({**both, "eventType": "START"}, sort_keys=True)
    both["outputs"][0]["outputFacets"] = {  # type: ignore[index]
        "outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", "1-0-2")
        | {"rowCount": "@rows@", "size": "@bytes@"}
    }
    return start, json.dumps({**both, "eventType": "COMPLETE"}, sort_keys=True)


_WORDS = ("order", "customer", "net", "gross", "shipped", "currency", "region", "source", "valid")


def _width(job: int) -> int:
    return 20 + (job * 7 % 31) * (job * 3 % 31) // 30


def _table(job: int) -> str:
    return f"{_WORDS[job % 9]}s_{job:04}"


def _name(job: int) -> str:
    return f"analytics.mart_{job % 20}.{_table(job)}"


def _facet(kind: str, version: str) -> dict[str, Any]:
    url = f"{SPEC}/facets/{version}/{kind}.json#/$defs/{kind}"
    return {"_producer": PRODUCER, "_schemaURL": url}


def _run_facets(job: int) -> dict[str, Any]:
    return {
        "nominalTime": _facet("NominalTimeRunFacet", "1-0-1") | {"nominalStartTime": "@nominal@"},
        "parent": _facet("ParentRunFacet", "1-2-0")
        | {
            "job": {"name": f"warehouse_{job % 40}", "namespace": "airflow-prod"},
            "run": {"runId": "@parent@"},
        },
        "processing_engine": _facet("ProcessingEngineRunFacet", "1-1-1")
        | {"name": "Airflow", "openlineageAdapterVersion": "2.20.0", "version": "3.3.0"},
    }


def _job_facets(
    job: int, deployment: int, columns: list[str], inputs: list[dict[str, Any]]
) -> dict[str, Any]:
    read = ", ".join(source["name"] for source in inputs) or "raw.landing"
    commit = uuid.uuid5(uuid.NAMESPACE_URL, f"{job} {deployment}").hex + "00000000"
    return {
        "jobType": _facet("JobTypeJobFacet", "2-0-3")
        | {"integration": "AIRFLOW", "jobType": "TASK", "processingType": "BATCH"},
        "ownership": _facet("OwnershipJobFacet", "1-0-1")
        | {"owners": [{"name": f"team:{_WORDS[job % 9]}", "type": "OWNER"}]},
        "sourceCodeLocation": _facet("SourceCodeLocationJobFacet", "1-0-1")
        | {
            "branch": "main",
            "path": f"dags/warehouse_{job % 40}.py",
            "repoUrl": "https://github.com/acme/warehouse",
            "type": "git",
            "url": f"https://github.com/acme/warehouse/blob/{commit}/dags/warehouse_{job % 40}.py",
            "version": commit,
        },
        "sql": _facet("SQLJobFacet", "1-0-1")
        | {
            "query": f"-- {deployment}\nINSERT INTO {_name(job)}\n"
            f"SELECT {', '.join(columns)}\nFROM {read}",
        },
    }


def _input(job: int, jobs: int) -> dict[str, Any]:
    assertions = [
        {"assertion": "not_null", "column": "id", "success": True},
        {"assertion": "unique", "column": "id", "success": True},
        {"assertion": "row_count_in_range", "severity": "warn", "success": "@ok@"},
    ]
    return {
        "inputFacets": {
            "dataQualityAssertions": _facet("DataQualityAssertionsDatasetFacet", "1-0-1")
            | {"assertions": assertions}
        },
        "name": _name(job % jobs),
        "namespace": WAREHOUSE,
    }


def _output(
    job: int, columns: list[str], inputs: list[dict[str, Any]], random: Random
) -> dict[str, Any]:
    facets = {
        "dataSource": _facet("DatasourceDatasetFacet", "1-0-1")
        | {"name": "warehouse", "uri": WAREHOUSE},
        "schema": _facet("SchemaDatasetFacet", "1-1-1")
        | {"fields": [{"name": c, "type": random.choice(TYPES)} for c in columns]},
    }
    if inputs:
        facets["columnLineage"] = _facet("ColumnLineageDatasetFacet", "1-2-0") | {
            "fields": {
                column: _derived(column, inputs, random)
                for column in columns
                if random.random() < TRACED
            }
        }
    return {"facets": facets, "name": _name(job), "namespace": WAREHOUSE}


def _derived(column: str, inputs: list[dict[str, Any]], random: Random) -> dict[str, Any]:
    source = random.choice(inputs)
    came = {"field": column, "name": source["name"], "namespace": source["namespace"]}
    if random.random() < 0.1:
        how = {"description": "", "masking": False, "subtype": "IDENTITY", "type": "DIRECT"}
        return {"inputFields": [came | {"transformations": [how]}]}
    return {"inputFields": [came]}


def main(count: int) -> None:
    """Print how large they are and how evenly."""
    sizes = sorted(len(body) for body in events(count))
    middle = sizes[len(sizes) // 2]
    print(
        f"{count:,} events: {sum(sizes) / count:,.0f} bytes on average, median {middle:,}, ", end=""
    )
    print(f"smallest {sizes[0]:,}, largest {sizes[-1]:,}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
