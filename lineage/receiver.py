"""The HTTP door for events: answers only when durable, says what was wrong and where."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Message, Receive, Scope, Send

from lineage import batches
from lineage.bodies import Body, GoneError, OverloadedError, Room, UnreadableError
from lineage.commits import BATCH, QUEUED_BYTES, Commits, StoreDownError
from lineage.doors import ClosedError, Door
from lineage.ingest import Arrival, Ingestor, Receipt, Status
from lineage.keys import Key
from lineage.metering import Meter
from lineage.templates import RefusedError
from lineage.wire import WHOLE

PATHS = (
    "/api/v1/lineage",
    "/api/v1/openlineage/lineage",
    "/openapi/openlineage/api/v1/lineage",
)
"""Where one event is posted, the second and third by clients set up for another catalog; below
each ``/batch`` takes many; all of them also with a trailing slash."""

SINGLE = frozenset(f"{path}{slash}" for path in PATHS for slash in ("", "/"))
BATCHED = frozenset(f"{path}/batch{slash}" for path in PATHS for slash in ("", "/"))

READ_S = 60.0
"""How long a body may take to come, seconds: what has come of it takes room from others."""

Headers = Sequence[tuple[bytes, bytes]]


class Receiver:
    """Reads what is posted, has it committed, and answers."""

    def __init__(self, ingestor: Ingestor, max_body_bytes: int, door: Door | None = None) -> None:
        self.meter = Meter()
        self.commits = Commits(ingestor, self.meter)
        self.door = door
        self._limit = max_body_bytes
        self._room = Room(max(QUEUED_BYTES, 2 * max_body_bytes))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Accept events until the end, then finish those that wait."""
        with self.commits.running():
            yield

    def drain(self) -> None:
        """Ask new senders to come again; those that wait are answered."""
        self.commits.drain()

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it is."""
        path: str = scope["path"]
        source = f"POST {path}"
        body = Body(self._room, self._limit)
        key: Key | None = None
        try:
            if self.door is not None:
                key = self.door.admit(scope["headers"])
            content = await self._read(body, scope, receive)
            if path in SINGLE:
                (receipt,) = await self.commits.take((Arrival(content, source, key),))
                await _answer_one(send, receipt)
            else:
                await self._post_batch(content, source, key, send)
        except UnreadableError as unreadable:
            arrival = Arrival(unreadable.excerpt, source, key)
            await self.commits.refuse(arrival, unreadable.refused)
            await _refuse(send, unreadable.refused)
        except ClosedError as closed:
            self.meter.unadmitted += 1
            if closed.key is not None:  # a stranger's is not worth a write, and could be anything
                await self.commits.refuse(Arrival(b"", source, closed.key), closed.refused)
            await _refuse(send, closed.refused, *closed.headers)
        except OverloadedError as overloaded:
            await self._come_again(send, str(overloaded))
        except TimeoutError:
            await self._come_again(send, f"the body did not come within {READ_S:.0f} s", _CLOSE)
        except (StoreDownError, SQLAlchemyError) as down:
            await self._come_again(send, f"the store cannot be used: {down}")
        except GoneError:
            pass  # nobody is there to be answered
        finally:
            body.close()

    async def _read(self, body: Body, scope: Scope, receive: Receive) -> bytes:
        framing = _framing(scope["headers"])
        if WHOLE in scope.get("extensions", ()):  # nothing is waited for, so no clock is needed
            return await body.read(receive, *framing)
        async with asyncio.timeout(READ_S):
            return await body.read(receive, *framing)

    async def _post_batch(self, content: bytes, source: str, key: Key | None, send: Send) -> None:
        try:
            bodies = batches.split(content)
        except RefusedError as refused:
            raise UnreadableError(refused, content) from refused
        arrivals = [Arrival(one, f"{source}[{n}]", key) for n, one in enumerate(bodies)]
        shares = [arrivals[first : first + BATCH] for first in range(0, len(arrivals), BATCH)]
        answered = await asyncio.gather(*(self.commits.take(share) for share in shares))
        receipts = [receipt for share in answered for receipt in share]
        await answer(send, 200, batches.summary(receipts))

    async def _come_again(self, send: Send, detail: str, *headers: tuple[bytes, bytes]) -> None:
        # The one code that every client takes for "send the same again"; 429 loses the event.
        self.meter.turned_away += 1
        told = {"detail": detail, "path": "", "expected": "the same again, a second later"}
        await answer(send, 503, orjson.dumps(told), (b"retry-after", b"1"), *headers)


class ReceiverRoute(BaseRoute):
    """Every path that takes events, found by one look-up; the application's state holds a
    ``receiver``.

    Plain ASGI, since request and response objects would cost as much as taking the event in.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_ours = scope["type"] == "http" and (scope["path"] in SINGLE or scope["path"] in BATCHED)
        return Match.FULL if is_ours else Match.NONE, {}

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            receiver: Receiver = scope["app"].state.receiver
            await receiver.post(scope, receive, send)
        else:
            # A GET here is a client whose POST was redirected, and its event is lost.
            told = {"detail": "events are posted here", "path": "", "expected": "POST"}
            await answer(send, 405, orjson.dumps(told), (b"allow", b"POST"))


async def answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send a JSON document."""
    await send(_head(status, len(body), headers))
    await send({"type": "http.response.body", "body": body})


def _head(status: int, size: int, headers: Headers = ()) -> Message:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % size),
            *headers,
        ],
    }


def _framing(headers: Headers) -> tuple[str, int]:
    """How the body is packed, and how large it says it is."""
    encoding, announced = "", 0
    for name, value in headers:
        if name == b"content-length":
            announced = int(value) if value.isdigit() else 0
        elif name == b"content-encoding":
            said = value.decode("latin-1").strip().lower()
            encoding = f"{encoding}, {said}" if encoding else said
    return encoding, announced


def _plain(status: Status, event_id: str) -> bytes:
    return b'{"event_id":"%b","status":"%b","warnings":[]}' % (event_id.encode(), status.encode())


_CLOSE = (b"connection", b"close")

_CODES = {Status.STORED: 201, Status.DUPLICATE: 200}
_HEADS = {status: _head(code, len(_plain(status, "0" * 64))) for status, code in _CODES.items()}
"""The heads of answers without warnings, which are nearly all and of one length each."""


async def _answer_one(send: Send, receipt: Receipt) -> None:
    if receipt.refusal is not None:
        await _refuse(send, receipt.refusal)
    elif receipt.event_id is not None and not receipt.oddities:
        await send(_HEADS[receipt.status])
        body = _plain(receipt.status, receipt.event_id)
        await send({"type": "http.response.body", "body": body})
    else:
        told = {
            "event_id": receipt.event_id,
            "status": receipt.status,
            "warnings": [{"path": o.path, "message": o.message} for o in receipt.oddities],
        }
        await answer(send, _CODES[receipt.status], orjson.dumps(told))


async def _refuse(send: Send, refused: RefusedError, *headers: tuple[bytes, bytes]) -> None:
    told = {"detail": refused.detail, "path": refused.path, "expected": refused.expected}
    await answer(send, refused.status, orjson.dumps(told), *headers)
