"""Commands about where data comes from and where it goes: lineage, path, diff, impact and more."""

from __future__ import annotations

from datetime import datetime

import click
from sqlalchemy import Engine

from catalog.cli import Instant, database_option
from catalog.errors import UserError
from catalog.model import AssetKey, Kind
from catalog.selection import parse_selection
from catalog.shapes import document
from lineage import column_printing
from lineage.column_index import Edge
from lineage.column_links import ColumnKey
from lineage.column_shown import column_answer, column_edges, is_column, require_column
from lineage.columns import column_graph, explained, what_if_dropped
from lineage.graph import impact as impacts
from lineage.graph import printing
from lineage.graph.asking import (
    AS_OF,
    KIND,
    KNOWN_AT,
    asset_arguments,
    find_asset,
    known_as,
    look,
    until_now,
)
from lineage.graph.causing import causes_of
from lineage.graph.changes import State, about, changes, state_of
from lineage.graph.dating import Dating
from lineage.graph.evidence import Supports, runs_of_events
from lineage.graph.loading import estate_graph
from lineage.graph.model import Direction, Lineage
from lineage.graph.paths import shortest_paths
from lineage.graph.questions import DEPTH_MOST, Question, ask
from lineage.graph.selecting import attributes, selected
from lineage.graph.tabular import csv_text
from lineage.history import Standpoint, present

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
TABULAR = click.option(
    "--format",
    "kind_of_text",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
)


@click.command()
@asset_arguments
@click.option(
    "--direction",
    type=click.Choice([way.value for way in Direction]),
    default=Direction.BOTH.value,
    show_default=True,
    help="Which way to look.",
)
@click.option(
    "--depth",
    type=click.IntRange(0, DEPTH_MOST),
    default=5,
    show_default=True,
    help="How many datasets away, at most.",
)
@click.option("--jobs", "through_jobs", is_flag=True, help="Through the jobs between them.")
@click.option("--columns", "with_columns", is_flag=True, help="Also which columns feed which.")
@click.option("--field", metavar="F", help="Only what this column has to do with.")
@click.option("--select", "selection", metavar="S", help='Only these, such as "zone:mart".')
@click.option("--all", "with_faded", is_flag=True, help="Also edges that are not current any more.")
@AS_OF
@KNOWN_AT
@click.option(
    "--format",
    "kind_of_text",
    type=click.Choice(["text", "json", "csv", "dot"]),
    default="text",
    show_default=True,
    help="CSV lists the assets; dot is for Graphviz.",
)
@database_option
def lineage(
    *,
    namespace: str,
    name: str,
    kind: str,
    direction: str,
    depth: int,
    through_jobs: bool,
    with_columns: bool,
    field: str | None,
    selection: str | None,
    with_faded: bool,
    as_of: datetime | None,
    known_at: datetime | None,
    kind_of_text: str,
    engine: Engine,
) -> None:
    """What an asset stands on, and what stands on it.

    Example: andon lineage snowflake://orchard-main prod.marts.revenue --direction up
    """
    wanted = None if selection is None else parse_selection(selection)
    seen = look(engine, as_of, known_at)
    root = find_asset(seen, AssetKey(Kind(kind), namespace, name))
    question = Question(root, Direction(direction), depth, through_jobs, with_faded)
    hidden_jobs = {key for key, job in seen.estate.jobs.items() if job.noise}
    answer = ask(estate_graph(seen), question, hidden_jobs)
    if wanted is not None:
        answer = selected(answer, lambda key: wanted.matches(attributes(seen.estate, key)))
    edges: tuple[Edge, ...] | None = None
    if field is not None:
        _require_columns(root, kind_of_text)
        answer, edges = column_answer(seen, answer, field, question.direction)
    elif with_columns:
        _require_columns(root, kind_of_text)
        edges = column_edges(seen, answer, ever=with_faded)
    click.echo(_lineage_printed(answer, edges, kind_of_text))


def _require_columns(root: AssetKey, kind_of_text: str) -> None:
    if root.kind is not Kind.DATASET:
        raise UserError(f'"{root.name}" is a job and has no columns; ask about a dataset.')
    if kind_of_text == "dot":
        raise UserError("--format dot draws no columns; expected text, json or csv with them.")


def _lineage_printed(answer: Lineage, edges: tuple[Edge, ...] | None, kind_of_text: str) -> str:
    if kind_of_text == "json":
        shown = printing.lineage_json(answer)
        columns = {} if edges is None else {"column_edges": column_printing.edges_json(edges)}
        return document({**shown, **columns})
    if kind_of_text == "dot":
        return printing.lineage_dot(answer)
    if kind_of_text == "csv":
        if edges is not None:
            return csv_text(column_printing.EDGES_HEAD, column_printing.edges_rows(edges))
        return csv_text(printing.LINEAGE_HEAD, printing.lineage_rows(answer))
    told = printing.lineage_text(answer)
    return told if edges is None else f"{told}\n\n{column_printing.edges_text(edges)}"


@click.command()
@click.argument("from_namespace", metavar="FROM_NAMESPACE")
@click.argument("from_name", metavar="FROM_NAME")
@click.argument("to_namespace", metavar="TO_NAMESPACE")
@click.argument("to_name", metavar="TO_NAME")
@click.option("--field", metavar="F", help="From this column; needs --to-field.")
@click.option("--to-field", metavar="F", help="To this column; needs --field.")
@JSON
@AS_OF
@database_option
@click.pass_context
def path(
    ctx: click.Context,
    *,
    from_namespace: str,
    from_name: str,
    to_namespace: str,
    to_name: str,
    field: str | None,
    to_field: str | None,
    as_json: bool,
    as_of: datetime | None,
    engine: Engine,
) -> None:
    """The shortest ways of data from one dataset to another, with what shows each hop.

    From column to column it is one of the shortest. Exits with 1 if there is none.

    Example: andon path kafka://kafka:9092 orders postgres://wh:5432 marts.orders
    """
    seen = look(engine, as_of)
    source = find_asset(seen, AssetKey(Kind.DATASET, from_namespace, from_name))
    target = find_asset(seen, AssetKey(Kind.DATASET, to_namespace, to_name))
    if field is not None or to_field is not None:
        if field is None or to_field is None:
            raise UserError("--field and --to-field go together: expected both, or neither.")
        ends = ColumnKey(source, field), ColumnKey(target, to_field)
        ctx.exit(0 if _print_column_path(seen, ends, as_json=as_json) else 1)
    graph = estate_graph(seen)
    found = shortest_paths(graph, source, target)
    with seen.engine.connect() as connection:
        supports = Supports(connection, seen)
        on = {hop.ends: supports.of(hop) for way in found.paths for hop in way}
    if as_json:
        click.echo(document(printing.paths_json(found, on)))
        if found.is_cut:
            click.echo(f"Told are {len(found.paths)} ways; there are more as short.", err=True)
    elif found.paths:
        click.echo(printing.paths_text(found, on))
    if not found.paths:
        is_reverse = bool(shortest_paths(graph, target, source, 1).paths)
        click.echo(printing.no_path_text(found, is_reverse=is_reverse), err=True)
        ctx.exit(1)


def _print_column_path(
    seen: Standpoint, ends: tuple[ColumnKey, ColumnKey], *, as_json: bool
) -> bool:
    """Print a shortest way from one column to another; whether there is one."""
    graph = column_graph(seen)
    for column in ends:
        require_column(seen, column, is_known=is_column(graph, column))
    way = graph.path(*ends)
    told = () if way is None else explained(seen, way)
    runs = runs_of_events(seen, [link.event_id for link in told])
    if as_json:
        hops = column_printing.path_json(told, runs)
        click.echo(document([{"hops": hops}] if told else []))
    elif told:
        click.echo(column_printing.path_text(told, runs))
    if not told:
        is_reverse = graph.path(*ends[::-1]) is not None
        click.echo(column_printing.no_path_text(*ends, is_reverse=is_reverse), err=True)
    return bool(told)


@click.command()
@click.option("--from", "since", type=Instant(), required=True, help="Before.")
@click.option("--to", "until", type=Instant(), required=True, help="After.")
@click.argument("namespace", required=False)
@click.argument("name", required=False)
@KIND
@JSON
@database_option
def diff(
    *,
    since: datetime,
    until: datetime,
    namespace: str | None,
    name: str | None,
    kind: str,
    as_json: bool,
    engine: Engine,
) -> None:
    """What became different between two instants: assets, edges, columns, owners.

    Example: andon diff --from 2026-09-30 --to 2026-10-31
    """
    if namespace is not None and name is None:
        raise UserError(
            f'NAME is missing after "{namespace}"; expected NAMESPACE NAME, or neither.'
        )
    now = present(engine)
    since, until = until_now("--from", since, now), until_now("--to", until, now)
    if since > until:
        raise UserError(
            f"--from {since:%Y-%m-%dT%H:%M:%SZ} is after --to {until:%Y-%m-%dT%H:%M:%SZ}; "
            "expected the earlier one first."
        )
    before, after = look(engine, since), look(engine, until)
    found = changes(_state(before), _state(after))
    if namespace is not None and name is not None:
        asked = AssetKey(Kind(kind), namespace, name)
        found = about(found, _find_in_either(before, after, asked))
    with after.engine.connect() as connection:
        found = Dating(connection, after).dated(found, since)
    click.echo(document(printing.changes_json(found)) if as_json else printing.changes_text(found))


@click.command()
@asset_arguments
@click.option("--field", metavar="F", help="What would miss this column if it were dropped.")
@AS_OF
@TABULAR
@database_option
def impact(
    *,
    namespace: str,
    name: str,
    kind: str,
    field: str | None,
    as_of: datetime | None,
    kind_of_text: str,
    engine: Engine,
) -> None:
    """Everything that stands on an asset, with whom to tell and how each of it fares.

    Example: andon impact snowflake://orchard-main prod.raw.orders --format csv
    """
    seen = look(engine, as_of)
    root = find_asset(seen, AssetKey(Kind(kind), namespace, name))
    if field is not None:
        _require_columns(root, kind_of_text)
        dropped = what_if_dropped(seen, root, field)
        require_column(seen, dropped.column, is_known=dropped.is_known is not False)
        click.echo(column_printing.dropped_printed(dropped, seen.estate, kind_of_text))
        return
    found = impacts.impact(seen.estate, estate_graph(seen), root)
    if kind_of_text == "json":
        click.echo(document(printing.impact_json(found)))
    elif kind_of_text == "csv":
        click.echo(csv_text(printing.IMPACT_HEAD, printing.impact_rows(found)))
    else:
        click.echo(printing.impact_text(found))


@click.command()
@asset_arguments
@AS_OF
@TABULAR
@database_option
def causes(
    *,
    namespace: str,
    name: str,
    kind: str,
    as_of: datetime | None,
    kind_of_text: str,
    engine: Engine,
) -> None:
    """What may have broken or delayed an asset: what changed at it or above it, the latest first.

    Example: andon causes snowflake://orchard-main prod.marts.revenue
    """
    seen = look(engine, as_of)
    root = find_asset(seen, AssetKey(Kind(kind), namespace, name))
    found = causes_of(seen, estate_graph(seen), root)
    if kind_of_text == "json":
        click.echo(document(printing.causes_json(found)))
    elif kind_of_text == "csv":
        click.echo(csv_text(printing.CAUSES_HEAD, printing.causes_rows(found)))
    else:
        click.echo(printing.causes_text(root, found))


@click.command()
@AS_OF
@JSON
@database_option
def flows(*, as_of: datetime | None, as_json: bool, engine: Engine) -> None:
    """Flows that should give pause: data that goes in cycles, and data that flows back.

    Back is from a station to one before it: source, raw, staging, mart, report.

    Example: andon flows
    """
    seen = look(engine, as_of)
    graph = estate_graph(seen)
    found = impacts.cycles(graph), impacts.backward_flows(seen.estate, graph)
    click.echo(document(printing.flows_json(*found)) if as_json else printing.flows_text(*found))


def _state(seen: Standpoint) -> State:
    return state_of(seen.observed, seen.estate, estate_graph(seen))


def _find_in_either(before: Standpoint, after: Standpoint, key: AssetKey) -> AssetKey:
    """An asset as it is known at the later instant, else at the earlier one."""
    is_gone = known_as(after.estate, key) is None and known_as(before.estate, key) is not None
    return find_asset(before if is_gone else after, key)


commands: list[click.Command] = [lineage, path, diff, impact, causes, flows]
