"""Imports of files are remembered with the records they refused."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_import",
        sa.Column("import", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("files", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rerun_of", sa.BigInteger()),
        sa.CheckConstraint("side IN ('finops', 'dataverse')", name=op.f("ck_file_import_side")),
        sa.CheckConstraint("read = created + updated + unchanged + refused", name=op.f("ck_file_import_sum")),
        sa.ForeignKeyConstraint(
            ["rerun_of"], ["file_import.import"], name=op.f("fk_file_import_rerun_of"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("import", name=op.f("pk_file_import")),
    )
    op.create_table(
        "refused_file_record",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("import", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("legal_entity", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("row", postgresql.JSONB(), nullable=False),
        sa.Column("settled_by", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["import"], ["file_import.import"], name=op.f("fk_refused_file_record_import"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["settled_by"], ["file_import.import"], name=op.f("fk_refused_file_record_settled_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_file_record")),
    )
    op.create_index(
        op.f("ix_refused_file_record_import_entity_line"), "refused_file_record", ["import", "entity", "line"]
    )
