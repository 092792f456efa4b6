"""The queue: changes that wait for paused maps, in their order, in the environment that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from dualwrite.environments.port import Operation
from dualwrite.environments.queue import QueuedRecord, QueueFilter
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.model import Name, Told
from dualwrite.servers.admin.paging import A_PAGE, Cursor, Limit, Page, next_address, read_cursor

router = APIRouter(tags=["queue"])


class QueuedRecordShown(Told):
    """A change that waits. Whole transactions have a position, their records a number each."""

    position: int
    number: int
    change: UUID
    queued_at: datetime
    caller: str
    map: str
    direction: Direction
    legal_entity: str
    operation: Operation
    record_id: str
    record: str
    key: str
    """The record as both sides spell it: table, company and key."""
    changed: Sequence[str] | None
    """The columns that were changed; null: all of them."""
    row: Mapping[str, Any]
    size_bytes: int

    @classmethod
    def of(cls, each: QueuedRecord) -> QueuedRecordShown:
        facts = {name: getattr(each, name) for name in cls.model_fields if name != "key"}
        return cls(key=each.mark, **facts)


class QueueCountShown(Told):
    """How much waits for one map in one environment."""

    map: str
    direction: Direction
    transactions: int
    records: int
    size_bytes: int
    oldest: datetime


@router.get("/queue/counts", operation_id="countQueue")
async def count_queue(caller: Reader, desk: TheDesk) -> Sequence[QueueCountShown]:
    """How much waits, by map and direction."""
    return [
        QueueCountShown.model_validate(each)
        for environment in (desk.pair.finops, desk.pair.dataverse)
        for each in await environment.queue_counts()
    ]


@router.get("/queue/{side}", operation_id="listQueue")
async def list_queue(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    side: Side,
    map: Annotated[list[Name] | None, Query(max_length=200, description="Only these maps.")] = None,
    key: Annotated[Name | None, Query(description="A part of the integration key, with no regard to case.")] = None,
    legal_entity: Annotated[Name | None, Query(description="Only this legal entity.")] = None,
    operation: Annotated[Operation | None, Query(description="Only changes of this kind.")] = None,
    behind: Annotated[
        str | None,
        Query(pattern=r"^[0-9]{1,15}([.][0-9]{1,9})?$", description="Only behind this place, such as 120 or 120.3."),
    ] = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[QueuedRecordShown]:
    """What waits in one environment, in the order in which it will be replayed."""
    position, _, number = (behind or "0").partition(".")
    after = read_cursor(cursor, int, int) or (int(position), int(number or 0))
    which = QueueFilter(frozenset(map) if map else None, key, legal_entity, operation)
    place = (int(after[0] or 0), int(after[1] or 0))
    found = await desk.pair.side(side).queued(which, after=place, limit_rows=limit + 1)
    shown = found[:limit]
    more = next_address(request, (shown[-1].position, shown[-1].number)) if len(found) > limit else None
    return Page(items=[QueuedRecordShown.of(each) for each in shown], next=more)
