from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, func, select

from catalog.database import connect, revision, table_of
from catalog.model import AssetKey, Catalog, EnvironmentRule, JobGlob, Kind, Pipeline, Place
from catalog.store import apply_catalog
from lineage.ingest import Arrival, Ingestor, Status
from policies import assess as module
from policies import store
from policies.assess import assess, look
from policies.library import load_library
from policies.model import FindingStatus, Outcome
from policies.tables import AssessmentRow, ScoreRow, VerdictRow
from tests.policies import estates as e

NAMESPACE = "postgres://warehouse:5432"
ORDERS = AssetKey(Kind.DATASET, NAMESPACE, "prod.orders")
HERE = Place("here.yml", 1)
CATALOG = Catalog(
    environments=(EnvironmentRule(e.PROD, NAMESPACE, "prod.*", HERE),),
    pipelines=(
        Pipeline(
            id="warehouse",
            place=HERE,
            environment=e.PROD,
            team=None,
            jobs=(JobGlob("airflow", "*"),),
            principals=(),
            writes=None,
        ),
    ),
)


def run(job: str, at: datetime, *tests: dict[str, Any], namespace: str = "airflow") -> bytes:
    facets: dict[str, Any] = {}
    if tests:
        facets["dataQualityAssertions"] = {
            "_producer": "https://tool.example",
            "_schemaURL": "https://openlineage.io/spec/facets/1-1-0/"
            "DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet",
            "assertions": list(tests),
        }
    number = int(at.timestamp() * 1000) % 10**12
    dataset = {"namespace": NAMESPACE, "name": "prod.orders"}
    return orjson.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": at.isoformat(),
            "producer": "https://tool.example",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": f"00000000-0000-7000-8000-{number:012d}"},
            "job": {"namespace": namespace, "name": job},
            "inputs": [{**dataset, "inputFacets": facets}] if tests else [],
            "outputs": [] if tests else [dataset],
        }
    )


UNIQUE = {"assertion": "unique", "success": True, "column": "id"}


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


def ingest(engine: Engine, *bodies: bytes) -> None:
    receipts = Ingestor(engine).ingest([Arrival(body, "test") for body in bodies])
    assert {r.status for r in receipts} == {Status.STORED}


def rows(engine: Engine, row: Any) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table_of(row))).scalar_one()


def test_an_empty_store_is_assessed_without_a_word(engine: Engine) -> None:
    found = assess(engine, e.NOW)

    assert store.findings(engine) == ()
    board = store.scores(engine)
    assert board is not None
    assert board.organisation.dimensions == found.scores.organisation.dimensions
    assert board.organisation.level_floor is None


def test_judging_twice_writes_once(engine: Engine) -> None:
    ingest(engine, run("load", e.ago(0.1)))

    first = assess(engine, e.NOW)
    before = revision(engine), rows(engine, AssessmentRow)
    again = assess(engine, e.NOW + timedelta(minutes=1))

    assert first.is_changed
    assert not again.is_changed
    assert (revision(engine), rows(engine, AssessmentRow)) == before


def test_what_was_judged_is_read_back_as_it_was(engine: Engine) -> None:
    apply_catalog(engine, CATALOG, "person:ana", e.ago(1))
    ingest(engine, run("load", e.ago(0.2)), run("fix", e.ago(0.1), namespace="laptop"))

    found = assess(engine, e.NOW)

    live = {f.fingerprint: f for f in store.findings(engine)}
    assert live == {f.fingerprint: f for f in found.findings if f.status.is_live}
    assert store.scores(engine) == found.scores
    stored = {v.fingerprint: v for v in store.verdicts_of(engine, ORDERS)}
    about = [v for v in found.verdicts if v.subject.asset == ORDERS]
    assert stored == {v.fingerprint: v for v in about if v.outcome is not Outcome.NOT_APPLICABLE}


def test_a_second_write_by_another_hand_is_found(engine: Engine) -> None:
    apply_catalog(engine, CATALOG, "person:ana", e.ago(1))
    ingest(engine, run("load", e.ago(0.2)))
    assess(engine, e.NOW)
    assert [f for f in store.findings(engine) if f.policy == "ACC-001"] == []

    ingest(engine, run("fix", e.ago(0.1), namespace="laptop"))
    assess(engine, e.NOW)

    (found,) = (f for f in store.findings(engine) if f.policy == "ACC-001")
    assert found.message.startswith("**fix** (no principal named) wrote **")
    assert found.occurrences == 1


def test_a_feed_that_begins_to_speak_resolves_its_finding(engine: Engine) -> None:
    apply_catalog(engine, CATALOG, "person:ana", e.ago(30))
    ingest(engine, run("load", e.ago(0.1)))
    assess(engine, e.NOW)
    (feed,) = (f for f in store.findings(engine) if f.policy == "FED-001")

    ingest(engine, run("check", e.ago(0.05), UNIQUE))
    assess(engine, e.NOW)

    (resolved,) = store.findings(engine, "resolved")
    assert resolved.fingerprint == feed.fingerprint
    assert [c.status for c in resolved.history] == [FindingStatus.OPEN, FindingStatus.RESOLVED]
    assert store.findings(engine, "resolved", team="finance") == ()
    assert store.findings(engine, None, team="unowned") == store.findings(engine, None)


def test_a_day_keeps_its_last_scores_and_days_make_a_line(engine: Engine) -> None:
    ingest(engine, run("load", e.ago(3)))
    for days_ago in (2, 1.9, 1, 0):
        assess(engine, e.ago(days_ago))

    line = store.score_history(engine, dimension="TS")

    assert [point.day.date() for point in line] == [e.ago(d).date() for d in (2, 1, 0)]
    assert store.score_history(engine, team="nobody") == ()
    assert rows(engine, ScoreRow) % 3 == 0


def test_judging_the_past_adds_scores_and_leaves_findings_alone(engine: Engine) -> None:
    apply_catalog(engine, CATALOG, "person:ana", e.ago(30))
    ingest(engine, run("load", e.ago(5)), run("load", e.ago(0.1)))
    assess(engine, e.NOW)
    before = store.findings(engine, None), store.scores(engine), rows(engine, VerdictRow)

    found = assess(engine, e.ago(4))

    assert found.is_changed
    assert (store.findings(engine, None), store.scores(engine), rows(engine, VerdictRow)) == before
    assert len(store.score_history(engine)) == 2


def test_looking_writes_nothing(engine: Engine) -> None:
    ingest(engine, run("load", e.ago(0.1)))
    before = revision(engine)

    found = look(engine, e.NOW)

    assert found.verdicts
    assert store.scores(engine) is None
    assert revision(engine) == before


def test_a_withdrawn_policy_leaves_no_verdict(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(engine, run("load", e.ago(0.1)))
    assess(engine, e.NOW)
    left = tuple(p for p in load_library() if p.id != "TST-001")

    monkeypatch.setattr(module, "load_library", lambda: left)
    assess(engine, e.NOW)

    assert "TST-001" not in {v.policy for v in store.verdicts_of(engine, ORDERS)}
