"""What was removed by age is written down, event by event."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBERS = ("since", "until", "first", "last", "events", "bytes")


def upgrade() -> None:
    """Make room for it."""
    op.create_table(
        "lineage_removal",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.Text(), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in NUMBERS),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "lineage_removed",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("removal_id", sa.BigInteger(), nullable=False),
        sa.Column("kept_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_lineage_removed_removal_id", "lineage_removed", ["removal_id"])


def downgrade() -> None:
    """There is no way back once something was removed: the chain would count it as lost."""
    raise NotImplementedError("what was removed could not be told from what was lost")
