"""Our run facet and the other ways to say who ran it, through the real client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attr
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.generated.base import RunFacet
from openlineage.client.serde import Serde
from openlineage.client.transport.file import FileConfig, FileTransport

import lineage
from catalog.model import Trust
from lineage.principal_facet import FACET, AndonPrincipalRunFacet
from lineage.principals import Said, said_in

SCHEMA = "AndonPrincipalRunFacet.json"
SHIPPED = Path(lineage.__file__ or "").with_name("schemas") / SCHEMA
PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas" / SCHEMA
RUN_ID = "019c0000-0000-7000-8000-000000000001"


def sent(folder: Path, **facets: RunFacet) -> dict[str, Any]:
    """What the client writes for one event with such facets on its run."""
    path = folder / "events.ndjson"
    client = OpenLineageClient(
        transport=FileTransport(FileConfig(log_file_path=str(path), append=True))
    )
    event = RunEvent(
        eventTime="2026-11-20T06:00:00Z",
        producer="https://example.com/producer",
        eventType=RunState.COMPLETE,
        run=Run(runId=RUN_ID, facets=dict(facets)),
        job=Job(namespace="jobs", name="load"),
    )
    client.emit(event)
    facets_sent = json.loads(path.read_text("utf-8"))["run"]["facets"]
    assert isinstance(facets_sent, dict)
    return facets_sent


def test_our_facet_comes_through_the_client_as_it_was_said(tmp_path: Path) -> None:
    facet = AndonPrincipalRunFacet("service:etl", how="manual", on_behalf_of="person:ana")

    facets = sent(tmp_path, **{FACET: facet})

    assert said_in(FACET, facets[FACET]) == Said(
        "service:etl", Trust.E1, "run.facets.andon_principal.principal", "manual", "person:ana"
    )
    assert facets[FACET]["_producer"]


def test_what_is_not_said_is_not_sent() -> None:
    sent_facet = json.loads(Serde.to_json(AndonPrincipalRunFacet("person:ana")))

    assert {key for key in sent_facet if not key.startswith("_")} == {"principal"}


def test_the_facet_and_its_schema_agree() -> None:
    schema = json.loads(SHIPPED.read_text("utf-8"))
    of_facet = schema["$defs"]["AndonPrincipalRunFacet"]["allOf"][1]

    fields = {field.name for field in attr.fields(AndonPrincipalRunFacet)}
    facet = AndonPrincipalRunFacet("person:ana")
    address, _, pointer = json.loads(Serde.to_json(facet))["_schemaURL"].partition("#/")

    assert set(of_facet["properties"]) == {name for name in fields if not name.startswith("_")}
    assert address == schema["$id"]
    assert pointer == "$defs/AndonPrincipalRunFacet"
    assert list(schema["properties"]) == [FACET]


def test_the_published_schema_is_the_one_that_is_shipped() -> None:
    assert PUBLISHED.read_bytes() == SHIPPED.read_bytes()


def test_a_tag_set_around_the_client_names_the_principal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TAGS__RUN__PRINCIPAL", "person:ana")

    said = said_in("tags", sent(tmp_path)["tags"])

    assert said is not None
    assert said.principal == "person:ana"


def test_a_collected_variable_names_the_principal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "ana")
    monkeypatch.setenv("OPENLINEAGE__FACETS__ENVIRONMENT_VARIABLES", '["GITHUB_ACTOR"]')

    said = said_in("environmentVariables", sent(tmp_path)["environmentVariables"])

    assert said is not None
    assert said.principal == "person:ana"
