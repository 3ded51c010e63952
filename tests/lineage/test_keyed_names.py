"""Other names of a dataset that an event gives it, by whose key the event came with."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from catalog.model import AssetKey, Kind
from catalog.moments import microseconds
from catalog.store import apply_catalog
from lineage.estate import Dataset, Estate
from lineage.ingest import Arrival, Ingestor
from lineage.keyring import Keyring
from lineage.keys import Key
from lineage.reading import load_estate
from lineage.rebuild import digest, rebuild
from tests.lineage.worlds import DAY, NOW, at, catalog_of, dataset, get

CleanStore = Callable[[], Engine]

LAKE, HIVE, FREE = "s3://lake", "hive://metastore", "s3://free"
SCOPES = {"lake": ["jobs", "s3://lake*"], "hive": ["jobs", "hive://*"], "team": ["jobs", "team"]}
PATH, TABLE = (LAKE, "/shop/orders"), (HIVE, "shop.orders")
OWN, SPARE = ("team", "tested"), (FREE, "/spare")

Name = tuple[str, str]
Told = tuple[Name, Name, str, str | None]
"""A dataset, another name of it, whether the event reads or writes it, and the event's key."""


def make_keys(store: Engine) -> dict[str | None, Key]:
    ring = Keyring(store)
    return {
        name: ring.create(
            name, globs, environment=None, principal=None, expires_at=None, by="t",
            at=microseconds(DAY),
        )[0]
        for name, globs in SCOPES.items()
    }  # fmt: skip


def said(one: Name, other: Name, side: str) -> dict[str, Any]:
    entry = {"namespace": other[0], "name": other[1], "type": "TABLE"}
    named = dataset(one[1], one[0], symlinks={"identifiers": [entry]})
    return {
        "eventTime": at(1), "eventType": "COMPLETE", "producer": "p", "schemaURL": "s",
        "job": {"namespace": "jobs", "name": f"job {one} {other}"},
        "run": {"runId": f"run {one} {other} {side}"}, side: [named],
    }  # fmt: skip


def take(store: Engine, told: Sequence[Told], keys: dict[str | None, Key]) -> Estate:
    arrived = [
        Arrival(json.dumps(said(one, other, side)).encode(), "t", keys.get(key))
        for one, other, side, key in told
    ]
    Ingestor(store, refuses_out_of_scope=False).ingest(arrived)
    return load_estate(store, NOW)


def world(store: Engine, *told: Told) -> Estate:
    return take(store, told, make_keys(store))


def is_one(estate: Estate, one: Name, other: Name) -> bool:
    found = [estate.identities.key(AssetKey(Kind.DATASET, *name)) for name in (one, other)]
    return found[0] == found[1]


def claims(found: Dataset) -> list[tuple[Name, Name]]:
    return [(tuple(join.one), tuple(join.other)) for join in found.claims]  # type: ignore[misc]


# Laws

_NAMES = st.sampled_from([PATH, TABLE, OWN, SPARE])
_TOLD = st.lists(
    st.tuples(
        _NAMES, _NAMES, st.sampled_from(["inputs", "outputs"]), st.sampled_from([None, *SCOPES])
    ),
    max_size=6,
    unique_by=lambda told: told[:3],
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(_TOLD, st.data())
def test_order_and_batching_change_nothing_of_what_joins(
    clean_store: CleanStore, told: list[Told], data: st.DataObject
) -> None:
    mixed = data.draw(st.permutations(told))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(mixed)), max_size=3)))
    store = clean_store()
    once = known(world(store, *told)), digest(store)

    store = clean_store()
    keys = make_keys(store)
    for a, b in itertools.pairwise([0, *cuts, len(mixed)]):
        take(store, mixed[a:b], keys)
    found = known(load_estate(store, NOW)), digest(store)
    for _ in rebuild(store):
        pass

    assert found == once
    assert (known(load_estate(store, NOW)), digest(store)) == once


def known(estate: Estate) -> object:
    return sorted((d.key, d.names, sorted(claims(d))) for d in estate.datasets.values())


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(_TOLD)
def test_nobody_joins_names_of_two_keys_without_both_of_their_words(
    clean_store: CleanStore, told: list[Told]
) -> None:
    estate = world(clean_store(), *told)

    for (one, scope), (other, its) in itertools.permutations(
        [(PATH, "lake"), (TABLE, "hive"), (OWN, "team")], 2
    ):
        is_held = not {scope, its} <= {key for *_, key in told}
        through_a_third = any(SPARE in told_one[:2] for told_one in told)
        if is_held and not through_a_third and not is_linked(told, one, other):
            assert not is_one(estate, one, other)


def is_linked(told: list[Told], one: Name, other: Name) -> bool:
    """Whether a third name could join them."""
    third = ({PATH, TABLE, OWN} - {one, other}).pop()
    pairs = {frozenset(t[:2]) for t in told}
    return {frozenset((one, third)), frozenset((third, other))} <= pairs


# One by one


@pytest.mark.parametrize("key", [None, "team"])
@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_name_of_anothers_dataset_is_a_claim_that_is_shown_and_joins_nothing(
    store: Engine, key: str | None, side: str
) -> None:
    estate = world(store, (PATH, OWN, side, key))

    assert not is_one(estate, PATH, OWN)
    assert claims(get(estate, PATH[1], LAKE)) == [(PATH, OWN)]
    assert get(estate, PATH[1], LAKE).key == AssetKey(Kind.DATASET, *PATH)


def test_a_key_that_covers_one_name_gives_it_another_that_is_nobodys(store: Engine) -> None:
    estate = world(store, (PATH, SPARE, "outputs", "lake"))

    assert is_one(estate, PATH, SPARE)
    assert not any(claims(found) for found in estate.datasets.values())


def test_two_keys_agree_whichever_name_each_begins_with(store: Engine) -> None:
    estate = world(store, (PATH, TABLE, "outputs", "lake"), (TABLE, PATH, "outputs", "hive"))

    assert is_one(estate, PATH, TABLE)


def test_an_event_outside_the_scope_of_its_key_joins_not_even_names_of_nobody(
    store: Engine,
) -> None:
    other = (FREE, "/other")

    held = world(store, (SPARE, other, "outputs", "team"))
    joined = take(store, [(SPARE, other, "inputs", None)], {})

    assert claims(get(held, "/spare", FREE)) == [(SPARE, other)]
    assert is_one(joined, SPARE, other)


def test_without_any_key_producers_are_believed(store: Engine) -> None:
    assert is_one(take(store, [(PATH, OWN, "inputs", None)], {}), PATH, OWN)


def test_what_a_key_holds_back_comes_back_without_it(store: Engine) -> None:
    before = is_one(world(store, (PATH, SPARE, "inputs", None)), PATH, SPARE)

    Keyring(store).revoke("lake", microseconds(NOW) - 1)

    assert (before, is_one(load_estate(store, NOW), PATH, SPARE)) == (False, True)


def test_people_can_join_what_is_only_claimed(store: Engine, tmp_path: Any) -> None:
    world(store, (PATH, OWN, "inputs", "team"))
    line = f'namespace: "{PATH[0]}", name: {PATH[1]}, is: {{namespace: {OWN[0]}, name: {OWN[1]}}}'
    apply_catalog(store, catalog_of(tmp_path, f"aliases:\n  - {{{line}}}\n"), "person:ana", NOW)

    estate = load_estate(store, NOW)

    assert is_one(estate, PATH, OWN)
    assert claims(get(estate, OWN[1], OWN[0])) == []


def test_another_spelling_of_a_namespace_is_spoken_for_too(store: Engine, tmp_path: Any) -> None:
    respelled = ("s3a://pond", "/shop/orders")
    world(store, (respelled, OWN, "inputs", "team"))
    text = 'aliases:\n  - {namespace: "s3a://pond", is: "s3://lake"}\n'
    apply_catalog(store, catalog_of(tmp_path, text), "person:ana", NOW)

    assert not is_one(load_estate(store, NOW), PATH, OWN)
