"""The first schema: environments, connections, maps, initial copies, activity, clients and keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("map", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index(op.f("ix_activity_at"), "activity", ["at"], unique=False)
    op.create_index(op.f("ix_activity_map_at"), "activity", ["map", "at"], unique=False)
    op.create_table(
        "client",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("default_company", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client")),
        sa.UniqueConstraint("name", name=op.f("uq_client_name")),
    )
    op.create_table(
        "environment",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("database", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('hosted', 'remote')", name=op.f("ck_environment_kind")),
        sa.CheckConstraint("side IN ('finops', 'dataverse')", name=op.f("ck_environment_side")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_environment")),
    )
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("private_material", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    op.create_table(
        "connection",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("finops_environment", sa.Text(), nullable=False),
        sa.Column("dataverse_environment", sa.Text(), nullable=False),
        sa.Column("primary_side", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("primary_side IN ('finops', 'dataverse')", name=op.f("ck_connection_primary_side")),
        sa.ForeignKeyConstraint(
            ["dataverse_environment"], ["environment.name"], name=op.f("fk_connection_dataverse_environment")
        ),
        sa.ForeignKeyConstraint(
            ["finops_environment"], ["environment.name"], name=op.f("fk_connection_finops_environment")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connection")),
        sa.UniqueConstraint(
            "finops_environment",
            "dataverse_environment",
            name=op.f("uq_connection_finops_environment_dataverse_environment"),
        ),
    )
    op.create_table(
        "connection_company",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("legal_entity", sa.Text(), nullable=False),
        sa.Column("company_code", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_connection_company_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", "legal_entity", name=op.f("pk_connection_company")),
        sa.UniqueConstraint("connection", "company_code", name=op.f("uq_connection_company_connection_company_code")),
    )
    op.create_table(
        "initial_copy",
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("master", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("master IN ('finops', 'dataverse')", name=op.f("ck_initial_copy_master")),
        sa.CheckConstraint("outcome IN ('completed', 'with refusals', 'failed')", name=op.f("ck_initial_copy_outcome")),
        sa.CheckConstraint("(finished_at IS NULL) = (outcome IS NULL)", name=op.f("ck_initial_copy_finished")),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_initial_copy_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_initial_copy")),
    )
    op.create_index(
        op.f("ix_initial_copy_connection_started_at"), "initial_copy", ["connection", "started_at"], unique=False
    )
    op.create_table(
        "map_version",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version ~ '^\\d+\\.\\d+\\.\\d+\\.\\d+$'", name=op.f("ck_map_version_version")),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_map_version_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", "name", "version", name=op.f("pk_map_version")),
    )
    op.create_table(
        "solution",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("unique_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version ~ '^\\d+\\.\\d+\\.\\d+\\.\\d+$'", name=op.f("ck_solution_version")),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_solution_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", "unique_name", name=op.f("pk_solution")),
    )
    op.create_table(
        "initial_copy_map",
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("legal_entity", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("read_rows", sa.BigInteger(), nullable=False),
        sa.Column("created_rows", sa.BigInteger(), nullable=False),
        sa.Column("updated_rows", sa.BigInteger(), nullable=False),
        sa.Column("unchanged_rows", sa.BigInteger(), nullable=False),
        sa.Column("refused_rows", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["initial_copy.run"], name=op.f("fk_initial_copy_map_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "map", "legal_entity", "direction", name=op.f("pk_initial_copy_map")),
    )
    op.create_table(
        "refused_record",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("legal_entity", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("record_key", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("row", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["initial_copy.run"], name=op.f("fk_refused_record_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_record")),
    )
    op.create_index(op.f("ix_refused_record_run_map_id"), "refused_record", ["run", "map", "id"], unique=False)
    op.create_table(
        "table_map",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active_version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('not running', 'initializing', 'running', 'paused', 'resuming')", name=op.f("ck_table_map_state")
        ),
        sa.ForeignKeyConstraint(
            ["connection", "name", "active_version"],
            ["map_version.connection", "map_version.name", "map_version.version"],
            name=op.f("fk_table_map_connection_name_active_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection", "name", name=op.f("pk_table_map")),
    )
