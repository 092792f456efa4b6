"""Where the commands on activities get their work done: in the house of the data folder, or over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter

from dualwrite.cli.api import Api, Query
from dualwrite.cli.invocation import Invocation
from dualwrite.composition.house import CONNECTION, House
from dualwrite.store.activity import Activity, ActivityFilter

T = TypeVar("T")

_ACTIVITY = TypeAdapter(Activity)
_A_PAGE = 1000


class ActivityOffice(Protocol):
    """What the commands on activities ask for."""

    async def map_names(self) -> Sequence[str]: ...

    async def list(self, which: ActivityFilter, *, before: int | None, limit_rows: int) -> Sequence[Activity]:
        """The latest entries first; ``before`` (an entry's number) pages on to older ones."""
        ...

    def all(self, which: ActivityFilter) -> AsyncIterator[tuple[Activity, ...]]:
        """Every entry that is meant, in batches."""
        ...


def at_activity_office(call: Invocation, action: Callable[[ActivityOffice], Coroutine[Any, Any, T]]) -> T:
    """``action`` is done where the call says."""
    if call.url is not None:
        return call.over_api(lambda api: action(_OverApi(api)))
    return call.in_house(lambda house: action(_InHouse(house)))


@dataclass(frozen=True, slots=True)
class _InHouse:
    house: House

    async def map_names(self) -> Sequence[str]:
        return [each.name for each in await self.house.store.maps.list(CONNECTION)]

    async def list(self, which: ActivityFilter, *, before: int | None, limit_rows: int) -> Sequence[Activity]:
        return await self.house.store.activity.list(which, before=before, limit_rows=limit_rows)

    def all(self, which: ActivityFilter) -> AsyncIterator[tuple[Activity, ...]]:
        return self.house.store.activity.all(which)


@dataclass(frozen=True, slots=True)
class _OverApi:
    api: Api

    async def map_names(self) -> Sequence[str]:
        return [str(each["name"]) for each in await self.api.items("/maps", {"limit": _A_PAGE})]

    async def list(self, which: ActivityFilter, *, before: int | None, limit_rows: int) -> Sequence[Activity]:
        found: list[Activity] = []
        query = {**_query(which), "before": before, "limit": min(limit_rows, _A_PAGE)}
        async for page in self.api.pages("/activities", query):
            found += [_ACTIVITY.validate_python(each) for each in page]
            if len(found) >= limit_rows:
                break
        return found[:limit_rows]

    async def all(self, which: ActivityFilter) -> AsyncIterator[tuple[Activity, ...]]:
        async for page in self.api.pages("/activities", {**_query(which), "limit": _A_PAGE}):
            yield tuple(_ACTIVITY.validate_python(each) for each in page)


def _query(which: ActivityFilter) -> Query:
    return {
        "map": which.map,
        "connection_wide": which.connection_wide or None,
        "what": which.what,
        "who": which.who,
        "severity": None if which.severity is None else which.severity.value,
        "legal_entity": which.legal_entity,
        "result": which.result,
        "since": None if which.since is None else which.since.isoformat(),
        "until": None if which.until is None else which.until.isoformat(),
    }
