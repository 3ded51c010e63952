"""What one command of dbt did to datasets, to tell a data test that it skipped from a broken one.

dbt's artifacts report both alike. What else the command did is looked up when that is asked, among
the runs that name the same parent, so the order in which events came never matters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from catalog.database import chunks
from lineage import data_tests
from lineage import observed as o
from lineage.assets import ASSET
from lineage.believing import above_runs
from lineage.data_tests import Command
from lineage.estate import RunState
from lineage.fold import RANKED_STATES
from lineage.keys import Parentage
from lineage.outcomes import RunKey
from lineage.runs import RUN, id_bytes
from lineage.shapes import SHAPE_DATASET

WITHIN_US = 86_400_000_000
"""How far apart the ends of two runs of one command may be, microseconds."""
LEVELS_MOST = 30
"""How many models one may stand below another."""

_ENDED = (RunState.COMPLETE, RunState.FAIL)
_BUILDS = re.compile(r"\.build\.(?:run|test|snapshot)$")
_ALONE = re.compile(r"test\.[^.]+\.(?P<name>.+?)(?:\.[0-9a-f]{10})?")
"""The run of a data test that is one of a kind names all that it reads."""
_TESTS = re.compile(r"(?<!\.build)\.test$")


class _Run(NamedTuple):
    """A run of a command."""

    id: int
    run_id: bytes
    job_id: int
    state: int
    at: int
    shape_id: int
    parent_run: bytes | None
    parent_job_id: int | None
    job: str


class Commands:
    """Reads what commands of dbt did; for as long as one connection lasts."""

    def __init__(
        self,
        connection: Connection,
        groups: Mapping[int, int],
        failed: Collection[int],
        until: int,
    ) -> None:
        """Look nothing up yet.

        Args:
            connection: To the store.
            groups: The id that stands for each dataset of several names, by each of its ids.
            failed: Rows of runs in which a blocking data test failed, as far as that is known.
            until: Now, microseconds.
        """
        self._connection = connection
        self._groups = groups
        self._failed = failed
        self._until = until
        self._members: dict[int, set[int]] = defaultdict(set)
        for member, whole in groups.items():
            self._members[whole].update((member, whole))

    def of(self, keys: Iterable[RunKey]) -> dict[RunKey, Command]:
        """What else the command did of which each run was a part, for runs that came to an end.

        One that names no parent is known by itself only.
        """
        wanted = set(keys)
        asked = [
            run
            for part in chunks({run_id for run_id, _ in wanted})
            for run in self._runs(RUN.c.run_id.in_(part))
            if (run.run_id, run.job_id) in wanted and RANKED_STATES[run.state] in _ENDED
        ]
        parents = {run.parent_run for run in asked if run.parent_run is not None}
        if not parents:
            return {(run.run_id, run.job_id): Command() for run in asked}
        ends = [run.at for run in asked]
        beside: dict[tuple[bytes | None, int | None], list[_Run]] = defaultdict(list)
        for part in chunks(parents):
            for run in self._runs(
                RUN.c.at.between(min(ends) - WITHIN_US, min(max(ends) + WITHIN_US, self._until)),
                RUN.c.parent_run.in_(part),
            ):
                beside[run.parent_run, run.parent_job_id].append(run)
        claimed = self._claimed(run.id for runs in beside.values() for run in runs)
        sides = self._sides({run.shape_id for runs in beside.values() for run in runs})
        return {
            (run.run_id, run.job_id): self._command(
                run,
                [r for r in beside[run.parent_run, run.parent_job_id] if r.id not in claimed],
                sides,
            )
            for run in asked
        }

    def _runs(self, *conditions: ColumnElement[bool]) -> list[_Run]:
        query = (
            select(
                RUN.c.id, RUN.c.run_id, RUN.c.job_id, RUN.c.state, RUN.c.at, RUN.c.shape_id,
                RUN.c.parent_run, RUN.c.parent_job_id, ASSET.c.name,
            )
            .join(ASSET, ASSET.c.id == RUN.c.job_id)
            .where(*conditions)
        )  # fmt: skip
        return [_Run(*row) for row in self._connection.execute(query)]

    def _claimed(self, runs: Iterable[int]) -> set[int]:
        """Runs that only claim to be of that command."""
        above = above_runs(self._connection, runs, self._until)
        return {run for run, said in above.items() if said.parent is Parentage.CLAIMED}

    def _sides(self, shapes: Collection[int]) -> dict[tuple[int, bool], set[int]]:
        """What shapes read and write, by shape and whether it writes."""
        found: dict[tuple[int, bool], set[int]] = defaultdict(set)
        for part in chunks(shapes):
            query = select(
                SHAPE_DATASET.c.shape_id, SHAPE_DATASET.c.is_output, SHAPE_DATASET.c.dataset_id
            ).where(SHAPE_DATASET.c.shape_id.in_(part))
            for shape_id, is_output, dataset_id in self._connection.execute(query):
                whole = self._groups.get(dataset_id, dataset_id)
                found[shape_id, bool(is_output)].add(whole)
        return found

    def _command(
        self, asked: _Run, runs: Sequence[_Run], sides: Mapping[tuple[int, bool], set[int]]
    ) -> Command:
        def reads(run: _Run) -> set[int]:
            return sides.get((run.shape_id, False), set())

        def writes(run: _Run, state: RunState) -> set[int]:
            ended_so = RANKED_STATES[run.state] is state
            return sides.get((run.shape_id, True), set()) if ended_so else set()

        failed = {i for run in runs for i in writes(run, RunState.FAIL)}
        built = {i for run in runs for i in writes(run, RunState.COMPLETE)} - failed
        is_build = any(_BUILDS.search(run.job) for run in runs)
        stopped = [
            run
            for run in runs
            if RANKED_STATES[run.state] is RunState.FAIL and (run.shape_id, True) not in sides
        ]
        # Where the model is there, its data tests did not wait for it in vain.
        stopping = failed | {i for run in stopped if reads(run) <= built for i in reads(run)}
        alone = {m["name"]: reads(r) for r in runs if (m := _ALONE.fullmatch(r.job))}
        tested = reads(asked)
        others = (run for run in stopped if not reads(run) <= tested)
        return Command(
            tested=frozenset(tested),
            built=frozenset(built),
            failed=frozenset(failed),
            below=frozenset(
                self._below(set().union(tested, *alone.values()) - built - failed, stopping)
            )
            if is_build
            else frozenset(),
            has_other_failures=bool(failed) or asked.id in self._failed or any(others),
            only_tests=not is_build and any(_TESTS.search(run.job) for run in runs),
            alone={name: frozenset(datasets) for name, datasets in alone.items()},
        )

    def _below(self, datasets: set[int], stopping: set[int]) -> set[int]:
        """Those of some datasets that were ever made from what stopped, directly or not."""
        return {i for i in datasets if stopping and self._is_below({i}, stopping)}

    def _is_below(self, datasets: set[int], stopping: set[int]) -> bool:
        """Whether one of some datasets was ever made from another, directly or not."""
        seen, level = set(datasets), set(datasets)
        for _ in range(LEVELS_MOST):
            above = self._above(level) - seen
            if above & stopping:
                return True
            if not above:
                return False
            seen |= above
            level = above
        return False

    def _above(self, datasets: set[int]) -> set[int]:
        """What any run that wrote these datasets read."""
        members = {m for whole in datasets for m in self._members.get(whole, {whole})}
        found: set[int] = set()
        for part in chunks(members):
            shapes = select(SHAPE_DATASET.c.shape_id).where(
                SHAPE_DATASET.c.dataset_id.in_(part), SHAPE_DATASET.c.is_output
            )
            query = select(SHAPE_DATASET.c.dataset_id).where(
                SHAPE_DATASET.c.shape_id.in_(shapes), ~SHAPE_DATASET.c.is_output
            )
            found.update(self._groups.get(i, i) for i in self._connection.execute(query).scalars())
        return found


def settled(
    commands: Commands, results: Sequence[o.TestResult], jobs: Collection[int]
) -> tuple[o.TestResult, ...]:
    """Results, with those that dbt leaves open told as far as the rest of its command tells.

    Args:
        commands: Answers what it did.
        results: The newest of each data test.
        jobs: Ids of jobs: what is told of one is a data test without a dataset.
    """
    keys = {
        n: (id_bytes(result.run_id), result.job_id)
        for n, result in enumerate(results)
        if data_tests.is_open(result.assertion, result.status)
    }
    if not keys:
        return tuple(results)
    found = commands.of(keys.values())
    told = list(results)
    for n, key in keys.items():
        if key not in found:
            continue
        result = results[n]
        names_all = result.asset_id in jobs
        status = data_tests.unexecuted(result.assertion, found[key], names_all=names_all)
        if status is None:
            told[n] = replace(result, is_doubtful=True)
        else:
            told[n] = replace(result, status=status)
    return tuple(told)
