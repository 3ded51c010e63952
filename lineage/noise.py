"""Datasets that are no subjects: which they are, and how data goes on through them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from lineage import observed as o
from lineage.events import text_of
from lineage.naming import dataset_noise

MENTIONED = "only mentioned"
"""Why a dataset that is none is left out."""

Pair = tuple[int, int]
"""Source and target."""


def noise_in(seen: o.Observed) -> dict[int, str]:
    """Datasets that are no subjects, and why."""
    depths: dict[int, int] = defaultdict(int)
    for shapes in seen.current.values():
        for shape in shapes:
            for source, target in shape.edges:
                depths[source] = max(depths[source], depth_of(seen.datasets[target].name))
    return {
        i: why for i, asset in seen.datasets.items() if (why := why_noise(asset, depths.get(i)))
    }


def why_noise(asset: o.Asset, below: int | None) -> str | None:
    """Why a dataset is no subject, or ``None`` for a real one.

    Args:
        asset: The dataset.
        below: How deep the name is of what it now feeds, the deepest; ``None``: it feeds nothing.
    """
    facet = asset.facets.get("datasetType")
    said = facet.body if facet else {}
    why = dataset_noise(
        asset.namespace,
        asset.name,
        text_of(said.get("datasetType")),
        text_of(said.get("subType")),
    )
    return MENTIONED if not asset.seen and is_no_dataset(asset.name, below) else why


def is_no_dataset(name: str, below: int | None) -> bool:
    """Whether what events only mention while they speak of others is no dataset.

    Column lineage also names what is none, such as a common table expression: its name lacks the
    database and schema of the dataset that it feeds.
    """
    return below is None or depth_of(name) < below


def depth_of(name: str) -> int:
    """How many databases, schemas and the like a name has before its last part."""
    return name.count(".")


def drawn_through(edges: Iterable[Pair], is_noise: Callable[[int], bool]) -> set[Pair]:
    """Edges between real datasets: where data went through noise, those on both sides meet.

    What comes back to where it came from that way is no edge.
    """
    found: set[Pair] = set()
    into: list[Pair] = []
    after: dict[int, set[int]] = defaultdict(set)
    for source, target in edges:
        if is_noise(source):
            after[source].add(target)
        elif is_noise(target):
            into.append((source, target))
        else:
            found.add((source, target))
    reached: dict[int, frozenset[int]] = {}
    for source, noise in into:
        if noise not in reached:
            reached[noise] = frozenset(i for i in _behind(noise, after) if not is_noise(i))
        found.update((source, target) for target in reached[noise] if target != source)
    return found


def _behind(start: int, after: dict[int, set[int]]) -> Iterator[int]:
    """Everything that data gets to from some noise, up to the first real dataset on each way."""
    known = {start}
    waiting = [start]
    while waiting:
        for target in after.get(waiting.pop(), ()):
            if target not in known:
                known.add(target)
                waiting.append(target)
                yield target
