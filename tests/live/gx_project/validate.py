"""Great Expectations looks at one table, with a checkpoint that reports to OpenLineage."""

import json
import sqlite3
import sys
from typing import Literal

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.checkpoint.actions import ValidationAction
from openlineage.common.provider.great_expectations import OpenLineageValidationAction


class ReportLineage(ValidationAction):
    """Hands each result to OpenLineage's action, which a checkpoint of 1.x cannot hold itself."""

    type: Literal["report_lineage"] = "report_lineage"
    namespace: str

    def run(self, checkpoint_result, action_context=None):  # noqa: ARG002
        """Report every validation of the checkpoint as a run of its own."""
        definitions = checkpoint_result.checkpoint_config.validation_definitions
        results = checkpoint_result.run_results.items()
        for definition, (identifier, result) in zip(definitions, results, strict=True):
            # Asked for by the action, and no longer there.
            result.meta.setdefault("expectation_suite_name", result.suite_name)
            validator = context.get_validator(
                batch_request=definition.data.build_batch_request(),
                expectation_suite=definition.suite,
            )
            action = OpenLineageValidationAction(
                name="openlineage",
                openlineage_namespace=self.namespace,
                job_name=f"validate_{definition.name}",
            )
            action._run(result, identifier, validator)  # noqa: SLF001
        return {}


with sqlite3.connect("shop.db") as shop:
    shop.execute("create table rentals (rental_id int, bike_id int, channel text, price real)")
    shop.execute(
        "insert into rentals values (1, 1, 'web', 9.5), (2, 1, 'shop', 12.0), "
        "(3, 2, 'phone', 7.25), (4, null, 'web', 30.0)"
    )

context = gx.get_context(mode="ephemeral")
rentals = context.data_sources.add_sqlite("shop", connection_string="sqlite:///shop.db")
table = rentals.add_table_asset("rentals", table_name="rentals")
suite = context.suites.add(gx.ExpectationSuite(name="rentals"))
for expectation in (
    gxe.ExpectColumnValuesToNotBeNull(column="rental_id"),
    gxe.ExpectColumnValuesToBeUnique(column="rental_id"),
    gxe.ExpectColumnValuesToNotBeNull(column="bike_id", severity="warning"),
    gxe.ExpectColumnValuesToBeInSet(column="channel", value_set=["shop", "web"]),
    gxe.ExpectTableRowCountToBeBetween(min_value=1, max_value=10),
    gxe.ExpectColumnSumToBeBetween(column="no_such_column", min_value=0),
):
    suite.add_expectation(expectation)
definition = gx.ValidationDefinition(
    name="rentals", data=table.add_batch_definition_whole_table("whole"), suite=suite
)
checkpoint = gx.Checkpoint(
    name="nightly",
    validation_definitions=[context.validation_definitions.add(definition)],
    actions=[ReportLineage(name="lineage", namespace="shop")],
)
done = checkpoint.run()
json.dump(
    {
        "version": gx.__version__,
        "success": done.success,
        "expectations": [
            {
                "type": each.expectation_config.type,
                "column": each.expectation_config.kwargs.get("column"),
                "severity": str(each.expectation_config.severity.value),
                "success": each.success,
                "exception": any(
                    isinstance(info, dict) and info.get("raised_exception")
                    for info in each.exception_info.values()
                ),
            }
            for result in done.run_results.values()
            for each in result.results
        ],
    },
    sys.stdout,
)
