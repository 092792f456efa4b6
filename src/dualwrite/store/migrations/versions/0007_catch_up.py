"""What a map queues while it is paused is replayed by catch-up runs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("table_map", sa.Column("held", sa.Boolean(), server_default="false", nullable=False))
