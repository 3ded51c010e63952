"""Who ran it: what each producer says, and nobody where nobody is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import Trust
from lineage.principals import (
    PRECEDENCE,
    Said,
    is_placeholder,
    principal_of,
    principals_in,
    said_in,
)
from tests.lineage.wild import facets, real_facets, same_however_written

WORDS = [
    "principal", "how", "on_behalf_of", "tags", "key", "value", "source", "username", "userName",
    "environment-properties", "user", "dagRun", "run_type", "triggering_user_name", "task", "dag",
    "owner", "serviceAccount", "environmentVariables", "name",
]  # fmt: skip
NAMES = ["ana", "person:ana", "service:x", "team:", "GITHUB_ACTOR", "USER", "principal", "manual"]

wild = facets(WORDS, NAMES)


def airflow(run_type: str, user: str | None = None, **parts: Any) -> dict[str, Any]:
    return {"dagRun": {"run_type": run_type, "triggering_user_name": user}, **parts}


def environment(**variables: str) -> dict[str, Any]:
    return {"environmentVariables": [{"name": n, "value": v} for n, v in variables.items()]}


def tagged(value: str, **more: str) -> dict[str, Any]:
    return {"tags": [{"key": "tier", "value": "1"}, {"key": "principal", "value": value, **more}]}


# Laws


@given(st.sampled_from([*PRECEDENCE, "schema"]), wild)
def test_a_facet_is_read_whatever_it_holds(facet_name: str, facet: dict[str, Any]) -> None:
    same_however_written(lambda f: said_in(facet_name, f), facet)


@given(st.sampled_from(PRECEDENCE), wild)
def test_whoever_is_named_is_a_principal_and_somebody(
    facet_name: str, facet: dict[str, Any]
) -> None:
    said = said_in(facet_name, facet)

    for principal in (said.principal, said.on_behalf_of) if said else ():
        if principal is not None:
            assert re.fullmatch(r"(person|service|team):\S+", principal)
            kind, _, name = principal.partition(":")
            assert kind == "service" or not is_placeholder(name)
    assert principals_in(facet_name, facet) == (
        said.principal if said and said.trust is Trust.E1 else None
    )


@given(st.dictionaries(st.sampled_from([*PRECEDENCE, "other"]), st.sampled_from(["p", "q"])))
def test_the_most_telling_facet_counts(found: dict[str, str]) -> None:
    counted = principal_of(found)

    telling = [name for name in PRECEDENCE if name in found]
    assert counted == ((found[telling[0]], telling[0]) if telling else None)


def test_the_page_lists_the_facets_in_the_order_in_which_they_count() -> None:
    page = (Path(__file__).parents[2] / "docs" / "principals.md").read_text("utf-8")

    cells = re.findall(r"^\| (`.+?`) \|", page, re.MULTILINE)

    assert tuple(name for cell in cells for name in re.findall("`(.+?)`", cell)) == PRECEDENCE


def test_who_started_a_run_by_hand_goes_before_a_tag_on_all_runs() -> None:
    named = {"tags": "service:airflow-prod", "airflow": "person:ana"}

    assert principal_of(named) == ("person:ana", "airflow")


# What each producer says


@pytest.mark.parametrize(
    ("facet_name", "facet", "principal", "path", "how"),
    [
        ("andon_principal", {"principal": "person:ana", "how": "by hand"}, "person:ana",
         "principal", "by hand"),
        ("andon_principal", {"principal": "ana"}, "person:ana", "principal", None),
        ("andon_principal", {"principal": "service:airflow"}, "service:airflow", "principal", None),
        ("tags", tagged("person:ana"), "person:ana", "tags[1].value", None),
        ("tags", tagged("team:sales", source="USER"), "team:sales", "tags[1].value", None),
        ("tags", tagged("person", source="ana"), "person:ana", "tags[1].value", None),
        ("environment-properties",
         {"environment-properties": {"user": "root", "ANDON_PRINCIPAL": "service:etl"}},
         "service:etl", "environment-properties.ANDON_PRINCIPAL", None),
        ("hive_session", {"username": "ana"}, "person:ana", "username", None),
        ("environment-properties",
         {"environment-properties": {"user": "ana@x.example", "spark.databricks.job.type": "run"}},
         "person:ana@x.example", "environment-properties.user", "run"),
        ("environment-properties",
         {"environment-properties": {"user": "019c0000-0000-7000-8000-00000000000A"}},
         "service:019c0000-0000-7000-8000-00000000000A", "environment-properties.user", None),
        ("spark_applicationDetails", {"userName": "ana"}, "person:ana", "userName", None),
        ("airflow", airflow("manual", "ana"), "person:ana", "dagRun.triggering_user_name",
         "manual"),
        ("airflowDagRun", airflow("backfill", "Ana Lee"), "person:Ana-Lee",
         "dagRun.triggering_user_name", "backfill"),
        ("gcp_dataproc", {"serviceAccount": "etl@p.iam.gserviceaccount.com"},
         "service:etl@p.iam.gserviceaccount.com", "serviceAccount", None),
        ("environmentVariables", environment(CI="1", GITHUB_ACTOR="ana"), "person:ana",
         "environmentVariables[1].value", None),
        ("environmentVariables", environment(GITHUB_ACTOR="dependabot[bot]"),
         "service:dependabot[bot]", "environmentVariables[0].value", None),
        ("environmentVariables", environment(USER="root", LOGNAME="ana"), "person:ana",
         "environmentVariables[1].value", None),
        ("environmentVariables", environment(USER="ana", ANDON_PRINCIPAL="service:etl"),
         "service:etl", "environmentVariables[1].value", None),
        ("environmentVariables",
         environment(ANDON_PRINCIPAL="service:etl", GITHUB_EVENT_NAME="schedule"),
         "service:etl", "environmentVariables[0].value", None),
    ],
)  # fmt: skip
def test_a_producer_says_who_ran_it(
    facet_name: str, facet: dict[str, Any], principal: str, path: str, how: str | None
) -> None:
    said = said_in(facet_name, facet)

    assert said == Said(principal, Trust.E1, f"run.facets.{facet_name}.{path}", how)
    assert principals_in(facet_name, facet) == principal


@pytest.mark.parametrize(
    ("facet_name", "facet"),
    [
        ("andon_principal", {"principal": "unknown", "how": "by hand"}),
        ("tags", tagged("ana")),
        ("tags", tagged("team:")),
        ("tags", tagged("person: ")),
        ("tags", tagged("person")),
        ("tags", tagged("person:ana", source="DBT_META")),
        ("tags", {"tags": [{"key": "owner", "value": "team:x", "source": "DBT_META"}]}),
        ("hive_session", {"username": "hive"}),
        ("spark_applicationDetails", {"userName": "root"}),
        ("spark_applicationDetails", {"userName": "x" * 257}),
        ("airflow", airflow("manual", "Anonymous")),
        ("airflow", airflow("manual", "dag_test")),
        ("airflow", airflow("manual", "***")),
        ("airflow", airflow("manual")),
        ("airflow", airflow("scheduled", "ana")),
        ("airflow", airflow("asset_triggered", "ana")),
        ("airflow", airflow("operator_triggered", "ana")),
        ("environmentVariables", environment(PATH="/bin")),
        ("environmentVariables", environment(GITHUB_ACTOR="ana", GITHUB_EVENT_NAME="schedule")),
        ("environmentVariables", environment(USER="runner")),
        ("gcp_dataproc", {"projectId": "p", "appName": "ana"}),
        ("dbt_run", {"invocation_id": "x"}),
    ],
)
def test_nobody_is_named_by_what_names_nobody(facet_name: str, facet: dict[str, Any]) -> None:
    assert said_in(facet_name, facet) is None


@pytest.mark.parametrize(
    ("parts", "principal", "path"),
    [
        ({"task": {"owner": "ana@x.example"}}, "person:ana@x.example", "task.owner"),
        ({"task": {"owner": "airflow"}, "dag": {"owner": "sales, ops"}}, "team:sales", "dag.owner"),
    ],
)
def test_an_owner_is_a_hint_and_no_principal(
    parts: dict[str, Any], principal: str, path: str
) -> None:
    facet = airflow("scheduled", **parts)

    assert said_in("airflow", facet) == Said(
        principal, Trust.E0, f"run.facets.airflow.{path}", "scheduled"
    )
    assert principals_in("airflow", facet) is None


def test_who_a_service_acted_for_is_kept_apart() -> None:
    facet = {"principal": "service:etl", "on_behalf_of": "person:ana"}

    said = said_in("andon_principal", facet)

    assert said is not None
    assert (said.principal, said.on_behalf_of) == ("service:etl", "person:ana")


def test_real_events_name_who_they_name() -> None:
    named = {
        (name, said.principal, said.trust)
        for name in PRECEDENCE
        for facet in real_facets(name)
        if (said := said_in(name, facet)) is not None
    }

    assert named == {
        ("spark_applicationDetails", "person:myuser", Trust.E1),
        ("airflow", "team:myuser", Trust.E0),
        ("airflowDagRun", "team:myuser", Trust.E0),
    }
