"""Operations: long actions that one polls, or follows as a stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from dualwrite.errors import NotFound
from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.operations.models import Operation, OperationKind
from dualwrite.servers.admin.operations.standing import OperationSource, find_operation
from dualwrite.servers.admin.operations.stream import EventStream, event_id
from dualwrite.servers.admin.paging import Cursor, Limit, Page, next_address, read_cursor

router = APIRouter(tags=["operations"])

_A_PAGE = 20
_TIES = 20
"""So many operations may have started at the same moment as the last one of a page."""
_EXAMPLE = "initial-sync.3f9a1c2e-0000-4000-8000-000000000000"

_EVENT = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"enum": ["progress", "ended"]},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}

OperationId = Annotated[str, Path(min_length=1, max_length=200, description="The operation.", examples=[_EXAMPLE])]


def _sources(request: Request) -> Sequence[OperationSource]:
    sources: Sequence[OperationSource] = request.app.state.operations
    return sources


def _closing(request: Request) -> asyncio.Event:
    closing: asyncio.Event = request.app.state.closing
    return closing


Sources = Annotated[Sequence[OperationSource], Depends(_sources)]


@router.get("/operations", operation_id="listOperations")
async def list_operations(
    request: Request,
    caller: Reader,
    sources: Sources,
    kind: Annotated[OperationKind | None, Query(description="Only work of this kind.")] = None,
    limit: Limit = _A_PAGE,
    cursor: Cursor = None,
) -> Page[Operation]:
    """The operations, latest first, whoever asked for them, and by whatever way."""
    after = read_cursor(cursor, str, str)
    before = None if after is None else _moment(str(after[0]))
    found = [
        each
        for source in sources
        if kind in (None, source.kind)
        for each in await source.latest(before=before, limit_rows=limit + 1 + _TIES)
    ]
    found.sort(key=_place, reverse=True)
    if before is not None and after is not None:
        found = [each for each in found if _place(each) < (before, str(after[1]))]
    shown = found[:limit]
    more = next_address(request, _cursor(shown[-1])) if len(found) > limit else None
    return Page(items=shown, next=more)


@router.get("/operations/{operation}", operation_id="showOperation")
async def show_operation(caller: Reader, sources: Sources, operation: OperationId) -> Operation:
    """How far the operation is; what came of it once it has ended, or what stands in its way."""
    return await find_operation(sources, operation)


@router.get(
    "/operations/{operation}/events",
    operation_id="streamOperation",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": _EVENT}}},
        204: {"description": "The caller has seen how it ended: nothing follows."},
    },
)
async def stream_operation(
    caller: Reader,
    sources: Sources,
    closing: Annotated[asyncio.Event, Depends(_closing)],
    operation: OperationId,
    last_event_id: Annotated[str | None, Header(max_length=200, description="The last event that was seen.")] = None,
) -> Response:
    """The operation whenever it has moved (`progress`), and how it ended (`ended`), as server-sent events."""
    found = await find_operation(sources, operation)
    if found.state.has_ended and last_event_id == event_id(found):
        return Response(status_code=204)
    stream = EventStream(lambda: find_operation(sources, operation), closing, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream.events(), media_type="text/event-stream", headers=headers)


def _place(each: Operation) -> tuple[datetime, str]:
    return each.started_at, each.id


def _cursor(each: Operation) -> tuple[str, str]:
    return each.started_at.isoformat(), each.id


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise NotFound("There is no such page: take the next of the page before as it is.")
    return moment
