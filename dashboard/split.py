"""The dashboard as a process of its own, kept alive, and everything passed on to it.

A heavy page then costs the receiver nothing. Both share a loopback socket that the parent keeps
open, so that visitors wait, and are not turned away, while the dashboard starts again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin, Subprotocol

logger = logging.getLogger(__name__)

AGAIN_S = (0.2, 10.0)
"""How long to wait before the dashboard is started again, seconds: at first, and at most."""

STOP_S = 10.0
"""How long it may take to end when asked to, seconds."""

ANSWER_S = 60.0
"""How long a page may take to begin its answer, seconds: it may be starting."""

TRIES = 5
"""How often a request without a body is passed on before its sender is asked to come again."""

_HOPS = frozenset(
    (
        b"connection", b"date", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
        b"server", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    )
)  # fmt: skip
"""Headers about one connection, and those that our own server adds."""


class Split:
    """Serves what is in front of people from a supervised process.

    Args:
        command: Starts it; followed by the number of the socket that it must serve. It ends when
            its standard input does.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._transport = httpx2.AsyncHTTPTransport(verify=False, limits=httpx2.Limits())
        self._process: asyncio.subprocess.Process | None = None

    @contextlib.asynccontextmanager
    async def running(self, _host: object) -> AsyncIterator[None]:
        """Keep it alive until the end, then stop it."""
        supervising = asyncio.create_task(self._supervise())
        try:
            yield
        finally:
            supervising.cancel()
            await asyncio.gather(supervising, return_exceptions=True)
            await self._stop()
            await self._transport.aclose()
            self._listener.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._pass_socket(scope, receive, send)
        else:
            await self._pass_request(scope, receive, send)

    async def _supervise(self) -> None:
        pause_s, longest_s = AGAIN_S
        while True:
            started = time.monotonic()
            number = self._listener.fileno()
            self._process = await asyncio.create_subprocess_exec(
                *self._command, str(number), pass_fds=[number], stdin=asyncio.subprocess.PIPE
            )
            code = await self._process.wait()
            if time.monotonic() - started > longest_s:
                pause_s = AGAIN_S[0]
            logger.error("the dashboard ended and is started again", extra={"code": code})
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, longest_s)

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _pass_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_with_body = any(
            n in (b"content-length", b"transfer-encoding") for n, _ in scope["headers"]
        )
        request = httpx2.Request(
            scope["method"],
            httpx2.URL(scheme="http", host="127.0.0.1", port=self.port, raw_path=_target(scope)),
            headers=[(n, v) for n, v in scope["headers"] if n not in _HOPS],
            content=_body(receive) if is_with_body else None,
            extensions={
                "timeout": {"connect": 5.0, "read": ANSWER_S, "write": ANSWER_S, "pool": 5.0}
            },
        )
        response = await self._ask(request, tries=1 if is_with_body else TRIES)
        if response is None:
            await _come_again(send)
            return
        headers = [(n.lower(), v) for n, v in response.headers.raw if n.lower() not in _HOPS]
        start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        await send(start)
        try:
            async for part in response.aiter_raw():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            await response.aclose()

    async def _ask(self, request: httpx2.Request, tries: int) -> httpx2.Response | None:
        for _ in range(tries):  # a connection kept open may be to a process that has just ended
            try:
                return await self._transport.handle_async_request(request)
            except httpx2.TransportError as error:
                logger.info("the dashboard does not answer", extra={"why": str(error)})
        return None

    async def _pass_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # it wants to connect
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"127.0.0.1").decode("latin-1")
        try:
            theirs = await connect(
                # The address as the visitor knows it, since it is compared with the page's.
                f"ws://{host}{_target(scope).decode('latin-1')}",
                host="127.0.0.1",
                port=self.port,
                origin=_text(headers.get(b"origin"), Origin),
                subprotocols=[Subprotocol(name) for name in scope["subprotocols"]] or None,
                additional_headers=[
                    (n.decode("latin-1"), v.decode("latin-1"))
                    for n, v in scope["headers"]
                    if n in (b"cookie", b"accept-language")
                ],
                user_agent_header=_text(headers.get(b"user-agent"), str),
                compression=None,
                max_size=None,
                ping_interval=None,
                proxy=None,
                open_timeout=ANSWER_S,
            )
        except (InvalidHandshake, OSError, TimeoutError) as error:
            logger.warning("the dashboard takes no socket", extra={"why": str(error)})
            await send({"type": "websocket.close", "code": 1013})
            return
        await send({"type": "websocket.accept", "subprotocol": theirs.subprotocol})
        async with theirs:
            up = asyncio.create_task(_up(receive, theirs))
            down = asyncio.create_task(_down(theirs, send))
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)


async def _up(receive: Receive, theirs: ClientConnection) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        with contextlib.suppress(ConnectionClosed):
            await theirs.send(message["bytes"] if text is None else text)
    await theirs.close(message.get("code") or 1000)


async def _down(theirs: ClientConnection, send: Send) -> None:
    try:
        while True:
            told = await theirs.recv()
            kind = "text" if isinstance(told, str) else "bytes"
            await send({"type": "websocket.send", kind: told})
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else 1012
        await send({"type": "websocket.close", "code": code})


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    is_more = True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx2.ReadError("the visitor hung up")
        is_more = message.get("more_body", False)
        yield message.get("body", b"")


async def _come_again(send: Send) -> None:
    body = b"The dashboard is starting. Come again in a few seconds."
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    headers.append((b"retry-after", b"3"))
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _target(scope: Scope) -> bytes:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def _text(value: bytes | None, kind: Any) -> Any:
    return None if value is None else kind(value.decode("latin-1"))


def end_with_parent() -> None:
    """End this process when its standard input ends, which the parent holds and never writes to.

    However the parent ends, killed outright or not, no dashboard is left behind.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_S)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
