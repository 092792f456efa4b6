"""Packaging: solutions as sets of map versions, applied to a connection."""
