"""What Airflow says of the tasks of a DAG run when it is over. Pure functions of decoded facets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.estate import RunState
from lineage.values import object_of

FACET = "airflowState"

_STATES = {"success": RunState.COMPLETE, "skipped": RunState.COMPLETE, "failed": RunState.FAIL}


def task_states(facet: Mapping[str, Any]) -> dict[str, RunState]:
    """How each task ended, by its id; tasks that never ran or are not over are left out."""
    return {
        task: _STATES[word]
        for task, word in object_of(facet.get("tasksState")).items()
        if isinstance(word, str) and word in _STATES
    }


def task_id(job_name: str, dag_name: str) -> str:
    """The id of a task in its DAG, from the names of their jobs."""
    return job_name.removeprefix(f"{dag_name}.")
