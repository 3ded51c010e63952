"""From an answer to a picture: cards, arrows, what is grouped, and what became different. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.model import AssetKey, Kind
from dashboard import words
from dashboard.explorer.answer import Answer, Ends, Tie, ties
from dashboard.explorer.asked import Opened, code_of
from dashboard.explorer.traced import ColumnTie, Traced
from dashboard.lineage_graph.cards import (
    Columns,
    Mark,
    Plain,
    card,
    columns_in,
    columns_of,
    find,
    group_card,
    key_of,
    node_id,
)
from dashboard.lineage_graph.picture import NODES_MOST, ColumnEdge, Edge, Picture, compose
from lineage.estate import Dataset, Estate, Job
from lineage.graph.drawn import Drawn as Lines
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.model import Link, Side

ABOVE, BELOW = "rest above", "rest below"
"""Ids of the cards that stand for what would be too much."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a picture is drawn from."""

    estate: Estate
    graph: EstateGraph
    found: Answer
    wanted: tuple[AssetKey, ...]
    """Those assets of the answer that filters let through, the root first."""
    opened: Opened = field(default_factory=Opened)
    marks: Mapping[AssetKey, Mark] = field(default_factory=dict)
    broken: Collection[Ends] = ()
    """Job and dataset of writes that break a policy."""
    columns: Sequence[ColumnTie] = ()
    """Between any of the assets."""
    traced: Traced | None = None
    before: EstateGraph | None = None
    """The graph of the earlier instant, if two are held against each other."""
    earlier: Estate | None = None
    """The estate of that instant."""

    def find(self, key: AssetKey) -> Dataset | Job | None:
        """An asset, as it is or else as it was."""
        found = find(self.estate, key)
        return found if found or self.earlier is None else find(self.earlier, key)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, and which assets stand in it as cards of their own or in a group."""

    picture: Picture
    cards: tuple[AssetKey, ...]
    grouped: Mapping[str, tuple[AssetKey, ...]]
    """By the id of the group's card."""


def draw(scene: Scene) -> Drawn:
    """Cards for the nearest assets, at most 150, and groups for the rest."""
    shown, rest = split(scene)
    grouped: dict[str, list[AssetKey]] = {}
    for key in rest:
        side = scene.found.standings[key].side
        grouped.setdefault(ABOVE if side is Side.UP else BELOW, []).append(key)
    joined = ties(scene.found, scene.wanted)
    own = set(shown)
    cards = [_card(scene, key, own) for key in shown]
    cards += [
        group_card(
            name,
            words.count(len(keys), "more asset"),
            "upstream, in the list" if name == ABOVE else "downstream, in the list",
        )
        for name, keys in grouped.items()
    ]
    edges = [*_edges(scene, joined, own), *_to_groups(joined, grouped)]
    listed = {
        (key_of(str(plain["id"])), str(column["name"]))
        for plain in cards[: len(shown)]
        for column in columns_in(plain)
    }
    arrows = [
        _arrow(scene, tie)
        for tie in scene.columns
        if (tie.source, tie.source_field) in listed
        and ((tie.target, tie.target_field) in listed or not tie.target_field)
    ]
    picture = compose(cards, edges, arrows, hidden=len(rest))
    return Drawn(picture, tuple(shown), {name: tuple(keys) for name, keys in grouped.items()})


def split(scene: Scene) -> tuple[list[AssetKey], list[AssetKey]]:
    """What gets a card, and the rest; what the viewer expanded comes before what is merely near."""
    if len(scene.wanted) <= NODES_MOST:
        return list(scene.wanted), []
    asked = {card for card, _ in scene.opened.expanded}
    parents = [key for key in scene.wanted if code_of(key) in asked] if asked else []
    beside = {end for key in parents for ends in scene.found.links if key in ends for end in ends}
    first = [*scene.wanted[:1], *parents, *(key for key in scene.wanted if key in beside)]
    ordered = list(dict.fromkeys([*first, *_in_turn(scene)]))
    most = NODES_MOST - 2  # the groups are cards too
    shown = set(ordered[:most])
    return [key for key in scene.wanted if key in shown], ordered[most:]


def _in_turn(scene: Scene) -> list[AssetKey]:
    """The nearest first, in turn from each side: a crowd on one hides nothing of the other."""
    met: Counter[tuple[int, Side]] = Counter()
    places: dict[AssetKey, tuple[int, int]] = {}
    for key in scene.wanted:
        standing = scene.found.standings[key]
        side = standing.distance, standing.side
        places[key] = standing.distance, met[side]
        met[side] += 1
    return sorted(scene.wanted, key=places.__getitem__)


def _card(scene: Scene, key: AssetKey, shown: Collection[AssetKey]) -> Plain:
    asset = scene.find(key)
    is_root = key == scene.wanted[0]
    if asset is None:  # named by others only, or gone since
        plain = group_card(node_id(key), words.short(key.name), key.namespace, kind="unknown")
        return {**plain, "full": f"{key.namespace} {key.name}", "root": is_root, "change": ""}
    known = scene.found.standings
    more = {
        up: sum(k not in known and k not in shown for k in _beside(scene.graph, key, up=up))
        for up in (True, False)
    }
    return {
        **card(asset, scene.marks.get(key), _columns(scene, asset)),
        "root": is_root,
        "more_up": more[True],
        "more_down": more[False],
        "change": _became(scene, key),
    }


def _beside(graph: EstateGraph, key: AssetKey, *, up: bool) -> Iterable[AssetKey]:
    return set(Lines(graph, {key}).datasets_beside(key, up=up)) if key in graph else ()


def _columns(scene: Scene, asset: Dataset | Job) -> Columns | None:
    pages = scene.opened.columns.count(code_of(asset.key))
    lit = scene.traced.fields.get(asset.key, frozenset()) if scene.traced else frozenset()
    if not pages and not lit:
        return None
    return columns_of(asset, pages, lit)


def _became(scene: Scene, key: AssetKey) -> str:
    """Whether an asset came or went between the two instants."""
    if scene.before is None:
        return ""
    if key not in scene.before:
        return "added"
    return "" if key in scene.graph else "gone"


def _edges(scene: Scene, joined: Iterable[Tie], shown: Collection[AssetKey]) -> list[Edge]:
    return [
        Edge(
            node_id(tie.source),
            node_id(tie.target),
            look=look_of(scene, tie),
            label=_label(tie.link, scene.graph.as_of.year),
            is_broken=_is_broken(scene, tie),
            through=tie.through,
        )
        for tie in joined
        if tie.source in shown and tie.target in shown
    ]


def look_of(scene: Scene, tie: Tie) -> str:
    """How an arrow is drawn: by what became of it, else by what it rests on."""
    link = tie.link
    if link is None:
        return ""
    if scene.before is not None:
        now, then = (_is_current(graph, link) for graph in (scene.graph, scene.before))
        if now != then:
            return "added" if now else "gone"
    if not link.current:
        return "faded"
    return "" if link.observed else "declared"


def _is_current(graph: EstateGraph, link: Link) -> bool:
    if link.source not in graph or link.target not in graph:
        return False
    found = graph.link(link.source, link.target)
    return found is not None and found.current


def _label(link: Link | None, year: int) -> str:
    if link is None:
        return ""
    if not link.current:
        seen = link.last_seen
        if seen is None:
            return "no longer declared"
        return f"until {seen.day} {seen:%b}" + ("" if seen.year == year else f" {seen.year}")
    return "provisional" if link.provisional else ""


def _is_broken(scene: Scene, tie: Tie) -> bool:
    if tie.source.kind is Kind.JOB:
        return (tie.source, tie.target) in scene.broken
    jobs = tie.link.jobs if tie.link else ()
    return any((job, tie.target) in scene.broken for job in jobs)


def _to_groups(
    joined: Iterable[Tie],
    grouped: Mapping[str, Collection[AssetKey]],
) -> list[Edge]:
    """One arrow between a card and a group, however many it stands for."""
    group = {key: name for name, keys in grouped.items() for key in keys}
    counted: Counter[tuple[str, str]] = Counter()
    for tie in joined if group else ():
        source, target = group.get(tie.source), group.get(tie.target)
        if (source is None) is not (target is None):
            counted[source or node_id(tie.source), target or node_id(tie.target)] += 1
        elif source and target and source != target:
            counted[source, target] += 1
    return [
        Edge(source, target, label=f"{many:,}" if many > 1 else "")
        for (source, target), many in counted.items()
    ]


def _arrow(scene: Scene, tie: ColumnTie) -> ColumnEdge:
    return ColumnEdge(
        node_id(tie.source),
        tie.source_field,
        node_id(tie.target),
        tie.target_field,
        tie.is_indirect,
        tie.is_masked,
        scene.traced is not None and tie in scene.traced.ties,
    )
