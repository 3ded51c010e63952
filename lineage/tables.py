"""Rows of what happened. The log is kept for ever; everything else is derived from it.

Times are int64 microseconds since 1970 UTC; hashes are raw bytes. Nothing here leaves the stores.
"""

from typing import Any

from sqlalchemy import Column, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.columns import KEPT


def _bytes(**options: Any) -> Column[bytes]:
    return Column(LargeBinary, **{"nullable": False, **options})


class EventRow(SQLModel, table=True):
    """The commitment of one received event: what stays even when its payload is erased."""

    __tablename__ = "lineage_event"
    __table_args__ = KEPT

    seq: int | None = Field(default=None, sa_column=columns.key())
    event_id: bytes = Field(sa_column=_bytes(unique=True))
    """SHA-256 of the received body as canonical JSON."""
    received_at: int = Field(sa_column=columns.big())
    event_time: int = Field(sa_column=columns.big(index=True))
    kind: int = Field(sa_column=Column(Integer, nullable=False))
    """1 run, 2 job, 3 dataset."""
    producer: str = Field(sa_column=columns.text())
    content_hash: bytes = Field(sa_column=_bytes())
    """SHA-256 of what is stored, after redaction."""
    previous_hash: bytes = Field(sa_column=_bytes())
    """Link of the hash chain: SHA-256 over the previous link and the previous content hash."""
    received_count: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    secrets: str | None = Field(default=None, sa_column=columns.text(nullable=True))
    """Paths of values that were replaced before storing, a JSON array."""


class PayloadRow(SQLModel, table=True):
    """The redacted, compressed body of one event."""

    __tablename__ = "lineage_payload"
    __table_args__ = KEPT

    seq: int | None = Field(default=None, sa_column=columns.key())
    body: bytes = Field(sa_column=_bytes())


class RejectionRow(SQLModel, table=True):
    """Something that arrived and could not be used, with the reason why."""

    __tablename__ = "lineage_rejection"
    __table_args__ = KEPT

    id: int | None = Field(default=None, sa_column=columns.key())
    received_at: int = Field(sa_column=columns.big(index=True))
    source: str = Field(sa_column=columns.text())
    """File and line, or the address it was posted to."""
    status: int = Field(sa_column=Column(Integer, nullable=False))
    detail: str = Field(sa_column=columns.text())
    path: str = Field(sa_column=columns.text())
    expected: str = Field(sa_column=columns.text())
    excerpt: str = Field(sa_column=columns.text())
    """The first characters, redacted."""


class WarningRow(SQLModel, table=True):
    """Something odd about an event that was stored all the same."""

    __tablename__ = "lineage_warning"
    __table_args__ = (Index("ix_lineage_warning_seq", "seq"),)

    id: int | None = Field(default=None, sa_column=columns.key())
    seq: int = Field(sa_column=columns.big())
    path: str = Field(sa_column=columns.text())
    message: str = Field(sa_column=columns.text())


class ProducerRow(SQLModel, table=True):
    """Who sends, how much and since when."""

    __tablename__ = "lineage_producer"

    producer: str = Field(sa_column=columns.text(primary_key=True))
    events: int = Field(sa_column=columns.big())
    warnings: int = Field(sa_column=columns.big())
    first_at: int = Field(sa_column=columns.big())
    last_at: int = Field(sa_column=columns.big())
    first_received_at: int = Field(sa_column=columns.big())
    last_received_at: int = Field(sa_column=columns.big())


class AssetRow(SQLModel, table=True):
    """A dataset or job that an event named."""

    __tablename__ = "lineage_asset"
    __table_args__ = (UniqueConstraint("kind", "namespace", "name"),)

    id: int | None = Field(default=None, sa_column=columns.key())
    kind: int = Field(sa_column=Column(Integer, nullable=False))
    """1 dataset, 2 job."""
    namespace: str = Field(sa_column=columns.text())
    name: str = Field(sa_column=columns.text())
    seen: bool = False
    """False while it was only mentioned, as a source of a column or as a parent."""
    first_seen: int = Field(sa_column=columns.big())
    last_seen: int = Field(sa_column=columns.big())
    event_id: bytes = Field(sa_column=_bytes())
    """The newest event that named it."""


class FacetRow(SQLModel, table=True):
    """The winning facet of one name on one asset."""

    __tablename__ = "lineage_facet"

    asset_id: int = Field(sa_column=columns.big(primary_key=True))
    name: str = Field(sa_column=columns.text(primary_key=True))
    rank: int = Field(sa_column=Column(Integer, nullable=False))
    at: int = Field(sa_column=columns.big())
    hash: bytes = Field(sa_column=_bytes())
    event_id: bytes = Field(sa_column=_bytes())
    path: str = Field(sa_column=columns.text())
    """Where in that event it stands."""


class BlobRow(SQLModel, table=True):
    """The body of a facet, once for all places that say the same."""

    __tablename__ = "lineage_blob"

    hash: bytes = Field(sa_column=_bytes(primary_key=True))
    body: bytes = Field(sa_column=_bytes())


class RunRow(SQLModel, table=True):
    """One run of one job after all of its events."""

    __tablename__ = "lineage_run"
    __table_args__ = (
        UniqueConstraint("run_id", "job_id"),
        Index("ix_lineage_run_job", "job_id", "state", "ended_at"),
        Index("ix_lineage_run_ended", "ended_at"),
        Index("ix_lineage_run_shape", "state", "shape_id", "ended_at"),
        Index("ix_lineage_run_started", "job_id", "started_at"),
    )

    id: int | None = Field(default=None, sa_column=columns.key())
    run_id: str = Field(sa_column=columns.text())
    job_id: int = Field(sa_column=columns.big())
    state: int = Field(sa_column=Column(Integer, nullable=False))
    """0 unknown, 1 running, 2 complete, 3 abort, 4 fail."""
    started_at: int = Field(sa_column=columns.big())
    ended_at: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    last_at: int = Field(sa_column=columns.big())
    shape_id: int = Field(sa_column=columns.big())
    parent_run: str | None = Field(default=None, sa_column=columns.text(nullable=True))
    parent_job_id: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    root_job_id: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    principal: str | None = Field(default=None, sa_column=columns.text(nullable=True))
    producer: str = Field(sa_column=columns.text())
    version: str | None = Field(default=None, sa_column=columns.text(nullable=True))
    """Code version that the run's own events named."""
    event_id: bytes = Field(sa_column=_bytes())
    """Its deciding event: the terminal one, else the newest."""
    fold: bytes = Field(sa_column=_bytes())
    """The whole folded run, from which the columns beside it are taken."""


class ShapeRow(SQLModel, table=True):
    """What a run reads, writes and derives. Runs of a job that do the same share one."""

    __tablename__ = "lineage_shape"

    id: int | None = Field(default=None, sa_column=columns.key())
    hash: bytes = Field(sa_column=_bytes(unique=True))
    job_id: int = Field(sa_column=columns.big(index=True))


class ShapeDatasetRow(SQLModel, table=True):
    """A dataset that runs of a shape read or write."""

    __tablename__ = "lineage_shape_dataset"
    __table_args__ = (Index("ix_lineage_shape_dataset", "dataset_id", "is_output"),)

    shape_id: int = Field(sa_column=columns.big(primary_key=True))
    dataset_id: int = Field(sa_column=columns.big(primary_key=True))
    is_output: bool = Field(primary_key=True)
    operation: str = Field(sa_column=columns.text())
    """READ for inputs; for outputs WRITE or what the lifecycle facet says."""


class ShapeEdgeRow(SQLModel, table=True):
    """A dataset to dataset edge that runs of a shape carry."""

    __tablename__ = "lineage_shape_edge"

    shape_id: int = Field(sa_column=columns.big(primary_key=True))
    source_id: int = Field(sa_column=columns.big(primary_key=True))
    target_id: int = Field(sa_column=columns.big(primary_key=True))
    basis: str = Field(sa_column=columns.text())
    """column or product."""


class DeclarationRow(SQLModel, table=True):
    """The newest static lineage that a JobEvent gave for a job."""

    __tablename__ = "lineage_declaration"

    job_id: int = Field(sa_column=columns.big(primary_key=True))
    at: int = Field(sa_column=columns.big())
    shape_id: int = Field(sa_column=columns.big())
    event_id: bytes = Field(sa_column=_bytes())


class DataTestResultRow(SQLModel, table=True):
    """What one run said about one data test on one dataset."""

    __tablename__ = "lineage_data_test_result"
    __table_args__ = (
        Index("ix_lineage_data_test_result_at", "at"),
        Index("ix_lineage_data_test_result_run", "run_pk"),
    )

    dataset_id: int = Field(sa_column=columns.big(primary_key=True))
    test_key: bytes = Field(sa_column=_bytes(primary_key=True))
    run_pk: int = Field(sa_column=columns.big(primary_key=True))
    at: int = Field(sa_column=columns.big())
    rank: int = Field(sa_column=Column(Integer, nullable=False))
    hash: bytes = Field(sa_column=_bytes())
    success: bool
    executed: bool
    """False where the producer only says that it did not come to run."""
    blocking: bool
    body: bytes = Field(sa_column=_bytes())
    """The assertion as it was sent, JSON."""
    event_id: bytes = Field(sa_column=_bytes())


class DataTestRow(SQLModel, table=True):
    """The newest result of each data test."""

    __tablename__ = "lineage_data_test"

    dataset_id: int = Field(sa_column=columns.big(primary_key=True))
    test_key: bytes = Field(sa_column=_bytes(primary_key=True))
    run_pk: int = Field(sa_column=columns.big())
    at: int = Field(sa_column=columns.big())
    run_id: str = Field(sa_column=columns.text())
    """The run's id with its job: breaks a tie between two runs at the same instant."""


class StatisticRow(SQLModel, table=True):
    """How much one run read or wrote of one dataset."""

    __tablename__ = "lineage_statistic"

    run_pk: int = Field(sa_column=columns.big(primary_key=True))
    dataset_id: int = Field(sa_column=columns.big(primary_key=True))
    is_output: bool = Field(primary_key=True)
    rows: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    size_bytes: int | None = Field(default=None, sa_column=columns.big(nullable=True))


class FeedRow(SQLModel, table=True):
    """Which producer speaks of what, for which namespace of datasets."""

    __tablename__ = "lineage_feed"

    namespace: str = Field(sa_column=columns.text(primary_key=True))
    evidence: str = Field(sa_column=columns.text(primary_key=True))
    producer: str = Field(sa_column=columns.text(primary_key=True))
    first_at: int = Field(sa_column=columns.big())
    last_at: int = Field(sa_column=columns.big())
    events: int = Field(sa_column=columns.big())
    event_id: bytes = Field(sa_column=_bytes())
