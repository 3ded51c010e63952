"""Summing up old runs from the outside: commands, the setting, the schedule."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from sqlalchemy import Engine

from catalog.errors import UserError
from lineage.ingest import Arrival, Ingestor
from lineage.removals import removed
from lineage.retention import Limit
from lineage.sweeping import Sweeper
from tests.serving.test_faults import until
from tests.serving.test_retention import (
    BEGAN,
    andon,
    beat,
    check_intact,
    filled,
    removed_events,
)

__all__ = ["andon", "filled"]  # fixtures


def fill_runs(engine: Engine) -> None:
    """Runs of a job, one a minute, the newest of which is some months old."""
    bodies = []
    for number in range(100):
        for kind, second in (("START", 0), ("COMPLETE", 30)):
            event = json.loads(beat(1000 + number, number))
            event["eventTime"] = (BEGAN + timedelta(minutes=number, seconds=second)).isoformat()
            job = {"namespace": "jobs", "name": "each_minute"}
            bodies.append(json.dumps({**event, "eventType": kind, "job": job, "outputs": []}))
    Ingestor(engine).ingest([Arrival(body.encode(), "t") for body in bodies])


def test_old_runs_are_summed_up_by_command(filled: Engine, andon: Callable[..., Result]) -> None:
    fill_runs(filled)
    planned = json.loads(andon("retention", "plan", "--runs-days", "60", "--json").stdout)

    done = json.loads(andon("retention", "apply", "--runs-days", "60", "--json").stdout)

    assert planned["runs"] == {**done["runs"], "until": planned["runs"]["until"]}
    assert done["runs"]["runs"] == 100 - 60 - 1
    assert done["runs"]["events"] == 2 * done["runs"]["runs"]
    assert json.loads(andon("retention", "show", "--json").stdout)["summed_up_runs"] == 39
    assert "39 runs are summed up by day, 0 of them failed." in andon("retention", "show").stdout
    again = andon("retention", "apply", "--runs-days", "60").stdout
    assert again.startswith("Nothing to sum up before ")
    before = andon("digest").stdout
    andon("rebuild")
    assert andon("digest").stdout == before
    verified = andon("audit", "verify")
    assert verified.exit_code == 0
    assert "run days: 1 to " in verified.stdout


def test_old_runs_are_summed_up_by_whoever_serves(filled: Engine) -> None:
    fill_runs(filled)
    roll_up = Limit(60, "setting:ANDON_ROLL_UP_RUNS_DAYS")
    with Sweeper(filled, None, 0.05, roll_up).running():
        assert until(lambda: removed_events(filled) == 78)
    with filled.connect() as connection:
        found = removed(connection)
    assert found is not None
    assert found.removed_by == "setting:ANDON_ROLL_UP_RUNS_DAYS"
    check_intact(filled)


@pytest.mark.parametrize("value", ["39", "1", "-1", "soon"])
def test_runs_of_which_the_present_is_told_cannot_be_summed_up(
    filled: Engine, andon: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ANDON_ROLL_UP_RUNS_DAYS", value)

    with pytest.raises(UserError, match=f'ANDON_ROLL_UP_RUNS_DAYS is "{value}"; expected '):
        andon("retention", "show")
