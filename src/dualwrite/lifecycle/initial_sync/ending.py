"""How runs let go of their maps, as part of the caller's transaction; the router is to be renewed afterwards."""

from __future__ import annotations

from collections.abc import Collection

from dualwrite.errors import NotFound
from dualwrite.lifecycle.transitions import Action, allowed_from, state_after
from dualwrite.store.database import Repositories
from dualwrite.store.initial_syncs import InitialSyncRun, RunId, RunMap, RunMapState, RunState
from dualwrite.store.maps import MapState


async def locked_run(repositories: Repositories, connection: str, run: RunId) -> InitialSyncRun:
    """The run; it and the maps stay as they are until the transaction ends. Raises: NotFound when there is none."""
    # Always the maps first: whoever changes both takes them in this order.
    await repositories.maps.lock(connection)
    record = await repositories.initial_syncs.get(run, lock=True)
    if record is None or record.connection != connection:
        raise NotFound(f"There is no initial sync {run}.", run=str(run))
    return record


async def copied_maps(repositories: Repositories, run: InitialSyncRun) -> tuple[RunMap, ...]:
    """The maps that the run still copies or is to finish."""
    maps = await repositories.initial_syncs.maps(run.run)
    return tuple(each for each in maps if each.enabled and each.state is RunMapState.COPYING)


async def bring_to_running(repositories: Repositories, run: InitialSyncRun) -> tuple[str, ...]:
    """The maps of the run are running, and the run has finished them; gives their names."""
    return await _leave(repositories, run, RunMapState.FINISHED)


async def put_back(repositories: Repositories, run: InitialSyncRun) -> tuple[str, ...]:
    """The maps that the run has not finished are where they were before it; gives their names."""
    return await _leave(repositories, run, RunMapState.CANCELLED)


async def _leave(repositories: Repositories, run: InitialSyncRun, state: RunMapState) -> tuple[str, ...]:
    maps = await copied_maps(repositories, run)
    for each in maps:
        current = await repositories.maps.get(run.connection, each.map)
        if current is not None and current.state is MapState.INITIALIZING:
            is_to_run = state is RunMapState.FINISHED or each.was_running
            action = Action.FINISH if is_to_run else Action.STOP
            await repositories.maps.set_state(
                run.connection, each.map, state_after(action), expected=allowed_from(action)
            )
    names = tuple(each.map for each in maps)
    await repositories.initial_syncs.set_map_state(run.run, names, state)
    return names


async def withdraw(repositories: Repositories, connection: str, names: Collection[str], *, why: str) -> None:
    """No run copies these maps any further; a run that is at rest and has no other map is cancelled."""
    covering = await repositories.initial_syncs.covering(connection, names)
    for run in {each.run: each for each in covering.values()}.values():
        own = [name for name, covered_by in covering.items() if covered_by.run == run.run]
        await repositories.initial_syncs.set_map_state(run.run, own, RunMapState.CANCELLED)
        if run.state.is_at_rest and not await copied_maps(repositories, run):
            await repositories.initial_syncs.move(run.run, RunState.CANCELLED, message=why)
