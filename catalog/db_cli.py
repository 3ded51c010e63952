"""Commands about the store itself: db upgrade, check, backup, restore."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NoReturn

import click
from sqlalchemy import Engine

from catalog.cli import WHEN_OPENED, database_option
from catalog.database import (
    connect,
    get_meta,
    is_current,
    needs_rebuild,
    set_meta,
    writing,
)
from catalog.engines import file_of, one_line, open_engine, shown
from catalog.errors import UserError
from catalog.settings import Settings

url_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--database",
    "url",
    metavar="URL",
    default=lambda: Settings().database_url,
    help="Where everything is kept. Default: ANDON_DATABASE_URL, else sqlite:///andon.db.",
)
force_option = partial(click.option, "--force", "is_forced", is_flag=True)


@click.group()
def db() -> None:
    """The store itself: brought up to date, checked, copied and put back."""


@db.command()
@partial(database_option, makes_one=True)
def upgrade(engine: Engine) -> None:
    """Bring the store to the form that this version needs, and derive again what must be.

    Every command does so when it opens a store; this one does nothing else.

    Example: andon db upgrade
    """
    click.echo(f"Up to date: {shown(str(engine.url))}.")


@db.command()
@url_option
@click.pass_context
def check(ctx: click.Context, url: str) -> None:
    """Say whether the store is whole and up to date, changing nothing.

    Exits with 0 if it is, and with 1 if it is damaged, or of another version. Whether what was
    stored is still as it was stored says: andon audit verify.

    Example: andon db check
    """
    engine = open_engine(url)
    try:
        if engine.dialect.name == "sqlite":
            damage = _damage(file_of(engine))
            if damage is not None:
                click.echo(f"Damaged: {damage}. Put a backup in its place: andon db restore FILE.")
                ctx.exit(1)
        if not is_current(engine):
            click.echo("Of another version: run andon db upgrade.")
            ctx.exit(1)
        if needs_rebuild(engine):
            click.echo("Waits to be derived again: run andon db upgrade.")
            ctx.exit(1)
        click.echo(f"Whole and up to date: {shown(url)}.")
    finally:
        engine.dispose()


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@force_option(help="Overwrite FILE if it exists.")
@url_option
def backup(file: Path, url: str, is_forced: bool) -> None:
    """Copy the store as it is at this moment into a file, also while it is served.

    Example: andon db backup /backups/andon-2026-11-21.db
    """
    engine = open_engine(url)
    if engine.dialect.name == "postgresql":
        _refuse("backed up", f"pg_dump --format=custom --file={file}")
    source = file_of(engine)
    if file.exists() and not is_forced:
        raise UserError(f'"{file}" exists already. Give another name, or --force to overwrite it.')
    partial_file = file.with_name(f".{file.name}.partial")
    try:
        partial_file.unlink(missing_ok=True)
        _copy(source, partial_file)
        with partial_file.open("rb+") as written:
            os.fsync(written.fileno())
        partial_file.replace(file)
    except (OSError, sqlite3.Error) as error:
        partial_file.unlink(missing_ok=True)
        raise UserError(
            f'"{source}" cannot be copied to "{file}": {one_line(error)}. '
            "Check that the folder exists, may be written to and has room."
        ) from error
    click.echo(f"{file.stat().st_size:,} bytes in {file}.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@force_option(help="Replace everything that the store holds.")
@url_option
def restore(file: Path, url: str, is_forced: bool) -> None:
    """Put a backup in the place of the store.

    Processes that serve the store meanwhile go on with what it holds then.

    Example: andon db restore /backups/andon-2026-11-21.db
    """
    engine = open_engine(url)
    if engine.dialect.name == "postgresql":
        _refuse("restored", f"pg_restore --clean --if-exists {file}")
    if not file.exists():
        raise UserError(f'there is no "{file}". Give a file that andon db backup made.')
    damage = _damage(file)
    if damage is not None:
        raise UserError(f'"{file}" is no whole backup: {damage}. Give another one.')
    target = Path(engine.url.database or "")
    is_there = target.exists() and target.stat().st_size > 0
    if is_there and not is_forced:
        raise UserError(
            f'the store "{target}" is there already; --force replaces all that it holds. '
            "Back it up first: andon db backup FILE."
        )
    try:
        if is_there and _damage(target) is not None:
            for ending in ("", "-wal", "-shm"):
                Path(f"{target}{ending}").unlink(missing_ok=True)
        before = _counters(url) if target.exists() else {}
        _copy(file, target)
    except (OSError, sqlite3.Error) as error:
        raise UserError(
            f'"{target}" cannot be written: {one_line(error)}. '
            "Check that its folder exists, may be written to and has room."
        ) from error
    _announce(url, before)
    click.echo(f"Restored: {shown(url)}.")


def _refuse(what: str, how: str) -> NoReturn:
    raise UserError(f"PostgreSQL is {what} with its own tools, such as: {how} --dbname=URL.")


def _damage(file: Path) -> str | None:
    """What is wrong with a file that should be a store."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            (found,) = opened.execute("PRAGMA quick_check(1)").fetchone()
            opened.execute("SELECT count(*) FROM catalog_meta")
    except sqlite3.Error as error:
        return one_line(error)
    return None if found == "ok" else str(found)


def _copy(source: Path, target: Path) -> None:
    """All of a database in one step, so that no writer can come between its parts."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _counters(url: str) -> dict[str, int]:
    engine = connect(url)
    with engine.connect() as connection:
        found = {name: get_meta(connection, name) for name in ("revision", "epoch")}
    engine.dispose()
    return found


def _announce(url: str, before: Mapping[str, int]) -> None:
    """Let every process that has the store open forget what it knew of the one before."""
    engine = connect(url)
    with writing(engine) as connection:
        set_meta(connection, "writer", 0)
        for name in ("revision", "epoch"):
            value = max(before.get(name, 0), get_meta(connection, name))
            set_meta(connection, name, value + 1)
    for prepare in WHEN_OPENED:
        prepare(engine)
    engine.dispose()


commands: list[click.Command] = [db]
