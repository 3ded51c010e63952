"""Commands about what is removed by age: retention show, plan, apply."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import click
from sqlalchemy import Engine

from catalog.cli import database_option, progress
from catalog.database import present
from catalog.errors import UserError
from catalog.moments import microseconds, moment, written
from catalog.settings import Settings
from lineage import removals
from lineage.loose import drop
from lineage.retention import LONGEST_DAYS, Limit, Planned, Sum, plan, remove

days_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--days",
    type=click.IntRange(1, LONGEST_DAYS),
    help="Keep so many days. Default: ANDON_KEEP_SUPERSEDED_DAYS.",
)
json_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document."
)


@click.group()
def retention() -> None:
    """What is removed by age: nothing, unless a setting or a person says so."""


@retention.command()
@json_option
@database_option
def show(as_json: bool, engine: Engine) -> None:
    """Tell what is set, and what was removed so far.

    Example: andon retention show
    """
    days = Settings().keep_superseded_days
    with engine.connect() as connection:
        found = removals.removed(connection)
    if as_json:
        click.echo(json.dumps({"keep_superseded_days": days, "removed": _json(found)}))
        return
    if days:
        click.echo(f"Events that later ones of their run say again are kept for {days} days.")
    else:
        click.echo("Nothing is removed by itself: ANDON_KEEP_SUPERSEDED_DAYS is 0.")
    if found is None:
        click.echo("Nothing was removed so far.")
        return
    click.echo(f"{found.events:,} events, {found.bytes:,} bytes were removed so far.")
    click.echo(f"The last ones on {found.last_at:%Y-%m-%d %H:%M} UTC, by {found.removed_by}.")
    click.echo(f"Every instant from {found.until:%Y-%m-%d %H:%M} UTC on is known exactly.")


@retention.command("plan")
@days_option
@json_option
@database_option
def plan_(days: int | None, as_json: bool, engine: Engine) -> None:
    """Say what would be removed now, and remove nothing.

    Example: andon retention plan --days 90
    """
    limit = _limit(days)
    until = limit.until(present(engine))
    found = _sum(plan(engine, until), "Looking")
    _tell(found, until, "would be removed", as_json=as_json)


@retention.command("apply")
@days_option
@json_option
@database_option
def apply_(days: int | None, as_json: bool, engine: Engine) -> None:
    """Remove it, also while the store is served. Each removal is an entry of the hash chain.

    Example: andon retention apply --days 90
    """
    limit = _limit(days)
    now = present(engine)
    found = _sum(remove(engine, limit, now), "Removing")
    # What they alone referred to may be much more; how much shows only when all is gone.
    found = replace(found, bytes=found.bytes + sum(drop(engine)))
    _tell(found, limit.until(now), "removed", as_json=as_json)


def _limit(days: int | None) -> Limit:
    keep_days = days or Settings().keep_superseded_days
    if not keep_days:
        raise UserError(
            "everything is kept for ever: ANDON_KEEP_SUPERSEDED_DAYS is 0. "
            "Set it, or say how many days with --days."
        )
    return Limit(keep_days, f"person:{getpass.getuser()}")


def _sum(steps: Iterable[Planned], label: str) -> Sum:
    found = Sum()
    with progress(steps, None, label) as shown:
        for planned in shown:
            found = found.plus(planned)
    return found


def _tell(found: Sum, until: int, what: str, *, as_json: bool) -> None:
    if as_json:
        spans = {"received": found.received, "happened": found.happened}
        told = {
            name: span and [written(microseconds(end)) for end in span]
            for name, span in spans.items()
        }
        limit = written(until)
        click.echo(
            json.dumps({"events": found.events, "bytes": found.bytes, "until": limit, **told})
        )
        return
    if found.received is None or found.happened is None:
        click.echo(f"Nothing to remove before {moment(until):%Y-%m-%d %H:%M} UTC.")
        return
    click.echo(f"{found.events:,} events, {found.bytes:,} bytes {what}:")
    for name, (first, last) in (("received", found.received), ("happened", found.happened)):
        click.echo(f"{name} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC")


def _json(found: removals.Removed | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "events": found.events,
        "bytes": found.bytes,
        "last_at": written(microseconds(found.last_at)),
        "until": written(microseconds(found.until)),
        "removed_by": found.removed_by,
    }


commands: list[click.Command] = [retention]
