"""Why lineage is empty, or that it is not: what arrived, counted, as sentences with a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

SILENT_AFTER = timedelta(days=7)
"""How long a producer may say nothing: what it last said counts as evidence for as long."""

STALE_AFTER = timedelta(days=2)
"""How old the newest event of all may be."""

_RUNNING_FOR = timedelta(hours=1)
"""So long after its start a run without an end is nothing to wonder about."""


class Problem(StrEnum):
    """What may stand between events and lineage; the first that holds is the verdict."""

    NOTHING = "nothing arrived"
    ALL_REFUSED = "all refused"
    NO_RUNS = "no runs"
    ONLY_STARTS = "only starts"
    NO_DATASETS = "no datasets"
    ONLY_INPUTS = "only inputs"
    ONLY_OUTPUTS = "only outputs"
    NO_EDGES = "no edges"
    STALE = "stale"
    PRODUCER_SILENT = "producer silent"
    SOME_REFUSED = "some refused"
    LOOSE_DATASETS = "loose datasets"
    NONE = "none"
    """Lineage is drawn; what else holds is worth a look."""


EMPTYING = frozenset(
    (
        Problem.NOTHING, Problem.ALL_REFUSED, Problem.NO_RUNS, Problem.ONLY_STARTS,
        Problem.NO_DATASETS, Problem.ONLY_INPUTS, Problem.ONLY_OUTPUTS, Problem.NO_EDGES,
    )
)  # fmt: skip
"""Problems that leave no lineage at all."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A producer, and when it was last heard."""

    name: str
    events: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """What arrived, in numbers."""

    events: int = 0
    refused: int = 0
    """Bodies that were refused and not taken in since."""
    refused_mostly: str = ""
    """The most frequent reason."""
    runs: int = 0
    ended_runs: int = 0
    last_started_at: datetime | None = None
    """Start of the run that began last."""
    datasets: int = 0
    read: int = 0
    """Datasets that runs or static lineage name as inputs."""
    written: int = 0
    used: int = 0
    """Datasets that runs or static lineage name at all."""
    edges: int = 0
    """From one dataset to another."""
    senders: tuple[Sender, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that holds, and what to do about it."""

    problem: Problem
    sentence: str
    remedy: str
    evidence: str
    """The numbers that it rests on."""

    @property
    def is_emptying(self) -> bool:
        """Whether it leaves no lineage at all."""
        return self.problem in EMPTYING


def diagnose(counts: Counts, now: datetime, address: str) -> tuple[Diagnosis, ...]:
    """Everything that holds, what matters most first; at least one.

    Args:
        counts: What arrived.
        now: Aware UTC.
        address: Where events are posted, without a path: ``http://127.0.0.1:8501``.
    """
    if counts.events == 0:
        return (_nothing(counts, address),)
    found = (*_missing(counts, now), *_late(counts, now), *_partly(counts))
    if any(one.is_emptying or one.problem is Problem.STALE for one in found):
        return found
    return (_fine(counts, now), *found)


def _nothing(counts: Counts, address: str) -> Diagnosis:
    if not counts.refused:
        return Diagnosis(
            Problem.NOTHING,
            "Nothing has arrived yet.",
            f"Point a client at {address}/ (with the slash at its end); it adds the path itself. "
            f"Whatever posts by itself uses {address}/api/v1/lineage.",
            "No event and no refusal was seen: whatever was sent did not get here.",
        )
    return Diagnosis(
        Problem.ALL_REFUSED,
        f"Everything that arrived was refused: {_count(counts.refused, 'body', 'bodies')}.",
        "The address is right. Read the reasons below: each names what was expected in its place.",
        f"Most often: {counts.refused_mostly}",
    )


def _missing(counts: Counts, now: datetime) -> Iterator[Diagnosis]:
    """What leaves lineage empty, the earliest reason only."""
    runs = _count(counts.runs, "run")
    if counts.runs == 0 and counts.used == 0:
        yield Diagnosis(
            Problem.NO_RUNS,
            "Datasets are described, but no run names them."
            if counts.datasets
            else "Events arrive, but no run is among them.",
            "Lineage comes from jobs that run: connect what moves the data, not only the catalog "
            "or the schema registry.",
            f"{_count(counts.events, 'event')}, {_count(counts.datasets, 'dataset')}, no run",
        )
    elif counts.runs and counts.ended_runs == 0:
        yield _only_starts(counts, now, runs)
    elif counts.used == 0:
        yield Diagnosis(
            Problem.NO_DATASETS,
            "Runs arrive without inputs or outputs.",
            "A scheduler alone knows no tables: turn on the integration of the tool that moves the "
            "data (dbt-ol, the Spark listener, operators that the Airflow provider knows), or name "
            "inputs and outputs by hand.",
            f"{runs}, of which {counts.ended_runs:,} ended; none names a dataset",
        )
    elif counts.edges == 0 and counts.written == 0:
        yield Diagnosis(
            Problem.ONLY_INPUTS,
            "Runs name inputs, but never an output.",
            "An edge needs both. Most clients name outputs when a run ends: check that the last "
            "event is sent, and that the way in which the job writes is one that the integration "
            "knows.",
            f"{_count(counts.read, 'dataset')} read, none written, in {runs}",
        )
    elif counts.edges == 0 and counts.read == 0:
        yield Diagnosis(
            Problem.ONLY_OUTPUTS,
            "Runs name outputs, but never an input.",
            "An edge needs both. Check that the way in which the jobs read is one that the "
            "integration knows, or name the inputs by hand.",
            f"{_count(counts.written, 'dataset')} written, none read, in {runs}",
        )
    elif counts.edges == 0:
        yield Diagnosis(
            Problem.NO_EDGES,
            "Runs read and runs write, but no run does both.",
            "An edge joins what one run reads with what it writes. Check that all events of a run "
            "carry the same runId: some clients are set up to make a new one for each event.",
            f"{_count(counts.read, 'dataset')} read, {counts.written:,} written, in {runs}",
        )


def _only_starts(counts: Counts, now: datetime, runs: str) -> Diagnosis:
    started = counts.last_started_at
    is_fresh = started is not None and now - started < _RUNNING_FOR
    return Diagnosis(
        Problem.ONLY_STARTS,
        "Runs start, but none has ended.",
        (
            "They may still be running; look again when one should be over. "
            if is_fresh
            else "The last event gets lost: let the client finish sending before the process ends "
            "(close it, or wait for its queue), and look for a timeout in the producer's log. "
        )
        + "What a run wrote is known only from a COMPLETE event.",
        f"{runs} without COMPLETE, FAIL or ABORT"
        + (f"; the newest began {_written(started)}" if started else ""),
    )


def _late(counts: Counts, now: datetime) -> Iterator[Diagnosis]:
    newest = max((s.last_at for s in counts.senders), default=None)
    if newest is not None and now - newest > STALE_AFTER:
        yield Diagnosis(
            Problem.STALE,
            f"The newest event is {(now - newest).days} days old.",
            "Check that jobs still run, that OPENLINEAGE_DISABLED is not set, and that this "
            "address can be reached from where they run.",
            f"The newest event is from {_written(newest)}",
        )
        return
    for sender in sorted(counts.senders, key=lambda s: (s.last_at, s.name)):
        silent = now - sender.last_at
        if silent > SILENT_AFTER:
            yield Diagnosis(
                Problem.PRODUCER_SILENT,
                f"{sender.name} is silent since {_written(sender.last_at)}.",
                "If it was turned off, nothing is to be done. Else look for its transport's "
                "errors in its own log: a moved address, an expired key.",
                f"{_count(sender.events, 'event')} before, none for {silent.days} days",
            )


def _partly(counts: Counts) -> Iterator[Diagnosis]:
    if counts.refused:
        yield Diagnosis(
            Problem.SOME_REFUSED,
            f"Some of what arrived was refused: {_count(counts.refused, 'body', 'bodies')}.",
            "Read the reasons below. What was kept whole can be replayed once the reason is gone.",
            f"Most often: {counts.refused_mostly}",
        )
    loose = counts.datasets - counts.used
    if loose > 0 and counts.used:
        one = "is named by no run" if loose == 1 else "are named by no run"
        yield Diagnosis(
            Problem.LOOSE_DATASETS,
            f"{_count(loose, 'dataset')} {one}.",
            "They were described by themselves or as other names. If jobs do read or write them, "
            "those jobs call them something else: declare an alias, or align the namespaces.",
            f"{counts.used:,} of {_count(counts.datasets, 'dataset')} are read or written",
        )


def _fine(counts: Counts, now: datetime) -> Diagnosis:
    newest = max((s.last_at for s in counts.senders), default=now)
    return Diagnosis(
        Problem.NONE,
        "Events arrive and lineage is drawn.",
        "",
        f"{_count(counts.events, 'event')}, {_count(counts.runs, 'run')}, "
        f"{_count(counts.edges, 'edge')} between {_count(counts.used, 'dataset')}; "
        f"the newest event is from {_written(newest)}",
    )


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
