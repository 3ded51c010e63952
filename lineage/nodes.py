"""Which nodes of dbt jobs said that they run: every one, ever, so that the order never matters."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlmodel import Field, SQLModel

from catalog import columns
from catalog.database import table_of, upsert_rows
from lineage.assets import JOB, Numbers
from lineage.exposures import unique_id_in
from lineage.facets import Recent
from lineage.log import Stored

FACET = "dbt_node"
REMEMBERED = 100_000


class NodeRow(SQLModel, table=True):
    """A node of dbt that a job ran."""

    __tablename__ = "lineage_dbt_node"
    __table_args__ = {"sqlite_with_rowid": False}

    job_id: int = Field(sa_column=columns.big(primary_key=True))
    unique_id: str = Field(sa_column=columns.text(primary_key=True))


NODE = table_of(NodeRow)

_NODE = ("job_id", "unique_id")


class Nodes:
    """Writes down each node of a job once; remembers those that are written."""

    def __init__(self) -> None:
        self._known: Recent[tuple[tuple[str, str], str], bool] = Recent(REMEMBERED)

    def forget(self) -> None:
        """Drop what is remembered."""
        self._known.clear()

    def write(self, connection: Connection, new: Sequence[Stored], numbers: Numbers) -> None:
        """Add what a batch says."""
        said = {}
        for stored in new:
            event = stored.event
            facet = event.facet(event.template.job_facets.get(FACET))
            if facet is not None and event.job is not None:
                unique_id = facet.meaning(unique_id_in)
                if unique_id is not None and (event.job, unique_id) not in self._known:
                    said[event.job, unique_id] = True
        if not said:
            return
        jobs = numbers.assets(connection, ((JOB, *job) for job, _ in said))
        rows = [(jobs[JOB, *job], unique_id) for job, unique_id in said]
        upsert_rows(connection, NODE, _NODE, _NODE, rows)
        for key in said:
            self._known.put(key, True)


def read_nodes(connection: Connection) -> list[tuple[int, str]]:
    """Every job with every node that it ever ran."""
    return [(row.job_id, row.unique_id) for row in connection.execute(select(NODE))]
