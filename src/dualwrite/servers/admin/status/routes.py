"""How everything stands, and which environments are connected."""

from __future__ import annotations

from fastapi import APIRouter

from dualwrite.errors import NotFound
from dualwrite.lifecycle.initial_sync.reports import SyncReports
from dualwrite.servers.admin.callers import Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.maps.models import MapStanding
from dualwrite.servers.admin.status.models import ConnectionShown, LinkedCompany, RunUnderWay, Status

router = APIRouter(tags=["connection"])


@router.get("/status", operation_id="showStatus")
async def status(caller: Reader, desk: TheDesk) -> Status:
    """The maps with their states, an initial sync that is not through, and how changes since the start ended."""
    companies = await desk.store.connections.companies(desk.connection)
    environments = (desk.pair.finops, desk.pair.dataverse)
    return Status(
        connection=desk.connection,
        companies=[each.company_code for each in companies],
        maps=[MapStanding.of(each) for each in await desk.store.maps.list(desk.connection)],
        initial_sync=await _under_way(desk.reports),
        changes=desk.tally.by_map(),
        prepared={each.name: len(await each.prepared()) for each in environments},
    )


@router.get("/connection", operation_id="showConnection")
async def connection(caller: Reader, desk: TheDesk) -> ConnectionShown:
    """The environments that are connected, and the legal entities that are linked."""
    found = await desk.store.connections.get(desk.connection)
    if found is None:
        raise NotFound("The environments are not linked. Link them: dualwrite link create", connection=desk.connection)
    companies = await desk.store.connections.companies(desk.connection)
    return ConnectionShown(
        name=found.name,
        finops_environment=found.finops_environment,
        dataverse_environment=found.dataverse_environment,
        primary_side=found.primary_side,
        created_at=found.created_at,
        companies=[LinkedCompany(legal_entity=each.legal_entity, company_code=each.company_code) for each in companies],
    )


async def _under_way(reports: SyncReports) -> RunUnderWay | None:
    """The latest initial sync with its rows, unless it has ended."""
    found = await reports.runs(limit_rows=1)
    if not found or found[0].state.has_ended:
        return None
    progress = await reports.progress(found[0].run)
    total = progress.total
    return RunUnderWay(
        run=progress.run.run,
        state=progress.run.state,
        rows=total.rows_planned,
        rows_done=total.rows_done,
        rows_refused=total.counts.refused,
    )
