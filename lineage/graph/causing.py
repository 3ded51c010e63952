"""What may have broken or delayed an asset, read from a standpoint."""

from __future__ import annotations

from datetime import timedelta

from catalog.model import AssetKey, Kind
from lineage.graph.dating import ASSETS_READ, Dating
from lineage.graph.estate_graph import EstateGraph
from lineage.graph.impact import Cause, causes
from lineage.graph.model import Direction
from lineage.graph.questions import DEPTH_MOST, Question, ask
from lineage.history import Standpoint

LOOKED_BACK = timedelta(days=30)
"""How far causes are looked for among older columns."""


def causes_of(seen: Standpoint, graph: EstateGraph, root: AssetKey) -> tuple[Cause, ...]:
    """What changed at an asset or above it, what changed last first.

    Args:
        seen: What is known.
        graph: The same as a graph.
        root: What failed or is late.
    """
    above = ask(graph, Question(root, Direction.UP, DEPTH_MOST, nodes_most=ASSETS_READ))
    keys = [node.key for node in above.nodes if node.key.kind is Kind.DATASET]
    with seen.engine.connect() as connection:
        schemas = Dating(connection, seen).schema_changes(keys, seen.as_of - LOOKED_BACK)
    return causes(seen.observed, seen.estate, graph, root, schemas)
