"""The errors: changes that could not be carried to the other side, each with the record itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from dualwrite.errors import NotFound
from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.errors.chosen import Chosen
from dualwrite.servers.admin.errors.models import ErrorGroupShown, ErrorShown
from dualwrite.servers.admin.paging import A_PAGE, Cursor, Limit, Page, next_address, read_cursor
from dualwrite.store.sync_errors import SyncErrorField

router = APIRouter(tags=["errors"])

_BY_CAUSE = (SyncErrorField.MAP, SyncErrorField.DIRECTION, SyncErrorField.COLUMN, SyncErrorField.CAUSE)
Number = Annotated[int, Path(ge=1, le=2**53 - 1, description="The error's number.")]


@router.get("/errors", operation_id="listErrors")
async def list_errors(
    request: Request, caller: Reader, desk: TheDesk, which: Chosen, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Page[ErrorShown]:
    """The errors, latest first."""
    after = read_cursor(cursor, int)
    before = None if after is None else int(after[0] or 0)
    found = await desk.store.sync_errors.list(desk.connection, which, before=before, limit_rows=limit + 1)
    shown = found[:limit]
    more = next_address(request, [shown[-1].id]) if len(found) > limit else None
    return Page(items=[ErrorShown.of(each) for each in shown], next=more)


@router.get("/errors/groups", operation_id="groupErrors")
async def group_errors(
    caller: Reader,
    desk: TheDesk,
    which: Chosen,
    by: Annotated[
        list[SyncErrorField] | None, Query(max_length=9, description="What the groups have in common; else the cause.")
    ] = None,
) -> Sequence[ErrorGroupShown]:
    """The errors grouped, the largest group first."""
    fields = tuple(dict.fromkeys(by or _BY_CAUSE))
    return [ErrorGroupShown.of(each) for each in await desk.store.sync_errors.groups(desk.connection, which, by=fields)]


@router.get("/errors/{number:int}", operation_id="showError")
async def show_error(caller: Reader, desk: TheDesk, number: Number) -> ErrorShown:
    """One error, with the whole record."""
    found = await desk.store.sync_errors.get(desk.connection, number)
    if found is None:
        raise NotFound(f"There is no error {number}.", error=number)
    return ErrorShown.of(found)
