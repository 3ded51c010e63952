"""The body of a request: read as it comes, unpacked, and never more of it than may be held."""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from lineage.templates import RefusedError

STEP = 1 << 20
"""How much is unpacked at a time, bytes, before others get their turn."""

EXCERPT = 2000
"""How much of a refused body is handed on, bytes."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class OverloadedError(Exception):
    """More is waiting than can be taken in; come again in a second."""


class GoneError(Exception):
    """The sender hung up before all of the body had come; it will send the event again."""


class UnreadableError(Exception):
    """A body that is refused before anybody could read it, with as much of it as has been seen."""

    def __init__(self, refused: RefusedError, excerpt: bytes) -> None:
        super().__init__(refused.detail)
        self.refused = refused
        self.excerpt = excerpt


@dataclass(slots=True)
class Room:
    """How many bytes of all bodies together may be in memory, read and not yet answered."""

    limit: int
    taken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, size: int) -> None:
        """Take room for so many bytes more.

        Raises:
            OverloadedError: They do not fit beside what is there. One alone always fits.
        """
        with self._lock:
            if self.taken and self.taken + size > self.limit:
                raise OverloadedError("more bytes wait than can be held")
            self.taken += size

    def leave(self, size: int) -> None:
        """Give room back."""
        with self._lock:
            self.taken -= size


@dataclass(slots=True)
class Body:
    """One request's body while it is read; give its room back when it has been answered."""

    room: Room
    limit: int
    size: int = 0
    _parts: list[bytes] = field(default_factory=list)

    async def read(self, receive: Receive, encoding: str, announced: int) -> bytes:
        """All of it, unpacked.

        Args:
            receive: The request, as ASGI hands it over.
            encoding: The ``Content-Encoding``, lower case; empty for none.
            announced: The ``Content-Length``; 0 where none was sent.

        Raises:
            UnreadableError: It is too large, or cannot be unpacked.
            OverloadedError: There is no room for it now.
            GoneError: It ends early.
        """
        if encoding in ("", "identity"):
            if announced > self.limit:  # before the sender takes the trouble
                raise UnreadableError(self._too_large(), b"")
            message = await _next(receive)
            if not message.get("more_body", False):
                whole: bytes = message.get("body", b"")
                self._take(whole)
                return whole
            self._take(message.get("body", b""))
            async for part in _parts(receive):
                self._take(part)
        elif encoding in ("gzip", "x-gzip", "deflate"):
            try:
                async for part in _unpacked(_parts(receive), encoding):
                    self._take(part)
            except zlib.error as error:
                refused = RefusedError(
                    400,
                    f"the compressed body cannot be read: {error}",
                    "",
                    f"a complete {encoding} stream",
                )
                raise UnreadableError(refused, self._excerpt()) from error
        else:
            refused = RefusedError(
                415, f'Content-Encoding "{encoding}" is unknown', "Content-Encoding", "gzip or none"
            )
            raise UnreadableError(refused, b"")
        return b"".join(self._parts)

    def close(self) -> None:
        """Give its room back."""
        self.room.leave(self.size)
        self.size = 0

    def _take(self, part: bytes) -> None:
        if self.size + len(part) > self.limit:
            raise UnreadableError(self._too_large(), self._excerpt() or part[:EXCERPT])
        self.room.enter(len(part))
        self.size += len(part)
        self._parts.append(part)

    def _excerpt(self) -> bytes:
        return b"".join(self._parts[:EXCERPT])[:EXCERPT]

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413, f"the body is larger than {self.limit} bytes", "", f"at most {self.limit} bytes"
        )


async def _next(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise GoneError
    return message


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    is_more = True
    while is_more:
        message = await _next(receive)
        is_more = message.get("more_body", False)
        yield message.get("body", b"")


async def _unpacked(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Unpack as it comes, in steps, so that a small bomb cannot fill the memory.

    Raises:
        zlib.error: It cannot be unpacked, or ends early.
    """
    unpacker: zlib._Decompress | None = None
    begun = b""
    async for chunk in chunks:
        waiting = begun + chunk
        if unpacker is None and len(waiting) < 2:
            begun = waiting  # its first two bytes say what it is
            continue
        begun = b""
        while waiting:
            if unpacker is None:
                unpacker = _unpacker(waiting, encoding)
            elif unpacker.eof:  # gzip may come in several members, and may be padded with NUL
                waiting = waiting.lstrip(b"\0")
                if not waiting:
                    break
                unpacker = _unpacker(waiting, encoding)
            part = unpacker.decompress(waiting, STEP)
            waiting = unpacker.unconsumed_tail or unpacker.unused_data
            yield part
            if len(part) == STEP:
                await asyncio.sleep(0)
    if unpacker is None or not unpacker.eof:
        raise zlib.error("it ends early")


def _unpacker(begun: bytes, encoding: str) -> zlib._Decompress:
    is_gzip = begun[:2] == b"\x1f\x8b"
    is_zlib = begun[0] & 0x0F == 8 and int.from_bytes(begun[:2]) % 31 == 0
    # Some senders take "deflate" for the bare stream, as some servers always did.
    is_bare = encoding == "deflate" and not is_gzip and not is_zlib
    return zlib.decompressobj(-zlib.MAX_WBITS if is_bare else zlib.MAX_WBITS | 32)
