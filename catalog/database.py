"""The connection to the one database, and the schema in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import DatabaseError
from sqlmodel import SQLModel

from catalog import driver
from catalog.engines import WRITES, is_locked, one_line, open_engine, shown
from catalog.errors import UserError
from catalog.migrate import is_migrated, migrate
from catalog.tables import MetaRow

DERIVED_VERSION = 5
"""Version of all derived tables; another number in the store means they must be refilled."""

T = TypeVar("T")

_LOCK = 0x77726974  # "writ", our number among PostgreSQL's advisory locks

_PATIENCE_S = 15.0
"""How long whoever opens a store waits for others who bring it up to date."""

_DIGEST = 'sha256("{}")'
_TEXT_DIGEST = r"""sha256(decode(replace("{}", '\', '\\'), 'escape'))"""
"""What stands for long values in PostgreSQL's unique indexes, which refuse some kilobytes."""


def connect(url: str) -> Engine:
    """Open the store at an SQLAlchemy URL, bringing its schema up to date.

    Kept tables are migrated with Alembic; derived ones are made anew when their version differs,
    and then ``needs_rebuild`` answers true.

    Raises:
        UserError: The URL is malformed, names an unknown database, or nothing can be opened there.
    """
    engine = open_engine(url)
    patient_until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if not is_current(engine):  # what is needs no lock, so no writer keeps us waiting
                with writing(engine) as connection:
                    migrate(connection)
                    _derive(connection)
        except DatabaseError as error:
            if is_locked(error) and time.monotonic() < patient_until:
                time.sleep(0.05)  # somebody else brings it up to date
                continue
            raise UserError(
                f'database "{shown(url)}" cannot be opened: {one_line(error)}. '
                "Check that it is there, that it may be written to, and that it is a database."
            ) from error
        return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed at the end, rolled back on any error.

    There is one at a time: SQLite sees to it by itself, PostgreSQL by a lock that all of us take.
    """
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def table_of(row: type[SQLModel]) -> Table:
    """The table behind a row class, for statements that skip the ORM."""
    return cast(Table, row.__table__)  # type: ignore[attr-defined]  # set by SQLModel's metaclass


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows at the speed of the driver; values stand in the order of the columns."""
    upsert_rows(connection, table, (), columns, rows)


def upsert_rows(
    connection: Connection,
    table: Table,
    keys: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Insert many rows at the speed of the driver, or overwrite the columns beside the keys.

    ``keys`` are the columns of a primary key or unique constraint; without any, a row that is there
    already is an error. Of rows with one key the last counts.
    """
    if not rows:
        return
    is_postgresql = connection.dialect.name == "postgresql"
    dialect = connection.dialect if is_postgresql else None
    statement = _upsert(table, tuple(keys), tuple(columns), dialect)
    if is_postgresql:  # one statement, with a column of all rows in each parameter
        if keys:  # and it refuses to change one row twice
            places = [columns.index(key) for key in keys]
            rows = list({tuple(row[i] for i in places): row for row in rows}.values())
        connection.exec_driver_sql(statement, tuple(map(list, zip(*rows, strict=True))))
    else:
        driver.write_rows(connection, statement, rows)


@lru_cache(256)
def _upsert(
    table: Table, keys: tuple[str, ...], columns: tuple[str, ...], postgresql: Dialect | None
) -> str:
    """The statement, for PostgreSQL's dialect or else for SQLite."""
    names = ", ".join(f'"{c}"' for c in columns)
    if postgresql:
        arrays = ", ".join(f"%b::{table.c[c].type.compile(postgresql)}[]" for c in columns)
        rows = f"SELECT * FROM unnest({arrays})"  # noqa: S608  # our own names
    else:
        rows = f"VALUES ({', '.join('?' * len(columns))})"
    conflict = ""
    if keys:
        target = ", ".join(_indexed(table, key) if postgresql else f'"{key}"' for key in keys)
        changed = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in keys)
        conflict = f" ON CONFLICT ({target}) DO {f'UPDATE SET {changed}' if changed else 'NOTHING'}"
    return f'INSERT INTO "{table.name}" ({names}) {rows}{conflict}'  # our own names


def chunks(values: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """Values a few hundred at a time: as many as one statement may name in any database."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def next_id(connection: Connection, table: Table) -> int:
    """The first unused number of a table whose rows are numbered by their one writer."""
    return int(connection.execute(select(func.max(table.c.id))).scalar() or 0) + 1


def derived_tables() -> list[Table]:
    """Tables that can be dropped and refilled from what is kept."""
    return [t for t in SQLModel.metadata.sorted_tables if not t.info.get("kept")]


def reset_derived(connection: Connection) -> None:
    """Empty every derived table, and tell other processes to forget what they knew."""
    is_same = get_meta(connection, "derived_version") == DERIVED_VERSION
    if is_same and connection.dialect.name == "postgresql":
        # Not dropped: everybody who reads would wait until this transaction ends.
        for table in reversed(derived_tables()):
            connection.execute(delete(table))
    else:
        SQLModel.metadata.drop_all(connection, tables=derived_tables())
        _create_derived(connection)
        set_meta(connection, "derived_version", DERIVED_VERSION)
    set_meta(connection, "epoch", get_meta(connection, "epoch") + 1)


def is_current(engine: Engine) -> bool:
    """Whether the store has the form that this version needs, so that nothing is to be made."""
    with engine.connect() as connection:
        return (
            is_migrated(connection)
            and get_meta(connection, "derived_version") == DERIVED_VERSION
            and {t.name for t in derived_tables()} <= set(inspect(connection).get_table_names())
        )


def needs_rebuild(engine: Engine) -> bool:
    """Whether derived tables were emptied and wait to be refilled from the log."""
    with engine.connect() as connection:
        return get_meta(connection, "needs_rebuild") == 1


def get_meta(connection: Connection, key: str) -> int:
    """A named number of the store; 0 if it was never set."""
    found = connection.execute(select(_META.c.value).where(_META.c.key == key)).scalar()
    return int(found or 0)


def read_meta(connection: Connection) -> dict[str, int]:
    """Every named number of the store."""
    return dict(driver.rows(connection, "SELECT key, value FROM catalog_meta"))


def set_meta(connection: Connection, key: str, value: int) -> None:
    """Set a named number of the store."""
    upsert_rows(connection, _META, ("key",), ("key", "value"), [(key, value)])


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
        _create_derived(connection)
        return
    reset_derived(connection)
    if version:
        set_meta(connection, "needs_rebuild", 1)


def _create_derived(connection: Connection) -> None:
    tables = derived_tables()
    by_digest = [found for table in tables for found in _long_keys(table)]
    for constraint, _ in by_digest:
        constraint.ddl_if(dialect="sqlite")
    SQLModel.metadata.create_all(connection, tables=tables)
    if connection.dialect.name == "postgresql":
        for _, indexes in by_digest:
            for index in indexes:
                connection.exec_driver_sql(index)


def _long_keys(table: Table) -> Iterator[tuple[PrimaryKeyConstraint | UniqueConstraint, list[str]]]:
    """Constraints over long values, and the indexes that PostgreSQL has in their place."""
    for constraint in table.constraints:
        if not isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            continue
        long = [c.name for c in constraint.columns if _is_long(table, c.name)]
        if long:
            named = f"{table.name}_{long[-1]}"
            parts = ", ".join(_indexed(table, c.name) for c in constraint.columns)
            create = 'CREATE {}INDEX IF NOT EXISTS "{}" ON "{}"'
            indexes = [f"{create.format('UNIQUE ', f'uq_{named}', table.name)} ({parts})"]
            if isinstance(constraint, UniqueConstraint):  # rows are looked up by such a value
                place = create.format("", f"ix_{named}", table.name)
                indexes.append(f'{place} USING hash ("{long[-1]}")')
            yield constraint, indexes


def _is_long(table: Table, column: str) -> bool:
    return isinstance(table.c[column].type, Text) or bool(table.c[column].info.get("long"))


def _indexed(table: Table, column: str) -> str:
    """How a column of a key stands in PostgreSQL's unique index."""
    if table.info.get("kept") or not _is_long(table, column):
        return f'"{column}"'
    is_text = isinstance(table.c[column].type, Text)
    return f"({(_TEXT_DIGEST if is_text else _DIGEST).format(column)})"


_META = table_of(MetaRow)
