"""Runs in the tables: each folded anew from its few events that matter whenever one more comes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection

from catalog.database import insert_rows, next_id, table_of, upsert_rows
from catalog.lookups import rows_where
from catalog.model import Trust
from lineage import run_days
from lineage.assets import JOB, Named
from lineage.facets import Recent
from lineage.fold import STATE_RANK, Numbered, Run, fold_run, matter
from lineage.log import EventLog, Stored
from lineage.plans import Name
from lineage.run_days import RunKey
from lineage.shapes import Placed
from lineage.tables import ReportRow, RunEventRow, RunRow, StatisticRow, SuiteRow
from lineage.traits import sends_windows
from lineage.values import is_uuid
from lineage.vouching import OWN, Keys, key_of, vouched_run

RUN = table_of(RunRow)
RUN_EVENT = table_of(RunEventRow)
REPORT = table_of(ReportRow)
SUITE = table_of(SuiteRow)
STATISTIC = table_of(StatisticRow)

REMEMBERED_BYTES = 20_000_000
"""How much of runs that may go on is remembered, roughly, bytes."""

FEW = 8
"""Events of a run that has ended, up to which it is read again if ever another one comes."""

REMEMBERED = 200_000
"""How many newest reports are remembered."""

_RUN = (
    "id", "run_id", "job_id", "state", "terminals", "started_at", "has_start", "at", "shape_id",
    "parent_run", "parent_job_id", "root_run", "root_job_id", "principal_id", "trust", "key_id",
    "vouched", "producer_id", "version_id", "seq", "events",
)  # fmt: skip
_REPORT = ("run_pk", "asset_id", "place", "tests", "at", "body_id", "seq")
_SUITE = ("asset_id", "tests", "at", "run", "run_pk", "place")
_STATISTIC = ("run_pk", "dataset_id", "is_output", "window_at", "rows", "size_bytes")

_ENCODE = msgspec.msgpack.Encoder().encode
decode_events = msgspec.msgpack.Decoder(list[int]).decode

Suite = tuple[int, bytes]
"""An asset, and the hash of the keys of a set of data tests."""
Newest = tuple[int, str, int, int]
"""When it was reported, by which run, its row, the place of the report."""


class Known(msgspec.Struct):
    """A run as it was when last written."""

    pk: int
    started_at: int
    has_start: bool
    events: list[Numbered]
    """The events that matter."""
    is_own: bool = False
    """Whether any of its events came by a key that covers it."""


class Folded(msgspec.Struct, frozen=True):
    """A run after a batch."""

    key: RunKey
    known: Known
    run: Run
    new: tuple[Stored, ...]


class Given(NamedTuple):
    """Numbers that a batch needs."""

    assets: Mapping[Named, int]
    """Of jobs."""
    placed: Mapping[bytes, Placed]
    """By the key of a flow."""
    words: Mapping[str, int]
    bodies: Mapping[bytes, int]
    """Of every facet's body, by its hash."""
    keys: Keys
    """Every producer key that came with them."""


class Runs:
    """Runs, remembered while more of their events may come."""

    def __init__(self) -> None:
        self._known: Recent[RunKey, Known] = Recent(REMEMBERED_BYTES)
        self._suites: Recent[Suite, Newest] = Recent(REMEMBERED)
        self._next = 0
        """The first free id, while nobody else writes; 0: not known."""
        self._are_any_summed: bool | None = None
        """Whether any was summed up, while nobody else writes."""

    def forget(self) -> None:
        """Drop what is remembered."""
        self._next = 0
        self._are_any_summed = None
        self._known.clear()
        self._suites.clear()

    def fold(
        self,
        connection: Connection,
        log: EventLog,
        batch: Sequence[Stored],
        jobs: Mapping[Named, int],
        kept: Connection,
    ) -> list[Folded]:
        """Every run of which a batch speaks, folded with what is known of it.

        Args:
            connection: Of the transaction.
            log: The log of events.
            batch: New events.
            jobs: The number of every job in them.
            kept: To the store that knows which runs were summed up: these are over.
        """
        new: dict[RunKey, list[Stored]] = defaultdict(list)
        for stored in batch:
            event = stored.event
            if event.run_id is not None and event.job is not None:
                new[event.run_id, event.job].append(stored)
        self._leave_out_summed(kept, new)
        before = self._load(connection, log, {key: jobs[JOB, *key[1]] for key in new})
        folded = []
        for key, events in new.items():
            known = before.get(key)
            known = _with(known, events)
            folded.append(Folded(key, known, fold_run(known.events), tuple(events)))
        return folded

    def _leave_out_summed(self, kept: Connection, new: dict[RunKey, list[Stored]]) -> None:
        if self._are_any_summed is None:
            self._are_any_summed = run_days.any_summed(kept)
        if self._are_any_summed:
            for key, until in run_days.summed_until(kept, new).items():
                later = [stored for stored in new.pop(key) if stored.event.time > until]
                if later:
                    new[key] = later

    def write(
        self,
        connection: Connection,
        folded: Sequence[Folded],
        known: Given,
    ) -> None:
        """Write the runs and what they report."""
        free = self._next or next_id(connection, RUN)
        for item in folded:
            if not item.known.pk:
                item.known.pk, free = free, free + 1
        self._next = free
        rows = [_run_row(item, known) for item in folded]
        upsert_rows(connection, RUN, ("id",), _RUN, rows)
        insert_rows(
            connection,
            RUN_EVENT,
            ("run_pk", "seq"),
            [(item.known.pk, stored.seq) for item in folded for stored in item.new],
        )
        keys = ("run_pk", "dataset_id", "is_output", "window_at")
        statistics = [row for item in folded for row in _statistics(item, known)]
        upsert_rows(connection, STATISTIC, keys, _STATISTIC, statistics)
        self._write_reports(connection, folded, known)
        for item in folded:
            before = self._known.get(item.key, item.known)
            if item.run.terminals and len(item.known.events) <= FEW:
                self._known.drop(item.key, _weight(before))
            else:
                self._known.put(item.key, item.known, _weight(item.known), _weight(before))

    def _load(
        self, connection: Connection, log: EventLog, keys: Mapping[RunKey, int]
    ) -> dict[RunKey, Known]:
        found: dict[RunKey, Known] = {}
        missing: dict[tuple[bytes, int], RunKey] = {}
        for key, job_id in keys.items():
            known = self._known.get(key)
            if known is None:
                missing[id_bytes(key[0]), job_id] = key
            else:
                found[key] = known
        columns = ("id", "run_id", "job_id", "started_at", "has_start", "events", "vouched")
        rows = [
            row
            for row in rows_where(connection, RUN, columns, "run_id", {key for key, _ in missing})
            if (row[1], row[2]) in missing
        ]
        wanted = {row[0]: decode_events(row[5]) for row in rows}
        events = log.numbered(connection, {seq for seqs in wanted.values() for seq in seqs})
        for pk, run_id, job_id, started_at, has_start, _, vouched in rows:
            before = [Numbered(seq, events[seq].event) for seq in wanted[pk]]
            known = Known(pk, started_at, bool(has_start), before, bool(vouched & OWN))
            found[missing[run_id, job_id]] = known
        return found

    def _write_reports(
        self,
        connection: Connection,
        folded: Sequence[Folded],
        known: Given,
    ) -> None:
        rows = []
        suites: dict[Suite, Newest] = {}
        for item in folded:
            if not item.run.reports:
                continue
            new = {stored.seq for stored in item.new}
            run = _ordered(item.key[0], *item.key[1])
            ids = known.placed[item.run.flow.key].assets
            for report in item.run.reports:
                if report.seq not in new:  # written with an earlier batch
                    continue
                asset = ids[report.subject] if report.subject else known.assets[JOB, *item.key[1]]
                pk, place = item.known.pk, report.place
                body = known.bodies[report.facet.hash]
                rows.append((pk, asset, place, report.tests, report.at, body, report.seq))
                suite = (asset, report.tests)
                newest = (report.at, run, pk, place)
                suites[suite] = max(suites.get(suite, newest), newest)
        upsert_rows(connection, REPORT, _REPORT[:4], _REPORT, rows)
        self._write_suites(connection, suites)

    def _write_suites(self, connection: Connection, suites: dict[Suite, Newest]) -> None:
        missing = {key[0] for key in suites if key not in self._suites}
        for row in rows_where(connection, SUITE, _SUITE, "asset_id", missing):
            asset_id, tests, at, run, run_pk, place = row
            self._suites.put((asset_id, tests), (at, run, run_pk, place))
        newer = []
        for key, new in suites.items():
            before = self._suites.get(key)
            if before is None or new > before:
                self._suites.put(key, new)
                newer.append((*key, *new))
        upsert_rows(connection, SUITE, _SUITE[:2], _SUITE, newer)


def jobs_in(item: Folded) -> Iterator[Named]:
    """Every job that a run names."""
    yield (JOB, *item.key[1])
    if item.run.parent:
        for job in (item.run.parent.job, item.run.parent.root):
            if job:
                yield (JOB, *job)


def ran_by(run: Run, keys: Keys) -> tuple[str, Trust] | None:
    """Who ran it and how far to believe that: by the key of its deciding event, else by its word.

    Never by what it names as its parent.
    """
    key = key_of(run.decided_by.event, keys)
    if key is not None and key.principal is not None:
        return key.principal, Trust.E2
    return (run.principal.principal, run.principal.trust) if run.principal else None


def words_in(run: Run, keys: Keys) -> Iterator[str]:
    """Every word that a run's row repeats."""
    yield run.decided_by.event.producer
    principal = ran_by(run, keys)
    if principal:
        yield principal[0]
    if run.version:
        yield run.version


def id_bytes(run_id: str) -> bytes:
    """A run id as it is stored: the 16 bytes of a UUID, or a text of any other length."""
    if is_uuid(run_id):
        return bytes.fromhex(run_id.replace("-", ""))
    text = run_id.encode()
    return (b"\0\0" if len(text) == 15 else b"\0") + text


def id_text(stored: bytes) -> str:
    """A run id as it was sent."""
    if len(stored) != 16:
        return stored.lstrip(b"\0").decode()
    digits = stored.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _weight(known: Known) -> int:
    """What it takes to remember a run, roughly, bytes."""
    return 2000 + 9000 * len(known.events)


def _ordered(*parts: str) -> str:
    """One text for several without NUL: no two are written alike, and they sort as the parts do."""
    return "\1\1".join(part.replace("\1", "\1\2") for part in parts)


def _with(known: Known | None, new: Sequence[Stored]) -> Known:
    """A run as it was, with more of its events; the one that was known stays as it is."""
    starts = [s.event.time for s in new if s.event.type == "START"]
    firsts = starts or [s.event.time for s in new]
    if known is None:
        known = Known(0, min(firsts), bool(starts), [])
    elif starts and known.has_start:
        known = replace(known, started_at=min(known.started_at, *starts))
    elif starts:
        known = replace(known, started_at=min(starts), has_start=True)
    elif not known.has_start:
        known = replace(known, started_at=min(known.started_at, *firsts))
    events = matter([*known.events, *(Numbered(s.seq, s.event) for s in new)])
    is_own = known.is_own or any(
        s.event.key_id is not None and not s.event.is_out_of_scope for s in new
    )
    return replace(known, events=events, is_own=is_own)


def _run_row(item: Folded, given: Given) -> tuple[Any, ...]:
    run, known = item.run, item.known
    assets, words = given.assets, given.words
    principal = ran_by(run, given.keys)
    key = key_of(run.decided_by.event, given.keys)
    parent = run.parent
    root_run = parent.root_run if parent and parent.root_run != parent.run_id else ""
    bits = sum(1 << STATE_RANK[state] for state in run.terminals)
    return (
        known.pk,
        id_bytes(item.key[0]),
        assets[JOB, *item.key[1]],
        STATE_RANK[run.state],
        bits,
        known.started_at,
        known.has_start,
        run.at,
        given.placed[run.flow.key].shape_id,
        id_bytes(parent.run_id) if parent and parent.run_id else None,
        assets[JOB, *parent.job] if parent and parent.job else None,
        id_bytes(root_run) if root_run else None,
        assets[JOB, *parent.root] if parent and parent.root else None,
        words[principal[0]] if principal else None,
        int(principal[1]) if principal else None,
        key.id if key else None,
        vouched_run(run, known.events, given.keys, is_own=known.is_own),
        words[run.decided_by.event.producer],
        words[run.version] if run.version else None,
        run.decided_by.seq,
        _ENCODE([event.seq for event in known.events]),
    )


def _statistics(item: Folded, given: Given) -> Iterator[tuple[Any, ...]]:
    """What the run counted; for a job whose events are windows of their own, also each of them."""
    ids = given.placed[item.run.flow.key].assets
    yield from _counted(item.known.pk, 0, item.run, ids)
    for stored in item.new:
        facet = stored.event.facet(stored.event.template.job_facets.get("jobType"))
        if facet is not None and facet.meaning(sends_windows):
            window = fold_run([Numbered(stored.seq, stored.event)])
            yield from _counted(item.known.pk, stored.event.time, window, ids)


def _counted(
    pk: int, window_at: int, run: Run, ids: Mapping[Name, int]
) -> Iterator[tuple[Any, ...]]:
    for name, is_output, rows, size_bytes in run.counted:
        yield (pk, ids[name], is_output, window_at, rows, size_bytes)
