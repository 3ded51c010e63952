"""Opens SQLite and PostgreSQL by URL, and tells each what we expect of it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from catalog.errors import UserError

WRITES = "andon_writes"
"""Execution option of a connection that is going to write."""

PATIENCE_MS = 2500
"""How long a statement waits for what another transaction holds: senders give up after 5 s."""

_PASSWORD = re.compile(r"(://[^/:@]*:).*(@)")
"""In a URL that may be too broken to be taken apart, up to the last @: a password may hold one."""

_DRIVERS = ("pysqlite", "psycopg")
_LOCKED = "55P03"
"""What PostgreSQL answers when a lock was not to be had in time."""

_REACHED = {
    "connect_timeout": "3",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""How long a server that is gone is waited for; what the URL says goes before."""

# A client that vanished must not hold the write lock for hours, either; and an answer must mean
# that the event is on the disk even where the server was told to hurry. One that waits for its
# replicas as well keeps doing so.
_SESSION = f"""
SELECT set_config('TimeZone', 'UTC', false),
       set_config('lock_timeout', '{PATIENCE_MS}', false),
       set_config('tcp_keepalives_idle', '10', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false),
       set_config('synchronous_commit', CASE kept WHEN 'off' THEN 'on' ELSE kept END, false)
  FROM current_setting('synchronous_commit') AS kept
"""  # noqa: S608  # our own number


def open_engine(url: str) -> Engine:
    """The engine behind an SQLAlchemy URL; nothing is opened yet.

    Raises:
        UserError: The URL is malformed or names what we cannot use, or its driver is missing.
    """
    try:
        engine = _engine(make_url(url))
    except ImportError as error:
        raise UserError(
            f'database "{shown(url)}" needs a driver that cannot be loaded: {one_line(error)}. '
            'Install it with: pip install "psycopg[binary]".'
        ) from error
    except (ArgumentError, ValueError) as error:
        raise UserError(_unusable(url, one_line(error))) from error
    if "@" in (engine.url.host or ""):  # the driver would tell the rest of the password
        raise UserError(_unusable(url, 'its host holds an "@", which a password writes %40'))
    if engine.driver not in _DRIVERS:
        raise UserError(_unusable(url, f'"{engine.dialect.name}+{engine.driver}" is not supported'))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        event.listen(engine, "connect", _postgresql_connect)
        event.listen(engine, "begin", _postgresql_begin)
    return engine


def require_store(url: str) -> None:
    """Refuse to go on where no store was ever made: a mistyped name must not become an empty one.

    Raises:
        UserError: It would be a file of SQLite's, and there is none.
    """
    engine = open_engine(url)
    if engine.dialect.name == "sqlite":
        file_of(engine)
    engine.dispose()


def file_of(engine: Engine) -> Path:
    """The file of an SQLite store.

    Raises:
        UserError: There is none.
    """
    name = engine.url.database
    if not name or not Path(name).is_file():
        raise UserError(
            f'there is no store at "{shown(str(engine.url))}". Set --database or '
            "ANDON_DATABASE_URL to one; andon serve, ingest and apply make one."
        )
    return Path(name)


def shown(url: str) -> str:
    """A URL as it may be shown."""
    return _PASSWORD.sub(r"\1***\2", url)


def one_line(error: BaseException) -> str:
    """What a driver says, which may be many lines, as one."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(cause).split())


def is_locked(error: DBAPIError) -> bool:
    """Whether another transaction holds what was needed, so that it is worth coming again."""
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        )
    return getattr(error.orig, "sqlstate", None) == _LOCKED


def release(connection: Connection) -> None:
    """Give back the memory of pages that a long read has left behind.

    SQLite keeps them with the connection, 64 MB of them, and drops them unused at the next read if
    anybody has written meanwhile.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA shrink_memory")


def _unusable(url: str, why: str) -> str:
    return (
        f'database "{shown(url)}" cannot be used: {why}. Expected an SQLAlchemy URL such as '
        "sqlite:///andon.db or postgresql://user:password@host/andon; "
        "set --database or ANDON_DATABASE_URL."
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "postgresql":
        return create_engine(url)
    reached = {name: value for name, value in _REACHED.items() if name not in url.query}
    # A connection may have died since it was last used: a server restarts, a proxy forgets.
    return create_engine(url, pool_pre_ping=True, connect_args=reached)


def _sqlite_connect(dbapi: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: BEGIN is ours, so that a writer takes its
    # lock at once instead of failing half-way when a reader turns into a writer.
    dbapi.isolation_level = None
    cursor = dbapi.cursor()
    cursor.execute("PRAGMA page_size = 8192")
    cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA wal_autocheckpoint = 4000")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_connect(dbapi: Any, _record: Any) -> None:
    dbapi.autocommit = True
    dbapi.execute(_SESSION)
    dbapi.autocommit = False


def _postgresql_begin(connection: Connection) -> None:
    from psycopg import IsolationLevel

    # A reader sees one state to its end, as on SQLite. A writer waits for the others and must then
    # see what they did.
    writes = connection.get_execution_options().get(WRITES)
    dbapi: Any = connection.connection.dbapi_connection
    dbapi.isolation_level = (
        IsolationLevel.READ_COMMITTED if writes else IsolationLevel.REPEATABLE_READ
    )
    dbapi.read_only = not writes
