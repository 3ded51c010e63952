"""Jobs of one dbt node, and keys of assets under their several names."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import Apart, AssetKey, Kind, Place
from lineage.identity import EXACT, Identities, Names, Symlink
from lineage.joining import identify_datasets, identify_jobs
from lineage.spelling import Name

TABLE, PATH = ("hive://metastore:9083", "shop.orders"), ("hdfs://lake:8020", "/wh/shop.db/orders")
NAMES = st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", "x.build.test", "m.p.x"]))


def everything(names: Names) -> object:
    return list(names.joined())


@given(st.lists(st.tuples(NAMES, st.sampled_from(["m.p.x", "m.p.y", ""]))), st.randoms())
def test_the_order_of_nodes_never_matters(nodes: list[tuple[Name, str]], random: Random) -> None:
    known = everything(identify_jobs(nodes))

    mixed = [*nodes, *nodes[:2]]
    random.shuffle(mixed)

    assert everything(identify_jobs(mixed)) == known


@given(
    st.lists(st.tuples(NAMES, st.sampled_from(["m.p.x", "m.p.y", ""]))), st.sets(NAMES, max_size=2)
)
def test_a_name_that_stands_apart_is_joined_to_none_and_the_others_as_without_it(
    nodes: list[tuple[Name, str]], apart: set[Name]
) -> None:
    lines = [Apart(*name, Place("a.yml", 1)) for name in apart]

    names = identify_jobs(nodes, lines)

    assert all(names.members(name) == (name,) for name in apart)
    assert names == identify_jobs([node for node in nodes if node[0] not in apart])


# Jobs -------------------------------------------------------------------------------------------

MODEL = "model.shop.orders"


@pytest.mark.parametrize(
    ("spellings", "shown"),
    [
        (["wh.main.shop.orders.build.run", MODEL, "wh.main.shop.orders.build.test"], MODEL),
        (["wh.main.shop.orders", "wh.main.shop.orders.build.run"], "wh.main.shop.orders"),
        (["a.build.test", "b.build.run"], "b.build.run"),
        (["b.build.snapshot", "a.build.test"], "b.build.snapshot"),
    ],
)
def test_a_model_is_known_by_its_own_name_rather_than_a_commands(
    spellings: list[str], shown: str
) -> None:
    names = identify_jobs([(("dbt", s), MODEL) for s in spellings])

    assert {names.of(("dbt", s)) for s in spellings} == {("dbt", shown)}


def test_a_job_of_one_name_keeps_it_and_namespaces_are_never_mixed() -> None:
    names = identify_jobs([(("dbt-a", "x.build.run"), MODEL), (("dbt-b", MODEL), MODEL)])

    assert list(names.joined()) == []


def test_a_job_of_several_nodes_is_joined_to_none() -> None:
    nodes = [(("dbt", "all"), MODEL), (("dbt", "all"), "model.shop.items"), (("dbt", "x"), MODEL)]

    assert list(identify_jobs(nodes).joined()) == []


# Keys -------------------------------------------------------------------------------------------


def test_keys_of_datasets_and_jobs_never_mix() -> None:
    joined = identify_datasets([], [Symlink(PATH, TABLE, "TABLE")])
    identities = Identities(joined, identify_jobs([]))
    path = AssetKey(Kind.DATASET, *PATH)

    assert identities.key(path) == AssetKey(Kind.DATASET, *TABLE)
    assert identities.keys(path) == tuple(AssetKey(Kind.DATASET, *n) for n in sorted((TABLE, PATH)))
    job = replace(path, kind=Kind.JOB)
    assert identities.key(job) == job
    assert EXACT.key(path) == path
    assert EXACT.keys(path) == (path,)
    assert identities.group(path).canonical == TABLE
