"""What a map queues while it is paused is replayed by catch-up runs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("table_map", sa.Column("held", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("table_map", sa.Column("blocked", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "catch_up",
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("maps", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("option", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("queued", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("applied", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("conflicts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kept", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("discarded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("option IN ('replay', 'keep', 'discard')", name=op.f("ck_catch_up_option")),
        sa.CheckConstraint(
            "state IN ('replaying', 'handing over', 'completed', 'failed', 'stopped')",
            name=op.f("ck_catch_up_state"),
        ),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (state IN ('completed', 'failed', 'stopped'))",
            name=op.f("ck_catch_up_finished"),
        ),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_catch_up_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_catch_up")),
    )
    op.create_index(op.f("ix_catch_up_connection_started_at"), "catch_up", ["connection", "started_at"])
