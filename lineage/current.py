"""What each job does now, as its runs and its declarations say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from lineage import observed as o
from lineage.traits import job_type_in

N = TypeVar("N")


def current_shapes(
    seen: o.Observed, declared: Mapping[int, int], last: Mapping[int, Sequence[int]]
) -> dict[int, tuple[o.Shape, ...]]:
    """What each job does: its newest successful run, else its newest, and its declaration.

    What left and came back among its last ten successful runs it still does.

    Args:
        seen: What events said, each name by itself.
        declared: The shape of each job's own static lineage.
        last: Shapes of the last ten successful runs of jobs that did more than one thing, newest
            first.
    """
    current = {}
    for job_id, asset in seen.jobs.items():
        newest, successful = seen.latest.get(job_id), seen.successful.get(job_id)
        shapes = []
        if newest is not None and is_endless(asset):
            shapes.append(seen.shapes[newest.shape_id])
        elif successful is not None:
            shapes.append(seen.shapes[successful.shape_id])
        elif newest is not None:
            shapes.append(replace(seen.shapes[newest.shape_id], is_provisional=True))
        if job_id in last:
            shapes.append(_alternating([seen.shapes[i] for i in last[job_id]]))
        if job_id in declared:
            shapes.append(seen.shapes[declared[job_id]])
        current[job_id] = tuple(shapes)
    return current


def is_endless(job: o.Asset) -> bool:
    """Whether the runs of a job end only by accident."""
    facet = job.facets.get("jobType")
    return facet is not None and job_type_in(facet.body).is_endless


def _alternating(shapes: Sequence[o.Shape]) -> o.Shape:
    """What was there, was not, and was there again, among some runs."""
    return o.Shape(
        _returned([shape.inputs for shape in shapes]),
        _returned([shape.outputs for shape in shapes]),
        _returned([shape.edges for shape in shapes]),
    )


def _returned(runs: Sequence[Sequence[N]]) -> tuple[N, ...]:
    """Members of several lists that are missing from a list between two that have them."""
    found = []
    for item in dict.fromkeys(item for run in runs for item in run):
        at = [i for i, run in enumerate(runs) if item in run]
        if len(at) < at[-1] - at[0] + 1:
            found.append(item)
    return tuple(found)
