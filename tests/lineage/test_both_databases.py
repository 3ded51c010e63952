"""SQLite equals PostgreSQL: the same events mean the same, wherever they are kept."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from lineage.ingest import Arrival, Ingestor, Status
from lineage.intake import intake
from lineage.rebuild import digest, rebuild
from tests.lineage.test_fold_laws import event_lists, known
from tests.lineage.worlds import digest_of, take

CleanStore = Callable[[], Engine]
MakeEvent = Callable[..., dict[str, Any]]


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(event_lists, st.data())
def test_the_same_events_in_any_order_say_the_same_on_both(
    clean_store: CleanStore,
    clean_postgresql: CleanStore,
    events: list[dict[str, Any]],
    data: st.DataObject,
) -> None:
    bodies = [json.dumps(event).encode() for event in events]
    mixed = data.draw(st.permutations(bodies * 2))
    cut = data.draw(st.integers(0, len(mixed)))
    sqlite, postgresql = clean_store(), clean_postgresql()
    take(sqlite, [bodies])

    take(postgresql, [mixed[:cut], mixed[cut:]])

    assert digest(postgresql) == digest(sqlite)
    assert known(postgresql, []) == known(sqlite, [])
    for _ in rebuild(postgresql):
        pass
    assert digest(postgresql) == digest(sqlite)
    assert known(postgresql, []) == known(sqlite, [])


def test_real_events_say_the_same_on_both(
    clean_store: CleanStore, clean_postgresql: CleanStore, bodies: list[bytes]
) -> None:
    shuffled = bodies.copy()
    random.Random(2).shuffle(shuffled)  # noqa: S311  # an order, not a secret
    wanted = digest_of(clean_store, [bodies])
    told = known(clean_store(), [bodies])
    engine = clean_postgresql()

    take(engine, [shuffled[i : i + 37] for i in range(0, len(shuffled), 37)])

    assert digest(engine) == wanted
    assert known(engine, []) == told
    for _ in rebuild(engine):
        pass
    assert digest(engine) == wanted


def test_names_of_the_greatest_length_are_kept_apart(store: Engine, make_event: MakeEvent) -> None:
    chance = random.Random(3)  # noqa: S311  # nothing that a database could shorten, no secret
    long = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(4095))
    spelt = ("a", "b", "\\", "'")
    events = [
        make_event(
            run={"runId": long + end},
            producer=long + end,
            eventType="ODD" + long + end,
            job={"namespace": long, "name": long + end},
            outputs=[
                {
                    "namespace": long,
                    "name": long + end,
                    "facets": {
                        "symlinks": {
                            "identifiers": [{"namespace": long, "name": long, "type": long + end}]
                        }
                    },
                }
            ],
        )
        for end in spelt
    ]
    sent = [Arrival(json.dumps(event).encode(), "t") for event in events]

    receipts = [*Ingestor(store).ingest(sent[:2]), *Ingestor(store).ingest(sent[2:])]

    assert [r.status for r in receipts] == [Status.STORED] * len(spelt)
    assert [p.events for p in intake(store).producers] == [1] * len(spelt)
    before = digest(store)
    for _ in rebuild(store):
        pass
    assert digest(store) == before
