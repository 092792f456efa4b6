"""The table maps: which there are, what they say, and running and stopping them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from dualwrite.errors import NotFound
from dualwrite.lifecycle.checks import check_stored
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.lifecycle.transitions import Action
from dualwrite.lifecycle.versions import SavedVersion
from dualwrite.maps.plan import Plan
from dualwrite.maps.values import Version
from dualwrite.servers.admin.callers import Customizer, Reader
from dualwrite.servers.admin.desk import Desk, TheDesk
from dualwrite.servers.admin.maps.models import (
    EXAMPLE,
    Activation,
    MapAction,
    MapChecked,
    MapListed,
    MapOrdered,
    MapShown,
    MapsNamed,
    MapsStanding,
    MapStanding,
    Relation,
    ResumeMaps,
    RunMaps,
    VersionListed,
    listed,
    shown,
)
from dualwrite.servers.admin.model import Name
from dualwrite.servers.admin.operations.catch_ups import catch_up_operation
from dualwrite.servers.admin.operations.initial_syncs import initial_sync_operation
from dualwrite.servers.admin.operations.models import Operation
from dualwrite.servers.admin.operations.standing import accepted
from dualwrite.servers.admin.paging import A_PAGE, Cursor, Limit, Page, behind, page_of
from dualwrite.servers.admin.problems import refusals
from dualwrite.store.maps import MapState, TableMap

router = APIRouter(tags=["maps"])

MapName = Annotated[Name, Path(description="The map's name.", examples=[EXAMPLE])]
OfVersion = Annotated[Name | None, Query(description="A version of the map; the active one unless given.")]


@router.get("/maps", operation_id="listMaps")
async def list_maps(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    state: Annotated[MapState | None, Query(description="Only maps in this state.")] = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[MapListed]:
    """The maps in their order of starting."""
    saved = {each.name: SavedVersion.read(each) for each in await desk.store.maps.active_versions(desk.connection)}
    numbers: dict[str, list[str]] = {}
    for version in await desk.store.maps.all_versions(desk.connection):
        numbers.setdefault(version.name, []).append(version.version)

    def told(each: TableMap) -> MapListed:
        versions = numbers[each.name]
        return listed(each, saved[each.name], newest=max(versions, key=Version.parse), versions=len(versions))

    known = behind(await desk.store.maps.list(desk.connection), cursor, lambda each: each.name)
    found = [each for each in known if each.name in saved and state in (None, each.state)]
    return page_of(request, found, limit, told, lambda each: each.name)


@router.get("/maps/order", operation_id="orderMaps", responses=refusals(409))
async def order_maps(
    caller: Reader,
    desk: TheDesk,
    map: Annotated[list[Name], Query(min_length=1, max_length=200, description="The maps that are chosen.")],
    action: Annotated[MapAction, Query(description="What is to be done with them.")] = MapAction.RUN,
) -> Sequence[MapOrdered]:
    """The chosen maps and those related to them, in the order in which the action is best done. Nothing has changed."""
    names = await known_maps(desk, map)
    return [
        MapOrdered(
            name=each.name,
            state=each.state,
            relation=Relation.RELATED if each.related else Relation.CHOSEN,
            allowed=each.allowed,
        )
        for each in await desk.lifecycle(caller).offered(Action(action.value), names)
    ]


@router.get("/maps/{map}", operation_id="showMap")
async def show_map(caller: Reader, desk: TheDesk, map: MapName, version: OfVersion = None) -> MapShown:
    """What a version of a map says: its columns, its filters, its key."""
    known = await _known(desk, map)
    saved = await desk.versions(caller).get(map, version)
    await desk.router.compiled.refresh()
    compiled = desk.router.compiled.compiled(saved.stored.document, saved.says)
    return shown(known, saved, compiled if isinstance(compiled, Plan) else None)


@router.get("/maps/{map}/versions", operation_id="listMapVersions")
async def list_versions(
    request: Request, caller: Reader, desk: TheDesk, map: MapName, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Page[VersionListed]:
    """The versions of a map, the newest number first."""
    known = await _known(desk, map)
    stored = tuple(reversed(await desk.store.maps.versions(desk.connection, map)))
    found = behind(stored, cursor, lambda each: each.version)
    return page_of(request, found, limit, lambda each: VersionListed.of(each, known), lambda each: each.version)


@router.get("/maps/{map}/check", operation_id="checkMap")
async def check_map(caller: Reader, desk: TheDesk, map: MapName, version: OfVersion = None) -> MapChecked:
    """Every finding about a version of a map, each with its line and what to do about it."""
    await _known(desk, map)
    saved = await desk.versions(caller).get(map, version)
    await desk.router.compiled.refresh()
    return MapChecked.of(check_stored(desk.router.compiled, saved.stored))


@router.post("/maps/{map}/activate", operation_id="activateMapVersion", responses=refusals(409))
async def activate(caller: Customizer, desk: TheDesk, map: MapName, asked: Activation) -> MapStanding:
    """Another version is the active one: the one that runs the next time. The map must not be running."""
    return MapStanding.of(await desk.versions(caller).activate(map, asked.version))


@router.post(
    "/maps/actions/run",
    operation_id="runMaps",
    status_code=202,
    response_model=Operation,
    responses=refusals(409),
)
async def run_maps(request: Request, caller: Customizer, desk: TheDesk, asked: RunMaps) -> Response:
    """The maps go live, then what both sides hold is brought into step: that is the operation."""
    choices = tuple(MapChoice(each, asked.master, asked.legal_entities) for each in dict.fromkeys(asked.maps))
    run = await desk.syncs.start(RunOptions(choices, who=caller.name, include_related=asked.include_related))
    await desk.conductor.conduct(run)
    return accepted(request, await initial_sync_operation(desk.reports, run))


@router.post(
    "/maps/actions/run-without-initial-sync", operation_id="runMapsWithoutInitialSync", responses=refusals(409)
)
async def run_without_initial_sync(caller: Customizer, desk: TheDesk, asked: MapsNamed) -> MapsStanding:
    """The maps carry changes from now on, and leave what is there already as it is."""
    names = await known_maps(desk, asked.maps)
    await desk.lifecycle(caller).run_without_initial_sync(names)
    return await standing(desk, names)


@router.post("/maps/actions/stop", operation_id="stopMaps", responses=refusals(409))
async def stop_maps(caller: Customizer, desk: TheDesk, asked: MapsNamed) -> MapsStanding:
    """The maps carry no further change. What is on either side stays."""
    names = await known_maps(desk, asked.maps)
    await desk.lifecycle(caller).stop(names)
    return await standing(desk, names)


@router.post("/maps/actions/pause", operation_id="pauseMaps", responses=refusals(409))
async def pause_maps(caller: Customizer, desk: TheDesk, asked: MapsNamed) -> MapsStanding:
    """What is saved from now on waits for the maps; both sides' saves succeed. Works while an environment is away."""
    names = await known_maps(desk, asked.maps)
    await desk.lifecycle(caller).pause(names)
    return await standing(desk, names)


@router.post(
    "/maps/actions/resume",
    operation_id="resumeMaps",
    status_code=202,
    response_model=Operation,
    responses=refusals(409),
)
async def resume_maps(request: Request, caller: Customizer, desk: TheDesk, asked: ResumeMaps) -> Response:
    """What waited is carried to the other side in its order, then the maps are running: that is the operation."""
    names = await known_maps(desk, asked.maps)
    run = await desk.catch_ups.start(names, option=asked.queue, who=caller.name)
    return accepted(request, catch_up_operation(await desk.catch_ups.get(run)))


async def known_maps(desk: Desk, names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once. Raises: NotFound."""
    known = {each.name for each in await desk.store.maps.list(desk.connection)}
    for name in names:
        if name not in known:
            raise NotFound(f"There is no map {name!r}. GET /api/v1/maps lists those there are.", map=name)
    return tuple(dict.fromkeys(names))


async def standing(desk: Desk, names: Sequence[str]) -> MapsStanding:
    """Where these maps stand now."""
    known = {each.name: each for each in await desk.store.maps.list(desk.connection)}
    return MapsStanding(maps=[MapStanding.of(known[name]) for name in names if name in known])


async def _known(desk: Desk, name: str) -> TableMap:
    known = await desk.store.maps.get(desk.connection, name)
    if known is None:
        raise NotFound(f"There is no map {name!r}. GET /api/v1/maps lists those there are.", map=name)
    return known
