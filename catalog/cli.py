"""What every command shares, and the commands about the declared catalog."""

from __future__ import annotations

import functools
import getpass
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Engine

from catalog.database import connect, present
from catalog.engines import require_store
from catalog.formats import json_schema, read_catalog
from catalog.moments import read_instant
from catalog.settings import Settings
from catalog.store import apply_catalog

R = TypeVar("R")
T = TypeVar("T")


WHEN_OPENED: list[Callable[[Engine], None]] = []
"""What other packages do to a store before a command works on it."""


def database_option(
    command: Callable[..., R], *, as_it_is: bool = False, makes_one: bool = False
) -> Callable[..., R]:
    """Gives a command the option ``--database`` and, as its argument ``engine``, the open store.

    Args:
        command: The function behind it.
        makes_one: Whether it may be the first to open the store, and makes it then.
        as_it_is: Whether ``WHEN_OPENED`` is left out: it can do with a store that waits for it.
    """

    @click.option(
        "--database",
        metavar="URL",
        help="Where everything is kept. Default: ANDON_DATABASE_URL, else sqlite:///andon.db.",
    )
    @functools.wraps(command)
    def with_engine(*args: Any, database: str | None, **kwargs: Any) -> R:
        url = database or Settings().database_url
        if not makes_one:
            require_store(url)
        engine = connect(url)
        try:
            for prepare in () if as_it_is else WHEN_OPENED:
                prepare(engine)
            return command(*args, engine=engine, **kwargs)
        finally:
            engine.dispose()

    return with_engine


class Instant(click.ParamType[datetime]):
    """A date, meaning its last instant, or a date and time; UTC unless it says otherwise."""

    name = "T"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it, or say what was expected."""
        if isinstance(value, datetime):
            return value
        found = read_instant(str(value))
        if found is None:
            self.fail(
                f'"{value}" is no time, expected one such as 2026-11-20 or 2026-11-20T06:00:00Z.',
                param,
                ctx,
            )
        return found


@contextmanager
def progress(items: Iterable[T], length: int | None, label: str) -> Iterator[Iterable[T]]:
    """Iterate with a bar on standard error, drawn only when that is a terminal."""
    with click.progressbar(
        items, length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        yield bar


def show_steps(steps: Iterable[int], total: int, label: str) -> int:
    """Go through steps that tell how much each did, with a bar; answers with how much it was."""
    done = 0
    with progress(range(total), total, label) as shown:
        bar = iter(shown)
        for did in steps:
            done += did
            for _ in range(did):
                next(bar, None)
    return done


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@functools.partial(database_option, makes_one=True)
def apply(folder: Path, engine: Engine) -> None:
    """Make the declared catalog in a folder the one in force.

    All of it is checked first and applied in one transaction; a second apply changes nothing.

    Example: andon apply governance/
    """
    catalog = read_catalog(folder)
    changed = apply_catalog(engine, catalog, f"person:{getpass.getuser()}", present(engine))
    counts = {
        "environment rules": len(catalog.environments),
        "zone rules": len(catalog.zones),
        "teams": len(catalog.teams),
        "pipelines": len(catalog.pipelines),
        "asset entries": len(catalog.assets),
    }
    told = ", ".join(f"{n} {what}" for what, n in counts.items())
    click.echo(f"{'Applied' if changed else 'In force already'}: {told}.")


@click.command()
def schema() -> None:
    """Print the JSON Schema of a declared catalog's files, for editors.

    Example: andon schema > catalog.schema.json
    """
    click.echo(json.dumps(json_schema(), indent=2))


commands: list[click.Command] = [apply, schema]
