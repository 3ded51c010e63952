"""The declared catalog in the store: every revision that was ever applied, each a link."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, Engine, Text, cast, func, insert, select

from catalog import chain
from catalog.database import bump_revision, next_id, table_of, writing
from catalog.model import Catalog
from catalog.moments import microseconds
from catalog.tables import RevisionRow

LINKED = "catalog"
"""The kind of link that covers applied catalogs."""

_REVISIONS = table_of(RevisionRow)


def load_catalog(
    engine: Engine, as_of: datetime | None = None, known_at: datetime | None = None
) -> Catalog:
    """The catalog in force at ``as_of`` (now, if not given); empty if none was ever applied.

    The first ever applied also holds for all time before it. With ``known_at`` only what had been
    applied by then counts.
    """
    applied = select(_REVISIONS.c.body, _REVISIONS.c.applied_at, _REVISIONS.c.applied_by)
    if known_at is not None:
        applied = applied.where(_REVISIONS.c.applied_at <= known_at)
    newest = applied.order_by(_REVISIONS.c.id.desc())
    with engine.connect() as connection:
        found = connection.execute(
            newest if as_of is None else newest.where(_REVISIONS.c.applied_at <= as_of)
        ).first()
        if found is None:
            found = connection.execute(applied.order_by(_REVISIONS.c.id)).first()
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
        chain.hold(connection)
        newest = select(_REVISIONS.c.digest).order_by(_REVISIONS.c.id.desc()).limit(1)
        if connection.execute(newest).scalar() == digest:
            return False
        row = next_id(connection, _REVISIONS)
        connection.execute(
            insert(_REVISIONS).values(
                id=row, applied_at=at, applied_by=by, digest=digest, body=body
            )
        )
        content = catalog_content(connection, row, row)
        chain.append_link(connection, LINKED, row, row, content, at=microseconds(at))
        bump_revision(connection)
    return True


def catalog_content(connection: Connection, first: int, last: int) -> bytes:
    """SHA-256 of the applied catalogs first..last, as their links hold it.

    Of each its number, when (UTC, ``2026-11-20 06:00:00.123456``), by whom, digest and body, each
    after its length in bytes (8 bytes, big-endian).
    """
    at = _REVISIONS.c.applied_at
    # As SQLite stores it, so that no other spelling of the same instant passes for it.
    is_postgresql = connection.dialect.name == "postgresql"
    shown = (
        func.to_char(func.timezone("UTC", at), "YYYY-MM-DD HH24:MI:SS.US")
        if is_postgresql
        else cast(at, Text)
    )
    rows = connection.execute(
        select(
            cast(_REVISIONS.c.id, Text),
            shown,
            cast(_REVISIONS.c.applied_by, Text),
            cast(_REVISIONS.c.digest, Text),
            _REVISIONS.c.body,
        )
        .where(_REVISIONS.c.id.between(first, last))
        .order_by(_REVISIONS.c.id)
    )
    content = hashlib.sha256()
    for *texts, body in rows:
        for part in (*(text.encode() for text in texts), body):
            content.update(len(part).to_bytes(8, "big") + part)
    return content.digest()


LINKED_ROWS = chain.Rows(catalog_content, _REVISIONS.c.id)
"""What ``chain.verify`` looks at for applied catalogs."""
