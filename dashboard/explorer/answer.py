"""Which assets the explorer speaks of, and what joins them: the graph, its list and the CSV alike.

Pure: from graphs and estates to plain values.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, replace

from catalog.model import AssetKey, Environment, Zone
from dashboard.explorer.asked import code_of
from dashboard.lineage_graph.cards import find
from lineage.estate import Dataset, DataTest, Estate, Job
from lineage.graph.drawn import NO_KEYS
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.impact import BAD, FAILED, last_run
from lineage.graph.model import Direction, LastRun, Link, Side, Standing
from lineage.graph.questions import Question, ask

Ends = tuple[AssetKey, AssetKey]

PASSED_MOST = 2_000
"""Assets that are filtered out and walked through from one card, at most."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands around an asset, with what the viewer expanded."""

    standings: Mapping[AssetKey, Standing]
    """By distance and name, the root first; then what was expanded."""
    links: Mapping[Ends, Link]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """Which assets are wanted; the root always is."""

    environment: Environment | None = None
    zone: Zone | None = None
    team: str | None = None
    """Empty: those that nobody owns."""
    failing: bool = False

    @property
    def are_set(self) -> bool:
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Tie:
    """What joins two assets that are shown."""

    source: AssetKey
    target: AssetKey
    link: Link | None
    """``None``: the way leads through assets that are filtered out."""
    through: int = 0
    """How many of those, by the shortest way."""


def answer(
    graph: EstateGraph,
    question: Question,
    expanded: Iterable[tuple[str, bool]] = (),
    hidden_jobs: Set[AssetKey] = NO_KEYS,
) -> Answer:
    """The answer to a question, and one hop more from each card that was expanded.

    Args:
        graph: Of the instant that is asked for.
        question: What is asked first.
        expanded: Codes of cards, each with whether what is above is wanted. Those that are not
            in the answer, or not any more, are left out.
        hidden_jobs: Jobs that are drawn through.
    """
    if question.root not in graph:
        return Answer({question.root: Standing(question.root, 0, Side.ROOT)}, {}, truncated=False)
    first = ask(graph, question, hidden_jobs)
    standings = {node.key: node for node in first.nodes}
    links = {link.ends: link for link in first.links}
    codes = {code_of(key): key for key in standings} if expanded else {}
    truncated = first.truncated
    for card, up in expanded:
        key = codes.get(card)
        if key is None:
            continue
        way = Direction.UP if up else Direction.DOWN
        more = ask(graph, replace(question, root=key, direction=way, depth=1), hidden_jobs)
        near = standings[key]
        side = near.side if near.side is not Side.ROOT else Side(way)
        for node in more.nodes:
            if node.key not in standings:
                standings[node.key] = Standing(node.key, near.distance + node.distance, side)
                codes[code_of(node.key)] = node.key
        links |= {link.ends: link for link in more.links}
        truncated = truncated or more.truncated
    return Answer(standings, links, truncated)


def together(later: Answer, earlier: Answer) -> Answer:
    """What stands around an asset at either of two instants; of what is in both, the later word."""
    return Answer(
        {
            **later.standings,
            **{k: s for k, s in earlier.standings.items() if k not in later.standings},
        },
        {**earlier.links, **later.links},
        later.truncated or earlier.truncated,
    )


def kept(found: Answer, estate: Estate, filters: Filters, root: AssetKey) -> tuple[AssetKey, ...]:
    """The assets of an answer that are wanted, in its order."""
    if not filters.are_set:
        return tuple(found.standings)
    return tuple(
        key
        for key in found.standings
        if key == root or is_wanted(find(estate, key), estate, filters)
    )


def is_wanted(asset: Dataset | Job | None, estate: Estate, filters: Filters) -> bool:
    """Whether filters let an asset through."""
    if asset is None:
        return not filters.are_set
    environment = asset.environment.value if asset.environment else None
    zone = asset.zone.value if isinstance(asset, Dataset) and asset.zone else None
    return (
        (filters.environment is None or environment is filters.environment)
        and (filters.zone is None or zone is filters.zone)
        and (filters.team is None or (asset.team or "") == filters.team)
        and (not filters.failing or is_failing(asset, estate))
    )


def is_failing(asset: Dataset | Job, estate: Estate) -> bool:
    """Whether its last run or one of its data tests ended badly."""
    run = run_of(asset, estate)
    return (run is not None and run.state in FAILED) or bool(failing_tests(asset))


def failing_tests(asset: Dataset | Job) -> tuple[DataTest, ...]:
    """The data tests whose newest result is no pass."""
    return tuple(test for test in asset.tests if test.status in BAD)


def run_of(asset: Dataset | Job, estate: Estate) -> LastRun | None:
    """The newest run of a job, or of what writes a dataset."""
    if isinstance(asset, Dataset):
        return last_run(estate, asset)
    if asset.last_run_id is None or asset.last_state is None or asset.last_run_at is None:
        return None
    return LastRun(asset.key, asset.last_run_id, asset.last_state, asset.last_run_at)


def ties(found: Answer, wanted: Collection[AssetKey]) -> list[Tie]:
    """What joins assets that are wanted, straight or through such that are not."""
    if len(wanted) == len(found.standings):
        return [Tie(*ends, link) for ends, link in found.links.items()]
    shown = set(wanted)
    drawn: list[Tie] = []
    below: dict[AssetKey, list[AssetKey]] = {}
    for (source, target), link in found.links.items():
        below.setdefault(source, []).append(target)
        if source in shown and target in shown:
            drawn.append(Tie(source, target, link))
    straight = {(tie.source, tie.target) for tie in drawn}
    for source in wanted:
        for target, through in _beyond(source, below, shown):
            if (source, target) not in straight and source != target:
                drawn.append(Tie(source, target, None, through))
    return drawn


def _beyond(
    source: AssetKey, below: Mapping[AssetKey, list[AssetKey]], shown: Collection[AssetKey]
) -> list[tuple[AssetKey, int]]:
    """What is reached through assets that are not shown, and how many at least."""
    reached: dict[AssetKey, int] = {}
    queue = deque((key, 1) for key in below.get(source, ()) if key not in shown)
    passed = {key for key, _ in queue}
    while queue and len(passed) < PASSED_MOST:
        key, through = queue.popleft()
        for target in below.get(key, ()):
            if target in shown:
                reached.setdefault(target, through)
            elif target not in passed:
                passed.add(target)
                queue.append((target, through + 1))
    return sorted(reached.items())
