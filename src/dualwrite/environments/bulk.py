"""What the initial sync asks of an environment: whole frames read, matched and written in one transaction.

Frames are those of ``maps.columnar.frames``: columns by their names, values behind lookups by dotted paths, a
polymorphic lookup with its ``<lookup>@table`` beside it. Five names are reserved:

=============  =====================================================================================================
``@id``        the record id: Int64 (RecId) in finance and operations, String (a GUID) in Dataverse
``@version``   Int64; another number after every change of the row
``@company``   String: the legal entity in lower case, or the company code; null where the table has no company
``@row``       Int64: the position of a row in the frame that was asked with
``@digest``    Int64: a number for several values of a row
=============  =====================================================================================================

Polars is loaded only where frames are used: commands and live changes do without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias
from uuid import UUID

from dualwrite.environments.port import Environment, Participant
from dualwrite.metadata.values import Value

if TYPE_CHECKING:
    import polars as pl

ID: Final = "@id"
VERSION: Final = "@version"
COMPANY: Final = "@company"
ROW: Final = "@row"
DIGEST: Final = "@digest"

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """The record ids from ``first`` to ``last``, both of them included; None: no bound."""

    first: Value = None
    last: Value = None


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of a table that is copied at once: the rows of some companies (None: of all) within a span.

    An empty text among the companies stands for the rows that have none.
    ``rows`` is how many there were when they were counted; of a part of a great table, about how many.
    """

    companies: tuple[str, ...] | None
    span: Span
    rows: int


@dataclass(frozen=True, slots=True)
class Scan:
    """The committed rows of ``table`` to be read as a frame, in the order of their ids.

    ``companies`` in this side's words, without regard to case; an empty text for the rows that have none. ``ids`` names
    the rows within ``span``. ``created_before``, by the clock of the environment (``CopyParticipant.now``), leaves
    out rows that are surely younger, where the environment can tell.
    """

    table: str
    paths: tuple[Path, ...]
    companies: tuple[str, ...] | None = None
    span: Span = Span()
    ids: tuple[Value, ...] | None = None
    created_before: datetime | None = None
    most_rows: int | None = None
    digest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameSearch:
    """Find rows by natural key. ``keys`` has a column ``0``, ``1`` … for each of ``paths``, in order, and ``@company``
    where the table is company-specific: it holds for the company-specific tables on the way, too.

    Text compares without regard to case. ``columns`` are read besides the id, entries ``<lookup>@table`` where they are
    named; ``digest`` as in ``Scan``. With ``hold``, the rows that are found
    cannot be deleted by others until the transaction ends.
    """

    table: str
    paths: tuple[Path, ...]
    keys: pl.DataFrame
    columns: tuple[str, ...] = ()
    hold: bool = False
    digest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inserted:
    """``ids`` has the new record id for each row of the frame, null for those in ``left``.

    ``left`` are the positions of rows that were not written because they need a closer look, row by row: the
    environment would refuse them, or cannot judge them as a frame.
    """

    ids: pl.Series
    left: tuple[int, ...]


class CopyParticipant(Participant, Protocol):
    """A participant that takes whole frames, and whose statements may take their time.

    All methods raise Contention when others are in the way for too long; then the transaction is to be rolled back
    and tried again.
    """

    def takes_frames(self, table: str) -> bool:
        """Whether rows of ``table`` can be written as frames; the others are written one by one."""
        ...

    async def now(self) -> datetime:
        """The time by this environment's own clock: what ``created_before`` is compared with."""
        ...

    async def survey(
        self,
        table: str,
        *,
        companies: Sequence[str] | None,
        most_rows: int,
        others: bool = False,
        created_before: datetime | None = None,
    ) -> Sequence[Extent]:
        """The rows of ``companies`` (None: the table has none, or all rows are meant) cut into extents.

        A company of more than ``most_rows`` rows has extents of its own; smaller ones share. With ``others``, the
        companies that are not named follow, with extents of their own ("" for no company). The extents cover every
        id, those included that come later; with ``created_before``, where ids tell which rows are younger than the
        survey, only those that were given until now. A table without rows has no extent.
        """
        ...

    async def count_by_company(self, table: str) -> Mapping[str | None, int]:
        """How many rows each company has; None for rows without a company."""
        ...

    async def frame(self, scan: Scan) -> pl.DataFrame:
        """``@id``, ``@version``, ``@company``, then the columns by dotted path."""
        ...

    async def find_frame(self, search: FrameSearch) -> pl.DataFrame:
        """``@row``, ``@id``, ``@version`` and the columns; a key with several rows is there several times, one with
        none is not."""
        ...

    async def versions(self, table: str, ids: pl.Series) -> pl.DataFrame:
        """``@id`` and ``@version`` of those of ``ids`` that are there, as they are now."""
        ...

    async def insert_frame(self, table: str, frame: pl.DataFrame) -> Inserted:
        """New rows under the rules of the environment. Columns that are missing get their defaults.

        In Dataverse the frame may bring the ids in the table's own id column; then rows may refer to themselves.
        """
        ...

    async def doubtful(self, table: str, frame: pl.DataFrame) -> tuple[int, ...]:
        """The positions of new rows that need a closer look before anything is written, as in ``Inserted.left``."""
        ...

    async def update_frame(self, table: str, frame: pl.DataFrame) -> tuple[int, ...]:
        """The rows under ``@id`` have the values of the frame; rows that are gone are left out.

        Gives the positions that need a closer look and were not written, as in ``Inserted.left``.
        """
        ...

    async def delete_ids(self, table: str, ids: pl.Series) -> None:
        """The rows are gone. For taking back what this transaction has inserted."""
        ...

    async def close_gate(self, table: str) -> None:
        """Until this transaction ends nobody else passes the gate of ``table``, and whoever had passed it is through.

        Live changes pass the gate of each table they write while it is being copied (see ``Participant.accept``); a
        prepared transaction is through when it has been settled.
        """
        ...

    async def outcome_of(self, run: UUID, partition: int) -> str | None:
        """What :meth:`keep_outcome` has been given for the partition in a committed transaction, if any."""
        ...

    async def keep_outcome(self, run: UUID, partition: int, outcome: str) -> None:
        """The outcome is kept together with what was written. Raises: Contention when another transaction has
        committed the same partition."""
        ...


class BulkEnvironment(Environment, Protocol):
    """An environment that can be copied from and to by frames."""

    def copying(self) -> AbstractAsyncContextManager[CopyParticipant]:
        """A transaction for the initial sync; rolled back on leaving unless committed."""
        ...

    async def forget_outcomes(self, run: UUID) -> None:
        """What was kept for the partitions of a run that has ended is dropped."""
        ...
