"""Alert settings, what they have done, and a log of activities that is searched quickly."""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
