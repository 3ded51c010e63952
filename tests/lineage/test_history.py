"""Standpoints: what is held of an instant, and for how long."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog.store import apply_catalog, load_catalog
from lineage.estate import Estate
from lineage.history import stand
from tests.lineage.worlds import DAY, NOW, at, catalog_of, dataset, job

World = Callable[..., Estate]

LOAD = {"job": job("load"), "inputs": [dataset("a")], "outputs": [dataset("b")]}


def test_what_events_said_is_let_go_or_kept_and_the_estate_is_the_same(
    world: World, store: Engine
) -> None:
    world(LOAD)
    kept, lean = stand(store, NOW), stand(store, NOW)
    lean.is_lean = True

    assert lean.estate == kept.estate
    assert (kept.was_observed, lean.was_observed) == (True, False)
    assert lean.observed == kept.observed
    assert lean.was_observed


def test_a_past_store_goes_with_its_standpoint(
    world: World, store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    world({**LOAD, "eventTime": at(1)}, {**LOAD, "eventTime": at(100)})

    past = stand(store, DAY + timedelta(minutes=50))

    assert past.engine is not store
    assert len(list(tmp_path.glob("andon-past-*"))) == 1
    del past
    gc.collect()
    assert list(tmp_path.glob("andon-past-*")) == []


def test_whoever_watches_the_past_being_folded_is_told_how_far_it_is(
    world: World, store: Engine
) -> None:
    world({**LOAD, "eventTime": at(1)}, {**LOAD, "eventTime": at(2)}, {**LOAD, "eventTime": at(9)})
    told: list[tuple[int, int]] = []

    def watch(steps: Iterator[int], total: int) -> int:
        told.append((sum(steps), total))
        return total

    stand(store, DAY + timedelta(minutes=5), watch=watch)
    stand(store, watch=watch)  # the present is there already

    assert told == [(2, 2)]


def test_known_at_an_instant_only_what_had_been_declared_by_then_is_in_force(
    store: Engine, tmp_path: Path
) -> None:
    first, second = (catalog_of(tmp_path, f"teams: [{{id: {name}}}]") for name in ("one", "two"))
    apply_catalog(store, first, "person:ana", DAY)
    apply_catalog(store, second, "person:ana", DAY + timedelta(days=2))

    def teams(as_of_days: int, known_days: int) -> list[str]:
        known = load_catalog(
            store, DAY + timedelta(days=as_of_days), DAY + timedelta(days=known_days)
        )
        return [team.id for team in known.teams]

    assert teams(3, 3) == ["two"]
    assert teams(3, 1) == ["one"]
    assert teams(-1, 1) == ["one"]  # the first also holds for all time before it
    assert teams(3, -1) == []
