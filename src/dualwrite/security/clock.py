"""The clock as a port: whatever expires asks it for the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present moment, aware of its zone."""


def system_clock() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)
