"""What networkx shows of our backend; it asks while it is itself being imported."""

from __future__ import annotations

from typing import Any

FUNCTIONS = (
    "ancestors",
    "bfs_layers",
    "descendants",
    "descendants_at_distance",
    "has_path",
    "is_directed_acyclic_graph",
    "shortest_path_length",
    "single_source_shortest_path_length",
    "single_target_shortest_path_length",
    "strongly_connected_components",
    "topological_generations",
    "topological_sort",
)
"""What the backend answers itself."""


def info() -> dict[str, Any]:
    """What it is and what it answers."""
    return {
        "backend_name": "andon",
        "project": "andon",
        "package": "lineage.graph.backend",
        "short_summary": "Far walks over compact graphs of numbers.",
        "functions": {name: {} for name in FUNCTIONS},
    }
