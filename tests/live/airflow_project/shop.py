"""The shop's rentals in Airflow: loaded, cleaned at the second try, not published, not mailed."""

import datetime as dt

from airflow.providers.common.compat.openlineage.facet import Dataset
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, task
from airflow.sdk.exceptions import AirflowSkipException

WAREHOUSE = "postgres://warehouse.example.com:5432"
EXPORT = Asset(uri="file://files.example.com/shop/rentals.csv", name="export")
# Assets in a warehouse reach OpenLineage only where that warehouse's provider is installed.
RAW = Dataset(namespace=WAREHOUSE, name="shop.raw.rentals")
CLEAN = Dataset(namespace=WAREHOUSE, name="shop.clean.rentals")

with DAG(
    "shop",
    schedule=None,
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    tags=["rentals"],
    description="Loads and cleans the rentals.",
    default_args={"owner": "team:rentals", "retry_delay": dt.timedelta(seconds=1)},
):

    @task(inlets=[EXPORT], outlets=[RAW])
    def load():
        """Take in the export."""

    @task(inlets=[RAW], outlets=[CLEAN], retries=1)
    def clean(ti=None):
        """Answer at the second try only."""
        if ti.try_number == 1:
            raise RuntimeError("the warehouse did not answer")

    @task(inlets=[CLEAN])
    def publish():
        """Have nothing to do."""
        raise AirflowSkipException("nothing new to publish")

    @task(inlets=[CLEAN])
    def mail():
        """Fail for good."""
        raise ValueError("nobody to write to")

    done = EmptyOperator(task_id="done")
    load() >> clean() >> [publish(), mail()] >> done
