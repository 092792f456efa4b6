"""The commands on errors, done by a program over its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from dualwrite.cli.api import Api, Document
from dualwrite.errors import EnvironmentUnavailable
from dualwrite.lifecycle.errors.download import csv_of
from dualwrite.lifecycle.errors.reports import RetryCount, RetryReport
from dualwrite.store.sync_errors import SyncError, SyncErrorField, SyncErrorFilter, SyncErrorGroup

_ERROR = TypeAdapter(SyncError)
_A_PAGE = 1000
_NAMES = ("kind", "category", "map", "direction", "legal_entity", "code", "column", "cause", "record", "since", "until")


@dataclass(frozen=True, slots=True)
class ApiErrorOffice:
    """Implements :class:`dualwrite.cli.errors.office.ErrorOffice`."""

    api: Api

    async def map_names(self) -> Sequence[str]:
        return [str(each["name"]) for each in await self.api.items("/maps", {"limit": _A_PAGE})]

    async def list(self, which: SyncErrorFilter, *, before: int | None, limit_rows: int) -> Sequence[SyncError]:
        found: list[SyncError] = []
        query = {**_query(which), "before": before, "limit": min(limit_rows, _A_PAGE)}
        async for page in self.api.pages("/errors", query):
            found += [_ERROR.validate_python(each) for each in page]
            if len(found) >= limit_rows:
                break
        return found[:limit_rows]

    async def count(self, which: SyncErrorFilter) -> int:
        return int((await self.api.get("/errors/count", _query(which)))["errors"])

    async def groups(self, which: SyncErrorFilter) -> Sequence[SyncErrorGroup]:
        return [_group(each) for each in await self.api.get("/errors/groups", _query(which))]

    async def show(self, number: int) -> SyncError:
        return _ERROR.validate_python(await self.api.get(f"/errors/{number}"))

    def download(self, which: SyncErrorFilter) -> AsyncIterator[str]:
        async def batches() -> AsyncIterator[Sequence[SyncError]]:
            # The list has the latest first, a file the earliest.
            found = await self.api.items("/errors", {**_query(which), "limit": _A_PAGE})
            yield [_ERROR.validate_python(each) for each in reversed(found)]

        return csv_of(batches)

    async def retry(self, numbers: Sequence[int]) -> RetryReport:
        return _report(await self.api.post("/errors/actions/retry", {"errors": list(numbers)}))

    async def retry_all(self, which: SyncErrorFilter) -> RetryReport:
        operation = await self.api.post("/errors/actions/retry-all", _asked(which))
        async for each in self.api.events(f"/operations/{operation['id']}/events"):
            operation = each
        if operation["problem"] is not None:
            raise EnvironmentUnavailable(str(operation["problem"]["detail"]))
        return _report(operation["result"])

    async def dismiss(self, numbers: Sequence[int]) -> int:
        return int((await self.api.post("/errors/actions/dismiss", {"errors": list(numbers)}))["dismissed"])

    async def dismiss_all(self, which: SyncErrorFilter) -> int:
        return int((await self.api.post("/errors/actions/dismiss-all", _asked(which)))["dismissed"])


def _report(told: Document) -> RetryReport:
    return RetryReport({name: RetryCount(**count) for name, count in told["maps"].items()}, tuple(told["refusals"]))


def _group(told: Document) -> SyncErrorGroup:
    return SyncErrorGroup(
        {SyncErrorField(name.replace("_", " ")): str(value) for name, value in told["fields"].items()},
        int(told["errors"]),
        str(told["reason"]),
        tuple(told["records"]),
        datetime.fromisoformat(told["first_at"]),
        datetime.fromisoformat(told["last_at"]),
    )


def _asked(which: SyncErrorFilter) -> Mapping[str, Any]:
    values = {name: getattr(which, name) for name in _NAMES}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _query(which: SyncErrorFilter) -> Mapping[str, Any]:
    return {**_asked(which), **({} if which.state is None else {"state": which.state.value})}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else getattr(value, "value", value)
