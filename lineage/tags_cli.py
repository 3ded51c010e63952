"""The command about what columns hold: tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from fnmatch import fnmatchcase

import click
from sqlalchemy import Engine

from catalog.cli import database_option
from catalog.errors import UserError
from catalog.model import AssetKey, Kind
from catalog.shapes import asset_json, document, evidence_json, instant
from catalog.wording import counted, minute
from lineage.column_graph import Certainty
from lineage.column_links import ColumnKey, ColumnLink
from lineage.column_printing import column_json
from lineage.graph.asking import AS_OF, KNOWN_AT, find_asset, look
from lineage.graph.tabular import Row, csv_text, plain, table
from lineage.history import Standpoint
from lineage.tags_travel import TagArrival, Travels, arrivals, is_personal

_HEAD = ("column", "tag", "comes from", "hops", "how")
_CSV_HEAD = ("namespace", "name", "field", "tag", "from_namespace", "from_name", "from_field",
             "hops", "certainty")  # fmt: skip


@click.command()
@click.argument("namespace", required=False)
@click.argument("name", required=False)
@click.option("--forward", is_flag=True, help="Where what is tagged in this dataset goes.")
@click.option("--tag", metavar="GLOB", help="Other tags than those of personal data.")
@click.option("--indirect", is_flag=True, help="Also where a column only decides which values.")
@AS_OF
@KNOWN_AT
@click.option(
    "--format",
    "kind_of_text",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="CSV lists the arrivals.",
)
@database_option
def tags(
    *,
    namespace: str | None,
    name: str | None,
    forward: bool,
    tag: str | None,
    indirect: bool,
    as_of: datetime | None,
    known_at: datetime | None,
    kind_of_text: str,
    engine: Engine,
) -> None:
    """Where personal data is: tagged at a source, followed column by column, up to each mask.

    Of the whole estate, or of one dataset: what it holds, from where, hop by hop.

    Example: andon tags snowflake://orchard-main prod.marts.dim_customers
    """
    if (namespace is None) is not (name is None):
        raise UserError("a dataset is two words; expected NAMESPACE NAME, or neither.")
    seen = look(engine, as_of, known_at)
    about = None
    if namespace is not None and name is not None:
        about = find_asset(seen, AssetKey(Kind.DATASET, namespace, name))
    elif forward:
        raise UserError("--forward needs to know from where; expected NAMESPACE NAME with it.")
    found = arrivals(
        seen,
        is_personal if tag is None else _like(tag),
        dataset=None if forward else about,
        tagged_in=about if forward else None,
        indirect=indirect,
    )
    if kind_of_text == "json":
        click.echo(document(travels_json(found, seen.as_of)))
    elif kind_of_text == "csv":
        click.echo(csv_text(_CSV_HEAD, _csv_rows(found)))
    else:
        click.echo("\n".join(_text(found, seen, is_of_one=about is not None)))


def _like(glob: str) -> Callable[[str], bool]:
    return lambda tag: fnmatchcase(tag, glob)


def travels_json(found: Travels, as_of: datetime) -> dict[str, object]:
    """As ``--json`` and the API have it."""
    return {
        "as_of": instant(as_of),
        "origins": [
            {
                "column": column_json(origin.column),
                "tag": origin.tag.value,
                "basis": origin.tag.basis.value,
                "why": origin.tag.why,
                "evidence": [evidence_json(evidence) for evidence in origin.tag.evidence],
            }
            for origin in found.origins
        ],
        "arrivals": [
            {
                "column": column_json(one.column),
                "tag": one.tag,
                "origin": column_json(one.origin),
                "certainty": one.certainty.value,
                "in_schema": one.is_known,
                "path": [_hop_json(link) for link in one.path],
            }
            for one in found.arrivals
        ],
        "masked": [
            {
                "at": _hop_json(one.link),
                "tag": one.tag,
                "origin": column_json(one.origin),
                "arrives_otherwise": one.arrives_otherwise,
                "path": [_hop_json(link) for link in one.path],
            }
            for one in found.stops
        ],
        "unseen": [
            {
                "dataset": asset_json(one.dataset),
                "source": asset_json(one.source),
                "tag": one.tag,
            }
            for one in found.unseen
        ],
        "truncated": found.truncated,
    }


def _hop_json(link: ColumnLink) -> dict[str, object]:
    return {
        "source": column_json(link.source),
        "target": column_json(link.target),
        "type": link.type,
        "subtype": link.subtype,
        "masking": link.masking,
        "basis": link.basis.value,
        "job": asset_json(link.job) if link.job else None,
        "event_id": link.event_id,
        "guess": link.is_guess,
    }


def _csv_rows(found: Travels) -> Iterator[Row]:
    for one in found.arrivals:
        to, begin = one.column, one.origin
        yield (
            to.asset.namespace, to.asset.name, to.field, one.tag, begin.asset.namespace,
            begin.asset.name, begin.field, len(one.path), one.certainty.value,
        )  # fmt: skip


# Text -------------------------------------------------------------------------------------------


def _text(found: Travels, seen: Standpoint, *, is_of_one: bool) -> Iterator[str]:
    yield f"As of {minute(seen.as_of)}. {_summary(found, is_of_one=is_of_one)}"
    if found.origins:
        rows = [(_named(o.column), o.tag.value, o.tag.why) for o in found.origins]
        yield f"\n{table(('tagged', 'tag', 'because'), rows)}"
    if found.arrivals:
        arrived = [
            (_named(one.column), one.tag, _named(one.origin), len(one.path), one.certainty.value)
            for one in found.arrivals
        ]
        yield f"\n{table(_HEAD, arrived)}"
    if is_of_one:
        yield from _ways(found.arrivals)
    if found.stops:
        yield "\nMasked on the way:"
    for stop in found.stops:
        other = ", but arrives another way" if stop.arrives_otherwise else ""
        yield f"  {stop.tag}: {_hop(stop.link)}{other}"
    if found.unseen:
        yield "\nWhether it is there cannot be told: nothing says of which columns these are made."
        for one in found.unseen:
            yield f"  {plain(one.dataset.name)}, from {plain(one.source.name)} ({one.tag})"
    if found.truncated:
        yield "\nOne answer holds no more arrivals: ask about one dataset."


def _summary(found: Travels, *, is_of_one: bool) -> str:
    if not any((found.origins, found.arrivals, found.stops, found.unseen)):
        where = "here, nor does any such tag come here" if is_of_one else "anywhere"
        return f"No column is tagged so {where}. Tags are declared under assets: classification."
    columns = {one.column for one in found.arrivals}
    return (
        f"Tagged: {counted(len(found.origins), 'column')}. "
        f"Made of what is tagged: {counted(len(columns), 'column')}. "
        f"Masked on the way: {counted(len(found.stops), 'place')}."
    )


def _ways(found: Iterable[TagArrival]) -> Iterator[str]:
    for one in found:
        sure = "" if one.certainty is Certainty.DIRECT else f" ({one.certainty.value})"
        yield f"\n{one.tag} in {_named(one.column)}{sure}:"
        for link in one.path:
            yield f"  {_hop(link)}"


def _hop(link: ColumnLink) -> str:
    by = f"by {plain(link.job.name)}" if link.job else "as it declares itself"
    how = "masked " if link.masking else ""
    return f"{_named(link.source)} -> {_named(link.target)} {how}{by}, event {link.event_id[:12]}"


def _named(column: ColumnKey) -> str:
    return plain(f"{column.asset.name}.{column.field or '*'}")


commands: list[click.Command] = [tags]
