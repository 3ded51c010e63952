"""Several processes on one PostgreSQL: what they took in together is what one would have."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from catalog import chain
from catalog.database import connect
from lineage.audit_cli import KINDS
from lineage.ingest import Arrival, Ingestor
from lineage.rebuild import digest, rebuild
from tests.serving.test_faults import BARE
from tests.serving.test_serve import free_port, made, post, running

PROCESSES = 3
EVENTS = 60


def test_three_processes_take_the_same_events_in_any_order(
    new_postgresql: Callable[[], str], tmp_path: Path
) -> None:
    url = new_postgresql()
    ports = [free_port() for _ in range(PROCESSES)]
    answers: list[int] = []

    def send(port: int, seed: int) -> None:
        numbers = list(range(EVENTS))
        random.Random(seed).shuffle(numbers)  # noqa: S311  # an order, not a secret
        answers.extend(post(port, made(number)) for number in numbers)

    with ExitStack() as together:
        for port in ports:
            together.enter_context(running(url, port, *BARE, str(port)))
        senders = [
            threading.Thread(target=send, args=(port, seed)) for seed, port in enumerate(ports * 2)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    alone = connect(f"sqlite:///{tmp_path / 'alone.db'}")
    Ingestor(alone).ingest([Arrival(made(number), "t") for number in range(EVENTS)])
    engine = connect(url)
    assert sorted(set(answers)) == [200, 201]
    assert answers.count(201) == EVENTS
    assert digest(engine) == digest(alone)
    with engine.connect() as connection:
        assert chain.verify(connection, KINDS) is None
    for _ in rebuild(engine):
        pass
    assert digest(engine) == digest(alone)
    engine.dispose()
    alone.dispose()
