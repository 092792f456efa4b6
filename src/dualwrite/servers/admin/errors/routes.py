"""The errors: changes that could not be carried to the other side, each with the record itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from dualwrite.lifecycle.errors.desk import BY_CAUSE
from dualwrite.servers.admin.callers import Customizer, Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.errors.chosen import Chosen
from dualwrite.servers.admin.errors.models import (
    Dismissed,
    ErrorCount,
    ErrorGroupShown,
    ErrorsChosen,
    ErrorShown,
    ErrorsNamed,
    RetryReportShown,
)
from dualwrite.servers.admin.operations.error_retries import ErrorRetries
from dualwrite.servers.admin.operations.models import Operation
from dualwrite.servers.admin.operations.standing import accepted
from dualwrite.servers.admin.paging import A_PAGE, Before, Cursor, Limit, Page, next_address, read_cursor
from dualwrite.servers.admin.problems import refusals
from dualwrite.store.sync_errors import SyncErrorField

router = APIRouter(tags=["errors"])


def _retries(request: Request) -> ErrorRetries:
    retries: ErrorRetries = request.app.state.retries
    return retries


Retries = Annotated[ErrorRetries, Depends(_retries)]

Number = Annotated[int, Path(ge=1, le=2**53 - 1, description="The error's number.")]


@router.get("/errors", operation_id="listErrors")
async def list_errors(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    which: Chosen,
    before: Before = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[ErrorShown]:
    """The errors, latest first."""
    after = read_cursor(cursor, int)
    before = before if after is None else int(after[0] or 0)
    found = await desk.errors(caller).list(which, before=before, limit_rows=limit + 1)
    shown = found[:limit]
    more = next_address(request, [shown[-1].id]) if len(found) > limit else None
    return Page(items=[ErrorShown.of(each) for each in shown], next=more)


@router.get("/errors/count", operation_id="countErrors")
async def count_errors(caller: Reader, desk: TheDesk, which: Chosen) -> ErrorCount:
    """How many errors are meant."""
    return ErrorCount(errors=await desk.errors(caller).count(which))


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
    fields = tuple(dict.fromkeys(by or BY_CAUSE))
    return [ErrorGroupShown.of(each) for each in await desk.errors(caller).groups(which, by=fields)]


@router.get("/errors/{number:int}", operation_id="showError")
async def show_error(caller: Reader, desk: TheDesk, number: Number) -> ErrorShown:
    """One error, with the whole record."""
    return ErrorShown.of(await desk.errors(caller).show(number))


@router.get(
    "/errors.csv",
    operation_id="downloadErrors",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def download_errors(caller: Reader, desk: TheDesk, which: Chosen) -> StreamingResponse:
    """All of these errors with their whole records, as a file, the earliest first."""
    headers = {"Content-Disposition": 'attachment; filename="errors.csv"'}
    return StreamingResponse(desk.errors(caller).download(which), media_type="text/csv", headers=headers)


@router.post("/errors/actions/retry", operation_id="retryErrors", responses=refusals(409))
async def retry(caller: Customizer, desk: TheDesk, asked: ErrorsNamed) -> RetryReportShown:
    """These records, and the others of their transactions, are on the other side, stale, or refused once more."""
    return RetryReportShown.of(await desk.errors(caller).retry(asked.errors))


@router.post(
    "/errors/actions/retry-all",
    operation_id="retryAllErrors",
    status_code=202,
    response_model=Operation,
    responses=refusals(409),
)
async def retry_all(
    request: Request, caller: Customizer, desk: TheDesk, retries: Retries, asked: ErrorsChosen
) -> Response:
    """All open errors that are meant are tried again, in the order in which they failed: that is the operation."""
    return accepted(request, await retries.begin(desk.errors(caller), asked.filter(), who=caller.name))


@router.post("/errors/actions/dismiss", operation_id="dismissErrors", responses=refusals(409))
async def dismiss(caller: Customizer, desk: TheDesk, asked: ErrorsNamed) -> Dismissed:
    """These errors are dismissed: the other side goes without."""
    return Dismissed(dismissed=await desk.errors(caller).dismiss(asked.errors))


@router.post("/errors/actions/dismiss-all", operation_id="dismissAllErrors", responses=refusals(409))
async def dismiss_all(caller: Customizer, desk: TheDesk, asked: ErrorsChosen) -> Dismissed:
    """All open errors that are meant are dismissed."""
    return Dismissed(dismissed=await desk.errors(caller).dismiss_all(asked.filter()))
