"""How a name is written before any statement about it is looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from catalog.model import Alias, Evidence
from lineage.reducers import NO_REDUCERS, Reducers

Name = tuple[str, str]
"""Namespace and name, exact and case-sensitive as they were sent."""

T = TypeVar("T")


class Sets(Generic[T]):
    """Sets that only grow together (union by size, with paths halved)."""

    def __init__(self) -> None:
        self._above: dict[T, T] = {}
        self._size: dict[T, int] = {}

    def __contains__(self, item: T) -> bool:
        """Whether it was ever joined with anything."""
        return item in self._above or item in self._size

    def find(self, item: T) -> T:
        above = self._above
        while (upper := above.get(item, item)) != item:
            above[item] = above.get(upper, upper)
            item = above[item]
        return item

    def join(self, one: T, other: T) -> None:
        one, other = self.find(one), self.find(other)
        if one == other:
            return
        sizes = self._size.get(one, 1), self._size.get(other, 1)
        if sizes[0] < sizes[1]:
            one, other = other, one
        self._above[other] = one
        self._size[one] = sum(sizes)


class Spelling:
    """Namespaces under the name that they are declared to be, and names without their part."""

    __slots__ = ("_known", "lines", "namespaces", "reducers")

    def __init__(self, aliases: Iterable[Alias] = (), reducers: Reducers = NO_REDUCERS) -> None:
        whole = [a for a in aliases if a.name is None]
        self.namespaces: Mapping[str, str] = _same_places(whole)
        """For each namespace that is another, which one."""
        self.lines: Mapping[str, Evidence] = {
            alias.namespace: line_of(alias)
            for alias in sorted(whole, key=lambda a: (a.place.file, a.place.line), reverse=True)
        }
        """The first line that declares what a namespace is."""
        self.reducers = reducers
        self._known: dict[Name, Name] = {}

    def of(self, name: Name) -> Name:
        if not self.namespaces and not self.reducers.chosen:
            return name
        known = self._known.get(name)
        if known is None:
            namespace = self.namespaces.get(name[0], name[0])
            known = self._known[name] = (namespace, self.reducers.reduce(name[1]))
        return known

    def is_partition(self, name: Name) -> bool:
        return self.reducers.reduce(name[1]) != name[1]


def line_of(alias: Alias) -> Evidence:
    """A line of the declared catalog, as what a join rests on."""
    target = (
        alias.is_namespace if alias.is_name is None else f"{alias.is_namespace} {alias.is_name}"
    )
    return Evidence(target, place=alias.place)


def _same_places(aliases: Iterable[Alias]) -> dict[str, str]:
    """For each namespace that is another, which one: the end of a chain, the least of a ring."""
    sets: Sets[str] = Sets()
    sources, targets = set(), set()
    for alias in aliases:
        sets.join(alias.namespace, alias.is_namespace)
        sources.add(alias.namespace)
        targets.add(alias.is_namespace)
    same: defaultdict[str, set[str]] = defaultdict(set)
    for namespace in sources | targets:
        same[sets.find(namespace)].add(namespace)
    return {
        namespace: min((group - sources) or group) for group in same.values() for namespace in group
    }
