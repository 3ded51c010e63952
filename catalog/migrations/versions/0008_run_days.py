"""Old runs may be summed up by day; which runs were is known afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTS = ("day", "runs", "failed", "timed")


def upgrade() -> None:
    """Make room for them."""
    op.create_table(
        "lineage_run_day",
        sa.Column("id", KEY, nullable=False),
        sa.Column("removal_id", sa.BigInteger(), nullable=False),
        sa.Column("job", sa.LargeBinary(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("took_us", "longest_us")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("rows", "size_bytes")),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("tests_passed", "tests_failed")
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_lineage_run_day_job", "lineage_run_day", ["job"])
    op.create_table(
        "lineage_summed_run",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("day_id", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "day_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_lineage_summed_run_day", "lineage_summed_run", ["day_id"])


def downgrade() -> None:
    """There is no way back once runs were summed up: they would be begun a second time."""
    raise NotImplementedError("runs that were summed up would be counted as new ones")
