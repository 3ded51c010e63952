"""Bodies of facets that perhaps nothing refers to any more are noted, so that they can go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make room for their numbers."""
    op.create_table(
        "lineage_loose_body",
        sa.Column("id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """They stay where they are."""
    op.drop_table("lineage_loose_body")
