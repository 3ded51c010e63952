"""Applied catalogs: every revision is kept, and an equal one changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from catalog.cli import apply
from catalog.database import connect, revision, set_meta, writing
from catalog.errors import UserError
from catalog.formats import read_catalog
from catalog.model import Catalog
from catalog.store import apply_catalog, load_catalog

FIRST = datetime(2026, 11, 1, 8, 30, 0, 123456, tzinfo=UTC)
SECOND = FIRST + timedelta(days=10)


@pytest.fixture
def store(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


def declared(tmp_path: Path, text: str) -> Catalog:
    folder = tmp_path / "governance"
    folder.mkdir(exist_ok=True)
    (folder / "all.yml").write_text(text)
    return read_catalog(folder)


WHOLE = """\
environments: [{environment: prod, namespace: "postgres://*"}]
zones: [{zone: raw, name: "*.raw.*"}]
teams: [{id: a, members: [ana, {person: ben, role: steward}]}]
pipelines: [{id: p, team: a, environment: prod, jobs: [{namespace: n}], principals: [person:ana]}]
assets: [{dataset: {namespace: n, name: x}, owner: team:a, tier: 2}, {select: "env:prod", tier: 3}]
"""


def test_nothing_is_in_force_before_anything_was_applied(store: Engine) -> None:
    assert load_catalog(store) == Catalog()
    assert not load_catalog(store, FIRST).is_applied


def test_what_was_applied_comes_back_whole(store: Engine, tmp_path: Path) -> None:
    catalog = declared(tmp_path, WHOLE)

    apply_catalog(store, catalog, "person:ana", FIRST)

    loaded = load_catalog(store)
    assert (loaded.applied_at, loaded.applied_by) == (FIRST, "person:ana")
    assert loaded.assets == catalog.assets
    assert loaded.teams == catalog.teams
    assert (loaded.pipelines, loaded.zones) == (catalog.pipelines, catalog.zones)
    assert loaded.environments == catalog.environments


def test_a_second_apply_changes_nothing(store: Engine, tmp_path: Path) -> None:
    catalog = declared(tmp_path, WHOLE)

    answers = [apply_catalog(store, catalog, "person:ana", at) for at in (FIRST, SECOND)]

    assert answers == [True, False]
    assert revision(store) == 1
    assert load_catalog(store).applied_at == FIRST


def test_going_back_is_a_change(store: Engine, tmp_path: Path) -> None:
    one, two = Catalog(), declared(tmp_path, WHOLE)

    answers = [apply_catalog(store, c, "person:ana", FIRST) for c in (one, two, one)]

    assert answers == [True, True, True]
    assert load_catalog(store).teams == ()


def test_each_instant_has_the_catalog_of_its_time(store: Engine, tmp_path: Path) -> None:
    for team, at in (("a", FIRST), ("b", SECOND)):
        apply_catalog(store, declared(tmp_path, f"teams: [{{id: {team}}}]"), "person:ana", at)

    def in_force(at: datetime | None) -> str:
        return load_catalog(store, at).teams[0].id

    microsecond = timedelta(microseconds=1)
    assert in_force(FIRST - timedelta(days=999)) == "a"
    assert in_force(FIRST) == "a"
    assert in_force(SECOND - microsecond) == "a"
    assert in_force(SECOND) == "b"
    assert in_force(None) == "b"


# The command


def run_apply(tmp_path: Path, url: str, text: str) -> object:
    declared_in = tmp_path / "governance"
    declared_in.mkdir(exist_ok=True)
    (declared_in / "all.yml").write_text(text)
    result = CliRunner().invoke(apply, [str(declared_in), "--database", url])
    return result.exception or result.stdout


def test_apply_says_what_is_in_force(tmp_path: Path, url: str) -> None:
    first, second = run_apply(tmp_path, url, WHOLE), run_apply(tmp_path, url, WHOLE)

    assert first == (
        "Applied: 1 environment rules, 1 zone rules, 1 teams, 1 pipelines, 2 asset entries.\n"
    )
    assert str(second).startswith("In force already: ")


def test_apply_of_a_mistake_changes_nothing(tmp_path: Path, url: str, store: Engine) -> None:
    run_apply(tmp_path, url, WHOLE)

    error = run_apply(tmp_path, url, "teams: [{id: A}]")

    assert isinstance(error, UserError)
    assert error.exit_code == 2
    assert load_catalog(store).teams[0].id == "a"


def test_apply_in_a_store_whose_now_is_earlier_holds_from_that_now(
    tmp_path: Path, url: str, store: Engine
) -> None:
    hundred_days = 100 * 86_400_000_000
    with writing(store) as connection:
        set_meta(connection, "clock_behind_us", hundred_days)

    run_apply(tmp_path, url, WHOLE)

    applied_at = load_catalog(store).applied_at
    assert applied_at is not None
    assert applied_at < datetime.now(UTC) - timedelta(days=99)
