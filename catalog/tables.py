"""Rows of the catalog: what was applied, and the counters that every package shares."""

from datetime import datetime

from sqlalchemy import Column, DateTime, LargeBinary
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.columns import KEPT


class MetaRow(SQLModel, table=True):
    """A named number of the store, such as its revision."""

    __tablename__ = "catalog_meta"
    __table_args__ = KEPT

    key: str = Field(primary_key=True, max_length=64)
    value: int = Field(sa_column=columns.big())


class RevisionRow(SQLModel, table=True):
    """One applied catalog, whole, so that any past instant can be judged by its own rules."""

    __tablename__ = "catalog_revision"
    __table_args__ = KEPT

    id: int | None = Field(default=None, primary_key=True)
    applied_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    applied_by: str = Field(max_length=200)
    digest: str = Field(max_length=64)
    """SHA-256 of ``body``: an equal catalog applied again changes nothing."""
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """The catalog as JSON."""
