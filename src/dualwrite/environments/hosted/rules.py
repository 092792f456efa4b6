"""What an environment itself does to a row while it is written: defaults, computed columns, business logic of an
application.

Rules run inside the transaction of the write, before the row is stored. They are handed to the environment by whoever
builds it; the ones that every Dataverse row obeys are in :mod:`dualwrite.environments.hosted.dataverse_rules`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from dualwrite.environments.port import Session
from dualwrite.metadata.schema import Table
from dualwrite.metadata.values import Row, Value


class WriteSession(Session, Protocol):
    """The session a rule runs in."""

    @property
    def user_id(self) -> UUID | None:
        """The Dataverse user that writes."""
        ...

    def has_table(self, table: str) -> bool:
        """Whether the environment has ``table``: a lookup may point to tables that no applied solution has brought."""
        ...

    def primary_key(self, table: str) -> str:
        """The id column of ``table``."""
        ...

    async def follow_one(self, table: str, row_id: UUID, column: str) -> Value:
        """One column of the row with that id; None when there is no such row."""
        ...


class Rule(Protocol):
    """One piece of logic. It may change ``values`` (checked values by column name) or raise RecordRefused."""

    def applies_to(self, table: Table) -> bool: ...

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        """The columns of a row as it was that the rule needs to see when the columns ``given`` are written."""
        ...

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        """``before`` is None for a new row; ``values`` are the columns that are to be written."""
        ...
