"""What an administrator does with the errors of a connection; each action is an activity of every map it was about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from dualwrite.environments.port import Operation
from dualwrite.errors import DualwriteError, NotAllowed, NotFound, ReferenceNotFound
from dualwrite.lifecycle.errors.download import csv_of
from dualwrite.lifecycle.errors.reports import RetryReport, report_of, tried_again
from dualwrite.store.activity import Severity
from dualwrite.store.database import Store
from dualwrite.store.sync_errors import (
    EVERY_ERROR,
    ErrorState,
    ForgottenErrors,
    SyncError,
    SyncErrorField,
    SyncErrorFilter,
    SyncErrorGroup,
)
from dualwrite.sync.link import Router, Routing
from dualwrite.sync.retrying.retry import Retry

BY_CAUSE: Final = (SyncErrorField.MAP, SyncErrorField.DIRECTION, SyncErrorField.COLUMN, SyncErrorField.CAUSE)
_AT_ONCE: Final = 500
"""So many errors are held in memory."""
_SIDE_BY_SIDE: Final = 4
"""So many transactions are tried at the same time."""
_MOST_PASSES: Final = 5

_NONE_OPEN: Final[Mapping[str | None, str]] = {None: "no open error"}

Told = Callable[[RetryReport], Awaitable[None]]


async def _nobody(report: RetryReport) -> None:
    """Nobody is told."""


class _Progress:
    """How far a retry is, told to whoever wants to know."""

    def __init__(self, told: Told) -> None:
        self.report = RetryReport()
        self._told = told

    async def add(self, some: RetryReport) -> None:
        self.report += some
        await self._told(self.report)

    async def correct(self, again: RetryReport) -> None:
        """Records that were refused have been tried once more."""
        self.report = tried_again(self.report, again)
        await self._told(self.report)


class SyncErrors:
    """The errors of one connection."""

    def __init__(self, store: Store, connection: str, router: Router, retry: Retry, *, who: str) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._retry = retry
        self._who = who

    # --- looking ------------------------------------------------------------------------------------------------------

    async def list(
        self, which: SyncErrorFilter = EVERY_ERROR, *, before: int | None = None, limit_rows: int = 100
    ) -> tuple[SyncError, ...]:
        """The latest errors first; ``before`` (an error's number) pages on to older ones."""
        return await self._store.sync_errors.list(self._connection, which, before=before, limit_rows=limit_rows)

    async def count(self, which: SyncErrorFilter = EVERY_ERROR) -> int:
        """How many errors are meant."""
        return await self._store.sync_errors.count(self._connection, which)

    async def groups(
        self, which: SyncErrorFilter = EVERY_ERROR, *, by: Sequence[SyncErrorField] = BY_CAUSE
    ) -> tuple[SyncErrorGroup, ...]:
        """The errors grouped, the largest group first."""
        return await self._store.sync_errors.groups(self._connection, which, by=by)

    async def show(self, number: int) -> SyncError:
        """The error with its whole record. Raises: NotFound."""
        found = await self._store.sync_errors.get(self._connection, number)
        if found is None:
            raise NotFound(f"There is no error {number}.", error=number)
        return found

    def download(self, which: SyncErrorFilter = EVERY_ERROR) -> AsyncIterator[str]:
        """All of these errors as CSV, the earliest first, piece by piece, with every column that any row has."""
        return csv_of(lambda: self._store.sync_errors.all(self._connection, which))

    # --- trying again -------------------------------------------------------------------------------------------------

    async def retry(self, ids: Sequence[int]) -> RetryReport:
        """These records, and the others of their transactions, are on the other side, stale, or refused once more.

        Idempotency: what the other side has already is completed. Raises: NotFound for a number that no error has,
        NotAllowed for one that is settled; EnvironmentUnavailable.
        """
        which = await self._open(ids, "tried again")
        return await self.retry_all(which)

    async def retry_all(self, which: SyncErrorFilter = EVERY_ERROR, *, told: Told = _nobody) -> RetryReport:
        """Likewise for all of these that are open, in the order in which they failed. ``told`` hears how far it is.

        Records that look up others come after those; what is refused for a lookup is tried once more when others
        have been completed. After failure: what has been tried is settled; call it again. Raises:
        EnvironmentUnavailable.
        """
        which = replace(which, state=ErrorState.OPEN)
        progress = _Progress(told)
        try:
            started = await self._store.sync_errors.now()
            await self._pass(which, progress)
            await self._again(which, progress, since=started)
        except DualwriteError as error:
            results = {**_worded(progress.report), None: f"stopped: {error.message}"}
            await self._record("retry errors", results, failed=True)
            raise
        report = progress.report
        await self._record("retry errors", _worded(report) or _NONE_OPEN, failed=report.total.refused > 0)
        return report

    async def _again(self, which: SyncErrorFilter, progress: _Progress, *, since: datetime) -> None:
        """What waited for rows that came later in the pass is tried until that completes nothing more."""
        code = ReferenceNotFound.code
        waiting = replace(which, cause=None, column=None, code=code, tried_since=since)
        completed = progress.report.total.completed
        for _ in range(_MOST_PASSES):
            if not completed or not await self.count(waiting):
                return
            again = _Progress(_nobody)
            await self._pass(waiting, again)
            await progress.correct(again.report)
            completed = again.report.total.completed

    async def _pass(self, which: SyncErrorFilter, progress: _Progress) -> None:
        tried: frozenset[UUID] = frozenset()
        async for batch in self._store.sync_errors.all(self._connection, which, batch_rows=_AT_ONCE):
            # A transaction that lies across two batches is tried with the first of them.
            changes = {each.change for each in batch} - tried
            tried = frozenset(each.change for each in batch)
            for level in await self._levels(changes):
                await self._side_by_side(level, progress)

    async def _levels(self, changes: Collection[UUID]) -> Iterable[Sequence[Sequence[SyncError]]]:
        """The transactions in the order of their dependencies; those of a level may be tried side by side."""
        routing = await self._router.current()
        errors = await self._store.sync_errors.of_changes(self._connection, changes)
        transactions = [list(each) for _, each in groupby(errors, key=lambda error: error.change)]
        ranked = sorted(transactions, key=lambda each: (_level(each, routing), each[0].id))
        return [list(each) for _, each in groupby(ranked, key=lambda transaction: _level(transaction, routing))]

    async def _side_by_side(self, level: Sequence[Sequence[SyncError]], progress: _Progress) -> None:
        free = asyncio.Semaphore(_SIDE_BY_SIDE)
        away = False

        async def tried(errors: Sequence[SyncError]) -> None:
            nonlocal away
            async with free:
                if away:
                    return
                try:
                    attempts = await self._retry.carry_out(errors)
                except DualwriteError:
                    away = True
                    raise
                await self._store.sync_errors.keep_attempts(attempts, who=self._who)
                ended = (report_of(error, attempt) for error, attempt in zip(errors, attempts, strict=True))
                await progress.add(sum(ended, RetryReport()))

        ended = await asyncio.gather(*(tried(each) for each in level), return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each

    # --- settling -----------------------------------------------------------------------------------------------------

    async def dismiss(self, ids: Sequence[int]) -> int:
        """These errors are dismissed: the other side goes without. Raises: NotFound, NotAllowed, as :meth:`retry`."""
        return await self.dismiss_all(await self._open(ids, "dismissed"))

    async def dismiss_all(self, which: SyncErrorFilter = EVERY_ERROR) -> int:
        """Likewise for all of these that are open; tells how many."""
        dismissed = await self._store.sync_errors.dismiss(self._connection, which, who=self._who)
        results: dict[str | None, str] = {name: f"{number:,} dismissed" for name, number in dismissed.items()}
        await self._record("dismiss errors", results or _NONE_OPEN)
        return sum(dismissed.values())

    async def purge(self, before: datetime) -> Sequence[ForgottenErrors]:
        """No error is from before that moment; gives how many were, by map."""
        forgotten = await self._store.sync_errors.forget(self._connection, before)
        for each in forgotten:
            result = f"{each.errors:,} from before {before:%Y-%m-%d %H:%M} removed, {each.open:,} of them still open"
            await self._record("forget errors", {each.map: result}, failed=each.open > 0)
        return forgotten

    # ------------------------------------------------------------------------------------------------------------------

    async def _open(self, ids: Sequence[int], doing: str) -> SyncErrorFilter:
        """The errors of these numbers, all of which are open. Raises: NotFound, NotAllowed."""
        wanted = tuple(dict.fromkeys(ids))
        which = SyncErrorFilter(ids=wanted)
        found = {each.id: each async for some in self._all(which) for each in some}
        missing = [each for each in wanted if each not in found]
        if missing:
            raise NotFound(f"There is no error {missing[0]}.", error=missing[0])
        settled = next((each for each in found.values() if each.state is not ErrorState.OPEN), None)
        if settled is not None:
            raise NotAllowed(
                f"Error {settled.id} ({settled.map}, {settled.record}) is {settled.state.value}: only open errors are "
                f"{doing}.",
                error=settled.id,
                state=settled.state.value,
            )
        return which

    def _all(self, which: SyncErrorFilter) -> AsyncIterator[Sequence[SyncError]]:
        return self._store.sync_errors.all(self._connection, which)

    async def _record(self, what: str, results: Mapping[str | None, str], *, failed: bool = False) -> None:
        severity = Severity.WARNING if failed else Severity.INFO
        for name, result in results.items():
            await self._store.activity.record(what, who=self._who, result=result, map=name, severity=severity)


def _level(transaction: Sequence[SyncError], routing: Routing) -> int:
    """Where a transaction comes among others: after the tables that it looks up, deletions last and backwards."""
    tables = {plan.map.name: plan.dataverse.name for plan in routing.plans}
    ranks = routing.ranks
    written = [each for each in transaction if each.operation is not Operation.DELETE]
    found = [ranks.get(tables.get(each.map, ""), 0) for each in written or transaction]
    return max(found) if written else 2 * len(ranks) + 1 - max(found)


def _worded(report: RetryReport) -> Mapping[str | None, str]:
    return {name: str(count) for name, count in report.maps.items()}
