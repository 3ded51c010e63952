"""Collections that change by sharing nearly all with what they were, which stays as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

from catalog.model import AssetKey

V = TypeVar("V")

LEAST_OVERLAID = 2_000
OVERLAID = 0.02
"""How much may lie over a mapping, as a share of it, before it is made anew."""


class Layered(Generic[V]):
    """Values by number, with what has changed since lying over them."""

    __slots__ = ("_base", "_over")

    def __init__(self, base: Mapping[int, V], over: Mapping[int, V] | None = None) -> None:
        self._base = base
        self._over = over or {}

    def get(self, number: int, default: V) -> V:
        """The value of a number, if it has one."""
        found = self._over.get(number)
        return self._base.get(number, default) if found is None else found

    def items(self) -> Iterator[tuple[int, V]]:
        """Every number that has a value, with it."""
        for number, value in self._base.items():
            if number not in self._over:
                yield number, value
        yield from self._over.items()

    def changed(self, values: Mapping[int, V]) -> Layered[V]:
        """With other values for some numbers."""
        if not values:
            return self
        over = {**self._over, **values}
        if len(over) > max(LEAST_OVERLAID, OVERLAID * len(self._base)):
            return Layered({**self._base, **over})
        return Layered(self._base, over)


class Roll:
    """Every asset with its number, from 0; more are added at the end."""

    __slots__ = ("_keys", "_numbers", "_size")

    def __init__(self, keys: list[AssetKey], numbers: dict[AssetKey, int], size: int) -> None:
        self._keys, self._numbers, self._size = keys, numbers, size

    @classmethod
    def of(cls, keys: Iterable[AssetKey]) -> Roll:
        """Of assets in the order of their numbers."""
        listed = list(keys)
        return cls(listed, {key: number for number, key in enumerate(listed)}, len(listed))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[AssetKey]:
        return islice(self._keys, self._size)

    def __getitem__(self, number: int) -> AssetKey:
        return self._keys[number]

    def find(self, key: AssetKey) -> int | None:
        """The number of an asset; ``None`` if it is not there."""
        found = self._numbers.get(key)
        return found if found is not None and found < self._size else None

    def more(self, keys: Iterable[AssetKey]) -> Roll:
        """With more assets, none of which is there yet."""
        listed, numbers = self._keys, self._numbers
        if len(listed) != self._size:  # somebody else has added to it
            listed = listed[: self._size]
            numbers = {key: number for number, key in enumerate(listed)}
        for key in keys:
            numbers[key] = len(listed)
            listed.append(key)
        return Roll(listed, numbers, len(listed))
