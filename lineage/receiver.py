"""The HTTP door for events: answers only when durable, says what was wrong and where."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, OperationalError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lineage.events import RefusedError
from lineage.ingest import Arrival, Ingestor, Receipt, Status

logger = logging.getLogger(__name__)

PATHS = (
    "/v1/lineage",
    "/v1/openlineage/lineage",
)
"""Paths below ``/api`` that take one event; each also with a trailing slash."""

ALIAS = "/openapi/openlineage/api/v1/lineage"
"""Where clients set up for another catalog post to."""

BATCH = 256
"""Most events that share one commit."""

QUEUED = 4096
"""Events that may wait; beyond, senders are asked to come again."""


class OverloadedError(Exception):
    """More events wait than the store can take in; come again in a second."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrival: Arrival
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Receipt]


class Receiver:
    """Takes events from many requests and commits those that wait together."""

    def __init__(self, ingestor: Ingestor, max_body_bytes: int) -> None:
        self._ingestor = ingestor
        self.max_body_bytes = max_body_bytes
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(QUEUED)
        self._thread = threading.Thread(target=self._drain, name="receiver", daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Accept events until the end, then finish those that wait."""
        self._thread.start()
        try:
            yield
        finally:
            self._queue.put(None)
            self._thread.join()

    async def take(self, arrival: Arrival) -> Receipt:
        """Store one event; returns when it is durable.

        Raises:
            OverloadedError: Too many events wait already.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(arrival, loop, loop.create_future())
        try:
            self._queue.put_nowait(waiting)
        except queue.Full as error:
            raise OverloadedError from error
        return await waiting.answer

    async def refuse(self, arrival: Arrival, refused: RefusedError) -> None:
        """Keep what was refused before it could be read."""
        await asyncio.to_thread(self._ingestor.refuse, arrival, refused)

    def _drain(self) -> None:
        is_open = True
        while is_open:
            first = self._queue.get()
            batch = [] if first is None else [first]
            is_open = first is not None
            while len(batch) < BATCH:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    is_open = False
                else:
                    batch.append(more)
            if batch:
                self._commit(batch)

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            receipts = self._ingestor.ingest([w.arrival for w in batch])
        except Exception as error:  # noqa: BLE001  # handed to whoever waits for the answer
            if len(batch) == 1 or isinstance(error, OperationalError):
                # A store that cannot be written is so for all; one by one they would wait for ages.
                for waiting in batch:
                    _settle(waiting, error)
            else:  # one bad event must not fail its neighbours
                for waiting in batch:
                    self._commit([waiting])
            return
        for waiting, receipt in zip(batch, receipts, strict=True):
            _settle(waiting, receipt)


def _settle(waiting: _Waiting, outcome: Receipt | Exception) -> None:
    def settle() -> None:
        if waiting.answer.cancelled():
            return
        if isinstance(outcome, Receipt):
            waiting.answer.set_result(outcome)
        else:
            waiting.answer.set_exception(outcome)

    with contextlib.suppress(RuntimeError):  # its event loop is gone, and so is the sender
        waiting.loop.call_soon_threadsafe(settle)


def routes(prefix: str = "/api") -> list[BaseRoute]:
    """Routes that take events; the application's state must hold a ``receiver``."""
    paths = [f"{prefix}{path}" for path in PATHS] + [ALIAS]
    places = [f"{path}{slash}" for path in paths for slash in ("", "/")]
    return [
        route
        for place in places
        for route in (
            Route(place, post_event, methods=["POST"]),
            Route(place, only_post, methods=["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        )
    ]


async def only_post(_request: Request) -> Response:
    """Any other method: a GET here is a client whose POST was redirected, and its event is lost."""
    return JSONResponse(
        {"detail": "events are posted here", "path": "", "expected": "POST"}, 405, {"Allow": "POST"}
    )


async def post_event(request: Request) -> Response:
    """One OpenLineage event: 201 stored, 200 known already, 4xx with the reason."""
    receiver: Receiver = request.app.state.receiver
    source = f"POST {request.url.path}"
    try:
        body = await _body(request, receiver.max_body_bytes)
    except RefusedError as refused:
        with contextlib.suppress(DBAPIError):  # it will never be good, whether it is noted or not
            await receiver.refuse(Arrival(b"", source), refused)
        return _refusal(refused)
    except ClientDisconnect:
        return Response(status_code=400)
    try:
        receipt = await receiver.take(Arrival(body, source))
    except OverloadedError:
        return _later("more events wait than the store can take in")
    except DBAPIError as error:
        logger.exception("store failed")
        return _later(f"the store cannot be written: {error.orig}")
    if receipt.refusal is not None:
        return _refusal(receipt.refusal)
    return JSONResponse(
        {
            "event_id": receipt.event_id,
            "status": receipt.status.value,
            "warnings": [{"path": o.path, "message": o.message} for o in receipt.oddities],
        },
        201 if receipt.status is Status.STORED else 200,
    )


async def _body(request: Request, limit: int) -> bytes:
    """The body, decompressed, never more than ``limit`` bytes."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise RefusedError(
            415, f'Content-Encoding "{encoding}" is unknown', "Content-Encoding", "gzip or none"
        )
    chunks = request.stream()
    parts: list[bytes] = []
    size = 0
    async for part in chunks if encoding == "identity" else _expanded(chunks, limit):
        size += len(part)
        if size > limit:
            raise RefusedError(
                413, f"the body is larger than {limit} bytes", "", f"at most {limit} bytes"
            )
        parts.append(part)
    return b"".join(parts)


async def _expanded(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Decompress as it comes, in steps, so that a small bomb cannot fill the memory."""
    decompressor = _decompressor()
    try:
        async for chunk in chunks:
            waiting = chunk
            while waiting:
                if decompressor.eof:  # gzip may come in several members, one after the other
                    decompressor = _decompressor()
                yield decompressor.decompress(waiting, min(limit + 1, 1 << 20))
                waiting = decompressor.unconsumed_tail or decompressor.unused_data
        yield decompressor.flush()
    except zlib.error as error:
        raise RefusedError(
            400, f"the compressed body cannot be read: {error}", "", "a complete gzip stream"
        ) from error
    if not decompressor.eof:
        raise RefusedError(400, "the compressed body ends early", "", "a complete gzip stream")


def _decompressor() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, by their header


def _refusal(refused: RefusedError) -> JSONResponse:
    return JSONResponse(
        {"detail": refused.detail, "path": refused.path, "expected": refused.expected},
        refused.status,
    )


def _later(detail: str) -> JSONResponse:
    return JSONResponse(
        {"detail": detail, "path": "", "expected": "the same event again, a second later"},
        503,
        {"Retry-After": "1"},
    )
