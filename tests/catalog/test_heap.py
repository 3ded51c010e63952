"""Memory goes back to the system when it is asked to."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from catalog import heap

BLOCK, BLOCKS = 4000, 20_000


def resident() -> int:
    told = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return int(re.findall(r"Rss:\s+(\d+)", told)[0]) << 10


@pytest.mark.skipif(not hasattr(heap._libc(), "malloc_trim"), reason="another C library")  # noqa: SLF001
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_freed_below_something_that_stays_goes_back() -> None:
    blocks = [bytes(BLOCK) for _ in range(BLOCKS)]
    stays = blocks[-1]
    del blocks
    before = resident()

    heap.give_back()

    assert resident() < before - BLOCK * BLOCKS // 2
    assert stays
