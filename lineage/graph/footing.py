"""What a graph rests on besides what jobs do: if that changes, the graph has to be read anew.

Which names are one asset, which datasets are noise and what facets of datasets declare is told from
all events at once. So what is new is held against what is known; in doubt it counts as a change.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from catalog import driver
from catalog.lookups import rows_where
from catalog.model import AssetKey
from catalog.moments import moment
from lineage import observed as o
from lineage.declaring import BEYOND
from lineage.events import text_of
from lineage.facets import Facet
from lineage.graph.accounts import Remembered
from lineage.graph.news import ELSEWHERE, Remark
from lineage.naming import dataset_noise
from lineage.nodes import NODE
from lineage.projection import SYMLINK
from lineage.traits import job_type_in

CHECKED = 200_000
"""How many remarks are remembered that change nothing."""

Type = tuple[str | None, str | None]
"""What a ``datasetType`` facet says: type and subtype."""


class Marks(NamedTuple):
    """What moves when more changes than what events say, and what moves with each."""

    revision: int
    asset: int
    """The greatest id of a name."""
    declarations: int
    """How many jobs have static lineage, counted by year."""
    epoch: int
    behind_us: int
    """How far the clock of the sample company is behind."""
    catalogs: int
    removals: int
    keys: int
    revoked: int

    def is_same_store(self, other: Marks) -> bool:
        """Whether nothing but events came between."""
        return self[3:] == other[3:]


def read_marks(connection: Connection) -> Marks:
    """What the store has of them."""
    (row,) = driver.rows(connection, f"SELECT {', '.join(f'({told})' for told in _MARKS)}")
    return Marks(*(number or 0 for number in row))


def _meta(key: str) -> str:
    return f"SELECT value FROM catalog_meta WHERE key = '{key}'"  # noqa: S608 - our own names


_MARKS = (
    _meta("revision"),
    "SELECT max(id) FROM lineage_asset",
    "SELECT count(*) FROM lineage_declaration",
    _meta("epoch"),
    _meta("clock_behind_us"),
    "SELECT max(id) FROM catalog_revision",
    "SELECT max(id) FROM lineage_removal",
    "SELECT count(*) FROM lineage_key",
    "SELECT count(*) FROM lineage_key WHERE revoked_at IS NOT NULL",
)


@dataclass(slots=True)
class Footing:
    """What is known of the store apart from what jobs do; changes as the graph goes forward."""

    marks: Marks
    last: int
    """Number of the newest event that is in the graph."""
    symlinks: Mapping[int, frozenset[tuple[int, str, int]]]
    """By a name of a dataset, its other names, of what type, and who vouched for it."""
    nodes: dict[int, set[str]]
    """By a name of a job, the nodes of dbt that it ran."""
    places: set[tuple[str, str]] = field(default_factory=set)
    """Each node of dbt with the namespace of a job that ran it."""
    newest_at: int = 0
    """The newest instant of an event that is not ahead of its time, microseconds UTC."""
    next_at: int | None = None
    """When something will count that does not yet, or no longer."""
    numbers: dict[int, int] = field(default_factory=dict)
    """By the id of each name, the number of its asset in the graph."""
    first: array[int] = field(default_factory=lambda: array("q"))
    """The reverse: by number, the id of a name."""
    more: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The same for assets of several names."""
    unmentioned: set[int] = field(default_factory=set)
    """Datasets that no event named for their own sake, by number."""
    ahead: set[int] = field(default_factory=set)
    """Assets of which only events speak that are ahead of their time, by number."""
    endless: frozenset[int] = frozenset()
    """Jobs whose runs end only by accident, each name by itself."""
    types: dict[int, Type] = field(default_factory=dict)
    """What is said of the type of datasets, by number."""
    said: dict[tuple[int, str], bytes] = field(default_factory=dict)
    """Hash of the facet of a dataset that declares edges, by its number and the facet's name."""
    has_node_uses: bool = False
    """Whether uses outside dbt name nodes, so that they read what some jobs write."""
    shapes: Remembered = field(default_factory=dict)
    """Shapes that were read lately."""
    checked: set[Remark] = field(default_factory=set)
    """What was said and changed nothing."""

    @classmethod
    def read(cls, connection: Connection) -> Footing:
        """What can be known before the graph is read; what comes meanwhile counts as new."""
        marks = read_marks(connection)
        ((last,),) = driver.rows(connection, "SELECT max(seq) FROM lineage_event")
        symlinks: dict[int, set[tuple[int, str, int]]] = defaultdict(set)
        for dataset_id, other_id, kind, vouched in driver.rows(
            connection, "SELECT asset_id, other_id, type, vouched FROM lineage_symlink"
        ):
            symlinks[dataset_id].add((other_id, kind, vouched))
        nodes: dict[int, set[str]] = defaultdict(set)
        for job_id, node in driver.rows(
            connection, "SELECT job_id, unique_id FROM lineage_dbt_node"
        ):
            nodes[job_id].add(node)
        told = {i: frozenset(others) for i, others in symlinks.items()}
        return cls(marks, last or 0, told, nodes)

    def stand_on(
        self, connection: Connection, seen: o.Observed, numbers: Mapping[int, int], until: int
    ) -> None:
        """Take in what the graph was made of.

        Args:
            connection: Of the store.
            seen: What was read.
            numbers: By the id of each name, the number of its asset.
            until: Up to when events counted, microseconds UTC.
        """
        self.numbers = dict(numbers)
        self.newest_at = until
        ((ahead, expires),) = driver.rows(
            connection,
            f"SELECT (SELECT min(event_time) FROM lineage_event WHERE event_time > {until}), "  # noqa: S608
            f"(SELECT min(expires_at) FROM lineage_key WHERE expires_at > {until})",  # our own
        )
        self.next_at = _least(ahead, expires)
        as_of = moment(until)
        wholes = sorted((*seen.datasets.values(), *seen.jobs.values()), key=lambda w: numbers[w.id])
        self.first = array("q", (whole.id for whole in wholes))
        self.ahead = {numbers[whole.id] for whole in wholes if whole.last_seen > as_of}
        self.more = {numbers[whole.id]: whole.ids for whole in wholes if len(whole.ids) > 1}
        for whole in seen.jobs.values():
            for name in whole.ids:
                self.places.update((whole.namespace, node) for node in self.nodes.get(name, ()))
        self.endless = seen.endless
        for whole in seen.datasets.values():
            number = numbers[whole.id]
            if not whole.seen:
                self.unmentioned.add(number)
            for what, facet in whole.facets.items():
                if what == "datasetType":
                    self.types[number] = type_in(facet.body)
                elif what == "dbt_exposures" or facet.path == "dataset.facets.lineage":
                    self.said[number, what] = facet.order[3]
        self.has_node_uses = any(use.exposure.nodes for use in seen.uses.values())

    def is_over(self, now: int) -> bool:
        """Whether something counts by an instant that does not yet, or no longer."""
        return self.next_at is not None and now >= self.next_at

    def ids(self, number: int) -> tuple[int, ...]:
        """The ids of all names of an asset."""
        return self.more.get(number) or (self.first[number],)

    def takes_name(self, name_id: int, number: int, *, is_dataset: bool) -> bool:
        """Take in a name that was never heard before, of an asset with a number, maybe a new one.

        Not if until now only a facet named that asset: then more is known of it now.
        """
        self.numbers[name_id] = number
        if number == len(self.first):
            self.first.append(name_id)
            if is_dataset:
                self.unmentioned.add(number)
            return True
        self.more[number] = (*self.ids(number), name_id)
        return self.first[number] < BEYOND

    def is_noise(self, number: int, key: AssetKey) -> bool:
        """Whether a dataset is none by its name and type."""
        return _is_noise(key, self.types.get(number, _UNTOLD))

    # What is new -----------------------------------------------------------------------------

    def takes_names(self, connection: Connection, names: Iterable[int]) -> bool:
        """Whether no name of these datasets got another name."""
        found: dict[int, set[tuple[int, str, int]]] = defaultdict(set)
        columns = ("asset_id", "other_id", "type", "vouched")
        for name, other_id, kind, vouched in rows_where(
            connection, SYMLINK, columns, "asset_id", names
        ):
            found[name].add((other_id, kind, vouched))
        return all(frozenset(told) == self.symlinks.get(name) for name, told in found.items())

    def takes_nodes(self, connection: Connection, jobs: Mapping[int, str]) -> bool:
        """Whether no name of a job ran a node that makes it another's name.

        Args:
            connection: Of the store.
            jobs: The namespace of each name.
        """
        for name, node in rows_where(connection, NODE, ("job_id", "unique_id"), "job_id", jobs):
            known = self.nodes.setdefault(name, set())
            if node in known:
                continue
            place = (jobs[name], node)
            if known or place in self.places or self.has_node_uses:
                return False
            known.add(node)
            self.places.add(place)
        return True

    def takes_remark(
        self, remark: Remark, facet: Facet, key: AssetKey, number: int, *, is_new: bool
    ) -> bool:
        """Whether what is said of an asset leaves everything as it is.

        Args:
            remark: What is said.
            facet: In which words.
            key: Of the asset.
            number: Of the asset.
            is_new: Whether it was never heard of before.
        """
        body = facet.value
        if remark.what == "jobType":
            is_endless = job_type_in(body).is_endless
            return all((name in self.endless) is is_endless for name in self.ids(number))
        if remark.what == ELSEWHERE:
            return (number, "lineage") not in self.said
        if remark.what != "datasetType":
            return self.said.get((number, remark.what)) == facet.hash
        if is_new and number not in self.types:
            self.types[number] = type_in(body)
        return _is_noise(key, type_in(body)) is self.is_noise(number, key)


_UNTOLD: Type = (None, None)


def _is_noise(key: AssetKey, said: Type) -> bool:
    return dataset_noise(key.namespace, key.name, *said) is not None


def type_in(facet: Mapping[str, object]) -> Type:
    """What a ``datasetType`` facet says."""
    return text_of(facet.get("datasetType")), text_of(facet.get("subType"))


def _least(*instants: int | None) -> int | None:
    return min((t for t in instants if t is not None), default=None)
