from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

import dashboard
from catalog.database import set_meta, writing
from lineage import staying
from lineage.estate import Dataset, Estate, Job
from lineage.importing import Summary, ingest_files
from lineage.ingest import Arrival, Ingestor
from lineage.reading import load_estate
from lineage.retention import Limit, remove
from lineage.summing import sum_up
from policies.assess import assess
from policies.store import findings as load_findings
from tests.dashboard.conftest import RAW, event
from tests.lineage.recordings import RECORDED

NOW = datetime.now(UTC)
WAREHOUSE = "postgres://wh-prod:5432"
ORDERS, REVENUE = "shop.mart.orders", "shop.mart.revenue"
MAIN = Path(dashboard.__file__).with_name("main.py")
PAGES = ["board", "assets", "findings", "intake"]


def visit(page: str, **asked: str) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=30).run()
    for name, value in asked.items():
        app.query_params[name] = value
    return app if page == "board" and not asked else app.switch_page(f"views/{page}.py").run()


def links(app: AppTest) -> list[str]:
    """Labels of the links to other pages."""
    return [link.label.replace("\\", "") for link in app.page_link]


def words(app: AppTest) -> str:
    """All text on the page, without the marks of Markdown."""
    texts = [*app.title, *app.caption, *app.markdown, *app.code, *app.warning, *app.html]
    tiles = [f"{m.label} {m.value} {m.delta}" for m in app.metric]
    text = "\n".join([*(str(t.value) for t in texts), *tiles, *links(app)])
    return re.sub(r"\\([^a-z0-9\s])|\u2060", r"\1", text).replace("**", "")


def number_of(estate: Estate, name: str) -> str:
    assets: tuple[Dataset | Job, ...] = (*estate.datasets.values(), *estate.jobs.values())
    return str(next(a.id for a in assets if a.key.name == name))


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_store_says_how_to_fill_it(empty: Engine, page: str) -> None:
    app = visit(page)

    assert not app.exception
    assert "/api/v1/lineage" in words(app)
    assert "dbt-ol build" in words(app)
    assert "AIRFLOW__OPENLINEAGE__TRANSPORT" in words(app)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_was_guessed_and_how_to_confirm_it(filled: Engine, page: str) -> None:
    app = visit(page)

    assert not app.exception
    assert "Guessed:" in words(app)
    assert "andon apply governance/" in words(app)


def test_the_board_shows_scores_findings_and_arrivals(filled: Engine) -> None:
    text = words(visit("board"))

    assert "3 datasets" in text
    assert "Maturity by team" in text
    assert "Needs attention" in text
    assert "dbt" in text


def test_an_asset_tells_its_story(filled: Engine) -> None:
    estate = load_estate(filled, NOW)

    app = visit("asset", asset=number_of(estate, ORDERS))

    text = words(app)
    assert not app.exception
    assert f"{WAREHOUSE}` `{ORDERS}" in text
    assert re.search(r"Built at .* by orders at an unknown commit", text)
    assert "1 data test passed, 1 failed." in text
    assert "1 data test fails" in text
    assert "order_id" in text
    assert "Guessed:" in text


def test_an_asset_is_found_by_namespace_and_name(filled: Engine) -> None:
    app = visit("asset", namespace=WAREHOUSE, name=REVENUE)

    assert not app.exception
    assert REVENUE in words(app)


def test_a_job_has_a_page_too(filled: Engine) -> None:
    estate = load_estate(filled, NOW)

    app = visit("asset", asset=number_of(estate, "shop.orders"))

    assert not app.exception
    assert "last run complete" in words(app)


def test_a_job_shows_days_in_the_place_of_runs_that_were_summed_up(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "RUNS", 4)
    sent = [event("load", [RAW], [ORDERS], hours_ago=24 * ago) for ago in range(1, 11)]
    Ingestor(empty).ingest([Arrival(body, "t") for body in sent])
    later = timedelta(days=100)
    with writing(empty) as connection:
        set_meta(connection, "clock_behind_us", -later // timedelta(microseconds=1))
    (done,) = sum_up(empty, Limit(60, "person:ana"), NOW + later, pause=False)
    assert len(done.summed) == 5

    app = visit("job", namespace="dbt-prod", name="load")

    text = words(app)
    assert not app.exception
    assert f"{NOW - timedelta(days=6):%Y-%m-%d} UTC" in text
    assert text.count("1 run summed up · 0 failed") == 5
    assert "Without 5 older runs summed up by day: who ran these is not kept." in text


@pytest.mark.parametrize("asked", ["999999", "x", ""])
def test_an_asset_that_is_not_there_is_answered_with_a_sentence(filled: Engine, asked: str) -> None:
    app = visit("asset", asset=asked)

    assert not app.exception
    assert "No asset has this number" in words(app)
    assert links(app) == ["All assets"]


def test_a_name_that_never_arrived_is_answered_with_a_sentence(filled: Engine) -> None:
    app = visit("asset", namespace=WAREHOUSE, name="shop.mart.none")

    assert "No asset with this namespace and name has arrived." in words(app)


def test_no_asset_at_all_is_answered_with_the_list(filled: Engine) -> None:
    assert "3 datasets" in words(visit("asset"))


def test_an_asset_without_findings_says_what_nobody_could_judge(filled: Engine) -> None:
    estate = load_estate(filled, NOW)

    app = visit("asset", asset=number_of(estate, "shop.orders"))

    assert "No open finding, but 1 policy cannot tell" in words(app)


def test_the_list_of_assets_marks_guesses(filled: Engine) -> None:
    assert "postgres · prod (guess) · mart (guess)" in words(visit("assets"))


def test_assets_are_found_by_part_of_a_name(filled: Engine) -> None:
    app = visit("assets")

    app.text_input(key="assets_find").set_value("RAW prod").run()

    assert links(app) == ["raw.orders", "raw_orders"]


def test_a_finding_opens_to_the_event_that_proves_it(filled: Engine) -> None:
    app = visit("findings")
    before = words(app)

    opened = next(e for e in app.expander if "of evidence" in e.label)
    app.session_state[str(opened.key)] = True
    app.run()

    assert not app.exception
    assert "raw.orders looks like an untested" in before
    assert "Why it matters." in words(app)
    assert "<pre" in words(app)


def test_filters_leave_what_was_asked_for(filled: Engine) -> None:
    app = visit("findings")

    app.segmented_control(key="findings_status").set_value("resolved").run()

    assert "No finding matches" in words(app)


def test_what_was_refused_is_shown_with_reason_and_excerpt(filled: Engine) -> None:
    app = visit("intake")

    text = words(app)
    assert "Refused 1" in text
    assert "<b>x</b>" in text
    assert "422" in text


def test_names_that_may_be_one_are_shown_with_the_line_that_would_join_them(empty: Engine) -> None:
    written = [(WAREHOUSE, "shop.Orders"), (WAREHOUSE, "shop.orders"), ("s3://lake", "a_b/")]
    sent = event("load", [], [], hours_ago=1, written=written)
    Ingestor(empty).ingest([Arrival(sent, "127.0.0.1")])
    line = (
        f'- {{namespace: "{WAREHOUSE}", name: "shop.Orders", '
        f'is: {{namespace: "{WAREHOUSE}", name: "shop.orders"}}}}'
    )

    pages = [visit("intake"), visit("asset", namespace=WAREHOUSE, name="shop.orders")]

    for app in pages:
        assert f"aliases:\n  {line}" in [code.value for code in app.code]
        assert "differ in upper and lower case only" in words(app)
        assert "Never joined by itself" in words(app)
    alone = visit("asset", namespace="s3://lake", name="a_b/")
    assert "May be the same" not in words(alone)


def test_what_dbt_leaves_open_is_said_to_be_open(empty: Engine) -> None:
    ingest_files(Ingestor(empty), [RECORDED / "dbt-1.11-broken-build.ndjson"], Summary())

    told = words(visit("asset", namespace="duckdb://shop.duckdb", name="shop.main.late_fees"))

    assert "not executed, or broken: the producer does not say" in told
    assert "2 not told" in told


def test_what_was_measured_is_shown_with_when_and_by_which_run(empty: Engine) -> None:
    facet = {"rowCount": 1200, "columnMetrics": {"a_b": {"nullCount": 3, "min": 0.5, "max": 9}}}
    sent = json.loads(event("load", [], [ORDERS], hours_ago=1))
    sent["outputs"][0]["facets"]["dataQualityMetrics"] = facet
    unmeasured = json.loads(event("load.more", [], [RAW], hours_ago=1))
    unmeasured["outputs"][0]["facets"]["dataQualityMetrics"] = {"columnMetrics": {}}
    bodies = [json.dumps(each).encode() for each in (sent, unmeasured)]
    Ingestor(empty).ingest([Arrival(body, "127.0.0.1") for body in bodies])

    told = words(visit("asset", namespace=WAREHOUSE, name=ORDERS))

    assert "1,200 rows, measured" in told
    assert "3 nulls · 0.50 to 9" in told
    assert "Columns measured" in told
    assert "Measured" not in words(visit("asset", namespace=WAREHOUSE, name=RAW))


def test_links_name_the_asset_and_not_its_number(filled: Engine) -> None:
    app = visit("assets")

    found = {
        link.label.replace("\\", ""): parse_qs(link.proto.query_string) for link in app.page_link
    }

    assert found["mart.orders"] == {"namespace": [WAREHOUSE], "name": [ORDERS]}
    job = {"namespace": ["notebooks"], "name": ["fix_*revenue*"]}
    assert found["fix_*revenue*"] == job


@pytest.mark.parametrize("kind", ["job", "dataset"])
def test_a_job_and_a_dataset_of_one_name_are_told_apart(empty: Engine, kind: str) -> None:
    same = event("a&b=c#d/é %", [], ["a&b=c#d/é %"], hours_ago=1, namespace=WAREHOUSE)
    Ingestor(empty).ingest([Arrival(same, "127.0.0.1")])

    app = visit("asset", namespace=WAREHOUSE, name="a&b=c#d/é %", kind=kind)

    assert ("last run complete" in words(app)) is (kind == "job")


def test_a_long_name_does_not_fill_the_board(empty: Engine) -> None:
    name = "job_" + "x" * 900
    Ingestor(empty).ingest(
        [Arrival(event(name, [RAW], [f"shop.{name}"], hours_ago=1), "127.0.0.1")]
    )
    assess(empty, NOW)

    for page in ("board", "assets", "findings"):
        assert "x" * 80 not in words(visit(page)), page
    assert name in words(visit("asset", namespace="dbt-prod", name=name, kind="job"))


def test_tiles_count_only_what_can_be_told(filled: Engine) -> None:
    lake = event("lake.load", [], [], hours_ago=2, written=[("s3://lake", "a"), ("s3://lake", "b")])
    Ingestor(filled).ingest([Arrival(lake, "127.0.0.1")])

    text = words(visit("board"))

    assert "Tested in the last 7 days 33% 1 of 3 datasets, 2 not known" in text
    assert "Datasets with an owner Not known no owner ever arrived" in text


def test_a_tile_that_nothing_speaks_to_says_so(empty: Engine) -> None:
    Ingestor(empty).ingest([Arrival(event("load", [], [RAW], hours_ago=1), "127.0.0.1")])

    assert "Tested in the last 7 days Not known no data test ever arrived" in words(visit("board"))


def test_an_opened_finding_marks_its_dataset_and_opens_each_event_once(filled: Engine) -> None:
    found = next(f for f in load_findings(filled) if f.policy == "TST-001")
    app = visit("findings")
    app.session_state[f"findings_{found.fingerprint[:16]}"] = True
    app.run()

    events = [str(html.value) for html in app.html if "<pre" in str(html.value)]
    marked = ["".join(re.findall(r"<mark[^>]*>(.*?)</mark>", shown)) for shown in events]

    assert found.subject.asset is not None
    assert all(marked)
    assert any("dataQualityAssertions" in shown for shown in marked)
    assert any(found.subject.asset.name in shown for shown in marked)
    assert len(set(events)) == len(events)


def test_a_finding_without_a_team_says_so_in_the_words_of_the_command(filled: Engine) -> None:
    text = words(visit("findings"))

    assert "no team" in text
    assert "no owner" not in text


def test_what_is_removed_by_age_is_told_where_arrivals_are(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "say again" not in words(visit("intake"))
    monkeypatch.setenv("ANDON_KEEP_SUPERSEDED_DAYS", "90")
    beats = [json.loads(event("beat", [], [], hours_ago=n)) for n in range(4)]
    run = {"run": {"runId": "beat"}}
    Ingestor(filled).ingest([Arrival(json.dumps(beat | run).encode(), "t") for beat in beats])
    later = datetime.now(UTC) + timedelta(days=90)

    removed = list(remove(filled, Limit(90, "setting:X"), later, pause=False))

    assert [len(planned.events) for planned in removed] == [2]
    text = words(visit("intake"))
    assert "What later events of a run say again is kept for 90 days." in text
    assert "Of 2 events only the entry in the log is left, the last removed on " in text
    assert "by `setting:X`. Every instant from " in text
