"""The catch-ups: what waited while maps were paused, brought to its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.model import Name, Told
from dualwrite.servers.admin.paging import A_PAGE, Cursor, Limit, Page, behind, page_of
from dualwrite.store.catch_ups import CatchUp, CatchUpId, CatchUpState, QueueOption

router = APIRouter(tags=["catch-ups"])


class CatchUpCountsShown(Told):
    """How queued records ended. ``conflicts`` were lost to the other side's change, ``kept`` were never tried."""

    applied: int
    conflicts: int
    failed: int
    kept: int
    discarded: int


class CatchUpShown(Told):
    """One catch-up. ``queued`` transactions waited when it began."""

    run: UUID
    connection: str
    maps: Sequence[str]
    option: QueueOption
    state: CatchUpState
    queued: int
    counts: CatchUpCountsShown
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    message: str

    @classmethod
    def of(cls, each: CatchUp) -> CatchUpShown:
        return cls.model_validate(each)


@router.get("/catch-ups", operation_id="listCatchUps")
async def list_catch_ups(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    map: Annotated[Name | None, Query(description="Only those of this map.")] = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[CatchUpShown]:
    """The catch-ups there were, latest first."""
    known = await desk.catch_ups.history(map=map, limit_rows=None)
    found = behind(known, cursor, lambda each: str(each.run))
    return page_of(request, found, limit, CatchUpShown.of, lambda each: str(each.run))


@router.get("/catch-ups/{run:uuid}", operation_id="showCatchUp")
async def show_catch_up(
    caller: Reader, desk: TheDesk, run: Annotated[UUID, Path(description="The catch-up.")]
) -> CatchUpShown:
    """How far the catch-up is, or how it ended."""
    return CatchUpShown.of(await desk.catch_ups.get(CatchUpId(run)))
