"""When datasets were written, as the store has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from catalog.database import chunks
from catalog.moments import microseconds, moment
from lineage.estate import RunState
from lineage.fold import STATE_RANK
from lineage.runs import RUN
from lineage.shapes import SHAPE_DATASET

WINDOW = timedelta(days=120)
"""How far back it is looked for what is usual."""
MOST = 400
"""Updates of each dataset that are looked at, the newest."""


def updates(
    engine: Engine, datasets: Collection[int], as_of: datetime
) -> Mapping[int, list[datetime]]:
    """Ends of the successful runs that wrote each dataset, newest first, by its id in the tables.

    Args:
        engine: The store.
        datasets: Ids of single names.
        as_of: Up to when; they are looked for within ``WINDOW`` before.
    """
    found: dict[int, list[datetime]] = defaultdict(list)
    until, since = microseconds(as_of), microseconds(as_of - WINDOW)
    with engine.connect() as connection:
        for part in chunks(sorted(datasets)):
            newest = func.row_number().over(
                partition_by=SHAPE_DATASET.c.dataset_id, order_by=RUN.c.at.desc()
            )
            ranked = (
                select(SHAPE_DATASET.c.dataset_id, RUN.c.at, newest.label("place"))
                .join(RUN, RUN.c.shape_id == SHAPE_DATASET.c.shape_id)
                .where(
                    SHAPE_DATASET.c.dataset_id.in_(part),
                    SHAPE_DATASET.c.is_output,
                    SHAPE_DATASET.c.operation != "DROP",
                    RUN.c.state == STATE_RANK[RunState.COMPLETE],
                    RUN.c.at.between(since, until),
                )
                .subquery()
            )
            query = select(ranked.c.dataset_id, ranked.c.at).where(ranked.c.place <= MOST)
            for row in connection.execute(query.order_by(ranked.c.at.desc())):
                found[row.dataset_id].append(moment(row.at))
    return found
