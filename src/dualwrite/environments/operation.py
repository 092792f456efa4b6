"""What one command does to one row."""

from __future__ import annotations

from enum import Enum


class Operation(Enum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
