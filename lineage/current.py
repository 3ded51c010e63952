"""What each job does now, as its runs and its declarations say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lineage import observed as o
from lineage.traits import job_type_in

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Account:
    """Which shapes of a job tell what it does now."""

    newest: int | None = None
    """That of its newest run."""
    successful: int | None = None
    """That of its newest successful run."""
    last: tuple[int, ...] = ()
    """Those of its last ten successful runs, the newest first, if it did more than one thing."""
    declared: int | None = None
    """That of its own static lineage."""
    is_endless: bool = False
    """Whether its runs end only by accident."""

    def distance(self, shape_id: int) -> int:
        """How far a shape of its runs is from telling what it does now; 0 is what does."""
        is_done = self.successful is not None and not self.is_endless
        if shape_id == (self.successful if is_done else self.newest):
            return 0
        return 1 if shape_id in self.last else 2


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
    for job_id in seen.jobs:
        newest, successful = seen.latest.get(job_id), seen.successful.get(job_id)
        told = Account(
            newest.shape_id if newest else None,
            successful.shape_id if successful else None,
            tuple(last.get(job_id, ())),
            declared.get(job_id),
            job_id in seen.endless,
        )
        by_declaration = () if told.declared is None else (seen.shapes[told.declared],)
        current[job_id] = (*shapes_by_runs(told, seen.shapes), *by_declaration)
    return current


def shapes_by_runs(told: Account, shapes: Mapping[int, o.Shape]) -> list[o.Shape]:
    """What the runs of a job say that it does now, whatever is declared."""
    found = []
    if told.newest is not None and told.is_endless:
        found.append(shapes[told.newest])
    elif told.successful is not None:
        found.append(shapes[told.successful])
    elif told.newest is not None:
        found.append(replace(shapes[told.newest], is_provisional=True))
    if told.last:
        found.append(_alternating([shapes[i] for i in told.last]))
    return found


def is_endless(job: o.Asset) -> bool:
    """Whether the runs of a job end only by accident."""
    facet = job.facets.get("jobType")
    return facet is not None and job_type_in(facet.body).is_endless


def _alternating(shapes: Sequence[o.Shape]) -> o.Shape:
    """What was there, was not, and was there again, among some runs."""
    return o.Shape(
        returned([shape.inputs for shape in shapes]),
        returned([shape.outputs for shape in shapes]),
        returned([shape.edges for shape in shapes]),
    )


def returned(runs: Sequence[Collection[N]]) -> tuple[N, ...]:
    """Members of several lists that are missing from a list between two that have them."""
    found = []
    for item in dict.fromkeys(item for run in runs for item in run):
        at = [i for i, run in enumerate(runs) if item in run]
        if len(at) < at[-1] - at[0] + 1:
            found.append(item)
    return tuple(found)
