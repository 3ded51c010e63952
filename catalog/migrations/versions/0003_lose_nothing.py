"""Events as templates and values; bodies of facets once; links of the hash chain by batch.

Events from before keep their whole payload, which is still read. What named their producer stands
in it too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

RETIRED = (
    "lineage_blob", "lineage_facet", "lineage_data_test", "lineage_data_test_result",
    "lineage_warning", "lineage_statistic", "lineage_run", "lineage_asset", "lineage_feed",
    "lineage_declaration", "lineage_shape", "lineage_shape_dataset", "lineage_shape_edge",
    "lineage_producer",
)  # fmt: skip
"""Derived tables of another form or no use any more; they are made anew and refilled."""


def upgrade() -> None:
    """Make room for them."""
    for table in RETIRED:
        op.execute(f"DROP TABLE IF EXISTS {table}")
    for table in ("lineage_template", "lineage_facet_body"):
        op.create_table(
            table,
            sa.Column("id", KEY, nullable=False),
            sa.Column("hash", sa.LargeBinary(), nullable=False),
            sa.Column("body", sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("hash"),
        )
    with op.batch_alter_table("lineage_payload") as payload:
        payload.add_column(sa.Column("template_id", sa.Integer(), nullable=True))
    with op.batch_alter_table("lineage_event") as event:
        event.drop_column("producer")
        event.drop_column("previous_hash")
        event.alter_column("content_hash", existing_type=sa.LargeBinary(), nullable=True)
        event.add_column(sa.Column("key_id", sa.Integer(), nullable=True))
        event.add_column(sa.Column("flags", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """There is no way back: events that came since are stored in the new form only."""
    raise NotImplementedError("events that are stored as templates cannot be stored whole again")
