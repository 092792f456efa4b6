"""The roles a caller can have."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """What a caller may do; the values are what callers and stored clients carry."""

    SYSTEM_ADMINISTRATOR = "system administrator"
    """Everything, on both environments and on dual-write itself."""
    SYSTEM_CUSTOMIZER = "system customizer"
    """Reads and writes records, makes tables, and changes, starts and stops table maps."""
    DUAL_WRITE_RUNTIME_USER = "dual-write runtime user"
    """Works in an environment whose tables are mapped: its writes go to the other side."""
    DUAL_WRITE_APP_USER = "dual-write app user"
    """The engine's own identity in an environment."""
    READER = "reader"
    """Reads and changes nothing."""
