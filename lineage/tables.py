"""Rows of what happened. The log is kept for ever; everything else is derived from it.

Times are int64 microseconds since 1970 UTC; hashes are raw bytes. Nothing here leaves the stores.
"""

from typing import Any

from sqlalchemy import Column, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.columns import KEPT


def _bytes(**options: Any) -> Column[bytes]:
    return Column(LargeBinary, **{"nullable": False, **options})


def _small(**options: Any) -> Column[int]:
    return Column(Integer, **{"nullable": False, **options})


_KEYED = text("key_id IS NOT NULL")


class EventRow(SQLModel, table=True):
    """The commitment of one received event: what stays even when its payload is erased."""

    __tablename__ = "lineage_event"
    __table_args__ = (
        Index(
            "ix_lineage_event_key",
            "key_id",
            "received_at",
            "flags",
            sqlite_where=_KEYED,
            postgresql_where=_KEYED,
        ),
        KEPT,
    )

    seq: int | None = Field(default=None, sa_column=columns.key())
    event_id: bytes = Field(sa_column=_bytes(unique=True))
    """SHA-256 of the received body as canonical JSON."""
    received_at: int = Field(sa_column=columns.big())
    event_time: int = Field(sa_column=columns.big(index=True))
    kind: int = Field(sa_column=_small())
    """1 run, 2 job, 3 dataset."""
    content_hash: bytes | None = Field(default=None, sa_column=_bytes(nullable=True))
    """SHA-256 of what is stored where that differs from what was received; else the event's id."""
    received_count: int = Field(default=1, sa_column=_small())
    secrets: str | None = Field(default=None, sa_column=columns.text(nullable=True))
    """Paths of values that were replaced before storing, a JSON array."""
    key_id: int | None = Field(default=None, sa_column=_small(nullable=True))
    """The producer key that it came with."""
    flags: int = Field(default=0, sa_column=_small())
    """1: outside the scope of its key; 2: imported."""


class PayloadRow(SQLModel, table=True):
    """What fills the holes of an event's template."""

    __tablename__ = "lineage_payload"
    __table_args__ = KEPT

    seq: int | None = Field(default=None, sa_column=columns.key())
    template_id: int | None = Field(default=None, sa_column=_small(nullable=True))
    """``None``: the body is a whole event, compressed."""
    body: bytes = Field(sa_column=_bytes())
    """The values, MessagePack; see ``lineage.payloads``."""


class TemplateRow(SQLModel, table=True):
    """What events of one sort have in common, once."""

    __tablename__ = "lineage_template"
    __table_args__ = KEPT

    id: int | None = Field(default=None, sa_column=columns.key())
    hash: bytes = Field(sa_column=_bytes(unique=True))
    body: bytes = Field(sa_column=_bytes())
    """Canonical JSON with a NUL for each hole, compressed."""


class FacetBodyRow(SQLModel, table=True):
    """The body of a facet, once for all events that say the same."""

    __tablename__ = "lineage_facet_body"
    __table_args__ = KEPT

    id: int | None = Field(default=None, sa_column=columns.key())
    hash: bytes = Field(sa_column=_bytes(unique=True))
    """First half of its SHA-256."""
    body: bytes = Field(sa_column=_bytes())
    """Canonical JSON, with a NUL for each hole if it is the form of many; compressed."""


class RejectionRow(SQLModel, table=True):
    """Something that arrived and could not be used, with the reason why."""

    __tablename__ = "lineage_rejection"
    __table_args__ = (
        Index(
            "ix_lineage_rejection_key",
            "key_id",
            sqlite_where=_KEYED,
            postgresql_where=_KEYED,
        ),
        KEPT,
    )

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
    body: bytes | None = Field(default=None, sa_column=_bytes(nullable=True))
    """All of it, redacted and compressed, where that can be had."""
    key_id: int | None = Field(default=None, sa_column=_small(nullable=True))
    """The producer key that it came with."""
    replayed_at: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    """When it was sent through the receiver again; ``None``: it is still open."""
    replayed_event: bytes | None = Field(default=None, sa_column=_bytes(nullable=True))
    """The event that it became then; ``None``: it was refused again."""


class WordRow(SQLModel, table=True):
    """A text that many rows repeat: a producer, a principal, a code version."""

    __tablename__ = "lineage_word"

    id: int | None = Field(default=None, sa_column=columns.key())
    word: str = Field(sa_column=columns.text(unique=True))


class WarningRow(SQLModel, table=True):
    """One sort of oddity in what one producer sends, counted over its events."""

    __tablename__ = "lineage_warning"

    producer: str = Field(sa_column=columns.text(primary_key=True))
    path: str = Field(sa_column=columns.text(primary_key=True))
    """Where, without numbers: ``inputs[].facets.schema``."""
    message: str = Field(sa_column=columns.text(primary_key=True))
    kind: str = Field(sa_column=columns.text(primary_key=True))
    """See ``lineage.oddities.WarningKind``."""
    events: int = Field(sa_column=columns.big())
    first_at: int = Field(sa_column=columns.big())
    last_at: int = Field(sa_column=columns.big())
    event_id: bytes = Field(sa_column=_bytes())
    """The newest event that has it."""


class ProducerRow(SQLModel, table=True):
    """Who sends, how much and since when."""

    __tablename__ = "lineage_producer"

    producer: str = Field(sa_column=columns.text(primary_key=True))
    events: int = Field(sa_column=columns.big())
    warnings: int = Field(sa_column=columns.big())
    """How many of them were odd."""
    breaches: int = Field(sa_column=columns.big())
    """How many of them break a schema."""
    first_at: int = Field(sa_column=columns.big())
    last_at: int = Field(sa_column=columns.big())
    first_received_at: int = Field(sa_column=columns.big())
    last_received_at: int = Field(sa_column=columns.big())


class AssetRow(SQLModel, table=True):
    """The name of a dataset or job, as an event has it."""

    __tablename__ = "lineage_asset"
    __table_args__ = (UniqueConstraint("kind", "namespace", "name"),)

    id: int | None = Field(default=None, sa_column=columns.key())
    kind: int = Field(sa_column=_small())
    """1 dataset, 2 job."""
    namespace: str = Field(sa_column=columns.text())
    name: str = Field(sa_column=columns.text())


class MentionRow(SQLModel, table=True):
    """The newest time within a year that events named an asset with one set of facets.

    Of the facets of one name the newest mention wins, so a mention stands for all older ones with
    the same names, and an event moves one row for each asset that it names.
    """

    __tablename__ = "lineage_mention"
    __table_args__ = {"sqlite_with_rowid": False}  # SQLAlchemy's own form

    asset_id: int = Field(sa_column=columns.big(primary_key=True))
    is_writer: int = Field(sa_column=_small(primary_key=True))
    """1: as output, as a dataset of its own or as the job; 0: as input."""
    names_id: int = Field(sa_column=_small(primary_key=True))
    """Which facets: a word, their names as a JSON array."""
    year: int = Field(sa_column=_small(primary_key=True))
    """When, in years since 1970: one that is dated far ahead by mistake takes nobody's place."""
    first_at: int = Field(sa_column=columns.big())
    at: int = Field(sa_column=columns.big())
    rank: int = Field(sa_column=_small())
    seq: int = Field(sa_column=columns.big())
    path_id: int = Field(sa_column=_small())
    """Where in that event its facets are, a word."""
    bodies: bytes = Field(sa_column=_bytes())
    """Id of each facet's body, in the order of the names, MessagePack."""


class SymlinkRow(SQLModel, table=True):
    """Another name that events ever gave a dataset."""

    __tablename__ = "lineage_symlink"

    asset_id: int = Field(sa_column=columns.big(primary_key=True))
    other_id: int = Field(sa_column=columns.big(primary_key=True))
    type: str = Field(sa_column=columns.text(primary_key=True))
    """Such as TABLE; empty if the producer does not say."""
    vouched: int = Field(sa_column=_small())
    """Whose keys came with it; see ``lineage.vouching``."""
    seq: int = Field(sa_column=columns.big())
    """An event that says so."""


class RunRow(SQLModel, table=True):
    """One run of one job after all of its events."""

    __tablename__ = "lineage_run"
    __table_args__ = (
        UniqueConstraint("run_id", "job_id"),
        Index("ix_lineage_run_shape", "shape_id", "state", "at"),
        Index("ix_lineage_run_at", "at"),
    )

    id: int | None = Field(default=None, sa_column=columns.key())
    run_id: bytes = Field(sa_column=_bytes(info={"long": True}))
    """The 16 bytes of a UUID, or any other text."""
    job_id: int = Field(sa_column=columns.big())
    state: int = Field(sa_column=_small())
    """0 unknown, 1 running, 2 complete, 3 abort, 4 fail."""
    terminals: int = Field(sa_column=_small())
    """Every terminal state that was ever said, as bits 2, 3 and 4."""
    started_at: int = Field(sa_column=columns.big())
    has_start: bool
    """Whether a START said when; else it is the first event's time."""
    at: int = Field(sa_column=columns.big())
    """When it ended, else its last sign of life."""
    shape_id: int = Field(sa_column=_small())
    parent_run: bytes | None = Field(default=None, sa_column=_bytes(nullable=True))
    parent_job_id: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    root_run: bytes | None = Field(default=None, sa_column=_bytes(nullable=True))
    """The run at the root, where that is another than the parent."""
    root_job_id: int | None = Field(default=None, sa_column=columns.big(nullable=True))
    principal_id: int | None = Field(default=None, sa_column=_small(nullable=True))
    trust: int | None = Field(default=None, sa_column=_small(nullable=True))
    """How far to believe who ran it: 2 by the key that its events came with, 1 by what they say."""
    key_id: int | None = Field(default=None, sa_column=_small(nullable=True))
    """The key that its deciding event came with, if that covers it."""
    vouched: int = Field(sa_column=_small())
    """What came by keys that cover it; see ``lineage.vouching``."""
    producer_id: int = Field(sa_column=_small())
    version_id: int | None = Field(default=None, sa_column=_small(nullable=True))
    """Code version that the run's own events named."""
    seq: int = Field(sa_column=columns.big())
    """Its deciding event: the terminal one, else the newest."""
    events: bytes = Field(sa_column=_bytes())
    """The events that it is folded from, by sequence number, MessagePack."""


class RunEventRow(SQLModel, table=True):
    """Which events speak of a run."""

    __tablename__ = "lineage_run_event"
    __table_args__ = {"sqlite_with_rowid": False}

    run_pk: int = Field(sa_column=columns.big(primary_key=True))
    seq: int = Field(sa_column=columns.big(primary_key=True))


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
    """explicit, column or product."""


class DeclarationRow(SQLModel, table=True):
    """The newest static lineage within a year that a JobEvent gave for a job."""

    __tablename__ = "lineage_declaration"

    job_id: int = Field(sa_column=columns.big(primary_key=True))
    year: int = Field(sa_column=_small(primary_key=True))
    """In years since 1970."""
    at: int = Field(sa_column=columns.big())
    shape_id: int = Field(sa_column=columns.big())
    event_id: bytes = Field(sa_column=_bytes())
    seq: int = Field(sa_column=columns.big())


class ReportRow(SQLModel, table=True):
    """Results of data tests that one run reports on one dataset, or on its own job."""

    __tablename__ = "lineage_report"
    __table_args__ = (
        Index("ix_lineage_report_at", "at"),
        Index("ix_lineage_report_asset", "asset_id", "at"),
        {"sqlite_with_rowid": False},
    )

    run_pk: int = Field(sa_column=columns.big(primary_key=True))
    asset_id: int = Field(sa_column=columns.big(primary_key=True))
    place: int = Field(sa_column=_small(primary_key=True))
    """Which facet, by its place; see ``lineage.fold.REPORT_PLACES``."""
    tests: bytes = Field(sa_column=_bytes(primary_key=True))
    """Which data tests it is about: a hash of their keys."""
    at: int = Field(sa_column=columns.big())
    body_id: int = Field(sa_column=columns.big())
    seq: int = Field(sa_column=columns.big())


class SuiteRow(SQLModel, table=True):
    """The newest report of one set of data tests on one asset."""

    __tablename__ = "lineage_suite"
    __table_args__ = {"sqlite_with_rowid": False}

    asset_id: int = Field(sa_column=columns.big(primary_key=True))
    tests: bytes = Field(sa_column=_bytes(primary_key=True))
    """Hash of the keys of the data tests."""
    at: int = Field(sa_column=columns.big())
    run: str = Field(sa_column=columns.text())
    """The run's id with its job: breaks a tie between two runs at the same instant."""
    run_pk: int = Field(sa_column=columns.big())
    place: int = Field(sa_column=_small())


class StatisticRow(SQLModel, table=True):
    """How much one run read or wrote of one dataset."""

    __tablename__ = "lineage_statistic"
    __table_args__ = {"sqlite_with_rowid": False}

    run_pk: int = Field(sa_column=columns.big(primary_key=True))
    dataset_id: int = Field(sa_column=columns.big(primary_key=True))
    is_output: bool = Field(primary_key=True)
    window_at: int = Field(sa_column=columns.big(primary_key=True))
    """For jobs whose events are windows of their own: which; else 0."""
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
    """The newest event that carried it."""
