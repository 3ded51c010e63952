"""HTTP as clients speak it, where the server's own way with it would lose an event."""

from __future__ import annotations

import asyncio
import sys

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10
"""How long a new connection may take to say what it wants, seconds."""

WHOLE = "andon.whole"
"""Extension of the scope of a request whose body was all there before anybody asked for it."""

_HOP = frozenset((b"upgrade", b"http2-settings"))


class PlainHttp(HttpToolsProtocol):
    """Takes a request that offers to go on in another protocol as one that does not.

    The JDK's own client offers HTTP/2 with what it posts over plain HTTP. The parser takes that for
    agreed and stops before the body, which would be read as empty.
    """

    _silent: asyncio.TimerHandle
    _data = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        super().connection_made(transport)
        self._silent = self.loop.call_later(HEAD_S, self._hang_up_on_silence)

    def connection_lost(self, exc: Exception | None) -> None:
        self._silent.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._data = data
        super().data_received(data)

    def handle_websocket_upgrade(self) -> None:
        self._silent.cancel()
        super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        if not self._is_declined():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._is_declined():
            # The application begins in the loop's next turn at the earliest.
            self.scope["extensions"] = {WHOLE: {}}
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return self.parser.get_method() == b"GET" and super()._should_upgrade()

    def _is_declined(self) -> bool:
        return (
            self.parser.should_upgrade()
            and self.parser.get_method() != b"CONNECT"
            and not self._should_upgrade()
        )

    def _unsupported_upgrade_warning(self) -> None:
        # Called while the exception is handled by which the parser says where it stopped.
        stopped = sys.exception()
        if not self._is_declined() or not isinstance(stopped, httptools.HttpParserUpgrade):
            super()._unsupported_upgrade_warning()
            return
        head = [
            b"%b %b HTTP/%b"
            % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        ]
        for name, value in self.headers:
            said = _without_hop(value) if name == b"connection" else value
            if name not in _HOP and (said or name != b"connection"):
                head.append(b"%b: %b" % (name, said))
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*head, b"", b""]) + self._data[stopped.args[0] :])

    def _hang_up_on_silence(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


def _without_hop(connection: bytes) -> bytes:
    tokens = [token.strip() for token in connection.split(b",")]
    return b", ".join(token for token in tokens if token.lower() not in _HOP)
