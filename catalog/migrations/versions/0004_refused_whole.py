"""What was refused is kept whole, so that it can be taken in again once it can be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Room for the body, the key that it came with and what became of it later."""
    with op.batch_alter_table("lineage_rejection") as rejection:
        rejection.add_column(sa.Column("body", sa.LargeBinary(), nullable=True))
        rejection.add_column(sa.Column("key_id", sa.Integer(), nullable=True))
        rejection.add_column(sa.Column("replayed_at", sa.BigInteger(), nullable=True))
        rejection.add_column(sa.Column("replayed_event", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Only the beginnings of what was refused stay."""
    with op.batch_alter_table("lineage_rejection") as rejection:
        for column in ("replayed_event", "replayed_at", "key_id", "body"):
            rejection.drop_column(column)
