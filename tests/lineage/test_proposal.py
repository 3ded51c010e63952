"""The guesses as files: applied as they are, nothing that they cover is a guess any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.errors import UserError
from catalog.formats import read_catalog
from catalog.model import Basis
from catalog.moments import moment
from catalog.store import apply_catalog
from lineage.estate import Estate
from lineage.events import parse_event
from lineage.ingest import Arrival, Ingestor
from lineage.proposal import write_proposal
from lineage.reading import load_estate
from tests.lineage.worlds import CorpusFile

MakeEvent = Callable[..., dict[str, Any]]
CleanStore = Callable[[], Engine]

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An estate before and after its guesses were applied as they are."""

    before: Estate
    after: Estate
    files: tuple[str, ...]


def confirm(engine: Engine, as_of: datetime, folder: Path) -> Confirmed:
    before = load_estate(engine, as_of)
    written = write_proposal(before, folder)
    apply_catalog(engine, read_catalog(folder), "person:ana", as_of)
    return Confirmed(before, load_estate(engine, as_of), tuple(p.name for p in written))


def check(told: Confirmed) -> None:
    """What was guessed is declared now, and says the same as before."""
    for key, before in told.before.datasets.items():
        after = told.after.datasets[key]
        if before.noise is not None:
            continue
        for one, other in ((before.environment, after.environment), (before.zone, after.zone)):
            if one is not None:
                assert other is not None, key
                basis = Basis.DECLARED if one.basis is Basis.GUESSED else one.basis
                assert (other.value, other.basis) == (one.value, basis), key
        if before.owners:
            assert after.owners[0].value == before.owners[0].value, key
            assert after.owners[0].basis is Basis.DECLARED, key
            assert after.team == before.team, key
    writing = {w.job for w in told.before.writes}
    for key, job in told.before.jobs.items():
        pipeline = told.after.jobs[key].pipeline
        if job.pipeline is not None and key in writing:
            assert pipeline is not None, key
            assert pipeline.basis is Basis.DECLARED, key
    pairs = {(w.job, w.dataset, w.principal, w.operation): w for w in told.after.writes}
    for write in told.before.writes:
        sanctioned = pairs[
            write.job, write.dataset, write.principal, write.operation
        ].job_sanctioned
        if write.job_sanctioned is not None and write.job_sanctioned.value:
            assert sanctioned is not None, write
            assert (sanctioned.value, sanctioned.basis) == (True, Basis.DECLARED), write


def test_the_guesses_of_real_events_can_be_confirmed(
    clean_store: CleanStore, corpus: Sequence[CorpusFile], tmp_path: Path
) -> None:
    folders: dict[str, list[bytes]] = {}
    for file in corpus:
        if "reject" not in file.verdicts:
            folders.setdefault(file.name.rpartition("/")[0], []).extend(file.bodies)

    written = 0
    for number, bodies in enumerate([*folders.values(), list(chain(*folders.values()))]):
        engine = clean_store()
        Ingestor(engine).ingest([Arrival(body, "t") for body in bodies])
        newest = moment(max(parse_event(body).time for body in bodies))
        told = confirm(engine, newest + timedelta(hours=1), tmp_path / str(number))
        check(told)
        written += len(told.files)

    assert written


def test_what_was_confirmed_is_not_proposed_again(
    store: Engine, corpus: Sequence[CorpusFile], tmp_path: Path
) -> None:
    bodies = next(f.bodies for f in corpus if "artifacts_build_governed" in f.name)
    Ingestor(store).ingest([Arrival(body, "t") for body in bodies])
    newest = moment(max(parse_event(body).time for body in bodies))
    told = confirm(store, newest, tmp_path / "first")

    again = write_proposal(told.after, tmp_path / "second")

    assert told.files
    assert again == []


NAMES = st.one_of(
    st.lists(st.sampled_from(["prod", "dev", "raw", "mart", "x", ".", "/", "*", "[a]", "?"]),
             min_size=1, max_size=5).map("".join),
    st.text(min_size=1, max_size=12),
)  # fmt: skip
NAMESPACES = st.one_of(
    st.sampled_from(["postgres://prod", "postgres://dev", "s3://lake", "duckdb:///x.db", "n"]),
    st.text(min_size=1, max_size=8),
)
OWNERS = st.one_of(
    st.sampled_from(
        ["team:sales", "Sales Data", "ana@example.com", "person:a b", "service:x", "-"]
    ),
    st.text(max_size=8),
)
datasets = st.builds(
    lambda namespace, name, owner: {
        "namespace": namespace, "name": name,
        "facets": {"ownership": {"owners": [{"name": owner}]}},
    },
    NAMESPACES, NAMES, OWNERS,
)  # fmt: skip
events = st.builds(
    lambda namespace, name, integration, inputs, outputs: {
        "job": {
            "namespace": namespace, "name": name,
            "facets": {"jobType": {"integration": integration}},
        },
        "inputs": inputs, "outputs": outputs,
    },
    st.one_of(st.sampled_from(["dbt-prod", "dbt:prod", "airflow"]), NAMESPACES), NAMES,
    st.sampled_from(["DBT", "AIRFLOW", "SPARK", ""]),
    st.lists(datasets, max_size=2), st.lists(datasets, max_size=3),
)  # fmt: skip


def event(
    namespace: str, name: str, *outputs: tuple[str, str], tool: str = "DBT"
) -> dict[str, Any]:
    return {
        "job": {
            "namespace": namespace, "name": name, "facets": {"jobType": {"integration": tool}},
        },
        "outputs": [{"namespace": n, "name": m} for n, m in outputs],
    }  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, min_size=1, max_size=5))
@example([event("dbt:prod", "a", ("n", "x.y")), event("dbt-prod", "a", ("n", "x.y"))])
@example([event("a/b", "a", ("n", "x.y")), event("a b", "a", ("n", "x.y"))])
@example([event("d", "a", ("n", "raw.x"), ("n", "raw.prod.x"), ("n", "raw.dev.x"), ("n", "y"))])
@example([event("d", "a", ("\u2028", "raw.\x85x"), ("\x01", "raw.\ufeff"), ("# a: b", "prod.'\""))])
@example([event("prod\x01\r\x85", "a", ("n", "x.y"))])
def test_any_guesses_can_be_confirmed(
    clean_store: CleanStore,
    make_event: MakeEvent,
    tmp_path_factory: pytest.TempPathFactory,
    sent: list[dict[str, Any]],
) -> None:
    engine = clean_store()
    bodies = [
        json.dumps({**make_event(run={"runId": str(n)}), **event}).encode()
        for n, event in enumerate(sent)
    ]
    Ingestor(engine).ingest([Arrival(body, "t") for body in bodies])

    check(confirm(engine, NOW, tmp_path_factory.mktemp("proposal") / "governance"))


def test_the_files_give_the_reason_of_each_guess(
    store: Engine, make_event: MakeEvent, tmp_path: Path
) -> None:
    sent = {**make_event(), **event("dbt", "m", ("postgres://wh-prod", "db.raw.a"))}
    Ingestor(store).ingest([Arrival(json.dumps(sent).encode(), "t")])

    confirm(store, NOW, tmp_path / "governance")

    places = (tmp_path / "governance" / "places.yml").read_text()
    assert '# because its namespace says "prod"' in places
    assert "andon apply" in places.splitlines()[0]
    assert "dbt reports it" in (tmp_path / "governance" / "pipelines.yml").read_text()


def test_a_folder_with_declared_files_is_left_alone(store: Engine, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("teams: []")

    with pytest.raises(UserError, match="holds declared files already"):
        write_proposal(load_estate(store, NOW), tmp_path)


def test_with_nothing_guessed_nothing_is_written(store: Engine, tmp_path: Path) -> None:
    assert write_proposal(load_estate(store, NOW), tmp_path / "new") == []
