"""Changes that failed are kept until they are settled."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_error",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("change", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("legal_entity", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("row", JSONB(), nullable=False),
        sa.Column("changed", sa.ARRAY(sa.Text())),
        sa.Column("version", sa.BigInteger()),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("settled_by", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("last_reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_error")),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_sync_error_connection"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("connection", "change", "number", name=op.f("uq_sync_error_connection_change_number")),
        *(sa.CheckConstraint(condition, name=op.f(f"ck_sync_error_{name}")) for name, condition in _CHECKS.items()),
    )
    op.create_index(
        "ix_sync_error_connection_at", "sync_error", ["connection", "at"], postgresql_include=["map", "category"]
    )
    op.create_index("ix_sync_error_connection_map_id", "sync_error", ["connection", "map", "id"])
    op.create_index(
        "ix_sync_error_open", "sync_error", ["connection", "id"], postgresql_where=sa.text("state = 'open'")
    )


_CHECKS = {
    "kind": "kind IN ('live', 'catch-up', 'async')",
    "category": "category IN ('application', 'system', 'concurrency', 'conflict')",
    "direction": "direction IN ('to Dataverse', 'to finance and operations')",
    "operation": "operation IN ('create', 'update', 'delete')",
    "state": "state IN ('open', 'completed', 'stale', 'dismissed')",
    "settled": "(state = 'open') = (settled_at IS NULL)",
    "attempts": "(attempts > 0) = (last_attempt_at IS NOT NULL)",
}
