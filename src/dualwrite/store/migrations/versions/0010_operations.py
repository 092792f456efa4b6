"""Long actions that were asked for over the API, and the keys that make asking twice harmless."""

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
