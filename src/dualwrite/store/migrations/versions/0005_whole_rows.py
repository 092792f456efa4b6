"""Rows that an initial sync has inserted and could not complete are told apart: they are written whole later."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "initial_sync_partition", sa.Column("new_left_open", sa.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("initial_sync_partition", sa.Column("whole", sa.Boolean(), server_default="false", nullable=False))
    op.drop_constraint(op.f("uq_initial_sync_partition_run_second_pass_of"), "initial_sync_partition")
    op.create_unique_constraint(
        op.f("uq_initial_sync_partition_run_second_pass_of_whole"),
        "initial_sync_partition",
        ["run", "second_pass_of", "whole"],
    )
    op.add_column("refused_row", sa.Column("incomplete", sa.Boolean(), server_default="false", nullable=False))
