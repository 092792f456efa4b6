"""Imports of files: which there were, how their records ended, and the refused ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from dualwrite.metadata.schema import Side
from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import Desk, TheDesk
from dualwrite.servers.admin.model import Told
from dualwrite.servers.admin.paging import A_PAGE, Limit
from dualwrite.store.file_imports import OPEN, FileImport, FileRefusalFilter, ImportId

router = APIRouter(tags=["imports"])

Number = Annotated[int, Path(ge=1, le=2**53 - 1, description="The import's number.")]


class RecordCounts(Told):
    """How records ended: ``read`` is the sum of the other four."""

    read: int
    created: int
    updated: int
    unchanged: int
    refused: int


class ImportShown(Told):
    """One import. ``finished_at`` is null while it lasts, and for ever when its process was killed."""

    number: int
    side: Side
    files: Sequence[str]
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    count: RecordCounts
    rerun_of: int | None


class FileRefusalShown(Told):
    """Why a record of a file was refused; ``row`` holds its cells."""

    file: str
    entity: str
    line: int
    legal_entity: str
    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, str]


class FileRefusalGroupShown(Told):
    """The records that one cause refuses; ``records`` names a few of them, ``reason`` is of one."""

    entity: str
    column: str
    code: str
    cause: str
    rows: int
    reason: str
    records: Sequence[str]


@router.get("/imports", operation_id="listImports")
async def list_imports(caller: Reader, desk: TheDesk, limit: Limit = A_PAGE) -> Sequence[ImportShown]:
    """The imports, latest first."""
    return [ImportShown.model_validate(each) for each in await desk.store.file_imports.list(limit_rows=limit)]


@router.get("/imports/{number}", operation_id="showImport")
async def show_import(caller: Reader, desk: TheDesk, number: Number) -> ImportShown:
    """One import, and how its records ended."""
    return ImportShown.model_validate(await _known(desk, number))


@router.get("/imports/{number}/refusals", operation_id="listFileRefusals")
async def list_refusals(
    caller: Reader,
    desk: TheDesk,
    number: Number,
    open_only: Annotated[bool, Query(description="Only records that nobody has tried again.")] = True,
    limit: Limit = A_PAGE,
) -> Sequence[FileRefusalShown]:
    """The first refused records, in the order of the files."""
    found = await _known(desk, number)
    which = OPEN if open_only else FileRefusalFilter(open_only=False)
    refused = await desk.store.file_imports.first_refused(found.number, which, limit_rows=limit)
    return [FileRefusalShown.model_validate(each) for each in refused]


@router.get("/imports/{number}/refusals/groups", operation_id="groupFileRefusals")
async def group_refusals(caller: Reader, desk: TheDesk, number: Number) -> Sequence[FileRefusalGroupShown]:
    """The refused records that nobody has tried again, by cause, the largest group first."""
    found = await _known(desk, number)
    return [FileRefusalGroupShown.model_validate(each) for each in await desk.store.file_imports.causes(found.number)]


async def _known(desk: Desk, number: int) -> FileImport:
    return await desk.store.file_imports.get(ImportId(number))
