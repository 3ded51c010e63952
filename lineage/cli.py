"""Commands about what happened: ingest, rebuild, digest, init."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click
from sqlalchemy import Engine

from catalog.cli import WHEN_OPENED, database_option, progress, show_steps
from catalog.database import needs_rebuild
from catalog.errors import UserError
from catalog.settings import Settings
from lineage import log
from lineage.history import present
from lineage.importing import Summary, files_in, ingest_files
from lineage.ingest import Ingestor, calm_collector
from lineage.proposal import write_proposal
from lineage.reading import load_estate
from lineage.rebuild import digest as digest_of
from lineage.rebuild import rebuild as rebuild_all
from lineage.rebuild import refill
from lineage.reducers import read_reducers

SHOWN = 20
"""Rejections printed as text; --json has them all."""


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@partial(database_option, makes_one=True)
def ingest(paths: tuple[str, ...], as_json: bool, engine: Engine) -> None:
    """Take in events from files, folders or - for standard input.

    Reads NDJSON, one JSON object (pretty or not) and JSON arrays, each also compressed with gzip.
    Exits with 1 if any event was rejected; all others are stored.

    Example: andon ingest events/ more.ndjson.gz
    """
    calm_collector()
    ingestor, summary = Ingestor(engine), Summary()
    files = files_in(paths)
    with progress(files, len(files), "Taking in") as listed:
        ingest_files(ingestor, listed, summary)
    if as_json:
        click.echo(json.dumps(asdict(summary)))
    else:
        click.echo(
            f"{summary.received:,} received: {summary.stored:,} stored, "
            f"{summary.duplicates:,} known already, {summary.warnings:,} with warnings, "
            f"{summary.rejected:,} rejected"
        )
        for rejection in summary.rejections[:SHOWN]:
            click.echo(
                f"{rejection['source']}:{rejection['line']}: {rejection['reason']}", err=True
            )
        if summary.rejected > SHOWN:
            click.echo(f"and {summary.rejected - SHOWN:,} more; see --json", err=True)
    if summary.rejected:
        raise SystemExit(1)


def refill_told(engine: Engine) -> None:
    """Refill a store that waits for it before anything is answered from it, and say so."""
    if needs_rebuild(engine):
        with engine.connect() as connection:
            total = log.count(connection)
        click.echo(
            f"The store was made by another version of Andon: deriving all of it again from "
            f"{total:,} events.",
            err=True,
        )
        show_steps(refill(engine), total, "Folding")


WHEN_OPENED.append(refill_told)


@click.command()
@partial(database_option, as_it_is=True)
def rebuild(engine: Engine) -> None:
    """Derive everything again from the event log and the decisions.

    Example: andon rebuild
    """
    with engine.connect() as connection:
        total = log.count(connection)
    folded = show_steps(rebuild_all(engine), total, "Folding")
    click.echo(f"{folded:,} events folded again.")


@click.command()
@database_option
def digest(engine: Engine) -> None:
    """Print 64 hex digits over everything known: equal for equal knowledge.

    Example: andon digest
    """
    click.echo(digest_of(engine))


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@database_option
def init(folder: Path, engine: Engine) -> None:
    """Write what is guessed as a declared catalog to confirm or correct.

    Example: andon init governance/
    """
    try:
        written = write_proposal(
            load_estate(engine, present(engine), read_reducers(Settings().name_reducers)), folder
        )
    except OSError as error:
        raise UserError(
            f'"{folder}" cannot be written: {error.strerror}. Give a folder that can be made.'
        ) from error
    for path in written:
        click.echo(f"wrote {path}")
    if written:
        click.echo(f"Correct what is wrong, then run: andon apply {folder}")
    else:
        click.echo("Nothing to write: nothing is guessed. Send some events first.")


commands: list[click.Command] = [ingest, rebuild, digest, init]
