"""Resetting a link, which begins anew with the same environments and legal entities, and taking it apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dualwrite.errors import NotAllowed
from dualwrite.linking.legal_entities import few
from dualwrite.linking.linked_maps import LinkedMaps, WaitingChanges
from dualwrite.linking.remains import Remains, remains_of
from dualwrite.linking.states import LinkAction, next_state, state_after
from dualwrite.store.activity import Severity
from dualwrite.store.connections import LinkState
from dualwrite.store.database import Repositories, Store
from dualwrite.store.failed_actions import told_when_failed
from dualwrite.store.integration_jobs import JobState
from dualwrite.store.maps import MapState
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter


@dataclass(frozen=True, slots=True)
class Ended:
    """What a reset or an unlinking found and did away with.

    ``given_up`` counts the queued records that are catch-up errors now, ``discarded`` those that are gone.
    """

    remains: Remains
    cancelled: int
    forgotten: int
    """Runs of the initial sync whose history is gone."""
    given_up: int = 0
    discarded: int = 0

    def document(self) -> dict[str, object]:
        """As JSON."""
        done = {"initial_syncs_cancelled": self.cancelled, "initial_syncs_forgotten": self.forgotten}
        changes = {"made_errors": self.given_up, "discarded": self.discarded}
        return {"found": self.remains.document(), **done, **changes}


class LinkEnding:
    """Resets and unlinks one connection.

    Atomicity: the link is locked for everything else from the first step to the last. Idempotency: by connection; what
    has been done is found done. After failure: the link says what it was about (see :class:`LinkState`), and
    :meth:`resume`, or the same call again, brings that to its end.
    """

    def __init__(
        self,
        store: Store,
        connection: str,
        pair: Pair,
        router: StoredRouter,
        *,
        maps: LinkedMaps,
        waiting: WaitingChanges,
    ) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._router = router
        self._maps = maps
        self._waiting = waiting

    async def remains(self) -> Remains:
        """What the link holds at this moment. Raises: NotFound."""
        await self._store.connections.named(self._connection)
        return await remains_of(self._store, self._connection, self._pair, self._waiting)

    async def reset(self, *, who: str, forced: bool = False) -> Ended:
        """No map runs, and it is as if none ever had; environments, legal entities, maps and teams are kept.

        What was queued are catch-up errors. ``forced`` stops maps that run and cancels initial syncs.
        Raises: NotFound, NotAllowed.
        """
        async with told_when_failed(self._store, _CALLED[LinkAction.RESET], who=who):
            return await self._reset(await self._begin(LinkAction.RESET, who=who, forced=forced), who=who)

    async def unlink(self, *, who: str, forced: bool = False) -> Ended:
        """There is no link any more: the two environments can be linked anew. Rows stay where they are.

        ``forced`` stops maps that run, and does away with what is queued or in error. Raises: NotFound, NotAllowed.
        """
        async with told_when_failed(self._store, _CALLED[LinkAction.UNLINK], who=who):
            return await self._unlink(await self._begin(LinkAction.UNLINK, who=who, forced=forced), who=who)

    async def resume(self, *, who: str) -> Ended | None:
        """What a process has begun that died meanwhile is brought to its end; None when there is nothing."""
        link = await self._store.connections.get(self._connection)
        if link is None or link.state is LinkState.LINKED:
            return None
        if link.state is LinkState.RESETTING:
            return await self.reset(who=who, forced=True)
        return await self.unlink(who=who, forced=True)

    # --- steps --------------------------------------------------------------------------------------------------------

    async def _begin(self, action: LinkAction, *, who: str, forced: bool) -> Remains:
        """The link is about to be ended, and nobody runs a map any more. Raises: NotFound, NotAllowed."""
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            link = await repositories.connections.named(self._connection, lock=True)
            after = state_after(action, link)
            remains = await remains_of(repositories, self._connection, self._pair, self._waiting)
            begun = link.state is after
            if not forced and not begun:
                _refuse(action, remains)
            await repositories.connections.set_state(self._connection, after)
            if not begun:
                details = remains.document()
                result, severity = ("forced", Severity.WARNING) if forced else ("begun", Severity.INFO)
                await repositories.activity.record(
                    _CALLED[action], who=who, result=result, severity=severity, details=details
                )
        return remains

    async def _reset(self, remains: Remains, *, who: str) -> Ended:
        cancelled = await self._come_to_rest(who=who)
        given_up = await self._waiting.give_up(await self._all_maps())
        forgotten = await self._forget_outcomes()
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            ended = Ended(remains, cancelled, forgotten, given_up=given_up)
            if next_state(LinkAction.FINISH, await self._stand(repositories)) is LinkState.LINKED:
                await _forget(repositories, self._connection)
                await repositories.connections.mark_reset(self._connection)
                what, details = _CALLED[LinkAction.RESET], ended.document()
                await repositories.activity.record(what, who=who, result="completed", details=details)
        await self._router.renew()
        return ended

    async def _unlink(self, remains: Remains, *, who: str) -> Ended:
        cancelled = await self._come_to_rest(who=who)
        discarded = await self._waiting.discard(await self._all_maps())
        forgotten = await self._forget_outcomes()
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            ended = Ended(remains, cancelled, forgotten, discarded=discarded)
            if await self._stand(repositories) is LinkState.UNLINKING:
                await repositories.connections.bid_farewell(self._connection, who=who)
                await repositories.connections.remove(self._connection)
                what, details = _CALLED[LinkAction.UNLINK], ended.document()
                await repositories.activity.record(what, who=who, result="completed", details=details)
        await self._router.renew()
        return ended

    async def _stand(self, repositories: Repositories) -> LinkState | None:
        """Where the link stands: others may have brought it to its end meanwhile."""
        link = await repositories.connections.get(self._connection)
        return None if link is None else link.state

    async def _come_to_rest(self, *, who: str) -> int:
        """No map is live and no initial sync is under way; tells how many have been cancelled for that."""
        cancelled = await self._maps.end_runs(who=who)
        while live := await self._live():
            try:
                await self._maps.stop(live, who=who)
            except NotAllowed:
                # Another process that ends the same link may have been quicker.
                if await self._live() == live:
                    raise
        await self._stop_jobs(who=who)
        return cancelled

    async def _stop_jobs(self, *, who: str) -> None:
        """No integration job is active: its maps would be its again as soon as they run."""
        for each in await self._store.integration_jobs.list(self._connection):
            if each.state is JobState.ACTIVE:
                await self._store.integration_jobs.set_state(
                    self._connection, each.name, JobState.STOPPED, changed_by=who, message="The link has been reset."
                )

    async def _live(self) -> tuple[str, ...]:
        maps = await self._store.maps.list(self._connection)
        return tuple(each.name for each in maps if each.state is not MapState.NOT_RUNNING)

    async def _all_maps(self) -> tuple[str, ...]:
        """The maps of the connection, and those that have gone and still have something in a queue."""
        known = [each.name for each in await self._store.maps.list(self._connection)]
        waiting = [
            each.map
            for environment in (self._pair.finops, self._pair.dataverse)
            for each in await environment.queue_counts()
        ]
        return tuple(dict.fromkeys((*known, *waiting)))

    async def _forget_outcomes(self) -> int:
        """The environments keep nothing for the runs that are about to be forgotten; tells how many runs there are."""
        for run in await self._store.initial_syncs.with_outcomes(self._connection, ended_for=timedelta()):
            for environment in (self._pair.finops, self._pair.dataverse):
                await environment.forget_outcomes(run)
            await self._store.initial_syncs.outcomes_dropped(run)
        return len(await self._store.initial_syncs.list(self._connection, limit_rows=None))


_CALLED = {LinkAction.RESET: "reset link", LinkAction.UNLINK: "unlink environments"}


async def _forget(repositories: Repositories, connection: str) -> None:
    pending = await repositories.pending_copies.list(connection)
    await repositories.pending_copies.settle(connection, pending)
    await repositories.initial_syncs.forget(connection)


def _refuse(action: LinkAction, remains: Remains) -> None:
    """Raises: NotAllowed, when something runs, or would be lost without the link."""
    command = "dualwrite link reset" if action is LinkAction.RESET else "dualwrite link unlink"
    details = remains.document()
    if remains.live:
        raise NotAllowed(
            f"{few(remains.live)}: not stopped. Stop first: dualwrite maps stop --all. Or have them stopped with it: "
            f"{command} --force",
            **details,
        )
    if remains.runs:
        raise NotAllowed(
            f"{remains.runs} initial sync{'s are' if remains.runs > 1 else ' is'} in progress. Cancel first: dualwrite "
            f"initial-sync cancel. Or: {command} --force",
            **details,
        )
    if action is LinkAction.UNLINK and remains.lost:
        raise NotAllowed(
            f"Without the link these would be lost for good: {remains.lost}. See to them first (dualwrite queue, "
            f"dualwrite errors), or have them go with it: {command} --force",
            **details,
        )
