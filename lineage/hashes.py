"""A set of hashes in few bytes that forgets some where a dictionary would grow without end."""

from __future__ import annotations

WIDTH = 16
"""Bytes of a hash, which are all that one takes."""
_FEWEST = 1 << 12
_ROOM = 2
"""Places for each hash, as long as there may be more of them."""


class Hashes:
    """Hashes that were met; one is forgotten when another takes its place.

    Each has one place, which its own first bytes tell. So what is met again and again in a long
    round, one after the other, is still known for the most part when it is more than there is room
    for; a cache that forgets the oldest would know nothing of it.

    Args:
        most: How many places there are at most, a power of two.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._places = min(_FEWEST, most)
        self._kept = bytearray(WIDTH * self._places)
        self._added = 0

    def __contains__(self, key: bytes) -> bool:
        at = self._at(key)
        return self._kept[at : at + WIDTH] == key

    def add(self, key: bytes) -> None:
        """Remember a hash."""
        self._added += 1
        if self._added * _ROOM > self._places < self._most:
            self._grow()
        at = self._at(key)
        self._kept[at : at + WIDTH] = key

    def _at(self, key: bytes) -> int:
        return int.from_bytes(key[:4]) % self._places * WIDTH

    def _grow(self) -> None:
        before = self._kept
        self._places = min(2 * _ROOM * self._places, self._most)
        self._kept = bytearray(WIDTH * self._places)
        nothing = bytes(WIDTH)
        for start in range(0, len(before), WIDTH):
            key = bytes(before[start : start + WIDTH])
            if key != nothing:
                at = self._at(key)
                self._kept[at : at + WIDTH] = key
