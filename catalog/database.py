"""The connection to the one database, and the schema in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlmodel import SQLModel

from catalog.errors import UserError
from catalog.migrate import migrate
from catalog.tables import MetaRow

DERIVED_VERSION = 2
"""Version of all derived tables; another number in the store means they must be refilled."""

T = TypeVar("T")

_WRITES = "andon_writes"
_LOCK = 0x77726974  # "writ", our number among PostgreSQL's advisory locks

_PASSWORD = re.compile(r"(://[^/:@]*:).*(@)")
"""In a URL that may be too broken to be taken apart, up to the last @: a password may hold one."""


def connect(url: str) -> Engine:
    """Open the store at an SQLAlchemy URL, bringing its schema up to date.

    Kept tables are migrated with Alembic; derived ones are made anew when their version differs,
    and then ``needs_rebuild`` answers true.

    Raises:
        UserError: The URL is malformed, names an unknown database, or nothing can be opened there.
    """
    shown = _PASSWORD.sub(r"\1***\2", url)
    try:
        engine = create_engine(make_url(url))
    except (ArgumentError, ModuleNotFoundError, ValueError) as error:
        raise UserError(
            f'database "{shown}" cannot be used: {error}. Expected an SQLAlchemy URL '
            "such as sqlite:///andon.db; set --database or ANDON_DATABASE_URL."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    try:
        with writing(engine) as connection:
            migrate(connection)
            _derive(connection)
    except DatabaseError as error:
        raise UserError(
            f'database "{engine.url}" cannot be opened: {error.orig}. '
            "Check that the folder exists, may be written to, and that this is a database."
        ) from error
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed at the end, rolled back on any error.

    There is one at a time: SQLite sees to it by itself, PostgreSQL by a lock that all of us take.
    """
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def table_of(row: type[SQLModel]) -> Table:
    """The table behind a row class, for statements that skip the ORM."""
    return cast(Table, row.__table__)  # type: ignore[attr-defined]  # set by SQLModel's metaclass


def upsert(
    connection: Connection, table: Table, keys: Sequence[str], rows: Sequence[dict[str, Any]]
) -> None:
    """Insert rows, or overwrite every given column where the key is there already.

    ``keys`` are the columns of a primary key or unique constraint; all rows have the same columns.
    """
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    changed = {c: statement.excluded[c] for c in rows[0] if c not in keys}
    if changed:
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    connection.execute(statement, list(rows))


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert many rows at the speed of the driver; values stand in the order of the columns."""
    if rows:
        connection.exec_driver_sql(_insert(connection, table, columns), [tuple(r) for r in rows])


def upsert_rows(
    connection: Connection,
    table: Table,
    keys: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> None:
    """Insert many rows at the speed of the driver, or overwrite the columns beside the keys."""
    if not rows:
        return
    changed = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in keys)
    action = f"UPDATE SET {changed}" if changed else "NOTHING"
    conflict = f" ON CONFLICT ({', '.join(keys)}) DO {action}"
    connection.exec_driver_sql(
        _insert(connection, table, columns) + conflict, [tuple(r) for r in rows]
    )


def chunks(values: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """Values a few hundred at a time: as many as one statement may name in any database."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def _insert(connection: Connection, table: Table, columns: Sequence[str]) -> str:
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    names = ", ".join(f'"{c}"' for c in columns)
    marks = ", ".join([mark] * len(columns))
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608  # our own names


def next_id(connection: Connection, table: Table) -> int:
    """The first unused number of a table whose rows are numbered by their one writer."""
    return int(connection.execute(select(func.max(table.c.id))).scalar() or 0) + 1


def derived_tables() -> list[Table]:
    """Tables that can be dropped and refilled from what is kept."""
    return [t for t in SQLModel.metadata.sorted_tables if not t.info.get("kept")]


def reset_derived(connection: Connection) -> None:
    """Drop and make anew every derived table, and tell other processes to forget what they knew."""
    SQLModel.metadata.drop_all(connection, tables=derived_tables())
    SQLModel.metadata.create_all(connection, tables=derived_tables())
    set_meta(connection, "derived_version", DERIVED_VERSION)
    set_meta(connection, "epoch", get_meta(connection, "epoch") + 1)


def needs_rebuild(engine: Engine) -> bool:
    """Whether derived tables were emptied and wait to be refilled from the log."""
    with engine.connect() as connection:
        return get_meta(connection, "needs_rebuild") == 1


def get_meta(connection: Connection, key: str) -> int:
    """A named number of the store; 0 if it was never set."""
    found = connection.execute(select(_META.c.value).where(_META.c.key == key)).scalar()
    return int(found or 0)


def set_meta(connection: Connection, key: str, value: int) -> None:
    """Set a named number of the store."""
    changed = connection.execute(update(_META).where(_META.c.key == key).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(_META).values(key=key, value=value))


def bump_revision(connection: Connection) -> None:
    """Move the revision on: something that people can see has changed in this transaction."""
    set_meta(connection, "revision", get_meta(connection, "revision") + 1)


def revision(engine: Engine) -> int:
    """The counter that moves with everything that people can see."""
    with engine.connect() as connection:
        return get_meta(connection, "revision")


def present(engine: Engine) -> datetime:
    """The instant that this store calls now, UTC: the clock's, less what the sample company set.

    For doors only (commands, worker, pages); everything below them is handed an instant.
    """
    with engine.connect() as connection:
        behind = get_meta(connection, "clock_behind_us")
    return datetime.now(UTC) - timedelta(microseconds=behind)


def _derive(connection: Connection) -> None:
    version = get_meta(connection, "derived_version")
    if version == DERIVED_VERSION:
        SQLModel.metadata.create_all(connection, tables=derived_tables())
        return
    reset_derived(connection)
    if version:
        set_meta(connection, "needs_rebuild", 1)


def _sqlite_connect(dbapi: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: BEGIN is ours, so that a writer takes its
    # lock at once instead of failing half-way when a reader turns into a writer.
    dbapi.isolation_level = None
    cursor = dbapi.cursor()
    cursor.execute("PRAGMA page_size = 8192")
    cursor.execute("PRAGMA busy_timeout = 2500")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA wal_autocheckpoint = 4000")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_META = table_of(MetaRow)
