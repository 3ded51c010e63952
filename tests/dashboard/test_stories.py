"""The pages of a job, a run, keys and intake, over stores that are as odd as real ones."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from catalog.moments import microseconds
from dashboard import load
from lineage.ingest import Arrival, Ingestor
from lineage.intake import intake
from lineage.keyring import Keyring
from tests.dashboard.conftest import NOW, ORDERS, RAW, event
from tests.dashboard.test_pages import links, visit, words

DBT = "dbt-prod"
RUN = "0199aaaa-0000-7000-8000-000000000001"


def said(kind: str, minutes_ago: float, **parts: object) -> bytes:
    """One event of a run of one job, in a few words."""
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat()
    return json.dumps(
        {
            "eventType": kind,
            "eventTime": at,
            "producer": "https://example.com/shop",
            "run": {"runId": RUN},
            "job": {"namespace": DBT, "name": "shop.orders"},
            **parts,
        }
    ).encode()


def take(store: Engine, *bodies: bytes) -> None:
    Ingestor(store).ingest([Arrival(body, "127.0.0.1") for body in bodies])


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def test_a_job_shows_its_runs_with_links_to_each(filled: Engine) -> None:
    app = visit("job", namespace=DBT, name="shop.orders")

    assert not app.exception
    assert "last run complete" in words(app)
    assert "1 newest run" in words(app)
    found = [parse_qs(link.proto.query_string) for link in app.page_link]
    assert any(asked.get("run") and asked.get("name") == ["shop.orders"] for asked in found)


def test_a_job_tells_what_it_reads_and_once_wrote(filled: Engine) -> None:
    take(filled, event("shop.orders", [RAW], ["shop.mart.other"], hours_ago=1))

    text = words(visit("job", namespace=DBT, name="shop.orders"))

    assert "once writes mart.orders" in text
    assert "nobody was named :gray[:small[2 runs" in text


def test_older_runs_of_a_job_are_a_page_away(filled: Engine) -> None:
    runs = [event("shop.orders", [RAW], [ORDERS], hours_ago=10 + n / 10) for n in range(55)]
    take(filled, *runs)
    app = visit("job", namespace=DBT, name="shop.orders")

    older = press(app, "job_older")

    assert "6 older runs" in words(older)
    assert "50 newest runs" in words(press(older, "job_newest"))


def test_a_job_that_never_arrived_is_answered_with_a_sentence(filled: Engine) -> None:
    app = visit("job", namespace=DBT, name="none")

    assert "No job with this namespace and name has arrived." in words(app)


@pytest.mark.parametrize("page", ["job", "run"])
def test_a_page_that_is_asked_for_nothing_is_answered_with_the_list(
    filled: Engine, page: str
) -> None:
    assert "3 datasets" in words(visit(page))


def test_an_old_address_of_a_job_leads_to_its_page(filled: Engine) -> None:
    app = visit("asset", namespace=DBT, name="shop.orders", kind="job")

    assert not app.exception
    assert "1 newest run" in words(app)


def test_a_run_shows_that_events_contradict_each_other(filled: Engine) -> None:
    take(filled, said("START", 9), said("FAIL", 8), said("COMPLETE", 7))

    text = words(visit("run", run=RUN, namespace=DBT, name="shop.orders"))

    assert "Events contradict each other" in text
    assert "took 2 min" in text
    assert "said to be complete and fail" in words(visit("job", namespace=DBT, name="shop.orders"))


def test_a_run_is_found_by_its_id_in_any_spelling(filled: Engine) -> None:
    take(filled, said("COMPLETE", 7))

    app = visit("run", run=RUN.replace("-", "").upper())

    assert not app.exception
    assert "Run of orders" in words(app)


def test_a_run_that_several_jobs_share_asks_which_is_meant(filled: Engine) -> None:
    take(filled, said("COMPLETE", 7), said("COMPLETE", 7, job={"namespace": DBT, "name": "twin"}))

    app = visit("run", run=RUN)

    assert "Which one is meant?" in words(app)
    assert {"orders", "twin"} <= set(links(app))


def test_a_run_that_never_arrived_is_answered_with_a_sentence(filled: Engine) -> None:
    assert "No event of a run with this id has arrived." in words(visit("run", run="x"))


def test_a_run_tells_its_error_its_facets_and_its_relatives(filled: Engine) -> None:
    about = {"_producer": "https://example.com", "_schemaURL": "https://example.com/s"}
    facets = {
        "errorMessage": {**about, "message": "<b>no</b>", "programmingLanguage": "SQL"},
        "parent": {**about, "run": {"runId": "x"}, "job": {"namespace": "a", "name": "dag"}},
        "andon_principal": {**about, "principal": "person:ana", "how": "manual"},
    }
    take(filled, said("FAIL", 7, run={"runId": RUN, "facets": facets}))
    app = visit("run", run=RUN)

    app.selectbox(key="run_facet").set_value("run.facets.errorMessage").run()

    text = words(app)
    assert not app.exception
    assert "<b>no</b>" in text
    assert "dag :gray[:small[no event of its own has arrived" in text
    assert "trust E1: the producer says so itself" in text
    assert "programmingLanguage" in str(app.json[0].value)


def test_every_event_of_a_run_opens_whole(filled: Engine) -> None:
    take(filled, said("COMPLETE", 7))
    app = visit("run", run=RUN)

    opened = next(b for b in app.button if str(b.key).startswith("run_event_"))
    opened.click().run()

    assert not app.exception
    assert "The whole event" in words(app)
    assert "https://example.com/shop" in str(app.json[0].value)


def test_a_silent_run_is_called_lost(filled: Engine) -> None:
    take(filled, said("START", 60 * 24 * 4))

    assert "Lost" in words(visit("run", run=RUN))


def test_keys_are_listed_with_what_came_with_them(filled: Engine) -> None:
    keyring = Keyring(filled)
    at = microseconds(NOW)
    key, secret = keyring.create(
        "dbt*", [DBT], environment=None, principal="service:dbt", expires_at=at + 10**12,
        by="person:ana", at=at,
    )  # fmt: skip
    keyring.create("old", ["*"], environment=None, principal=None, expires_at=None, by="x", at=at)
    keyring.revoke("old", at)
    Ingestor(filled).ingest([Arrival(said("COMPLETE", 7), "t", key), Arrival(b"{}", "t", key)])

    app = visit("keys")

    text = words(app)
    assert not app.exception
    assert "2 keys · 1 living" in text
    assert "1 event came with it" in text
    assert "1 refused" in text
    assert "revoked" in text
    assert secret not in text
    assert "with the key dbt*" in words(visit("run", run=RUN))


def test_without_keys_the_command_is_shown(empty: Engine) -> None:
    text = words(visit("keys"))

    assert "No key was ever made." in text
    assert "andon token create" in text


def test_intake_says_why_lineage_is_empty(empty: Engine) -> None:
    take(empty, said("START", 600))

    text = words(visit("intake"))

    assert "Runs start, but none has ended." in text
    assert "0% conform" in text


def test_intake_says_that_all_was_refused(empty: Engine) -> None:
    take(empty, b"{}")

    app = visit("intake")

    assert not app.exception
    assert "Everything that arrived was refused: 1 body." in words(app)


def test_a_warning_opens_an_event_that_has_it(filled: Engine) -> None:
    take(filled, said("COMPLETE", 7))
    app = visit("intake")

    opened = next(b for b in app.button if "warned" in str(b.key))
    opened.click().run()

    assert not app.exception
    assert "The whole event" in words(app)


def test_a_refused_body_is_replayed_and_no_longer_open(filled: Engine) -> None:
    (before,) = intake(filled).rejections
    with load.sharing(Ingestor(filled)):
        app = press(visit("intake"), f"intake_replay_{before.id}")

    text = words(app)
    assert not app.exception
    assert "Refused again, 422" in text
    assert "1 replayed one" in {e.label for e in app.expander}
    assert intake(filled).rejected == 1


def test_a_replay_that_is_kept_says_so(filled: Engine) -> None:
    at = microseconds(NOW)
    key, _ = Keyring(filled).create(
        "lake", ["lake"], environment=None, principal=None, expires_at=None, by="t", at=at
    )
    Ingestor(filled).ingest([Arrival(said("COMPLETE", 7), "t", key)])
    (refused, _) = intake(filled).rejections
    with load.sharing(Ingestor(filled, refuses_out_of_scope=False)):
        app = press(visit("intake"), f"intake_replay_{refused.id}")

    assert any("Kept (stored)" in str(s.value).replace("\\", "") for s in app.success)
    assert intake(filled).rejected == 1


def test_replay_is_offered_only_where_all_of_it_is_kept(filled: Engine) -> None:
    Ingestor(filled).ingest([Arrival(b"\xff\xfe", "t")])
    with load.sharing(Ingestor(filled)):
        app = visit("intake")

    assert sum("replay" in str(b.key) for b in app.button) == 1
    assert "it has to be sent again" in words(app)


def test_without_a_receiver_nothing_is_offered(filled: Engine) -> None:
    assert not any("replay" in str(b.key) for b in visit("intake").button)


def test_other_names_of_a_dataset_are_told_with_the_reason(filled: Engine) -> None:
    about = {"_producer": "https://example.com", "_schemaURL": "https://example.com/s"}
    other = {"namespace": "hive://meta", "name": "shop.orders", "type": "TABLE"}
    place = {
        "namespace": "s3://lake",
        "name": "warehouse/shop.db/orders",
        "facets": {"symlinks": {**about, "identifiers": [other]}},
    }
    take(filled, said("COMPLETE", 7, outputs=[place]))

    app = visit("asset", namespace="s3://lake", name="warehouse/shop.db/orders")

    assert not app.exception
    assert "Other names" in words(app)
    assert "a producer says that they are one" in words(app)
