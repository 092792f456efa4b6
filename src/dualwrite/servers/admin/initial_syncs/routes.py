"""The runs of the initial sync: starting and steering them, how far they are, and what they refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from dualwrite.lifecycle.checks import check_active
from dualwrite.lifecycle.initial_sync.counted_rows import rows_on_both_sides, wanted_companies
from dualwrite.lifecycle.initial_sync.options import Proposal
from dualwrite.lifecycle.initial_sync.previewing import preview_run
from dualwrite.lifecycle.initial_sync.refusal_csv import csv_pieces
from dualwrite.lifecycle.initial_sync.reports import BY_CAUSE
from dualwrite.servers.admin.callers import Customizer, Reader
from dualwrite.servers.admin.desk import Desk, TheDesk
from dualwrite.servers.admin.initial_syncs.models import (
    AdvanceShown,
    MapProposed,
    PartitionShown,
    PreviewAsked,
    Previewed,
    Progress,
    RefusalGroupShown,
    RefusalShown,
    RerunAsked,
    Run,
    RunAsked,
    RunShown,
    WayPreviewed,
)
from dualwrite.servers.admin.initial_syncs.refused import Refused
from dualwrite.servers.admin.model import Name
from dualwrite.servers.admin.operations.initial_syncs import initial_sync_operation
from dualwrite.servers.admin.operations.models import Operation
from dualwrite.servers.admin.operations.standing import accepted
from dualwrite.servers.admin.paging import A_PAGE, Cursor, Limit, Page, behind, next_address, page_of, read_cursor
from dualwrite.servers.admin.problems import refusals
from dualwrite.store.initial_syncs import RunId
from dualwrite.store.refusals import RefusalField, RefusalFilter

router = APIRouter(tags=["initial syncs"])

_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}

RunPath = Annotated[UUID, Path(description="The run.")]
OfMap = Annotated[Name | None, Query(description="Only this map.")]


@router.get("/initial-syncs", operation_id="listInitialSyncs")
async def list_runs(
    request: Request, caller: Reader, desk: TheDesk, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Page[Run]:
    """The runs, latest first."""
    runs = await desk.store.initial_syncs.list(desk.connection, limit_rows=None)
    found = behind(runs, cursor, lambda each: str(each.run))
    return page_of(request, found, limit, Run.of, lambda each: str(each.run))


@router.post(
    "/initial-syncs",
    operation_id="startInitialSync",
    status_code=202,
    response_model=Operation,
    responses=refusals(409),
)
async def start(request: Request, caller: Customizer, desk: TheDesk, asked: RunAsked) -> Response:
    """The maps go live, then their rows are copied, in order: that is the operation."""
    run = await desk.syncs.start(asked.options(caller.name))
    return await _conducted(request, desk, run)


@router.post("/initial-syncs/proposal", operation_id="proposeInitialSync", responses=refusals(409))
async def propose(caller: Reader, desk: TheDesk, asked: RunAsked) -> Sequence[MapProposed]:
    """What a run would cover: the maps in their order, with those whose rows they look up. Nothing is started."""
    return await _proposed(desk, await desk.syncs.plan(asked.options(caller.name)))


@router.post("/initial-syncs/preview", operation_id="previewInitialSync", responses=refusals(409))
async def preview(caller: Reader, desk: TheDesk, asked: PreviewAsked) -> Previewed:
    """What a run would do with the rows of both sides. Nothing is written, no map starts."""
    proposal = await desk.syncs.plan(asked.options(caller.name))
    choices = proposal.included
    plans = await desk.lifecycle(caller).plans([each.name for each in choices])
    chosen = dict(zip(choices, plans, strict=True))
    ways = await preview_run(desk.store, desk.connection, desk.pair, desk.router, chosen, samples=asked.samples)
    return Previewed(maps=await _proposed(desk, proposal), ways=[WayPreviewed.of(each) for each in ways])


# --- what was refused -------------------------------------------------------------------------------------------------


@router.get("/initial-syncs/refusals", operation_id="listOpenRefusals")
async def list_open(
    request: Request, caller: Reader, desk: TheDesk, which: Refused, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Page[RefusalShown]:
    """The rows that some run refused and no later one has done again."""
    return await _refused(request, desk, None, which, limit, cursor)


@router.get("/initial-syncs/refusals/groups", operation_id="groupOpenRefusals")
async def group_open(caller: Reader, desk: TheDesk, which: Refused) -> Sequence[RefusalGroupShown]:
    """The same, grouped by cause, the largest group first."""
    return [RefusalGroupShown.of(each) for each in await desk.reports.refusal_groups(None, which)]


@router.get("/initial-syncs/{run:uuid}/refusals", operation_id="listRefusals")
async def list_refused(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    run: RunPath,
    which: Refused,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[RefusalShown]:
    """The rows that the run refused, in the order they were met, each with reason and way out."""
    return await _refused(request, desk, await _run(desk, run), which, limit, cursor)


@router.get("/initial-syncs/{run:uuid}/refusals/groups", operation_id="groupRefusals")
async def group_refused(
    caller: Reader,
    desk: TheDesk,
    run: RunPath,
    which: Refused,
    by: Annotated[
        list[RefusalField] | None, Query(max_length=6, description="What the groups have in common; else the cause.")
    ] = None,
) -> Sequence[RefusalGroupShown]:
    """The refused rows grouped, the largest group first."""
    fields = tuple(dict.fromkeys(by or BY_CAUSE))
    return [
        RefusalGroupShown.of(each)
        for each in await desk.reports.refusal_groups(await _run(desk, run), which, by=fields)
    ]


@router.get(
    "/initial-syncs/{run:uuid}/refusals.csv",
    operation_id="downloadRefusals",
    response_class=StreamingResponse,
    responses=_CSV,
)
async def download_refused(caller: Reader, desk: TheDesk, run: RunPath, which: Refused) -> StreamingResponse:
    """All of them with their values, as a file."""
    found = await _run(desk, run)

    async def pieces() -> AsyncIterator[str]:
        async for piece, _ in csv_pieces(lambda: desk.reports.all_refused(found, which)):
            yield piece

    headers = {"Content-Disposition": f'attachment; filename="refused-{str(found)[:8]}.csv"'}
    return StreamingResponse(pieces(), media_type="text/csv", headers=headers)


# --- one run ----------------------------------------------------------------------------------------------------------


@router.get("/initial-syncs/{run:uuid}", operation_id="showInitialSync")
async def show(caller: Reader, desk: TheDesk, run: RunPath) -> RunShown:
    """The run with its maps, and how their rows ended."""
    return RunShown.of_report(await desk.reports.report(RunId(run)))


@router.get("/initial-syncs/{run:uuid}/progress", operation_id="showInitialSyncProgress")
async def progress(caller: Reader, desk: TheDesk, run: RunPath) -> Progress:
    """How far the run is, in all and map by map."""
    return Progress.of(await desk.reports.progress(RunId(run)))


@router.get("/initial-syncs/{run:uuid}/legal-entities", operation_id="showLegalEntityProgress")
async def by_legal_entity(caller: Reader, desk: TheDesk, run: RunPath, map: OfMap = None) -> Mapping[str, AdvanceShown]:
    """How far each legal entity (empty: none) is."""
    found = await desk.reports.by_legal_entity(RunId(run), map=map)
    return {name: AdvanceShown.of(each) for name, each in found.items()}


@router.get("/initial-syncs/{run:uuid}/details", operation_id="showInitialSyncDetails")
async def details(caller: Reader, desk: TheDesk, run: RunPath) -> Mapping[str, Any]:
    """The run as *initial sync details*, the structure that other tools read."""
    return await desk.reports.details(RunId(run))


@router.get("/initial-syncs/{run:uuid}/partitions", operation_id="listPartitions")
async def list_partitions(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    run: RunPath,
    map: OfMap = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[PartitionShown]:
    """The partitions of the run in order."""
    parts = await desk.reports.partitions(await _run(desk, run), map=map)
    found = behind(parts, cursor, lambda each: str(each.number))
    return page_of(request, found, limit, PartitionShown.of, lambda each: str(each.number))


@router.post("/initial-syncs/{run:uuid}/pause", operation_id="pauseInitialSync", responses=refusals(409))
async def pause(caller: Customizer, desk: TheDesk, run: RunPath) -> Run:
    """What is under way is brought to its end, nothing else is begun."""
    paused = await desk.syncs.pause(RunId(run), who=caller.name)
    await desk.conductor.conduct(paused.run)
    return Run.of(paused)


@router.post("/initial-syncs/{run:uuid}/cancel", operation_id="cancelInitialSync", responses=refusals(409))
async def cancel(caller: Customizer, desk: TheDesk, run: RunPath) -> Run:
    """The run ends for good. What has been copied stays; maps that did not run before it do not run."""
    cancelled = await desk.syncs.cancel(RunId(run), who=caller.name)
    await desk.conductor.conduct(cancelled.run)
    return Run.of(cancelled)


@router.post("/initial-syncs/{run:uuid}/go-live", operation_id="letInitialSyncGoLive", responses=refusals(409))
async def go_live(caller: Customizer, desk: TheDesk, run: RunPath) -> Run:
    """The maps of a run that awaits a decision are running; the refused rows stay refused."""
    return Run.of(await desk.syncs.go_live(RunId(run), who=caller.name))


@router.post(
    "/initial-syncs/{run:uuid}/resume",
    operation_id="resumeInitialSync",
    status_code=202,
    response_model=Operation,
    responses=refusals(409),
)
async def resume(request: Request, caller: Customizer, desk: TheDesk, run: RunPath) -> Response:
    """A run that was paused or has failed goes on: what is done is not done again."""
    resumed = await desk.syncs.resume(RunId(run), who=caller.name)
    return await _conducted(request, desk, resumed.run)


@router.post(
    "/initial-syncs/{run:uuid}/rerun",
    operation_id="rerunInitialSync",
    status_code=202,
    response_model=Operation,
    responses=refusals(409),
)
async def rerun(request: Request, caller: Customizer, desk: TheDesk, run: RunPath, asked: RerunAsked) -> Response:
    """Rows of the run are done again, by a run of their own: that is the operation."""
    return await _conducted(request, desk, await desk.syncs.rerun(await _run(desk, run), asked.rows, who=caller.name))


async def _proposed(desk: Desk, proposal: Proposal) -> Sequence[MapProposed]:
    checked = await check_active(
        desk.store, desk.connection, desk.router.compiled, [each.choice.name for each in proposal.maps]
    )
    plans = [each.plan for each in checked if each.plan is not None]
    named = [each.choice.legal_entities for each in proposal.maps]
    entities = None if None in named else {it for each in named for it in each or ()}
    linked = (await desk.router.current()).companies
    companies = wanted_companies(linked, None if entities is None else sorted(entities))
    rows = await rows_on_both_sides(desk.pair, plans, companies)
    return [MapProposed.of(each, rows.get(each.choice.name, {})) for each in proposal.maps]


async def _conducted(request: Request, desk: Desk, run: RunId) -> Response:
    await desk.conductor.conduct(run)
    return accepted(request, await initial_sync_operation(desk.reports, run))


async def _run(desk: Desk, run: UUID) -> RunId:
    """The run is one of this connection. Raises: NotFound."""
    return (await desk.reports.run(RunId(run))).run


async def _refused(
    request: Request, desk: Desk, run: RunId | None, which: RefusalFilter, limit: int, cursor: str | None
) -> Page[RefusalShown]:
    after = read_cursor(cursor, int)
    found = await desk.reports.refused(
        run, which, limit_rows=limit + 1, after=None if after is None else int(after[0] or 0)
    )
    shown = found[:limit]
    following = next_address(request, [shown[-1].id]) if len(found) > limit else None
    return Page(items=[RefusalShown.of(each) for each in shown], next=following)
