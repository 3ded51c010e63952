"""Commands about the hash chain: audit verify, export."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click
from sqlalchemy import Engine

from catalog import chain
from catalog.cli import database_option, progress
from catalog.errors import UserError
from catalog.moments import written
from catalog.store import LINKED, LINKED_ROWS
from lineage import log

KINDS: Mapping[str, chain.Rows] = {
    LINKED: LINKED_ROWS,
    log.KIND: chain.Rows(log.events_content, log.EVENT.c.seq),
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
    if head is None:
        click.echo("Intact: no link yet; the chain begins with the next event or applied catalog.")
        return
    click.echo(f"Intact: {total:,} {'link' if total == 1 else 'links'}.")
    for part in covered:
        click.echo(f"{part.kind}: {part.first} to {part.last}, since {written(part.since)}")
    click.echo(f"head: {head.hash.hex()}")
    click.echo("Keep the head elsewhere; later: andon audit verify --head HASH", err=True)


@audit.command()
@database_option
def export(engine: Engine) -> None:
    """Print the links, the oldest first, one JSON object a line.

    Example: andon audit export > links.ndjson
    """
    with engine.connect() as connection:
        for link in chain.links(connection):
            click.echo(json.dumps(_json(link)))


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
