"""Running and stopping maps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from dualwrite.errors import DualwriteError, NotAllowed
from dualwrite.lifecycle.checks import CheckedMap, check_stored, refuse_findings
from dualwrite.lifecycle.exclusions import check_exclusions, exclusions_of
from dualwrite.lifecycle.transitions import Action, allowed_from, is_live, state_after
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value
from dualwrite.store.database import Store
from dualwrite.store.initial_copies import CopiedMap, CopyOutcome, Refusal, RunId
from dualwrite.store.maps import MapState
from dualwrite.sync.initial_copy import CopyReport, InitialCopy, Progress, silent
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter


class MapLifecycle:
    """The actions on the maps of one connection. Several processes may act; the store and the epoch serialise them."""

    def __init__(self, store: Store, connection: str, pair: Pair, router: StoredRouter, *, who: str) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._router = router
        self._who = who

    async def run(
        self,
        names: Sequence[str],
        *,
        master: Side = Side.FINOPS,
        skip_initial_copy: bool = False,
        progress: Progress = silent,
    ) -> CopyReport:
        """The maps are running, and what both sides held before is in step, refused rows aside.

        The maps go live first; the copy that follows never overwrites a newer live change. Idempotency: running again
        copies what is missing or different. After failure: the maps are initializing (and live); run them again.

        Raises: MapRefused with the findings of all maps that cannot run; NotAllowed for an unknown map, one that is in
        another state, or one that another running map excludes. Then none of the maps is running that was not before.
        """
        plans = await self.plans(names)
        await self._go_live(names)
        report = CopyReport() if skip_initial_copy else await self._copy(plans, master, progress)
        for name in names:
            await self._move(name, Action.FINISH)
            await self._record("run", name, report)
        return report

    async def stop(self, names: Sequence[str]) -> None:
        """The maps carry no further change; with an error none of them has been stopped. Raises: NotAllowed."""
        async with self._store.transaction() as repositories:
            for name in names:
                await repositories.maps.set_state(
                    self._connection, name, state_after(Action.STOP), expected=allowed_from(Action.STOP)
                )
                await repositories.activity.record("stop", who=self._who, result="completed", map=name)
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
            for each in refused:
                await repositories.maps.set_state(
                    self._connection, each.name, state_after(Action.STOP), expected=allowed_from(Action.STOP)
                )
                first = each.errors[0].finding
                result = f"{each.version} cannot run: {first.code.value} {first.message}"
                await repositories.activity.record("stop", who=self._who, result=result, map=each.name)
        await self._router.renew()
        return refused

    async def check(self, names: Sequence[str]) -> Sequence[CheckedMap]:
        """What stands in the way of running the active versions, map by map. Raises: NotAllowed for an unknown map."""
        await self._router.compiled.refresh()
        stored = {each.name: each for each in await self._store.maps.active_versions(self._connection)}
        unknown = next((name for name in names if name not in stored), None)
        if unknown is not None:
            raise NotAllowed(f"There is no map {unknown!r}. The maps are: {', '.join(stored) or 'none'}.")
        return [check_stored(self._router.compiled, stored[name]) for name in names]

    async def plans(self, names: Sequence[str]) -> Sequence[Plan]:
        """The compiled active versions. Raises: NotAllowed for an unknown map, MapRefused with all findings."""
        checked = await self.check(names)
        refuse_findings(checked)
        return [each.plan for each in checked if each.plan is not None]

    async def plan(self, name: str) -> Plan:
        """The compiled active version. Raises: NotAllowed for an unknown map, MapRefused with all findings."""
        (plan,) = await self.plans([name])
        return plan

    async def _go_live(self, names: Sequence[str]) -> None:
        """All the maps are initializing, or none. Raises: NotAllowed."""
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            idle = allowed_from(Action.CHANGE)
            live = [each.name for each in await repositories.maps.list(self._connection) if each.state not in idle]
            exclusions = exclusions_of(await repositories.solutions.list(self._connection))
            check_exclusions(exclusions, wanted=names, live=live)
            for name in names:
                await repositories.maps.set_state(
                    self._connection, name, state_after(Action.RUN), expected=allowed_from(Action.RUN)
                )
        await self._router.renew()

    async def _move(self, name: str, action: Action) -> None:
        await self._store.maps.set_state(self._connection, name, state_after(action), expected=allowed_from(action))

    async def _copy(self, plans: Sequence[Plan], master: Side, progress: Progress) -> CopyReport:
        run = await self._store.initial_copies.start(self._connection, master=master, started_by=self._who)
        copy = InitialCopy(self._pair, await self._router.current(), progress=progress, may_go_on=self._is_initializing)
        try:
            report = await copy.run(plans, master=master)
        except DualwriteError as error:
            await self._store.initial_copies.finish(run, CopyOutcome.FAILED, message=error.message)
            raise
        await self._keep(run, report)
        outcome = CopyOutcome.WITH_REFUSALS if report.refused else CopyOutcome.COMPLETED
        await self._store.initial_copies.finish(run, outcome)
        return report

    async def _is_initializing(self, plan: Plan) -> bool:
        """Whether nobody has stopped the map meanwhile, in whatever process."""
        current = await self._store.maps.get(self._connection, plan.map.name)
        return current is not None and current.state is MapState.INITIALIZING

    async def _keep(self, run: RunId, report: CopyReport) -> None:
        for count in report.counts:
            await self._store.initial_copies.record_map(
                run,
                CopiedMap(
                    map=count.map_name,
                    legal_entity=count.company or "",
                    direction=count.direction.value,
                    read_rows=count.read,
                    created_rows=count.inserted,
                    updated_rows=count.updated,
                    unchanged_rows=count.equal + count.skipped,
                    refused_rows=count.refused,
                ),
            )
        refusals = [
            Refusal(
                map=each.map_name,
                legal_entity=each.company or "",
                direction=each.direction.value,
                record_key=each.record,
                column=each.column,
                code=each.code,
                reason=each.reason,
                row={name: _storable(value) for name, value in each.row.items() if value is not None},
            )
            for each in report.refused
        ]
        if refusals:
            await self._store.initial_copies.refuse(run, refusals)

    async def _record(self, what: str, name: str, report: CopyReport) -> None:
        refused = sum(count.refused for count in report.counts if count.map_name == name)
        result = f"completed, {refused} rows refused" if refused else "completed"
        await self._store.activity.record(what, who=self._who, result=result, map=name)


def _storable(value: Value) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | bool) else str(value)
