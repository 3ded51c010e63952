"""What the tools of the sample company say in their facets, built with the OpenLineage client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import attr
from openlineage.client.constants import __version__ as client_version
from openlineage.client.facet_v2 import (
    DatasetFacet,
    JobFacet,
    OutputDatasetFacet,
    RunFacet,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    dataset_type_dataset,
    job_type_job,
    lifecycle_state_change_dataset,
    output_statistics_output_dataset,
    ownership_dataset,
    ownership_job,
    processing_engine_run,
    schema_dataset,
    source_code_location_job,
    sql_job,
    storage_dataset,
    tags_dataset,
    tags_run,
)

from catalog.model import AssetKey
from lineage.sample.model import Activity, Company, SampleDataset, SampleTest, Tool

_CODE = "https://git.orchard.example"
_PROVIDER = "https://github.com/apache/airflow/tree/providers-openlineage/2.20.0"
_INTEGRATION = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration"


@dataclass(frozen=True, slots=True)
class Voice:
    """How one tool introduces itself."""

    producer: str
    integration: str
    job_type: str
    engine: str
    engine_version: str
    processing: str = "BATCH"


VOICES = {
    Tool.AIRFLOW: Voice(_PROVIDER, "AIRFLOW", "TASK", "Airflow", "3.3.0"),
    Tool.DAG: Voice(_PROVIDER, "AIRFLOW", "DAG", "Airflow", "3.3.0"),
    Tool.DBT: Voice(f"{_INTEGRATION}/dbt", "DBT", "MODEL", "dbt", "1.11.16"),
    Tool.DBT_TEST: Voice(f"{_INTEGRATION}/dbt", "DBT", "TEST", "dbt", "1.11.16"),
    Tool.SPARK: Voice(f"{_INTEGRATION}/spark", "SPARK", "APPLICATION", "spark", "4.1.0"),
    Tool.FLINK: Voice(f"{_INTEGRATION}/flink", "FLINK", "JOB", "flink", "2.2.0", "STREAMING"),
    Tool.LOOKER: Voice("https://orchard.example/looker", "LOOKER", "DASHBOARD", "looker", "26.2"),
    Tool.SCAN: Voice("https://orchard.example/quality", "SCAN", "SCAN", "quality", "4.2.0"),
    Tool.NOTEBOOK: Voice("https://orchard.example/notebook", "SPARK", "NOTEBOOK", "spark", "4.1.0"),
    Tool.SCRIPT: Voice("https://orchard.example/script", "SCRIPT", "COMMAND", "python", "3.11"),
}


@attr.define
class AirflowRunFacet(RunFacet):
    """Airflow's own account of a run, cut down to what says who and why."""

    dag: dict[str, Any]
    dagRun: dict[str, Any]  # noqa: N815  # the provider's spelling
    task: dict[str, Any] | None = attr.field(default=None)


@attr.define
class SparkApplicationDetails(RunFacet):
    """Spark's own account of an application."""

    userName: str  # noqa: N815  # the integration's spelling
    master: str = attr.field(default="local[*]")


class Facets:
    """Builds the facets of one company's events."""

    def __init__(self, company: Company) -> None:
        self.datasets = company.datasets
        self._written = {key for activity in company.activities for key in activity.outputs}

    def of_job(self, activity: Activity, version: str) -> dict[str, JobFacet]:
        """What every event of an activity says about its job."""
        voice = VOICES[activity.tool]
        says = voice.producer
        facets: dict[str, JobFacet] = {
            "jobType": job_type_job.JobTypeJobFacet(
                processingType=voice.processing,
                integration=voice.integration,
                jobType=voice.job_type,
                producer=says,
            )
        }
        if activity.owner:
            owner = ownership_job.Owner(name=activity.owner)
            facets["ownership"] = ownership_job.OwnershipJobFacet(owners=[owner], producer=says)
        if activity.repository:
            repository = f"{_CODE}/{activity.repository}"
            facets["sourceCodeLocation"] = source_code_location_job.SourceCodeLocationJobFacet(
                type="git",
                url=f"{repository}/blob/{version}/{activity.path}",
                repoUrl=f"{repository}.git",
                path=activity.path,
                version=version,
                branch="main",
                producer=says,
            )
        if activity.tool is Tool.DBT and activity.inputs:
            columns = ", ".join(
                column.name for column in self.datasets[activity.outputs[0]].columns
            )
            sources = " natural join ".join(key.name for key in activity.inputs)
            facets["sql"] = sql_job.SQLJobFacet(
                query=f"select {columns} from {sources}", dialect="snowflake", producer=says
            )
        return facets

    def of_run(self, activity: Activity, nominal: str) -> dict[str, RunFacet]:
        """What every event of an activity says about the run, its parent and times left out."""
        voice = VOICES[activity.tool]
        says = voice.producer
        facets: dict[str, RunFacet] = {
            "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
                version=voice.engine_version, name=voice.engine, producer=says
            )
        }
        kind, _, name = (activity.principal or "").partition(":")
        tags = []
        if kind == "person" and activity.tool is Tool.NOTEBOOK:
            facets["spark_applicationDetails"] = SparkApplicationDetails(
                userName=name, producer=says
            )
        elif activity.principal and not (kind == "person" and activity.tool is Tool.AIRFLOW):
            tags.append(tags_run.TagsRunFacetFields("principal", activity.principal, "INTEGRATION"))
        if activity.tool in (Tool.AIRFLOW, Tool.DAG):
            facets["airflow"] = _airflow(activity, nominal, name if kind == "person" else None)
        # The client adds this one to whatever it emits; saying it first keeps an event the same
        # whether it was sent or written to a file.
        tags.append(
            tags_run.TagsRunFacetFields(
                "openlineage_client_version", client_version, "OPENLINEAGE_CLIENT"
            )
        )
        facets["tags"] = tags_run.TagsRunFacet(tags=list(tags), producer=says)
        return facets

    def of_input(self, key: AssetKey, says: str) -> dict[str, DatasetFacet]:
        """What an event says about a dataset that was read: nothing where its writer says it."""
        return {} if key in self._written else self._described(key, says)

    def _described(self, key: AssetKey, says: str) -> dict[str, DatasetFacet]:
        dataset = self.datasets[key]
        facets: dict[str, DatasetFacet] = {
            "schema": schema_dataset.SchemaDatasetFacet(
                fields=[
                    schema_dataset.SchemaDatasetFacetFields(
                        name=column.name, type=column.type, ordinal_position=number
                    )
                    for number, column in enumerate(dataset.columns, start=1)
                ],
                producer=says,
            ),
            "datasetType": dataset_type_dataset.DatasetTypeDatasetFacet(
                datasetType=dataset.type,
                subType="TEMPORARY" if dataset.is_temporary else None,
                producer=says,
            ),
        }
        if dataset.personal:
            tag = tags_dataset.TagsDatasetFacetFields
            facets["tags"] = tags_dataset.TagsDatasetFacet(
                tags=[tag("pii", kind, "CATALOG", column) for column, kind in dataset.personal],
                producer=says,
            )
        if dataset.type == "FILE":
            facets["storage"] = storage_dataset.StorageDatasetFacet(
                storageLayer="parquet", fileFormat="parquet", producer=says
            )
        return facets

    def of_output(self, activity: Activity, key: AssetKey) -> dict[str, DatasetFacet]:
        """What an activity says about a dataset that it wrote."""
        says = VOICES[activity.tool].producer
        dataset = self.datasets[key]
        facets = self._described(key, says)
        if dataset.owner and activity.tool is Tool.DBT:
            owner = ownership_dataset.Owner(name=dataset.owner)
            facets["ownership"] = ownership_dataset.OwnershipDatasetFacet(
                owners=[owner], producer=says
            )
        columns = self._column_lineage(dataset, activity.inputs)
        if columns and activity.tool in (Tool.AIRFLOW, Tool.DBT, Tool.SPARK):
            facets["columnLineage"] = column_lineage_dataset.ColumnLineageDatasetFacet(
                fields=columns, producer=says
            )
        if activity.operation:
            change = lifecycle_state_change_dataset
            before = activity.previously
            facets["lifecycleStateChange"] = change.LifecycleStateChangeDatasetFacet(
                lifecycleStateChange=change.LifecycleStateChange(activity.operation),
                previousIdentifier=change.PreviousIdentifier(
                    name=before.name, namespace=before.namespace
                )
                if before
                else None,
                producer=says,
            )
        return facets

    def _column_lineage(
        self, dataset: SampleDataset, inputs: tuple[AssetKey, ...]
    ) -> dict[str, column_lineage_dataset.Fields]:
        """Columns come unchanged, or masked, from those of the same name in what was read."""
        sources = [self.datasets[key] for key in inputs]
        namesakes = [source for source in sources if source.stem == dataset.stem]
        lineage = column_lineage_dataset
        fields = {}
        for column in dataset.columns:
            how = lineage.Transformation(type="DIRECT", subtype="IDENTITY")
            if column.is_masked:
                how = lineage.Transformation(
                    type="DIRECT", subtype="TRANSFORMATION", description="sha256", masking=True
                )
            found = [
                lineage.InputField(
                    namespace=source.key.namespace,
                    name=source.key.name,
                    field=column.name,
                    transformations=[how],
                )
                for source in (namesakes or sources)
                if any(column.name == other.name for other in source.columns)
            ]
            if found:
                fields[column.name] = lineage.Fields(inputFields=found)
        return fields


def statistics(rows: int, says: str) -> dict[str, OutputDatasetFacet]:
    """How much was written."""
    return {
        "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=rows, producer=says
        )
    }


def assertions(
    tests: tuple[SampleTest, ...], failing: frozenset[int], says: str, *, is_skipped: bool
) -> data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet:
    """Results of data tests; ``failing`` holds their positions."""
    quality = data_quality_assertions_dataset
    return quality.DataQualityAssertionsDatasetFacet(
        assertions=[
            quality.Assertion(
                assertion=test.name,
                # A skipped test is reported as not successful, as dbt does it.
                success=not is_skipped and number not in failing,
                column=test.column,
                severity="error" if test.is_blocking else "warn",
                expected="0",
                actual="0" if is_skipped or number not in failing else "3",
            )
            for number, test in enumerate(tests)
        ],
        producer=says,
    )


def _airflow(activity: Activity, nominal: str, person: str | None) -> AirflowRunFacet:
    dag, _, task = activity.job.name.partition(".")
    run_type = "manual" if person else "scheduled"
    dag_run = {"dag_id": dag, "run_id": f"{run_type}__{nominal}", "run_type": run_type}
    return AirflowRunFacet(
        dag={"dag_id": dag},
        dagRun={**dag_run, "triggering_user_name": person} if person else dag_run,
        task={"task_id": task, "retries": 2} if task else None,
        producer=VOICES[activity.tool].producer,
    )
