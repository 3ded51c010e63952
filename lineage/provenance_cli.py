"""The command about versions: provenance."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TypeVar

import click
from sqlalchemy import Engine

from catalog.cli import database_option
from catalog.errors import UserError
from catalog.model import AssetKey, Kind
from catalog.shapes import document
from lineage.estate import Estate
from lineage.graph.asking import AS_OF, KNOWN_AT, find_asset, look
from lineage.history import Standpoint
from lineage.provenance import as_json, prov_json, telling
from lineage.provenance.backwards import DEPTH, MOST, backwards
from lineage.provenance.forwards import DEPTH as FORWARD_DEPTH
from lineage.provenance.forwards import MOST as FORWARD_MOST
from lineage.provenance.forwards import forwards
from lineage.provenance.model import Aftermath, Story

T = TypeVar("T")

DEEPEST = 1000


@click.command()
@click.argument("namespace")
@click.argument("name")
@click.option("--forward", "is_forward", is_flag=True, help="What was built on it instead.")
@click.option(
    "--version", metavar="V", help="As its producer calls it, or the id of the run that wrote it."
)
@AS_OF
@KNOWN_AT
@click.option(
    "--depth",
    type=click.IntRange(0, DEEPEST),
    help=f"Hops. Default: {DEPTH}, with --forward {FORWARD_DEPTH}.",
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json", "prov-json"]),
    default="text",
    show_default=True,
)
@database_option
def provenance(
    *,
    namespace: str,
    name: str,
    is_forward: bool,
    version: str | None,
    as_of: datetime | None,
    known_at: datetime | None,
    depth: int | None,
    shape: str,
    engine: Engine,
) -> None:
    """Tell how a version of a dataset came to be, back to the sources.

    With --forward: what was built on it, since when, and until which run cured it. Of what is there
    now, unless --version names another.

    Example: andon provenance looker://orchard.example revenue_board
    """
    seen = look(engine, as_of, known_at)
    key = find_asset(seen, AssetKey(Kind.DATASET, namespace, name))
    if is_forward:
        found = forwards(
            seen, key, version, FORWARD_DEPTH if depth is None else depth, FORWARD_MOST
        )
        click.echo(_aftermath(_known(found, seen, key, version), seen.estate, shape))
    else:
        story = backwards(seen, key, version, DEPTH if depth is None else depth, MOST)
        click.echo(_story(_known(story, seen, key, version), seen.estate, shape))


def _story(story: Story, estate: Estate, shape: str) -> str:
    if shape == "json":
        return document(as_json.story_json(story))
    if shape == "prov-json":
        return document(prov_json.story_prov(story, estate))
    return telling.told(story, partial(telling.called, estate))


def _aftermath(found: Aftermath, estate: Estate, shape: str) -> str:
    if shape == "json":
        return document(as_json.aftermath_json(found))
    if shape == "prov-json":
        return document(prov_json.aftermath_prov(found, estate))
    return telling.told_on(found, partial(telling.called, estate))


def _known(found: T | None, seen: Standpoint, key: AssetKey, version: str | None) -> T:
    if found is not None:
        return found
    what = f'"{key.namespace}" "{key.name}" as of {seen.as_of:%Y-%m-%dT%H:%M:%SZ}'
    if version is None:
        raise UserError(
            f"nothing is known to be in {what}: no run that succeeded wrote it, or it was dropped. "
            "Expected a dataset that is written; name an older version with --version."
        )
    raise UserError(
        f'no version "{version}" of {what} is known; expected the id of a run that wrote it, or '
        "what its producer calls it. Leave --version away for what is there now."
    )


commands: list[click.Command] = [provenance]
