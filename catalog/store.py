"""The declared catalog in the store: every revision that was ever applied."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Engine, insert, select

from catalog.database import bump_revision, table_of, writing
from catalog.model import Catalog
from catalog.tables import RevisionRow

_REVISIONS = table_of(RevisionRow)


def load_catalog(engine: Engine, as_of: datetime | None = None) -> Catalog:
    """The catalog in force at ``as_of`` (now, if not given); empty if none was ever applied.

    The first ever applied also holds for all time before it.
    """
    in_force = select(_REVISIONS.c.body, _REVISIONS.c.applied_at, _REVISIONS.c.applied_by)
    newest = in_force.order_by(_REVISIONS.c.id.desc())
    with engine.connect() as connection:
        found = connection.execute(
            newest if as_of is None else newest.where(_REVISIONS.c.applied_at <= as_of)
        ).first()
        if found is None:
            found = connection.execute(in_force.order_by(_REVISIONS.c.id)).first()
    if found is None:
        return Catalog()
    catalog = msgspec.json.decode(found.body, type=Catalog)
    applied_at = found.applied_at.replace(tzinfo=UTC)  # SQLite keeps no zone
    return replace(catalog, applied_at=applied_at, applied_by=found.applied_by)


def apply_catalog(engine: Engine, catalog: Catalog, by: str, at: datetime) -> bool:
    """Make a catalog the one in force. Answers whether anything changed."""
    body = msgspec.json.encode(catalog, order="deterministic")
    digest = hashlib.sha256(body).hexdigest()
    with writing(engine) as connection:
        newest = select(_REVISIONS.c.digest).order_by(_REVISIONS.c.id.desc()).limit(1)
        if connection.execute(newest).scalar() == digest:
            return False
        connection.execute(
            insert(_REVISIONS).values(applied_at=at, applied_by=by, digest=digest, body=body)
        )
        bump_revision(connection)
    return True
