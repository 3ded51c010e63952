"""The command about relying on an asset: trust."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from sqlalchemy import Engine

from catalog.cli import database_option
from catalog.model import AssetKey, Kind
from catalog.shapes import asset_json, document, evidence_json, instant, run_json
from lineage.graph.asking import AS_OF, KNOWN_AT, find_asset, look
from lineage.provenance.descents import descends_from_edit
from lineage.trust.model import Clause, Link, Standing, TrustSentence
from lineage.trust.sentence import trust_of

_MARKS = {
    Standing.GOOD: ("green", "ok"),
    Standing.UNKNOWN: ("bright_black", "unknown"),
    Standing.DOUBTFUL: ("yellow", "doubtful"),
    Standing.BAD: ("red", "bad"),
}


@click.command()
@click.argument("namespace")
@click.argument("name")
@AS_OF
@KNOWN_AT
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@database_option
def trust(  # noqa: PLR0917  # click gives them by name
    namespace: str,
    name: str,
    as_of: datetime | None,
    known_at: datetime | None,
    as_json: bool,
    engine: Engine,
) -> None:
    """Say whether to rely on a dataset or report, and why.

    One sentence made of clauses: its last run, whether it is on time, its data tests, what it
    stands on, manual edits and lost feeds. The whole stands as its worst clause does.

    Example: andon trust snowflake://orchard-main prod.marts.revenue_daily
    """
    seen = look(engine, as_of, known_at)
    key = find_asset(seen, AssetKey(Kind.DATASET, namespace, name))
    found = trust_of(seen, seen.estate.datasets[key], descends_from_edit(seen))
    click.echo(document(sentence_json(found)) if as_json else _text(found))


def sentence_json(found: TrustSentence) -> dict[str, Any]:
    """The sentence as ``--json`` and the API have it."""
    return {
        "subject": asset_json(found.subject),
        "as_of": instant(found.as_of),
        "standing": found.standing,
        "text": found.text,
        "clauses": [_clause(clause) for clause in found.clauses],
    }


def _clause(clause: Clause) -> dict[str, Any]:
    return {
        "aspect": clause.aspect,
        "standing": clause.standing,
        "text": clause.text,
        "links": [_link(link) for link in clause.links],
    }


def _link(link: Link) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if link.asset is not None and link.run_id is not None:
        told["run"] = run_json(link.asset, link.run_id)
    elif link.asset is not None:
        told["asset"] = asset_json(link.asset)
    if link.evidence is not None:
        told["evidence"] = evidence_json(link.evidence)
    return told


def _text(found: TrustSentence) -> str:
    lines = [found.text, ""]
    for clause in found.clauses:
        colour, word = _MARKS[clause.standing]
        lines.append(f"{click.style(f'{word:<9}', fg=colour)}{clause.text}")
    return "\n".join(lines)


commands: list[click.Command] = [trust]
"""What ``andon`` offers of them."""
