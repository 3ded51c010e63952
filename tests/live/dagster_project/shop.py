"""The shop's rentals in Dagster: two assets, one that breaks, one behind it, four checks."""

import json
import sys

import dagster as dg

RENTALS = dg.TableSchema(
    columns=[
        dg.TableColumn("rental_id", "int"),
        dg.TableColumn("channel", "string", description="How it was booked"),
    ]
)
REVENUE = dg.TableSchema(
    columns=[dg.TableColumn("channel", "string"), dg.TableColumn("euros", "float")]
)
FROM_RENTALS = dg.TableColumnLineage(
    {"channel": [dg.TableColumnDep(asset_key=dg.AssetKey("rentals"), column_name="channel")]}
)


@dg.asset
def rentals():
    """Six rentals."""
    return dg.MaterializeResult(metadata={"dagster/column_schema": RENTALS, "dagster/row_count": 6})


@dg.asset(deps=[rentals])
def revenue():
    """What each channel earned."""
    return dg.MaterializeResult(
        metadata={"dagster/column_schema": REVENUE, "dagster/column_lineage": FROM_RENTALS}
    )


@dg.asset(deps=[rentals])
def late_fees():
    """Break."""
    raise ValueError("the till is shut")


@dg.asset(deps=[late_fees])
def fees_by_model():
    """Never come to run."""


@dg.asset_check(asset=rentals)
def rental_id_is_unique():
    """Pass."""
    return dg.AssetCheckResult(passed=True, metadata={"column": "rental_id"})


@dg.asset_check(asset=rentals)
def channel_is_known():
    """Warn."""
    return dg.AssetCheckResult(
        passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"column": "channel"}
    )


@dg.asset_check(asset=revenue)
def revenue_is_positive():
    """Fail."""
    return dg.AssetCheckResult(passed=False)


@dg.asset_check(asset=late_fees)
def fees_are_paid():
    """Never come to run."""
    return dg.AssetCheckResult(passed=True)


shop = dg.Definitions(
    assets=[rentals, revenue, late_fees, fees_by_model],
    asset_checks=[rental_id_is_unique, channel_is_known, revenue_is_positive, fees_are_paid],
)

if __name__ == "__main__":
    with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
        job = shop.resolve_implicit_global_asset_job_def()
        done = job.execute_in_process(instance=instance, raise_on_error=False)
        run = instance.get_run_by_id(done.run_id)
        made = {each.asset_key.to_user_string() for each in done.get_asset_materialization_events()}
        assets = {each.to_user_string() for each in job.asset_layer.executable_asset_keys}
        checked = [
            {
                "asset": each.asset_key.to_user_string(),
                "check": each.check_name,
                "passed": each.passed,
                "severity": each.severity.value,
            }
            for each in done.get_asset_check_evaluations()
        ]
    json.dump(
        {
            "version": dg.__version__,
            "run": run.status.value,
            "assets": {name: name in made for name in sorted(assets)},
            "steps": {
                event.step_key: event.event_type_value
                for event in done.all_node_events
                if event.event_type_value in {"STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"}
            },
            "checks": sorted(checked, key=lambda each: (each["asset"], each["check"])),
        },
        sys.stdout,
    )
