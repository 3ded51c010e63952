"""One thread that commits together whatever waits, and tells every sender when that is durable."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from catalog.engines import one_line
from lineage.bodies import OverloadedError
from lineage.ingest import Arrival, Ingestor, Receipt, Status
from lineage.metering import Meter
from lineage.templates import RefusedError

logger = logging.getLogger(__name__)

BATCH = 256
"""Most events that share one commit."""

BATCH_BYTES = 16 << 20
"""And most bytes, unless one event alone is larger."""

QUEUED = 4096
"""Events that may wait; beyond, senders are asked to come again."""

QUEUED_BYTES = 64 << 20
"""And bytes; one request alone always fits."""

ANSWER_S = 3.0
"""Longest wait for a commit, seconds: clients give up after 5 and send the same again."""

GATHER_S = 0.002
"""How long those who were just answered are waited for, seconds."""

REFUSAL_S = 1.0
"""Longest wait until a refusal is kept; its answer does not depend on it."""


class StoreDownError(Exception):
    """The store cannot be written now, which is nobody's fault who sent something."""


Outcome = list[Receipt] | StoreDownError


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What one request brought, and who waits for it."""

    arrivals: Sequence[Arrival]
    size: int
    answer: asyncio.Future[list[Receipt]]
    refused: RefusedError | None = None
    """Refused before it could be read: only to be kept."""


class Commits:
    """Takes events from many requests and commits those that wait together."""

    def __init__(self, ingestor: Ingestor, meter: Meter) -> None:
        self._ingestor = ingestor
        self._meter = meter
        self._queue: queue.SimpleQueue[list[_Waiting] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="commits", daemon=True)
        self._lock = threading.Lock()
        self.is_draining = False
        self._arriving: list[_Waiting] = []
        """Came in this turn of the event loop; handed over together at its end."""
        self.events = 0
        """Events that wait or are being committed."""
        self._bytes = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Accept events until the end, then finish those that wait."""
        self._thread.start()
        try:
            yield
        finally:
            self.drain()
            self._queue.put(None)
            self._thread.join()

    def drain(self) -> None:
        """Take nothing new; what waits is finished and answered."""
        self.is_draining = True

    async def take(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Store what came in one request; returns when all of it is durable.

        Raises:
            OverloadedError: Too much waits already, or the process is stopping.
            StoreDownError: The store cannot be written, or not soon enough.
        """
        return await self._enter(arrivals, None, ANSWER_S)

    async def refuse(self, arrival: Arrival, refused: RefusedError) -> None:
        """Keep what was refused before it could be read; if that is impossible now, count it."""
        try:
            await self._enter([arrival], refused, REFUSAL_S)
        except (OverloadedError, StoreDownError):
            # Its sender is told all the same, and it will never be good: noting it is for us.
            logger.warning("rejection not kept", extra={"source": arrival.source})
            self._meter.unkept += 1

    async def _enter(
        self, arrivals: Sequence[Arrival], refused: RefusedError | None, patience_s: float
    ) -> list[Receipt]:
        size = sum(len(arrival.body) for arrival in arrivals)
        with self._lock:
            if self.is_draining:
                raise OverloadedError("the process is stopping")
            if self.events and (
                self.events + len(arrivals) > QUEUED or self._bytes + size > QUEUED_BYTES
            ):
                raise OverloadedError("more events wait than the store can take in")
            self.events += len(arrivals)
            self._bytes += size
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Receipt]] = loop.create_future()
        if not self._arriving:
            loop.call_soon(self._hand_over)
        self._arriving.append(_Waiting(arrivals, size, answer, refused))
        patience = loop.call_later(patience_s, _give_up, answer)
        try:
            return await answer
        finally:
            patience.cancel()

    def _hand_over(self) -> None:
        arriving, self._arriving = self._arriving, []
        self._queue.put(arriving)

    # What follows runs in the thread.

    def _work(self) -> None:
        waiting: list[_Waiting] = []
        is_open, answered = True, 0
        while is_open or waiting:
            is_open = self._gather(waiting, answered)
            batch = _first(waiting)
            answered = len(batch)
            del waiting[: len(batch)]
            # Nobody waits any more for what took too long: its sender comes again.
            wanted = [w for w in batch if not w.answer.done()]
            try:
                outcomes = self._commit(wanted)
            except Exception:  # the one thread that commits must outlive whatever happens
                logger.exception("commit failed")
                outcomes = [(w, StoreDownError("our own code failed")) for w in wanted]
            with self._lock:
                self.events -= sum(len(w.arrivals) for w in batch)
                self._bytes -= sum(w.size for w in batch)
            _settle(outcomes)

    def _gather(self, waiting: list[_Waiting], answered: int) -> bool:
        """Collect what shall share the next commit; answers whether more may come.

        Those who were just answered come again at once if they have more. A commit costs much
        the same for few as for many, so they are waited for, a moment at most.
        """
        is_open = self._collect(waiting, BATCH, 0.0)
        if is_open and answered > 1:
            is_open = self._collect(waiting, min(BATCH, len(waiting) + answered), GATHER_S)
        while is_open and not waiting:
            is_open = self._collect(waiting, 1, None)
        return is_open

    def _collect(self, waiting: list[_Waiting], enough: int, patience_s: float | None) -> bool:
        """Take from the queue until there is enough or patience ends; whether more may come."""
        until = None if patience_s is None else time.monotonic() + patience_s
        while len(waiting) < enough:
            left = None if until is None else max(0.0, until - time.monotonic())
            try:
                arriving = self._queue.get(block=left != 0, timeout=left)
            except queue.Empty:
                return True
            if arriving is None:
                self._queue.put(None)
                return False
            waiting += arriving
        return True

    def _commit(self, batch: list[_Waiting]) -> list[tuple[_Waiting, Outcome]]:
        outcomes: list[tuple[_Waiting, Outcome]] = []
        for waiting in batch:
            if waiting.refused is not None:
                kept = self._keep(waiting.arrivals[0], waiting.refused)
                if not isinstance(kept, StoreDownError):
                    self._meter.count(kept)
                outcomes.append((waiting, kept))
        batch = [w for w in batch if w.refused is None]
        try:
            receipts = iter(self._store([a for w in batch for a in w.arrivals]))
            for waiting in batch:
                mine = [next(receipts) for _ in waiting.arrivals]
                self._meter.count(mine)
                outcomes.append((waiting, mine))
        except StoreDownError as down:
            # It is so for all of them; one by one they would wait for ages.
            logger.warning("store failed", extra={"why": str(down), "requests": len(batch)})
            outcomes += [(waiting, down) for waiting in batch]
        return outcomes

    def _store(self, arrivals: list[Arrival], *, is_again: bool = False) -> list[Receipt]:
        if not arrivals:
            return []
        started = time.perf_counter()
        try:
            receipts = self._ingestor.ingest(arrivals)
        except Exception as error:
            if is_down(error):
                raise StoreDownError(one_line(error)) from error
            if len(arrivals) > 1:  # one event that our code fails on must not fail its neighbours
                middle = len(arrivals) // 2
                return self._store(arrivals[:middle]) + self._store(arrivals[middle:])
            if isinstance(error, IntegrityError) and not is_again:
                return self._store(arrivals, is_again=True)  # another receiver was quicker
            logger.exception("event failed")
            refused = RefusedError(500, f"our own code failed: {type(error).__name__}", "", "")
            kept = self._keep(arrivals[0], refused)
            if isinstance(kept, StoreDownError):
                raise kept from error
            return kept
        self._meter.commit_s.observe(time.perf_counter() - started)
        return receipts

    def _keep(self, arrival: Arrival, refused: RefusedError) -> Outcome:
        try:
            self._ingestor.refuse(arrival, refused)
        except Exception as error:
            if not is_down(error):
                logger.exception("rejection failed")
            return StoreDownError(one_line(error))
        return [Receipt(Status.REJECTED, None, refusal=refused)]


def _first(waiting: list[_Waiting]) -> list[_Waiting]:
    """As many from the front as may share a commit, and one at least."""
    events = size = 0
    for index, one in enumerate(waiting):
        events += len(one.arrivals)
        size += one.size
        if index and (events > BATCH or size > BATCH_BYTES):
            return waiting[:index]
    return waiting[:]


def _settle(outcomes: list[tuple[_Waiting, Outcome]]) -> None:
    """Tell all of them, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, Outcome]]] = {}
    for waiting, outcome in outcomes:
        by_loop.setdefault(waiting.answer.get_loop(), []).append((waiting, outcome))
    for loop, told in by_loop.items():
        with contextlib.suppress(RuntimeError):  # it is closed, and its senders are gone
            loop.call_soon_threadsafe(_tell, told)


def _tell(outcomes: list[tuple[_Waiting, Outcome]]) -> None:
    for waiting, outcome in outcomes:
        if waiting.answer.done():
            continue
        if isinstance(outcome, StoreDownError):
            waiting.answer.set_exception(outcome)
        else:
            waiting.answer.set_result(outcome)


def _give_up(answer: asyncio.Future[list[Receipt]]) -> None:
    if not answer.done():
        answer.set_exception(StoreDownError("it did not answer in time"))


def is_down(error: Exception) -> bool:
    """Whether the store as a whole is in trouble, and not our code with one event."""
    if isinstance(error, DBAPIError):
        orig = error.orig
        if error.connection_invalidated or type(error) is DatabaseError:
            return True
    else:
        orig = error
    if isinstance(error, OperationalError) or isinstance(orig, sqlite3.OperationalError):
        return getattr(orig, "sqlite_errorcode", None) not in _OF_ONE_STATEMENT
    return isinstance(error, NoConnectionError | OSError)


_OF_ONE_STATEMENT = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE)
"""What SQLite calls operational although it says that a statement is wrong."""
