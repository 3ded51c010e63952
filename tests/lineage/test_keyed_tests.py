"""Results of data tests, believed as far as the key goes that their event came with."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.model import Environment, Trust
from catalog.moments import microseconds
from lineage.ingest import Arrival, Ingestor
from lineage.keyring import Keyring
from lineage.keys import Key
from lineage.reading import load_estate
from tests.lineage.worlds import DAY, NOW, WH, at, dataset, get, job

CHECKS = [{"assertion": "not_null", "column": "x", "success": True}]


def make_key(store: Engine, *globs: str, environment: Environment | None = None) -> Key:
    key, _ = Keyring(store).create(
        "made", globs, environment=environment, principal=None, expires_at=None, by="t",
        at=microseconds(DAY),
    )  # fmt: skip
    return key


def report(name: str = "prod.public.orders", run: str = "r", **parts: Any) -> bytes:
    read = dataset(name) | {"inputFacets": {"dataQualityAssertions": {"assertions": CHECKS}}}
    event = {
        "eventTime": at(1), "eventType": "COMPLETE", "producer": "p", "schemaURL": "s",
        "job": job("test"), "run": {"runId": run}, "inputs": [read],
    }  # fmt: skip
    return json.dumps(event | parts).encode()


def trust_of(store: Engine, name: str = "prod.public.orders") -> Trust:
    (found,) = get(load_estate(store, NOW), name).tests
    return found.trust


@pytest.mark.parametrize(
    ("globs", "environment", "trust"),
    [
        (("jobs", "postgres://*"), None, Trust.E2),
        (("jobs", "postgres://*"), Environment.PROD, Trust.E2),
        (("jobs", "postgres://*"), Environment.DEV, Trust.E1),
        (("jobs",), None, Trust.E1),
    ],
)
def test_a_key_is_believed_of_data_tests_on_what_it_speaks_for(
    store: Engine, globs: tuple[str, ...], environment: Environment | None, trust: Trust
) -> None:
    key = make_key(store, *globs, environment=environment)

    Ingestor(store).ingest([Arrival(report(), "t", key)])

    assert trust_of(store) is trust


def test_without_a_key_or_outside_its_scope_it_is_the_producers_own_word(store: Engine) -> None:
    key = make_key(store, "postgres://*")
    ingestor = Ingestor(store, refuses_out_of_scope=False)

    ingestor.ingest([Arrival(report("prod.a"), "t"), Arrival(report("prod.b", "q"), "t", key)])

    assert (trust_of(store, "prod.a"), trust_of(store, "prod.b")) == (Trust.E1, Trust.E1)
    assert get(load_estate(store, NOW), "prod.a", WH).tests


def test_of_two_events_that_say_the_same_one_is_believed_whichever_came_first(
    clean_store: Any,
) -> None:
    found = set()
    for order in itertools.permutations([0, 1]):
        store = clean_store()
        arrived = [
            Arrival(report(), "t", make_key(store, "jobs", "postgres://*")),
            Arrival(report(outputs=[dataset("prod.other")]), "t"),
        ]
        for n in order:
            Ingestor(store).ingest([arrived[n]])
        found.add(trust_of(store))

    assert len(found) == 1
