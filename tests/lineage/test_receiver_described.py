"""The API's description says what is served, and asks nothing of the outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lineage import description, health, receiver
from lineage.ingest import Ingestor
from lineage.metering import GAUGES, Meter
from tests.lineage.receiving import LIMIT

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "receiver.md").read_text("utf-8")


@pytest.fixture
def client(store: Engine) -> Iterator[TestClient]:
    app = Starlette(
        routes=[receiver.ReceiverRoute(), *health.routes(), *description.routes()],
        exception_handlers={404: description.not_served},
    )
    app.state.engine = store
    app.state.receiver = receiver.Receiver(Ingestor(store), LIMIT)
    with app.state.receiver.running(), TestClient(app) as client:
        yield client


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (v for k, v in value.items() if k == "$ref")
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_described_path_is_served_with_a_described_answer(client: TestClient) -> None:
    described = client.get("/openapi.json").json()

    for path, operations in described["paths"].items():
        for method, told in operations.items():
            answer = client.request(method.upper(), path, content=b"7")
            assert str(answer.status_code) in told["responses"], path
            assert str(client.put(path).status_code) == "405"


def test_every_path_that_takes_events_is_described() -> None:
    served = {path.rstrip("/") for path in receiver.SINGLE | receiver.BATCHED}

    assert served <= set(description.API["paths"])


def test_every_reference_in_the_description_leads_somewhere() -> None:
    names = {ref.removeprefix("#/components/schemas/") for ref in references(description.API)}

    assert names == set(description.API["components"]["schemas"])


def test_the_page_for_people_asks_nothing_of_the_outside(client: TestClient) -> None:
    page = client.get("/docs")

    assert page.status_code == 200
    assert not re.search(r"(src|href)=.?(https?:)?//|<script|@import|url\(", page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for path in description.API["paths"]:
        assert path in page.text


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/api", "/api/v1/nothing", "/openapi/nothing"])
def test_what_is_not_served_is_told_in_json(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)

    assert answer.status_code == 404
    assert answer.json()["path"] == path


def test_every_answer_and_every_metric_is_documented() -> None:
    codes = {
        code
        for operations in description.API["paths"].values()
        for operation in operations.values()
        for code in operation["responses"]
    }
    text = Meter().text(dict.fromkeys(GAUGES, 0))
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}

    assert [code for code in codes if f"| {code} |" not in DOCUMENTED] == []
    assert [name for name in names if name not in DOCUMENTED] == []
