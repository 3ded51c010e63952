"""What the events of a run tell of it beside what it read and wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Row, func, select

from catalog.model import AssetKey, Kind, Trust
from catalog.moments import moment
from lineage.derivation import Source, column_lineage, explicit_lineage
from lineage.estate import DataTestStatus
from lineage.events import text_of
from lineage.facets import Body
from lineage.fold import Numbered, Parent, fold_run
from lineage.identity import Identities
from lineage.log import EventLog
from lineage.principals import Said
from lineage.provenance.ledger import Ledger
from lineage.provenance.model import Code, Derived, RunRef, Sql, TestedOn, Who
from lineage.provenance.said import Candidate, candidate, events_of
from lineage.provenance.versions import Ran, Wrote
from lineage.run_story import Tested, settled_tests, tests_of
from lineage.runs import REPORT, RUN, id_text
from lineage.templates import Template
from lineage.traits import CodePlace, Engine, code_place_in, engine_in

T = TypeVar("T")

RUNS_MOST = 20
"""Runs that tested a version of which the results are read, the newest."""


@dataclass(frozen=True, slots=True)
class Details:
    """What one run tells."""

    producer: str
    event_id: str
    code: Code | None
    sql: Sql | None
    engine: Engine | None
    who: Who | None
    parent: RunRef | None
    events: tuple[Numbered, ...]


class Reader:
    """Reads what runs tell; each run once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._log = EventLog()
        self._details: dict[int, Details] = {}
        self._tests: dict[int, tuple[tuple[Tested, int], ...]] = {}

    def details(self, runs: Sequence[Ran]) -> Mapping[int, Details]:
        """What each run tells, by its row."""
        missing = {run.pk: run for run in runs if run.pk not in self._details}
        events = events_of(self._ledger.connection, self._log, list(missing))
        for pk, run in missing.items():
            self._details[pk] = self._read(run, events[pk])
        return {run.pk: self._details[run.pk] for run in runs}

    def derived(self, write: Wrote) -> tuple[Derived, ...]:
        """How the sources of a version went into it, as far as any facet says."""
        ledger, events = self._ledger, self._details[write.run.pk].events
        wanted = {ledger.key(source) for source in ledger.sources(write)}
        found: dict[AssetKey, list[Source]] = {}
        for source in _told(events, ledger.key(write.dataset), ledger.seen.identities):
            key = ledger.seen.identities.key(source.asset)
            if key in wanted:
                found.setdefault(key, []).append(source)
        return tuple(_derived(key, found[key]) for key in sorted(found))

    def tests(self, write: Wrote, until: int | None) -> tuple[TestedOn, ...]:
        """The newest result of each data test that ran on a version, before the next one came."""
        rows = self._tested(write, until)
        self._read_tests([row for row in rows if row.id not in self._tests])
        key = self._ledger.key(write.dataset)
        found: dict[tuple[str, str, bytes], TestedOn] = {}
        for row in rows:
            for tested, at in self._tests[row.id]:
                if tested.status is not None and self._is_of(tested, key):
                    result = tested.result
                    name = result.column or "", result.name, result.key
                    found.setdefault(name, self._tested_on(row, tested, tested.status, at))
        return tuple(found[name] for name in sorted(found))

    def _tested(self, write: Wrote, until: int | None) -> list[Row[Any]]:
        """Runs that reported data tests on a version, the newest first."""
        ledger = self._ledger
        query = (
            select(RUN.c.id, RUN.c.run_id, RUN.c.job_id)
            .join(REPORT, REPORT.c.run_pk == RUN.c.id)
            .where(
                REPORT.c.asset_id.in_(ledger.seen.datasets[write.dataset].ids),
                REPORT.c.at.between(write.at, ledger.until if until is None else until - 1),
            )
            .group_by(RUN.c.id)
            .order_by(func.max(REPORT.c.at).desc(), RUN.c.run_id.desc(), RUN.c.id)
            .limit(RUNS_MOST)
        )
        return [*ledger.connection.execute(query)]

    def _read_tests(self, rows: Sequence[Row[Any]]) -> None:
        connection, until = self._ledger.connection, self._ledger.until
        events = events_of(connection, self._log, [row.id for row in rows])
        for row in rows:
            at = {item.event.event_id.hex(): item.event.time for item in events[row.id]}
            told = settled_tests(connection, row, tests_of(events[row.id]), until)
            self._tests[row.id] = tuple((tested, at[tested.event_id]) for tested in told)

    def _is_of(self, tested: Tested, key: AssetKey) -> bool:
        dataset = tested.dataset
        return dataset is not None and self._ledger.seen.identities.key(dataset) == key

    def _tested_on(
        self, row: Row[Any], tested: Tested, status: DataTestStatus, at: int
    ) -> TestedOn:
        result = tested.result
        return TestedOn(
            name=result.name,
            column=result.column,
            status=status,
            blocking=result.blocking,
            at=moment(at),
            run=RunRef(self._ledger.job(row.job_id), id_text(row.run_id)),
            event_id=tested.event_id,
            expected=result.expected,
            actual=result.actual,
            is_doubtful=tested.is_doubtful,
        )

    def _read(self, run: Ran, events: Sequence[Numbered]) -> Details:
        folded = fold_run(events)
        decided = folded.decided_by.event
        engine = _first(events, lambda t: t.run_facets.get("processing_engine"))
        return Details(
            producer=decided.producer,
            event_id=decided.event_id.hex(),
            code=self._code(run, events),
            sql=_sql(events),
            engine=engine[1].meaning(engine_in) if engine else None,
            who=self._who(run, folded.principal),
            parent=self._parent(folded.parent),
            events=tuple(events),
        )

    def _code(self, run: Ran, events: Sequence[Numbered]) -> Code | None:
        """The code that ran; where the run does not say, that of its job without a version."""
        found = _first(events, lambda t: t.job_facets.get("sourceCodeLocation"))
        place = found[1].meaning(code_place_in) if found else None
        if found and place is not None:
            return Code(place, is_of_run=True, event_id=found[2].event_id.hex())
        job = self._ledger.estate.jobs.get(self._ledger.job(run.job))
        if job is None or job.code is None:
            return None
        known = CodePlace(None, None, job.code.repository, None, None, None, None, None)
        return Code(known, is_of_run=False, event_id=job.code.event_id)

    def _who(self, run: Ran, said: Said | None) -> Who | None:
        if run.principal_id is None:
            return None
        trust = Trust.E1 if run.trust is None else Trust(run.trust)
        principal = self._ledger.words[run.principal_id]
        if trust is Trust.E2:
            how = "the producer key that its events came with stands for it"
            return Who(principal, trust, how)
        how = f"{said.place} names it" if said else "its events name it"
        return Who(principal, trust, how, said.on_behalf_of if said else None)

    def _parent(self, parent: Parent | None) -> RunRef | None:
        if parent is None or parent.job is None or not parent.run_id:
            return None
        job = AssetKey(Kind.JOB, *parent.job)
        return RunRef(self._ledger.seen.identities.key(job), parent.run_id)


def _first(
    events: Sequence[Numbered], hole_of: Callable[[Template], int | None]
) -> Candidate | None:
    """The facet that wins its place among those of a run."""
    found = (
        candidate(event, facet)
        for _, event in events
        if (facet := event.facet(hole_of(event.template))) is not None
    )
    return max(found, key=lambda one: one[0], default=None)


def _sql(events: Sequence[Numbered]) -> Sql | None:
    found = _first(events, lambda t: t.job_facets.get("sql"))
    said = found[1].meaning(_query) if found else None
    return Sql(*said, found[2].event_id.hex()) if found and said else None


def _query(facet: Body) -> tuple[str, str | None] | None:
    query = text_of(facet.get("query"))
    return (query, text_of(facet.get("dialect"))) if query else None


def _told(events: Sequence[Numbered], target: AssetKey, identities: Identities) -> Iterator[Source]:
    """Every way in which facets say that something went into a dataset."""

    def is_target(namespace: str, name: str) -> bool:
        return identities.key(AssetKey(Kind.DATASET, namespace, name)) == target

    for _, event in events:
        facet = event.facet(event.template.job_facets.get("lineage"))
        explicit = facet.meaning(explicit_lineage) if facet else None
        for entry in explicit.described if explicit else ():
            if is_target(entry.target.namespace, entry.target.name):
                yield from entry.sources
                yield from (source for column in entry.fields for source in column.sources)
        for place in event.template.outputs:
            facet = event.facet(place.facets.get("columnLineage"))
            if facet is not None and is_target(place.namespace, place.name):
                said = facet.meaning(column_lineage)
                yield from said.dataset
                yield from (source for column in said.fields for source in column.sources)


def _derived(source: AssetKey, ways: Sequence[Source]) -> Derived:
    told = {" ".join(word for word in (way.type, way.subtype) if word) for way in ways}
    return Derived(source, tuple(sorted(told - {""})), all(way.masking for way in ways))
