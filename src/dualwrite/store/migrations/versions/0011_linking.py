"""Owning teams, rows that added legal entities still have to bring along, and what a link has been through."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connection", sa.Column("state", sa.Text(), server_default="linked", nullable=False))
    op.add_column("connection", sa.Column("owning_team", sa.Uuid()))
    op.add_column("connection", sa.Column("reset_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_connection_state"), "connection", "state IN ('linked', 'resetting', 'unlinking')"
    )
    _create_pending_copies()
    _create_owning_teams()
    _create_former_connections()


def _create_pending_copies() -> None:
    op.create_table(
        "pending_copy",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("legal_entity", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection", "map"],
            ["table_map.connection", "table_map.name"],
            name=op.f("fk_pending_copy_connection_map"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["connection", "legal_entity"],
            ["connection_company.connection", "connection_company.legal_entity"],
            name=op.f("fk_pending_copy_connection_legal_entity"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection", "map", "legal_entity", name=op.f("pk_pending_copy")),
    )
    op.create_index(op.f("ix_pending_copy_connection_legal_entity"), "pending_copy", ["connection", "legal_entity"])


def _create_owning_teams() -> None:
    op.create_table(
        "map_owning_team",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("team", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection", "map"],
            ["table_map.connection", "table_map.name"],
            name=op.f("fk_map_owning_team_connection_map"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection", "map", name=op.f("pk_map_owning_team")),
    )


def _create_former_connections() -> None:
    op.create_table(
        "former_connection",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("finops_environment", sa.Text(), nullable=False),
        sa.Column("dataverse_environment", sa.Text(), nullable=False),
        sa.Column("legal_entities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "unlinked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("unlinked_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_connection")),
    )
