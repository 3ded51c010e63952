"""Removes what is older than the setting allows once a day, beside whatever else a process does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

from sqlalchemy import Engine

from catalog.database import get_meta, present, set_meta, writing
from catalog.moments import microseconds
from lineage.beside import beside
from lineage.loose import drop
from lineage.retention import Limit, Planned, remove
from lineage.summing import sum_up

logger = logging.getLogger(__name__)

EVERY_US = 24 * 3_600_000_000
"""How often, microseconds; of several processes one does it."""

LOOK_S = 5.0
"""How often to look whether it is time again, seconds; it costs one row."""

_BEGUN = "retention_begun_us"


class Sweeper:
    """Removes in a thread of its own.

    Args:
        engine: Of the store.
        limit: How long what is superseded is kept; ``None``: for ever.
        look_s: How often to look.
        roll_up: How long runs are kept one by one; ``None``: for ever.
    """

    def __init__(
        self,
        engine: Engine,
        limit: Limit | None,
        look_s: float = LOOK_S,
        roll_up: Limit | None = None,
    ) -> None:
        self._engine = engine
        self._limit = limit
        self._roll_up = roll_up
        self._look_s = look_s
        self._stop = threading.Event()

    def running(self) -> AbstractContextManager[None]:
        """Remove until the end; what is under way is finished first, but no more is begun."""
        return beside(self._run, self._stop, "retention")

    def _run(self) -> None:
        while not self._stop.wait(self._look_s):
            try:
                if self._is_due():
                    self._sweep()
            except Exception:
                # What kept it from removing today must not end the process, nor tomorrow's.
                logger.exception("nothing more was removed today")

    def _is_due(self) -> bool:
        """Whether it is time again and no other process has begun; then this one has."""
        now = microseconds(present(self._engine))
        with self._engine.connect() as connection:
            if now < get_meta(connection, _BEGUN) + EVERY_US:
                return False
        with writing(self._engine) as connection:
            if now < get_meta(connection, _BEGUN) + EVERY_US:
                return False
            set_meta(connection, _BEGUN, now)
        return True

    def _sweep(self) -> None:
        events = runs = 0
        for planned in self._steps():
            events += len(planned.events)
            runs += len(planned.summed)
        for _ in drop(self._engine, is_over=self._stop.is_set):
            if self._stop.is_set():
                break
        if self._stop.is_set():
            # What is left is not for tomorrow, but for whoever serves next.
            with writing(self._engine) as connection:
                set_meta(connection, _BEGUN, 0)
            return
        logger.info("removed by age", extra={"events": events, "runs": runs})

    def _steps(self) -> Iterator[Planned]:
        now, is_over = present(self._engine), self._stop.is_set
        if self._limit is not None:
            yield from remove(self._engine, self._limit, now, is_over=is_over)
        if self._roll_up is not None and not is_over():
            yield from sum_up(self._engine, self._roll_up, now, is_over=is_over)
