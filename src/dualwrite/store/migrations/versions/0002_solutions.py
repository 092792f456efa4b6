"""Solutions become a library with members, map versions know where they come from, and integration keys are chosen."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _widen_solutions()
    _widen_versions()
    _add_members()
    op.create_table(
        "integration_key",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("dataverse_table", sa.Text(), nullable=False),
        sa.Column("columns", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cardinality(columns) > 0", name=op.f("ck_integration_key_columns")),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_integration_key_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", "dataverse_table", name=op.f("pk_integration_key")),
    )


def _widen_solutions() -> None:
    """What was there had been applied, and came with the program."""
    op.add_column("solution", sa.Column("display_name", sa.Text()))
    op.add_column("solution", sa.Column("description", sa.Text()))
    op.add_column("solution", sa.Column("managed", sa.Boolean()))
    op.add_column("solution", sa.Column("state", sa.Text()))
    op.add_column("solution", sa.Column("document", postgresql.JSONB()))
    op.add_column("solution", sa.Column("imported_at", sa.DateTime(timezone=True), server_default=sa.text("now()")))
    op.execute(
        "UPDATE solution SET display_name = unique_name, description = '', managed = true, state = 'applied', "
        "document = '{}', imported_at = applied_at"
    )
    for column in ("display_name", "description", "managed", "state", "document", "imported_at"):
        op.alter_column("solution", column, nullable=False)
    op.alter_column("solution", "applied_at", nullable=True, server_default=None)
    op.create_check_constraint(op.f("ck_solution_state"), "solution", "state IN ('imported', 'applied')")
    op.create_check_constraint(
        op.f("ck_solution_applied"), "solution", "(state = 'applied') = (applied_at IS NOT NULL)"
    )


def _widen_versions() -> None:
    """Until now versions came from the one solution that a connection had applied, and from nowhere else."""
    op.add_column("map_version", sa.Column("managed", sa.Boolean()))
    op.add_column("map_version", sa.Column("solution", sa.Text()))
    op.add_column("map_version", sa.Column("source", postgresql.JSONB()))
    op.add_column("map_version", sa.Column("created_by", sa.Text()))
    op.execute(
        "UPDATE map_version v SET created_by = 'local administrator', "
        "solution = (SELECT min(s.unique_name) FROM solution s WHERE s.connection = v.connection)"
    )
    op.execute("UPDATE map_version SET managed = solution IS NOT NULL")
    for column in ("managed", "created_by"):
        op.alter_column("map_version", column, nullable=False)


def _add_members() -> None:
    op.create_table(
        "solution_map",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("solution", sa.Text(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection", "solution"],
            ["solution.connection", "solution.unique_name"],
            name=op.f("fk_solution_map_connection_solution"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["connection", "map", "version"],
            ["map_version.connection", "map_version.name", "map_version.version"],
            name=op.f("fk_solution_map_connection_map_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection", "solution", "map", "version", name=op.f("pk_solution_map")),
    )
    op.create_index(op.f("ix_solution_map_connection_map_version"), "solution_map", ["connection", "map", "version"])
    op.execute(
        "INSERT INTO solution_map (connection, solution, map, version, position) "
        "SELECT v.connection, v.solution, v.name, v.version, coalesce(m.position, 0) FROM map_version v "
        "LEFT JOIN table_map m ON m.connection = v.connection AND m.name = v.name WHERE v.solution IS NOT NULL"
    )
