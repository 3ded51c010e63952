"""Removing by age from the outside: commands, the schedule, a kill, senders, backups."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, select

from app import cli
from catalog import chain
from catalog.database import connect, get_meta, set_meta, writing
from catalog.errors import UserError
from catalog.moments import microseconds
from lineage.audit_cli import KINDS
from lineage.ingest import Arrival, Ingestor
from lineage.log import PAYLOAD
from lineage.rebuild import digest, rebuild
from lineage.removals import REMOVAL, REMOVED, removed
from lineage.retention import CITED, Limit
from lineage.sweeping import Sweeper
from policies.assess import assess
from policies.store import findings
from tests.dashboard.conftest import event
from tests.serving.test_faults import BARE, until
from tests.serving.test_serve import ANDON, free_port, get, made, post, running

RUNS, BEATS = 6, 50
AHEAD = timedelta(days=100)
BEGAN = datetime.now(UTC) - timedelta(hours=3)


def beat(run: int, number: int) -> bytes:
    """One more sign of life of a run that lasts."""
    return json.dumps(
        {
            "eventType": "RUNNING",
            "eventTime": (BEGAN + timedelta(minutes=number)).isoformat(),
            "producer": "https://example.com/stream",
            "run": {"runId": f"019c0000-0000-7000-8000-{run:012}"},
            "job": {"namespace": "streams", "name": f"stream_{run}"},
            "outputs": [{"namespace": "kafka://broker", "name": f"topic_{run}"}],
        }
    ).encode()


def fill(url: str) -> Engine:
    """A store in which much is superseded, and whose present is some months later."""
    engine = connect(url)
    ingestor = Ingestor(engine)
    for run in range(RUNS):
        ingestor.ingest([Arrival(beat(run, number), "t") for number in range(BEATS)])
    with writing(engine) as connection:
        set_meta(connection, "clock_behind_us", -AHEAD // timedelta(microseconds=1))
    return engine


@pytest.fixture
def filled(url: str) -> Iterator[Engine]:
    engine = fill(url)
    yield engine
    engine.dispose()


@pytest.fixture
def andon(url: str) -> Callable[..., Result]:
    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--database", url], catch_exceptions=False)

    return run


def left(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(PAYLOAD)).scalar_one())


def check_intact(engine: Engine) -> None:
    with engine.connect() as connection:
        assert chain.verify(connection, KINDS) is None


# Commands


def test_a_plan_tells_what_would_go_and_removes_nothing(
    filled: Engine, andon: Callable[..., Result]
) -> None:
    told = andon("retention", "plan", "--days", "30")

    first, received, happened = told.stdout.splitlines()
    assert first.startswith(f"{RUNS * (BEATS - 2)} events, ")
    assert first.endswith(" bytes would be removed:")
    assert received.startswith("received from ")
    assert happened.startswith(f"happened from {BEGAN + timedelta(minutes=1):%Y-%m-%d %H:%M} to ")
    assert left(filled) == RUNS * BEATS
    assert andon("retention", "plan", "--days", "101").stdout.startswith("Nothing to remove before")


def test_what_is_removed_is_told_everywhere(filled: Engine, andon: Callable[..., Result]) -> None:
    before = andon("digest").stdout
    planned = json.loads(andon("retention", "plan", "--days", "30", "--json").stdout)

    done = json.loads(andon("retention", "apply", "--days", "30", "--json").stdout)

    assert {**done, "until": ""} == {**planned, "until": ""}
    assert left(filled) == 2 * RUNS
    assert andon("digest").stdout == before
    shown = json.loads(andon("retention", "show", "--json").stdout)
    assert shown["keep_superseded_days"] == 0
    assert shown["removed"]["events"] == RUNS * (BEATS - 2)
    assert f"{RUNS * (BEATS - 2)} events, " in andon("retention", "show").stdout
    assert andon("rebuild").stdout == f"{2 * RUNS} events folded again.\n"
    assert andon("digest").stdout == before
    verified = andon("audit", "verify")
    assert verified.exit_code == 0
    assert f"{RUNS * (BEATS - 2)} events were removed by age, the last on " in verified.stdout
    links = [json.loads(line) for line in andon("audit", "export").stdout.splitlines()]
    removals = [link["removal"] for link in links if link["kind"] == "removals"]
    assert sum(removal["events"] for removal in removals) == RUNS * (BEATS - 2)
    assert all(removal["removed_by"].startswith("person:") for removal in removals)


def test_a_past_instant_that_is_not_known_is_one_line(
    filled: Engine, andon: Callable[..., Result]
) -> None:
    while_running = f"{BEGAN + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"
    assert andon("score", "--as-of", while_running).exit_code == 0
    andon("retention", "apply", "--days", "99")

    with pytest.raises(UserError, match="is not known exactly any more: events before "):
        andon("score", "--as-of", while_running)

    since = datetime.now(UTC) + timedelta(days=2)
    assert andon("score", "--as-of", f"{since:%Y-%m-%dT%H:%M:%SZ}").exit_code == 0


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_nothing_is_removed_unless_somebody_says_so(
    filled: Engine, andon: Callable[..., Result], command: str
) -> None:
    with pytest.raises(UserError, match="everything is kept for ever: ANDON_KEEP_SUPERSEDED_DAYS"):
        andon("retention", command)

    assert andon("retention", "show").stdout == (
        "Nothing is removed by itself: ANDON_KEEP_SUPERSEDED_DAYS and ANDON_ROLL_UP_RUNS_DAYS "
        "are 0.\n"
        "Nothing was removed so far.\n"
    )


def test_the_setting_is_what_commands_go_by(
    filled: Engine, andon: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDON_KEEP_SUPERSEDED_DAYS", "30")

    assert "are kept for 30 days" in andon("retention", "show").stdout
    assert andon("retention", "apply").stdout.startswith(f"{RUNS * (BEATS - 2)} events, ")


@pytest.mark.parametrize("value", ["-1", "soon", "1.5", "36501", ""])
def test_a_setting_that_cannot_be_is_one_line(
    andon: Callable[..., Result], url: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    connect(url).dispose()
    monkeypatch.setenv("ANDON_KEEP_SUPERSEDED_DAYS", value)

    with pytest.raises(UserError, match=f'ANDON_KEEP_SUPERSEDED_DAYS is "{value}"; expected '):
        andon("retention", "show")


def test_what_findings_rest_on_is_what_policies_ask_to_keep(url: str) -> None:
    engine = connect(url)
    sent = [
        event("shop.orders", ["shop.raw"], ["shop.orders"], hours_ago=4),
        event("fix", [], ["shop.orders"], hours_ago=1, namespace="notebooks"),
    ]
    Ingestor(engine).ingest([Arrival(body, "t") for body in sent])
    assess(engine, datetime.now(UTC))

    with engine.connect() as connection:
        cited = {event_id for cites in CITED for event_id in cites(connection)}
    found = findings(engine)
    engine.dispose()

    rested_on = {piece.event_id for one in found for piece in one.evidence} - {None}
    assert cited == rested_on != set()


# The schedule


def test_it_removes_once_a_day_whoever_serves(filled: Engine) -> None:
    limit = Limit(30, "setting:ANDON_KEEP_SUPERSEDED_DAYS")
    with (
        Sweeper(filled, limit, 0.05).running(),
        Sweeper(filled, limit, 0.05).running(),
    ):
        assert until(lambda: left(filled) == 2 * RUNS)
        begun = meta(filled, "retention_begun_us")
        time.sleep(0.5)
    assert meta(filled, "retention_begun_us") == begun
    with filled.connect() as connection:
        found = removed(connection)
    assert found is not None
    assert found.removed_by == "setting:ANDON_KEEP_SUPERSEDED_DAYS"
    check_intact(filled)


def meta(engine: Engine, name: str) -> int:
    with engine.connect() as connection:
        return get_meta(connection, name)


def test_an_evening_on_which_it_fails_does_not_end_the_next(
    filled: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with writing(filled) as connection:
        connection.exec_driver_sql(
            "UPDATE lineage_payload SET body = (SELECT body FROM lineage_payload WHERE seq = 40)"
            " WHERE seq = 3"
        )
    with Sweeper(filled, Limit(30, "setting:X"), 0.05).running():
        assert until(lambda: "nothing more was removed today" in caplog.text)
        with writing(filled) as connection:
            connection.exec_driver_sql("DELETE FROM lineage_payload WHERE seq = 3")
            set_meta(connection, "retention_begun_us", 0)
        assert until(lambda: left(filled) == 2 * RUNS)


def test_what_serves_removes_beside_taking_in_and_tells_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, port = f"sqlite:///{tmp_path / 'andon.db'}", free_port()
    engine = fill(url)
    monkeypatch.setenv("ANDON_KEEP_SUPERSEDED_DAYS", "30")
    with running(url, port, *BARE, str(port)):
        assert until(lambda: removed_events(engine) == RUNS * (BEATS - 2), 90)
        told = get(f"http://127.0.0.1:{port}/metrics")[1].decode()
        assert post(port, made(1)) == 201
        assert post(port, beat(0, 20)) == 200
    assert f"\nandon_removed_events {RUNS * (BEATS - 2)}\n" in told
    assert f"\nandon_removed_until_seconds {until_of(engine)}\n" in told
    engine.dispose()
    check_intact(engine)


def removed_events(engine: Engine) -> int:
    with engine.connect() as connection:
        found = removed(connection)
        return 0 if found is None else found.events


def until_of(engine: Engine) -> int:
    with engine.connect() as connection:
        found = removed(connection)
        return 0 if found is None else microseconds(found.until) // 1_000_000


# Whatever happens meanwhile


SLOW = """
import sys
from lineage import retention
retention.CHUNK = 7
from app import main
sys.argv = ["andon", "retention", "apply", "--days", "30"]
main()
"""


def test_killed_at_any_moment_each_removal_happened_whole_or_not_at_all(url: str) -> None:
    engine = fill(url)
    before = digest(engine)
    chance = random.Random(4)  # noqa: S311  # an instant, not a secret
    codes = []
    for _ in range(4):
        begun = removed_events(engine)
        process = subprocess.Popen(
            [ANDON[0], "-c", SLOW], env={**os.environ, "ANDON_DATABASE_URL": url}
        )
        until(partial(has_gone_on, engine, begun, process), 60)
        time.sleep(chance.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        codes.append(process.wait())
        check_whole(engine)
        assert digest(engine) == before
    assert -signal.SIGKILL in codes
    CliRunner().invoke(
        cli, ["retention", "apply", "--days", "30", "--database", url], catch_exceptions=False
    )
    assert left(engine) == 2 * RUNS
    check_whole(engine)
    for _ in rebuild(engine):
        pass
    assert digest(engine) == before
    engine.dispose()


def has_gone_on(engine: Engine, begun: int, process: subprocess.Popen[bytes]) -> bool:
    return removed_events(engine) > begun or process.poll() is not None


def check_whole(engine: Engine) -> None:
    """What is written down is gone, and nothing else."""
    with engine.connect() as connection:
        written = connection.execute(select(func.coalesce(func.sum(REMOVAL.c.events), 0))).scalar()
        gone = connection.execute(select(func.count()).select_from(REMOVED)).scalar_one()
    assert int(written or 0) == gone
    assert left(engine) == RUNS * BEATS - gone
    check_intact(engine)


def test_senders_and_two_who_remove_at_once_do_not_harm_each_other(url: str) -> None:
    engine = fill(url)
    process = subprocess.Popen(
        [ANDON[0], "-c", SLOW], env={**os.environ, "ANDON_DATABASE_URL": url}
    )
    other = threading.Thread(
        target=CliRunner().invoke,
        args=(cli, ["retention", "apply", "--days", "30", "--database", url]),
    )
    other.start()
    ingestor, slowest, number = Ingestor(engine), 0.0, 0
    while other.is_alive() or process.poll() is None:
        started = time.monotonic()
        ingestor.ingest([Arrival(made(number), "t")])
        slowest = max(slowest, time.monotonic() - started)
        number += 1
    other.join()

    assert process.wait() == 0
    assert slowest < 2.5  # what whoever writes is ready to wait
    assert left(engine) == 2 * RUNS + number
    check_intact(engine)
    before = digest(engine)
    for _ in rebuild(engine):
        pass
    assert digest(engine) == before
    engine.dispose()


def test_a_backup_holds_what_was_removed_and_what_is_left(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'andon.db'}"
    engine = fill(url)
    wanted = digest(engine)
    engine.dispose()

    def andon(*words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--database", url], catch_exceptions=False)

    andon("db", "backup", str(tmp_path / "whole.db"))
    andon("retention", "apply", "--days", "30")
    andon("db", "backup", str(tmp_path / "less.db"))
    for name, kept in (("whole", RUNS * BEATS), ("less", 2 * RUNS)):
        andon("db", "restore", str(tmp_path / f"{name}.db"), "--force")
        assert andon("audit", "verify").exit_code == 0
        assert andon("digest").stdout.strip() == wanted
        assert andon("rebuild").stdout == f"{kept} events folded again.\n"
    andon("db", "restore", str(tmp_path / "whole.db"), "--force")
    assert andon("retention", "apply", "--days", "30").stdout.startswith(f"{RUNS * (BEATS - 2)} ")
