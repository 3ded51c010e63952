"""What stands around one asset: one hop each way, and what the viewer opened beyond."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from catalog.model import AssetKey, Kind
from dashboard.lineage_graph.cards import Mark, Plain, card, columns_of, find, node_id
from dashboard.lineage_graph.picture import NODES_MOST, Edge, Picture, compose
from lineage.estate import Estate


def beside(estate: Estate, key: AssetKey, *, up: bool) -> tuple[AssetKey, ...]:
    """Assets one hop away: datasets of a dataset or a job; sorted, without what is noise."""
    if key.kind is Kind.JOB:
        touching = (
            d.key for d in estate.datasets.values() if key in (d.readers if up else d.writers)
        )
        return tuple(sorted(k for k in touching if not estate.datasets[k].noise))
    dataset = estate.datasets.get(key)
    if dataset is None:
        return ()
    found = dataset.upstream if up else dataset.downstream
    return tuple(sorted(k for k in found if k in estate.datasets and not estate.datasets[k].noise))


def picture(
    estate: Estate,
    focus: AssetKey,
    *,
    expanded: Collection[tuple[str, str]] = (),
    opened: Sequence[str] = (),
    marks: Mapping[AssetKey, Mark] | None = None,
    broken: Collection[tuple[AssetKey, AssetKey]] = (),
) -> Picture:
    """One hop each way around an asset, and what the viewer asked for beyond.

    Args:
        estate: Everything known.
        focus: The asset in the middle.
        expanded: Nodes whose neighbours are wanted too, each with ``up`` or ``down``, in the
            order in which they were asked for.
        opened: Nodes whose columns are shown; so many times, so many more of them.
        marks: Assets with open findings.
        broken: Job and dataset of writes that break a policy; those jobs are drawn too.
    """
    marks = marks or {}
    wanted = [focus, *beside(estate, focus, up=True), *beside(estate, focus, up=False)]
    names = {node_id(k): k for k in wanted if find(estate, k)}
    for name, direction in expanded:
        if name in names:
            more = beside(estate, names[name], up=direction == "up")
            wanted += more
            names |= {node_id(k): k for k in more if find(estate, k)}
    known = {k: a for k in wanted if (a := find(estate, k))}
    shown = dict(list(known.items())[:NODES_MOST])
    hidden = len(known) - len(shown)
    culprits = sorted({(job, to) for job, to in broken if to in shown and job in estate.jobs})
    shown |= {job: estate.jobs[job] for job, _ in culprits}
    links = _links(estate, shown, culprits)
    cards: list[Plain] = []
    for key, asset in shown.items():
        up, down = (beside(estate, key, up=up) for up in (True, False))
        columns = columns_of(asset, opened.count(node_id(key)))
        cards.append(
            {
                **card(asset, marks.get(key), columns),
                "root": key == focus,
                "more_up": sum(k not in shown for k in up),
                "more_down": sum(k not in shown for k in down),
            }
        )
    edges = [Edge(node_id(a), node_id(b), is_broken=(a, b) in culprits) for a, b in links]
    return compose(cards, edges, hidden=hidden)


def _links(
    estate: Estate,
    shown: Collection[AssetKey],
    culprits: Collection[tuple[AssetKey, AssetKey]],
) -> list[tuple[AssetKey, AssetKey]]:
    links: list[tuple[AssetKey, AssetKey]] = []
    for key in shown:
        links += ((a, key) for a in beside(estate, key, up=True) if a in shown)
        if key.kind is Kind.JOB:
            links += ((key, b) for b in beside(estate, key, up=False) if b in shown)
    # What a drawn job alone explains is drawn through it, and not a second time beside it.
    explained = {
        (source, target)
        for job in shown
        if job.kind is Kind.JOB
        for target in beside(estate, job, up=False)
        if estate.datasets[target].writers == (job,)
        for source in beside(estate, job, up=True)
    }
    links = [link for link in links if link not in explained]
    return list(dict.fromkeys([*links, *culprits]))
