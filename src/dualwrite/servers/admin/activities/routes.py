"""The activity log: what was done, by whom, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from dualwrite.monitoring.activities.exporting import ExportFormat, exported
from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.model import Moment, Name, Told
from dualwrite.servers.admin.paging import A_PAGE, Before, Cursor, Limit, Page, next_address, read_cursor
from dualwrite.store.activity import ActivityFilter, Severity

router = APIRouter(tags=["activities"])

_TEXT: Mapping[str, Any] = {"schema": {"type": "string"}}


class ActivityShown(Told):
    """One entry of the log. ``map`` is null where the whole connection is meant."""

    id: int
    at: datetime
    who: str
    what: str
    map: str | None
    result: str
    severity: Severity
    legal_entity: str | None
    details: Mapping[str, Any]


def _which(
    map: Annotated[Name | None, Query(description="About this map.")] = None,
    connection_wide: Annotated[bool, Query(description="Only those about no map.")] = False,
    what: Annotated[Name | None, Query(description="This was done.", examples=["run"])] = None,
    who: Annotated[Name | None, Query(description="By this caller.")] = None,
    severity: Annotated[Severity | None, Query(description="How it went.")] = None,
    legal_entity: Annotated[Name | None, Query(description="About this legal entity.")] = None,
    result: Annotated[Name | None, Query(description="A part of the result, with no regard to case.")] = None,
    since: Annotated[Moment | None, Query(description="At this moment or later.")] = None,
    until: Annotated[Moment | None, Query(description="Before this moment.")] = None,
) -> ActivityFilter:
    return ActivityFilter(
        map=map,
        connection_wide=connection_wide,
        what=what,
        who=who,
        severity=severity,
        legal_entity=legal_entity,
        result=result,
        since=since,
        until=until,
    )


Which = Annotated[ActivityFilter, Depends(_which)]


@router.get("/activities", operation_id="listActivities")
async def list_activities(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    which: Which,
    before: Before = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[ActivityShown]:
    """The entries, latest first."""
    after = read_cursor(cursor, int)
    before = before if after is None else int(after[0] or 0)
    found = await desk.store.activity.list(which, before=before, limit_rows=limit + 1)
    shown = [ActivityShown.model_validate(each) for each in found[:limit]]
    return Page(items=shown, next=next_address(request, [shown[-1].id]) if len(found) > limit else None)


@router.get(
    "/activities/export",
    operation_id="exportActivities",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": _TEXT, "application/jsonl": _TEXT}, "description": "All of them, as a file."}
    },
)
async def export_activities(
    caller: Reader,
    desk: TheDesk,
    which: Which,
    form: Annotated[ExportFormat, Query(alias="format", description="What the file is.")] = ExportFormat.CSV,
) -> StreamingResponse:
    """Every entry that is meant, latest first, as a file for a spreadsheet or, line by line, for a program."""
    pieces = exported(desk.store.activity.all(which), form)
    media_type = "text/csv" if form is ExportFormat.CSV else "application/jsonl"
    headers = {"Content-Disposition": f'attachment; filename="activities.{form.value}"'}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)
