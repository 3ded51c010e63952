"""Who is answered at all, while there is no sign-in that could tell who asks."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

CLOSED = ("/_stcore/metrics", "/_stcore/agent")
"""What the dashboard's library tells of itself."""


class LoopbackOnly:
    """Answers nobody beyond this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            if not _is_from_here(scope):
                await _turn_away(scope, receive, send, 403, "served on this machine only")
                return
            if scope["path"].startswith(CLOSED):
                await _turn_away(scope, receive, send, 404, "not found")
                return
        await self._app(scope, receive, send)


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_from_here(scope: Scope) -> bool:
    client = scope.get("client")
    if client and not is_loopback(client[0]):
        return False
    host = origin = b""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"origin":
            origin = value
    if host and not is_loopback(_host_of(host.decode("latin-1"))):
        return False
    # A page from elsewhere may make its visitor's browser post here; producers send none.
    return not origin or is_loopback(_host_of_origin(origin.decode("latin-1")))


def _host_of(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _host_of_origin(header: str) -> str:
    try:
        return urlsplit(header).hostname or header
    except ValueError:
        return header


async def _turn_away(scope: Scope, receive: Receive, send: Send, status: int, detail: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": detail})
    else:
        await JSONResponse({"detail": detail}, status)(scope, receive, send)
