"""Batches of events folded into the derived tables: planned in memory, few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from catalog.database import get_meta, next_id, table_of, upsert
from lineage.assets import DATASET, JOB, AssetBatch, Assets
from lineage.counters import Tally
from lineage.events import DatasetPart, Event, EventKind
from lineage.fold import (
    STATE_RANK,
    Run,
    Shape,
    TestClaim,
    facet_claims,
    fold_run,
    shape_of,
    test_claims,
)
from lineage.principals import principal_of
from lineage.tables import (
    DataTestResultRow,
    DataTestRow,
    DeclarationRow,
    RunRow,
    ShapeDatasetRow,
    ShapeEdgeRow,
    ShapeRow,
    StatisticRow,
)

RUN = table_of(RunRow)
SHAPE = table_of(ShapeRow)
SHAPE_DATASET = table_of(ShapeDatasetRow)
SHAPE_EDGE = table_of(ShapeEdgeRow)
RESULT = table_of(DataTestResultRow)
TEST = table_of(DataTestRow)
STATISTIC = table_of(StatisticRow)
DECLARATION = table_of(DeclarationRow)

_ENCODE = msgspec.msgpack.Encoder()
_DECODE = msgspec.msgpack.Decoder(Run)


@dataclass(frozen=True, slots=True)
class Stored:
    """An event with its place in the log."""

    seq: int
    received_at: int
    event: Event


class Projection:
    """Keeps the derived tables in step with the log; remembers identities between batches."""

    def __init__(self) -> None:
        self._assets = Assets()
        self._shapes: dict[bytes, int] = {}
        self._epoch = -1

    def apply(self, connection: Connection, stored: Sequence[Stored]) -> None:
        """Fold new events in, within the caller's transaction."""
        epoch = get_meta(connection, "epoch")
        if epoch != self._epoch:
            self.forget()
            self._epoch = epoch
        batch = _Batch(connection, self._assets.batch(connection), self._shapes)
        for item in stored:
            batch.take(item)
        batch.write()

    def forget(self) -> None:
        """Drop what is remembered; needed after a rollback."""
        self._assets.forget()
        self._shapes.clear()


class _Batch:
    def __init__(
        self, connection: Connection, assets: AssetBatch, shapes: dict[bytes, int]
    ) -> None:
        self._connection = connection
        self._assets = assets
        self._shapes = shapes
        self._runs: dict[tuple[str, int], list[Stored]] = defaultdict(list)
        self._declarations: dict[int, tuple[int, bytes, Event]] = {}
        self._tests: dict[tuple[str, int], list[tuple[int, dict[bytes, TestClaim], Event]]] = (
            defaultdict(list)
        )
        self._tally = Tally()

    def take(self, stored: Stored) -> None:
        """Plan what one event changes."""
        event = stored.event
        self._tally.take(stored.seq, stored.received_at, event)
        job_id = None
        if event.job is not None:
            job_id = self._asset(JOB, *event.job, event)
            self._assets.touch(job_id, event.time, event.event_id)
            self._assets.claim(
                job_id, facet_claims(event.job_facets, "job", event, True), event.event_id
            )
        for part in event.inputs:
            self._dataset(part, event, False)
        for part in (*event.outputs, *((event.dataset,) if event.dataset else ())):
            self._dataset(part, event, True)
        if event.kind is EventKind.RUN and event.run_id is not None and job_id is not None:
            key = (event.run_id, job_id)
            self._runs[key].append(stored)
            for part in (*event.inputs, *event.outputs):
                claims = test_claims(part, event)
                if claims:
                    dataset_id = self._asset(DATASET, part.namespace, part.name, event)
                    self._tests[key].append((dataset_id, claims, event))
        elif event.kind is EventKind.JOB and job_id is not None:
            said = (event.time, event.event_id, event)
            known = self._declarations.get(job_id)
            if known is None or said[:2] > known[:2]:
                self._declarations[job_id] = said

    def write(self) -> None:
        """Write everything that was planned."""
        run_pks = self._write_runs()
        self._write_declarations()
        self._assets.write()
        self._write_tests(run_pks)
        self._tally.write(self._connection)

    def _asset(self, kind: int, namespace: str, name: str, event: Event) -> int:
        return self._assets.resolve(kind, namespace, name, event.time, event.event_id)

    def _dataset(self, part: DatasetPart, event: Event, is_writer: bool) -> None:
        asset_id = self._asset(DATASET, part.namespace, part.name, event)
        self._assets.touch(asset_id, event.time, event.event_id)
        claims = facet_claims(part.facets, part.path, event, is_writer)
        self._assets.claim(asset_id, claims, event.event_id)

    def _write_runs(self) -> dict[tuple[str, int], int]:
        if not self._runs:
            return {}
        known = {
            (row.run_id, row.job_id): (row.id, _DECODE.decode(row.fold))
            for row in self._connection.execute(
                select(RUN.c.id, RUN.c.run_id, RUN.c.job_id, RUN.c.fold).where(
                    RUN.c.run_id.in_({run_id for run_id, _ in self._runs})
                )
            )
        }
        free = next_id(self._connection, RUN)
        pks: dict[tuple[str, int], int] = {}
        rows = []
        statistics: list[dict[str, Any]] = []
        for key, stored in self._runs.items():
            pk, run = known.get(key, (free, None))
            if pk == free:
                free += 1
            pks[key] = pk
            run = self._fold(run, stored[0].event)
            for item in stored[1:]:
                run = self._fold(run, item.event)
            rows.append(self._run_row(pk, key, run, stored[-1].event))
            for side, is_output in ((run.inputs, False), (run.outputs, True)):
                statistics += [
                    {
                        "run_pk": pk,
                        "dataset_id": dataset_id,
                        "is_output": is_output,
                        "rows": io.rows,
                        "size_bytes": io.size_bytes,
                    }
                    for dataset_id, io in side.items()
                    if io.rows is not None or io.size_bytes is not None
                ]
        upsert(self._connection, RUN, ["id"], rows)
        upsert(self._connection, STATISTIC, ["run_pk", "dataset_id", "is_output"], statistics)
        return pks

    def _fold(self, run: Run | None, event: Event) -> Run:
        return fold_run(run, event, lambda ns, name: self._asset(DATASET, ns, name, event))

    def _run_row(self, pk: int, key: tuple[str, int], run: Run, event: Event) -> dict[str, Any]:
        parent = run.parent
        principal = principal_of(run.principals)
        return {
            "id": pk,
            "run_id": key[0],
            "job_id": key[1],
            "state": STATE_RANK[run.state],
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "last_at": run.last,
            "shape_id": self._shape(key[1], shape_of(run)),
            "parent_run": parent.run_id if parent else None,
            "parent_job_id": self._asset(JOB, *parent.job, event)
            if parent and parent.job
            else None,
            "root_job_id": self._asset(JOB, *parent.root, event)
            if parent and parent.root
            else None,
            "principal": principal[0] if principal else None,
            "producer": run.producer,
            "version": run.version[2] if run.version else None,
            "event_id": run.event_id,
            "fold": _ENCODE.encode(run),
        }

    def _shape(self, job_id: int, shape: Shape) -> int:
        digest = shape.digest(job_id)
        known = self._shapes.get(digest)
        if known is not None:
            return known
        found = self._connection.execute(select(SHAPE.c.id).where(SHAPE.c.hash == digest)).scalar()
        if found is None:
            found = next_id(self._connection, SHAPE)
            self._connection.execute(insert(SHAPE).values(id=found, hash=digest, job_id=job_id))
            datasets = [(d, False, "READ") for d in shape.inputs]
            datasets += [(d, True, operation) for d, operation in shape.outputs]
            if datasets:
                self._connection.execute(
                    insert(SHAPE_DATASET),
                    [
                        {"shape_id": found, "dataset_id": d, "is_output": out, "operation": op}
                        for d, out, op in datasets
                    ],
                )
            if shape.edges:
                self._connection.execute(
                    insert(SHAPE_EDGE),
                    [
                        {"shape_id": found, "source_id": a, "target_id": b, "basis": basis}
                        for a, b, basis in shape.edges
                    ],
                )
        self._shapes[digest] = found
        return int(found)

    def _write_declarations(self) -> None:
        if not self._declarations:
            return
        known = {
            row.job_id: (row.at, row.event_id)
            for row in self._connection.execute(
                select(DECLARATION.c.job_id, DECLARATION.c.at, DECLARATION.c.event_id).where(
                    DECLARATION.c.job_id.in_(self._declarations)
                )
            )
        }
        rows = []
        for job_id, (at, event_id, event) in self._declarations.items():
            if (at, event_id) > known.get(job_id, (-(2**62), b"")):
                shape = shape_of(self._fold(None, event))
                rows.append(
                    {
                        "job_id": job_id,
                        "at": at,
                        "shape_id": self._shape(job_id, shape),
                        "event_id": event_id,
                    }
                )
        upsert(self._connection, DECLARATION, ["job_id"], rows)

    def _write_tests(self, run_pks: dict[tuple[str, int], int]) -> None:
        if not self._tests:
            return
        planned: dict[tuple[int, bytes, int], tuple[TestClaim, Event, str]] = {}
        for run_key, said in self._tests.items():
            for dataset_id, claims, event in said:
                for test_key, claim in claims.items():
                    key = (dataset_id, test_key, run_pks[run_key])
                    before = planned.get(key)
                    said_by = (claim.won.order, event.event_id)
                    if before is None or said_by > (before[0].won.order, before[1].event_id):
                        # Jobs may share a run id, so the job breaks the tie as well.
                        planned[key] = (claim, event, " ".join((run_key[0], *(event.job or ()))))
        known = {
            (row.dataset_id, row.test_key, row.run_pk): (
                (0, row.at, row.rank, row.hash),
                row.event_id,
            )
            for row in self._connection.execute(
                select(
                    RESULT.c.dataset_id,
                    RESULT.c.test_key,
                    RESULT.c.run_pk,
                    RESULT.c.at,
                    RESULT.c.rank,
                    RESULT.c.hash,
                    RESULT.c.event_id,
                ).where(RESULT.c.run_pk.in_({pk for _, _, pk in planned}))
            )
        }
        newest = {
            (row.dataset_id, row.test_key): (row.at, row.run_id)
            for row in self._connection.execute(
                select(TEST.c.dataset_id, TEST.c.test_key, TEST.c.at, TEST.c.run_id).where(
                    TEST.c.dataset_id.in_({dataset_id for dataset_id, _, _ in planned})
                )
            )
        }
        rows = []
        latest: dict[tuple[int, bytes], dict[str, Any]] = {}
        for key, (claim, event, run_id) in planned.items():
            said_before = known.get(key)
            if said_before is not None and said_before >= (claim.won.order, event.event_id):
                continue
            dataset_id, test_key, run_pk = key
            place = {"dataset_id": dataset_id, "test_key": test_key, "run_pk": run_pk}
            rows.append(
                {
                    **place,
                    "at": claim.won.at,
                    "rank": claim.won.rank,
                    "hash": claim.won.hash,
                    "success": claim.success,
                    "executed": claim.executed,
                    "blocking": claim.blocking,
                    "body": claim.body,
                    "event_id": event.event_id,
                }
            )
            said_at = (claim.won.at, run_id)
            if said_at > newest.get(key[:2], (-(2**62), "")):
                newest[key[:2]] = said_at
                latest[key[:2]] = {**place, "at": claim.won.at, "run_id": run_id}
        upsert(self._connection, RESULT, ["dataset_id", "test_key", "run_pk"], rows)
        upsert(self._connection, TEST, ["dataset_id", "test_key"], list(latest.values()))
