"""What came with each key is found without looking at every event."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

from catalog.moments import microseconds
from lineage.ingest import Arrival, Ingestor
from lineage.key_uses import KeyUse, key_uses
from lineage.keyring import Keyring
from tests.lineage.worlds import DAY

MakeEvent = Callable[..., dict[str, Any]]


def test_events_without_a_key_are_no_part_of_the_search(clean_store: Callable[[], Engine]) -> None:
    store, asked = clean_store(), list[tuple[str, Any]]()
    event.listen(store, "before_cursor_execute", lambda *told: asked.append(told[2:4]))

    key_uses(store)

    with store.connect() as connection:
        queries = [told for told in asked if told[0].startswith("SELECT")]
        plans = [
            " ".join(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {q}", p))
            for q, p in queries
        ]
    found = ("ix_lineage_rejection_key", "ix_lineage_event_key")
    assert len(plans) == len(found)
    for plan, index in zip(plans, found, strict=True):
        assert f"USING COVERING INDEX {index}" in plan


def test_uses_are_counted_for_each_key(store: Engine, make_event: MakeEvent) -> None:
    ring = Keyring(store)
    one, other, idle = (
        ring.create(
            name, [glob], environment=None, principal=None, expires_at=None, by="t",
            at=microseconds(DAY),
        )[0]
        for name, glob in (("one", "*"), ("other", "elsewhere"), ("idle", "*"))
    )  # fmt: skip
    bodies = [json.dumps(make_event(run={"runId": f"r{n}"})).encode() for n in range(4)]
    arrived = zip(bodies, (one, one, other, None), strict=True)

    Ingestor(store).ingest([Arrival(body, "t", key) for body, key in arrived])

    found = key_uses(store)
    assert {key: (use.events, use.refused) for key, use in found.items()} == {
        one.id: (2, 0),
        other.id: (0, 1),
    }
    assert found.get(idle.id, KeyUse()) == KeyUse()
