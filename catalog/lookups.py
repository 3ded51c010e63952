"""Reads on the hot path: rows by the values of one column, at the speed of the driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table

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
            # As many marks as a power of two, so that the driver meets few different statements.
            size = 1 << (len(part) - 1).bit_length()
            marks, padding = ", ".join("?" * size), part[-1:] * (size - len(part))
            yield from driver.rows(connection, f"{select} IN ({marks})", (*part, *padding))
