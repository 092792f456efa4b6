"""Integration jobs move the changes of their maps outside the users' transactions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "integration_job",
        sa.Column("connection", sa.Text(), sa.ForeignKey("connection.name", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("primary_side", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="stopped"),
        sa.Column("message", sa.Text(), nullable=False, server_default=""),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.CheckConstraint("primary_side IN ('finops', 'dataverse')", name=op.f("ck_integration_job_side")),
        sa.CheckConstraint("state IN ('stopped', 'active')", name=op.f("ck_integration_job_state")),
        sa.PrimaryKeyConstraint("connection", "name", name=op.f("pk_integration_job")),
    )
    op.create_table(
        "integration_job_map",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection", "job"],
            ["integration_job.connection", "integration_job.name"],
            name=op.f("fk_integration_job_map_connection_integration_job"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["connection", "map"],
            ["table_map.connection", "table_map.name"],
            name=op.f("fk_integration_job_map_connection_table_map"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection", "map", name=op.f("pk_integration_job_map")),
    )
    op.create_table(
        "integration_job_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("errors", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="queued"),
        sa.Column("result", sa.Text(), nullable=False, server_default=""),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("kind IN ('retry', 'dismiss')", name=op.f("ck_integration_job_request_kind")),
        sa.CheckConstraint("state IN ('queued', 'done', 'failed')", name=op.f("ck_integration_job_request_state")),
        sa.CheckConstraint("cardinality(errors) <= 10000", name=op.f("ck_integration_job_request_errors")),
        sa.ForeignKeyConstraint(
            ["connection", "job"],
            ["integration_job.connection", "integration_job.name"],
            name=op.f("fk_integration_job_request_connection_integration_job"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integration_job_request")),
    )
