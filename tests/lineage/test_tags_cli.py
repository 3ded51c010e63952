"""The command that tells where personal data is, on the sample company."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result

from catalog.database import connect
from catalog.errors import UserError
from catalog.formats import read_catalog
from catalog.store import apply_catalog
from lineage.ingest import Arrival, Ingestor
from lineage.sample import GOVERNANCE
from lineage.sample.events import events_of_day
from lineage.sample.scenario import load_company
from lineage.tags_cli import tags

ANCHOR = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
WAREHOUSE, SHOP = "snowflake://orchard-main", "postgres://shop-db.prod.orchard.example:5432"

Andon = Callable[..., Result]


@pytest.fixture(scope="module")
def andon(tmp_path_factory: pytest.TempPathFactory) -> Andon:
    url = f"sqlite:///{tmp_path_factory.mktemp('sample') / 'andon.db'}"
    engine = connect(url)
    bodies = events_of_day(load_company(), ANCHOR.date(), ANCHOR)
    Ingestor(engine).ingest([Arrival(body, "sample") for body in bodies])
    apply_catalog(engine, read_catalog(GOVERNANCE), "person:ines", ANCHOR)
    engine.dispose()

    def run(*words: str) -> Result:
        return CliRunner().invoke(tags, [*words, "--database", url])

    return run


def test_one_dataset_tells_what_it_holds_and_by_which_way(andon: Andon) -> None:
    told = andon(WAREHOUSE, "prod.marts.dim_customers").output

    assert "Made of what is tagged: 1 column. Masked on the way: 1 place." in told
    assert "pii:email in prod.marts.dim_customers.email:" in told
    assert "shop/customers.email -> prod.raw.customers.email by ingest_shop.load_customers" in told
    assert "prod.marts.fct_orders.email masked by prod.marts.commerce.fct_orders.build.run" in told


def test_a_source_tells_where_its_data_goes(andon: Andon) -> None:
    found = json.loads(andon(SHOP, "shop.public.customers", "--forward", "--format", "json").output)

    assert [(o["column"]["field"], o["tag"], o["basis"]) for o in found["origins"]] == [
        ("email", "pii:email", "asserted"), ("name", "pii:name", "asserted"),
    ]  # fmt: skip
    reached = {a["column"]["name"]: a for a in found["arrivals"]}
    assert "prod.marts.dim_customers" in reached
    assert [hop["job"]["name"] for hop in reached["prod.raw.customers"]["path"]] == [
        "ingest_shop.extract", "ingest_shop.load_customers",
    ]  # fmt: skip
    assert all(len(hop["event_id"]) == 64 for a in found["arrivals"] for hop in a["path"])
    (stop,) = found["masked"]
    assert stop["at"]["masking"] is True
    assert stop["arrives_otherwise"] is False
    assert (found["unseen"], found["truncated"]) == ([], False)


def test_the_list_of_the_estate_is_the_same_as_text_json_and_csv(andon: Andon) -> None:
    rows = list(csv.DictReader(io.StringIO(andon("--format", "csv").output)))
    found = json.loads(andon("--format", "json").output)
    text = andon().output

    assert [(r["name"], r["field"], r["tag"]) for r in rows] == [
        (a["column"]["name"], a["column"]["field"], a["tag"]) for a in found["arrivals"]
    ]
    assert all(f"{row['name']}.{row['field']}" in text for row in rows)
    assert "licence" in {row["field"] for row in rows if row["name"] == "prod.marts.dim_vehicles"}


def test_tags_that_nobody_gave_are_nowhere(andon: Andon) -> None:
    assert "No column is tagged so anywhere." in andon("--tag", "secret*").output
    assert "nor does any such tag come here" in andon(WAREHOUSE, "prod.marts.dim_products").output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["only-one"], "expected NAMESPACE NAME, or neither"),
        (["--forward"], "expected NAMESPACE NAME with it"),
        ([WAREHOUSE, "prod.marts.dim_customer"], 'Nearest: "snowflake://orchard-main"'),
    ],
)
def test_bad_input_is_told_in_one_line(andon: Andon, words: list[str], told: str) -> None:
    error = andon(*words).exception

    assert isinstance(error, UserError)
    assert told in str(error)
