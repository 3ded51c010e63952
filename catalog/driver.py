"""Statements handed to SQLite's driver as they are: a commit of few events has a dozen of them.

SQLAlchemy needs several times as long for one as the database does. PostgreSQL, where each is a
journey to the server, goes through it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def rows(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
    """What a query answers, rows as tuples."""
    raw = _raw(connection)
    if raw is None:
        return connection.exec_driver_sql(statement, tuple(parameters)).all()
    try:
        return raw.execute(statement, parameters).fetchall()
    except sqlite3.Error as error:
        raise _translated(statement, parameters, error) from error


def write_rows(
    connection: Connection, statement: str, parameters: Sequence[tuple[Any, ...]]
) -> None:
    """Execute a statement for each of some rows."""
    raw = _raw(connection)
    if raw is None:
        connection.exec_driver_sql(statement, list(parameters))
        return
    try:
        raw.executemany(statement, parameters)
    except sqlite3.Error as error:
        raise _translated(statement, parameters, error) from error


def _raw(connection: Connection) -> sqlite3.Connection | None:
    if not connection.in_transaction():  # SQLAlchemy begins it with the first statement
        return None
    raw: Any = connection.connection.dbapi_connection
    return raw if isinstance(raw, sqlite3.Connection) else None


def _translated(statement: str, parameters: Any, error: sqlite3.Error) -> BaseException:
    """The same error as SQLAlchemy would raise."""
    return DBAPIError.instance(statement, parameters, error, sqlite3.Error)
