"""Columns between the datasets of an answer: what is noise is drawn through, as datasets are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import replace

from catalog.errors import UserError, did_you_mean
from catalog.model import AssetKey, Kind
from lineage.column_graph import DEEPEST, ColumnGraph, in_order
from lineage.column_index import Edge
from lineage.column_links import ColumnKey, How
from lineage.columns import column_graph, column_links
from lineage.derivation import DIRECT, INDIRECT
from lineage.estate import Estate
from lineage.graph.model import Direction, Lineage
from lineage.history import Standpoint

_PLAIN = "IDENTITY"


def column_edges(seen: Standpoint, answer: Lineage, *, ever: bool = False) -> tuple[Edge, ...]:
    """Every link between columns of datasets in an answer, by source and target.

    Args:
        seen: From where the answer was given.
        answer: Around an asset.
        ever: Whether also those that are not current any more.
    """
    shown = {node.key for node in answer.nodes}
    asked: set[AssetKey] = set()
    found: dict[Edge, None] = {}
    wanted = shown
    while wanted:  # noise leads to more noise
        asked |= wanted
        links = column_links(seen, wanted, ever=ever)
        edges = [Edge(*link.ends, link.how) for link in links if link.current or ever]
        found.update(dict.fromkeys(edges))
        ends = {key.asset for edge in edges for key in edge[:2]}
        wanted = {key for key in ends - asked if _is_noise(seen.estate, key)}
    return drawn(found, shown, asked - shown)


def column_answer(
    seen: Standpoint, answer: Lineage, field: str, direction: Direction
) -> tuple[Lineage, tuple[Edge, ...]]:
    """Of an answer around a dataset only what one of its columns has to do with.

    Raises:
        UserError: There is no such column.
    """
    root = ColumnKey(answer.root, field)
    graph = column_graph(seen, answer.root, direction)
    require_column(seen, root, is_known=is_column(graph, root))
    found = graph.around(root, direction, DEEPEST)
    shown = {node.key for node in answer.nodes}
    noise = {c.column.asset for c in found.columns if c.noise is not None} - shown
    edges = drawn(found.edges, shown, noise)
    kept = {answer.root, *(key.asset for edge in edges for key in edge[:2])}
    # A job stays if it leads from one of them to another.
    into = {link.target for link in answer.links if link.source in kept}
    out = {link.source for link in answer.links if link.target in kept}
    kept |= {key for key in into & out if key.kind is Kind.JOB}
    nodes = tuple(node for node in answer.nodes if node.key in kept)
    links = tuple(link for link in answer.links if kept.issuperset(link.ends))
    return replace(answer, nodes=nodes, links=links), edges


def is_column(graph: ColumnGraph, column: ColumnKey) -> bool:
    """Whether there may be such a column: a schema has it or a link, or no schema is known."""
    return graph.index.number(column) is not None or graph.is_known(column) is not False


def require_column(seen: Standpoint, column: ColumnKey, *, is_known: bool) -> None:
    """Refuse a column that the schema of its dataset does not have.

    Raises:
        UserError: It is not known.
    """
    if not is_known:
        known = [f.name for f in seen.estate.datasets[column.asset].fields]
        raise UserError(
            f'column "{column.field}" is not in {column.asset.name} as of '
            f"{seen.as_of:%Y-%m-%dT%H:%M:%SZ}.{did_you_mean(column.field, known)} "
            f"Expected one of its {len(known)} columns."
        )


def drawn(
    edges: Iterable[Edge], shown: Set[AssetKey], noise: Collection[AssetKey]
) -> tuple[Edge, ...]:
    """Edges between columns of what is shown, through columns of noise."""
    after: dict[ColumnKey, list[Edge]] = defaultdict(list)
    found: set[Edge] = set()
    begun: list[Edge] = []
    for edge in edges:
        if edge.source.asset in noise:
            after[edge.source].append(edge)
        if edge.source.asset in shown:
            if edge.target.asset in noise:
                begun.append(edge)
            elif edge.target.asset in shown:
                found.add(edge)
    known = set(begun)
    while begun:
        edge = begun.pop()
        for beyond in _joined(edge, after[edge.target]):
            if beyond.target.asset in shown:
                # What comes back to where it came from through noise is no edge.
                if beyond.target.asset != beyond.source.asset:
                    found.add(beyond)
            elif beyond not in known:
                known.add(beyond)
                begun.append(beyond)
    return in_order(found)


def _joined(edge: Edge, after: Iterable[Edge]) -> Iterator[Edge]:
    for beyond in after:
        yield Edge(edge.source, beyond.target, _together(edge.how, beyond.how))


def _together(one: How, two: How) -> How:
    """How a column feeds another by way of a third: masked once is masked."""
    types = {one.type, two.type}
    kind = INDIRECT if INDIRECT in types else DIRECT if types == {DIRECT} else None
    telling = [how.subtype for how in (one, two) if how.subtype not in (None, _PLAIN)]
    plain = _PLAIN if one.subtype == two.subtype == _PLAIN else None
    return How(kind, telling[0] if telling else plain, one.masking or two.masking)


def _is_noise(estate: Estate, key: AssetKey) -> bool:
    dataset = estate.datasets.get(key)
    return dataset is None or dataset.noise is not None
