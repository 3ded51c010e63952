"""A receiver to post to, over a real store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lineage import health, receiver
from lineage.doors import Door
from lineage.ingest import Ingestor

URL = "/api/v1/lineage"
BATCH = f"{URL}/batch"
LIMIT = 200_000


def serving(taker: receiver.Receiver, engine: Engine | None = None) -> Starlette:
    """The application around a receiver."""
    app = Starlette(routes=[receiver.ReceiverRoute(), *health.routes()])
    app.state.receiver = taker
    app.state.engine = engine
    return app


@contextmanager
def client_of(
    engine: Engine, ingestor: Ingestor | None = None, door: Door | None = None
) -> Iterator[TestClient]:
    """A client of a receiver that runs."""
    taker = receiver.Receiver(ingestor or Ingestor(engine), LIMIT, door)
    app = serving(taker, engine)
    with taker.running(), TestClient(app, follow_redirects=False) as client:
        yield client


def encode(event: Any) -> bytes:
    """As a client sends it."""
    return json.dumps(event).encode()
