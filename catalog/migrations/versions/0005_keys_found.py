"""What came with each key is found by an index; where no keys are used, it holds nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEYED = sa.text("key_id IS NOT NULL")
INDEXES = {
    "lineage_event": ("ix_lineage_event_key", ["key_id", "received_at", "flags"]),
    "lineage_rejection": ("ix_lineage_rejection_key", ["key_id"]),
}


def upgrade() -> None:
    """Make them."""
    for table, (name, columns) in INDEXES.items():
        op.create_index(name, table, columns, sqlite_where=KEYED, postgresql_where=KEYED)


def downgrade() -> None:
    """They are searched from end to end again."""
    for table, (name, _) in INDEXES.items():
        op.drop_index(name, table)
