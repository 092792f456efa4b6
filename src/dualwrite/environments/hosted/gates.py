"""The gates of tables: live changes pass them, and the initial sync closes them for a moment.

A gate is an advisory lock of the transaction. A prepared transaction keeps it until it is settled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_CLASS: Final = 7236873


def passing(tables: Iterable[str]) -> str:
    """SQL that passes the gates of ``tables``, always in the same order; it waits where one is closed."""
    return "".join(f"; SELECT pg_advisory_xact_lock_shared({_gate(table)})" for table in sorted(set(tables)))


def closing(table: str) -> str:
    """SQL that closes the gate of ``table`` when everybody is through."""
    return f"SELECT pg_advisory_xact_lock({_gate(table)})"


def _gate(table: str) -> str:
    literal = table.replace("'", "''")
    return f"{_CLASS}, hashtext('{literal}')"
