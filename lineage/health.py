"""Whether the process is alive, ready, and how it fares: for load balancers and Prometheus."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from catalog.database import get_meta
from lineage import removals
from lineage.doors import ClosedError
from lineage.keys import CHALLENGE
from lineage.receiver import Receiver

_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def routes() -> list[BaseRoute]:
    """Their paths; the application's state holds an ``engine`` and a ``receiver``."""
    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


async def healthz(_request: Request) -> Response:
    """Alive."""
    return PlainTextResponse("ok")


def readyz(request: Request) -> Response:
    """The store can be read, what is derived is there, and events are taken."""
    receiver: Receiver = request.app.state.receiver
    if receiver.commits.is_draining:
        return _not_ready("the process is stopping")
    try:
        with _engine(request).connect() as connection:
            is_refilling = get_meta(connection, "needs_rebuild") == 1
    except SQLAlchemyError as error:
        return _not_ready(f"the store cannot be read: {error}")
    return _not_ready("derived tables are refilled") if is_refilling else PlainTextResponse("ok")


def metrics(request: Request) -> Response:
    """Prometheus' text; what the store would say is left out while it says nothing."""
    receiver: Receiver = request.app.state.receiver
    if receiver.door is not None:
        try:
            receiver.door.admit(request.scope["headers"])
        except ClosedError as closed:
            return PlainTextResponse(closed.refused.detail, 401, CHALLENGE)
    now = {"andon_queue_events": receiver.commits.events}
    try:
        with _engine(request).connect() as connection:
            now["andon_revision"] = get_meta(connection, "revision")
            size = connection.execute(text(_SIZES[connection.dialect.name])).scalar()
            now["andon_database_bytes"] = int(size or 0)
            removed = removals.removed(connection)
            if removed is not None:
                now["andon_removed_events"] = removed.events
                now["andon_removed_until_seconds"] = int(removed.until.timestamp())
    except SQLAlchemyError:
        pass
    return PlainTextResponse(
        receiver.meter.text(now), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def _not_ready(detail: str) -> Response:
    return JSONResponse({"detail": detail}, 503, {"Retry-After": "1"})
