"""The activity log: what was done, by whom, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.model import Name, Told
from dualwrite.servers.admin.paging import A_PAGE, Cursor, Limit, Page, next_address, read_cursor

router = APIRouter(tags=["activities"])


class ActivityShown(Told):
    """One entry of the log. ``map`` is null where the whole connection is meant."""

    id: int
    at: datetime
    who: str
    what: str
    map: str | None
    result: str
    details: Mapping[str, Any]


@router.get("/activities", operation_id="listActivities")
async def list_activities(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    map: Annotated[Name | None, Query(description="About this map.")] = None,
    what: Annotated[Name | None, Query(description="This was done.", examples=["run"])] = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[ActivityShown]:
    """The entries, latest first."""
    after = read_cursor(cursor, int)
    before = None if after is None else int(after[0] or 0)
    found = await desk.store.activity.list(map=map, what=what, before=before, limit_rows=limit + 1)
    shown = [ActivityShown.model_validate(each) for each in found[:limit]]
    return Page(items=shown, next=next_address(request, [shown[-1].id]) if len(found) > limit else None)
