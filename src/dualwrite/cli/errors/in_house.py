"""The commands on errors, done in the house of the data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from dualwrite.cli.map_choices import WHO
from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.errors.desk import SyncErrors
from dualwrite.lifecycle.errors.reports import RetryReport
from dualwrite.store.sync_errors import SyncError, SyncErrorFilter, SyncErrorGroup


@dataclass(frozen=True, slots=True)
class HouseErrorOffice:
    """Implements :class:`dualwrite.cli.errors.office.ErrorOffice`."""

    house: House

    @property
    def _desk(self) -> SyncErrors:
        return self.house.errors_of(WHO)

    async def map_names(self) -> Sequence[str]:
        return [each.name for each in await self.house.store.maps.list(CONNECTION)]

    async def list(self, which: SyncErrorFilter, *, before: int | None, limit_rows: int) -> Sequence[SyncError]:
        return await self._desk.list(which, before=before, limit_rows=limit_rows)

    async def count(self, which: SyncErrorFilter) -> int:
        return await self._desk.count(which)

    async def groups(self, which: SyncErrorFilter) -> Sequence[SyncErrorGroup]:
        return await self._desk.groups(which)

    async def show(self, number: int) -> SyncError:
        return await self._desk.show(number)

    def download(self, which: SyncErrorFilter) -> AsyncIterator[str]:
        return self._desk.download(which)

    async def retry(self, numbers: Sequence[int]) -> RetryReport:
        return await self._desk.retry(numbers)

    async def retry_all(self, which: SyncErrorFilter) -> RetryReport:
        return await self._desk.retry_all(which)

    async def dismiss(self, numbers: Sequence[int]) -> int:
        return await self._desk.dismiss(numbers)

    async def dismiss_all(self, which: SyncErrorFilter) -> int:
        return await self._desk.dismiss_all(which)
