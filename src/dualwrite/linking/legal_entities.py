"""The legal entities of a link: those that take part, added and removed while everything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dualwrite.environments.port import RowQuery
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.linking.link import known_legal_entities, links_of
from dualwrite.linking.linked_maps import LinkedMaps
from dualwrite.linking.new_companies import bring_companies
from dualwrite.linking.states import LinkAction, state_after
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store.database import Repositories, Store
from dualwrite.store.failed_actions import told_when_failed
from dualwrite.store.initial_syncs import InitialSyncRun, RunId, RunState
from dualwrite.store.maps import MapState, TableMap
from dualwrite.store.pending_copies import PendingCopy
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Pair, Routing
from dualwrite.sync.stored_router import StoredRouter

ADD = "add legal entities"
REMOVE = "remove legal entities"
_QUEUEING = frozenset({MapState.PAUSED, MapState.RESUMING})
_NAMED = 5
"""So many are named one by one in a message."""


@dataclass(frozen=True, slots=True)
class KnownLegalEntity:
    """A legal entity of finance and operations, and how it stands to the link.

    One that is linked and does not ``exist`` has gone meanwhile. ``company`` tells whether Dataverse has a company of
    its code. ``awaited_by`` are the maps that have still to copy its rows.
    """

    legal_entity: str
    name: str
    linked: bool
    company: bool
    awaited_by: tuple[str, ...] = ()
    exists: bool = True


@dataclass(frozen=True, slots=True)
class AddedLegalEntities:
    """What adding legal entities did. ``run`` copies their rows; None where no map runs that could.

    ``awaiting`` are the maps that are paused: their rows are copied by :meth:`LegalEntities.copy_pending`, once they
    run again.
    """

    added: tuple[str, ...]
    run: RunId | None
    awaiting: tuple[str, ...]


class LegalEntities:
    """Which legal entities of one connection take part.

    Atomicity: all that are named or none. Idempotency: by legal entity. Ordering: changes of the link and of its maps
    wait for each other. After failure: copies that were to be made are remembered, see :meth:`copy_pending`.
    """

    def __init__(self, store: Store, connection: str, pair: Pair, router: StoredRouter, *, maps: LinkedMaps) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._router = router
        self._maps = maps

    async def list(self) -> tuple[KnownLegalEntity, ...]:
        """Every legal entity there is, by its id, those included that are linked and have gone meanwhile."""
        rows = {str(row["LegalEntityId"]).lower(): str(row["Name"] or "") for row in await self._of_finops()}
        companies = (await self._pair.dataverse.read(RowQuery(COMPANY_TABLE, columns=(COMPANY_CODE,)))).rows
        codes = {str(row[COMPANY_CODE]).lower() for row in companies}
        linked = {str(each.legal_entity).lower() for each in await self._store.connections.companies(self._connection)}
        awaited: dict[str, list[str]] = {}
        for each in await self._store.pending_copies.list(self._connection):
            awaited.setdefault(each.legal_entity.lower(), []).append(each.map)
        return tuple(
            KnownLegalEntity(
                each, rows.get(each, ""), each in linked, each in codes, tuple(awaited.get(each, ())), each in rows
            )
            for each in sorted(rows.keys() | linked)
        )

    async def add(self, legal_entities: Sequence[LegalEntityId], *, who: str) -> AddedLegalEntities:
        """The legal entities take part at once, and a run copies the rows that they have for the maps that run.

        Raises: NotFound, for one that does not exist; NotAllowed while an initial sync is in progress.
        """
        async with told_when_failed(self._store, ADD, who=who):
            names = await self._add(legal_entities, who=who)
            return await self._copied(names, who=who)

    async def copy_awaited(self, *, who: str) -> AddedLegalEntities:
        """As :meth:`copy_pending`, and what is still awaited after that. Raises: NotAllowed, MapRefused."""
        return await self._copied((), who=who)

    async def _copied(self, names: tuple[str, ...], *, who: str) -> AddedLegalEntities:
        run = await self.copy_pending(who=who)
        left = await self._store.pending_copies.list(self._connection)
        return AddedLegalEntities(names, run, tuple(dict.fromkeys(each.map for each in left)))

    async def _add(self, legal_entities: Sequence[LegalEntityId], *, who: str) -> tuple[str, ...]:
        """The legal entities take part, and the copies of their rows are pending; gives those that are new."""
        links = await links_of(self._pair, legal_entities)
        routing = await self._router.current()
        plans = _concerned(routing)
        async with self._store.transaction() as repositories:
            await self._may_change(repositories)
        # Saves of a legal entity that takes part need its company; nobody is to be refused before it has come.
        await bring_companies(self._pair, routing, [str(each.legal_entity) for each in links], who=who)
        async with self._store.transaction() as repositories:
            maps = await self._may_change(repositories)
            added = await repositories.connections.add_companies(self._connection, links)
            names = tuple(str(each.legal_entity) for each in added)
            live = [each.name for each in maps if each.state is not MapState.NOT_RUNNING and each.name in plans]
            pending = [PendingCopy(name, entity) for name in live for entity in names]
            await repositories.pending_copies.add(self._connection, pending)
            if names:
                details = {"legal_entities": names, "maps": live}
                await repositories.activity.record(ADD, who=who, result=_counted(names), details=details)
        if names:
            await self._router.renew()
        return names

    async def remove(self, legal_entities: Sequence[LegalEntityId], *, who: str) -> tuple[str, ...]:
        """The legal entities take no part any more; their rows stay on both sides as they are. Gives their ids.

        Raises: NotFound, for one that is not linked; NotAllowed while an initial sync is in progress or a map is
        paused or moved by a job (what it has queued would be left behind), and for the last legal entity.
        """
        wanted = tuple(dict.fromkeys(each.strip().lower() for each in legal_entities))
        async with told_when_failed(self._store, REMOVE, who=who):
            removed = await self._remove(wanted, who=who)
            await self._router.renew()
        return removed

    async def _remove(self, wanted: Sequence[str], *, who: str) -> tuple[str, ...]:
        async with self._store.transaction() as repositories:
            maps = await self._may_change(repositories)
            _refuse_queueing(maps)
            _refuse_jobs(await repositories.integration_jobs.active_maps(self._connection))
            known = {
                str(each.legal_entity).lower() for each in await repositories.connections.companies(self._connection)
            }
            _refuse_removal(self._connection, wanted, known)
            removed = await repositories.connections.remove_companies(self._connection, wanted)
            details = {"legal_entities": list(removed)}
            await repositories.activity.record(REMOVE, who=who, result=_counted(removed), details=details)
        return removed

    async def copy_pending(self, *, who: str) -> RunId | None:
        """A run sees to the rows that added legal entities have still to bring along, of all maps that run.

        Those of maps that are paused wait on; those of maps that do not run need no copy of their own. None when there
        is nothing to copy. Idempotency: what a run sees to is not pending any more. Raises: NotAllowed, MapRefused.
        """
        states = {each.name: each.state for each in await self._store.maps.list(self._connection)}
        pending = await self._store.pending_copies.list(self._connection)
        moot = [each for each in pending if states.get(each.map) is MapState.NOT_RUNNING]
        await self._store.pending_copies.settle(self._connection, moot)
        due = [each for each in pending if states.get(each.map) is MapState.RUNNING]
        if not due:
            return None
        names = [name for name in states if any(each.map == name for each in due)]
        entities = tuple(dict.fromkeys(each.legal_entity for each in due))
        run = await self._maps.copy(names, entities, who=who)
        await self._store.pending_copies.settle(self._connection, due)
        return run

    # --- what stands in the way ---------------------------------------------------------------------------------------

    async def _may_change(self, repositories: Repositories) -> tuple[TableMap, ...]:
        """The maps, which stay as they are until the transaction ends. Raises: NotFound, NotAllowed."""
        await repositories.maps.lock(self._connection)
        state_after(LinkAction.CHANGE, await repositories.connections.named(self._connection, lock=True))
        open_states = [each for each in RunState if not each.has_ended]
        _refuse_runs(await repositories.initial_syncs.in_states(self._connection, open_states))
        return await repositories.maps.list(self._connection)

    async def _of_finops(self) -> Sequence[dict[str, object]]:
        return [dict(row) for row in await known_legal_entities(self._pair.finops)]


def _concerned(routing: Routing) -> frozenset[str]:
    """The live maps whose rows depend on which legal entities are linked."""
    concerned = (each for each in routing.plans if each.company_specific or each.dataverse.name == COMPANY_TABLE)
    return frozenset(each.map.name for each in concerned)


def _refuse_runs(runs: Sequence[InitialSyncRun]) -> None:
    if runs:
        run = runs[0]
        raise NotAllowed(
            f"Initial sync {run.run} is {run.state.value}: the legal entities of a link are changed when none is in "
            f"progress. Wait until it is through, or cancel it: dualwrite initial-sync cancel {run.run}",
            run=str(run.run),
            state=run.state.value,
        )


def _refuse_queueing(maps: Sequence[TableMap]) -> None:
    waiting = [each for each in maps if each.state in _QUEUEING]
    if waiting:
        names = [each.name for each in waiting]
        raise NotAllowed(
            f"{few(names)}: {' or '.join(sorted({each.state.value for each in waiting}))}, and what the legal entities "
            f"have queued would be left behind. Resume first: dualwrite maps resume {shell_names(names)}",
            maps=names,
        )


def _refuse_jobs(active: Mapping[str, str]) -> None:
    if active:
        jobs = sorted(set(active.values()))
        raise NotAllowed(
            f"{few(sorted(active))}: moved by the integration job {', '.join(jobs)}, and what the legal entities have "
            "queued would be left behind. Stop the job first.",
            maps=sorted(active),
            jobs=jobs,
        )


def _refuse_removal(connection: str, wanted: Sequence[str], known: set[str]) -> None:
    unknown = [each for each in wanted if each not in known]
    if unknown:
        there = ", ".join(sorted(known)) or "none"
        raise NotFound(
            f"{', '.join(unknown)}: not linked. The linked legal entities are: {there}.", legal_entities=unknown
        )
    if known and known <= set(wanted):
        raise NotAllowed(
            f"{connection} would have no legal entity any more. Add another one first, or unlink the environments: "
            "dualwrite link unlink"
        )


def few(names: Sequence[str]) -> str:
    """The names, or the first of them and how many more there are."""
    shown = "; ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown}; and {len(names) - _NAMED} more"


def shell_names(names: Sequence[str]) -> str:
    """The names as arguments of a command; all maps where they are many."""
    return " ".join(repr(each) for each in names) if len(names) <= _NAMED else "--all"


def _counted(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} legal entities"
