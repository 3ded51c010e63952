"""Parents: what a producer's key proves of them, and what a forged one can not do."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Environment, Kind, Trust
from catalog.moments import microseconds
from lineage.estate import Estate
from lineage.history import estates_at
from lineage.ingest import Arrival, Ingestor
from lineage.key_uses import strays
from lineage.keyring import Keyring
from lineage.keys import AS_SAID, Above, Key, Parentage
from lineage.reading import load_estate
from lineage.rebuild import digest, rebuild
from lineage.run_story import run_story
from tests.lineage.worlds import DAY, NOW, at, dataset, get_job, job, principal, write_of

CleanStore = Callable[[], Engine]

DAG_RUN, TASK_RUN = "019c0000-0000-7000-8000-0000000000d0", "019c0000-0000-7000-8000-0000000000d1"
RUN = "019c0000-0000-7000-8000-000000000001"
PROVED, SAID, CLAIMED = Parentage.PROVED, Parentage.SAID, Parentage.CLAIMED

Told = tuple[dict[str, Any], str | None]
"""An event, and the name of the key that comes with it."""


def make_keys(store: Engine) -> dict[str | None, Key]:
    """The scheduler's key, and the key of a team that may write to the warehouse."""
    ring = Keyring(store)
    scopes = {
        "airflow": ["airflow-prod", "postgres://*"],
        "team": ["jobs", "team-*", "postgres://*"],
    }
    return {
        name: ring.create(
            name, globs, environment=None, principal=f"service:{name}", expires_at=None,
            by="test", at=microseconds(DAY),
        )[0]
        for name, globs in scopes.items()
    }  # fmt: skip


def parent(
    run_id: str = TASK_RUN,
    name: str = "dag.task",
    namespace: str = "airflow-prod",
    root: dict[str, Any] | None = None,
) -> dict[str, Any]:
    top = {"run": {"runId": DAG_RUN}, "job": {"namespace": "airflow-prod", "name": "dag"}}
    return {
        "parent": {
            "run": {"runId": run_id},
            "job": {"namespace": namespace, "name": name},
            "root": top if root is None else root,
        }
    }


def event(minute: int, type_: str, job_: Any, run_id: str, **parts: Any) -> dict[str, Any]:
    facets = parts.pop("facets", {})
    return {
        "eventTime": at(minute), "eventType": type_, "producer": "p", "schemaURL": "s",
        "job": job_, "run": {"runId": run_id, "facets": facets}, **parts,
    }  # fmt: skip


def child(minute: int = 5, type_: str = "COMPLETE", **facets: Any) -> dict[str, Any]:
    """A write to production that names a task of the scheduler as its parent."""
    outputs = [dataset("prod.public.orders")]
    return event(minute, type_, job("fix"), RUN, facets=parent() | facets, outputs=outputs)


def task(minute: int = 1, type_: str = "START", **parts: Any) -> dict[str, Any]:
    """The task's own run, as the scheduler tells of it."""
    own = job("dag.task", "AIRFLOW", "airflow-prod")
    facets = parent(DAG_RUN, "dag") | principal("person:boss")
    return event(minute, type_, own, TASK_RUN, facets=facets, **parts)


def dag(minute: int = 0, type_: str = "START") -> dict[str, Any]:
    facets = {"airflowDagRun": {"dagRun": {"run_type": "manual", "triggering_user_name": "boss"}}}
    return event(minute, type_, job("dag", "AIRFLOW", "airflow-prod"), DAG_RUN, facets=facets)


def honest_write(minute: int = 2) -> dict[str, Any]:
    """What the scheduler does in production, so that its pipeline is known there."""
    own = job("dag.load", "AIRFLOW", "airflow-prod")
    outputs = [dataset("prod.public.other")]
    return event(minute, "COMPLETE", own, "019c0000-0000-7000-8000-0000000000d2", outputs=outputs)


def arrivals(told: Sequence[Told], keys: dict[str | None, Key]) -> list[Arrival]:
    return [Arrival(json.dumps(body).encode(), "t", keys.get(key)) for body, key in told]


def world(store: Engine, *told: Told, is_lenient: bool = False) -> Estate:
    keys = make_keys(store)
    Ingestor(store, refuses_out_of_scope=not is_lenient).ingest(arrivals(told, keys))
    return load_estate(store, NOW)


# Laws


_BODIES = [
    child(), child(6, "FAIL"), child(5, "START"), child(7, "OTHER"), task(), task(3, "COMPLETE"),
    dag(), honest_write(),
    event(8, "RUNNING", job("fix"), RUN, facets=parent("other run", "dag.other")),
]  # fmt: skip
_TOLD = st.lists(
    st.tuples(st.sampled_from(_BODIES), st.sampled_from([None, "airflow", "team"])),
    max_size=7,
    unique_by=lambda told: json.dumps(told[0]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(_TOLD, st.data())
def test_order_and_batching_change_nothing_of_what_keys_prove(
    clean_store: CleanStore, told: list[Told], data: st.DataObject
) -> None:
    mixed = data.draw(st.permutations(told))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(mixed)), max_size=3)))
    store = clean_store()
    once = known(world(store, *told, is_lenient=True)), digest(store)

    store = clean_store()
    keys = make_keys(store)
    for a, b in itertools.pairwise([0, *cuts, len(mixed)]):
        # A process of its own for each batch: nothing is remembered from the one before.
        Ingestor(store, refuses_out_of_scope=False).ingest(arrivals(mixed[a:b], keys))
    found = known(load_estate(store, NOW)), digest(store)
    for _ in rebuild(store):
        pass

    assert found == once
    assert (known(load_estate(store, NOW)), digest(store)) == once
    assert known(next(estates_at(store, [NOW]))) == once[0]


def known(estate: Estate) -> object:
    return (
        sorted((j.key, j.parent, j.root, j.above, j.pipeline) for j in estate.jobs.values()),
        sorted(
            (w.job, w.dataset, w.principal or "", w.operation, w.principal_trust, sorted(w.keys),
             w.job_sanctioned)
            for w in estate.writes
        ),
    )  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(_TOLD)
def test_no_parent_is_proved_without_a_key_that_speaks_for_it(
    clean_store: CleanStore, told: list[Told]
) -> None:
    estate = world(clean_store(), *told, is_lenient=True)

    by_scheduler = any(
        key == "airflow" and body["job"]["namespace"] == "airflow-prod" for body, key in told
    )
    for found in estate.jobs.values():
        if found.parent is not None and not by_scheduler:
            assert found.above.parent is CLAIMED
            assert found.above.parent.trust is Trust.E1
    for write in estate.writes:
        if write.job.namespace == "jobs":
            # Neither the scheduler's own key nor whoever it names is anybody but its own.
            assert write.principal in (None, "service:team")


# A forged parent


@pytest.mark.parametrize("key", [None, "team"])
@pytest.mark.parametrize("named", [parent("made up"), parent(DAG_RUN), parent("made up", root={})])
def test_a_made_up_parent_makes_no_write_a_pipelines(
    store: Engine, key: str | None, named: dict[str, Any]
) -> None:
    forged = child(**named)

    estate = world(
        store, (honest_write(), "airflow"), (dag(), "airflow"), (task(), "airflow"), (forged, key)
    )

    found, write = get_job(estate, "fix"), write_of(estate, "fix")
    claim = write.job_sanctioned
    assert found.parent == AssetKey(Kind.JOB, "airflow-prod", "dag.task")
    assert found.above == Above(CLAIMED, CLAIMED)
    assert found.pipeline is None
    assert claim is not None
    assert not claim.value
    assert "as its parent, which no key confirms, and only Airflow" in claim.why
    assert write.principal == (None if key is None else "service:team")


def test_without_that_claim_it_is_the_same_direct_write(store: Engine) -> None:
    alone = child()
    del alone["run"]["facets"]["parent"]

    claim = write_of(world(store, (honest_write(), "airflow"), (alone, "team")), "fix")

    assert claim.job_sanctioned is not None
    assert not claim.job_sanctioned.value
    assert claim.job_sanctioned.why.startswith("only Airflow")


@pytest.mark.parametrize("key", [None, "team"])
def test_the_parents_own_run_by_a_key_that_covers_it_lifts_the_claim(
    store: Engine, key: str | None
) -> None:
    estate = world(
        store, (honest_write(), "airflow"), (dag(), "airflow"), (task(), "airflow"), (child(), key)
    )

    claim = write_of(estate, "fix").job_sanctioned
    assert get_job(estate, "fix").above == Above(PROVED, PROVED)
    assert claim is not None
    assert claim.value


def test_the_parents_run_without_its_key_proves_nothing(store: Engine) -> None:
    estate = world(store, (dag(), None), (task(), None), (child(), "team"))

    assert get_job(estate, "fix").above == Above(CLAIMED, CLAIMED)
    assert get_job(estate, "dag.task", "airflow-prod").above.parent is CLAIMED


def test_a_run_that_was_over_started_nothing(store: Engine) -> None:
    over, late = task(2, "COMPLETE"), child(8)

    estate = world(store, (dag(), "airflow"), (task(), "airflow"), (over, "airflow"), (late, None))

    assert get_job(estate, "fix").above.parent is CLAIMED


def test_a_run_that_had_not_begun_started_nothing(store: Engine) -> None:
    estate = world(store, (task(11), "airflow"), (child(5), None))

    assert get_job(estate, "fix").above.parent is CLAIMED


def test_a_root_that_did_not_come_is_claimed_below_a_parent_that_did(store: Engine) -> None:
    estate = world(store, (task(), "airflow"), (child(), "team"))

    assert get_job(estate, "fix").above == Above(PROVED, CLAIMED)


def test_what_a_key_itself_covers_is_proved(store: Engine) -> None:
    own = child(**parent("any", "wrapper", "team-jobs", root={}))

    assert get_job(world(store, (own, "team")), "fix").above.parent is PROVED


def test_an_event_outside_the_scope_of_its_key_proves_nothing(store: Engine) -> None:
    foreign = child(**parent("any", "wrapper", "team-jobs", root={}))
    foreign["outputs"] = [dataset("x", "s3://finance")]

    estate = world(store, (foreign, "team"), is_lenient=True)

    assert get_job(estate, "fix").above.parent is CLAIMED


def test_the_key_of_another_event_of_the_run_proves_it_too(store: Engine) -> None:
    start = child(4, "START", **parent("any", "wrapper", "team-jobs", root={}))
    end = child(5, "COMPLETE", **parent("any", "wrapper", "team-jobs", root={}))

    estate = world(store, (start, "team"), (end, None))

    assert get_job(estate, "fix").above.parent is PROVED


def test_where_nobody_speaks_for_the_parent_it_is_as_it_is_said(store: Engine) -> None:
    elsewhere = child(**parent("any", "dag", "dagster", root={}))

    estate = world(store, (elsewhere, None))

    assert get_job(estate, "fix").above == Above(SAID, SAID)
    assert get_job(estate, "fix").above.parent.trust is Trust.E1


def test_without_any_key_all_is_as_it_is_said(store: Engine) -> None:
    bodies = [json.dumps(body).encode() for body in (honest_write(), dag(), task(), child())]
    Ingestor(store).ingest([Arrival(body, "t") for body in bodies])

    estate = load_estate(store, NOW)

    assert get_job(estate, "fix").above == AS_SAID
    claim = write_of(estate, "fix").job_sanctioned
    assert claim is not None
    assert claim.value


def test_a_key_that_is_made_later_or_revoked_changes_what_is_believed_and_back(
    store: Engine,
) -> None:
    ring = Keyring(store)
    Ingestor(store).ingest(arrivals([(child(), None)], {}))

    def found() -> Parentage:
        return get_job(load_estate(store, NOW), "fix").above.parent

    before = found()
    ring.create(
        "airflow", ["airflow-*"], environment=None, principal=None, expires_at=None, by="t",
        at=microseconds(DAY),
    )  # fmt: skip
    spoken = found()
    ring.revoke("airflow", microseconds(NOW) - 1)

    assert (before, spoken, found()) == (SAID, CLAIMED, SAID)


def test_a_parent_names_nobody_who_ran_its_child(store: Engine) -> None:
    estate = world(store, (dag(), "airflow"), (task(), "airflow"), (child(), None))

    assert get_job(estate, "fix").above.parent is PROVED
    assert write_of(estate, "fix").principal is None


def test_who_ran_it_is_known_by_an_earlier_event_though_its_key_was_forgotten(
    store: Engine,
) -> None:
    keys = make_keys(store)
    Ingestor(store).ingest(arrivals([(child(), "team")], keys))
    # Another process, to which no key has come yet.
    Ingestor(store).ingest(arrivals([(child(6, "OTHER"), None)], keys))

    write = write_of(load_estate(store, NOW), "fix")

    assert (write.principal, write.principal_trust) == ("service:team", Trust.E2)


def test_a_run_tells_how_far_to_believe_what_is_above_and_below_it(store: Engine) -> None:
    world(store, (task(), None), (child(), "team"))
    below = run_story(store, AssetKey(Kind.JOB, "jobs", "fix"), RUN)
    above = run_story(store, AssetKey(Kind.JOB, "airflow-prod", "dag.task"), TASK_RUN)

    assert below is not None
    assert below.parent is not None
    assert (below.parent.standing, below.root_standing) == (CLAIMED, CLAIMED)
    assert above is not None
    assert [one.standing for one in above.children] == [CLAIMED]


# Who ran it, and where


@pytest.mark.parametrize(
    ("environment", "trust"), [("prod", Trust.E2), ("dev", Trust.E1), (None, Trust.E2)]
)
def test_a_key_says_who_ran_it_only_in_its_own_environment(
    store: Engine, environment: str | None, trust: Trust
) -> None:
    key, _ = Keyring(store).create(
        "team", ["jobs", "postgres://*"], principal="service:team", expires_at=None, by="t",
        environment=None if environment is None else Environment(environment),
        at=microseconds(DAY),
    )  # fmt: skip
    Ingestor(store).ingest([Arrival(json.dumps(child()).encode(), "t", key)])

    estate = load_estate(store, NOW)
    write = write_of(estate, "fix")

    assert (write.principal, write.principal_trust) == ("service:team", trust)
    assert ("but not for where this is" in (write.principal_why or "")) == (trust is Trust.E1)
    assert write.keys == {key.id}
    elsewhere = strays(estate, [key])
    assert list(elsewhere) == ([key.id] if environment == "dev" else [])
    assert [s.dataset.name for s in elsewhere.get(key.id, ())] == (
        ["prod.public.orders"] if environment == "dev" else []
    )
