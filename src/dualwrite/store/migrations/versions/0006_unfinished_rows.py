"""Rows that an initial sync has inserted and could not complete are found quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_refused_row_unfinished", "refused_row", ["map"], postgresql_where=sa.text("settled_by IS NULL AND whole")
    )
