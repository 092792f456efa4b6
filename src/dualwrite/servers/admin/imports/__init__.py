"""Imports of files, and what they refused."""
