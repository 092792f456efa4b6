"""Environments of our own: tables in PostgreSQL, served through the environment's public API, every write in the
pipeline.
"""
