"""Running, pausing, resuming and stopping maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from dualwrite.errors import EnvironmentUnavailable, NotAllowed
from dualwrite.lifecycle.catch_up.desk import CatchUps
from dualwrite.lifecycle.catch_up.moving import move
from dualwrite.lifecycle.checks import CheckedMap, check_active, refuse_findings
from dualwrite.lifecycle.failed_actions import told_when_failed
from dualwrite.lifecycle.initial_sync.conductor import Conductor
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.ending import withdraw
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.lifecycle.initial_sync.reports import RunReport, SyncReports
from dualwrite.lifecycle.initial_sync.starting import bring_live
from dualwrite.lifecycle.initial_sync.states import ways_out
from dualwrite.lifecycle.integration_jobs.states import refuse_moved
from dualwrite.lifecycle.related_maps import OfferedMap, offered
from dualwrite.lifecycle.transitions import Action, allowed_from, is_live, state_after
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.store.activity import Severity
from dualwrite.store.catch_ups import CatchUp, CatchUpState, QueueOption
from dualwrite.store.database import Repositories, Store
from dualwrite.store.initial_syncs import RunState
from dualwrite.store.maps import MapState
from dualwrite.sync.stored_router import StoredRouter

log = structlog.get_logger(__name__)


class MapLifecycle:
    """The actions on the maps of one connection. Several processes may act; the store and the epoch serialise them."""

    def __init__(
        self,
        store: Store,
        connection: str,
        router: StoredRouter,
        *,
        conductor: Conductor,
        catch_ups: CatchUps,
        who: str,
    ) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._syncs = InitialSyncs(store, connection, router)
        self._reports = SyncReports(store, connection)
        self._conductor = conductor
        self._catch_ups = catch_ups
        self._who = who

    async def run(self, names: Sequence[str], *, master: Side = Side.FINOPS) -> RunReport:
        """The maps are running, and what both sides held before is in step, refused rows aside.

        The maps go live first; the copy that follows never overwrites a newer live change. Idempotency: running again
        copies what is missing or different. After failure: the maps are initializing (and live); run them again.

        Raises: MapRefused with the findings of all maps that cannot run; NotAllowed for an unknown map, one that is in
        another state, or one that another running map excludes, and then none of the maps is running that was not
        before; NotAllowed, too, when the initial sync does not come to its end.
        """
        async with told_when_failed(self._store, Action.RUN, names, who=self._who):
            run = await self._syncs.start(RunOptions(tuple(MapChoice(each, master) for each in names), who=self._who))
        await self._conductor.conduct(run)
        await self._conductor.ended(run)
        report = await self._reports.report(run)
        state = report.run.state
        if state not in (RunState.COMPLETED, RunState.WITH_REFUSALS):
            raise NotAllowed(
                f"Initial sync {run} is {state.value}. {report.run.message} {ways_out(state)}".replace(".  ", ". "),
                run=str(run),
                state=state.value,
            )
        return report

    async def run_without_initial_sync(self, names: Sequence[str]) -> None:
        """The maps are running: they carry changes from now on, and leave what is there already as it is.

        Raises: MapRefused and NotAllowed, as :meth:`run`.
        """
        async with told_when_failed(self._store, Action.RUN, names, who=self._who):
            refuse_findings(await self.check(names))
            async with self._store.transaction() as repositories:
                await bring_live(repositories, self._connection, names)
                for name in names:
                    await repositories.maps.set_state(
                        self._connection, name, state_after(Action.FINISH), expected=allowed_from(Action.FINISH)
                    )
                    result = "completed, without initial sync"
                    await repositories.activity.record(Action.RUN.value, who=self._who, result=result, map=name)
            await self._router.renew()

    async def pause(self, names: Sequence[str], *, result: str = "completed") -> None:
        """What is saved from now on waits for the maps; both sides' saves succeed. With an error none is paused.

        Works while an environment is away. ``result`` goes into the activity log. Raises: NotFound, NotAllowed unless
        all of them are running.
        """
        async with told_when_failed(self._store, Action.PAUSE, names, who=self._who):
            refuse_moved(names, await self._store.integration_jobs.active_maps(self._connection))
            await self._give_up_remains(names)
            async with self._store.transaction() as repositories:
                await move(repositories, self._connection, names, action=Action.PAUSE)
                for name in names:
                    await repositories.activity.record(Action.PAUSE.value, who=self._who, result=result, map=name)
            await self._router.renew()

    async def resume(self, names: Sequence[str], *, queue: QueueOption = QueueOption.REPLAY) -> CatchUp:
        """The maps are running, and what waited for them has been replayed, or else kept or discarded.

        Atomicity: all maps begin or none; changes never pass a queued one. After failure: the maps are paused with
        what is left of their queue; resume them again. Raises: NotFound; NotAllowed unless all of them are paused, or
        when the catch-up does not come to its end.
        """
        async with told_when_failed(self._store, Action.RESUME, names, who=self._who):
            run = await self._catch_ups.start(names, option=queue, who=self._who)
        record = await self._catch_ups.ended(run)
        if record.state is not CatchUpState.COMPLETED:
            raise NotAllowed(
                f"Catch-up {run} has {record.state.value}. {record.message} "
                "What is left of the queue is kept; see: dualwrite queue count",
                run=str(run),
                state=record.state.value,
            )
        return record

    async def stop(self, names: Sequence[str], *, result: str = "completed") -> None:
        """The maps carry no further change, and are copied no further; with an error none of them has been stopped.

        What waited for a paused map has become catch-up errors. ``result`` goes into the activity log. Raises:
        NotFound, NotAllowed.
        """
        async with told_when_failed(self._store, Action.STOP, names, who=self._who):
            async with self._store.transaction() as repositories:
                await self._stop(repositories, {name: result for name in names})
            await self._router.renew()
            await self.give_up(names)

    async def give_up(self, names: Sequence[str]) -> int:
        """Nothing waits for these maps, which do not queue: it has become catch-up errors; tells how many records.

        What an environment keeps that is away is left to the watch over the queues.
        """
        try:
            records = await self._catch_ups.give_up(names) if names else 0
        except EnvironmentUnavailable as error:
            log.warning("what waits is given up later", maps=names, reason=error.message)
            return 0
        if records:
            await self._store.activity.record(
                "keep queue",
                who=self._who,
                result=f"{records:,} queued records of maps that do not run have become catch-up errors",
                severity=Severity.WARNING,
                details={"maps": list(names), "records": records},
            )
        return records

    async def _give_up_remains(self, names: Sequence[str]) -> None:
        """What an earlier stop has left of those that are running is not taken for changes of the pause to come."""
        try:
            if not await self._catch_ups.left(names):
                return
        except EnvironmentUnavailable as error:
            log.warning("what an earlier stop may have left is not looked for", maps=names, reason=error.message)
            return
        known = await self._store.maps.list(self._connection)
        await self.give_up([each.name for each in known if each.name in names and each.state is MapState.RUNNING])

    async def stop_refused(self) -> Sequence[CheckedMap]:
        """No map is live that cannot run as the environments are now; gives those that were, which are stopped.

        As long as one of them is live, no change passes through any map. Idempotency: the second time finds none.
        """
        known = await self._store.maps.list(self._connection)
        refused = [
            each for each in await self.check([it.name for it in known if is_live(it.state)]) if not each.can_run
        ]
        if not refused:
            return ()
        results = {each.name: _cannot_run(each) for each in refused}
        async with self._store.transaction() as repositories:
            await self._stop(repositories, results)
        await self._router.renew()
        await self.give_up(list(results))
        return refused

    async def offered(self, action: Action, names: Sequence[str]) -> Sequence[OfferedMap]:
        """The maps with their related ones, in the order in which ``action`` is best done. Nothing has changed.

        Raises: NotFound for an unknown map.
        """
        known = {each.name: each.state for each in await self._store.maps.list(self._connection)}
        try:
            checked = await self.check([*names, *(each for each in known if each not in names)])
        except EnvironmentUnavailable:
            # What is related is told by the schemas of both; maps are paused also while one of them is away.
            checked = []
        return offered(action, names, [each.plan for each in checked if each.plan is not None], known)

    async def check(self, names: Sequence[str]) -> Sequence[CheckedMap]:
        """What stands in the way of running the active versions, map by map. Raises: NotAllowed for an unknown map."""
        return await check_active(self._store, self._connection, self._router.compiled, names)

    async def plans(self, names: Sequence[str]) -> Sequence[Plan]:
        """The compiled active versions. Raises: NotAllowed for an unknown map, MapRefused with all findings."""
        checked = await self.check(names)
        refuse_findings(checked)
        return [each.plan for each in checked if each.plan is not None]

    async def plan(self, name: str) -> Plan:
        """The compiled active version. Raises: NotAllowed for an unknown map, MapRefused with all findings."""
        (plan,) = await self.plans([name])
        return plan

    async def _stop(self, repositories: Repositories, results: Mapping[str, str]) -> None:
        await move(repositories, self._connection, results, action=Action.STOP)
        for name, result in results.items():
            await repositories.activity.record(Action.STOP.value, who=self._who, result=result, map=name)
        await withdraw(repositories, self._connection, list(results), why=_STOPPED)
        await self._catch_ups.withdraw(repositories)


_STOPPED = "All of its maps have been stopped."


def _cannot_run(checked: CheckedMap) -> str:
    first = checked.errors[0].finding
    return f"{checked.version} cannot run: {first.code.value} {first.message}"
