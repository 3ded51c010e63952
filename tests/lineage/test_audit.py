"""The audit commands: intact or broken, since when, and the links for others to check."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from catalog.database import connect, writing
from catalog.errors import UserError
from catalog.model import Catalog, Environment, EnvironmentRule, Place
from catalog.moments import microseconds
from catalog.store import apply_catalog
from lineage.audit_cli import audit
from lineage.contents import compress, expand
from lineage.ingest import Arrival, Ingestor

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def andon(store: Engine, url: str) -> Callable[..., Result]:
    def run(*words: str) -> Result:
        return CliRunner().invoke(audit, [*words, "--database", url])

    return run


def apply_some(engine: Engine, count: int) -> None:
    for n in range(count):
        rule = EnvironmentRule(Environment.PROD, f"n{n}", "*", Place("all.yml", 1))
        apply_catalog(engine, Catalog(environments=(rule,)), "person:ana", AT)


def change(engine: Engine, statement: str) -> None:
    if engine.dialect.name == "postgresql":
        statement = statement.replace("x'00'", r"'\x00'::bytea")
    with writing(engine) as connection:
        connection.exec_driver_sql(statement)


def test_an_intact_chain_says_since_when_and_gives_its_head(
    andon: Callable[..., Result], store: Engine
) -> None:
    apply_some(store, 3)

    result = andon("verify")

    links, catalog, head = result.stdout.splitlines()
    assert result.exit_code == 0
    assert links == "Intact: 3 links."
    assert catalog == "catalog: 1 to 3, since 2026-11-20T09:00:00.000000Z"
    assert andon("verify", "--head", head.removeprefix("head: ")).exit_code == 0
    assert "Keep the head elsewhere" in result.stderr


def test_a_store_without_links_says_so(andon: Callable[..., Result], store: Engine) -> None:
    result = andon("verify")

    assert (result.exit_code, result.stdout.startswith("Intact: no link yet")) == (0, True)


def test_a_store_from_before_the_chain_is_covered_from_where_its_links_begin(
    andon: Callable[..., Result], store: Engine
) -> None:
    apply_some(store, 2)
    change(store, "DELETE FROM catalog_link")
    apply_some(store, 1)

    result = andon("verify")

    assert result.exit_code == 0
    assert "catalog: 3 to 3, since " in result.stdout


def test_a_broken_chain_names_the_first_bad_entry(
    andon: Callable[..., Result], store: Engine
) -> None:
    apply_some(store, 3)
    change(store, "UPDATE catalog_revision SET applied_by = 'person:eve' WHERE id >= 2")

    result = andon("verify")

    assert result.exit_code == 1
    assert result.stdout.startswith("Broken. link 2 (catalog 2 to 2): its rows hash to ")
    assert "as they were at 2026-11-20T09:00:00.000000Z.\n" in result.stdout


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # PostgreSQL minds types by itself
@pytest.mark.parametrize(
    "garbage",
    ["kind = CAST(x'ff' AS TEXT)", "kind = x'00'", "hash = 'text'", "hash = 5", "first = 'x'"],
)
def test_links_that_cannot_be_read_are_broken_too(
    andon: Callable[..., Result], store: Engine, garbage: str
) -> None:
    apply_some(store, 3)
    change(store, f"UPDATE catalog_link SET {garbage} WHERE id = 2")  # noqa: S608

    result = andon("verify")

    assert result.exit_code == 1
    assert result.stdout.startswith("Broken. link 2: ")


def test_a_head_that_was_cut_off_is_missed(andon: Callable[..., Result], store: Engine) -> None:
    apply_some(store, 2)
    head = andon("verify").stdout.split()[-1]
    change(store, "DELETE FROM catalog_link WHERE id = 2")
    change(store, "DELETE FROM catalog_revision WHERE id = 2")

    result = andon("verify", "--head", head)

    assert andon("verify").exit_code == 0
    assert result.exit_code == 1
    assert f"no link has the hash {head}" in result.stdout


def take_in(engine: Engine, *numbers: int) -> None:
    """As many commits as numbers, of as many events each."""
    ingestor = Ingestor(engine)
    made = itertools.count()
    for number in numbers:
        events = [
            {
                "eventType": "COMPLETE",
                "eventTime": "2026-11-20T06:00:00Z",
                "producer": "https://example.com/producer",
                "run": {"runId": f"run {next(made)}"},
                "job": {"namespace": "jobs", "name": "load"},
                "outputs": [{"namespace": "postgres://wh", "name": f"t{n}", "facets": facets(n)}],
            }
            for n in range(number)
        ]
        ingestor.ingest([Arrival(json.dumps(event).encode(), "test") for event in events])


def facets(number: int) -> dict[str, object]:
    url = {"_producer": "https://example.com/producer", "_schemaURL": "https://example.com/schema"}
    return {"schema": {**url, "fields": [{"name": f"column {number}", "type": "int"}]}}


def test_events_are_covered_commit_by_commit_beside_catalogs(
    andon: Callable[..., Result], store: Engine
) -> None:
    apply_some(store, 1)
    take_in(store, 3, 1, 2)

    result = andon("verify")

    assert result.exit_code == 0, result.stdout
    assert result.stdout.startswith("Intact: 4 links.\ncatalog: 1 to 1, ")
    assert "\nevents: 1 to 6, since " in result.stdout


def test_facets_of_an_entry_that_was_skipped_are_covered(
    andon: Callable[..., Result], store: Engine
) -> None:
    event = {
        "eventTime": "2026-11-20T06:00:00Z",
        "producer": "https://example.com/producer",
        "run": {"runId": "run"},
        "job": {"namespace": "jobs", "name": "load"},
        "inputs": [{"name": "no namespace", "facets": facets(1)}],
    }
    Ingestor(store).ingest([Arrival(json.dumps(event).encode(), "test")])

    result = andon("verify")

    assert result.exit_code == 0, result.stdout


COVERED = [
    "UPDATE lineage_event SET received_at = received_at + 1 WHERE seq = 4",
    "UPDATE lineage_event SET event_time = event_time - 1 WHERE seq = 4",
    "UPDATE lineage_event SET kind = 2 WHERE seq = 4",
    "UPDATE lineage_event SET event_id = x'00' WHERE seq = 4",
    "UPDATE lineage_event SET key_id = 7 WHERE seq = 4",
    "UPDATE lineage_event SET flags = 1 WHERE seq = 4",
    "UPDATE lineage_event SET secrets = '[\"a\"]' WHERE seq = 4",
    (
        "UPDATE lineage_payload SET body = (SELECT body FROM lineage_payload WHERE seq = 5) "
        "WHERE seq = 4"
    ),
    "UPDATE lineage_payload SET body = x'00' WHERE seq = 4",
    "DELETE FROM lineage_payload WHERE seq = 4",
    "DELETE FROM lineage_event WHERE seq = 4",
]


@pytest.mark.parametrize("statement", COVERED)
def test_a_changed_event_is_found(
    andon: Callable[..., Result], store: Engine, statement: str
) -> None:
    take_in(store, 3, 2, 1)
    change(store, statement)

    result = andon("verify")

    assert result.exit_code == 1
    assert result.stdout.startswith("Broken. link 2 (events 4 to 5): ")


@pytest.mark.parametrize("table", ["lineage_template", "lineage_facet_body"])
def test_a_changed_part_that_events_share_is_found(
    andon: Callable[..., Result], store: Engine, table: str
) -> None:
    take_in(store, 2)
    with store.connect() as connection:
        part = f"SELECT id, body FROM {table} ORDER BY id LIMIT 1"  # noqa: S608
        number, body = connection.exec_driver_sql(part).one()
    changed = compress(expand(body).replace(b"column", b"colunm").replace(b"COMPLETE", b"ABORTED."))
    with writing(store) as connection:
        connection.execute(
            text(f"UPDATE {table} SET body = :body WHERE id = :id"),  # noqa: S608
            {"body": changed, "id": number},
        )
    assert changed != body

    result = andon("verify")

    assert result.exit_code == 1
    assert result.stdout.startswith("Broken. link 1 (events 1 to 2): ")


def test_an_event_slipped_in_is_found(andon: Callable[..., Result], store: Engine) -> None:
    take_in(store, 2)
    change(store, "UPDATE lineage_payload SET seq = 3 WHERE seq = 2")
    change(store, "UPDATE lineage_event SET seq = 3 WHERE seq = 2")

    assert andon("verify").exit_code == 1


@pytest.mark.parametrize("head", ["", "zz", "00" * 31])
def test_what_is_no_hash_is_one_line(andon: Callable[..., Result], head: str) -> None:
    result = andon("verify", "--head", head)

    assert isinstance(result.exception, UserError)
    assert "expected the 64 hex digits" in str(result.exception)


def test_exported_links_can_be_checked_by_anybody(
    andon: Callable[..., Result], store: Engine
) -> None:
    apply_some(store, 3)

    links = [json.loads(line) for line in andon("export").stdout.splitlines()]

    previous = bytes(32)
    for number, link in enumerate(links, 1):
        kind = link["kind"].encode()
        numbers = (link["first"], link["last"], microseconds(datetime.fromisoformat(link["at"])))
        parts = [
            previous,
            len(kind).to_bytes(2, "big") + kind,
            *(n.to_bytes(8, "big", signed=True) for n in numbers),
            bytes.fromhex(link["content_hash"]),
        ]
        assert (link["id"], link["previous_hash"]) == (number, previous.hex())
        previous = hashlib.sha256(b"".join(parts)).digest()
        assert link["hash"] == previous.hex()
    assert len(links) == 3
    assert andon("verify", "--head", links[-1]["hash"]).exit_code == 0
