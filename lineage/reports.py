"""Results of data tests in the tables: what each said last, and how often it changed its mind.

A month of reports is more than all else that an estate is made of. So they are read a few assets at
a time, and what many runs repeat is worked out once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, groupby
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Connection, Select, select

from catalog.database import chunks
from catalog.moments import moment
from lineage import data_tests
from lineage import observed as o
from lineage.answers import Answers, Report, Results, Said, answers_of, is_unanswered
from lineage.assets import ASSET, DATASET, JOB, words_by_id
from lineage.contents import Contents
from lineage.data_tests import Assertion
from lineage.estate import RunState
from lineage.events import text_of
from lineage.facets import Facet, Recent
from lineage.fold import RANKED_STATES
from lineage.log import EventLog, event_ids
from lineage.outcomes import OPEN, Habits
from lineage.plans import REPORT_PLACES
from lineage.runs import REPORT, RUN, SUITE, id_text

OLDER_REPORTS = 50
"""How many older reports on one dataset are looked through for an answer."""
AT_A_TIME = 5000
"""Reports that are read together, or some more: their rows are all that is held of them."""
REMEMBERED = 100_000
"""How many results of data tests are remembered, for the next run that says the same."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What data tests said."""

    newest: tuple[o.TestResult, ...]
    """The newest result of each data test."""
    tested_at: Mapping[int, datetime]
    """When a data test last ran to an answer on each dataset."""
    answered_at: Mapping[int, tuple[datetime, ...]]
    """When data tests ran to an answer on each dataset within the window, oldest first."""
    failed_runs: frozenset[int] = frozenset()
    """Rows of runs within the window in which a data test failed that stops the line."""


def read_reports(
    connection: Connection,
    bounds: tuple[int, int],
    jobs: Mapping[int, o.Asset],
    groups: Mapping[int, int],
    habits: Habits,
) -> Reports:
    """Results up to an instant; habits since another.

    Args:
        connection: To the store.
        bounds: Since when habits count and up to when results do, microseconds.
        jobs: Every job under its own name.
        groups: The id that stands for each asset of several names, by each of its ids.
        habits: What tells lost runs.
    """
    reader = _Reader(connection, bounds, jobs, groups, habits)
    reader.note_jobs()
    newest: list[o.TestResult] = []
    tested: dict[int, datetime] = {}
    answered: dict[int, tuple[datetime, ...]] = {}
    failed: set[int] = set()
    for batch in reader.read():
        found = [Results(subject, said, bounds[0]) for subject, said in batch.items()]
        newest += _results(connection, found)
        for one in found:
            failed |= one.failed_runs
            if one.tested_at is not None:
                tested[one.subject] = moment(one.tested_at)
            if one.answered_at:
                answered[one.subject] = tuple(moment(at) for at in one.answered_at)
    return Reports(tuple(newest), tested, answered, frozenset(failed))


class _Reader:
    """Results of data tests from their reports; a body that many runs repeat is read once."""

    def __init__(
        self,
        connection: Connection,
        bounds: tuple[int, int],
        jobs: Mapping[int, o.Asset],
        groups: Mapping[int, int],
        habits: Habits,
    ) -> None:
        self._connection = connection
        self._since, self._until = bounds
        self._jobs = jobs
        self._groups = groups
        self._habits = habits
        self._log = EventLog()
        self._contents = Contents()
        self._facets: dict[int, Facet] = {}
        self._known: Recent[object, Answers] = Recent(REMEMBERED)
        self._words = words_by_id(connection)
        self._dbt = {i for i, word in self._words.items() if data_tests.is_dbt(word)}
        self._errors: dict[int, str | None] = {}
        self._of_jobs: set[int] = set()
        self._severities: dict[int, Mapping[bytes, str]] = {}
        self._on_datasets: set[tuple[int, bytes]] = set()

    def note_jobs(self) -> None:
        """Note which runs report of themselves, and what they tell of severities there."""
        checks: dict[int, list[Assertion]] = defaultdict(list)
        for batch in self._batches(JOB):
            for row in chain(*batch.values()):
                self._of_jobs.add(row.run_pk)
                if REPORT_PLACES[row.place].facet == data_tests.CHECKS:
                    checks[row.run_pk] += self._results(row)
        for run_pk, found in checks.items():
            self._severities[run_pk] = data_tests.severities(found)

    def read(self) -> Iterator[dict[int, list[Said]]]:
        """What runs that came to an end say of each asset, the oldest first; some at a time."""
        # What a run says of datasets first: it may say the same again of itself.
        for kind in (DATASET, JOB):
            for batch in self._batches(kind):
                yield {subject: self._said(rows) for subject, rows in batch.items()}

    def _said(self, rows: list[Report]) -> list[Said]:
        said = self._say(rows)
        if is_unanswered(said):
            # Under every name of the asset: which of them was used last tells nothing of before.
            older = _before(self._connection, self._since, {row.asset_id for row in rows})
            self._note(older)
            said = self._say(dict.fromkeys([*rows, *older]))
        return said

    def _batches(self, kind: int) -> Iterator[dict[int, list[Report]]]:
        """All reports that are needed of each dataset, or of each job, some assets at a time."""
        query = _query()
        if kind == JOB:
            jobs = select(ASSET.c.id).where(ASSET.c.kind == JOB)
            query = query.where(REPORT.c.asset_id.in_(jobs))
        older = query.join(*_SUITE).where(SUITE.c.at < self._since)
        joined = set(self._groups.values())
        held: dict[int, list[Report]] = defaultdict(list)
        batch: dict[int, list[Report]] = {}
        size = 0
        for row in map(Report._make, self._connection.execute(older)):
            if (row.asset_id in self._jobs) == (kind == JOB):
                held[self._groups.get(row.asset_id, row.asset_id)].append(row)
        for asset_id, rows in groupby(self._within(query), key=itemgetter(1)):
            # Told apart here: a database that is asked for datasets alone takes a longer way.
            if (asset_id in self._jobs) != (kind == JOB):
                continue
            subject = self._groups.get(asset_id, asset_id)
            if subject in held or subject in joined:
                held[subject] += rows
            else:
                batch[subject] = list(rows)
                size += len(batch[subject])
                if size >= AT_A_TIME:
                    yield self._ready(batch)
                    batch, size = {}, 0
        for part in chunks(held, AT_A_TIME // 10):
            yield self._ready({subject: held.pop(subject) for subject in part})
        yield self._ready(batch)

    def _within(self, query: Select[Any]) -> Iterator[Report]:
        within = query.where(REPORT.c.at.between(self._since, self._until))
        ordered = within.order_by(REPORT.c.asset_id).execution_options(yield_per=AT_A_TIME)
        return map(Report._make, self._connection.execute(ordered))

    def _ready(self, batch: dict[int, list[Report]]) -> dict[int, list[Report]]:
        self._facets.clear()
        self._note(list(chain(*batch.values())))
        return batch

    def _note(self, rows: Sequence[Report]) -> None:
        """Read what reports hold, and why their runs failed."""
        bodies = {row.body_id for row in rows}
        self._facets |= self._contents.facets(self._connection, bodies - self._facets.keys())
        failed = {
            row.run_pk: row.decided_by
            for row in rows
            if RANKED_STATES[row.state] is RunState.FAIL and row.producer_id in self._dbt
        }
        self._note_errors({pk: seq for pk, seq in failed.items() if pk not in self._errors})

    def _say(self, rows: Iterable[Report]) -> list[Said]:
        """What runs say of one asset, the oldest first."""
        by_run: dict[int, list[Report]] = defaultdict(list)
        for row in rows:
            by_run[row.run_pk].append(row)
        shown = self._shown(said for said in by_run.values() if len(said) > 1)
        found = []
        for run_pk, said in by_run.items():
            row = shown.get(run_pk, said[0])
            answers = self._answers(row, said)
            if run_pk in self._of_jobs:
                answers = self._once(row, answers)
            job = self._jobs[row.job_id]
            found.append(Said((row.at, row.run_id, job.namespace, job.name), row, answers))
        found.sort(key=itemgetter(0))
        return found

    def _shown(self, several: Iterable[Sequence[Report]]) -> dict[int, Report]:
        """By run, the newest of its reports on one asset.

        Of several at one instant, such as one on each of two names, the one of the greatest event:
        neither what came first nor the numbers that it was given may decide.
        """
        newest = [_newest(said) for said in several]
        tied = {row.seq for rows in newest if len(rows) > 1 for row in rows}
        ids = event_ids(self._connection, tied) if tied else {}
        greatest = (max(rows, key=lambda row: ids.get(row.seq, "")) for rows in newest)
        return {row.run_pk: row for row in greatest}

    def _once(self, row: Report, answers: Answers) -> Answers:
        """What a run says of itself without what it says of its datasets."""
        told = [*answers.told, *((assertion, None) for assertion in answers.untold)]
        if row.asset_id in self._jobs:
            told = [t for t in told if (row.run_pk, t[0].key) not in self._on_datasets]
            answers = answers_of(told)
        keys = (key for assertion, _ in told for key in data_tests.keys_of(assertion))
        self._on_datasets.update((row.run_pk, key) for key in keys)
        return answers

    def _answers(self, row: Report, said: Sequence[Report]) -> Answers:
        """What each data test said; of runs that say and end the same it is worked out once."""
        state = RANKED_STATES[row.state]
        if state in OPEN:
            state = self._habits.state(row.job_id, state, moment(row.ended_at))
        severities = self._severities.get(row.run_pk, {})
        error = self._errors.get(row.run_pk)
        bodies = [x for item in said for x in (item.body_id, item.place)]
        key = (state, row.producer_id, error, *bodies, *sorted(severities.items()))
        known = self._known.get(key)
        if known is None:
            results = data_tests.merged(
                data_tests.graded(assertion, severities)
                for item in said
                for assertion in self._results(item)
            )
            producer = self._words[row.producer_id]
            known = answers_of(
                (results[test], data_tests.status(results[test], state, producer, error))
                for test in sorted(results)
            )
            self._known.put(key, known, 1 + len(results))
        return known

    def _results(self, row: Report) -> tuple[Assertion, ...]:
        read = _READ[REPORT_PLACES[row.place].facet]
        return self._facets[row.body_id].meaning(read)

    def _note_errors(self, failed: Mapping[int, int]) -> None:
        """Why failed runs of dbt failed: it calls a data test failed as well that could not run."""
        events = self._log.numbered(self._connection, set(failed.values()))
        for run_pk, seq in failed.items():
            event = events[seq].event
            facet = event.facet(event.template.run_facets.get("errorMessage"))
            self._errors[run_pk] = text_of(facet.value.get("message")) if facet else None


_SUITE = (
    SUITE,
    (SUITE.c.run_pk == REPORT.c.run_pk) & (SUITE.c.asset_id == REPORT.c.asset_id)
    & (SUITE.c.place == REPORT.c.place) & (SUITE.c.tests == REPORT.c.tests),
)  # fmt: skip
_AGE = attrgetter("at", "place")
_READ = {name: partial(data_tests.results_in, name) for name in data_tests.FACETS}


def _query() -> Select[Any]:
    return select(
        REPORT.c.run_pk, REPORT.c.asset_id, REPORT.c.place, REPORT.c.at, REPORT.c.body_id,
        REPORT.c.seq, RUN.c.run_id, RUN.c.job_id, RUN.c.state, RUN.c.producer_id,
        RUN.c.at.label("ended_at"), RUN.c.seq.label("decided_by"),
    ).join(RUN, RUN.c.id == REPORT.c.run_pk)  # fmt: skip


def _before(connection: Connection, since: int, assets: Iterable[int]) -> list[Report]:
    """Older reports of ended runs on assets, where newer ones have no answer yet."""
    ended = _query().where(REPORT.c.at < since, RUN.c.terminals > 0)
    found: list[Report] = []
    for asset_id in assets:
        query = ended.where(REPORT.c.asset_id == asset_id)
        newest = query.order_by(REPORT.c.at.desc()).limit(OLDER_REPORTS)
        rows = connection.execute(newest).all()
        if len(rows) == OLDER_REPORTS:  # all of one instant, else chance decides between them
            last = rows[-1].at
            rows = [row for row in rows if row.at > last]
            rows += connection.execute(query.where(REPORT.c.at == last)).all()
        found += map(Report._make, rows)
    return found


def _newest(said: Sequence[Report]) -> list[Report]:
    """Those at the newest instant and the greatest place, one of each event."""
    greatest = max(map(_AGE, said))
    return list({row.seq: row for row in said if _AGE(row) == greatest}.values())


def _results(connection: Connection, found: Sequence[Results]) -> Iterator[o.TestResult]:
    """The newest result of each data test of some assets."""
    ids = event_ids(connection, (s.row.seq for one in found for s, _ in one.newest.values()))
    for one in found:
        for key, (said, answer) in one.newest.items():
            yield o.TestResult(
                one.subject,
                said.row.job_id,
                id_text(said.row.run_id),
                *answer,
                moment(said.row.at),
                ids[said.row.seq],
                one.results.get(key, 0),
                one.flips.get(key, 0),
            )
