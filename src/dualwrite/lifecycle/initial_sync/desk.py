"""What people do with runs of the initial sync."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.checks import check_active, refuse_findings
from dualwrite.lifecycle.initial_sync.ending import bring_to_running, locked_run, put_back
from dualwrite.lifecycle.initial_sync.options import MapChoice, Proposal, ProposedMap, RunOptions
from dualwrite.lifecycle.initial_sync.starting import bring_live
from dualwrite.lifecycle.initial_sync.states import RunAction, state_after
from dualwrite.lifecycle.transitions import is_live
from dualwrite.maps.plan import Plan
from dualwrite.store.database import Repositories, Store
from dualwrite.store.initial_syncs import (
    InitialSyncRun,
    RerunKind,
    RunId,
    RunMap,
    RunMapState,
    RunState,
)
from dualwrite.store.maps import MapState
from dualwrite.sync.initial_sync.order import dependencies, ordered, related
from dualwrite.sync.stored_router import StoredRouter


class InitialSyncs:
    """The runs of one connection. What a run has to do is done by its conductor, who is to be told of every run that
    :meth:`start`, :meth:`rerun` and :meth:`resume` give, and of a cancelled one (``conductor.conduct(run)``).
    """

    def __init__(self, store: Store, connection: str, router: StoredRouter) -> None:
        self._store = store
        self._connection = connection
        self._router = router

    # --- what is to be copied -----------------------------------------------------------------------------------------

    async def plan(self, options: RunOptions) -> Proposal:
        """The maps in the order in which they would be copied, with the related ones. Nothing has changed.

        Raises: NotAllowed for an unknown map or legal entity, MapRefused with the findings of all maps.
        """
        return await self._proposal(options, everything=True)

    async def _proposal(self, options: RunOptions, *, everything: bool) -> Proposal:
        """``everything`` compiles all maps of the connection, so that related ones are found."""
        chosen = {each.name: each for each in options.maps}
        if len(chosen) < len(options.maps):
            names = [each.name for each in options.maps]
            twice = next(name for name in names if names.count(name) > 1)
            raise NotAllowed(f"{twice} is named twice.", map=twice)
        plans = await self._plans(chosen, everything=everything)
        links = await self._store.connections.companies(self._connection)
        known = {str(each.legal_entity).lower(): str(each.legal_entity) for each in links}
        choices = {name: _with_legal_entities(each, known) for name, each in chosen.items()}
        states = {each.name: each.state for each in await self._store.maps.list(self._connection)}
        return Proposal(tuple(_propose(options, choices, plans, states)))

    async def _plans(self, chosen: Mapping[str, MapChoice], *, everything: bool) -> Mapping[str, Plan]:
        """The plans of the chosen maps, and of all others that could run."""
        others = [each.name for each in await self._store.maps.list(self._connection)] if everything else []
        names = [*chosen, *(each for each in others if each not in chosen)]
        checked = await check_active(self._store, self._connection, self._router.compiled, names)
        refuse_findings([each for each in checked if each.name in chosen and chosen[each.name].enabled])
        return {each.name: each.plan for each in checked if each.plan is not None}

    # --- runs ---------------------------------------------------------------------------------------------------------

    async def start(self, options: RunOptions) -> RunId:
        """The maps are live (initializing) and the run is planned.

        Atomicity: all maps or none. Raises: NotAllowed (an unknown map or legal entity, a run under way, a map that
        another one excludes), MapRefused.
        """
        included = (await self._proposal(options, everything=options.include_related)).included
        if not included:
            raise NotAllowed("No map is to be copied. Name one, or switch one on.")
        off = tuple(each for each in options.maps if not each.enabled)
        async with self._store.transaction() as repositories:
            ran = await bring_live(repositories, self._connection, [each.name for each in included])
            maps = [
                RunMap(
                    each.name,
                    position,
                    each.master,
                    each.legal_entities,
                    enabled=each.enabled,
                    was_running=each.name in ran,
                )
                for position, each in enumerate((*included, *off))
            ]
            run = await repositories.initial_syncs.create(
                self._connection, maps, on_refusals=options.on_refusals, started_by=options.who
            )
            await _record(repositories, "start initial sync", run, who=options.who, result=_of(included))
        await self._router.renew()
        return run

    async def pause(self, run: RunId, *, who: str) -> InitialSyncRun:
        """No further partition is begun; those under way come to their end. Raises: NotAllowed."""
        return await self._act(run, RunAction.PAUSE, who=who)

    async def resume(self, run: RunId, *, who: str) -> InitialSyncRun:
        """The run does what is not done, also after a failure. Raises: NotAllowed."""
        return await self._act(run, RunAction.RESUME, who=who)

    async def cancel(self, run: RunId, *, who: str) -> InitialSyncRun:
        """No further partition is begun, for good; its maps are where they were before. Raises: NotAllowed.

        What has been copied stays.
        """
        return await self._act(run, RunAction.CANCEL, who=who)

    async def go_live(self, run: RunId, *, who: str) -> InitialSyncRun:
        """The maps are running; the refused rows stay refused. Raises: NotAllowed unless a decision is awaited."""
        return await self._act(run, RunAction.GO_LIVE, who=who)

    async def _act(self, run: RunId, action: RunAction, *, who: str) -> InitialSyncRun:
        async with self._store.transaction() as repositories:
            record = await locked_run(repositories, self._connection, run)
            record = await repositories.initial_syncs.move(run, state_after(action, record), message="")
            if record.state is RunState.CANCELLED:
                # Where the run has failed at one partition, others may be under way still.
                await repositories.partitions.release(run)
                await put_back(repositories, record)
            elif action is RunAction.GO_LIVE:
                await bring_to_running(repositories, record)
            await _record(repositories, f"{action.value} initial sync", run, who=who, result=record.state.value)
        if record.state.has_ended:
            await self._router.renew()
        return record

    # --- reruns -------------------------------------------------------------------------------------------------------

    async def rerun(self, run: RunId, kind: RerunKind, *, who: str) -> RunId:
        """Another run does rows of this one again, and sees to its maps from now on.

        FAILED: the rows that this run and its reruns refused last. Raises: NotAllowed (also when there is no such
        row, or when maps have been stopped and not everything is to be copied again), MapRefused.
        """
        known = await self._store.initial_syncs.maps(run)
        names = [each.map for each in known if each.enabled]
        checked = await check_active(self._store, self._connection, self._router.compiled, names)
        async with self._store.transaction() as repositories:
            parent = await locked_run(repositories, self._connection, run)
            after = state_after(RunAction.RERUN, parent)
            maps = await self._maps_again(repositories, parent, kind)
            refuse_findings([each for each in checked if any(each.name == its.map for its in maps)])
            if after is not parent.state:
                await repositories.initial_syncs.move(run, after, message="Its rows are copied again by another run.")
                await repositories.initial_syncs.set_map_state(run, [each.map for each in maps], RunMapState.FINISHED)
            ran = await bring_live(repositories, self._connection, [each.map for each in maps])
            again = [
                RunMap(
                    each.map,
                    each.position,
                    each.master,
                    each.legal_entities,
                    was_running=each.was_running or each.map in ran,
                )
                for each in maps
            ]
            new = await repositories.initial_syncs.create(
                self._connection, again, on_refusals=parent.on_refusals, started_by=who, again=(parent, kind)
            )
            await _record(
                repositories, "rerun initial sync", run, who=who, result=f"{kind.value}, in {new}", again=str(new)
            )
        await self._router.renew()
        return new

    async def _maps_again(
        self, repositories: Repositories, parent: InitialSyncRun, kind: RerunKind
    ) -> Sequence[RunMap]:
        maps = [each for each in await repositories.initial_syncs.maps(parent.run) if each.enabled]
        if parent.state is RunState.AWAITING_DECISION:
            maps = [each for each in maps if each.state is RunMapState.COPYING]
        refused = {name for name, _ in await repositories.refusals.open_ids(self._connection, parent.root)}
        if kind is RerunKind.FAILED:
            if not refused:
                raise NotAllowed(
                    f"No row of initial sync {parent.run} is refused any more that could be done again by itself.",
                    run=str(parent.run),
                )
            if parent.state.has_ended:
                maps = [each for each in maps if each.map in refused]
        if kind is not RerunKind.ALL:
            states = {each.name: each.state for each in await repositories.maps.list(self._connection)}
            _refuse_stopped([each.map for each in maps if not is_live(states.get(each.map, MapState.NOT_RUNNING))])
        if not maps:
            raise NotAllowed(f"Initial sync {parent.run} has no map that could be copied again.", run=str(parent.run))
        return maps


def _refuse_stopped(names: Sequence[str]) -> None:
    if names:
        raise NotAllowed(
            f"{'; '.join(names)} {'have' if len(names) > 1 else 'has'} been stopped since. Rows that changed meanwhile "
            "have not been carried, so that everything is to be copied again: rerun all, or run the map.",
            maps=list(names),
        )


def _propose(
    options: RunOptions, choices: Mapping[str, MapChoice], plans: Mapping[str, Plan], states: Mapping[str, MapState]
) -> Sequence[ProposedMap]:
    wanted = [name for name, choice in choices.items() if choice.enabled]
    others = related(wanted, tuple(plans.values()))
    first = next(iter(choices.values()), MapChoice(""))
    names = _in_order([*wanted, *others], plans, given=wanted if options.in_order else None)
    needed = dependencies([plans[name] for name in names])
    proposed = []
    for position, name in enumerate(names):
        running = states.get(name) is MapState.RUNNING
        chosen = name in choices
        proposed.append(
            ProposedMap(
                choice=choices.get(name, MapChoice(name, first.master, first.legal_entities)),
                position=position,
                related=not chosen,
                needed_by=tuple(each for each in wanted if name in needed[each] and each != name),
                is_included=chosen or (options.include_related and not running),
                is_running=running,
            )
        )
    return proposed


def _in_order(names: Sequence[str], plans: Mapping[str, Plan], *, given: Sequence[str] | None) -> Sequence[str]:
    """By dependency; those that are ``given`` stay in their order, and what they need comes before them."""
    by_dependency = [each.map.name for each in ordered([plans[name] for name in names])]
    if given is None:
        return by_dependency
    return [*(each for each in by_dependency if each not in given), *given]


def _with_legal_entities(choice: MapChoice, known: Mapping[str, str]) -> MapChoice:
    if choice.legal_entities is None:
        return choice
    unknown = [each for each in choice.legal_entities if each.lower() not in known]
    if unknown or not choice.legal_entities:
        raise NotAllowed(
            f"{choice.name}: {', '.join(unknown) or 'no legal entity'} is not linked. "
            f"The linked legal entities are: {', '.join(sorted(known.values())) or 'none'}.",
            map=choice.name,
            legal_entities=unknown,
        )
    entities = tuple(dict.fromkeys(known[each.lower()] for each in choice.legal_entities))
    return MapChoice(choice.name, choice.master, entities, choice.enabled)


def _of(maps: Collection[MapChoice]) -> str:
    return "1 map" if len(maps) == 1 else f"{len(maps)} maps"


async def _record(
    repositories: Repositories, what: str, run: RunId, *, who: str, result: str, **details: object
) -> None:
    await repositories.activity.record(what, who=who, result=result, details={"run": str(run), **details})
