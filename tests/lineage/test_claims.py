"""The estate: what is declared replaces what is asserted or guessed, and silence stays silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Basis, Environment, Kind, Zone
from lineage.estate import Estate
from lineage.ingest import Arrival, Ingestor
from lineage.reading import load_estate
from tests.lineage.worlds import NOW, dataset, get, get_job, job, principal, write_of

MakeEvent = Callable[..., dict[str, Any]]
CleanStore = Callable[[], Engine]


# Silence


def test_with_no_events_there_is_nothing(store: Engine) -> None:
    estate = load_estate(store, NOW)

    assert (estate.datasets, estate.jobs, estate.writes, estate.feeds) == ({}, {}, (), ())


def test_with_no_evidence_nothing_is_guessed(world: Callable[..., Estate]) -> None:
    estate = world({"job": job("load"), "inputs": [dataset("x.y")], "outputs": [dataset("x.z")]})

    z = get(estate, "x.z")
    assert (z.environment, z.zone, z.owners, z.team) == (None, None, (), None)
    assert (z.description, z.fields, z.tags, z.tests) == (None, (), (), ())
    assert z.tests_last_run_at is None
    load = get_job(estate, "load")
    assert (load.environment, load.pipeline, load.code, load.owners) == (None, None, None, ())
    (write,) = estate.writes
    assert (write.job_sanctioned, write.principal_sanctioned) == (None, None)
    assert (write.principal, write.principal_why) == (None, None)


@settings(max_examples=20)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "eventType": st.sampled_from(["START", "COMPLETE", "FAIL", None]),
                "job": st.sampled_from([job("load"), job("clean")]),
                "inputs": st.lists(st.sampled_from([dataset("x.a"), dataset("x.b")]), max_size=2),
                "outputs": st.lists(st.sampled_from([dataset("x.a"), dataset("x.c")]), max_size=2),
            }
        ),
        max_size=4,
    )
)
def test_runs_alone_never_sanction_or_forbid(
    clean_store: CleanStore, make_event: MakeEvent, events: list[dict[str, Any]]
) -> None:
    engine = clean_store()
    Ingestor(engine).ingest(
        [Arrival(json.dumps({**make_event(), **event}).encode(), "t") for event in events]
    )

    estate = load_estate(engine, NOW)

    assert all(w.job_sanctioned is None for w in estate.writes)
    assert all(w.principal_sanctioned is None for w in estate.writes)
    assert all(d.environment is None and not d.owners for d in estate.datasets.values())


# Environments and zones


def test_a_declared_environment_replaces_a_guessed_one(world: Callable[..., Estate]) -> None:
    estate = world(
        {"outputs": [dataset("db.raw.a", "postgres://wh-prod")]},
        declared="environments: [{environment: dev, namespace: 'postgres://wh-p*'}]\n"
        "zones: [{zone: mart, name: 'db.raw.*'}]",
    )

    a = get(estate, "db.raw.a", "postgres://wh-prod")
    assert a.environment is not None
    assert (a.environment.value, a.environment.basis) == (Environment.DEV, Basis.DECLARED)
    assert a.environment.why == "all.yml:1 says so"
    assert a.environment.evidence[0].place is not None
    assert a.zone is not None
    assert (a.zone.value, a.zone.basis) == (Zone.MART, Basis.DECLARED)


def test_the_first_rule_that_matches_wins(world: Callable[..., Estate]) -> None:
    estate = world(
        {"outputs": [dataset("a.dev_x"), dataset("a.b")]},
        declared="environments: [{environment: dev, name: '*.dev_*'}, {environment: prod}]",
    )

    found = [get(estate, name).environment for name in ("a.dev_x", "a.b")]
    assert [c.value for c in found if c] == [Environment.DEV, Environment.PROD]


def test_silent_datasets_take_the_one_environment_of_their_namespace(
    world: Callable[..., Estate],
) -> None:
    estate = world(
        {"outputs": [dataset("prod.raw.a"), dataset("x.raw.b")]},
        {
            "outputs": [
                dataset("prod.raw.a", "n2"),
                dataset("dev.raw.a", "n2"),
                dataset("x.y", "n2"),
            ]
        },
    )

    spread = get(estate, "x.raw.b").environment
    assert spread is not None
    assert (spread.value, spread.basis) == (Environment.PROD, Basis.GUESSED)
    assert get(estate, "x.y", "n2").environment is None


def test_what_a_pipeline_writes_looks_like_production_unless_a_name_speaks(
    world: Callable[..., Estate],
) -> None:
    estate = world(
        {"job": job("m", "DBT"), "outputs": [dataset("x.y")]},
        {"job": job("n", "DBT"), "outputs": [dataset("x.dev.y", "other")]},
    )

    guessed, named = get(estate, "x.y").environment, get(estate, "x.dev.y", "other").environment
    assert guessed is not None
    assert (guessed.value, guessed.is_guess) == (Environment.PROD, True)
    assert named is not None
    assert named.value is Environment.DEV


# Owners


def owners_of(estate: Estate, name: str) -> list[tuple[str, Basis]]:
    return [(c.value, c.basis) for c in get(estate, name).owners]


@pytest.mark.parametrize(
    ("sent", "owner"),
    [
        ("team:sales", "team:sales"),
        ("sales", "team:sales"),
        ("Sales Data", "team:sales-data"),
        ("team:Sales Data", "team:sales-data"),
        ("ana@example.com", "person:ana@example.com"),
        ("person:ana", "person:ana"),
        ("person:Ana Lee", "person:Ana-Lee"),
        ("person:ana\tlee\u00a0x", "person:ana-lee-x"),
        ("service:bi", "service:bi"),
        (" sales ", "team:sales"),
        ("urn:li:corpuser:ana", "team:urn-li-corpuser-ana"),
        ("airflow", None),
        ("Anonymous", None),
        ("team:", None),
        ("team:airflow", None),
        ("person:root", None),
        ("", None),
        ("日本", None),
    ],
)
def test_an_owner_that_a_producer_names_becomes_a_principal(
    world: Callable[..., Estate], sent: str, owner: str | None
) -> None:
    estate = world({"outputs": [dataset("a.b", ownership={"owners": [{"name": sent}]})]})

    assert owners_of(estate, "a.b") == ([(owner, Basis.ASSERTED)] if owner else [])


def test_owners_come_declared_first_then_asserted_then_from_the_writer(
    world: Callable[..., Estate],
) -> None:
    estate = world(
        {
            "job": job("load", ownership={"owners": [{"name": "ops"}, {"name": "sales"}]}),
            "outputs": [dataset("a.b", ownership={"owners": [{"name": "Sales"}]})],
        },
        declared="teams: [{id: fin, members: [ana]}]\n"
        "assets: [{dataset: {namespace: 'postgres://wh:5432', name: a.b}, owner: person:ana}]",
    )

    assert owners_of(estate, "a.b") == [
        ("person:ana", Basis.DECLARED),
        ("team:sales", Basis.ASSERTED),
        ("team:ops", Basis.GUESSED),
    ]
    assert get(estate, "a.b").team == "fin"
    evidence = get(estate, "a.b").owners[1].evidence[0]
    assert evidence.facet == "outputs[0].facets.ownership.owners[0].name"
    assert len(evidence.event_id or "") == 64


def test_a_team_is_known_by_its_name_as_well(world: Callable[..., Estate]) -> None:
    estate = world(
        {"outputs": [dataset("a.b", ownership={"owners": [{"name": "Finance Data"}]})]},
        declared="teams: [{id: fin, name: finance data}]",
    )

    assert get(estate, "a.b").team == "fin"


def test_later_entries_win_and_exact_ones_over_all(world: Callable[..., Estate]) -> None:
    estate = world(
        {"outputs": [dataset("a.b"), dataset("a.c")]},
        declared="""
teams: [{id: one, domain: d}, {id: two}, {id: three}]
assets:
  - {dataset: {namespace: "postgres://wh:5432", name: a.b}, owner: team:one}
  - {select: "name:a.*", owner: team:two, tier: 4}
  - {select: "name:a.c", owner: team:three}
  - {select: "domain:d", tier: 1}
  - {job: {namespace: "postgres://wh:5432", name: a.b}, tier: 2}
""",
    )

    told = {d.key.name: (d.team, d.tier.value) for d in estate.datasets.values()}
    assert told == {"a.b": ("one", 1), "a.c": ("three", 4)}
    assert get(estate, "a.b").tier.basis is Basis.DECLARED
    assert get(estate, "a.b").tier.why == "all.yml:7 says so"


# Tiers


def test_a_tier_without_declaration_is_a_guess_from_its_consumers(
    world: Callable[..., Estate],
) -> None:
    owned: dict[str, Any] = {"ownership": {"owners": [{"name": "team:sales"}]}}
    estate = world(
        *(
            {
                "job": job(f"j{n}", namespace="prod"),
                "inputs": [dataset("prod.raw.base")],
                "outputs": [dataset(f"prod.mart.t{n}", **owned)],
            }
            for n in range(12)
        ),
        {
            "job": job("nobody", namespace="prod"),
            "inputs": [dataset("prod.raw.base")],
            "outputs": [dataset("prod.mart.unowned")],
        },
    )

    base, leaf = get(estate, "prod.raw.base"), get(estate, "prod.mart.t3")
    assert (base.consumers, base.tier.value, base.tier.is_guess) == (12, 2, True)
    assert (leaf.consumers, leaf.tier.value) == (0, 3)
    assert len(base.downstream) == 13
    assert [k.name for k in leaf.upstream] == ["prod.raw.base"]


def test_a_circle_of_datasets_is_no_trouble(world: Callable[..., Estate]) -> None:
    estate = world(
        {"job": job("a"), "inputs": [dataset("x.a")], "outputs": [dataset("x.b")]},
        {"job": job("b"), "inputs": [dataset("x.b")], "outputs": [dataset("x.a")]},
        {"job": job("c"), "inputs": [dataset("x.a")], "outputs": [dataset("x.a")]},
    )

    assert [k.name for k in get(estate, "x.a").upstream] == ["x.b"]
    assert get(estate, "x.a").consumers == 0


# Pipelines

PIPELINES = """
environments: [{environment: prod, namespace: "postgres://*"}]
teams: [{id: t}]
pipelines:
  - {id: p, environment: prod, jobs: [{namespace: jobs, name: "load*"}], writes: "name:x.*"}
  - {id: q, environment: prod, jobs: [{namespace: jobs, name: who}], principals: [person:ana]}
  - {id: r, environment: dev, jobs: [{namespace: jobs, name: other}]}
"""


@pytest.mark.parametrize(
    ("job_name", "output", "answer"),
    [
        ("load_a", "x.a", True),
        ("load_a", "y.a", False),
        ("other", "x.a", False),
        ("stranger", "x.a", False),
        ("who", "y.a", True),
    ],
)
def test_a_declared_pipeline_says_who_may_write_where(
    world: Callable[..., Estate], job_name: str, output: str, answer: bool
) -> None:
    estate = world({"job": job(job_name, "DBT"), "outputs": [dataset(output)]}, declared=PIPELINES)

    sanctioned = write_of(estate, job_name).job_sanctioned
    assert sanctioned is not None
    assert (sanctioned.value, sanctioned.basis) == (answer, Basis.DECLARED)
    assert sanctioned.evidence


@pytest.mark.parametrize(
    ("job_name", "who", "answer"),
    [
        ("load_a", None, True),
        ("load_a", "person:ben", True),
        ("who", "person:ana", True),
        ("who", "person:ben", False),
        ("who", None, None),
        ("stranger", "person:ana", None),
    ],
)
def test_a_declared_pipeline_says_who_may_run_it(
    world: Callable[..., Estate], job_name: str, who: str | None, answer: bool | None
) -> None:
    run = {"runId": "r", "facets": principal(who) if who else {}}

    estate = world(
        {"run": run, "job": job(job_name), "outputs": [dataset("x.a")]}, declared=PIPELINES
    )

    write = write_of(estate, job_name)
    assert write.principal == who
    sanctioned = write.principal_sanctioned
    assert (sanctioned.value if sanctioned else None) == answer


def test_where_no_pipeline_is_declared_or_seen_nobody_is_judged(
    world: Callable[..., Estate],
) -> None:
    estate = world({"job": job("load"), "outputs": [dataset("prod.raw.a")]})

    assert write_of(estate, "load").job_sanctioned is None


def test_beside_a_seen_pipeline_a_stranger_looks_unsanctioned(
    world: Callable[..., Estate],
) -> None:
    estate = world(
        {"job": job("model", "DBT"), "outputs": [dataset("prod.raw.a")]},
        {"job": job("hand"), "outputs": [dataset("prod.raw.a")]},
        {"job": job("engine", "SPARK"), "outputs": [dataset("prod.raw.a")]},
        {"job": job("coded", sourceCodeLocation={"url": "u"}), "outputs": [dataset("prod.raw.a")]},
    )

    answers = {w.job.name: w.job_sanctioned for w in estate.writes}
    assert {k: c.value if c else None for k, c in answers.items()} == {
        "model": True, "hand": False, "engine": None, "coded": None,
    }  # fmt: skip
    assert all(c.is_guess for c in answers.values() if c)


def test_a_run_belongs_to_the_pipeline_that_started_it(world: Callable[..., Estate]) -> None:
    root = {"namespace": "airflow", "name": "dag"}
    parent = {"parent": {"run": {"runId": "p"}, "job": {"namespace": "airflow", "name": "dag.t"},
                         "root": {"run": {"runId": "d"}, "job": root}}}  # fmt: skip
    estate = world(
        {"job": {**root, "facets": job("x", "AIRFLOW")["facets"]}},
        {"run": {"runId": "c", "facets": parent}, "job": job("child"), "outputs": [dataset("a.b")]},
    )

    child = get_job(estate, "child")
    assert child.pipeline is not None
    assert child.pipeline.value == "airflow:airflow"
    assert child.parent is not None
    assert (child.parent.name, child.root and child.root.name) == ("dag.t", "dag")
    assert AssetKey(Kind.JOB, "airflow", "dag.t") not in estate.jobs
