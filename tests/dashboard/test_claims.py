"""What pages say of parents and names that those do not confirm who speak for them."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from catalog.model import Environment
from catalog.moments import microseconds
from lineage.ingest import Arrival, Ingestor
from lineage.keyring import Keyring
from lineage.keys import Key
from tests.dashboard.conftest import NOW, WAREHOUSE
from tests.dashboard.test_pages import visit, words
from tests.dashboard.test_stories import DBT, RUN, said

ABOVE = "0199aaaa-0000-7000-8000-00000000000a"
OUTPUT = {"namespace": WAREHOUSE, "name": "shop.mart.orders"}


@pytest.fixture
def keys(filled: Engine) -> dict[str, Key]:
    """A scheduler's key, and dbt's, which is for development."""
    scopes = {"airflow": ["airflow-prod"], "dbt": [DBT, "postgres://*"]}
    return {
        name: Keyring(filled).create(
            name, globs, environment=None if name == "airflow" else Environment.DEV,
            principal=f"service:{name}", expires_at=None, by="person:ana",
            at=microseconds(NOW) - 10**9,
        )[0]
        for name, globs in scopes.items()
    }  # fmt: skip


def child(**parts: object) -> bytes:
    """A run of dbt that names a task of the scheduler as its parent."""
    job = {"namespace": "airflow-prod", "name": "shop.load"}
    root = {"run": {"runId": ABOVE}, "job": {"namespace": "airflow-prod", "name": "shop"}}
    parent = {"run": {"runId": ABOVE}, "job": job, "root": root}
    run = {"runId": RUN, "facets": {"parent": parent}}
    return said("COMPLETE", 7, run=run, outputs=[OUTPUT], **parts)


def task(minutes_ago: float = 9) -> bytes:
    return said(
        "START",
        minutes_ago,
        run={"runId": ABOVE},
        job={"namespace": "airflow-prod", "name": "shop.load"},
    )


def test_a_parent_that_no_key_confirms_is_told_as_a_claim(
    filled: Engine, keys: dict[str, Key]
) -> None:
    Ingestor(filled).ingest([Arrival(child(), "t", keys["dbt"]), Arrival(task(), "t")])

    run = words(visit("run", run=RUN))
    job = words(visit("job", namespace=DBT, name="shop.orders"))
    above = words(visit("run", run=ABOVE))

    assert "claims as its parent" in run
    assert "claims as its root" in run
    assert "only a claim, trust E1: the key dbt does not speak for it" in run
    assert "claims as its parent" in job
    assert "no key confirms it" in job
    assert "claimed as its parent, which no key confirms, by" in above
    assert "1 more run claims it" in above


def test_a_parent_whose_own_run_came_by_its_key_is_one(
    filled: Engine, keys: dict[str, Key]
) -> None:
    Ingestor(filled).ingest(
        [Arrival(child(), "t", keys["dbt"]), Arrival(task(), "t", keys["airflow"])]
    )

    run = words(visit("run", run=RUN))

    assert "part of" in run
    assert "trust E2: a key that speaks for it confirms it" in run
    assert "claims as its root" in run  # of which no run came
    assert "1 run below" in words(visit("run", run=ABOVE))


def test_what_a_key_wrote_in_another_environment_is_listed_with_the_reason(
    filled: Engine, keys: dict[str, Key]
) -> None:
    Ingestor(filled).ingest([Arrival(child(), "t", keys["dbt"])])

    page, run = visit("keys"), words(visit("run", run=RUN))

    assert not page.exception
    text = words(page)
    assert "It is for dev, and within 30 days it wrote 1 dataset in prod:" in text
    assert "prod, because its namespace says" in text
    assert "trust E1: by a key for dev, and this is prod" in run


def test_a_name_that_is_only_claimed_is_shown_with_the_line_to_declare(
    filled: Engine, keys: dict[str, Key]
) -> None:
    other = {"namespace": "airflow-prod", "name": "orders", "type": "TABLE"}
    facets = {"symlinks": {"identifiers": [other]}}
    own = said("COMPLETE", 7, outputs=[OUTPUT | {"facets": facets}])
    Ingestor(filled).ingest([Arrival(own, "t", keys["dbt"])])

    page = visit("asset", namespace=WAREHOUSE, name="shop.mart.orders")

    assert not page.exception
    assert "because an event says so, without a key that speaks for both" in words(page)
    assert any('namespace: "airflow-prod", name: "orders"' in block.value for block in page.code)
