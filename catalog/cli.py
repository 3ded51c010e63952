"""What every command shares, and the commands about the declared catalog."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import click

from catalog.database import connect
from catalog.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def database_option(command: Callable[..., R]) -> Callable[..., R]:
    """Gives a command the option ``--database`` and, as its argument ``engine``, the open store."""

    @click.option(
        "--database",
        metavar="URL",
        help="Where everything is kept. Default: ANDON_DATABASE_URL, else sqlite:///andon.db.",
    )
    @functools.wraps(command)
    def with_engine(*args: Any, database: str | None, **kwargs: Any) -> R:
        engine = connect(database or Settings().database_url)
        try:
            return command(*args, engine=engine, **kwargs)
        finally:
            engine.dispose()

    return with_engine


@contextmanager
def progress(items: Iterable[T], length: int | None, label: str) -> Iterator[Iterable[T]]:
    """Iterate with a bar on standard error, drawn only when that is a terminal."""
    with click.progressbar(
        items, length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        yield bar
