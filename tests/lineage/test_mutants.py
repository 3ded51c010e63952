"""Whatever is done to an event, its sender gets a reason, and the events beside it are stored.

``ANDON_MUTANTS=100000 pytest tests/lineage/test_mutants.py`` tries more of them.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine

from lineage.events import EventReader
from lineage.ingest import Ingestor
from lineage.intake import intake
from lineage.rebuild import digest, rebuild
from lineage.receiver import Receiver
from lineage.sample.events import company_events
from lineage.sample.scenario import load_company
from lineage.templates import RefusedError
from tests.lineage.receiving import LIMIT, URL

COUNT = int(os.environ.get("ANDON_MUTANTS", "2000"))
TOGETHER = 50
"""Requests under way at the same time, one in five of them sound."""

SOUND = max(400, COUNT // 20)
"""Events that are mutated: a run that a thousand different events speak of is no run."""

ANCHOR = datetime(2026, 11, 20, 12, tzinfo=UTC)
REFUSALS = (400, 413, 422)

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**53, 2**63, -(2**63) - 1, 2**70, 1e308, -0.0, 1e-320,
    float("nan"), float("inf"), "", " ", "\0", "a\0b", "\ud800", "x\udfff", "\ufffd", "\u202e", "ü",
    "x" * 4096, "x" * 4097, "x" * 20_000, "2026-11-20T06:00:00Z", "9999-12-31T23:59:59Z", "24:00",
    "0001-01-01T00:00:00+23:59", "9" * 400, "<script>", "'; DROP TABLE x; --", "../../x", [], {},
    [[]], [None], [{}], {"": ""}, {"_deleted": True}, {"\0": "\0"}, [1, "a", None, {}],
)  # fmt: skip
KEYS = (
    "", "\0", "\ud800", "facets", "inputs", "outputs", "run", "job", "dataset", "name", "namespace",
    "fields", "_deleted", "schema", "columnLineage", "parent", "x" * 5000,
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every holder in a document with one of its keys or positions."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def mutate(event: Any, chance: Random) -> bytes:
    """An event with something done to it."""
    event = copy.deepcopy(event)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        all_places = list(places(event))
        if all_places:
            holder, key = chance.choice(all_places)
            chance.choice(CHANGES)(holder, key, chance, all_places)
    body = re.sub(rb'"@(\d+)@"', dug, json.dumps(event).encode())
    return chance.choice(SPOILS)(body, chance) if chance.random() < 0.2 else body


Change = Callable[[Any, Any, Random, list[tuple[Any, Any]]], None]


def replace(holder: Any, key: Any, chance: Random, _places: Any) -> None:
    holder[key] = copy.deepcopy(chance.choice(ODD))


def drop(holder: Any, key: Any, _chance: Random, _places: Any) -> None:
    del holder[key]


def swap(holder: Any, key: Any, chance: Random, all_places: list[tuple[Any, Any]]) -> None:
    other, at = chance.choice(all_places)
    holder[key] = copy.deepcopy(other[at])


def wrap(holder: Any, key: Any, chance: Random, _places: Any) -> None:
    holder[key] = chance.choice(([holder[key]], {"name": holder[key]}, str(holder[key])))


def repeat(holder: Any, key: Any, chance: Random, _places: Any) -> None:
    if isinstance(holder, list):
        holder += [copy.deepcopy(holder[key])] * chance.choice((1, 3, 30))
    else:
        holder[chance.choice(KEYS)] = copy.deepcopy(holder[key])


def bury(holder: Any, key: Any, chance: Random, _places: Any) -> None:
    # As a note for later, since a document so deep cannot be copied.
    holder[key] = f"@{chance.choice((10, 100, 250, 300, 900, 1000, 1100))}@"


def dug(note: re.Match[bytes]) -> bytes:
    """What a note stands for: objects and arrays in each other."""
    deep = int(note[1])
    return b'[{"a":' * (deep // 2) + b"1" + b"}]" * (deep // 2)


CHANGES: tuple[Change, ...] = (replace, replace, replace, drop, drop, swap, wrap, repeat, bury)


def truncate(body: bytes, chance: Random) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def flip(body: bytes, chance: Random) -> bytes:
    spoiled = bytearray(body)
    for _ in range(chance.choice((1, 2, 8))):
        spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
    return bytes(spoiled)


def double_key(body: bytes, chance: Random) -> bytes:
    key = chance.choice((b"eventTime", b"run", b"job", b"producer", b"inputs"))
    return body.replace(b"{", b'{"%b": %b, ' % (key, chance.choice((b"1", b"null", b"{}"))), 1)


def deepen(body: bytes, chance: Random) -> bytes:
    deep = chance.choice((500, 2000, 50_000))
    return body.replace(b"{", b'{"deep": %b, ' % (b"[" * deep + b"]" * deep), 1)


def surround(body: bytes, chance: Random) -> bytes:
    before, after = chance.choice(
        ((b"\xef\xbb\xbf", b""), (b"", b"{}"), (b"[", b"]"), (b" \n", b"\n"), (b"", b"\0"))
    )
    return before + body + after


SPOILS = (truncate, flip, double_key, deepen, surround)


async def post(receiver: Receiver, body: bytes) -> tuple[int, dict[str, Any]]:
    """What one event is answered; where too much waits it is sent again, as clients do."""
    status, told = await post_once(receiver, body)
    while status == 503:
        await asyncio.sleep(1)
        status, told = await post_once(receiver, body)
    return status, told


async def post_once(receiver: Receiver, body: bytes) -> tuple[int, dict[str, Any]]:
    told: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": URL, "headers": []}
    await receiver.post(scope, receive, send)
    return told[0]["status"], json.loads(told[1]["body"])


@pytest.mark.parametrize("seed", [1, 2])
def test_no_mutant_breaks_the_receiver_or_its_neighbours(store: Engine, seed: int) -> None:
    chance = Random(seed)  # noqa: S311  # nothing secret
    company = company_events(load_company(), ANCHOR, 2 + SOUND // 200)
    sound = [json.loads(body) for body in islice(company, SOUND)]
    receiver = Receiver(Ingestor(store), LIMIT)
    neighbours: set[str] = set()

    async def post_all() -> None:
        for first in range(0, COUNT // 2, TOGETHER):
            bodies = [mutate(chance.choice(sound), chance) for _ in range(TOGETHER)]
            for place in range(0, TOGETHER, 5):
                run = {**chance.choice(sound), "x-neighbour": first + place}
                bodies[place] = json.dumps(run).encode()
            answers = await asyncio.gather(*(post(receiver, body) for body in bodies))
            for place, (status, told) in enumerate(answers):
                if place % 5 == 0:
                    # 200: it was stored although its sender was asked to come again.
                    assert status in (200, 201), told
                    neighbours.add(told["event_id"])
                elif status not in (200, 201):
                    assert status in REFUSALS, (told, bodies[place])
                    assert set(told) == {"detail", "path", "expected"}
                    assert told["detail"]

    with receiver.running():
        asyncio.run(post_all())

    assert receiver.meter.events["stored"] == intake(store).events
    assert receiver.meter.events["rejected"] == intake(store).rejected
    assert len(neighbours) == len(range(0, COUNT // 2, TOGETHER)) * (TOGETHER // 5)
    before = digest(store)
    for _ in rebuild(store):
        pass
    assert digest(store) == before


@pytest.mark.parametrize("seed", range(4))
def test_mutants_are_of_every_kind(seed: int) -> None:
    chance = Random(seed)  # noqa: S311  # nothing secret
    sound = [json.loads(b) for b in islice(company_events(load_company(), ANCHOR, 1), 50)]

    answers = [outcome(mutate(chance.choice(sound), chance)) for _ in range(200)]

    assert answers.count(0) > 50
    assert answers.count(400) > 5
    assert answers.count(422) > 5


def outcome(body: bytes) -> int:
    """The status of a refusal, 0 for an event that can be used."""
    try:
        EventReader().read(body)
    except RefusedError as refused:
        return refused.status
    return 0
