"""Rows that an initial sync has inserted and could not complete are told apart: they are written whole later."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("initial_sync_partition", "refused_row"):
        op.add_column(table, sa.Column("whole", sa.Boolean(), server_default="false", nullable=False))
