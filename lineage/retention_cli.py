"""Commands about what is removed and summed up by age: retention show, plan, apply."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import click
from sqlalchemy import Engine

from catalog.cli import database_option, progress
from catalog.database import present
from catalog.errors import UserError
from catalog.moments import microseconds, moment, written
from catalog.settings import LEAST_RUN_DAYS, Settings
from lineage import removals, run_days, summing
from lineage.loose import drop
from lineage.retention import LONGEST_DAYS, Limit, Planned, Sum, plan, remove

days_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--days",
    type=click.IntRange(1, LONGEST_DAYS),
    help="Keep so many days. Default: ANDON_KEEP_SUPERSEDED_DAYS.",
)
runs_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--runs-days",
    type=click.IntRange(LEAST_RUN_DAYS, LONGEST_DAYS),
    help="Keep runs one by one for so many days. Default: ANDON_ROLL_UP_RUNS_DAYS.",
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
    settings = Settings()
    days, runs_days = settings.keep_superseded_days, settings.roll_up_runs_days
    with engine.connect() as connection:
        found = removals.removed(connection)
        summed = run_days.summed(connection)
    if as_json:
        told = {"keep_superseded_days": days, "roll_up_runs_days": runs_days}
        click.echo(json.dumps({**told, "removed": _json(found), "summed_up_runs": summed.runs}))
        return
    if days:
        click.echo(f"Events that later ones of their run say again are kept for {days} days.")
    if runs_days:
        click.echo(f"Runs are kept one by one for {runs_days} days, and summed up by day after.")
    if not days and not runs_days:
        click.echo(
            "Nothing is removed by itself: ANDON_KEEP_SUPERSEDED_DAYS and ANDON_ROLL_UP_RUNS_DAYS "
            "are 0."
        )
    if found is None:
        click.echo("Nothing was removed so far.")
        return
    click.echo(f"{found.events:,} events, {found.bytes:,} bytes were removed so far.")
    if summed.runs:
        click.echo(f"{summed.runs:,} runs are summed up by day, {summed.failed:,} of them failed.")
    click.echo(f"The last ones on {found.last_at:%Y-%m-%d %H:%M} UTC, by {found.removed_by}.")
    click.echo(f"Every instant from {found.until:%Y-%m-%d %H:%M} UTC on is known exactly.")


@retention.command("plan")
@days_option
@runs_option
@json_option
@database_option
def plan_(days: int | None, runs_days: int | None, as_json: bool, engine: Engine) -> None:
    """Say what would be removed and summed up now, and do neither.

    Example: andon retention plan --days 90 --runs-days 400
    """
    now = present(engine)
    found: list[_Found] = []
    for limit, is_of_runs in _limits(days, runs_days):
        until = limit.until(now)
        steps = summing.plan(engine, until) if is_of_runs else plan(engine, until)
        found.append(_Found(_sum(steps, "Looking"), until, is_of_runs))
    _tell(found, "would be ", as_json=as_json)


@retention.command("apply")
@days_option
@runs_option
@json_option
@database_option
def apply_(days: int | None, runs_days: int | None, as_json: bool, engine: Engine) -> None:
    """Do it, also while the store is served. Each removal is an entry of the hash chain.

    Example: andon retention apply --days 90 --runs-days 400
    """
    now = present(engine)
    found: list[_Found] = []
    for limit, is_of_runs in _limits(days, runs_days):
        steps = summing.sum_up(engine, limit, now) if is_of_runs else remove(engine, limit, now)
        done = _sum(steps, "Summing up" if is_of_runs else "Removing")
        # What they alone referred to may be much more; how much shows only when all is gone.
        done = replace(done, bytes=done.bytes + sum(drop(engine)))
        found.append(_Found(done, limit.until(now), is_of_runs))
    _tell(found, "", as_json=as_json)


class _Found(NamedTuple):
    """What is, or would be, removed up to an instant."""

    sum: Sum
    until: int
    is_of_runs: bool


def _limits(days: int | None, runs_days: int | None) -> list[tuple[Limit, bool]]:
    """What is asked for, else what is set; each with whether it is about runs."""
    settings = Settings()
    if days is None and runs_days is None:
        days, runs_days = settings.keep_superseded_days, settings.roll_up_runs_days
    if not days and not runs_days:
        raise UserError(
            "everything is kept for ever: ANDON_KEEP_SUPERSEDED_DAYS and ANDON_ROLL_UP_RUNS_DAYS "
            "are 0. Set one of them, or say how many days with --days or --runs-days."
        )
    by = f"person:{getpass.getuser()}"
    asked = ((days, False), (runs_days, True))
    return [(Limit(number, by), is_of_runs) for number, is_of_runs in asked if number]


def _sum(steps: Iterable[Planned], label: str) -> Sum:
    found = Sum()
    with progress(steps, None, label) as shown:
        for planned in shown:
            found = found.plus(planned)
    return found


def _tell(found: Sequence[_Found], would_be: str, *, as_json: bool) -> None:
    if as_json:
        told = {one.is_of_runs: _sum_json(one) for one in found}
        # What is said of events stands where it always stood.
        runs = {"runs": told[True]} if True in told else {}
        click.echo(json.dumps({**told.get(False, {}), **runs}))
        return
    for one in found:
        _tell_one(one, would_be)


def _sum_json(found: _Found) -> dict[str, Any]:
    spans = {"received": found.sum.received, "happened": found.sum.happened}
    told = {
        name: span and [written(microseconds(end)) for end in span] for name, span in spans.items()
    }
    runs = {"runs": found.sum.runs} if found.is_of_runs else {}
    counts = {"events": found.sum.events, "bytes": found.sum.bytes, "until": written(found.until)}
    return {**runs, **counts, **told}


def _tell_one(found: _Found, would_be: str) -> None:
    events, until = found.sum, found.until
    if events.received is None or events.happened is None:
        what = "sum up" if found.is_of_runs else "remove"
        click.echo(f"Nothing to {what} before {moment(until):%Y-%m-%d %H:%M} UTC.")
        return
    counted = f"{events.events:,} events, {events.bytes:,} bytes"
    if found.is_of_runs:
        click.echo(f"{events.runs:,} runs {would_be}summed up by day: {counted} {would_be}removed:")
    else:
        click.echo(f"{counted} {would_be}removed:")
    for name, (first, last) in (("received", events.received), ("happened", events.happened)):
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
