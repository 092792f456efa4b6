"""Keeps a finance and operations environment and a Dataverse environment in step."""

__version__ = "0.1.0"
