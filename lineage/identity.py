"""Names of one asset: which of them stands for all, and why they are one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from catalog.model import AssetKey, Evidence, Kind
from lineage.spelling import Name, Spelling


class JoinBasis(StrEnum):
    """What says that two names are names of one asset."""

    SYMLINK = "symlink"
    """A producer's ``symlinks`` facet."""
    ALIAS = "alias"
    """A line of the declared catalog."""
    REDUCER = "reducer"
    """The setting by which partitions are named as the dataset that they are part of."""
    DBT_NODE = "dbt_node"
    """Jobs that carry one dbt ``unique_id``."""


@dataclass(frozen=True, slots=True, order=True)
class Symlink:
    """An entry of a ``symlinks`` facet that was ever sent: ``source`` is also ``target``."""

    source: Name
    target: Name
    type: str = ""
    """Such as TABLE or LOCATION: what ``target`` is."""
    event_id: str = ""
    is_claim: bool = False
    """Whether those do not say so who speak for these names: then it joins nothing."""

    @property
    def is_table(self) -> bool:
        return self.type.upper() == "TABLE"

    @property
    def is_location(self) -> bool:
        return self.type.upper() == "LOCATION"


@dataclass(frozen=True, slots=True)
class Join:
    """Two names of one asset, and what says so."""

    one: Name
    other: Name
    basis: JoinBasis
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Tables of one namespace that producers put in one place: one table renamed, or a mistake."""

    place: Name
    tables: tuple[Name, ...]
    is_held_back: bool
    """Whether the place is a folder, so that it joins nothing."""


@dataclass(frozen=True, slots=True)
class Group:
    """An asset: all of its names, and the one that stands for it."""

    canonical: Name
    members: tuple[Name, ...]
    """Every name, also those that only a statement gives; sorted."""
    partitions: tuple[Name, ...] = ()
    """Members that a reducer took for a part of the dataset, as they were sent."""
    joins: tuple[Join, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    """Why the join may be wrong."""
    title: Name = ("", "")
    """The name to read: the one that stands for it, unless that is only where it lies."""
    claims: tuple[Join, ...] = ()
    """What others say that it is too, and that joins nothing."""


class Names:
    """Names of one kind of asset, joined. ``lineage.joining`` makes them."""

    __slots__ = (
        "_canonical", "_claims", "_doubts", "_joins", "_members", "_spelling", "_titles",
        "held_back",
    )  # fmt: skip

    def __init__(
        self,
        canonical: Mapping[Name, Name],
        members: Mapping[Name, tuple[Name, ...]],
        joins: Mapping[Name, tuple[Join, ...]],
        *,
        doubts: tuple[Doubt, ...] = (),
        spelling: Spelling | None = None,
        titles: Mapping[Name, Name] = MappingProxyType({}),
        claims: Mapping[Name, tuple[Join, ...]] = MappingProxyType({}),
    ) -> None:
        self._canonical = canonical
        self._members = members
        self._joins = joins
        self._spelling = spelling or Spelling()
        self._titles = titles
        self._claims = claims
        self._doubts: defaultdict[Name, list[Doubt]] = defaultdict(list)
        self.held_back = tuple(d for d in doubts if d.is_held_back)
        for doubt in doubts:
            if not doubt.is_held_back:
                self._doubts[self.of(doubt.place)].append(doubt)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Names) and self._everything() == other._everything()

    def __hash__(self) -> int:
        return hash(frozenset(self._members))

    def _everything(self) -> tuple[object, ...]:
        said = (
            self._canonical, self._members, self._joins, self._doubts, self.held_back, self._titles,
            self._claims,
        )  # fmt: skip
        return *said, self._spelling.namespaces, self._spelling.lines, self._spelling.reducers

    def of(self, name: Name) -> Name:
        """The name that stands for the asset; also for a name that was never seen."""
        node = self._spelling.of(name)
        return self._canonical.get(node, node)

    def group(self, name: Name) -> Group:
        """All names of the asset of which this is one."""
        canonical = self.of(name)
        members = self._members.get(canonical)
        if members is None:
            return Group(canonical, (canonical,), title=canonical, claims=self.claims(canonical))
        return Group(
            canonical,
            members,
            tuple(m for m in members if self._spelling.is_partition(m)),
            (*self._joins.get(canonical, ()), *self._respelled(members)),
            tuple(self._doubts.get(canonical, ())),
            self._titles.get(canonical, canonical),
            self.claims(canonical),
        )

    def claims(self, name: Name) -> tuple[Join, ...]:
        """What others say that an asset is too, and that joins nothing."""
        return self._claims.get(self.of(name), ())

    def _respelled(self, members: Iterable[Name]) -> Iterator[Join]:
        for name in members:
            namespace, reduced = self._spelling.of(name)
            if reduced != name[1]:
                yield Join(name, (name[0], reduced), JoinBasis.REDUCER)
            if namespace != name[0]:
                line = self._spelling.lines.get(name[0])
                yield Join((name[0], reduced), (namespace, reduced), JoinBasis.ALIAS, line)

    def members(self, name: Name) -> tuple[Name, ...]:
        """All names of an asset, the given one among them if it was ever seen; sorted."""
        canonical = self.of(name)
        return self._members.get(canonical, (canonical,))

    def joined(self) -> Iterator[Group]:
        """Every asset of more than one name, by the name that stands for it."""
        return (self.group(canonical) for canonical in sorted(self._members))

    def namespace(self, namespace: str) -> str:
        """The namespace that one is declared to be, else itself."""
        return self._spelling.namespaces.get(namespace, namespace)

    def namespaces(self, namespace: str) -> tuple[str, ...]:
        """Every namespace that is declared to be the same as one; sorted."""
        target = self.namespace(namespace)
        others = (n for n, t in self._spelling.namespaces.items() if t == target)
        return tuple(sorted({target, *others}))


@dataclass(frozen=True, slots=True)
class Identities:
    """The names of datasets and jobs, joined."""

    datasets: Names = field(default_factory=lambda: Names({}, {}, {}))
    jobs: Names = field(default_factory=lambda: Names({}, {}, {}))

    def key(self, key: AssetKey) -> AssetKey:
        """The key that stands for the asset."""
        return AssetKey(key.kind, *self._of(key.kind).of((key.namespace, key.name)))

    def keys(self, key: AssetKey) -> tuple[AssetKey, ...]:
        """Every key that the asset has or had; sorted."""
        names = self._of(key.kind).members((key.namespace, key.name))
        return tuple(AssetKey(key.kind, *name) for name in names)

    def group(self, key: AssetKey) -> Group:
        """All names of the asset, and why they are."""
        return self._of(key.kind).group((key.namespace, key.name))

    def _of(self, kind: Kind) -> Names:
        return self.datasets if kind is Kind.DATASET else self.jobs


EXACT = Identities()
"""Every name is an asset of its own."""
