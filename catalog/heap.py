"""How memory that is no longer used goes back to the system: glibc keeps much of it unless told.

Where another C library is in use nothing is done.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_ARENAS, _MAPPED = -8, -3
"""``M_ARENA_MAX`` and ``M_MMAP_THRESHOLD``, as malloc.h numbers them."""

_LARGE = 128 << 10
"""Blocks from here on are mapped one by one, and are gone when they are freed, bytes."""


def share_one_heap() -> None:
    """Let all threads take memory from one heap; before any of them starts.

    Else each thread fills one of its own, and what one has freed no other uses: the dashboard has
    new threads for every page.
    """
    if libc := _libc():
        libc.mallopt(_ARENAS, 1)
        libc.mallopt(_MAPPED, _LARGE)


def give_back() -> None:
    """Give free memory back to the system, after something large was let go; some milliseconds."""
    if libc := _libc():
        libc.malloc_trim(0)


@cache
def _libc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
