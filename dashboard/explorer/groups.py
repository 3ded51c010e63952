"""The whole estate in a few cards: by team, domain or schema, with what goes between them. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalog.model import AssetKey, Kind
from dashboard import words
from dashboard.explorer.answer import Filters, is_failing, is_wanted
from dashboard.lineage_graph.cards import Plain, group_card
from dashboard.lineage_graph.picture import NODES_MOST, Edge, Picture, compose
from lineage.estate import Dataset, Estate
from lineage.graph.estate_graph import EstateGraph

WIDEST = 7.0
ARROWS_MOST = 200
"""Of so many groups that more would be one dark spot, the strongest arrows are drawn."""
OTHERS = "others"
"""Id of the card of all groups that would be too many."""


class By(StrEnum):
    """What the assets of a group have in common."""

    TEAM = "team"
    DOMAIN = "domain"
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True)
class Group:
    """Datasets that are drawn as one card."""

    id: str
    label: str
    """The short name to read."""
    full: str
    members: tuple[AssetKey, ...]
    """Sorted."""
    failing: int
    inside: int
    """Edges between its members."""
    into: int
    """Edges from other groups."""
    out: int


@dataclass(frozen=True, slots=True)
class Groups:
    """The estate in groups, the largest first."""

    by: By
    groups: tuple[Group, ...]
    between: Mapping[tuple[str, str], int]
    """How many current edges lead from members of one group to members of another, by id."""


def grouped(estate: Estate, graph: EstateGraph, by: By, filters: Filters) -> Groups:
    """Every real dataset that filters let through, in groups; no group is left out."""
    domains = {team.id: team.domain or "" for team in estate.catalog.teams}
    members: dict[str, list[AssetKey]] = {}
    group_of: dict[int, str] = {}
    failing: Counter[str] = Counter()
    for key, dataset in estate.datasets.items():
        if dataset.noise or not is_wanted(dataset, estate, filters):
            continue
        name = _name(dataset, by, domains)
        members.setdefault(name, []).append(key)
        failing[name] += is_failing(dataset, estate)
        if key in graph:
            group_of[graph.number(key)] = name
    counted = Counter(
        (group_of[a], group_of[b]) for a, b in graph.flow.edges() if a in group_of and b in group_of
    )
    into: Counter[str] = Counter()
    out: Counter[str] = Counter()
    for (a, b), many in counted.items():
        if a != b:
            out[a] += many
            into[b] += many
    groups = tuple(
        Group(
            id=name,
            label=(schema_label(name) if by is By.SCHEMA else name) or _UNNAMED[by],
            full=name or _UNNAMED[by],
            members=tuple(sorted(keys)),
            failing=failing[name],
            inside=counted[name, name],
            into=into[name],
            out=out[name],
        )
        for name, keys in sorted(members.items(), key=lambda m: (-len(m[1]), m[0]))
    )
    between = {ends: n for ends, n in sorted(counted.items()) if ends[0] != ends[1]}
    return Groups(by, groups, between)


_UNNAMED = {By.TEAM: "no owner", By.DOMAIN: "no domain", By.SCHEMA: "no schema"}


def _name(dataset: Dataset, by: By, domains: Mapping[str, str]) -> str:
    if by is By.TEAM:
        return dataset.team or ""
    if by is By.DOMAIN:
        return domains.get(dataset.team or "", "")
    return schema_of(dataset.key)


def schema_of(key: AssetKey) -> str:
    """Where a dataset lies: its namespace, and its name without the last part."""
    cut = max(key.name.rfind("."), key.name.rfind("/"))
    folder = key.name[:cut] if cut > 0 else ""
    return f"{key.namespace} {folder}".strip()


def picture(found: Groups) -> Picture:
    """A card for each group, 150 at most; what is left over is one card more."""
    own = found.groups if len(found.groups) <= NODES_MOST else found.groups[: NODES_MOST - 1]
    rest = found.groups[len(own) :]
    cards: list[Plain] = [_card(group) for group in own]
    if rest:
        many = sum(len(group.members) for group in rest)
        cards.append(
            group_card(OTHERS, words.count(len(rest), "more group"), words.count(many, "dataset"))
        )
    shown = {group.id for group in own}
    counted: Counter[tuple[str, str]] = Counter()
    for (a, b), many in found.between.items():
        ends = (card_id(a) if a in shown else OTHERS, card_id(b) if b in shown else OTHERS)
        if ends[0] != ends[1]:
            counted[ends] += many
    most = max(counted.values(), default=1)
    strongest = counted.most_common(ARROWS_MOST)
    return compose(
        cards, [Edge(*ends, label=f"{n:,}", width=_width(n, most)) for ends, n in strongest]
    )


def card_id(group: str) -> str:
    """The id of a group's card."""
    return f"group {group}"


def _card(group: Group) -> Plain:
    pieces = [words.count(len(group.members), "dataset")]
    if group.inside:
        pieces.append(f"{words.count(group.inside, 'edge')} inside")
    card = group_card(card_id(group.id), group.label, " · ".join(pieces))
    return {
        **card,
        "full": group.full,
        "count": len(group.members),
        "findings": group.failing,
        "severity": "high" if group.failing else "",
        "aria": f"{card['aria']}, {words.count(group.failing, 'failing asset')}",
    }


def schema_label(name: str) -> str:
    """The short name of a schema: without the namespace, where there is more."""
    namespace, _, folder = name.partition(" ")
    return folder or namespace


def _width(count: int, most: int) -> float:
    return 1.2 + (WIDEST - 1.2) * math.log1p(count) / math.log1p(most)


def datasets_of(found: Groups, ids: Iterable[str]) -> tuple[AssetKey, ...]:
    """The members of groups, by the ids of their cards; of ``OTHERS``, of all that have none."""
    wanted = set(ids)
    own = found.groups if len(found.groups) <= NODES_MOST else found.groups[: NODES_MOST - 1]
    shown = {card_id(group.id) for group in own}
    return tuple(
        key
        for group in found.groups
        for key in group.members
        if (card_id(group.id) if card_id(group.id) in shown else OTHERS) in wanted
        and key.kind is Kind.DATASET
    )
