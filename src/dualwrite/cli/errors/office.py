"""Where the commands on errors get their work done: in the house of the data folder, or by a program over its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from dualwrite.cli.invocation import Invocation
from dualwrite.lifecycle.errors.reports import RetryReport
from dualwrite.store.sync_errors import SyncError, SyncErrorFilter, SyncErrorGroup

T = TypeVar("T")


class ErrorOffice(Protocol):
    """What the commands on errors ask for; see :class:`dualwrite.lifecycle.errors.desk.SyncErrors`."""

    async def map_names(self) -> Sequence[str]: ...

    async def list(self, which: SyncErrorFilter, *, before: int | None, limit_rows: int) -> Sequence[SyncError]: ...

    async def count(self, which: SyncErrorFilter) -> int: ...

    async def groups(self, which: SyncErrorFilter) -> Sequence[SyncErrorGroup]: ...

    async def show(self, number: int) -> SyncError: ...

    def download(self, which: SyncErrorFilter) -> AsyncIterator[str]: ...

    async def retry(self, numbers: Sequence[int]) -> RetryReport: ...

    async def retry_all(self, which: SyncErrorFilter) -> RetryReport:
        """All open errors that are meant have been tried again."""
        ...

    async def dismiss(self, numbers: Sequence[int]) -> int: ...

    async def dismiss_all(self, which: SyncErrorFilter) -> int: ...


def at_error_office(call: Invocation, action: Callable[[ErrorOffice], Coroutine[Any, Any, T]]) -> T:
    """``action`` is done where the call says."""
    if call.url is not None:
        from dualwrite.cli.errors.over_api import ApiErrorOffice

        return call.over_api(lambda api: action(ApiErrorOffice(api)))
    from dualwrite.cli.errors.in_house import HouseErrorOffice

    return call.in_house(lambda house: action(HouseErrorOffice(house)))
