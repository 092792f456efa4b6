"""Hosted environments read and written in frames: what the initial sync and bulk files go through.

Nothing on the path of a live change or of a command imports this package: Polars takes its time to load.
"""
