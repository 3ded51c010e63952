"""What runs in a row show: who read a batch first, and whether a version ran elsewhere before."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime

from catalog.model import Environment
from lineage import observed as o
from lineage.guess import is_environment_word

_SPLIT = re.compile(r"[^A-Za-z0-9]+")


def first_reads(seen: o.Observed, written: Mapping[int, datetime]) -> dict[int, datetime]:
    """When the newest batch of each dataset was first read: the start of the earliest such run."""
    found: dict[int, datetime] = {}
    for run in seen.recent:  # newest first, so the last to match is the earliest
        shape = seen.shapes[run.shape_id]
        for dataset_id in {*shape.inputs, *(source for source, _ in shape.edges)}:
            batch = written.get(dataset_id)
            if batch is not None and run.started_at >= batch:
                found[dataset_id] = min(run.started_at, found.get(dataset_id, run.started_at))
    return found


def proved_below(
    seen: o.Observed,
    version_of: Callable[[int], str | None],
    environment_of: Callable[[int], Environment | None],
) -> dict[int, bool]:
    """Whether the present version of each production job completed in a lower environment first.

    The same job elsewhere has the same name but for words that name environments. A job is left out
    where its version is not known, and all are where no job below ever named one.
    """
    below: dict[tuple[str, ...], list[int]] = defaultdict(list)
    above: dict[int, str] = {}
    for job_id, job in seen.jobs.items():
        environment, version = environment_of(job_id), version_of(job_id)
        if version is not None and environment is Environment.PROD:
            above[job_id] = version
        elif version is not None and environment is not None:
            below[_stem(job.name)].append(job_id)
    found = {}
    for job_id, version in above.items() if below else ():
        here = seen.first_success.get((job_id, version))
        others = below.get(_stem(seen.jobs[job_id].name), ())
        proofs = [seen.first_success.get((other, version)) for other in others]
        found[job_id] = any(at is not None and (here is None or at <= here) for at in proofs)
    return found


def first_tests(seen: o.Observed, written: Mapping[int, datetime]) -> dict[int, datetime]:
    """When the newest batch of each dataset was first tested."""
    return {
        dataset_id: min(after)
        for dataset_id, answers in seen.answered_at.items()
        if (batch := written.get(dataset_id)) is not None
        and (after := [at for at in answers if at >= batch])
    }


def _stem(name: str) -> tuple[str, ...]:
    words = [word for word in _SPLIT.split(name.lower()) if word]
    return tuple(word for word in words if not is_environment_word(word))
