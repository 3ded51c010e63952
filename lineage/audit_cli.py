"""Commands about the hash chain: audit verify, export."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click
from sqlalchemy import Connection, Engine

from catalog import chain
from catalog.cli import database_option, progress
from catalog.errors import UserError
from catalog.moments import written
from catalog.store import LINKED, LINKED_ROWS
from lineage import log, removals, run_days

KINDS: Mapping[str, chain.Rows] = {
    LINKED: LINKED_ROWS,
    log.KIND: chain.Rows(log.events_content, log.EVENT.c.seq),
    removals.KIND: chain.Rows(removals.removals_content, removals.REMOVAL.c.id),
    run_days.KIND: chain.Rows(run_days.days_content, run_days.RUN_DAY.c.id),
}
"""Everything that links cover."""


@click.group()
def audit() -> None:
    """The hash chain: whether what was stored is still as it was stored."""


@audit.command()
@click.option("--head", "kept", metavar="HASH", help="A head printed earlier and kept elsewhere.")
@database_option
@click.pass_context
def verify(ctx: click.Context, kept: str | None, engine: Engine) -> None:
    """Compute every link again, from the first one on.

    Exits with 0 if the chain is intact and 1 if it is broken, naming the first bad entry. Only a
    head that was kept elsewhere shows whether the newest entries were cut off.

    Example: andon audit verify
    """
    wanted = None if kept is None else _hash(kept)
    with engine.connect() as connection:
        total = chain.count(connection)
        with progress(chain.links(connection), total, "Verifying") as every_link:
            broken = chain.verify(connection, KINDS, every_link)
        if broken is None and wanted is not None and not chain.has_link(connection, wanted):
            broken = chain.Broken("the chain", f"no link has the hash {kept}", "the head kept so")
        if broken is not None:
            click.echo(f"Broken. {broken}.")
            ctx.exit(1)
        head, covered = chain.head(connection), chain.covered(connection)
        removed = removals.removed(connection)
    if head is None:
        click.echo("Intact: no link yet; the chain begins with the next event or applied catalog.")
        return
    click.echo(f"Intact: {total:,} {'link' if total == 1 else 'links'}.")
    for part in covered:
        click.echo(f"{part.kind}: {part.first} to {part.last}, since {written(part.since)}")
    click.echo(f"head: {head.hash.hex()}")
    if removed is not None:
        click.echo(
            f"{removed.events:,} events were removed by age, the last on "
            f"{removed.last_at:%Y-%m-%d} by {removed.removed_by}; what they said is not kept."
        )
    click.echo("Keep the head elsewhere; later: andon audit verify --head HASH", err=True)


@audit.command()
@database_option
def export(engine: Engine) -> None:
    """Print the links, the oldest first, one JSON object a line; removals with what they tell.

    Example: andon audit export > links.ndjson
    """
    with engine.connect() as connection:
        for link in chain.links(connection):
            taken = _removals(connection, link)
            click.echo(json.dumps(_json(link) | taken))


def _removals(connection: Connection, link: chain.Link) -> dict[str, object]:
    """What a link of removals tells, for those who read links without a store."""
    if link.kind != removals.KIND:
        return {}
    (told,) = removals.listed(connection, link.first, link.last)
    span = {name: written(value) for name, value in (("since", told.since), ("until", told.until))}
    return {
        "removal": {
            "removed_by": told.removed_by,
            "keep_days": told.keep_days,
            **span,
            "first": told.first,
            "last": told.last,
            "events": told.events,
            "bytes": told.bytes,
        }
    }


def _hash(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != len(chain.GENESIS):
        raise UserError(
            f'--head "{text}" is no hash; expected the 64 hex digits that verify prints.'
        )
    return found


def _json(link: chain.Link) -> dict[str, int | str]:
    return {
        "id": link.id,
        "at": written(link.at),
        "kind": link.kind,
        "first": link.first,
        "last": link.last,
        "content_hash": link.content_hash.hex(),
        "previous_hash": link.previous_hash.hex(),
        "hash": link.hash.hex(),
    }


commands: list[click.Command] = [audit]
