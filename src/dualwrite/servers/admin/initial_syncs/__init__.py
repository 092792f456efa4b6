"""The runs of the initial sync."""
