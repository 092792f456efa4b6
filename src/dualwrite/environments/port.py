"""What the engine and the servers ask of an environment, whatever stands behind it.

Two faces. *Serving* (:meth:`Environment.read`, :meth:`Environment.transact`) is what the environment's own public API
calls: a transaction of commands whose change set passes the commit pipeline. *Participating*
(:meth:`Environment.participate`) is what the engine calls to write the other half of somebody's transaction: nothing
written there passes the pipeline again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import NewType, Protocol, TypeAlias
from uuid import UUID

from dualwrite.environments.operation import Operation as Operation
from dualwrite.environments.queue import NewRecord, Position, QueueCount, QueuedRecord, QueueFilter, RecordMark
from dualwrite.errors import Contention, DualwriteError
from dualwrite.filters.tree import Expression
from dualwrite.metadata.schema import EnvironmentSchema, Side, Table
from dualwrite.metadata.values import CompanyCode, LegalEntityId, Row, Value

EnvironmentName = NewType("EnvironmentName", str)
ChangeId = NewType("ChangeId", UUID)
Epoch = NewType("Epoch", int)

# --- who asks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request. ``company`` is the F&O default legal entity; ``user_id`` the Dataverse system user."""

    name: str
    company: LegalEntityId | None = None
    user_id: UUID | None = None
    roles: frozenset[str] = frozenset()


# --- what is written ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordKey:
    """A primary or alternate key with its values: ``(("dataAreaId", "usmf"), ("CustomerAccount", "US-001"))``.

    A value may be a ``Reference`` where a lookup is part of an alternate key.
    """

    parts: tuple[tuple[str, CommandValue], ...]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.parts)


@dataclass(frozen=True, slots=True)
class Reference:
    """A lookup value given by the target's key (primary or alternate); resolved inside the transaction."""

    table: str
    key: RecordKey


@dataclass(frozen=True, slots=True)
class ResultOf:
    """A lookup value or key that is the row created by an earlier command of the same transaction (0-based)."""

    command: int


CommandValue: TypeAlias = Value | Reference | ResultOf


@dataclass(frozen=True, slots=True)
class NaturalKey:
    """A row named by the values at some paths, within a company where the table has one: how the engine addresses rows.

    Text compares without regard to case. A path of several parts goes through lookups.
    """

    parts: tuple[tuple[tuple[str, ...], Value], ...]
    company: str | None = None

    def __str__(self) -> str:
        return ", ".join(str(value) for _, value in self.parts)


class Existence(Enum):
    """What a command demands of the row before it writes."""

    ANY = "any"
    """Update a row that is there, create one that is not (Dataverse PATCH without conditions)."""
    MUST_EXIST = "must exist"
    MUST_NOT_EXIST = "must not exist"


@dataclass(frozen=True, slots=True)
class Create:
    """A new row. Columns that are not named get their defaults."""

    table: str
    values: Mapping[str, CommandValue]


@dataclass(frozen=True, slots=True)
class Update:
    """Change the row under ``key``: columns named in ``values`` only.

    ``existence`` ANY or MUST_NOT_EXIST creates a missing row from key and values. ``version`` demands that the row's
    version (RecVersion, versionnumber) is still that one. ``echo`` asks for whole images in the answer; without it they
    hold what was needed on the way, the record id and the version, which is quicker in tables of hundreds of columns.
    """

    table: str
    key: RecordKey | ResultOf | NaturalKey
    values: Mapping[str, CommandValue]
    existence: Existence = Existence.MUST_EXIST
    version: int | None = None
    echo: bool = True


@dataclass(frozen=True, slots=True)
class Delete:
    table: str
    key: RecordKey | ResultOf | NaturalKey
    version: int | None = None


Command: TypeAlias = Create | Update | Delete


@dataclass(frozen=True)
class RecordChange:
    """What one command did: images before and after, None where there is none.

    The images of an update may be partial: see ``Update.echo`` and ``CommitPipeline.needs``.
    """

    table: Table
    operation: Operation
    before: Row | None
    after: Row | None

    @property
    def image(self) -> Row:
        """The row as it is, or as it was when it is gone."""
        image = self.after if self.after is not None else self.before
        assert image is not None
        return image

    @cached_property
    def changed(self) -> frozenset[str]:
        """Columns whose value differs between the images; all columns of a created or deleted row."""
        if self.before is None or self.after is None:
            return frozenset(self.image)
        before = self.before
        return frozenset(name for name, value in self.after.items() if before.get(name) != value)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """The ordered changes of one transaction at its pre-commit point.

    ``attempt`` counts how often the transaction has met others and been started over.
    """

    environment: EnvironmentName
    changes: tuple[RecordChange, ...]
    caller: Caller
    attempt: int = 0


# --- what is read ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SortKey:
    """Order by a column, or by a column reached through a lookup (``("primarycontactid", "fullname")``)."""

    path: tuple[str, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Rows of one table. ``where`` is a *bound* expression. Order always ends with the primary key, so that ``after``
    works.

    ``after`` continues behind a row: one value per sort key, then the primary key's values. ``columns`` None reads all.
    """

    table: str
    columns: tuple[str, ...] | None = None
    where: Expression | None = None
    order: tuple[SortKey, ...] = ()
    limit: int | None = None
    offset: int = 0
    after: tuple[Value, ...] | None = None
    count: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """``rows`` in order. ``more`` tells that rows follow; ``last`` is then the position to continue behind
    (``after``).
    """

    rows: Sequence[Row]
    more: bool = False
    last: tuple[Value, ...] | None = None
    total: int | None = None


# --- what the engine asks inside a transaction ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """``path`` (a column, or a column behind lookups) equals the value at this position of each key."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """Find rows of ``table`` by natural key: ``conditions`` name the paths, each of ``keys`` gives their values in
    that order.

    Text compares without regard to case. ``company`` restricts a company-specific table (and company-specific tables
    on the way) to the rows of that company, named by its code. ``columns`` None reads whole rows, otherwise these, the
    record id and the version.
    """

    table: str
    conditions: tuple[Condition, ...]
    keys: tuple[tuple[Value, ...], ...]
    company: str | None = None
    columns: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Follow:
    """Read the value at ``path`` starting from the rows of ``table`` with these ids."""

    table: str
    path: tuple[str, ...]
    ids: tuple[UUID, ...]


class Session(Protocol):
    """One open transaction in an environment."""

    async def search(self, search: Search) -> Sequence[Row | None]:
        """The row of each key in order, None where there is none.

        Raises: RecordRefused when a key finds several rows.
        """
        ...

    async def follow(self, follow: Follow) -> Mapping[UUID, Value]:
        """The value behind each id; ids whose path ends in nothing are absent."""
        ...

    async def lock(self, table: str, ids: Sequence[Value]) -> Sequence[Row]:
        """The rows with these record ids (RecId, primary id) as they are now, kept so until the transaction ends."""
        ...

    async def execute(self, commands: Sequence[Command]) -> Sequence[RecordChange]:
        """Apply ``commands`` in order and tell what each did. Raises: RecordRefused, Contention."""
        ...

    async def queue(self, change: ChangeId, records: Sequence[NewRecord], *, caller: str) -> None:
        """The records are in this environment's queue, as one transaction, if the open transaction commits."""
        ...

    async def unqueue(self, marks: Collection[tuple[str, RecordMark]]) -> None:
        """Nothing waits in this environment's queue for these records (by map and mark), if the transaction commits."""
        ...


class Participant(Session, Protocol):
    """The engine's transaction in a target: accepted, written, prepared, and then decided by the source.

    The first call opens it: :meth:`accept` for a live change, :meth:`begin` where no other side takes part.
    """

    async def begin(self) -> None:
        """Open the transaction without a change to accept (initial sync)."""
        ...

    async def accept(
        self, change: ChangeId, *, source: EnvironmentName, epoch: Epoch, gates: Sequence[str] = ()
    ) -> PreparedName:
        """The transaction is open and carries ``change``; tells the name it would be prepared under.

        It has passed the gates of the tables ``gates``, which are being copied: see ``CopyParticipant.close_gate``.
        Raises: Contention, when a recovery has passed meanwhile or a gate is closed.
        """
        ...

    async def prepare(self) -> PreparedName:
        """Make the accepted transaction survive this process. Afterwards only the prepared name can end it."""
        ...

    async def savepoint(self) -> None:
        """What follows can be undone alone by :meth:`undo`, until the next savepoint."""
        ...

    async def undo(self) -> None:
        """Everything since the last savepoint is undone."""
        ...

    async def commit(self) -> None:
        """Commit at once, where no other side takes part (initial sync)."""
        ...

    async def decide(self, commitment: Commitment) -> None:
        """What was written is committed, as the source of a change whose other half ``commitment`` is, and that is
        settled. Like a served transaction it commits only under the epoch it was routed under.

        Raises: Contention (nothing was written on either side), EnvironmentUnavailable, OutcomeUnknown.
        """
        ...

    async def claim(self, positions: Sequence[Position], maps: Collection[str]) -> Sequence[QueuedRecord]:
        """What is left in this environment's queue at these positions for these maps, in order.

        Nobody else has it until this transaction ends.
        """
        ...

    async def take(self, records: Sequence[QueuedRecord]) -> None:
        """The records leave the queue."""
        ...

    async def met(self, marks: Collection[tuple[str, RecordMark]], *, lost: bool) -> frozenset[tuple[str, RecordMark]]:
        """Which of these records (by map and mark) wait in this environment's queue, too.

        Their changes are marked: as ``lost`` to the other side's, or else as ``whole``. Those that are lost already do
        not count.
        """
        ...


PreparedName = NewType("PreparedName", str)
"""The target database's name of a prepared transaction."""


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    """A prepared transaction that nobody has decided yet in this environment, with what its name tells."""

    name: PreparedName
    source: EnvironmentName
    epoch: Epoch
    change: ChangeId
    prepared_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What the source records in its own transaction so that recovery knows that the target is to commit."""

    change: ChangeId
    prepared: PreparedName
    target: EnvironmentName


class Commitment(Protocol):
    """The other half of a source transaction, ready to be decided."""

    @property
    def epoch(self) -> Epoch:
        """The epoch under which the change set was routed; the source's commit checks that it still holds."""
        ...

    @property
    def decision(self) -> Decision | None:
        """None when no target takes part."""
        ...

    async def committed(self) -> None:
        """The source has committed. Never raises: what fails here is left to recovery."""
        ...

    async def abandoned(self) -> None:
        """The source has rolled back. Never raises: what fails here is left to recovery."""
        ...

    async def unknown(self) -> bool:
        """The source's commit was sent and not answered: find out, settle the target, and tell whether it committed."""
        ...


class CommitPipeline(Protocol):
    """What every served transaction passes before it commits."""

    def turn(self, met: Sequence[Contention]) -> AbstractAsyncContextManager[None]:
        """Inside, no other transaction that had to give way at one of the same records is started over."""
        ...

    async def needs(self, table: Table, written: frozenset[str]) -> frozenset[str]:
        """The columns it must find in the images of an update that writes the columns ``written``."""
        ...

    async def before_commit(self, changes: ChangeSet, source: Session) -> Commitment | None:
        """Write the other half. Raises: RecordRefused (the source rolls back), Contention (the source retries)."""
        ...

    async def gave_up(self, met: Contention, error: DualwriteError) -> None:
        """The transaction that met others at last so is not tried again; its caller is told ``error``. Never raises."""
        ...


class Environment(Protocol):
    """One environment: served through its API, taking part in the engine's transactions."""

    @property
    def name(self) -> EnvironmentName: ...

    @property
    def side(self) -> Side: ...

    @property
    def schema(self) -> EnvironmentSchema:
        """The tables as last looked at; see :meth:`current_schema`."""
        ...

    async def current_schema(self, *, within_s: float = 0.0) -> EnvironmentSchema:
        """The tables as they are now, or were at most so long ago; another object where they have changed."""
        ...

    async def read(self, query: RowQuery) -> Page:
        """Committed rows. Raises: QueryRefused, EnvironmentUnavailable."""
        ...

    async def transact(self, commands: Sequence[Command], *, caller: Caller) -> Sequence[RecordChange]:
        """Apply ``commands`` as one transaction, all or none, on both sides of every link.

        Atomicity: all commands and their mapped counterparts, or nothing. Idempotency: none; a Create run twice is
        refused as a duplicate where a key forbids it. Ordering: as given. After failure: nothing was written, except
        for OutcomeUnknown.

        Raises: RecordRefused, Contention, EnvironmentUnavailable, OutcomeUnknown. A RecordRefused of command *i*
        carries ``details["command"] == i``.
        """
        ...

    def participate(self, *, attempt: int = 0) -> AbstractAsyncContextManager[Participant]:
        """A transaction for the engine; rolled back on leaving unless prepared or committed.

        The more often it has been attempted before, the longer it waits for records that others are changing.
        """
        ...

    async def pulse(self) -> None:
        """The environment has answered a question that costs nothing, on a connection of its own.

        Nobody who asks need wait for the answer. Raises: EnvironmentUnavailable.
        """
        ...

    async def epoch(self) -> Epoch:
        """The epoch under which this environment takes part in changes."""
        ...

    async def raise_epoch(self, to: Epoch) -> Epoch:
        """Every decision under way is through and those not taken are impossible; tells the epoch (at least ``to``)."""
        ...

    async def prepared(self) -> Sequence[PreparedTransaction]:
        """What the engine has prepared here and not settled."""
        ...

    async def accepted_ended(self) -> None:
        """The engine's transactions that were open here at the call have been prepared or have ended, those of dead
        processes included.
        """
        ...

    async def settle(self, name: PreparedName, *, commit: bool) -> None:
        """Commit or roll back a prepared transaction. Idempotency: by name; one that is gone counts as settled."""
        ...

    async def decided(self, changes: Sequence[ChangeId]) -> frozenset[ChangeId]:
        """Which of ``changes`` this environment, as their source, has decided to commit."""
        ...

    async def forget(self, before: datetime) -> None:
        """Decisions and acceptances older than ``before`` are dropped."""
        ...

    async def queue_counts(self) -> Sequence[QueueCount]:
        """What waits in the queue, by map."""
        ...

    async def queued(
        self, which: QueueFilter, *, after: tuple[Position, int] = (0, 0), limit_rows: int = 100
    ) -> Sequence[QueuedRecord]:
        """The records in the queue behind ``after`` (position and number), in order."""
        ...

    async def queue_positions(self, maps: Collection[str], *, most: int | None = None) -> Sequence[Position]:
        """The positions, in order, at which something is left for these maps."""
        ...

    def scan(self, query: RowQuery, *, batch_rows: int = 1000) -> AsyncIterator[Sequence[Row]]:
        """All rows of a query in one consistent snapshot, in batches."""
        ...


@dataclass(frozen=True, slots=True)
class LegalEntityLink:
    """A legal entity that is linked to a company."""

    legal_entity: LegalEntityId
    company_code: CompanyCode


@dataclass(frozen=True, slots=True)
class EmptyCommitment:
    """Nothing goes to the other side; only the epoch is checked."""

    epoch: Epoch
    decision: Decision | None = field(default=None)

    async def committed(self) -> None: ...

    async def abandoned(self) -> None: ...

    async def unknown(self) -> bool:
        return False


class TableDesign(Protocol):
    """Changes which tables an environment has. ``who`` is kept with the change.

    Atomicity: a call is done whole or not at all. Idempotency: defining what is there does nothing. Ordering: callers
    wait for each other. After failure: nothing has changed. All raise CatalogRefused, for what cannot be done, and
    Contention.
    """

    async def define(self, tables: Sequence[Table], *, who: str) -> None:
        """The environment has these tables as they are given; what it has besides stays."""
        ...

    async def remove_table(self, table: str, *, who: str) -> None:
        """The table is gone with its rows. Refused for tables that a user has not made, or that a map uses."""
        ...

    async def remove_column(self, table: str, column: str, *, who: str) -> None:
        """The column is gone with its values. Refused like :meth:`remove_table`."""
        ...

    async def remove_key(self, table: str, columns: tuple[str, ...], *, who: str) -> None:
        """Rows need no longer be unique in these columns."""
        ...
