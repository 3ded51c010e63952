"""Judges the estate whenever it has changed, beside whatever else the process does."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import AbstractContextManager

from sqlalchemy import Engine

from catalog.database import revision
from catalog.heap import give_back
from lineage.beside import beside
from lineage.history import present
from lineage.reducers import NO_REDUCERS, Reducers
from policies.assess import assess

logger = logging.getLogger(__name__)

POLL_S = 0.2
"""How often the revision is looked at; it costs one row."""

IDLE_S = 300.0
"""Judged at least this often, because ages grow without any event."""

SHARE = 0.25
"""Most of its time that judging may take while events keep coming."""


class Worker:
    """Assesses after events have settled for ``settle_s`` seconds, in a thread of its own."""

    def __init__(self, engine: Engine, settle_s: float, reducers: Reducers = NO_REDUCERS) -> None:
        self._engine = engine
        self._settle_s = settle_s
        self._reducers = reducers
        self._stop = threading.Event()

    def running(self) -> AbstractContextManager[None]:
        """Judge until the end; an assessment under way is finished first."""
        return beside(self._run, self._stop, "worker")

    def _run(self) -> None:
        judged, next_at = -1, 0.0
        while not self._stop.wait(POLL_S):
            try:
                now = revision(self._engine)
                started = time.monotonic()
                if started < next_at or (now == judged and started < next_at + IDLE_S):
                    continue
                if self._stop.wait(self._settle_s):
                    return
                judged = self._judge()
                give_back()
                took = time.monotonic() - started
                is_settled = revision(self._engine) == judged
                next_at = time.monotonic() + (0.0 if is_settled else took / SHARE - took)
            except Exception:
                # Whatever broke one assessment must not end all later ones.
                logger.exception("assessment failed")
                self._stop.wait(IDLE_S / 60)

    def _judge(self) -> int:
        """Assess, and tell what revision that was: of an estate nothing is held while waiting."""
        found = assess(self._engine, present(self._engine), self._reducers)
        # What came in meanwhile was not judged: only what it read, and what it wrote.
        return found.index.estate.revision + found.is_changed
