"""Work that goes on in a thread of its own, beside whatever else the process does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def beside(work: Callable[[], None], stop: threading.Event, name: str) -> Iterator[None]:
    """Let work go on until the end; what is under way then is finished first.

    Args:
        work: Returns soon after ``stop`` is set.
        stop: Set at the end.
        name: Of the thread.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
