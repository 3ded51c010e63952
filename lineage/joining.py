"""Joins names: what producers, people and settings say, and which name then stands for all.

Names stay exact as they were sent; they are joined when read, so that whatever joined them can be
taken back. Nothing here depends on the order, number or batches in which statements arrived.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from catalog.model import Alias, Apart, Evidence
from lineage.identity import Doubt, Join, JoinBasis, Names, Symlink
from lineage.reducers import NO_REDUCERS, Reducers
from lineage.spelling import Name, Sets, Spelling, line_of

TABLES_IN_A_PLACE = 4
"""With more tables of one namespace than these, a place is the folder that they lie in."""


def identify_datasets(
    seen: Iterable[Name],
    symlinks: Iterable[Symlink] = (),
    aliases: Iterable[Alias] = (),
    apart: Iterable[Apart] = (),
    reducers: Reducers = NO_REDUCERS,
) -> Names:
    """Join the names of datasets.

    Args:
        seen: Every name by which an event, a facet or a declaration called a dataset.
        symlinks: Every statement that was ever made; one that names nothing is ignored.
        aliases: What people declared to be the same.
        apart: Names that no symlink joins.
        reducers: Which endings name a part of a dataset.
    """
    aliases = tuple(aliases)
    spelling = Spelling(aliases, reducers)
    every = _told(symlinks)
    told = [s for s in every if not s.is_claim]
    places = _places(told, spelling)
    folders = {d.place for d in places if d.is_held_back}
    kept_apart = {spelling.of((a.namespace, a.name)) for a in apart}
    loose = folders | kept_apart
    joins = [
        s
        for s in told
        if s.source != s.target and not loose & {spelling.of(s.source), spelling.of(s.target)}
    ]
    sets: Sets[Name] = Sets()
    declared = sorted({a for a in aliases if a.name is not None}, key=_order)
    for s in joins:
        sets.join(spelling.of(s.source), spelling.of(s.target))
    for a in declared:
        sets.join(spelling.of(_source(a)), spelling.of(_target(a)))
    sources = {spelling.of(_source(a)) for a in declared}
    targets = {spelling.of(_target(a)) for a in declared} - sources
    tables = {spelling.of(s.target) for s in told if s.is_table}

    def rank(name: Name) -> tuple[int, Name]:
        return 0 if name in targets else 1 if name in tables else 2, name

    raw = {*seen, *(n for s in told for n in (s.source, s.target))}
    raw |= {n for a in declared for n in (_source(a), _target(a))}
    canonical, members = _grouped(raw, sets, spelling, rank)
    lying = {spelling.of(s.target) for s in told if s.is_location} - tables
    titles = _titles(members, lying - targets, spelling, rank)
    said = [
        *(Join(s.source, s.target, JoinBasis.SYMLINK, _event(s)) for s in joins),
        *(Join(_source(a), _target(a), JoinBasis.ALIAS, line_of(a)) for a in declared),
    ]

    def of(name: Name) -> Name:
        return canonical.get(spelling.of(name), spelling.of(name))

    by_group = _by_group(said, of)
    doubts = tuple(d for d in places if d.is_held_back or d.place not in kept_apart)
    return Names(
        canonical,
        members,
        by_group,
        doubts=doubts,
        spelling=spelling,
        titles=titles,
        claims=_claims((s for s in every if s.is_claim), of),
    )


def identify_jobs(nodes: Iterable[tuple[Name, str]], apart: Iterable[Apart] = ()) -> Names:
    """Join the jobs of one dbt node: its run, its tests and its build are one model's job.

    Args:
        nodes: Each job's name with every ``unique_id`` that its ``dbt_node`` facet ever carried. A
            job of several nodes is joined to none.
        apart: Names that no node joins.
    """
    kept_apart = {(a.namespace, a.name) for a in apart}
    told: defaultdict[Name, set[str]] = defaultdict(set)
    for name, unique_id in nodes:
        if unique_id.strip() and name not in kept_apart:
            told[name].add(unique_id)
    node_of = {name: min(of_it) for name, of_it in sorted(told.items()) if len(of_it) == 1}
    first: dict[Name, Name] = {}
    sets: Sets[Name] = Sets()
    joins = []
    for name, unique_id in node_of.items():
        one = first.setdefault((name[0], unique_id), name)
        if one != name:
            sets.join(one, name)
            joins.append(Join(one, name, JoinBasis.DBT_NODE, Evidence(unique_id)))

    def rank(name: Name) -> tuple[int, Name]:
        return _told_by_command(name[1], node_of[name]), name

    spelling = Spelling()
    canonical, members = _grouped(node_of, sets, spelling, rank)
    by_group = _by_group(joins, canonical.__getitem__)
    return Names(canonical, members, by_group, spelling=spelling)


_COMMAND = re.compile(r"(?:\.build)?\.(?:run|seed|snapshot|(test))$")


def _told_by_command(name: str, unique_id: str) -> int:
    """How much of a job's name is about the command that ran the node; less is better to read."""
    if name == unique_id:
        return 0
    command = _COMMAND.search(name)
    if command is None:
        return 1
    return 3 if command[1] else 2


def _told(symlinks: Iterable[Symlink]) -> tuple[Symlink, ...]:
    """Each statement once, with one event as evidence, and none that leaves a name empty."""
    first: dict[tuple[Name, Name, str], Symlink] = {}
    for s in symlinks:
        if not all(text.strip() for text in (*s.source, *s.target)):
            continue
        key = (s.source, s.target, s.type)
        known = first.get(key)
        if known is None or (s.is_claim, s.event_id) < (known.is_claim, known.event_id):
            first[key] = s
    return tuple(first[key] for key in sorted(first))


def _places(told: Iterable[Symlink], spelling: Spelling) -> tuple[Doubt, ...]:
    """Places in which producers put two or more tables of one namespace, or everything."""
    tables: defaultdict[Name, defaultdict[str, set[Name]]] = defaultdict(lambda: defaultdict(set))
    for s in told:
        source, target = spelling.of(s.source), spelling.of(s.target)
        if source == target:
            continue
        if s.is_table:
            tables[source][target[0]].add(target)
        elif s.is_location:
            tables[target][source[0]].add(source)
    found = []
    for place, by_namespace in sorted(tables.items()):
        most = max(map(len, by_namespace.values()))
        # The root of a bucket or of a file system is no table's own place.
        is_folder = most > TABLES_IN_A_PLACE or not place[1].strip("/. ")
        if most > 1 or is_folder:
            crowds = [t for t in by_namespace.values() if len(t) > 1 or is_folder]
            found.append(Doubt(place, tuple(sorted(set().union(*crowds))), is_folder))
    return tuple(found)


def _grouped(
    raw: Iterable[Name],
    sets: Sets[Name],
    spelling: Spelling,
    rank: Callable[[Name], tuple[int, Name]],
) -> tuple[dict[Name, Name], dict[Name, tuple[Name, ...]]]:
    """For each name of a shared asset the one that stands for it, and for that one all names."""
    nodes: defaultdict[Name, set[Name]] = defaultdict(set)
    names: defaultdict[Name, set[Name]] = defaultdict(set)
    for name in raw:
        node = spelling.of(name)
        if node == name and node not in sets:
            continue  # most names are an asset of their own
        root = sets.find(node)
        nodes[root].add(node)
        names[root].add(name)
    canonical: dict[Name, Name] = {}
    members = {}
    for root, same in nodes.items():
        best = min(same, key=rank)
        canonical.update(dict.fromkeys(same, best))
        members[best] = tuple(sorted(same | names[root]))
    return canonical, members


def _titles(
    members: Mapping[Name, tuple[Name, ...]],
    places: set[Name],
    spelling: Spelling,
    rank: Callable[[Name], tuple[int, Name]],
) -> dict[Name, Name]:
    """The name to read of each asset that stands under a mere place, if it has another."""
    found = {}
    for canonical in members.keys() & places:
        others = {spelling.of(name) for name in members[canonical]} - places
        if others:
            found[canonical] = min(others, key=rank)
    return found


def _by_group(joins: Iterable[Join], of: Callable[[Name], Name]) -> dict[Name, tuple[Join, ...]]:
    found: defaultdict[Name, list[Join]] = defaultdict(list)
    for join in joins:
        found[of(join.one)].append(join)
    return {name: tuple(all_of_it) for name, all_of_it in found.items()}


def _claims(claims: Iterable[Symlink], of: Callable[[Name], Name]) -> dict[Name, tuple[Join, ...]]:
    """By both assets, what is said to be one and is not."""
    found: defaultdict[Name, list[Join]] = defaultdict(list)
    for s in claims:
        if of(s.source) != of(s.target):
            join = Join(s.source, s.target, JoinBasis.SYMLINK, _event(s))
            found[of(s.source)].append(join)
            found[of(s.target)].append(join)
    return {name: tuple(all_of_it) for name, all_of_it in found.items()}


def _order(alias: Alias) -> tuple[Name, Name, str, int]:
    return _source(alias), _target(alias), alias.place.file, alias.place.line


def _source(alias: Alias) -> Name:
    return alias.namespace, alias.name or ""


def _target(alias: Alias) -> Name:
    return alias.is_namespace, alias.is_name or ""


def _event(symlink: Symlink) -> Evidence:
    return Evidence(symlink.type, event_id=symlink.event_id or None, facet="symlinks")
