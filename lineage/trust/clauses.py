"""What there is to know before relying on a dataset, clause by clause. Pure; see docs/trust.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog.model import AssetKey, Evidence, Zone
from catalog.wording import age, clock, counted, listed, span
from lineage.estate import Dataset, DataTest, DataTestStatus, Estate, FeedKind, Job, RunState
from lineage.provenance.model import Descent
from lineage.trust.model import Aspect, Clause, Link, Standing
from lineage.trust.punctuality import kept_since, rhythm

SAID_MOST = 3
"""Troubles upstream that have a clause of their own; the others are counted."""
VERY_LATE = 2
"""From how many times the allowed pause on lateness is bad and not just doubtful."""

_FAILED = frozenset({RunState.FAIL, RunState.ABORT})
_HOLDS = {
    (True, True): "holds",
    (True, False): "may hold",
    (False, True): "stands on",
    (False, False): "may stand on",
}
_STANDS = "the dataset it stands on"
_OWN_WELL = frozenset({RunState.COMPLETE, RunState.RUNNING})


@dataclass(frozen=True, slots=True)
class Known:
    """What clauses are made from."""

    estate: Estate
    dataset: Dataset
    above: tuple[Dataset, ...]
    """Real datasets upstream at any distance, the nearest first."""
    more_above: bool
    """Whether there are others, too many to look at."""
    updates: Mapping[AssetKey, Sequence[datetime]]
    """When each of these was written."""
    descent: Descent | None
    """Manual edits that it stands on."""

    @property
    def now(self) -> datetime:
        return self.estate.as_of

    def writers(self, dataset: Dataset) -> list[Job]:
        """Jobs that write a dataset, whichever ran last first."""
        jobs = [self.estate.jobs[key] for key in dataset.writers if key in self.estate.jobs]
        jobs.sort(key=lambda job: (job.last_run_at is not None, job.last_run_at), reverse=True)
        return jobs


def clauses(known: Known) -> tuple[Clause, ...]:
    """Every clause, by aspect; of one aspect the worst first."""
    return (
        *_last_run(known),
        *_freshness(known),
        *_data_tests(known.dataset),
        *_upstream(known),
        *_manual_edits(known),
        *_feeds(known),
    )


# Its own updates --------------------------------------------------------------------------------


def _last_run(known: Known) -> Iterator[Clause]:
    dataset, now = known.dataset, known.now
    last = _updated_at(known, dataset)
    writers = known.writers(dataset)
    if not writers:
        yield _without_runs(dataset, last, now)
        return
    updated = f"updated {_when(last, now)}" if last else "never known to have been updated"
    job = next((j for j in writers if _trouble(j, dataset)), writers[0])
    links = (Link(job.key, job.last_run_id),)
    if trouble := _trouble(job, dataset):
        standing, text = trouble
        then = f" {_when(job.last_run_at, now)}" if job.last_run_at else ""
        head = f"last {updated}" if last else updated
        yield Clause(Aspect.LAST_RUN, standing, f"{head}, and {text}{then}", links)
    elif job.last_state is RunState.RUNNING:
        yield Clause(Aspect.LAST_RUN, Standing.GOOD, f"{updated} and being written now", links)
    elif last is None:
        yield Clause(Aspect.LAST_RUN, Standing.UNKNOWN, updated, links)
    else:
        yield Clause(Aspect.LAST_RUN, Standing.GOOD, updated, links)


def _without_runs(dataset: Dataset, last: datetime | None, now: datetime) -> Clause:
    links = (Link(evidence=Evidence(dataset.key.name, dataset.event_id)),)
    if last is not None:
        text = (
            f"changed {_when(last, now)}, as its producer measured; no run that writes it is seen"
        )
        return Clause(Aspect.LAST_RUN, Standing.GOOD, text, links)
    text = "no run that writes it was ever seen, so nobody knows when it was last updated"
    if dataset.is_exposure:
        text = "dbt declares it, and nobody tells when it is refreshed"
    return Clause(Aspect.LAST_RUN, Standing.UNKNOWN, text, links)


def _trouble(job: Job, dataset: Dataset) -> tuple[Standing, str] | None:
    """What is wrong with the last run of a writer, unless a write since then was well."""
    written, ran = dataset.last_write_at, job.last_run_at
    if written is not None and ran is not None and ran < written:
        return None
    if job.last_state in _FAILED:
        return Standing.BAD, "its last run failed"
    if job.last_state is RunState.LOST:
        return Standing.UNKNOWN, "its last run gave no more sign of life"
    if job.outcome is not None and job.outcome.value in _FAILED and job.last_state in _OWN_WELL:
        return Standing.DOUBTFUL, f"in its last run {job.outcome.why}"
    return None


def _freshness(known: Known) -> Iterator[Clause]:
    late = _late(known, known.dataset)
    if late is not None:
        standing, text = late
        yield Clause(Aspect.FRESHNESS, standing, text, _promised_by(known.dataset))
        return
    last = _updated_at(known, known.dataset)
    if last is None:
        return  # the clause before says that nothing is known
    times = known.updates.get(known.dataset.key, ())
    promise = known.dataset.freshness_s
    if promise is not None:
        promised = timedelta(seconds=promise.value)
        since = kept_since([*times, last], promised)
        yield Clause(
            Aspect.FRESHNESS, Standing.GOOD, _on_time(since, known.now), _promised_by(known.dataset)
        )
        return
    habit = rhythm(times)
    if habit is None:
        text = "too seldom updated to tell whether it is on time"
        yield Clause(Aspect.FRESHNESS, Standing.UNKNOWN, text)
    else:
        yield Clause(Aspect.FRESHNESS, Standing.GOOD, _on_time(habit.on_time_since, known.now))


def _late(known: Known, dataset: Dataset) -> tuple[Standing, str] | None:
    """Whether a dataset should have been updated by now."""
    last = _updated_at(known, dataset)
    if last is None:
        return None
    pause = known.now - last
    if dataset.freshness_s is not None:
        promised = timedelta(seconds=dataset.freshness_s.value)
        if pause <= promised:
            return None
        return Standing.BAD, f"{span(pause - promised)} later than promised"
    habit = rhythm(known.updates.get(dataset.key, ()))
    if habit is None or pause <= habit.allowed:
        return None
    standing = Standing.BAD if pause > VERY_LATE * habit.allowed else Standing.DOUBTFUL
    return standing, f"{span(pause - habit.allowed)} later than usual"


def _promised_by(dataset: Dataset) -> tuple[Link, ...]:
    promise = dataset.freshness_s
    return tuple(Link(evidence=piece) for piece in promise.evidence) if promise else ()


def _updated_at(known: Known, dataset: Dataset) -> datetime | None:
    """Its newest successful write, or change that a producer measured.

    Else the last sign of life of a job that writes all the time.
    """
    running = (j.last_run_at for j in known.writers(dataset) if j.last_state is RunState.RUNNING)
    times = (dataset.last_write_at, dataset.last_changed_at)
    known_times = [at for at in times if at is not None and at <= known.now]
    return max(known_times, default=None) or max((at for at in running if at), default=None)


def _on_time(since: datetime, now: datetime) -> str:
    days = (now - since).days
    return f"on time for {counted(days, 'day')}" if days >= 2 else "on time"


def _when(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    told = clock(at, now)
    return f"{told} today" if at.date() == now.date() else told


# Its data tests ---------------------------------------------------------------------------------


def _data_tests(dataset: Dataset) -> Iterator[Clause]:
    if not dataset.tests:
        yield Clause(Aspect.DATA_TESTS, Standing.UNKNOWN, "no data test was ever run on it")
        return
    failed = [t for t in dataset.tests if t.status is DataTestStatus.FAIL]
    unknown = [t for t in dataset.tests if _is_unknown(t, dataset)]
    passed = len(dataset.tests) - len(failed) - len(unknown)
    if passed:
        told = [f"{counted(passed, 'data test')} passed"]
        told += [f"{len(failed)} failed"] if failed else []
        told += [f"{len(unknown)} unknown"] if unknown else []
    elif failed:
        told = [f"{counted(len(failed), 'data test')} failed"]
        told += [f"{len(unknown)} unknown"] if unknown else []
    else:
        told = [f"{counted(len(unknown), 'data test')} unknown: none ran since it was updated"]
    if failed:
        told[-1] += f" ({listed(map(_named, failed))})"
    standing = Standing.UNKNOWN if unknown else Standing.GOOD
    if failed:
        is_blocking = any(t.blocking for t in failed)
        standing = Standing.BAD if is_blocking else Standing.DOUBTFUL
    shown = (failed or unknown or list(dataset.tests))[:SAID_MOST]
    yield Clause(Aspect.DATA_TESTS, standing, ", ".join(told), tuple(map(_test_link, shown)))


def _is_unknown(test: DataTest, dataset: Dataset) -> bool:
    """Whether it tells nothing of the data that is there now."""
    if test.status is DataTestStatus.FAIL:
        return False
    written = dataset.last_write_at
    return test.status is not DataTestStatus.PASS or (written is not None and test.at < written)


def _named(test: DataTest) -> str:
    name = f"{test.name} of {test.column}" if test.column else test.name
    return name if test.blocking else f"{name}, a warning"


def _test_link(test: DataTest) -> Link:
    facet = "dataQualityAssertions"
    return Link(test.job, test.run_id, Evidence(test.status.value, test.event_id, facet))


# What it stands on ------------------------------------------------------------------------------


def _upstream(known: Known) -> Iterator[Clause]:
    if not known.above:
        yield from _without_upstream(known.dataset)
        return
    told_of = [(dataset, _above(known, dataset)) for dataset in known.above]
    troubles = [clause for _, clause in told_of if clause]
    troubles.sort(key=lambda clause: clause.standing is not Standing.BAD)
    yield from troubles[:SAID_MOST]
    if len(troubles) > SAID_MOST:
        more = f"{len(troubles) - SAID_MOST} more of what it stands on are not well"
        yield Clause(Aspect.UPSTREAM, troubles[SAID_MOST].standing, more)
    yield from (late := tuple(_late_above(known, [d for d, clause in told_of if not clause])))
    told = list(_unknown_above(known))
    if told:
        yield Clause(Aspect.UPSTREAM, Standing.UNKNOWN, f"{_of_above(known)} {listed(told)}")
    if not troubles and not late and not told:
        number = len(known.above)
        many = f"all {number:,} datasets it stands on are" if number > 1 else f"{_STANDS} is"
        yield Clause(Aspect.UPSTREAM, Standing.GOOD, f"{many} well")


def _without_upstream(dataset: Dataset) -> Iterator[Clause]:
    zone = dataset.zone
    if zone is None or zone.value is not Zone.SOURCE:
        text = "where its data comes from was never reported"
        yield Clause(Aspect.UPSTREAM, Standing.UNKNOWN, text)
    else:
        text = "looks like a source" if zone.is_guess else "is a source"
        links = tuple(Link(evidence=piece) for piece in zone.evidence)
        yield Clause(Aspect.UPSTREAM, Standing.GOOD, text, links)


def _above(known: Known, dataset: Dataset) -> Clause | None:
    """What is wrong with a dataset upstream, the worst of it; that it is late is told elsewhere."""
    name = dataset.display_name
    failed = [t for t in dataset.tests if t.blocking and t.status is DataTestStatus.FAIL]
    if failed:
        text = f"stands on {name}, of which {listed(map(_named, failed))} failed"
        links = (Link(dataset.key), *map(_test_link, failed[:SAID_MOST]))
        return Clause(Aspect.UPSTREAM, Standing.BAD, text, links)
    for job in known.writers(dataset):
        trouble = _trouble(job, dataset)
        if trouble is not None and trouble[0] is not Standing.UNKNOWN:
            text = f"stands on {name}, of which {trouble[1].replace('its', 'the', 1)}"
            links = (Link(dataset.key), Link(job.key, job.last_run_id))
            return Clause(Aspect.UPSTREAM, Standing.DOUBTFUL, text, links)
    return None


def _late_above(known: Known, others: Sequence[Dataset]) -> Iterator[Clause]:
    """What is late among those upstream with no other trouble: it tends to be late together."""
    late = [(d, found[1]) for d in others if (found := _late(known, d))]
    if not late:
        return
    which = f"which is {late[0][1]}" if len(late) == 1 else "which are late"
    text = f"stands on {listed(d.display_name for d, _ in late)}, {which}"
    links = tuple(Link(d.key) for d, _ in late[:SAID_MOST])
    yield Clause(Aspect.UPSTREAM, Standing.DOUBTFUL, text, links)


def _of_above(known: Known) -> str:
    """How a sentence about some of what it stands on begins."""
    number = len(known.above)
    return _STANDS if number == 1 else f"of the {number:,} datasets it stands on"


def _unknown_above(known: Known) -> Iterator[str]:
    silent = sum(_is_silent(known, dataset) for dataset in known.above)
    untested = sum(not dataset.tests for dataset in known.above)
    many = "" if len(known.above) == 1 else "{:,} "
    if silent:
        its = "its" if silent == 1 else "their"
        yield f"{many.format(silent)}{'tells' if silent == 1 else 'tell'} nothing of {its} updates"
    if untested:
        yield f"{many.format(untested)}{'was' if untested == 1 else 'were'} never tested"
    if known.more_above:
        yield "more are too many to look at"


def _is_silent(known: Known, dataset: Dataset) -> bool:
    """Whether nobody tells when it was updated, and that is not as it should be.

    A source is written by what is outside of all this, and its data tests tell how it is. That it
    is one is often guessed from nobody being seen to write it, which alone excuses nothing.
    """
    zone = dataset.zone
    if zone is not None and zone.value is Zone.SOURCE and (dataset.tests or not zone.is_guess):
        return False
    return _updated_at(known, dataset) is None


# Manual edits and lost feeds --------------------------------------------------------------------


def _manual_edits(known: Known) -> Iterator[Clause]:
    descent = known.descent
    if descent is not None:
        for edit in descent.edits:
            found = known.estate.datasets.get(edit.version.dataset)
            own = edit.version.dataset == known.dataset.key
            name = found.display_name if found else edit.version.dataset.name
            what = "what looks like a manual edit" if edit.is_guess else "a manual edit"
            verb = _HOLDS[own, descent.is_certain]
            text = f"{verb} {what}" if own else f"{verb} {what} of {name}"
            text += f" by {edit.principal}" if edit.principal else ""
            text += f" {age(edit.version.at, known.now)}" if edit.version.at else ""
            run = edit.version.run
            link = Link(
                run.job if run else None,
                run.run_id if run else None,
                Evidence(edit.why, edit.event_id),
            )
            yield Clause(Aspect.MANUAL_EDITS, Standing.DOUBTFUL, text, (link,))
        if descent.more:
            text = f"{counted(descent.more, 'older manual edit')} besides"
            yield Clause(Aspect.MANUAL_EDITS, Standing.DOUBTFUL, text)
        return
    family = {known.dataset.key, *(dataset.key for dataset in known.above)}
    untold = {
        write.dataset
        for write in known.estate.writes
        if write.dataset in family and write.job_sanctioned is None
    }
    if untold:
        text = f"whether a pipeline wrote {_names(known, untold)} is not known"
        links = tuple(Link(key) for key in sorted(untold)[:SAID_MOST])
        yield Clause(Aspect.MANUAL_EDITS, Standing.UNKNOWN, text, links)
    else:
        text = "no manual edit is known in what it stands on"
        yield Clause(Aspect.MANUAL_EDITS, Standing.GOOD, text)


def _names(known: Known, keys: set[AssetKey]) -> str:
    return listed(known.estate.datasets[key].display_name for key in sorted(keys))


def _feeds(known: Known) -> Iterator[Clause]:
    estate = known.estate
    silent = []
    for namespace in sorted({known.dataset.key.namespace, *(d.key.namespace for d in known.above)}):
        feed = estate.feed(namespace, FeedKind.RUNS)
        if feed is not None and feed.last_at is not None and not feed.is_alive(known.now):
            pause = span(known.now - feed.last_at)
            text = f"no run in {feed.namespace} was reported for {pause}"
            link = Link(evidence=Evidence(feed.namespace, feed.event_id))
            silent.append(Clause(Aspect.FEEDS, Standing.UNKNOWN, text, (link,)))
    yield from silent
    if not silent:
        yield Clause(Aspect.FEEDS, Standing.GOOD, "no feed of what it stands on is lost")
