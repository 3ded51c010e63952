"""Reads on the hot path: rows by the values of one column, at the speed of the driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, tuple_

from catalog import driver
from catalog.database import chunks

MOST = 500
"""Values in one statement."""


def rows_where(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    column: str,
    values: Iterable[Any],
) -> Iterator[Sequence[Any]]:
    """Rows in which a column has one of some values; no query at all for none.

    What a query built of SQLAlchemy's own parts costs is more than what the database needs to
    answer it, and a commit of a single event asks a dozen.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    select = f'SELECT {names} FROM "{table.name}" WHERE "{column}"'  # noqa: S608  # our own names
    for part in chunks(values, MOST):
        if connection.dialect.name == "postgresql":
            kind = table.c[column].type.compile(connection.dialect)
            yield from connection.exec_driver_sql(f"{select} = ANY(%b::{kind}[])", (part,))
        else:
            padding = part[-1:] * _missing(part)
            marks = ", ".join("?" * (len(part) + len(padding)))
            yield from driver.rows(connection, f"{select} IN ({marks})", (*part, *padding))


def rows_like(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    keys: Sequence[str],
    values: Iterable[tuple[Any, ...]],
) -> Iterator[Sequence[Any]]:
    """Rows in which several columns together have one of some tuples of values.

    SQLite is told to take these one by one: asked whether tuples are among others, it reads every
    row that has the first value.
    """
    if connection.dialect.name == "postgresql":
        wanted = tuple_(*(table.c[key] for key in keys))
        query = select(*(table.c[name] for name in columns))
        for part in chunks(values, MOST):
            yield from connection.execute(query.where(wanted.in_(part)))
        return
    names = ", ".join(f't."{name}"' for name in columns)
    alike = " AND ".join(f't."{key}" = w.column{i}' for i, key in enumerate(keys, 1))
    marks = f"({', '.join('?' * len(keys))})"
    for part in chunks(values, MOST):
        padding = [(None,) * len(keys)] * _missing(part)  # which is like nothing
        listed = ", ".join([marks] * (len(part) + len(padding)))
        wanted_rows = f"(VALUES {listed}) AS w"
        statement = f'SELECT {names} FROM {wanted_rows} CROSS JOIN "{table.name}" AS t ON {alike}'  # noqa: S608  # our own names
        yield from driver.rows(connection, statement, [v for row in (*part, *padding) for v in row])


def _missing(part: Sequence[object]) -> int:
    """To a power of two, so that the driver meets few different statements."""
    return (1 << (len(part) - 1).bit_length()) - len(part)
