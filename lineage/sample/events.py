"""What the company's tools report, day by day: pure, and the same for the same anchor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random

from openlineage.client.event_v2 import RunEvent, RunState
from openlineage.client.uuid import generate_static_uuid

from catalog.model import AssetKey, Environment
from lineage.sample.model import (
    Activity,
    Company,
    Flow,
    Rhythm,
    SampleDataset,
    SampleTest,
    Tool,
)
from lineage.sample.wire import Message, Wire

STEP_S = 150
"""Seconds from one step of a flow to the next; no first try takes longer."""
_FAILS = 0.012
_FAILS_AGAIN = 0.1
_SPELL_DAYS = 30
_SPELL = 0.04
"""Share of data tests that fail for one to four days in a stretch of 30."""
_ERRORS = (
    "Connection reset by peer",
    "Statement was cancelled after 120 s in the queue of the warehouse",
    "Lock wait timeout exceeded",
)
_HEAD_DAYS = 2


def events_of_day(company: Company, day: date, anchor: datetime) -> Iterator[bytes]:
    """The events of one day (UTC) as JSON, in order of time, none later than the anchor."""
    wire = _wire(company)
    return (wire.encode(message) for message in _messages(company, day, anchor))


def client_events_of_day(company: Company, day: date, anchor: datetime) -> Iterator[RunEvent]:
    """The same events as objects of the OpenLineage client, to be sent by it."""
    wire = _wire(company)
    return (wire.event(message) for message in _messages(company, day, anchor))


def company_events(company: Company, anchor: datetime, days: int) -> Iterator[bytes]:
    """The events of the anchor's day and of the days before it, ``days`` in all, oldest first."""
    for day in sorted(days_newest_first(anchor, days)):
        yield from events_of_day(company, day, anchor)


def days_newest_first(anchor: datetime, days: int) -> tuple[date, ...]:
    """The days in the order in which a board fills best.

    The newest two come first and in order of time, so that the present is there at once; then
    history, backwards.
    """
    today = anchor.astimezone(UTC).date()
    backwards = [today - timedelta(days=age) for age in range(days)]
    return (*reversed(backwards[:_HEAD_DAYS]), *backwards[_HEAD_DAYS:])


@lru_cache(maxsize=2)
def _wire(company: Company) -> Wire:
    return Wire(company)


def _messages(company: Company, day: date, anchor: datetime) -> list[Message]:
    anchor = anchor.astimezone(UTC)
    found: list[Message] = []
    for flow in company.flows:
        nominals = flow.schedule.starts_on(day, anchor)
        if flow.activities[0].tool is Tool.FLINK:
            for activity in flow.activities:
                found += _stream(company, activity, nominals)
        else:
            for nominal in nominals:
                found += _FlowRun(company, flow, nominal, anchor).messages()
    return sorted(
        (message for message in found if message.at <= anchor),
        key=lambda message: (message.at, message.activity.job, message.run_id),
    )


@dataclass(frozen=True, slots=True)
class _FlowRun:
    """One run of a flow: of its DAG, if it has one, and of all of its activities."""

    company: Company
    flow: Flow
    nominal: datetime
    anchor: datetime

    def messages(self) -> list[Message]:
        age = (self.anchor.date() - self.nominal.date()).days
        randomness = _random(self.company, self.flow.activities[0].job, self.nominal)
        start = self.nominal + timedelta(seconds=randomness.uniform(4, 30))
        dag = self.flow.dag
        dag_run_id = _run_id(dag, self.nominal) if dag else None
        found: list[Message] = []
        for activity in self.flow.activities:
            message = self._message(activity, age, dag_run_id)
            if message is not None:
                at = start + timedelta(seconds=activity.step * STEP_S + randomness.uniform(1, 20))
                found += self._tries(message, at, randomness)
        if dag and dag_run_id and found:
            ends = [message for message in found if message.state is not RunState.START]
            last = {message.activity.job: message.state for message in ends}
            failed = RunState.FAIL in last.values()
            run = Message(
                dag, RunState.START, start, dag_run_id, _version(dag, start), nominal=self.nominal
            )
            end = max(message.at for message in ends) + timedelta(seconds=4)
            state = RunState.FAIL if failed else RunState.COMPLETE
            found += (run, replace(run, state=state, at=end))
        return found

    def _message(self, activity: Activity, age: int, dag_run_id: str | None) -> Message | None:
        """What is the same in all messages of an activity; ``None`` if it does nothing this day."""
        checks = tuple(check for check in activity.checks if check.span.holds(age))
        if not activity.span.holds(age) or (activity.checks and not checks):
            return None
        return Message(
            activity,
            RunState.START,
            self.nominal,
            run_id="",
            version=_version(activity, self.nominal),
            nominal=None if self.flow.schedule.rhythm is Rhythm.ONCE else self.nominal,
            dag=self.flow.dag.job if self.flow.dag else None,
            dag_run_id=dag_run_id,
            checks=checks,
        )

    def _tries(self, message: Message, at: datetime, randomness: Random) -> list[Message]:
        """The messages of an activity's tries: one, or a second after the first one failed."""
        activity = message.activity
        seconds = min(randomness.lognormvariate(3.4, 0.5), STEP_S - 25)
        may_fail = activity.outputs and self.flow.schedule.rhythm is not Rhythm.ONCE
        found: list[Message] = []
        for chance in (_FAILS, _FAILS_AGAIN):
            begun = replace(message, at=at, run_id=_run_id(activity, at))
            end = at + timedelta(seconds=seconds)
            if may_fail and randomness.random() < chance:
                error = randomness.choice(_ERRORS)
                found += (begun, replace(begun, state=RunState.FAIL, at=end, error=error))
                at = end + timedelta(seconds=60)
                continue
            found += (begun, self._end(begun, end, randomness))
            break
        return found

    def _end(self, begun: Message, at: datetime, randomness: Random) -> Message:
        datasets = self.company.datasets
        activity = begun.activity
        failing = tuple(
            frozenset(
                number
                for number, test in enumerate(datasets[check.dataset].tests)
                if _is_failing(self.company.seed, datasets[check.dataset].key, test, at.toordinal())
            )
            for check in begun.checks
        )
        state = RunState.COMPLETE
        if begun.checks and all(check.is_skipped for check in begun.checks):
            state = RunState.ABORT
        elif any(
            datasets[check.dataset].tests[number].is_blocking
            for check, numbers in zip(begun.checks, failing, strict=True)
            for number in numbers
        ):
            state = RunState.FAIL
        rows = tuple(_rows(datasets[key], at, randomness) for key in activity.outputs)
        return replace(begun, state=state, at=at, rows=rows, failing=failing)


def _stream(company: Company, activity: Activity, hours: tuple[datetime, ...]) -> list[Message]:
    """A streaming job: one run a day that reports at the given hours."""
    midnight = hours[0].replace(hour=0, minute=0)
    begun = midnight + timedelta(seconds=5)
    run_id = _run_id(activity, begun)
    message = Message(activity, RunState.START, begun, run_id, _version(activity, begun))
    randomness = _random(company, activity.job, midnight)
    reports = [(RunState.RUNNING, hour + timedelta(minutes=30)) for hour in hours]
    reports.append((RunState.COMPLETE, midnight + timedelta(hours=23, minutes=59, seconds=30)))
    return [
        message,
        *(
            replace(
                message,
                state=state,
                at=at,
                rows=tuple(
                    _rows(company.datasets[key], at, randomness) for key in activity.outputs
                ),
            )
            for state, at in reports
        ),
    ]


def _random(company: Company, job: AssetKey, at: datetime) -> Random:
    # Seeded for each run, so that a run stays what it is when the scenario gains a line.
    return Random(f"{company.seed}/{job.namespace}/{job.name}/{at.isoformat()}")  # noqa: S311


def _run_id(activity: Activity, at: datetime) -> str:
    job = activity.job
    return str(generate_static_uuid(at, f"{job.namespace}/{job.name}".encode()))


def _version(activity: Activity, at: datetime) -> str:
    """The commit that was deployed: a new one each week, first in development, last in prod."""
    repository = activity.repository or activity.job.namespace
    days_early = {Environment.DEV: 4, Environment.STAGING: 2}
    lead = days_early.get(activity.environment, 0) if activity.environment else 0
    return _commit(repository, at.toordinal() + lead)


@lru_cache(maxsize=4096)
def _commit(repository: str, day: int) -> str:
    offset = sum(repository.encode())
    return hashlib.sha256(f"{repository}@{(day + offset) // 7}".encode()).hexdigest()[:40]


@lru_cache(maxsize=65536)
def _spell(seed: int, key: AssetKey, test: SampleTest, stretch: int) -> range:
    """The days of a stretch of days in which a data test fails; mostly none."""
    where = f"{seed}/{key.namespace}/{key.name}/{test.name}/{test.column}/{stretch}"
    randomness = Random(where)  # noqa: S311  # a plausible past, no secret
    if randomness.random() >= _SPELL:
        return range(0)
    first = stretch * _SPELL_DAYS + randomness.randrange(_SPELL_DAYS - 4)
    return range(first, first + randomness.randint(1, 4))


def _is_failing(seed: int, key: AssetKey, test: SampleTest, day: int) -> bool:
    return day in _spell(seed, key, test, day // _SPELL_DAYS)


def _rows(dataset: SampleDataset, at: datetime, randomness: Random) -> int:
    """Rows written: slow growth, quiet weekends, some noise."""
    growth = 1 + (at.toordinal() % 1000) / 2000
    week = 0.7 if at.weekday() >= 5 else 1.0
    return max(1, round(dataset.rows * growth * week * randomness.uniform(0.93, 1.07)))
