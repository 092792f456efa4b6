"""The store as one thing: a repository per noun over one small pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from dualwrite.store.activity import ActivityLog
from dualwrite.store.alerts import AlertRepository
from dualwrite.store.catch_ups import CatchUpRepository
from dualwrite.store.clients import ClientRepository
from dualwrite.store.connections import ConnectionRepository
from dualwrite.store.connector import JoinedTransaction, OwnTransactions, Transactions, create_engine
from dualwrite.store.environments import EnvironmentRepository
from dualwrite.store.file_imports import FileImportRepository
from dualwrite.store.idempotency_keys import IdempotencyKeyRepository
from dualwrite.store.initial_syncs import InitialSyncRepository
from dualwrite.store.integration_jobs import IntegrationJobRepository
from dualwrite.store.integration_keys import IntegrationKeyRepository
from dualwrite.store.maps import MapRepository
from dualwrite.store.operations import OperationRepository
from dualwrite.store.owning_teams import OwningTeamRepository
from dualwrite.store.partitions import PartitionRepository
from dualwrite.store.pending_copies import PendingCopyRepository
from dualwrite.store.refusals import RefusalRepository
from dualwrite.store.signing_keys import SigningKeyRepository
from dualwrite.store.solutions import SolutionRepository
from dualwrite.store.sync_errors import SyncErrorRepository
from dualwrite.store.sync_progress import SyncProgress
from dualwrite.store.upgrade import upgrade


class Repositories:
    """One repository per noun, all over the same source of transactions."""

    def __init__(self, transactions: Transactions) -> None:
        self.environments = EnvironmentRepository(transactions)
        self.connections = ConnectionRepository(transactions)
        self.pending_copies = PendingCopyRepository(transactions)
        self.owning_teams = OwningTeamRepository(transactions)
        self.solutions = SolutionRepository(transactions)
        self.maps = MapRepository(transactions)
        self.integration_keys = IntegrationKeyRepository(transactions)
        self.integration_jobs = IntegrationJobRepository(transactions)
        self.initial_syncs = InitialSyncRepository(transactions)
        self.partitions = PartitionRepository(transactions)
        self.refusals = RefusalRepository(transactions)
        self.sync_progress = SyncProgress(transactions)
        self.catch_ups = CatchUpRepository(transactions)
        self.sync_errors = SyncErrorRepository(transactions)
        self.file_imports = FileImportRepository(transactions)
        self.idempotency_keys = IdempotencyKeyRepository(transactions)
        self.operations = OperationRepository(transactions)
        self.activity = ActivityLog(transactions)
        self.alerts = AlertRepository(transactions)
        self.clients = ClientRepository(transactions)
        self.signing_keys = SigningKeyRepository(transactions)


class Store(Repositories):
    """dual-write's own database. Each method of a repository is one transaction, unless inside :meth:`transaction`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._transactions = OwnTransactions(engine)
        super().__init__(self._transactions)

    @classmethod
    async def connect(cls, url: str, *, pool_size: int = 4) -> Store:
        """A store over the database at ``url``, upgraded to the current schema.

        Raises: EnvironmentUnavailable; SettingsRefused for a wrong URL or a database that a newer program wrote.
        """
        await upgrade(url)
        return cls(create_engine(url, pool_size=pool_size))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Repositories]:
        """Repositories that share one transaction: committed on leaving, rolled back on an error."""
        async with self._transactions.begin() as connection:
            yield Repositories(JoinedTransaction(connection))

    async def close(self) -> None:
        """No connection of this store is left open."""
        await self._engine.dispose()
