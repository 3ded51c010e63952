"""What edges rest on: the runs that carried them, and the events that say so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, select

from catalog.model import AssetKey, Evidence, Kind
from catalog.moments import microseconds, moment
from lineage.assets import ASSET
from lineage.fold import RANKED_STATES
from lineage.graph.model import LastRun, Link, LinkBasis, Support
from lineage.history import Standpoint
from lineage.lately import COMPLETE
from lineage.log import EVENT, EventLog
from lineage.projection import DECLARATION
from lineage.runs import RUN, id_bytes, id_text
from lineage.shapes import SHAPE, SHAPE_DATASET, SHAPE_EDGE


def runs_of_events(seen: Standpoint, event_ids: Iterable[str]) -> dict[str, LastRun]:
    """The run that each of some events is of, by the id of the event."""
    wanted = {bytes.fromhex(event_id) for event_id in event_ids}
    found = {}
    with seen.engine.connect() as connection:
        numbers = connection.execute(select(EVENT.c.seq).where(EVENT.c.event_id.in_(wanted)))
        # By the run's own id, which has an index; which events a run has is found only by the run.
        for stored in EventLog().numbered(connection, [*numbers.scalars()]).values():
            event = stored.event
            if event.run_id is None or event.job is None:
                continue
            query = (
                select(RUN.c.state, RUN.c.at)
                .join(ASSET, ASSET.c.id == RUN.c.job_id)
                .where(RUN.c.run_id == id_bytes(event.run_id))
                .where(ASSET.c.namespace == event.job[0], ASSET.c.name == event.job[1])
            )
            row = connection.execute(query).first()
            if row is not None:
                job = seen.estate.identities.key(AssetKey(Kind.JOB, *event.job))
                ran = LastRun(job, event.run_id, RANKED_STATES[row.state], moment(row.at))
                found[event.event_id.hex()] = ran
    return found


class Supports:
    """What edges rest on, read one by one."""

    def __init__(self, connection: Connection, seen: Standpoint) -> None:
        self._connection = connection
        self._seen = seen
        self._until = microseconds(seen.as_of)
        self._log = EventLog()

    def of(self, link: Link) -> Support:
        """The newest run that carried an edge, else what declares it."""
        jobs = {i: key for key in link.jobs for i in self.ids(key)}
        newest = (RUN.c.at.desc(), RUN.c.started_at.desc(), RUN.c.run_id.desc())
        columns = select(RUN.c.job_id, RUN.c.run_id, RUN.c.state, RUN.c.at, RUN.c.seq)
        # Where an edge leads through noise no run carries all of it: then who wrote its end.
        for shapes in (self._carrying(link), self._shapes_of(link.target, link.jobs)):
            query = columns.where(RUN.c.shape_id.in_(shapes), RUN.c.at <= self._until)
            row = self._connection.execute(query.order_by(*newest).limit(1)).first()
            if row is not None:
                run_id = id_text(row.run_id)
                return Support(
                    LastRun(jobs[row.job_id], run_id, RANKED_STATES[row.state], moment(row.at)),
                    self._said(link, row.seq, run_id),
                )
        return Support(None, self._declaration(link))

    def first_after(self, link: Link, since: datetime) -> datetime | None:
        """When the first run after an instant ended that carried an edge."""
        carried = RUN.c.shape_id.in_(self._carrying(link))
        return self._first(carried, RUN.c.at > microseconds(since))

    def first_without(self, link: Link) -> datetime | None:
        """When the first successful run of its jobs ended after the last one with an edge."""
        last = self.of(link).last_run
        if last is None:
            return None
        by_jobs = RUN.c.shape_id.in_(select(SHAPE.c.id).where(SHAPE.c.job_id.in_(self._jobs(link))))
        later = RUN.c.at > microseconds(last.at)
        return self._first(by_jobs, RUN.c.state == COMPLETE, later)

    def ids(self, key: AssetKey) -> tuple[int, ...]:
        """The numbers of all names of an asset in the tables."""
        seen = self._seen.estate
        asset = seen.datasets.get(key) if key.kind is Kind.DATASET else seen.jobs.get(key)
        return asset.ids if asset else ()

    def _said(self, link: Link, seq: int, run_id: str) -> Evidence:
        """Where the deciding event of a run says so: in a facet, if it carries that itself."""
        event = self._log.numbered(self._connection, [seq])[seq].event
        template = event.template
        paths: list[str] = []
        if link.basis is LinkBasis.EXPLICIT and "lineage" in template.job_facets:
            paths.append("job.facets.lineage")
        if link.basis is LinkBasis.COLUMN:
            names = {(k.namespace, k.name) for k in self.keys(link.target)}
            paths += [
                f"{place.path}.facets.columnLineage"
                for place in template.outputs
                if (place.namespace, place.name) in names and "columnLineage" in place.facets
            ]
        event_id = event.event_id.hex()
        if paths:
            return Evidence(link.source.name, event_id=event_id, facet=paths[0])
        return Evidence(run_id, event_id=event_id, facet="run.runId")

    def keys(self, key: AssetKey) -> tuple[AssetKey, ...]:
        """All names of an asset."""
        return self._seen.estate.identities.keys(key)

    def _first(self, *conditions: ColumnElement[bool]) -> datetime | None:
        query = select(RUN.c.at).where(*conditions, RUN.c.at <= self._until)
        found = self._connection.execute(query.order_by(RUN.c.at).limit(1)).scalar()
        return None if found is None else moment(found)

    def _carrying(self, link: Link) -> Select[tuple[int]]:
        """Shapes that have an edge."""
        if link.source.kind is not link.target.kind:
            is_output = link.target.kind is Kind.DATASET
            dataset, job = link.ends[::-1] if is_output else link.ends
            return self._shapes_of(dataset, (job,), is_output=is_output)
        return (
            select(SHAPE_EDGE.c.shape_id)
            .join(SHAPE, SHAPE.c.id == SHAPE_EDGE.c.shape_id)
            .where(
                SHAPE_EDGE.c.source_id.in_(self.ids(link.source)),
                SHAPE_EDGE.c.target_id.in_(self.ids(link.target)),
                SHAPE.c.job_id.in_(self._jobs(link)),
            )
        )

    def _shapes_of(
        self, dataset: AssetKey, jobs: Iterable[AssetKey], *, is_output: bool = True
    ) -> Select[tuple[int]]:
        """Shapes of some jobs that write or read a dataset."""
        return (
            select(SHAPE_DATASET.c.shape_id)
            .join(SHAPE, SHAPE.c.id == SHAPE_DATASET.c.shape_id)
            .where(
                SHAPE_DATASET.c.dataset_id.in_(self.ids(dataset)),
                SHAPE_DATASET.c.is_output == is_output,
                SHAPE.c.job_id.in_([i for job in jobs for i in self.ids(job)]),
            )
        )

    def _jobs(self, link: Link) -> list[int]:
        return [i for job in link.jobs for i in self.ids(job)]

    def _declaration(self, link: Link) -> Evidence | None:
        """The static lineage, of a job or of the dataset itself, that has an edge."""
        query = select(DECLARATION.c.event_id).where(DECLARATION.c.job_id.in_(self._jobs(link)))
        newest = query.order_by(DECLARATION.c.at.desc()).limit(1)
        event_id = self._connection.execute(newest).scalar()
        if event_id is not None:
            return Evidence(link.source.name, event_id=event_id.hex(), facet="job")
        dataset = self._seen.estate.datasets.get(link.target)
        if dataset is None:
            return None
        seen = self._seen.observed
        use, asset = seen.uses.get(dataset.id), seen.datasets.get(dataset.id)
        if use is not None:
            return Evidence(link.source.name, event_id=use.event_id, facet=use.path)
        facet = asset.facets.get("lineage") if asset else None
        if facet is None:
            return None
        return Evidence(link.source.name, event_id=facet.event_id, facet=facet.path)
