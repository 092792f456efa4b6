"""The table maps."""
