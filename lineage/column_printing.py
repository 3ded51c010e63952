"""What is printed of columns: edges between them, and what would miss one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from catalog.shapes import asset_json, document
from catalog.wording import counted, minute
from lineage.column_graph import Dependent, Dropped
from lineage.column_index import Edge
from lineage.column_links import ColumnKey, ColumnLink
from lineage.estate import Estate
from lineage.graph.model import LastRun
from lineage.graph.printing import run_json
from lineage.graph.tabular import Row, csv_text, plain, table

EDGES_HEAD = (
    "source_namespace", "source_name", "source_field", "target_namespace", "target_name",
    "target_field", "type", "subtype", "masking",
)  # fmt: skip
_DROPPED_HEAD = ("certainty", "distance", "namespace", "name", "field", "owner", "team")


def edges_json(edges: Iterable[Edge]) -> list[dict[str, object]]:
    """As the commands promise it; an empty field means the dataset as a whole."""
    return [
        {
            "source": column_json(edge.source),
            "target": column_json(edge.target),
            "type": edge.how.type,
            "subtype": edge.how.subtype,
            "masking": edge.how.masking,
        }
        for edge in edges
    ]


def column_json(column: ColumnKey) -> dict[str, object]:
    """A column of a dataset."""
    return {**asset_json(column.asset), "field": column.field}


def edges_rows(edges: Iterable[Edge]) -> Iterator[Row]:
    """One row for each edge."""
    for source, target, how in edges:
        yield (
            source.asset.namespace, source.asset.name, source.field,
            target.asset.namespace, target.asset.name, target.field,
            how.type, how.subtype, "true" if how.masking else "false",
        )  # fmt: skip


def edges_text(edges: Iterable[Edge]) -> str:
    """For people: one edge a line."""
    rows = [
        (
            _named(source), _named(target), how.type, how.subtype, "masked" if how.masking else None
        )
        for source, target, how in edges
    ]  # fmt: skip
    if not rows:
        return "Nothing says which columns feed which."
    return table(("column", "feeds", "type", "subtype", "masking"), rows)


def path_json(way: Iterable[ColumnLink], runs: Mapping[str, LastRun]) -> list[dict[str, object]]:
    """Hops from column to column, as those from dataset to dataset."""
    return [
        {
            "from": column_json(hop.source),
            "to": column_json(hop.target),
            "jobs": [asset_json(hop.job)] if hop.job else [],
            "last_run": run_json(runs.get(hop.event_id)),
            "evidence": {"event_id": hop.event_id, "facet": None, "value": hop.source.field},
            "basis": hop.basis.value,
            "provisional": hop.provisional,
            "type": hop.type,
            "subtype": hop.subtype,
            "masking": hop.masking,
        }
        for hop in way
    ]


def path_text(way: Iterable[ColumnLink], runs: Mapping[str, LastRun]) -> str:
    """For people: one hop a line."""
    lines = []
    for hop in way:
        how = " ".join(filter(None, (hop.type, hop.subtype, "masked" if hop.masking else "")))
        ran = runs.get(hop.event_id)
        by = plain(hop.job.name) if hop.job else "no job: it is declared"
        run = f"run {ran.run_id}, {ran.state.value}, {minute(ran.at)}" if ran else "no run"
        lines.append(f"{_named(hop.source)} -> {_named(hop.target)}{f' ({how})' if how else ''}")
        lines += [f"  by {by}; {run}", f"  event {hop.event_id}"]
    return "\n".join(lines)


def no_path_text(source: ColumnKey, target: ColumnKey, *, is_reverse: bool) -> str:
    """That there is no way, and whether there is one the other way round."""
    other = "there is one" if is_reverse else "nor is there one"
    told = f"No column lineage leads from {_named(source)} to {_named(target)}"
    return f"{told}; {other} the other way round."


def dropped_printed(found: Dropped, estate: Estate, kind_of_text: str) -> str:
    """What would miss a column, as text, JSON or CSV."""
    rows = [_dropped_row(one, estate) for one in found.dependents]
    if kind_of_text == "csv":
        return csv_text(_DROPPED_HEAD, rows)
    if kind_of_text == "json":
        return document(
            {
                "column": column_json(found.column),
                "rows": [
                    {
                        **column_json(one.column),
                        "certainty": one.certainty.value,
                        "distance": one.distance,
                        "owner": row[5],
                        "team": row[6],
                        "path": edges_json(one.path),
                    }
                    for one, row in zip(found.dependents, rows, strict=True)
                ],
                "truncated": found.truncated,
            }
        )
    name = _named(found.column)
    if not rows:
        return f"Nothing is known to use {name}."
    told = f"{counted(len(rows), 'column')} or datasets would miss {name}, the surest first."
    return f"{told}\n\n{table(_DROPPED_HEAD, rows)}"


def _dropped_row(one: Dependent, estate: Estate) -> Row:
    asset = one.column.asset
    dataset = estate.datasets.get(asset)
    owner = dataset.owners[0].value if dataset and dataset.owners else None
    return (
        one.certainty.value, one.distance, asset.namespace, asset.name, one.column.field,
        owner, dataset.team if dataset else None,
    )  # fmt: skip


def _named(column: ColumnKey) -> str:
    return plain(f"{column.asset.name}.{column.field or '*'}")
