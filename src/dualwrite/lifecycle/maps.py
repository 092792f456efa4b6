"""Running and stopping maps."""

from __future__ import annotations

from collections.abc import Sequence

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.checks import CheckedMap, check_active, refuse_findings
from dualwrite.lifecycle.initial_sync.conductor import Conductor
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.ending import withdraw
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.lifecycle.initial_sync.reports import RunReport, SyncReports
from dualwrite.lifecycle.initial_sync.starting import bring_live
from dualwrite.lifecycle.initial_sync.states import ways_out
from dualwrite.lifecycle.transitions import Action, allowed_from, is_live, state_after
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.store.database import Repositories, Store
from dualwrite.store.initial_syncs import RunState
from dualwrite.sync.stored_router import StoredRouter


class MapLifecycle:
    """The actions on the maps of one connection. Several processes may act; the store and the epoch serialise them."""

    def __init__(self, store: Store, connection: str, router: StoredRouter, *, conductor: Conductor, who: str) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._syncs = InitialSyncs(store, connection, router)
        self._reports = SyncReports(store, connection)
        self._conductor = conductor
        self._who = who

    async def run(self, names: Sequence[str], *, master: Side = Side.FINOPS) -> RunReport:
        """The maps are running, and what both sides held before is in step, refused rows aside.

        The maps go live first; the copy that follows never overwrites a newer live change. Idempotency: running again
        copies what is missing or different. After failure: the maps are initializing (and live); run them again.

        Raises: MapRefused with the findings of all maps that cannot run; NotAllowed for an unknown map, one that is in
        another state, or one that another running map excludes, and then none of the maps is running that was not
        before; NotAllowed, too, when the initial sync does not come to its end.
        """
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
        refuse_findings(await self.check(names))
        async with self._store.transaction() as repositories:
            await bring_live(repositories, self._connection, names)
            for name in names:
                await repositories.maps.set_state(
                    self._connection, name, state_after(Action.FINISH), expected=allowed_from(Action.FINISH)
                )
                result = "completed, without initial sync"
                await repositories.activity.record("run", who=self._who, result=result, map=name)
        await self._router.renew()

    async def stop(self, names: Sequence[str]) -> None:
        """The maps carry no further change, and are copied no further; with an error none of them has been stopped.

        Raises: NotAllowed.
        """
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            for name in names:
                await self._stop(repositories, name, result="completed")
            await withdraw(repositories, self._connection, names, why=_STOPPED)
        await self._router.renew()

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
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            for each in refused:
                first = each.errors[0].finding
                result = f"{each.version} cannot run: {first.code.value} {first.message}"
                await self._stop(repositories, each.name, result=result)
            await withdraw(repositories, self._connection, [each.name for each in refused], why=_STOPPED)
        await self._router.renew()
        return refused

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

    async def _stop(self, repositories: Repositories, name: str, *, result: str) -> None:
        await repositories.maps.set_state(
            self._connection, name, state_after(Action.STOP), expected=allowed_from(Action.STOP)
        )
        await repositories.activity.record("stop", who=self._who, result=result, map=name)


_STOPPED = "All of its maps have been stopped."
